/*
 * The queue primitive.
 *
 *   Q1  every place is free, reserved, queued (in `ready`) or given (taken by
 *       a receiver); sent - received counts the last two.
 *   Q2  a receiver waits only while `ready` is empty: who commits or puts back
 *       a message gives it to the first receiver in line that can take it.
 *   Q3  a sender waits only while no place is free: who frees a place gives it
 *       to the first sender of the highest priority, message and all.
 *   Q4  a given message belongs to its receiver alone until queue_taken() or
 *       queue_untake(); nobody else sees it.
 *   Q5  meta.seq rises by one with each accepted message; messages of one
 *       priority leave in the order of their seq, but for those put back.
 *
 * No wakeup is lost (W2): to see that it has to wait and to join the line is
 * one critical section of the lock, and so is to change the queue and to serve
 * the line. Seq, time and statistics are those of the commit. Lab: queue
 */
#include "ipc/queue.h"

#include "base/string.h"
#include "base/trace.h"
#include "ipc/event.h"
#include "ipc/line.h"
#include "ipc/wit.h"
#include "mem/kalloc.h"

static inline struct qslot *slot_of(struct link *link)
{
    return link ? list_entry(link, struct qslot, link) : NULL;
}

/* A free place becomes reserved; NULL: there is none. */
static inline struct qslot *reserve_locked(struct queue *q)
    REQUIRES(&q->obj.lock)
{
    struct qslot *slot = slot_of(q->free);

    if (likely(slot))
        q->free = slot->link.next;
    return slot;
}

/* The message that is next, if it fits into cap bytes, is taken; else NULL. */
static inline struct qslot *take_locked(struct queue *q, uint64_t cap)
    REQUIRES(&q->obj.lock)
{
    struct qslot *slot = slot_of(prioq_first(&q->ready));

    if (unlikely(!slot || slot->meta.len > cap))
        return NULL;
    prioq_pop(&q->ready);
    return slot;
}

static inline struct waiter *waiter_of(struct list *link)
{
    return link ? list_entry(link, struct waiter, link) : NULL;
}

static uint32_t queue_signals(const struct kobj *obj, uint32_t rights)
{
    const struct queue *q = container_of(obj, const struct queue, obj);
    bool reads = rights & RIGHT_READ, writes = rights & RIGHT_WRITE;
    bool sending = !(q->closed & CLOSED_SEND);
    bool receiving = !(q->closed & CLOSED_RECV);

    return (reads && q->ready.levels ? SIG_READABLE : 0) |
           (writes && q->free && sending ? SIG_WRITABLE : 0) |
           ((reads && !receiving) || (writes && !sending) ? SIG_CLOSED : 0);
}

/* The first sender in line, of the highest priority, leaves it; or NULL. Who
 * leaves by itself does not look whether it was its level's last. */
static inline struct waiter *next_sender(struct queue *q) REQUIRES(&q->obj.lock)
{
    while (q->sender_levels) {
        uint32_t top = level_top(q->sender_levels);
        struct list *link = list_pop_front(&q->senders[top]);

        if (link)
            return waiter_of(link);
        q->sender_levels &= ~(1ul << top);
    }
    return NULL;
}

/* Count what ended in E_AGAIN or E_TIMEDOUT. */
static inline long count_miss(uint64_t *counter, long error)
{
    if (unlikely(error) && (error == -E_AGAIN || error == -E_TIMEDOUT))
        add_relaxed(counter, 1);
    return error;
}

/* Give a message to the first receiver in line that can take it; one whose
 * buffer is too small leaves the line with E_MSGSIZE (BEHAVIOUR C2).
 * Returns: whether somebody has it. */
static NOINLINE bool give_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock)
{
    struct waiter *w;

    while ((w = waiter_of(list_pop_front(&q->receivers)))) {
        struct queue_recv *r = (void *)w->want;

        if (unlikely(slot->meta.len > r->cap)) {
            queue_header(slot, &r->header);
            waiter_end(w, -E_MSGSIZE);
        } else if (likely(waiter_claim(w, 0))) {
            r->slot = slot;
            waiter_wake(w);
            return true;
        } /* else timed out, killed or revoked meanwhile */
    }
    return false;
}

static inline void accept_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock)
{
    uint32_t depth;
    bool was_empty;

    slot->meta.seq = q->stat.sent++;
    slot->meta.sent_ns = read_time();
    q->stat.bytes_sent += slot->meta.len;
    depth = (uint32_t)(q->stat.sent - q->stat.received);
    if (depth > q->stat.max_depth)
        q->stat.max_depth = depth;
    trace(TRACE_SEND, q->obj.type, q->obj.id,
          slot->meta.seq | (uint64_t)slot->meta.len << TRACE_LEN);
    if (unlikely(!list_empty(&q->receivers)) && give_locked(q, slot))
        return;
    was_empty = !q->ready.levels;
    prioq_push(&q->ready, &slot->link, slot->meta.priority);
    event_changed(&q->obj, was_empty ? SIG_READABLE : 0);
}

void queue_accept_locked(struct queue *q, struct qslot *slot)
{
    accept_locked(q, slot);
}

