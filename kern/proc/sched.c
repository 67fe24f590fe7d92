/*
 * Scheduling: round robin per hart; idle harts take work from others, and harts
 * with much of it give some away.
 *
 *   S1  a ready process is in exactly one run queue, or is a hart's `next`.
 *   S2  only the hart that stands on a process's kernel stack runs it.
 *   S3  p->on_hart is set from just before a hart switches to p until it has
 *       left p's stack for good. Whoever wakes p, or takes it from a queue,
 *       waits for 0: p may still be going to sleep, or giving way. The wait is
 *       short and cannot be a circle: a hart that leaves p so waits only for
 *       one that gives way, which waits for nobody.
 *   S4  an idle hart marks itself, then looks at all queues; who calls for help
 *       queues, then looks at the marks; both with a full fence in between.
 *   S5  while somebody waits for a hart that runs another, its clock is set,
 *       to the slice's end at the latest, and if a hart is idle, to kick_at: by
 *       who finds one idle when it makes a process ready, or is asked by one
 *       that becomes idle later. There is no fence between the two; if neither
 *       sees the other, who waits does so to the slice's end.
 *
 * Whom the running process woke last is the hart's `next`: when the running one
 * blocks, it gets the hart without any lock, and the rest of the time slice: so
 * a pair cannot keep a third from its turn (BEHAVIOUR E11). If the running one
 * does not block soon, `next` goes to the run queue for an idle hart to take.
 */
#include "proc/sched.h"

#include "base/trace.h"
#include "hw/sbi.h"
#include "proc/proc.h"

/* How long a process runs before another one of its hart gets its turn. */
#define SLICE_NS 4000000ull
/* How long a ready process waits for its hart before an idle one is called:
 * longer than a pair that fills and empties a queue in turns, which is slower
 * on two harts than on one. */
#define KICK_NS 500000ull

struct runq {
    struct spinlock lock;
    struct list line; /* whether it is empty: also read without the lock */
} __attribute__((aligned(64)));

static struct runq runqs[MAX_HARTS];
static struct proc idle[MAX_HARTS];
static struct trapframe idle_tf[MAX_HARTS]; /* no program's */
static uint32_t idle_harts;                 /* [a] a bit per hart that sleeps */
static uint64_t slice_ticks, kick_ticks;

struct hart harts[MAX_HARTS];
uint32_t hart_count;

void sched_init(uint64_t hz)
{
    slice_ticks = SLICE_NS * hz / 1000000000;
    kick_ticks = KICK_NS * hz / 1000000000;
    for (uint32_t i = 0; i < MAX_HARTS; i++) {
        list_init(&runqs[i].line);
        harts[i].runq = &runqs[i];
    }
}

/* The beginning of a name, for a trace. */
typedef uint64_t __attribute__((may_alias)) chars_t;

/* --- run queues ----------------------------------------------------------- */

static bool has_work(const struct runq *rq)
{
    return !list_looks_empty(&rq->line);
}

/* Put this hart's `next` where others see it. */
static ALWAYS_INLINE void queue_next_on(struct hart *h, uint32_t hart)
{
    struct runq *rq = &runqs[hart];

    if (!h->next)
        return;
    spin_lock_as(&rq->lock, RANK_RUNQ);
    list_push_back(&rq->line, &h->next->run);
    spin_unlock_as(&rq->lock, RANK_RUNQ);
    store_relaxed(&h->next, NULL);
}

static void queue_next(struct hart *h)
{
    queue_next_on(h, h->index);
}

void sched_send_next(uint32_t hart)
{
    queue_next_on(this_hart(), hart);
    sbi_send_ipi(harts[hart].id); /* for its clock to be set, or to wake it */
}

/* Until no other hart stands on p's stack (S3). Returns: is p paused? */
static inline bool await_stack(const struct hart *h, struct proc *p)
{
    uint32_t on_hart;

    /* [ON-HART] acquire; pairs with the release in sched_finish_switch():
     * the registers saved there are read by whoever switches to p. */
    while (unlikely(on_hart = load_acquire(&p->on_hart)) && p != h->thread) {
        if (on_hart == HART_PAUSED)
            return true;
        cpu_relax();
    }
    return false;
}

