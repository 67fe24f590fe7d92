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

void mutex_init(struct mutex *m);

/* Locks: no spin lock held. Sleeps: yes, in FIFO order.
 * Returns: 0; -E_CANCELED when killed while waiting. */
long mutex_lock(struct mutex *m) MUST_CHECK;
void mutex_unlock(struct mutex *m);