/* A place for s: the message is sent, or the place is its sender's. */
static void use_place_locked(struct queue *q, struct qslot *slot,
                             struct queue_send *s) REQUIRES(&q->obj.lock)
{
    s->slot = slot;
    if (!s->data)
        return;
    queue_fill(slot, s);
    accept_locked(q, slot);
}

/* Give a free place to the first sender in line (Q3). Returns: whether one
 * took it. */
static NOINLINE bool grant_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock)
{
    struct waiter *w;

    if (q->kept) {
        event_place_locked(q, slot);
        return true;
    }
    while ((w = next_sender(q)))
        if (waiter_claim(w, 0)) {
            trace_rare(TRACE_AS, 0, (uint64_t)w->proc->pid, 0);
            use_place_locked(q, slot, (void *)w->want);
            waiter_wake(w);
            return true;
        } /* else timed out, killed or revoked meanwhile */
    return false;
}

static inline void free_place_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock)
{
    struct link *others = q->free;

    if (unlikely(q->sender_levels | (uint64_t)q->kept) && grant_locked(q, slot))
        return;
    slot->link.next = others;
    q->free = &slot->link;
    event_changed(&q->obj, others ? 0 : SIG_WRITABLE);
}

inline struct qslot *queue_reserve(struct queue *q, uint32_t closed)
{
    struct qslot *slot;

    kobj_lock(&q->obj);
    slot = unlikely(q->closed & closed) ? NULL : reserve_locked(q);
    kobj_unlock(&q->obj);
    return slot;
}

inline long queue_commit_next(struct queue *q, struct qslot **slot, bool more)
{
    long error = -E_PIPE;

    kobj_lock(&q->obj);
    if (likely(!(q->closed & CLOSED_SEND))) {
        accept_locked(q, *slot);
        /* It is not TYPED: that was not possible with a place reserved. */
        *slot = more ? reserve_locked(q) : NULL;
        error = 0;
    }
    kobj_unlock(&q->obj);
    return error;
}

inline long queue_commit(struct queue *q, struct qslot *slot)
{
    return queue_commit_next(q, &slot, false);
}

inline struct qslot *queue_begin(struct queue *q,
                                 struct qslot *slot) NO_LOCK_CHECK
{
    kobj_lock(&q->obj);
    slot = q->closed & CLOSED_SEND ? NULL : slot ? slot : reserve_locked(q);
    if (unlikely(!slot))
        kobj_unlock(&q->obj);
    return slot;
}

inline void queue_finish(struct queue *q, struct qslot *slot) NO_LOCK_CHECK
{
    accept_locked(q, slot);
    kobj_unlock(&q->obj);
}

NOINLINE void queue_release(struct queue *q, struct qslot *slot)
{
    kobj_lock(&q->obj);
    free_place_locked(q, slot);
    kobj_unlock(&q->obj);
}

long queue_send_wait(struct queue *q, struct queue_send *s, const void *node,
                     uint64_t timeout)
{
    struct qslot *slot;
    long error = 0;

    kobj_lock(&q->obj);
    if (s->meta.kind == MSG_INLINE && q->type != s->type)
        error = -E_ALREADY;
    else if (q->closed & CLOSED_SEND)
        error = -E_PIPE;
    else if ((slot = reserve_locked(q)))
        use_place_locked(q, slot, s);
    else
        error = -E_AGAIN;
    if (error == -E_AGAIN && timeout) {
        if (s->meta.kind == MSG_INLINE && waiter_parks())
            s->data = NULL;
        q->sender_levels |= 1ul << s->meta.priority;
        error = line_wait(&q->obj, &q->senders[s->meta.priority],
                          waiter_begin(node), s, timeout, NULL);
    } else {
        kobj_unlock(&q->obj);
    }
    return count_miss(&q->stat.rejected, error);
}

long queue_waited(struct queue *q, struct waiter *w, uint64_t *missed,
                  long result)
{
    return count_miss(missed, line_waited(&q->obj, w, result));
}

inline struct qslot *queue_take(struct queue *q, uint64_t cap)
{
    struct qslot *slot;

    kobj_lock(&q->obj);
    slot = take_locked(q, cap);
    kobj_unlock(&q->obj);
    return slot;
}

inline long queue_take_wait(struct queue *q, struct queue_recv *r,
                            const void *node, uint64_t timeout)
{
    struct qslot *slot;
    long error = 0;

    kobj_lock(&q->obj);
    r->slot = slot = slot_of(prioq_first(&q->ready));
    if (slot && slot->meta.len <= r->cap) {
        prioq_pop(&q->ready);
    } else if (slot) {
        queue_header(slot, &r->header);
        error = -E_MSGSIZE;
    } else if (!r->in_range) {
        error = -E_FAULT;
    } else {
        error = unlikely(q->closed & CLOSED_RECV) ? -E_PIPE : -E_AGAIN;
    }
    if (error == -E_AGAIN && timeout)
        error = line_wait(&q->obj, &q->receivers, waiter_begin(node), r,
                          timeout, NULL);
    else
        kobj_unlock(&q->obj);
    handle_done();
    return count_miss(&q->stat.empty, error);
}

