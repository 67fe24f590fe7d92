/* Counting semaphores. No function here is called with a lock held. */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"

/* [q] obj.lock. */
struct sem {
    struct kobj obj;
    uint32_t count;      /* [q] units that belong to nobody */
    uint32_t closed;     /* [q] */
    struct list waiters; /* [q] by S1 empty unless count is 0 */
};

static inline struct sem *sem_of(struct kobj *obj)
{
    return container_of(obj, struct sem, obj);
}

/* Returns: 0 and *out with one reference; -E_INVAL; -E_NOMEM. */
long sem_new(uint32_t count, struct sem **out) MUST_CHECK;

/* Take a unit, or wait to be given one. Ends with handle_done().
 * Sleeps: with timeout > 0.
 * Returns: 0; -E_PIPE; -E_AGAIN; -E_TIMEDOUT; -E_BADH; -E_CANCELED. */
long sem_take(struct sem *s, const void *node, uint64_t timeout) MUST_CHECK;

/* Add a unit, or give it to the first in line.
 * Returns: 0; -E_PIPE; -E_INVAL at SEM_MAX. */
long sem_give(struct sem *s) MUST_CHECK;
