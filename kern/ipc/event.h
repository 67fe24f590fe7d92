/* Waiting for the signals of objects, and being sent them. */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"

#define SIG_ALL (SIG_READABLE | SIG_WRITABLE | SIG_CLOSED)

/* Somebody who wants to know when an object's signals come up. */
struct observer {
    struct list link; /* [o] in the object's list */
    uint32_t wanted;  /* [I] SIG_x */
    uint32_t rights;  /* [I] of the handle looked through */
    /* These are up that are wanted and were not before, or none of them: some
     * are up that were before. Under the object's lock. */
    void (*fire)(struct observer *o, uint32_t rose);
};

/* Tell the observers what is up. event_changed() is for the object, after each
 * change that may bring a signal up; `rose` were down before it. */
void event_tell(struct kobj *obj, uint32_t rose) REQUIRES(&obj->lock);

static inline void event_changed(struct kobj *obj, uint32_t rose)
    REQUIRES(&obj->lock)
{
    if (unlikely(obj->state & OBSERVED))
        event_tell(obj, rose);
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

/* --- subscriptions, in subscribe.c; locks: none, but for _locked ---------- */

struct hnode;
struct queue;
struct qslot;

/* From now on an event goes to the queue when one of these signals comes up, or
 * is. The nodes are noted. Returns: 0; -E_MFILE: too many; -E_NOMEM. */
long event_subscribe(struct hnode *node, struct hnode *queue_node,
                     uint32_t signals, uint64_t token) MUST_CHECK;

/* The same for an interrupt: each one becomes an event, until one of the nodes
 * goes. Returns: 0; -E_EXIST; -E_MFILE; -E_NOMEM. */
long event_bind(struct hnode *node, struct hnode *queue_node, uint32_t irq,
                uint64_t token) MUST_CHECK;

/* SU5 in subscribe.c. */
extern struct spinlock event_interrupts;

/* The interrupt that s is bound to has come: post it, from its handler. */
void event_interrupt(struct subscription *s) REQUIRES(&event_interrupts);

/* Returns: 0; -E_NOENT. */
long event_unsubscribe(struct hnode *node, struct hnode *queue_node) MUST_CHECK;

/* A node goes that is watched. */
void event_handle_gone(const struct hnode *node);

/* Send what the running process's call made come up: before it ends, and before
 * it sleeps (WORK_EVENTS). */
void event_flush(void);

/* A place is free: the first kept event gets it. The queue's lock is held. */
void event_place_locked(struct queue *q, struct qslot *slot);

/* Read a taken event; then say whether it arrived, or was put back or dropped.
 */
void event_read(struct queue *q, struct qslot *slot, struct msg_event *out);
void event_read_done(struct queue *q, struct qslot *slot, bool arrived);
