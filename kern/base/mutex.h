/* A lock that is held across user copies: who waits for it sleeps. Taken before
 * any spin lock. proc/waitq.c has the functions. */
#pragma once

#include "base/list.h"
#include "base/spinlock.h"

/* [a] atomic, [w] the lock. */
struct mutex {
    uint32_t state;       /* [a] free, held, or held with perhaps waiters */
    struct spinlock lock; /* w */
    struct list waiters;  /* [w] */
};

/* mutex.state; contended: look at the line. */
enum { MUTEX_FREE, MUTEX_HELD, MUTEX_CONTENDED };

void mutex_init(struct mutex *m);
long mutex_wait(struct mutex *m) MUST_CHECK;
void mutex_hand_over(struct mutex *m);

/* Locks: no spin lock held. Sleeps: yes, in FIFO order.
 * Returns: 0; -E_CANCELED when killed while waiting. */
static inline long MUST_CHECK mutex_lock(struct mutex *m)
{
    lockdep_may_sleep("mutex_lock");
    /* [MUTEX] acquire; pairs with the release in mutex_unlock(). */
    return likely(cas(&m->state, MUTEX_FREE, MUTEX_HELD)) ? 0 : mutex_wait(m);
}

static inline void mutex_unlock(struct mutex *m)
{
    if (unlikely(!cas(&m->state, MUTEX_HELD, MUTEX_FREE))) /* [MUTEX] */
        mutex_hand_over(m);
}
