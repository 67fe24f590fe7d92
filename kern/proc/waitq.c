/* Waiting: see waitq.h for the rules W1 to W4. */
#include "proc/waitq.h"

#include "abi/abi.h"
#include "base/mutex.h"
#include "base/spinlock.h"
#include "proc/proc.h"
#include "proc/sched.h"

inline struct waiter *waiter_begin(const void *node)
{
    struct proc *p = this_hart()->proc;
    struct waiter *w = &p->wait;

    assert(w->claim == WAITER_CLAIMED);
    store_relaxed(&p->state, PROC_WAITING);
    w->node = node;
    w->turn = (w->turn + 2) | 1;
    /* [WAIT] release; pairs with the acquire in hnode_revoke(): node is that of
     * this turn. */
    store_release(&w->claim, w->turn);
    return w;
}

inline bool waiter_claim(struct waiter *w, int result)
{
    if (swap_acq_rel(&w->claim, WAITER_CLAIMED) == WAITER_CLAIMED)
        return false;
    w->result = result;
    return true;
}

bool waiter_claim_turn(struct waiter *w, uint32_t turn, int result)
{
    if (turn == WAITER_CLAIMED || !cas_u32(&w->claim, turn, WAITER_CLAIMED))
        return false;
    w->result = result;
    return true;
}

inline void waiter_wake(struct waiter *w)
{
    sched_ready(w->proc);
}

inline int waiter_sleep(struct waiter *w, uint64_t deadline)
{
    assert(this_hart()->held == 0);
    /* A claimer may have made us ready already: whoever wants to run us waits
     * until this hart has left our stack (S3). */
    if (deadline != TICKS_NEVER)
        timer_start(w, deadline);
    /* kill_locked() sets KILLED, then claims; we are PENDING, then look: with
     * the two fences one of us sees the other. */
    fence_full();
    if (unlikely(load_relaxed(&w->proc->work) & WORK_KILLED) &&
        waiter_claim(w, -E_CANCELED))
        waiter_wake(w);
    sched();
    if (deadline != TICKS_NEVER)
        timer_cancel(w);
    assert(w->claim == WAITER_CLAIMED);
    w->node = NULL;
    return w->result;
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
    struct waiter *w = NULL;

    spin_lock(&m->lock);
    while (!w && (link = list_pop_front(&m->waiters))) {
        w = list_entry(link, struct waiter, link);
        if (!waiter_claim(w, 0))
            w = NULL; /* killed meanwhile */
    }
    if (!w)
        store_release(&m->state, MUTEX_FREE); /* [MUTEX] */
    else
        waiter_wake(w);
    spin_unlock(&m->lock);
}
