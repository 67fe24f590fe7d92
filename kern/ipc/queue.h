/*
 * The queue: many senders, many receivers, four priorities, a fixed number of
 * places, nothing ever dropped. Sending has three steps, so that user memory
 * is copied with no lock held: reserve a place, fill it, commit it. Receiving
 * has two: take a message, then say that it arrived or put it back.
 */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"
#include "base/prioq.h"
#include "proc/waitq.h"

struct hnode;
struct wit_type;

/* A place: 64 bytes, and the payload behind it, which may go on at next_page.
 * Free, or exclusively a sender's (reserved) or a receiver's (taken), or
 * queued under the lock. */
struct qslot {
    struct list link;     /* [q] in ready, or free (next only) */
    struct msg_meta meta; /* sent_ns in ticks until queue_header() */
    char *next_page;      /* [I] NULL if all of it fits here */
};
_Static_assert(sizeof(struct qslot) == 64, "places do not straddle pages");

/* queue.closed */
#define NO_READERS 1u
#define NO_WRITERS 2u
#define SHUT       4u
#define TYPED      8u /* not closed: queue_reserve() gives no places */

/* [I] immutable, [q] the queue's lock, [a] atomic, [f] flight_lock. */
struct queue {
    struct spinlock lock; /* q */
    struct kobj obj;
    uint32_t ring_size, max_msg, schema; /* [I] */
    uint32_t closed;                     /* [q] bits are never unset */
    struct list *free;                   /* [q] free places, by link.next */
    struct prioq ready;                  /* [q] messages not given to anybody */
    struct list receivers;               /* [q] waiters */
    struct prioq senders;                /* [q] waiters */
    struct list observers;               /* [q] */
    uint64_t seq;                        /* [q] messages ever accepted */
    uint64_t received;                   /* [q] and, at the end, dropped */
    uint64_t max_depth;                  /* [q] */
    uint32_t ends_in_flight;  /* [f] READ handles of it in messages */
    uint32_t ends_held;       /* [f] READ handles of queues in its messages */
    uint64_t rejected, empty; /* [a] */
    uint64_t bytes_sent, bytes_received; /* [q] */
    struct wit_type *type;               /* [q] set once; or NULL */
    void **pages;                        /* [I] storage */
    void *only_page;                     /* [I] pages of a storage of one */
};

static inline struct queue *
queue_of(struct kobj *obj)
{
    return container_of(obj, struct queue, obj);
}

/* Returns: 0 and *out with one reference; -E_INVAL, -E_NOMEM. */
long queue_new(uint32_t ring_size, uint32_t max_msg, uint32_t schema,
               struct queue **out) MUST_CHECK;

/* A place's payload: bytes in the place's own page, the others stand at
 * next_page. */
static inline uint64_t
queue_room(const struct qslot *slot)
{
    return PAGE_SIZE - sizeof(*slot) - (uint64_t)slot % PAGE_SIZE;
}

static inline char *
queue_payload(struct qslot *slot)
{
    return (char *)(slot + 1);
}

/* The header of a message as programs see it. */
struct msg_meta queue_header(const struct qslot *slot);

/* Messages in it, given ones too. */
static inline uint32_t
queue_length(const struct queue *q)
{
    return (uint32_t)(load_relaxed(&q->seq) - load_relaxed(&q->received));
}

/* Is there, at a glance, nothing to receive? */
static inline bool
queue_seems_empty(const struct queue *q)
{
    return load_relaxed(&q->ready.levels) == 0;
}

/* The handle in flight of a MSG_HANDLE or MSG_DESC; NULL once it was revoked
 * and is gone. */
struct hnode **queue_node(struct qslot *slot);

/*
 * A handle to obj with these rights is about to travel through q. When it is
 * the receiving end of a queue, messages must not come to hold each other.
 * Returns: 0; -E_LOOP (ABI section 3, "Cycles"). Then queue_end_stops(), when
 * it has left q's messages again, while obj is referenced.
 */
long queue_end_starts(struct queue *q, struct kobj *obj,
                      uint32_t rights) MUST_CHECK;
void queue_end_stops(struct queue *q, struct kobj *obj, uint32_t rights);

/* End the handle that the place holds, if any. Locks: none held. */
void queue_drop_handle(struct queue *q, struct qslot *slot);

/*
 * Give the queue a type for its messages; it takes over `type`, which may be
 * NULL for want of memory, unless it fails.
 * Returns: 0; -E_ALREADY; -E_BUSY once a message was accepted, or is about to
 * be; -E_NOMEM.
 */
long queue_set_type(struct queue *q, struct wit_type *type) MUST_CHECK;

/* A free place, or NULL when there is none, or no reader, or a type. */
struct qslot *queue_reserve(struct queue *q) MUST_CHECK;

/* Would a send succeed at once? Returns: 0; -E_PIPE; -E_AGAIN (counted as
 * rejected). */
long queue_may_send(struct queue *q) MUST_CHECK;

/* Give a reserved place back unused. */
void queue_release(struct queue *q, struct qslot *slot);

/*
 * Send what the place holds; meta's len, priority, kind, tag, sender and badge
 * are filled in. Returns: 0; -E_PIPE (then the place is still the caller's).
 */
long queue_commit(struct queue *q, struct qslot *slot) MUST_CHECK;

/*
 * Send a message that stands in kernel memory, waiting for a place. `type` is
 * the one that it was checked against.
 * Locks: none. Sleeps: yes, with timeout > 0; the caller holds a reference.
 * Returns: 0; -E_PIPE; -E_AGAIN; -E_TIMEDOUT; -E_BADH; -E_CANCELED; -E_ALREADY
 * if the queue has got another type since.
 */
long queue_send_wait(struct queue *q, const struct msg_meta *meta,
                     const void *data, const struct wit_type *type,
                     const void *node, uint64_t timeout);

/* Take the message that is next, if it fits into cap bytes; else NULL. */
struct qslot *queue_take(struct queue *q, uint64_t cap) MUST_CHECK;

/*
 * The same, and wait for one, or say why not. *header is that of a message
 * that is too large. `good`: the receiver's buffers are in user memory.
 * Locks: none. Sleeps: yes, with timeout > 0; the caller holds a reference.
 * Returns: 0 and *out; -E_MSGSIZE; -E_FAULT; -E_PIPE; -E_AGAIN; -E_TIMEDOUT;
 * -E_BADH; -E_CANCELED.
 */
long queue_take_wait(struct queue *q, uint64_t cap, bool good,
                     struct msg_meta *header, struct qslot **out,
                     const void *node, uint64_t timeout) MUST_CHECK;

/* The taken message is in the receiver's memory: its place is free. */
void queue_taken(struct queue *q, struct qslot *slot);

/* The taken message could not be delivered: it is next again. */
void queue_untake(struct queue *q, struct qslot *slot);

/* Returns: 0 and *meta of the message that is next; -E_PIPE; -E_AGAIN. */
long queue_peek(struct queue *q, struct msg_meta *meta);

void queue_statistics(struct queue *q, struct queue_stat *out);
