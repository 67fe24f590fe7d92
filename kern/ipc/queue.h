/*
 * The queue: many senders, many receivers, four priorities, a fixed number of
 * places, nothing ever dropped. Sending has three steps, so that user memory
 * is copied with no lock held: reserve a place, fill it, commit it. Receiving
 * has two: take a message, then say that it arrived or put it back.
 */
#pragma once

#include "base/prioq.h"
#include "ipc/handle.h"

struct wit_type;

/* A place: its header, and the payload in one piece or two. Free, or
 * exclusively a sender's (reserved) or a receiver's (taken), or queued under
 * the lock. */
struct qslot {
    struct link link;     /* [q] in ready, or free */
    struct msg_meta meta; /* sent_ns in ticks until queue_header() */
    char *payload;        /* [I] */
    uint64_t here : 16;   /* [I] bytes there; those behind them */
    int64_t rest : 48;    /* [I] stand at this address */
};

/* Bits of obj.state. The first four are never unset. */
#define CLOSED_SEND    1u  /* no readers, or shut down: sending is E_PIPE */
#define CLOSED_RECV    2u  /* no writers, or shut down: E_PIPE once drained */
#define NO_READERS     4u  /* messages in it are dropped */
#define TYPED          8u  /* not closed: queue_reserve() gives no places */
#define PLACE_WANTED   16u /* senders or events may wait for a place, */
#define MESSAGE_WANTED 32u /* receivers for a message */

/* [I] immutable, [q] obj.lock, [a] atomic, [f] flight_lock. */
struct queue {
    struct kobj obj;
    struct queue_stat stat;  /* [q]; rejected, empty [a]; 0 in here: len,
                              * available, waiting_senders, _receivers */
    uint32_t ends_in_flight; /* [f] READ handles of it in messages */
    uint32_t ends_held;      /* [f] READ handles of queues in its messages */
    struct link *free;       /* [q] free places */
    struct prioq ready;      /* [q] messages not given to anybody */
    struct list senders[PRIO_LEVELS]; /* [q] waiters; struct queue_send */
    struct list receivers;            /* [q] waiters; struct queue_recv */
    struct link *kept;                /* [q] events for the next places */
    struct wit_type *type;            /* [q] set once; or NULL */
    void *blocks[7];                  /* [I] memory of places: place.c */
};

/* A handle, or with a range a descriptor, that is to be sent. */
struct cargo {
    union {
        struct hnode *from; /* what it derives from, noted as hazard 1 */
        uint64_t apart;     /* in struct queue_send: itself, CARGO_APART */
    };
    uint64_t offset, length; /* of a descriptor; length 0: a handle */
    uint64_t value;          /* of the handle that it derives from */
    uint32_t rights;
};

/* A message in kernel memory; without data, the wish for a place. */
struct queue_send {
    struct msg_meta meta; /* seq and sent_ns are the queue's affair */
    const void *data;
    const struct wit_type *type; /* that data was checked against */
    struct qslot *slot;          /* where it went, or the place */
    struct cargo cargo;          /* goes from here if data says so */
    struct kobj *obj; /* whose end travels, with a reference; or NULL */
};
_Static_assert(sizeof(struct queue_send) <= sizeof(((struct waiter *)0)->room),
               "room");

/* What a receiver can take, and what it got. */
struct queue_recv {
    uint64_t cap;           /* its buffer, in bytes */
    bool in_range;          /* its buffers are in user memory */
    struct qslot *slot;     /* on success */
    struct msg_meta header; /* after E_MSGSIZE */
};

static inline struct queue *queue_of(struct kobj *obj)
{
    return container_of(obj, struct queue, obj);
}

extern const struct kobj_ops queue_ops;
uint32_t queue_signals(const struct kobj *obj, uint32_t rights);

/* No function here is called with a lock held. Those that wait sleep with
 * timeout > 0; the caller then holds a reference to the queue. */

/* Returns: 0 and *out with one reference; -E_INVAL, -E_NOMEM. */
long queue_new(uint32_t ring_size, uint32_t max_msg, uint32_t schema,
               struct queue **out) MUST_CHECK;

/* The same for an object of any type that is a queue inside, of any number of
 * places. Returns: 0 and *out with one reference; -E_NOMEM. */
long queue_make(uint32_t type, uint32_t ring_size, uint32_t max_msg,
                uint32_t schema, struct queue **out) MUST_CHECK;

/* Give the queue a type for its messages, which it owns unless this fails; NULL
 * for want of memory. Returns: 0; -E_ALREADY; -E_BUSY once a message was
 * accepted, or is about to be; -E_NOMEM. */
long queue_set_type(struct queue *q, struct wit_type *type) MUST_CHECK;

/* Returns: 0 and *meta of the message that is next; -E_PIPE; -E_AGAIN. */
long queue_peek(struct queue *q, struct msg_meta *meta);
void queue_statistics(struct queue *q, struct queue_stat *out);

/* A free place; NULL when there is none, nobody will receive, or the queue has
 * a type: then queue_send_wait(). */
struct qslot *queue_reserve(struct queue *q) MUST_CHECK;

/* The last step of a call: send what the place holds, its meta filled in but
 * for seq and sent_ns; or give it back unused. Both end with handle_done_one().
 * Returns: 0; -E_PIPE: it was given back; `result`. */
long queue_commit(struct queue *q, struct qslot *slot) MUST_CHECK;
long queue_release(struct queue *q, struct qslot *slot, long result);

