/*
 * Ports.
 *
 *   N1  at most PORT_CAPACITY requests are let in: a one-way message has a
 *       place from then until its receiver has it, a call counts while it is
 *       in `ready`. One that was put back may be one too many.
 *   N2  a receiver waits only while `ready` is empty; a request waits in `line`
 *       only while no place is free.
 *   N3  a call's request stays with its caller, who sleeps in one wait for the
 *       place, its receiver and the reply. A caller whose wait ends otherwise
 *       takes the lock before its request goes. So who holds the lock and finds
 *       the wait pending, or the request in a list, may use the request.
 *
 * No wakeup is lost (W2): to see that one has to wait and to join a list is one
 * critical section of the lock, and so is to change the port and to serve its
 * lists. A reply needs no lock, since it is for one wait, which has begun. Who
 * closes the port finds the calls that were received in the waiters of all
 * processes; a caller is pending before it gives up the lock.
 */
#include "ipc/port.h"

#include "base/string.h"
#include "base/trace.h"
#include "ipc/event.h"
#include "ipc/line.h"
#include "mem/kalloc.h"

static inline struct request *first_of(struct list *list)
{
    struct list *link = list_pop_front(list);

    return link ? list_entry(link, struct request, link) : NULL;
}

/* --- requests ------------------------------------------------------------- */

static inline void fill(struct port_recv *v, struct request *r)
{
    v->msg = r->msg;
    v->caller = r->from;
    v->turn = r->turn;
    v->place = r;
}

/* Give a request to the first receiver in line. Returns: whom to wake; NULL:
 * nobody waits. */
static inline struct waiter *give_locked(struct port *p, struct request *r)
    REQUIRES(&p->obj.lock)
{
    struct waiter *w = line_claim(&p->receivers);

    if (likely(w))
        fill((void *)w->want, r);
    return w;
}

/* A request is let in: it goes to a receiver, or into ready, before `at`. */
static void accept_locked(struct port *p, struct request *r, struct list *at)
    REQUIRES(&p->obj.lock)
{
    struct waiter *w = give_locked(p, r);
    bool was_empty;

    if (w) {
        waiter_wake(w);
        return;
    }
    was_empty = list_empty(&p->ready);
    list_push_back(at, &r->link);
    r->ready = true;
    p->used += r->turn != 0;
    event_changed(&p->obj, was_empty ? SIG_READABLE : 0);
}

/* There is room for r: let it in, a one-way message in a place. */
static void enter_locked(struct port *p, struct request *r)
    REQUIRES(&p->obj.lock)
{
    struct request *place = r;

    if (!r->turn) {
        place = first_of(&p->free);
        place->msg = r->msg;
        place->number = p->sent++;
        trace_rare(TRACE_SEND, OBJ_PORT, p->obj.id, place->number);
        p->used++;
    }
    accept_locked(p, place, &p->ready);
}

/* Something was taken out: let in who waits. */
static NOINLINE void admit_locked(struct port *p) REQUIRES(&p->obj.lock)
{
    struct request *r;

    while (p->used < PORT_CAPACITY && (r = first_of(&p->line))) {
        struct waiter *w = r->from;

        if (r->turn) {
            if (load_relaxed(&w->claim) == r->turn) /* N3 */
                enter_locked(p, r);
        } else if (waiter_claim(w, 0)) {
            trace_rare(TRACE_AS, 0, (uint64_t)w->proc->pid, 0);
            enter_locked(p, r);
            waiter_wake(w);
        } /* else timed out, killed or revoked meanwhile */
    }
    event_changed(&p->obj, p->used == PORT_CAPACITY - 1 ? SIG_WRITABLE : 0);
}

/* Out of ready. Returns: it; NULL: there is none. */
static inline struct request *remove_first_locked(struct port *p)
    REQUIRES(&p->obj.lock)
{
    struct request *r = first_of(&p->ready);

    if (r) {
        r->ready = false;
        p->used -= r->turn != 0;
    }
    return r;
}

static void free_place_locked(struct port *p, struct request *place)
    REQUIRES(&p->obj.lock)
{
    list_push_front(&p->free, &place->link);
    p->used--;
}