inline struct qslot *queue_taken_next(struct queue *q, struct qslot *slot,
                                      uint64_t cap, bool more)
{
    kobj_lock(&q->obj);
    trace(TRACE_RECV, q->obj.type, q->obj.id, slot->meta.seq);
    q->stat.received++;
    q->stat.bytes_received += slot->meta.len;
    free_place_locked(q, slot);
    slot = more ? take_locked(q, cap) : NULL;
    kobj_unlock(&q->obj);
    return slot;
}

inline void queue_taken(struct queue *q, struct qslot *slot)
{
    (void)!queue_taken_next(q, slot, 0, false);
}

/* Nobody will receive what is in it. */
static NOINLINE void drop_messages(struct queue *q)
{
    struct qslot *slot;

    while ((slot = queue_take(q, UINT64_MAX))) {
        trace_rare(TRACE_DROP, q->obj.type, q->obj.id, slot->meta.seq);
        queue_drop_handle(q, slot);
        queue_taken(q, slot);
        interrupt_window();
    }
}

NOINLINE void queue_untake(struct queue *q, struct qslot *slot)
{
    bool drop, was_empty;

    kobj_lock(&q->obj);
    if (!give_locked(q, slot)) {
        was_empty = !q->ready.levels;
        prioq_push_front(&q->ready, &slot->link, slot->meta.priority);
        event_changed(&q->obj, was_empty ? SIG_READABLE : 0);
    }
    drop = q->closed & NO_READERS;
    kobj_unlock(&q->obj);
    if (drop)
        drop_messages(q);
}

long queue_peek(struct queue *q, struct msg_meta *meta)
{
    struct qslot *slot;
    long error;

    kobj_lock(&q->obj);
    slot = slot_of(prioq_first(&q->ready));
    error = slot ? 0 : q->closed & CLOSED_RECV ? -E_PIPE : -E_AGAIN;
    if (slot)
        queue_header(slot, meta);
    kobj_unlock(&q->obj);
    return error;
}

void queue_statistics(struct queue *q, struct queue_stat *out)
{
    kobj_lock(&q->obj);
    memcpy(out, &q->stat, offsetof(struct queue_stat, rejected));
    out->rejected = load_relaxed(&q->stat.rejected); /* count_miss() */
    out->empty = load_relaxed(&q->stat.empty);
    out->bytes_sent = q->stat.bytes_sent;
    out->bytes_received = q->stat.bytes_received;
    out->len = (uint32_t)(out->sent - out->received);
    out->available = out->ring_size - out->len;
    for (int i = 0; i < PRIO_LEVELS; i++)
        list_for_each (link, &q->senders[i])
            out->waiting_senders++;
    list_for_each (link, &q->receivers)
        out->waiting_receivers++;
    kobj_unlock(&q->obj);
}

static void close_queue(struct queue *q, uint32_t how)
{
    struct waiter *w;

    kobj_lock(&q->obj);
    q->closed |= how;
    while ((how & CLOSED_SEND) && (w = next_sender(q)))
        waiter_end(w, -E_PIPE);
    /* By Q2 nobody waits to receive while there is something to drain. */
    if (how & CLOSED_RECV)
        line_end(&q->receivers, -E_PIPE);
    event_changed(&q->obj, SIG_CLOSED);
    kobj_unlock(&q->obj);
    if (how & NO_READERS)
        drop_messages(q);
}

static void queue_side_gone(struct kobj *obj, uint32_t rights)
{
    close_queue(queue_of(obj),
                (rights & RIGHT_WRITE ? CLOSED_RECV : 0) |
                    (rights & RIGHT_READ ? CLOSED_SEND | NO_READERS : 0));
}

static void queue_shutdown(struct kobj *obj)
{
    close_queue(queue_of(obj), CLOSED_SEND | CLOSED_RECV);
}

/* Nothing that was not checked gets in: a place that is not free here is in the
 * hands of a sender who saw no type; from TYPED on queue_reserve() gives none,
 * and queue_send_wait() compares types under the lock. */
long queue_set_type(struct queue *q, struct wit_type *type)
{
    uint32_t n = 0;
    long error;

    kobj_lock(&q->obj);
    for (struct link *link = q->free; link; link = link->next)
        n++;
    error = q->type                                       ? -E_ALREADY
            : q->stat.sent != 0 || n != q->stat.ring_size ? -E_BUSY
            : !type                                       ? -E_NOMEM
                                                          : 0;
    if (!error) {
        q->closed |= TYPED;
        q->type = type;
    }
    kobj_unlock(&q->obj);
    return error;
}

static void queue_destroy(struct kobj *obj)
{
    struct queue *q = queue_of(obj);

    kobj_lock(&q->obj);
    assert(list_empty(&q->receivers) && !next_sender(q));
    kobj_unlock(&q->obj);
    drop_messages(q); /* there are some only if it never had a reader */
    if (q->type)
        kfree(q->type, wit_bytes(q->type->len));
    queue_free(q);
}

const struct kobj_ops queue_ops = {
    .side_gone = queue_side_gone,
    .shutdown = queue_shutdown,
    .signals = queue_signals,
    .destroy = queue_destroy,
};
