/*
 * Scheduling: round robin per hart, idle harts take work from others.
 *
 *   S1  a ready process is in exactly one run queue, or is a hart's `next`.
 *   S2  only the hart that stands on a process's kernel stack runs it.
 *   S3  p->on_hart is set from just before a hart switches to p until it has
 *       left p's stack for good. Whoever wakes p, or takes it from a queue,
 *       waits for 0: p may still be going to sleep, or giving way. The wait is
 *       short and cannot be a circle: a hart that leaves p so waits only for
 *       one that gives way, which waits for nobody.
 *   S4  a hart marked idle has found all queues empty after it marked itself;
 *       who queues a process looks at the marks after queueing. One of the two
 *       sees the other (both have a full fence in between).
 *
 * The process woken last by the running one is the hart's `next`: when the
 * running one blocks, it gets the hart and the rest of the time slice, without
 * any lock. It gets no new slice, so a pair cannot keep a third from its turn
 * (BEHAVIOUR E11). If the running one does not block soon, `next` goes to the
 * run queue, where an idle hart can take it.
 */
#include "proc/sched.h"

#include "hw/sbi.h"
#include "proc/proc.h"
#include "proc/timer.h"

/* How long a process runs before another one of its hart gets its turn. */
#define SLICE_NS 4000000ull
/* How long a ready process waits for its hart before an idle one is called. */
#define KICK_NS 50000ull

struct runq {
    struct spinlock lock;
    uint32_t count; /* [a] written under the lock */
    struct list line;
} __attribute__((aligned(64)));

static struct runq runqs[MAX_HARTS];
static struct proc idle[MAX_HARTS];
static uint32_t idle_harts; /* [a] a bit per hart that sleeps */
static uint64_t slice_ticks, kick_ticks;

struct hart harts[MAX_HARTS];
uint32_t hart_count;

void context_switch(struct context *from, struct context *to);

void
sched_init(uint64_t hz)
{
    slice_ticks = SLICE_NS * hz / 1000000000;
    kick_ticks = KICK_NS * hz / 1000000000;
    for (uint32_t i = 0; i < MAX_HARTS; i++) {
        spin_init(&runqs[i].lock, RANK_RUNQ);
        list_init(&runqs[i].line);
    }
}

/* --- run queues ----------------------------------------------------------- */

static void
push_locked(struct runq *rq, struct proc *p) REQUIRES(&rq->lock)
{
    list_push_back(&rq->line, &p->run);
    store_relaxed(&rq->count, rq->count + 1);
}

/* The process that has waited longest, or NULL. */
static struct proc *
pop_locked(struct runq *rq) REQUIRES(&rq->lock)
{
    struct list *link = list_pop_front(&rq->line);

    if (!link)
        return NULL;
    store_relaxed(&rq->count, rq->count - 1);
    return list_entry(link, struct proc, run);
}

/* Put this hart's `next` where others see it. */
static void
queue_next(struct hart *h)
{
    struct runq *rq = &runqs[h->index];

    if (!h->next)
        return;
    spin_lock(&rq->lock);
    push_locked(rq, h->next);
    spin_unlock(&rq->lock);
    h->next = NULL;
}

/* Until no other hart stands on p's stack (S3). */
static inline void
await_stack(const struct hart *h, struct proc *p)
{
    /* [ON-HART] acquire; pairs with the release in sched_finish_switch():
     * the registers saved there are read by whoever switches to p. */
    while (load_acquire(&p->on_hart) && p != h->proc)
        cpu_relax();
}

inline void
sched_ready(struct proc *p)
{
    struct hart *h = this_hart();

    await_stack(h, p);
    store_relaxed(&p->state, PROC_READY);
    queue_next(h);
    h->next = p;
    clock_arm(h, h->slice_end); /* somebody waits for the slice's end now */
    if (hart_count > 1 && h->kick_at == TICKS_NEVER) {
        h->kick_at = read_time() + kick_ticks;
        clock_arm(h, h->kick_at);
    }
}

/* Who waited longest in a queue, this hart's first; else the idle process. */
static struct proc *
take(struct hart *h)
{
    struct proc *p = NULL;

    for (uint32_t i = 0; i < hart_count && !p; i++) {
        struct runq *rq = &runqs[(h->index + i) % hart_count];

        if (!load_relaxed(&rq->count))
            continue;
        spin_lock(&rq->lock);
        p = pop_locked(rq);
        spin_unlock(&rq->lock);
    }
    if (!p)
        return h->idle;
    await_stack(h, p);
    return p;
}

/* --- switching ------------------------------------------------------------ */

static inline void
use_address_space(struct hart *h, struct proc *p)
{
    uint32_t bit = 1u << h->index;

    if (csr_read(satp) != p->vm.satp)
        csr_write(satp, p->vm.satp);
    if (unlikely(load_relaxed(&p->stale_harts) & bit)) {
        and_relaxed(&p->stale_harts, ~bit);
        sfence_asid(p->slot + 1);
        fence_i(); /* its text may be new, in frames used before */
    }
}

