/* Lines of waiters that all want the same of an object: first come, first
 * served. The object's lock guards them. */
#pragma once

#include "base/kobj.h"
#include "ipc/handle.h"
#include "proc/waitq.h"

/* A wait in a line is over: unless it was served, leave the line.
 * Returns: its result. */
static inline long line_waited(struct kobj *obj, struct waiter *w, long result)
{
    if (unlikely(result) && result != -E_PARKED) {
        kobj_lock(obj);
        list_remove(&w->link);
        kobj_unlock(obj);
    }
    return result;
}

/* Join a line with a wait that has begun, and sleep. Who serves the line finds
 * `want`; `next` as for waiter_sleep_for(). Gives up the lock and the noted
 * nodes. No wakeup is lost (W2): the caller saw under this lock that it has to
 * wait. Returns: as waiter_sleep(); 0: served. */
static ALWAYS_INLINE long line_wait(struct kobj *obj, struct list *line,
                                    struct waiter *w, void *want,
                                    uint64_t timeout, struct waiter *next)
    RELEASES(&obj->lock)
{
    w->want = (uint64_t)want;
    list_push_back(line, &w->link);
    kobj_unlock(obj);
    handle_done();
    return line_waited(obj, w,
                       waiter_sleep_for(w, deadline_after(timeout), next));
}

/* The first in line leaves it, claimed by the caller with 0. NULL: nobody. */
static inline struct waiter *line_claim(struct list *line)
{
    while (!list_empty(line)) {
        struct waiter *w = list_entry(line->next, struct waiter, link);

        list_unlink(&w->link);
        if (likely(waiter_claim(w, 0)))
            return w;        /* it does not look at its link again */
        list_init(&w->link); /* timed out, killed or revoked meanwhile */
    }
    return NULL;
}

/* Everybody in line goes, with this result, which is not 0. */
static inline void line_end(struct list *line, int result)
{
    struct list *link;

    while ((link = list_pop_front(line)))
        waiter_end(list_entry(link, struct waiter, link), result);
}