static ALWAYS_INLINE void make_ready(struct proc *p)
{
    struct hart *h = this_hart();

    trace_rare(TRACE_WAKE, 0, (uint64_t)p->pid, *(const chars_t *)p->name);
    store_relaxed(&p->state, PROC_READY);
    queue_next(h);
    store_relaxed(&h->next, p);
    clock_arm(h, h->slice_end); /* somebody waits for the slice's end now */
    if (load_relaxed(&idle_harts) && h->kick_at == TICKS_NEVER) { /* S5 */
        store_relaxed(&h->kick_at, read_time() + kick_ticks);
        clock_arm(h, h->kick_at);
    }
}

/* p is on its way to sleep, or paused. */
static NOINLINE void ready_slowly(struct proc *p)
{
    while (await_stack(this_hart(), p)) {
        if (or_relaxed(&p->work, WORK_WOKEN) & WORK_PAUSED)
            return;                         /* it finds that: I3 */
        and_relaxed(&p->work, ~WORK_WOKEN); /* it is being taken up */
    }
    make_ready(p);
}

inline void sched_ready(struct proc *p)
{
    /* [ON-HART] acquire, as in await_stack(). */
    if (unlikely(load_acquire(&p->on_hart)))
        ready_slowly(p);
    else
        make_ready(p);
}

/* Who waited longest in a queue, this hart's first; else the idle process. */
static struct proc *take(struct hart *h)
{
    struct list *link = NULL;
    struct proc *p;

    for (uint32_t i = 0; i < hart_count && !link; i++) {
        struct runq *rq = &runqs[(h->index + i) % hart_count];

        if (!has_work(rq))
            continue;
        spin_lock_as(&rq->lock, RANK_RUNQ);
        link = list_pop_front(&rq->line);
        spin_unlock_as(&rq->lock, RANK_RUNQ);
    }
    if (!link)
        return h->idle;
    p = list_entry(link, struct proc, run);
    (void)await_stack(h, p);
    return p;
}

/* --- switching ------------------------------------------------------------ */

static inline void use_address_space(struct hart *h, struct proc *p)
{
    uint32_t bit = 1u << h->index;

    csr_write(satp, p->vm.satp);
    if (unlikely(load_relaxed(&p->stale_harts) & bit)) {
        and_relaxed(&p->stale_harts, ~bit);
        sfence_asid(p->slot + 1);
        fence_i(); /* its text may be new, in frames used before */
    }
}

void sched_run_as(struct proc *p)
{
    struct hart *h = this_hart();

    h->thread->self = h->proc = p;
    use_address_space(h, p);
}

void sched_forget(struct proc *p)
{
    bool mine = p == this_proc();
    uint32_t hart;

    store_relaxed(&p->stale_harts, ~0u);
    /* [FORGET] switch_to() sets on_hart, then looks at stale_harts; we set that
     * and look at on_hart: one sees the other. */
    if (mine)
        use_address_space(this_hart(), p);
    else
        fence_full();
    hart = load_relaxed(&p->hart);
    if (unlikely(load_relaxed(&p->polled))) {
        /* The poller may run as p on any hart. */
        for (uint32_t i = 0; i < hart_count; i++)
            if (i != this_hart()->index)
                sbi_sfence_asid(harts[i].id, p->slot + 1);
    } else if (!mine && load_acquire(&p->on_hart)) {
        sbi_sfence_asid(harts[hart].id, p->slot + 1);
    }
}