void
sched_new_mappings(struct proc *p)
{
    store_relaxed(&p->stale_harts, ~0u);
    use_address_space(this_hart(), p);
}

static inline void
switch_to(struct hart *h, struct proc *next, bool direct)
{
    struct proc *previous = h->proc;
    uint64_t now = read_time();

    assert(h->held == 0); /* L2 */
    store_relaxed(&previous->run_ticks, previous->run_ticks + now - h->since);
    h->since = now;
    if (!direct)
        h->slice_end = now + slice_ticks;
    debug_assert(!load_relaxed(&next->on_hart)); /* S3 */
    store_relaxed(&next->hart, h->index);
    store_relaxed(&next->state, PROC_RUNNING);
    /* [POKE] kill_locked() sets p->work, then looks at on_hart; we set
     * on_hart and look at p->work on the way out: one sees the other. */
    store_release(&next->on_hart, 1);
    fence_full();
    h->previous = previous;
    h->proc = next;
    h->tf = next->tf;
    use_address_space(h, next);
    context_switch(&previous->context, &next->context);
    sched_finish_switch();
}

void
sched_finish_switch(void)
{
    struct proc *left = this_hart()->previous;
    bool gone = load_relaxed(&left->state) == PROC_EXITING;

    /* [ON-HART] release; pairs with the acquire in await_stack(). */
    store_release(&left->on_hart, 0);
    if (unlikely(gone))
        proc_gone(left);
}

inline void
sched(void)
{
    struct hart *h = this_hart();
    struct proc *next = h->next;

    h->next = NULL;
    if (likely(next && next != h->proc)) {
        switch_to(h, next, h->proc != h->idle);
        return;
    }
    if (!next)
        next = take(h);
    if (next == h->proc)
        store_relaxed(&next->state, PROC_RUNNING);
    else
        switch_to(h, next, false);
}

void
sched_yield(void)
{
    struct hart *h = this_hart();
    struct runq *rq = &runqs[h->index];
    struct proc *next;

    queue_next(h); /* who waited comes before us */
    if (!load_relaxed(&rq->count))
        return;
    spin_lock(&rq->lock);
    next = pop_locked(rq);
    if (next) {
        store_relaxed(&h->proc->state, PROC_READY);
        push_locked(rq, h->proc); /* another hart may take us: S3 */
    }
    spin_unlock(&rq->lock);
    if (next)
        switch_to(h, next, false);
}

/* --- interrupts ----------------------------------------------------------- */

/* The running process keeps the hart: let idle ones run who waits here. */
static void
call_for_help(struct hart *h)
{
    uint32_t idlers, waiting;

    h->kick_at = TICKS_NEVER;
    queue_next(h); /* also if none is idle yet: who becomes it, looks */
    waiting = load_relaxed(&runqs[h->index].count);
    fence_full(); /* S4 */
    idlers = load_relaxed(&idle_harts);
    for (uint32_t i = 0; i < hart_count && waiting; i++)
        if (idlers & (1u << i)) {
            sbi_send_ipi(harts[i].id);
            waiting--;
        }
}

void
sched_clock(struct hart *h)
{
    uint64_t now = read_time(), next = timers_run(h, now);

    if (now >= h->kick_at)
        call_for_help(h);
    if (h->next || load_relaxed(&runqs[h->index].count)) {
        if (now >= h->slice_end) {
            or_relaxed(&h->proc->work, WORK_RESCHED);
            h->slice_end = now + slice_ticks;
        }
        next = MIN(next, h->slice_end);
    }
    clock_set(h, MIN(next, h->kick_at));
}

void
sched_poke(struct proc *p)
{
    /* [POKE] acquire; pairs with the release in switch_to(): the hart is that
     * of this on_hart, or of a later one. */
    bool on_hart = load_acquire(&p->on_hart);
    uint32_t hart = load_relaxed(&p->hart);

    if (on_hart && hart != this_hart()->index)
        sbi_send_ipi(harts[hart].id);
}

static bool
work_anywhere(void)
{
    for (uint32_t i = 0; i < hart_count; i++)
        if (load_relaxed(&runqs[i].count))
            return true;
    return false;
}

void
sched_idle(void)
{
    struct hart *h = this_hart();
    struct proc *me = &idle[h->index];

    me->vm.satp = vm_kernel_satp();
    me->on_hart = 1;
    me->state = PROC_RUNNING;
    h->proc = h->idle = me;
    h->since = read_time();
    h->kick_at = TICKS_NEVER;
    clock_set(h, TICKS_NEVER);
    for (;;) {
        sched();
        or_relaxed(&idle_harts, 1u << h->index);
        fence_full(); /* S4 */
        if (!h->next && !work_anywhere())
            wait_for_interrupt();
        and_relaxed(&idle_harts, ~(1u << h->index));
        interrupt_window();
    }
}