/* Places, reserved, or messages, taken, that are linked and take one turn of
 * the lock. Their user says how many of the first are filled, or arrived. There
 * are none while others would notice: who looks on, or waits for a place. */
struct qrow {
    struct qslot *first, *end; /* end: of messages only */
    uint64_t n;
    uint64_t done, bytes; /* the user's */
};

/* Commit what is done of a row, give the other places back, and reserve up to
 * `more`: a new row. If nobody will receive, or the queue has a type, what is
 * done goes back, too, and done stays. Returns: whether there is a row. */
bool queue_commit_row(struct queue *q, struct qrow *r, uint64_t more);

/* The same in one: a free place, or the reserved one, with the queue locked; or
 * NULL when there is none or nobody will receive. Then accept it and unlock. */
struct qslot *queue_begin(struct queue *q, struct qslot *reserved) MUST_CHECK;
void queue_finish(struct queue *q, struct qslot *slot);

/* For events, with the lock: a free place, or NULL; accept what it holds. */
struct qslot *queue_reserve_locked(struct queue *q) REQUIRES(&q->obj.lock);
void queue_accept_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock);

/* Send a message, waiting for a place; without data, reserve the place.
 * A parked one of an inline message waits without data: its bytes are read when
 * it has its place. s is in the waiter's room then.
 * Returns: 0; -E_PIPE; -E_AGAIN; -E_TIMEDOUT; -E_BADH; -E_CANCELED; -E_ALREADY
 * if the queue has got another type since; -E_PARKED. */
long queue_send_wait(struct queue *q, struct queue_send *s, const void *node,
                     uint64_t timeout);

/* Take the message that is next, if it fits into cap bytes; else NULL, and the
 * queue is locked for queue_take_wait(). */
struct qslot *queue_take(struct queue *q, uint64_t cap) MUST_CHECK;

/* Wait for one, or say why not. Gives up the lock, ends with handle_done().
 * Returns: 0; -E_MSGSIZE; -E_FAULT (not in range); -E_PIPE; -E_AGAIN;
 * -E_TIMEDOUT; -E_BADH; -E_CANCELED; -E_PARKED. */
long queue_take_wait(struct queue *q, struct queue_recv *r, const void *node,
                     uint64_t timeout) MUST_CHECK;

/* A parked send or receive is over: it leaves the line, unless served, and is
 * counted in `missed` (rejected, empty) if that is why.
 * Returns: `result`, with which it ended. */
long queue_waited(struct queue *q, struct waiter *w, uint64_t *missed,
                  long result);

/* The last step of a call: the taken message arrived, its place is free. Or it,
 * or a row from first to end, did not: they are next. Both end with
 * handle_done_one(). Returns: its length; `result`. */
long queue_taken(struct queue *q, struct qslot *slot);
long queue_untake(struct queue *q, struct qslot *first, struct qslot *end,
                  long result);

/* What is done of a row arrived, the others stay taken; take up to `more` that
 * fit into cap bytes: a new row. Returns: whether there is one. */
bool queue_taken_row(struct queue *q, struct qrow *r, uint64_t cap,
                     uint64_t more);

/* Give back the memory of a queue that nobody refers to. */
void queue_free(struct queue *q);

static inline char *queue_rest(const struct qslot *slot)
{
    return (char *)(int64_t)slot->rest;
}

/* Where a handle in flight stands: in the first piece of the payload that has
 * room for it (PL2). Or elsewhere, and there is a pointer to it, with this bit.
 */
#define CARGO_APART 1u

static inline void *queue_cargo_place(const struct qslot *slot)
{
    if (likely(slot->here >= HNODE_PLACE_BYTES))
        return slot->payload;
    return slot->here < HNODE_IN_PLACE ? queue_rest(slot) : slot->payload;
}

static inline struct hnode *queue_cargo(const struct qslot *slot)
{
    uint64_t *place = queue_cargo_place(slot);

    return (void *)(unlikely(*place & CARGO_APART) ? *place - CARGO_APART
                                                   : (uint64_t)place);
}

/* Where a descriptor's offset and length stand, with the handle in the place:
 * behind it, or in the other piece if that has room; and with it elsewhere. */
static inline uint64_t *queue_range_place(const struct qslot *slot)
{
    char *payload = slot->payload, *rest = queue_rest(slot);

    if (likely(slot->here >= HNODE_PLACE_BYTES))
        return (void *)(payload + HNODE_IN_PLACE);
    if (slot->here >= HNODE_IN_PLACE)
        return (void *)rest;
    return (void *)(slot->here >= 16 ? payload : rest + HNODE_IN_PLACE);
}

static inline uint64_t *queue_cargo_range(const struct qslot *slot)
{
    uint64_t *place = queue_cargo_place(slot);

    return unlikely(*place & CARGO_APART) ? place + 1 : queue_range_place(slot);
}

/* Fill a place with a message; and the header as programs see it. */
void queue_fill(struct qslot *slot, const struct queue_send *s);
void queue_header(const struct qslot *slot, struct msg_meta *out);

/* A handle to obj with these rights is about to travel through q (by: 1), or
 * leaves its messages again (-1u). A receiving end of a queue may not travel
 * where messages could come to hold each other.
 * Returns: 0; -E_LOOP (ABI section 3, "Cycles"), never when it leaves. */
long queue_end_travels(struct queue *q, struct kobj *obj, uint32_t rights,
                       uint32_t by);

/* End the handle that the place holds, if any. */
void queue_drop_handle(struct queue *q, struct qslot *slot);