/* Let next run; direct: for the rest of the slice. */
static ALWAYS_INLINE void switch_to(struct hart *h, struct proc *next,
                                    bool direct)
{
    struct proc *previous = h->thread, *self = next->self;
    uint64_t now = read_time();

    if (unlikely(h->held_or_traced)) { /* one look at both */
        assert(h->held == 0);          /* L2 */
        trace(TRACE_SWITCH, previous->state, (uint64_t)next->pid,
              *(const chars_t *)next->name);
    }
    if (next == previous) {
        store_relaxed(&next->state, PROC_RUNNING);
        return;
    }
    store_relaxed(&previous->run_ticks, previous->run_ticks + now - h->since);
    store_relaxed(&h->since, now);
    if (!direct)
        h->slice_end = now + slice_ticks;
    debug_assert(load_relaxed(&next->on_hart) != 1); /* S3 */
    store_relaxed(&next->hart, h->index);
    store_relaxed(&next->state, PROC_RUNNING);
    /* [POKE] kill_locked() sets p->work, then looks at on_hart; we set
     * on_hart and look at p->work on the way out: one sees the other. */
    store_release(&next->on_hart, 1);
    fence_full();
    h->previous = previous;
    h->thread = next;
    h->proc = self;
    next->tf->hart = h;
    use_address_space(h, self);
    kasan_switch(next->context.sp);
    /* The compiler keeps what it needs afterwards on the stack, so there is
     * little to save. */
    register struct context *from __asm__("a0") = &previous->context;
    register struct context *to __asm__("a1") = &next->context;
    __asm__ volatile("jal context_switch"
                     : "+r"(from), "+r"(to)
                     :
                     : "ra", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1",
                       "t2", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7",
                       "s8", "s9", "s10", "s11", "memory");
    sched_finish_switch();
}

inline void sched_finish_switch(void)
{
    struct proc *left = this_hart()->previous;
    uint32_t work = load_relaxed(&left->work);

    /* [ON-HART] release; pairs with the acquire in await_stack(). */
    store_release(&left->on_hart, work & WORK_PAUSED);
    if (unlikely(work & WORK_EXITED))
        proc_gone(left);
}

inline void sched(void)
{
    struct hart *h = this_hart();
    bool direct = h->next && h->thread != h->idle;
    struct proc *next = likely(h->next) ? h->next : take(h);

    store_relaxed(&h->next, NULL);
    switch_to(h, next, direct);
}

inline void sched_to(struct proc *p)
{
    struct hart *h = this_hart();

    if (unlikely(load_acquire(&p->on_hart))) { /* [ON-HART] */
        ready_slowly(p);
        sched();
        return;
    }
    queue_next(h);
    switch_to(h, p, true);
}

long sched_yield(void)
{
    struct hart *h = this_hart();
    struct runq *rq = h->runq;
    struct list *first;

    if (!h->next && !has_work(rq))
        return 0;
    store_relaxed(&h->thread->state, PROC_READY);
    spin_lock_only(&rq->lock, RANK_RUNQ);
    if (unlikely(h->next)) /* who waited comes before us */
        list_push_back(&rq->line, &h->next->run);
    store_relaxed(&h->next, NULL);
    /* Another hart may take us: S3. */
    list_push_back(&rq->line, &h->thread->run);
    first = list_pop_front(&rq->line);
    spin_unlock_to(&rq->lock, 0);
    switch_to(h, list_entry(first, struct proc, run), false);
    return 0;
}

/* --- interrupts ----------------------------------------------------------- */

/* The running process keeps the hart: let an idle one run who waits here, and
 * soon another one who still does. */
static void call_for_help(struct hart *h, uint64_t now)
{
    uint32_t idlers, i = 0;

    queue_next(h); /* also if none is idle yet: who becomes it, looks */
    fence_full();  /* S4 */
    idlers = load_relaxed(&idle_harts);
    if (!idlers || !has_work(h->runq)) {
        store_relaxed(&h->kick_at, TICKS_NEVER);
        return;
    }
    while (!(idlers >> i & 1))
        i++;
    sbi_send_ipi(harts[i].id);
    store_relaxed(&h->kick_at, now + kick_ticks);
}

