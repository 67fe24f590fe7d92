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
 * the line. Who joins a line sets a bit of state, who finds it empty clears it.
 * Seq, time and statistics are those of the commit.
 *
 * What most messages need is inline and calls nothing, so a call's body has no
 * stack frame. What state asks for besides is a function of its own, called
 * last. Lab: queue
 */
#include "ipc/queue.h"

#include "base/trace.h"
#include "ipc/event.h"
#include "ipc/line.h"
#include "ipc/wit.h"
#include "mem/kalloc.h"

static inline struct qslot *slot_of(struct link *link)
{
    return link ? list_entry(link, struct qslot, link) : NULL;
}

inline struct qslot *queue_reserve_locked(struct queue *q)
{
    struct qslot *slot = slot_of(q->free);

    if (likely(slot))
        q->free = slot->link.next;
    return slot;
}

/* Take up to `most` messages of one priority, those that are next and fit into
 * cap bytes: a row of which nothing is done. */
static ALWAYS_INLINE void take_locked(struct queue *q, struct qrow *r,
                                      uint64_t cap, uint64_t most)
    REQUIRES(&q->obj.lock)
{
    struct link **top = most ? prioq_top(&q->ready) : NULL, *end;

    *r = (struct qrow){.n = 0};
    if (unlikely(!top))
        return;
    end = *top;
    r->first = slot_of(end->next);
    while (r->n < most && slot_of(end->next)->meta.len <= cap) {
        end = end->next;
        r->n++;
        if (end == *top)
            break;
    }
    r->end = slot_of(end);
    if (r->n > 0)
        prioq_pop(top, end);
}

static inline struct waiter *waiter_of(struct list *link)
{
    return link ? list_entry(link, struct waiter, link) : NULL;
}

/* The first sender in line, of the highest priority, leaves it; or NULL. */
static inline struct waiter *next_sender(struct queue *q) REQUIRES(&q->obj.lock)
{
    int level = q->obj.state & PLACE_WANTED ? PRIO_LEVELS : 0;
    struct list *link = NULL;

    while (level-- > 0 && !link)
        link = list_pop_front(&q->senders[level]);
    return waiter_of(link);
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
    q->obj.state &= ~MESSAGE_WANTED;
    return false;
}

/* The message goes to who waits for it, or is queued; observers are told. */
static NOINLINE void hand_on_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock)
{
    bool was_empty;

    if ((q->obj.state & MESSAGE_WANTED) && give_locked(q, slot))
        return;
    was_empty = !prioq_top(&q->ready);
    prioq_push(&q->ready, &slot->link, slot->meta.priority);
    event_changed(&q->obj, was_empty ? SIG_READABLE : 0);
}

/* n messages, linked, of so many bytes get their numbers and their time, and go
 * on; `plain` if state is 0. Returns: the place behind them. */
static ALWAYS_INLINE struct qslot *accept_locked(struct queue *q,
                                                 struct qslot *slot, uint64_t n,
                                                 uint64_t bytes, bool plain)
    REQUIRES(&q->obj.lock)
{
    uint64_t seq = q->stat.sent, depth = seq + n - q->stat.received;
    uint64_t now = read_time();
    struct link *next;

    q->stat.sent = seq + n;
    q->stat.bytes_sent += bytes;
    if (depth > q->stat.max_depth)
        q->stat.max_depth = (uint32_t)depth;
    for (; n > 0; n--, slot = slot_of(next)) {
        next = slot->link.next;
        slot->meta.seq = seq++;
        slot->meta.sent_ns = now;
        trace(TRACE_SEND, q->obj.type, q->obj.id,
              slot->meta.seq | (uint64_t)slot->meta.len << TRACE_LEN);
        if (unlikely(!plain && q->obj.state))
            hand_on_locked(q, slot);
        else
            prioq_push(&q->ready, &slot->link, slot->meta.priority);
    }
    return slot;
}

inline void queue_accept_locked(struct queue *q, struct qslot *slot)
{
    accept_locked(q, slot, 1, slot->meta.len, false);
}

/* A place for s: the message is sent, or the place is its sender's. */
static void use_place_locked(struct queue *q, struct qslot *slot,
                             struct queue_send *s) REQUIRES(&q->obj.lock)
{
    s->slot = slot;
    if (!s->data)
        return;
    queue_fill(slot, s);
    queue_accept_locked(q, slot);
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
    q->obj.state &= ~PLACE_WANTED;
    return false;
}

