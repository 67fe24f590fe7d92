/* Waiting for the signals of objects. */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"

/* Somebody who wants to know when an object's signals come up. */
struct observer {
    struct list link; /* [o] in the object's list */
    uint32_t wanted;  /* [I] SIG_x */
    uint32_t rights;  /* [I] of the handle looked through */
    /* One of `wanted` is up. Under the object's lock. */
    void (*fire)(struct observer *o);
};

/* Tell the observers what is up. event_changed() is for the object, after each
 * change that may bring a signal up. */
void event_tell(struct kobj *obj) REQUIRES(&obj->lock);

static inline void event_changed(struct kobj *obj) REQUIRES(&obj->lock)
{
    if (unlikely(!list_empty(&obj->observers)))
        event_tell(obj);
}

/*
 * Wait until one of the items' wanted signals is up, or one is closed, and
 * write what is up to every item's `seen`.
 * Locks: none. Sleeps: yes.
 * Returns: items with something up; -E_BADH; -E_WRONGTYPE; -E_ACCES when
 * `wanted` goes beyond a handle's rights; -E_INVAL for unknown signals;
 * -E_AGAIN; -E_TIMEDOUT; -E_CANCELED.
 */
long event_wait(struct wait_item *items, uint32_t n,
                uint64_t timeout) MUST_CHECK;
