/*
 * Runs that are made harder than they would be: boot arguments seed=n,
 * fail_page=n, kill_at=n. Without them nothing is done, and it costs nothing.
 *
 * Others may see what a call does when it releases a lock. With seed= or
 * kill_at= the fence before each store that does so (release_word()) becomes a
 * breakpoint, whose handler does the store.
 *
 *   I1  with a seed, the running process may be paused there: it goes to the
 *       end of its hart's run queue, inside its call. Only where it holds no
 *       lock, and not while an interrupt is handled: that takes no lock of the
 *       PAUSING ranks first.
 *   I2  what it has noted (H4) stands in its `noted` meanwhile. The notes of
 *       hart and process change under notes_lock together.
 *   I3  it may be PENDING. Who wakes it then leaves that to it (WORK_WOKEN):
 *       when it goes on, it makes itself ready, and so its sleep ends at once.
 *       PAUSED until it goes on; on_hart says so as soon as its stack is free.
 *   I4  who waits for another hart without sleeping calls inject_wait(): whom
 *       it waits for may be paused on this one.
 *   I5  the victim is the last program VICTIM that was loaded; what it forks
 *       counts as it.
 */
#include "proc/inject.h"

#include "base/string.h"
#include "mem/kalloc.h"
#include "proc/proc.h"
#include "proc/sched.h"

#define VICTIM   "victim"
#define C_EBREAK 0x9002
#define PAUSING  (RANK_REVOKE | RANK_HANDLES | RANK_OBJECT)
/* After these a process that was killed looks at that before it sleeps. */
#define KILLING     ((RANK_TIMER - 1) | RANK_HEAP | RANK_PAGES)
#define SLICE_TICKS 2000 /* at most, when it is drawn */

static bool seeded;               /* [I] after boot */
static uint64_t drawn[MAX_HARTS]; /* [s] of the hart */
static struct spinlock notes_lock = SPINLOCK(RANK_FLIGHT);
/* The n-th request or instruction of the next victim; of this one: requests
 * left, instructions at its beginning. 0: nothing is to happen any more. */
static uint64_t next_page, next_kill, pages_left, begun;

static bool is_victim(const struct proc *p)
{
    return p && !strcmp(p->name, VICTIM);
}

static bool refuse_page(void)
{
    return pages_left && is_victim(this_proc()) && --pages_left == 0;
}

void inject_init(uint64_t seed, uint64_t fail_page, uint64_t kill_at)
{
    extern uint16_t *const _releases[], *const _releases_end[];

    seeded = seed;
    for (uint32_t i = 0; i < MAX_HARTS; i++)
        drawn[i] = seed * MAX_HARTS + i;
    next_page = fail_page;
    next_kill = kill_at;
    if (fail_page)
        page_refuse(refuse_page);
    for (uint16_t *const *at = _releases;
         (seed || kill_at) && at < _releases_end; at++)
        **at = C_EBREAK;
    fence_i();
}

void inject_begin(const struct proc *p)
{
    if (likely(!(next_page | next_kill)) || !is_victim(p))
        return;
    pages_left = next_page++;
    begun = next_kill ? csr_read(instret) : 0;
}

/* --- pausing -------------------------------------------------------------- */

static void move_notes(void **to, void **from)
{
    spin_lock(&notes_lock);
    for (int i = 0; i < HART_HAZARDS; i++)
        store_relaxed(&to[i], (void *)swap64_acq_rel(&from[i], NULL));
    spin_unlock(&notes_lock);
}

static void pause(struct proc *p)
{
    uint32_t state = load_relaxed(&p->state);

    move_notes(p->noted, this_hart()->hazard);
    or_relaxed(&p->work, WORK_PAUSED);
    sched_yield();
    store_relaxed(&p->state, state);
    move_notes(this_hart()->hazard, p->noted);
    if (and_relaxed(&p->work, ~(WORK_PAUSED | WORK_WOKEN)) & WORK_WOKEN)
        sched_ready(p); /* I3 */
}

bool inject_noted(const void *node)
{
    bool found = false;

    if (likely(!seeded))
        return false;
    spin_lock(&notes_lock);
    for (const struct hart *h = harts; h < &harts[hart_count]; h++)
        for (int i = 0; i < HART_HAZARDS; i++)
            found |= h != this_hart() && load_relaxed(&h->hazard[i]) == node;
    found |= proc_noted(node);
    spin_unlock(&notes_lock);
    return found;
}

void inject_wait(void)
{
    cpu_relax();
    if (seeded)
        pause(this_thread());
}

/* --- at a release --------------------------------------------------------- */

static uint32_t draw(const struct hart *h, uint32_t limit)
{
    uint64_t *at = &drawn[h->index];

    *at = *at * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*at >> 33) % limit;
}

/* Whatever is drawn: another order than the usual one. */
static void disturb(struct hart *h, struct proc *p)
{
    uint32_t what = draw(h, 16);

    if (what == 0)
        pause(p);
    else if (what == 1)
        or_relaxed(&p->work, WORK_RESCHED);
    else if (what == 2)
        sched_send_next(draw(h, hart_count));
    else if (what == 3)
        clock_arm(h, h->slice_end = read_time() + draw(h, SLICE_TICKS));
}

static void kill_victim(struct proc *p)
{
    uint64_t done = csr_read(instret) - begun;

    if (done < next_kill || !is_victim(p))
        return;
    or_relaxed(&p->work, WORK_KILLED);
    next_kill = done + 1;
    begun = 0;
}

NOINLINE void inject_released(struct panic_regs *regs)
{
    const uint16_t *store = (uint16_t *)regs->pc + 2; /* sw zero, n(register) */
    uint32_t code = store[0] | (uint32_t)store[1] << 16;
    long offset = (long)((int32_t)code >> 25) * 32 + (code >> 7 & 31);
    struct spinlock *lock = (void *)(regs->x[code >> 15 & 31] + offset);
    uint32_t rank = lock->rank;
    struct hart *h = this_hart();
    struct proc *p = h->proc;

    store_release(&lock->locked, 0); /* [LOCK] */
    regs->pc += 8;
    csr_write(sstatus, SSTATUS_SUM | SSTATUS_SPIE); /* E1: others may run */
    if (begun && (rank & KILLING))
        kill_victim(p);
    if (seeded && (rank & PAUSING) && !h->held && p && p->pid &&
        p == h->thread && p != h->next)
        disturb(h, p);
}