/* From first to end. */
static inline void push_free_locked(struct queue *q, struct qslot *first,
                                    struct qslot *end) REQUIRES(&q->obj.lock)
{
    end->link.next = q->free;
    q->free = &first->link;
}

/* n places, linked, go to who waits for them, or are free; observers are
 * told. */
static NOINLINE void pass_on_locked(struct queue *q, struct qslot *slot,
                                    uint64_t n) REQUIRES(&q->obj.lock)
{
    struct link *next, *others;

    for (; n > 0; n--, slot = slot_of(next)) {
        next = slot->link.next;
        others = q->free;
        if ((q->obj.state & PLACE_WANTED) && grant_locked(q, slot))
            continue;
        push_free_locked(q, slot, slot);
        event_changed(&q->obj, others ? 0 : SIG_WRITABLE);
    }
}

/* The last step of a call. [HAZARD] behind the fence of the lock's release: the
 * queue may be destroyed then, but queue_destroy() takes the lock first. */
static inline long end_locked(struct queue *q, long result)
    RELEASES(&q->obj.lock)
{
    kobj_unlock_only(&q->obj);
    store_relaxed(&this_hart()->hazard[0], NULL);
    return result;
}

static NOINLINE long release_locked(struct queue *q, struct qslot *slot,
                                    long result) RELEASES(&q->obj.lock)
{
    pass_on_locked(q, slot, 1);
    return end_locked(q, result);
}

NOINLINE long queue_release(struct queue *q, struct qslot *slot, long result)
{
    kobj_lock_only(&q->obj);
    return release_locked(q, slot, result);
}

static NOINLINE long commit_slowly(struct queue *q, struct qslot *slot)
    RELEASES(&q->obj.lock)
{
    if (q->obj.state & CLOSED_SEND)
        return release_locked(q, slot, -E_PIPE);
    queue_accept_locked(q, slot);
    return end_locked(q, 0);
}

inline long queue_commit(struct queue *q, struct qslot *slot)
{
    kobj_lock_again(&q->obj);
    if (unlikely(q->obj.state))
        return commit_slowly(q, slot);
    accept_locked(q, slot, 1, slot->meta.len, true);
    return end_locked(q, 0);
}

inline bool queue_commit_row(struct queue *q, struct qrow *r, uint64_t more)
{
    struct qslot *slot = r->first;
    struct link *free;

    kobj_lock_only(&q->obj);
    if (unlikely(q->obj.state & (CLOSED_SEND | TYPED))) {
        more = 0;
    } else if (r->done > 0) {
        slot = accept_locked(q, slot, r->done, r->bytes, false);
        r->n -= r->done;
        r->done = 0;
    }
    if (unlikely(r->n > 0))
        pass_on_locked(q, slot, r->n);
    if (unlikely(q->obj.state & ~MESSAGE_WANTED))
        more = 0;
    r->bytes = 0;
    r->first = slot_of(free = q->free);
    for (r->n = 0; r->n < more && free; r->n++)
        free = free->next;
    q->free = free;
    kobj_unlock_only(&q->obj);
    return r->n > 0;
}

inline struct qslot *queue_reserve(struct queue *q)
{
    struct qslot *slot;

    kobj_lock_only(&q->obj);
    slot = unlikely(q->obj.state & (CLOSED_SEND | TYPED))
               ? NULL
               : queue_reserve_locked(q);
    kobj_unlock_only(&q->obj);
    return slot;
}

inline struct qslot *queue_begin(struct queue *q,
                                 struct qslot *slot) NO_LOCK_CHECK
{
    kobj_lock(&q->obj);
    if (q->obj.state & CLOSED_SEND)
        slot = NULL;
    else if (!slot)
        slot = queue_reserve_locked(q);
    if (unlikely(!slot))
        kobj_unlock(&q->obj);
    return slot;
}

