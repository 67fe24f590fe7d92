/* Ports: messages of 64 bytes, first in, first out; a call waits for its reply.
 * Ports have names. No function here is called with a lock held. */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"
#include "ipc/handle.h"
#include "proc/waitq.h"

/* A struct ipc_msg in kernel memory: sender, type and flags, payload. */
struct port_msg {
    uint64_t word[8];
};

/* A request: in a place of its port, or with its process, which waits.
 * [q] obj.lock of the port. */
struct request {
    struct list link; /* [q] in ready or line; or free; or in none */
    union {
        struct waiter *from; /* [q] whose it is */
        uint64_t number;     /* [q] in a place: of a one-way message */
    };
    uint64_t turn;       /* [q] of a call: its wait (waitq.h); else 0 */
    bool ready;          /* [q] it is in ready */
    struct port_msg msg; /* in a call: and then the reply */
};

/* [I] immutable, [q] obj.lock, [n] the lock of the names. */
struct port {
    struct kobj obj;
    uint32_t closed;              /* [q] */
    uint32_t used;                /* [q] places in use, and calls in ready */
    uint64_t sent;                /* [q] one-way messages let in */
    struct list free;             /* [q] places */
    struct list ready;            /* [q] requests not given to anybody */
    struct list line;             /* [q] requests that wait for a place */
    struct list receivers;        /* [q] waiters; want: struct port_recv */
    struct list named;            /* [n] among the names */
    char name[PORT_NAME_MAX + 1]; /* [n], [q] empty: none */
    struct request places[PORT_CAPACITY];
};

/* port.closed */
#define PORT_SHUT       1u
#define PORT_NO_READERS 2u
#define PORT_NO_WRITERS 4u /* nor a name: E_PIPE once drained. May be unset */

/* Where a request or what a receiver gets is while its operation parks. */
#define PORT_ROOM sizeof(((struct waiter *)0)->room)
_Static_assert(sizeof(struct request) <= PORT_ROOM, "room");

/* What a receiver got. */
struct port_recv {
    struct port_msg msg;
    struct waiter *caller; /* of a call, */
    uint64_t turn;         /* in this turn; 0: a one-way message */
    struct request *place; /* its place; of a call: only as in N3 */
};

_Static_assert(sizeof(struct port_recv) <= PORT_ROOM, "room");

static inline struct port *port_of(struct kobj *obj)
{
    return container_of(obj, struct port, obj);
}

/* Returns: *out with one reference; -E_NOMEM. */
long port_new(struct port **out) MUST_CHECK;

/* Give the port a name, of at most PORT_NAME_MAX bytes, or take it away.
 * Returns: 0; -E_PIPE; -E_EXIST: one of both has the other's; -E_NOENT. */
long port_bind(struct port *p, const char *name) MUST_CHECK;
long port_unbind(struct port *p) MUST_CHECK;

/* The running process gets a handle of the port with this name, to send.
 * Returns: the handle; -E_NOENT; -E_NOMEM; -E_MFILE. */
long port_connect(const char *name) MUST_CHECK;

/* Send r->msg, waiting for a place; r is in the waiter's room. Sleeps: with
 * timeout > 0, or parks.
 * Returns: 0; -E_PIPE; -E_AGAIN; -E_TIMEDOUT; -E_BADH; -E_CANCELED; -E_PARKED,
 * and all else is done. */
long port_send(struct port *p, struct request *r, const void *node,
               uint64_t timeout) MUST_CHECK;

/* The same, and wait for the reply, which is then in r->msg. Ends with
 * handle_done(). With timeout 0 nothing is sent. */
long port_call(struct port *p, struct request *r, const void *node,
               uint64_t timeout) MUST_CHECK;

/* Take the request that is next, waiting for one; `next`, unless NULL, was
 * claimed by the caller and is woken; `own`: no ring makes this call. Ends with
 * handle_done().
 * Sleeps: with timeout > 0. Returns: 0; -E_FAULT: there is none, and the buffer
 * is not in range; -E_PIPE; -E_AGAIN; -E_TIMEDOUT; -E_BADH; -E_CANCELED;
 * -E_PARKED. */
long port_take(struct port *p, struct port_recv *v, const void *node,
               uint64_t timeout, bool in_range, struct waiter *next,
               bool own) MUST_CHECK;

/* The one-way message that was taken arrived; or the request did not, it is
 * the next one again. */
void port_taken(struct port *p, struct request *place);
void port_untake(struct port *p, struct port_recv *v);

/* For port.c and names.c. The callers' waits end, and all that `how` says. */
void port_close_locked(struct port *p, uint32_t how) REQUIRES(&p->obj.lock);
void port_side_gone(struct kobj *obj, uint32_t rights);

/* A reply handle of the running process, to the call taken in v; perhaps the
 * one that `rests`. Returns: the handle; -E_NOMEM; -E_MFILE. */
long reply_open(const struct port_recv *v, bool rests) MUST_CHECK;

/* The handle goes; its caller waits on. */
void reply_cancel(long handle);

/* The handle goes; its caller gets msg. With `next` its slot may be set aside
 * for another one until reply_no_next(). Returns: whom to wake; NULL when the
 * caller does not wait any more. */
struct waiter *reply_send(struct hnode *node, const struct port_msg *msg,
                          bool next) MUST_CHECK;
void reply_no_next(void);
