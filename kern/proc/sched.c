/*
 * Scheduling: round robin per hart, idle harts take work from others.
 *
 *   S1  a ready process is in exactly one run queue, or in its `next` place.
 *   S2  only the hart that stands on a process's kernel stack runs it.
 *   S3  p->on_hart is set from just before a hart switches to p until it has
 *       left p's stack for good; whoever else queues p waits for 0. So p may be
 *       woken while it is still going to sleep. The wait is short and cannot
 *       be a circle: between joining a line and leaving its stack a process
 *       waits for nobody, and who queues holds no lock that it needs there.
 *       One that queues itself stays with its hart until the hart has left it.
 *   S4  a hart marked idle has found all queues empty after it marked itself;
 *       who queues a process looks at the marks after queueing. One of the two
 *       sees the other (both have a full fence in between).
 *
 * The process woken last by the running one has the `next` place: when the
 * running one blocks, it gets the hart and the rest of the time slice, so two
 * processes that talk to each other switch directly. It gets no new slice, so
 * a pair cannot keep a third from its turn (BEHAVIOUR E11).
 */
#include "proc/sched.h"

#include "hw/sbi.h"
#include "proc/proc.h"
#include "proc/timer.h"

struct runq {
    struct spinlock lock;
    uint32_t count; /* [a] written under the lock: all, next included */
    struct list line;
    struct proc *next;
} __attribute__((aligned(64)));

static struct runq runqs[MAX_HARTS];
static struct proc idle[MAX_HARTS];
static uint32_t idle_harts; /* [a] a bit per hart that sleeps */
static uint64_t slice_ticks, kick_ticks;

struct hart harts[MAX_HARTS];
uint32_t hart_count;

void context_switch(struct context *from, struct context *to);
void proc_gone(struct proc *p); /* proc.c: the last of an exiting process */

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

/* --- run queues ------------------------------------------------------------ */

void
sched_ready(struct proc *p)
{
    struct hart *h = this_hart();
    struct runq *rq = &runqs[h->index];

    /* [ON-HART] acquire; pairs with the release in sched_finish_switch():
     * the registers saved there are read by whoever takes p from the queue. */
    while (load_acquire(&p->on_hart) && p != h->proc) /* S3 */
        cpu_relax();
    spin_lock(&rq->lock);
    store_relaxed(&p->state, PROC_READY);
    if (rq->next)
        list_push_back(&rq->line, &rq->next->run);
    rq->next = p;
    store_relaxed(&rq->count, rq->count + 1);
    spin_unlock(&rq->lock);
    clock_arm(h, h->slice_end); /* somebody waits for the slice's end now */
    if (hart_count == 1)
        return;
    fence_full(); /* S4 */
    if (load_relaxed(&idle_harts) && h->kick_at == TICKS_NEVER) {
        h->kick_at = read_time() + kick_ticks;
        clock_arm(h, h->kick_at);
    }
}

/* Take the next process out of a queue; *direct: it was the `next` one. */
static struct proc *
take(struct runq *rq, bool *direct)
{
    struct proc *p = NULL;

    spin_lock(&rq->lock);
    *direct = rq->next != NULL;
    if (rq->next) {
        p = rq->next;
        rq->next = NULL;
    } else if (!list_empty(&rq->line)) {
        p = list_entry(list_pop_front(&rq->line), struct proc, run);
    }
    if (p)
        store_relaxed(&rq->count, rq->count - 1);
    spin_unlock(&rq->lock);
    return p;
}

/* Has its hart left it? One that yields is queued a moment before. Acquire:
 * [ON-HART]. */
static bool
can_move(const struct proc *p)
{
    return p && !load_acquire(&p->on_hart);
}

/* Take the process that has waited longest in another hart's queue. */
static struct proc *
steal(struct hart *h)
{
    for (uint32_t i = 1; i < hart_count; i++) {
        struct runq *rq = &runqs[(h->index + i) % hart_count];
        struct proc *p;

        if (!load_relaxed(&rq->count))
            continue;
        spin_lock(&rq->lock);
        p = rq->next;
        if (!list_empty(&rq->line))
            p = list_entry(rq->line.next, struct proc, run);
        if (!can_move(p)) {
            spin_unlock(&rq->lock);
            continue;
        }
        if (p == rq->next)
            rq->next = NULL;
        else
            list_remove(&p->run);
        store_relaxed(&rq->count, rq->count - 1);
        spin_unlock(&rq->lock);
        return p;
    }
    return NULL;
}