/* The slice has ended while two or more wait here: one of them goes to a hart
 * where nobody waits. */
static void share(struct hart *h)
{
    struct runq *mine = h->runq, *other;
    struct list *link = NULL;
    uint32_t i = 0;

    while (i < hart_count && has_work(&runqs[i]))
        i++;
    if (i == hart_count)
        return;
    spin_lock_as(&mine->lock, RANK_RUNQ);
    if (mine->line.next != mine->line.prev) /* not one, and so not none */
        link = list_pop_front(&mine->line);
    spin_unlock_as(&mine->lock, RANK_RUNQ);
    if (!link)
        return;
    other = &runqs[i];
    spin_lock_as(&other->lock, RANK_RUNQ);
    list_push_back(&other->line, link);
    spin_unlock_as(&other->lock, RANK_RUNQ);
    sbi_send_ipi(harts[i].id); /* for its clock to be set */
}

void sched_yield_in_time(void)
{
    struct proc *p = this_thread();

    if (load_relaxed(&p->work) & WORK_RESCHED) {
        and_relaxed(&p->work, ~WORK_RESCHED);
        sched_yield();
    }
}

void sched_clock(struct hart *h)
{
    uint64_t now = read_time(), next = timers_run(h, now);
    bool waits = h->next || has_work(h->runq), over = now >= h->slice_end;

    if (over) /* also if nobody waits, or each wake would find it past */
        h->slice_end = now + slice_ticks;
    if (!waits)
        store_relaxed(&h->kick_at, TICKS_NEVER);
    else if (over || now >= h->kick_at)
        call_for_help(h, now);
    else if (h->kick_at == TICKS_NEVER && load_relaxed(&idle_harts)) /* S5 */
        store_relaxed(&h->kick_at, now + kick_ticks);
    if (waits && over) {
        or_relaxed(&h->thread->work, WORK_RESCHED);
        share(h);
    }
    if (waits)
        next = MIN(next, h->slice_end);
    clock_set(h, MIN(next, h->kick_at));
}

void sched_poke(struct proc *p)
{
    /* [POKE] acquire; pairs with the release in switch_to(): the hart is that
     * of this on_hart, or of a later one. */
    bool on_hart = load_acquire(&p->on_hart);
    uint32_t hart = load_relaxed(&p->hart);

    if (on_hart && hart != this_hart()->index)
        sbi_send_ipi(harts[hart].id);
}

/* S5: this hart is about to sleep; ask those who have work, and have not seen
 * that it is idle. */
static void offer_help(struct hart *h)
{
    for (struct hart *other = harts; other < &harts[hart_count]; other++)
        if (other != h && load_relaxed(&other->kick_at) == TICKS_NEVER &&
            (load_relaxed(&other->next) || has_work(other->runq)))
            sbi_send_ipi(other->id);
}

void sched_idle(void)
{
    struct hart *h = this_hart();
    struct proc *me = &idle[h->index], *next;

    me->self = me;
    me->tf = &idle_tf[h->index];
    me->vm.satp = kernel_satp;
    list_init(&me->events);
    me->on_hart = 1;
    me->state = PROC_RUNNING;
    h->proc = h->thread = h->idle = me;
    store_relaxed(&h->since, read_time());
    store_relaxed(&h->kick_at, TICKS_NEVER);
    clock_set(h, TICKS_NEVER);
    for (;;) {
        h->slice_end = TICKS_NEVER;
        or_relaxed(&idle_harts, 1u << h->index);
        fence_full(); /* S4 */
        next = h->next ? h->next : take(h);
        if (next == me) {
            offer_help(h);
            wait_for_interrupt();
        }
        lockdep_irqs_off(); /* the clock of instructions goes on in there */
        and_relaxed(&idle_harts, ~(1u << h->index));
        if (next != me) {
            if (has_work(h->runq)) /* S5 */
                clock_arm(h, read_time() + slice_ticks);
            store_relaxed(&h->next, next);
            sched();
        }
        interrupt_window();
    }
}
