/* Waiting: see waitq.h for the rules W1 to W4. */
#include "proc/waitq.h"

#include "base/mutex.h"
#include "proc/proc.h"
#include "proc/sched.h"

void waiter_init(struct waiter *w, struct proc *p)
{
    w->proc = p;
    w->timers = NULL;
    list_init(&w->link);
    list_init(&w->timer);
}

/* By W2 under the object's lock: who serves the line finds it in `waiting`. */
static NOINLINE void park(struct waiter *w)
{
    struct parked *op = container_of(w, struct parked, wait);
    struct parking *k = &w->proc->parking;

    assert(w->claim == WAITER_CLAIMED);
    store_relaxed(&this_thread()->state, PROC_RUNNING);
    spin_lock(&k->lock);
    list_push_back(&k->waiting, &op->mine);
    spin_unlock(&k->lock);
}

static ALWAYS_INLINE struct waiter *begin(struct proc *p, struct waiter *w,
                                          const void *node)
{
    uint64_t turn = w->turn + 1;

    store_relaxed(&p->state, PROC_WAITING);
    w->node = node;
    w->turn = turn;
    if (unlikely(w != &p->wait))
        park(w);
    /* [WAIT] release; pairs with the acquire in end_waits() and others: node is
     * that of this turn. */
    store_release(&w->claim, turn);
    return w;
}

inline struct waiter *waiter_begin(const void *node)
{
    struct proc *p = this_thread();

    return begin(p, p->waiter, node);
}

inline struct waiter *waiter_begin_own(const void *node)
{
    struct proc *p = this_proc();

    return begin(p, &p->wait, node);
}

inline bool waiter_claim(struct waiter *w, int result)
{
    if (swap64_acq_rel(&w->claim, WAITER_CLAIMED) == WAITER_CLAIMED)
        return false;
    w->result = result;
    return true;
}

bool waiter_claim_turn(struct waiter *w, uint64_t turn, int result)
{
    if (turn == WAITER_CLAIMED || !cas(&w->claim, turn, WAITER_CLAIMED))
        return false;
    w->result = result;
    return true;
}

static NOINLINE void wake_parked(struct waiter *w)
{
    struct spinlock *lock = &w->proc->parking.lock;

    spin_lock(lock);
    parking_hand_over(container_of(w, struct parked, wait));
    spin_unlock(lock);
}

inline void waiter_wake(struct waiter *w)
{
    struct proc *p = w->proc;

    if (likely(w == &p->wait))
        sched_ready(p);
    else
        wake_parked(w);
}

/* kill_locked() sets KILLED, then claims; we are PENDING, then look: with the
 * two fences one of us sees the other. */
static inline void look_for_kill(const struct proc *p, struct waiter *w)
{
    fence_full();
    if (unlikely(load_relaxed(&p->work) & WORK_KILLED))
        waiter_end(w, -E_CANCELED);
}

/* The owner of a ring sleeps, or an operation of it parks. */
static NOINLINE int sleep_with_ring(struct waiter *w, struct waiter *next)
{
    struct proc *p = w->proc;
    bool lends = p->parking.mode == OUTSIDE_RING;

    if (next)
        waiter_wake(next);
    if (w != &p->wait)
        return -E_PARKED;
    look_for_kill(p, w);
    if (lends)
        parking_lend(p);
    sched();
    if (w->timers)
        timer_cancel(w); /* of this wait, or long over */
    return lends ? parking_take_back(p) : w->result;
}

inline int waiter_sleep_for(struct waiter *w, uint64_t deadline,
                            struct waiter *next)
{
    const struct proc *p = w->proc;

    /* A claimer may have made us ready already: whoever wants to run us waits
     * until this hart has left our stack (S3). */
    if (deadline != TICKS_NEVER)
        timer_start(w, deadline);
    if (unlikely(p->parking.mode != NO_RING))
        return sleep_with_ring(w, next);
    look_for_kill(p, w);
    if (next)
        sched_to(next->proc);
    else
        sched();
    if (deadline != TICKS_NEVER)
        timer_cancel(w);
    return w->result;
}

inline int waiter_sleep(struct waiter *w, uint64_t deadline)
{
    return waiter_sleep_for(w, deadline, NULL);
}

/* --- sleeping locks (base/mutex.h) ---------------------------------------- */

void mutex_init(struct mutex *m)
{
    m->state = MUTEX_FREE;
    spin_init(&m->lock, RANK_OBJECT);
    list_init(&m->waiters);
}

long mutex_wait(struct mutex *m)
{
    struct waiter *w;
    long error;

    spin_lock(&m->lock);
    if (swap_acquire(&m->state, MUTEX_CONTENDED) == MUTEX_FREE) {
        spin_unlock(&m->lock);
        return 0;
    }
    /* By W2: who unlocks now finds that, and takes m->lock. */
    w = waiter_begin(NULL);
    list_push_back(&m->waiters, &w->link);
    spin_unlock(&m->lock);
    error = waiter_sleep(w, TICKS_NEVER);
    if (error) {
        spin_lock(&m->lock);
        list_remove(&w->link);
        spin_unlock(&m->lock);
    }
    return error; /* 0: it was handed over */
}

void mutex_hand_over(struct mutex *m)
{
    struct list *link;

    spin_lock(&m->lock);
    do
        link = list_pop_front(&m->waiters);
    while (link && !waiter_end(list_entry(link, struct waiter, link), 0));
    if (!link)
        store_release(&m->state, MUTEX_FREE); /* [MUTEX] */
    spin_unlock(&m->lock);
}