/* --- switching ------------------------------------------------------------- */

static void
use_address_space(struct hart *h, struct proc *p)
{
    uint32_t bit = 1u << h->index;

    if (csr_read(satp) != p->vm.satp)
        csr_write(satp, p->vm.satp);
    if (unlikely(load_relaxed(&p->stale_harts) & bit)) {
        and_relaxed(&p->stale_harts, ~bit);
        sfence_asid(p->slot + 1);
    }
}

static void
switch_to(struct hart *h, struct proc *next, bool direct)
{
    struct proc *previous = h->proc;
    uint64_t now = read_time();

    assert(h->held == 0); /* L2 */
    store_relaxed(&previous->run_ticks, previous->run_ticks + now - h->since);
    h->since = now;
    if (!direct)
        h->slice_end = now + slice_ticks;
    assert(!load_relaxed(&next->on_hart)); /* S3 */
    store_relaxed(&next->on_hart, 1);
    store_relaxed(&next->hart, h->index);
    store_relaxed(&next->state, PROC_RUNNING);
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

    /* [ON-HART] release; pairs with the acquire in sched_ready(). */
    store_release(&left->on_hart, 0);
    if (unlikely(gone))
        proc_gone(left);
}

void
sched(void)
{
    struct hart *h = this_hart();
    bool direct;
    struct proc *next = take(&runqs[h->index], &direct);

    h->resched = 0;
    if (!next && hart_count > 1)
        next = steal(h);
    if (!next)
        next = &idle[h->index];
    if (next == h->proc) {
        store_relaxed(&next->state, PROC_RUNNING);
        return;
    }
    if (h->proc == &idle[h->index])
        direct = false;
    switch_to(h, next, direct);
}

void
sched_yield(void)
{
    struct hart *h = this_hart();
    struct runq *rq = &runqs[h->index];

    h->resched = 0;
    if (!load_relaxed(&rq->count))
        return;
    spin_lock(&rq->lock);
    /* The turn of all who waited comes first, `next` included. */
    if (rq->next) {
        list_push_back(&rq->line, &rq->next->run);
        rq->next = NULL;
    }
    store_relaxed(&h->proc->state, PROC_READY);
    list_push_back(&rq->line, &h->proc->run);
    store_relaxed(&rq->count, rq->count + 1);
    spin_unlock(&rq->lock);
    sched();
}

/* --- interrupts ------------------------------------------------------------ */

void
sched_clock(struct hart *h)
{
    struct runq *rq = &runqs[h->index];
    uint64_t now = read_time(), next = timers_run(h, now);
    uint32_t idlers;

    if (load_relaxed(&rq->count)) {
        if (now >= h->slice_end) {
            h->resched = 1;
            h->slice_end = now + slice_ticks;
        }
        next = MIN(next, h->slice_end);
    }
    if (now >= h->kick_at) {
        h->kick_at = TICKS_NEVER;
        idlers = load_relaxed(&idle_harts);
        if (idlers && load_relaxed(&rq->count))
            for (uint32_t i = 0; i < hart_count; i++)
                if (idlers & (1u << i)) {
                    sbi_send_ipi(harts[i].id);
                    break;
                }
    }
    clock_set(h, MIN(next, h->kick_at));
}

void
sched_poke(struct proc *p)
{
    uint32_t hart = load_relaxed(&p->hart);

    if (load_relaxed(&p->on_hart) && hart != this_hart()->index)
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
    h->proc = me;
    h->since = read_time();
    h->kick_at = TICKS_NEVER;
    clock_set(h, TICKS_NEVER);
    for (;;) {
        sched();
        or_relaxed(&idle_harts, 1u << h->index);
        fence_full(); /* S4 */
        if (!work_anywhere())
            wait_for_interrupt();
        and_relaxed(&idle_harts, ~(1u << h->index));
        interrupts_on();
        interrupts_off();
    }
}