inline void queue_finish(struct queue *q, struct qslot *slot) NO_LOCK_CHECK
{
    queue_accept_locked(q, slot);
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
    else if (q->obj.state & CLOSED_SEND)
        error = -E_PIPE;
    else if ((slot = queue_reserve_locked(q)))
        use_place_locked(q, slot, s);
    else
        error = -E_AGAIN;
    if (error == -E_AGAIN && timeout) {
        if (s->meta.kind == MSG_INLINE && waiter_parks())
            s->data = NULL;
        q->obj.state |= PLACE_WANTED;
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

inline struct qslot *queue_take(struct queue *q, uint64_t cap) NO_LOCK_CHECK
{
    struct qrow r;

    kobj_lock_only(&q->obj);
    take_locked(q, &r, cap, 1);
    if (unlikely(!r.n))
        return NULL;
    kobj_unlock_only(&q->obj);
    return r.first;
}

inline long queue_take_wait(struct queue *q, struct queue_recv *r,
                            const void *node, uint64_t timeout) NO_LOCK_CHECK
{
    long error = unlikely(q->obj.state & CLOSED_RECV) ? -E_PIPE : -E_AGAIN;
    struct link **top = prioq_top(&q->ready);

    if (unlikely(top)) {
        queue_header(slot_of((*top)->next), &r->header);
        error = -E_MSGSIZE;
    } else if (!r->in_range) {
        error = -E_FAULT;
    }
    if (error == -E_AGAIN && timeout) {
        q->obj.state |= MESSAGE_WANTED;
        error = line_wait(&q->obj, &q->receivers, waiter_begin(node), r,
                          timeout, NULL);
    } else {
        kobj_unlock(&q->obj);
    }
    handle_done();
    return count_miss(&q->stat.empty, error);
}

inline long queue_taken(struct queue *q, struct qslot *slot)
{
    uint64_t len;

    kobj_lock_again(&q->obj);
    len = slot->meta.len;
    trace(TRACE_RECV, q->obj.type, q->obj.id, slot->meta.seq);
    q->stat.received++;
    q->stat.bytes_received += len;
    if (unlikely(q->obj.state & ~MESSAGE_WANTED))
        return release_locked(q, slot, (long)len);
    push_free_locked(q, slot, slot);
    return end_locked(q, (long)len);
}

inline bool queue_taken_row(struct queue *q, struct qrow *r, uint64_t cap,
                            uint64_t more)
{
    kobj_lock_only(&q->obj);
    q->stat.received += r->done;
    q->stat.bytes_received += r->bytes;
    if (unlikely(r->done < r->n || (q->obj.state & ~MESSAGE_WANTED)))
        pass_on_locked(q, r->first, r->done);
    else if (r->n > 0)
        push_free_locked(q, r->first, r->end);
    if (unlikely(q->obj.state & ~MESSAGE_WANTED))
        more = 0;
    take_locked(q, r, cap, more);
    kobj_unlock_only(&q->obj);
    return r->n > 0;
}

/* Nobody will receive what is in it. */
static NOINLINE void drop_messages(struct queue *q) NO_LOCK_CHECK
{
    struct qslot *slot;

    while ((slot = queue_take(q, UINT64_MAX))) {
        trace_rare(TRACE_DROP, q->obj.type, q->obj.id, slot->meta.seq);
        queue_drop_handle(q, slot);
        (void)queue_taken(q, slot);
        interrupt_window();
    }
    kobj_unlock(&q->obj);
}

NOINLINE long queue_untake(struct queue *q, struct qslot *first,
                           struct qslot *end, long result)
{
    bool drop, was_empty;
    struct link **top;

    kobj_lock(&q->obj);
    was_empty = !prioq_top(&q->ready);
    prioq_push_front(&q->ready, &first->link, &end->link, end->meta.priority);
    while ((q->obj.state & MESSAGE_WANTED) && (top = prioq_top(&q->ready)) &&
           give_locked(q, slot_of((*top)->next)))
        prioq_pop(top, (*top)->next);
    event_changed(&q->obj, was_empty ? SIG_READABLE : 0);
    drop = q->obj.state & NO_READERS;
    kobj_unlock(&q->obj);
    if (drop)
        drop_messages(q);
    handle_done_one();
    return result;
}

static void close_queue(struct queue *q, uint32_t how)
{
    struct waiter *w;

    kobj_lock(&q->obj);
    q->obj.state |= how;
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

static void queue_destroy(struct kobj *obj)
{
    struct queue *q = queue_of(obj);

    drop_messages(q); /* there are some only if it never had a reader */
    kobj_lock(&q->obj);
    assert(list_empty(&q->receivers) && !next_sender(q));
    kobj_unlock(&q->obj);
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