/* In a critical section, so that r is used by nobody who saw it before. */
static NOINLINE void withdraw(struct port *p, struct request *r)
{
    kobj_lock(&p->obj);
    if (!list_empty(&r->link)) {
        list_remove(&r->link);
        if (r->ready) {
            p->used--;
            admit_locked(p);
        }
    }
    kobj_unlock(&p->obj);
}

static long end_send(struct port *p, struct request *r, long error)
{
    if (error)
        withdraw(p, r);
    kobj_put(&p->obj);
    return error;
}

/* If it was sent, it stays so. */
static long finish_send(struct parked *op, long result, bool drop)
{
    (void)drop;
    return end_send(port_of(op->obj), (void *)op->wait.room, result);
}

NOINLINE long port_send(struct port *p, struct request *r, const void *node,
                        uint64_t timeout)
{
    long error = 0;

    r->turn = 0;
    r->ready = false;
    kobj_lock(&p->obj);
    if (p->closed & (PORT_SHUT | PORT_NO_READERS))
        error = -E_PIPE;
    else if (p->used < PORT_CAPACITY)
        enter_locked(p, r);
    else
        error = -E_AGAIN;
    if (error != -E_AGAIN || !timeout) {
        kobj_unlock(&p->obj);
        return error;
    }
    kobj_get(&p->obj);
    r->from = waiter_begin(node);
    list_push_back(&p->line, &r->link);
    kobj_unlock(&p->obj);
    handle_done();
    error = waiter_sleep(r->from, deadline_after(timeout));
    return error == -E_PARKED ? parked_with(&p->obj, finish_send)
                              : end_send(p, r, error);
}

/* No receiver waits. */
static NOINLINE void queue_call_locked(struct port *p, struct request *r)
    REQUIRES(&p->obj.lock)
{
    r->ready = false;
    if (p->used < PORT_CAPACITY)
        enter_locked(p, r);
    else
        list_push_back(&p->line, &r->link);
}

inline long port_call(struct port *p, struct request *r, const void *node,
                      uint64_t timeout)
{
    struct waiter *w, *server;
    long error;

    kobj_lock(&p->obj);
    if (unlikely(p->closed & (PORT_SHUT | PORT_NO_READERS) || !timeout)) {
        error = p->closed & (PORT_SHUT | PORT_NO_READERS) ? -E_PIPE : -E_AGAIN;
        kobj_unlock(&p->obj);
        handle_done();
        return error;
    }
    kobj_get(&p->obj);
    w = &this_proc()->wait;
    w->want = (uint64_t)r;
    w->called = &p->obj;
    r->from = waiter_begin_own(node);
    r->turn = w->turn;
    list_init(&r->link);
    server = give_locked(p, r);
    if (unlikely(!server))
        queue_call_locked(p, r);
    kobj_unlock(&p->obj);
    handle_done();
    if (unlikely(!server))
        event_flush(); /* who ends our wait holds no queue's lock */
    else if (unlikely(server != &server->proc->wait)) {
        waiter_wake(server); /* a ring's operation */
        server = NULL;
    }
    error = waiter_sleep_for(w, deadline_after(timeout), server);
    w->called = NULL;
    if (unlikely(error))
        withdraw(p, r);
    kobj_put(&p->obj);
    return error;
}

inline long port_take(struct port *p, struct port_recv *v, const void *node,
                      uint64_t timeout, bool in_range, struct waiter *next,
                      bool own)
{
    struct request *r;
    struct waiter *w;
    long error = 0;

    kobj_lock(&p->obj);
    r = remove_first_locked(p);
    if (r) {
        fill(v, r);
        if (r->turn)
            admit_locked(p);
    } else if (!in_range) {
        error = -E_FAULT;
    } else if (p->closed & (PORT_SHUT | PORT_NO_WRITERS)) {
        error = -E_PIPE;
    } else if (likely(timeout)) {
        w = own ? waiter_begin_own(node) : waiter_begin(node);
        return line_wait(&p->obj, &p->receivers, w, v, timeout, next);
    } else {
        error = -E_AGAIN;
    }
    if (next)
        waiter_wake(next);
    kobj_unlock(&p->obj);
    handle_done();
    return error;
}

