/* Waiting: see waitq.h for the rules W1 to W4. */
#include "proc/waitq.h"

#include "abi/abi.h"
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