NOINLINE void port_taken(struct port *p, struct request *place)
{
    kobj_lock(&p->obj);
    trace_rare(TRACE_RECV, OBJ_PORT, p->obj.id, place->number);
    free_place_locked(p, place);
    admit_locked(p);
    kobj_unlock(&p->obj);
}

/* Nobody will receive what is in ready. */
static void drop_locked(struct port *p) REQUIRES(&p->obj.lock)
{
    struct request *r;

    while ((r = remove_first_locked(p)))
        if (!r->turn)
            free_place_locked(p, r);
}

NOINLINE void port_untake(struct port *p, struct port_recv *v)
{
    kobj_lock(&p->obj);
    if (!v->turn || load_relaxed(&v->caller->claim) == v->turn) /* N3 */
        accept_locked(p, v->place, p->ready.next);
    if (p->closed & PORT_NO_READERS)
        drop_locked(p);
    kobj_unlock(&p->obj);
}

/* --- ends ----------------------------------------------------------------- */

/* The callers of what is in ready are gone: it stays as one-way messages. */
static void keep_locked(struct port *p) REQUIRES(&p->obj.lock)
{
    struct request *r, *place;
    struct list old = p->ready;

    if (list_empty(&p->ready))
        return;
    old.next->prev = old.prev->next = &old;
    list_init(&p->ready);
    while ((r = first_of(&old))) {
        place = r;
        if (r->turn) {
            r->ready = false;
            p->used--;
            place = first_of(&p->free);
            if (!place)
                continue; /* N1: one was too many */
            place->msg = r->msg;
            p->used++;
        }
        list_push_back(&p->ready, &place->link);
    }
}

void port_close_locked(struct port *p, uint32_t how)
{
    struct request *r;

    p->closed |= how;
    proc_end_calls(&p->obj, -E_PIPE);
    while ((r = first_of(&p->line)))
        if (!r->turn)
            waiter_end(r->from, -E_PIPE);
    if (how & PORT_NO_READERS)
        drop_locked(p);
    else
        keep_locked(p);
    line_end(&p->receivers, -E_PIPE); /* by N2 nothing is left for them */
    event_changed(&p->obj, SIG_CLOSED);
}

static void port_shutdown(struct kobj *obj)
{
    struct port *p = port_of(obj);

    kobj_lock(&p->obj);
    port_close_locked(p, PORT_SHUT);
    kobj_unlock(&p->obj);
}

static uint32_t port_signals(const struct kobj *obj, uint32_t rights)
{
    const struct port *p = container_of(obj, const struct port, obj);
    uint32_t up = 0, closed = PORT_SHUT;

    if (rights & RIGHT_READ) {
        up |= list_empty(&p->ready) ? 0 : SIG_READABLE;
        closed |= PORT_NO_WRITERS;
    }
    if (rights & RIGHT_WRITE) {
        up |= p->used < PORT_CAPACITY &&
                      !(p->closed & (PORT_SHUT | PORT_NO_READERS))
                  ? SIG_WRITABLE
                  : 0;
        closed |= PORT_NO_READERS;
    }
    return p->closed & closed ? up | SIG_CLOSED : up;
}

static void port_destroy(struct kobj *obj)
{
    struct port *p = port_of(obj);

    assert(list_empty(&p->line) && list_empty(&p->receivers) && !p->name[0]);
    kfree(p, sizeof(*p));
}

static const struct kobj_ops port_ops = {
    .side_gone = port_side_gone,
    .shutdown = port_shutdown,
    .signals = port_signals,
    .destroy = port_destroy,
};

long port_new(struct port **out)
{
    struct port *p = kzalloc(sizeof(*p));

    if (!p)
        return -E_NOMEM;
    list_init(&p->free);
    list_init(&p->ready);
    list_init(&p->line);
    list_init(&p->receivers);
    list_init(&p->named);
    for (int i = 0; i < PORT_CAPACITY; i++)
        list_push_back(&p->free, &p->places[i].link);
    kobj_init(&p->obj, OBJ_PORT, &port_ops);
    *out = p;
    return 0;
}
