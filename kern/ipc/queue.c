/*
 * The queue primitive.
 *
 *   Q1  every place is free, reserved, queued (in `ready`) or given (taken by
 *       a receiver); seq - received counts the last two.
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
 * one critical section of q->lock, and so is to change the queue and to serve
 * the line. A message is accepted at commit: seq, time and statistics are
 * those of that moment. Lab: queue
 */
#include "ipc/queue.h"

#include "base/string.h"
#include "ipc/handle.h"
#include "ipc/wit.h"
#include "mem/kalloc.h"

#define MIN_PAYLOAD 24u /* a descriptor fits into any queue */

/* What a waiting sender's line entry (waiter.want) points to. */
struct send_wait {
    const struct msg_meta *meta;
    const void *data;
};

/* What a waiting receiver's points to. */
struct recv_wait {
    uint64_t cap;
    struct msg_meta meta; /* of a message that was too large */
};

static inline void
lock(struct queue *q) ACQUIRES(&q->lock)
{
    spin_lock_as(&q->lock, RANK_OBJECT);
}

static inline void
unlock(struct queue *q) RELEASES(&q->lock)
{
    spin_unlock_as(&q->lock, RANK_OBJECT);
}

/* --- storage -------------------------------------------------------------- */

/* Places stand one behind the other, at multiples of 64, so none straddles
 * pages but in its payload. */
static uint32_t
stride(const struct queue *q)
{
    uint32_t payload = q->max_msg < MIN_PAYLOAD ? MIN_PAYLOAD : q->max_msg;

    return (uint32_t)(sizeof(struct qslot) +
                      ROUND_UP(payload, sizeof(struct qslot)));
}

static uint32_t
page_count(const struct queue *q)
{
    return (uint32_t)((q->ring_size * stride(q) + PAGE_SIZE - 1) / PAGE_SIZE);
}

/* Bytes of page i: the last one is as small as it can be. */
static uint32_t
page_bytes(const struct queue *q, uint32_t i)
{
    uint32_t left = q->ring_size * stride(q) - i * (uint32_t)PAGE_SIZE;

    return MIN(left, (uint32_t)PAGE_SIZE);
}

static void
free_storage(struct queue *q)
{
    uint32_t n = page_count(q);

    for (uint32_t i = 0; q->pages && i < n; i++)
        if (q->pages[i] && page_bytes(q, i) > KMALLOC_MAX)
            page_free(q->pages[i]);
        else
            kfree(q->pages[i], page_bytes(q, i));
    if (q->pages && n > 1)
        kfree(q->pages, n * (uint32_t)sizeof(void *));
}

static long
make_storage(struct queue *q)
{
    uint32_t n = page_count(q);

    q->pages = n > 1 ? kzalloc(n * (uint32_t)sizeof(void *)) : &q->only_page;
    if (!q->pages)
        return -E_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bytes = page_bytes(q, i);

        q->pages[i] = bytes > KMALLOC_MAX ? page_alloc() : kmalloc(bytes);
        if (!q->pages[i])
            return -E_NOMEM;
    }
    for (uint32_t i = q->ring_size; i-- > 0;) {
        uint32_t at = i * stride(q), page = at / (uint32_t)PAGE_SIZE;
        struct qslot *slot = (void *)((char *)q->pages[page] + at % PAGE_SIZE);

        slot->next_page = queue_room(slot) < stride(q) - sizeof(*slot)
                              ? q->pages[page + 1]
                              : NULL;
        slot->link.next = q->free;
        q->free = &slot->link;
    }
    return 0;
}

struct hnode **
queue_node(struct qslot *slot)
{
    return (void *)(queue_room(slot) ? queue_payload(slot) : slot->next_page);
}

struct msg_meta
queue_header(const struct qslot *slot)
{
    struct msg_meta meta = slot->meta;

    meta.sent_ns = ticks_to_ns(meta.sent_ns);
    return meta;
}

static bool
carries_handle(const struct qslot *slot)
{
    return slot->meta.kind == MSG_DESC || slot->meta.kind == MSG_HANDLE;
}

/* --- handles in messages -------------------------------------------------- */

static struct spinlock flight_lock = SPINLOCK(RANK_FLIGHT);

static bool
is_end(const struct kobj *obj, uint32_t rights)
{
    return obj->type == OBJ_QUEUE && (rights & RIGHT_READ);
}

long
queue_end_starts(struct queue *q, struct kobj *obj, uint32_t rights)
{
    struct queue *end = queue_of(obj);
    long error = -E_LOOP;

    if (!is_end(obj, rights))
        return 0;
    spin_lock(&flight_lock);
    if (end != q && !q->ends_in_flight && !end->ends_held) {
        end->ends_in_flight++;
        q->ends_held++;
        error = 0;
    }
    spin_unlock(&flight_lock);
    return error;
}

void
queue_end_stops(struct queue *q, struct kobj *obj, uint32_t rights)
{
    if (!is_end(obj, rights))
        return;
    spin_lock(&flight_lock);
    queue_of(obj)->ends_in_flight--;
    q->ends_held--;
    spin_unlock(&flight_lock);
}

void
queue_drop_handle(struct queue *q, struct qslot *slot)
{
    struct hnode *node;

    if (!carries_handle(slot))
        return;
    node = *queue_node(slot);
    queue_end_stops(q, node->obj, hnode_rights(node));
    hnode_end(node);
}

/* --- signals -------------------------------------------------------------- */

static uint32_t
signals_locked(const struct queue *q, uint32_t rights) REQUIRES(&q->lock)
{
    uint32_t up = 0;

    if (rights & RIGHT_READ) {
        if (!prioq_empty(&q->ready))
            up |= SIG_READABLE;
        if (q->closed & (NO_WRITERS | SHUT))
            up |= SIG_CLOSED;
    }
    if (rights & RIGHT_WRITE) {
        if (q->closed & (NO_READERS | SHUT))
            up |= SIG_CLOSED;
        else if (q->free)
            up |= SIG_WRITABLE;
    }
    return up;
}

static void
notify_locked(struct queue *q) REQUIRES(&q->lock)
{
    struct list *next;

    for (struct list *link = q->observers.next; link != &q->observers;
         link = next) {
        struct observer *o = list_entry(link, struct observer, link);
        uint32_t up = signals_locked(q, o->rights) & o->wanted;

        next = link->next; /* fire may take o out */
        if (up)
            o->fire(o, up);
    }
}

static inline void
changed_locked(struct queue *q) REQUIRES(&q->lock)
{
    if (unlikely(!list_empty(&q->observers)))
        notify_locked(q);
}

static uint32_t
queue_observe(struct kobj *obj, struct observer *o)
{
    struct queue *q = queue_of(obj);
    uint32_t up;

    lock(q);
    up = signals_locked(q, o->rights);
    if (!(up & o->wanted))
        list_push_back(&q->observers, &o->link);
    unlock(q);
    return up;
}

static void
queue_unobserve(struct kobj *obj, struct observer *o)
{
    struct queue *q = queue_of(obj);

    lock(q);
    list_remove(&o->link);
    unlock(q);
}

/* --- moving messages, with the lock held ---------------------------------- */

/* The buffer that a message needs. */
static uint64_t
size_of(const struct qslot *slot)
{
    return slot->meta.len;
}

/*
 * Give a message to the first receiver in line that can take it; one whose
 * buffer is too small leaves the line with E_MSGSIZE (BEHAVIOUR C2).
 * Returns: whether somebody has it.
 */
static __attribute__((noinline)) bool
give_locked(struct queue *q, struct qslot *slot) REQUIRES(&q->lock)
{
    while (!list_empty(&q->receivers)) {
        struct waiter *w = list_entry(q->receivers.next, struct waiter, link);
        struct recv_wait *want = (void *)w->want;

        list_remove(&w->link);
        if (likely(size_of(slot) <= want->cap)) {
            if (unlikely(!waiter_claim(w, 0)))
                continue; /* timed out, killed or revoked meanwhile */
            w->given = slot;
            waiter_wake(w);
            return true;
        }
        if (waiter_claim(w, -E_MSGSIZE)) {
            want->meta = queue_header(slot);
            waiter_wake(w);
        }
    }
    return false;
}

static inline void
accept_locked(struct queue *q, struct qslot *slot) REQUIRES(&q->lock)
{
    slot->meta.seq = q->seq++;
    slot->meta.sent_ns = read_time();
    q->bytes_sent += slot->meta.len;
    if (q->seq - q->received > q->max_depth)
        q->max_depth = q->seq - q->received;
    if (unlikely(!list_empty(&q->receivers)) && give_locked(q, slot))
        return;
    prioq_push(&q->ready, &slot->link, slot->meta.priority);
    changed_locked(q);
}

/* Fill a place from a waiting sender's kernel memory. */
static void
fill(struct qslot *slot, const struct send_wait *s)
{
    uint64_t here = MIN(s->meta->len, queue_room(slot));

    slot->meta = *s->meta;
    memcpy(queue_payload(slot), s->data, here);
    if (unlikely(here < s->meta->len))
        memcpy(slot->next_page, (const char *)s->data + here,
               s->meta->len - here);
}

/* Give a free place to the first sender in line (Q3). Returns: whether one
 * took it. */
static __attribute__((noinline)) bool
grant_locked(struct queue *q, struct qslot *slot) REQUIRES(&q->lock)
{
    while (!prioq_empty(&q->senders)) {
        struct waiter *w =
            list_entry(prioq_first(&q->senders), struct waiter, link);
        struct send_wait *s = (void *)w->want;

        prioq_remove(&q->senders, &w->link, s->meta->priority);
        if (!waiter_claim(w, 0))
            continue; /* timed out, killed or revoked meanwhile */
        fill(slot, s);
        waiter_wake(w);
        accept_locked(q, slot);
        return true;
    }
    return false;
}

static inline void
free_place_locked(struct queue *q, struct qslot *slot) REQUIRES(&q->lock)
{
    if (unlikely(!prioq_empty(&q->senders)) && grant_locked(q, slot))
        return;
    slot->link.next = q->free;
    q->free = &slot->link;
    changed_locked(q);
}

/* --- sending -------------------------------------------------------------- */

struct qslot *
queue_reserve(struct queue *q)
{
    struct list *link;

    lock(q);
    link = q->free;
    if (likely(link && !(q->closed & (NO_READERS | SHUT | TYPED))))
        q->free = link->next;
    else
        link = NULL;
    unlock(q);
    return link ? list_entry(link, struct qslot, link) : NULL;
}

long
queue_may_send(struct queue *q)
{
    long error = 0;

    lock(q);
    if (q->closed & (NO_READERS | SHUT))
        error = -E_PIPE;
    else if (!q->free)
        error = -E_AGAIN;
    unlock(q);
    if (error == -E_AGAIN)
        add_relaxed(&q->rejected, 1);
    return error;
}

/*
 * Nothing that was not checked gets in: a place that is not free here is in
 * the hands of a sender who saw no type; from TYPED on queue_reserve() gives
 * none, and queue_send_wait() compares types under the lock.
 */
long
queue_set_type(struct queue *q, struct wit_type *type)
{
    uint32_t n = 0;
    long error = 0;

    lock(q);
    for (struct list *link = q->free; link; link = link->next)
        n++;
    if (q->type)
        error = -E_ALREADY;
    else if (q->seq != 0 || n != q->ring_size)
        error = -E_BUSY;
    else if (!type)
        error = -E_NOMEM;
    if (!error) {
        q->type = type;
        q->closed |= TYPED;
    }
    unlock(q);
    return error;
}

void
queue_release(struct queue *q, struct qslot *slot)
{
    lock(q);
    free_place_locked(q, slot);
    unlock(q);
}

long
queue_commit(struct queue *q, struct qslot *slot)
{
    long error = 0;

    lock(q);
    if (unlikely(q->closed & (NO_READERS | SHUT)))
        error = -E_PIPE;
    else
        accept_locked(q, slot);
    unlock(q);
    return error;
}

long
queue_send_wait(struct queue *q, const struct msg_meta *meta, const void *data,
                const struct wit_type *type, const void *node, uint64_t timeout)
{
    uint64_t deadline = timeout ? deadline_after(timeout) : 0;
    struct send_wait s = {meta, data};
    struct waiter *w;
    long error = 0;

    lock(q);
    if (unlikely(q->type != type)) {
        error = -E_ALREADY;
    } else if (q->closed & (NO_READERS | SHUT)) {
        error = -E_PIPE;
    } else if (q->free) { /* freed since the caller looked */
        struct qslot *slot = list_entry(q->free, struct qslot, link);

        q->free = slot->link.next;
        fill(slot, &s);
        accept_locked(q, slot);
    } else if (timeout == 0) {
        error = -E_AGAIN;
    } else {
        w = waiter_begin(node);
        w->want = (uint64_t)&s;
        prioq_push(&q->senders, &w->link, meta->priority);
        unlock(q);
        handle_done();
        error = waiter_sleep(w, deadline);
        lock(q);
        if (list_linked(&w->link)) {
            prioq_remove(&q->senders, &w->link, meta->priority);
        }
    }
    unlock(q);
    if (error == -E_AGAIN || error == -E_TIMEDOUT)
        add_relaxed(&q->rejected, 1);
    return error;
}

/* --- receiving ------------------------------------------------------------ */

struct qslot *
queue_take(struct queue *q, uint64_t cap)
{
    struct qslot *slot = NULL;
    struct list *link;

    lock(q);
    link = prioq_first(&q->ready);
    if (likely(link && size_of(list_entry(link, struct qslot, link)) <= cap))
        slot = list_entry(prioq_pop(&q->ready), struct qslot, link);
    unlock(q);
    return slot;
}

/* Join the line. Returns: as waiter_sleep(); 0: w->given is ours (Q4). */
static inline long
wait_for_message(struct queue *q, struct recv_wait *want, const void *node,
                 uint64_t deadline) RELEASES(&q->lock)
{
    struct waiter *w = waiter_begin(node);
    long error;

    w->want = (uint64_t)want;
    list_push_back(&q->receivers, &w->link);
    unlock(q);
    handle_done();
    error = waiter_sleep(w, deadline);
    if (likely(!error))
        return 0;
    lock(q);
    if (list_linked(&w->link)) {
        list_remove(&w->link);
    }
    unlock(q);
    return error;
}

inline long
queue_take_wait(struct queue *q, uint64_t cap, bool good,
                struct msg_meta *header, struct qslot **out, const void *node,
                uint64_t timeout)
{
    uint64_t deadline = deadline_after(timeout);
    struct recv_wait want;
    struct list *link;
    long error = 0;

    want.cap = cap;

    lock(q);
    link = prioq_first(&q->ready);
    if (link) {
        *header = queue_header(list_entry(link, struct qslot, link));
        if (header->len > cap)
            error = -E_MSGSIZE;
        else
            *out = list_entry(prioq_pop(&q->ready), struct qslot, link);
    } else if (!good) {
        error = -E_FAULT;
    } else if (q->closed & (NO_WRITERS | SHUT)) {
        error = -E_PIPE;
    } else if (timeout == 0) {
        error = -E_AGAIN;
    } else {
        error = wait_for_message(q, &want, node, deadline);
        *out = this_proc()->wait.given;
        if (likely(!error))
            return 0;
        if (error == -E_MSGSIZE)
            *header = want.meta;
        goto waited;
    }
    unlock(q);
waited:
    if (error == -E_AGAIN || error == -E_TIMEDOUT)
        add_relaxed(&q->empty, 1);
    return error;
}

inline void
queue_taken(struct queue *q, struct qslot *slot)
{
    lock(q);
    q->received++;
    q->bytes_received += slot->meta.len;
    free_place_locked(q, slot);
    unlock(q);
}

static void drop_message(struct queue *q, struct qslot *slot);

void
queue_untake(struct queue *q, struct qslot *slot)
{
    bool drop;

    lock(q);
    drop = q->closed & NO_READERS;
    if (drop) {
        q->received++;
    } else if (!give_locked(q, slot)) {
        prioq_push_front(&q->ready, &slot->link, slot->meta.priority);
        changed_locked(q);
    }
    unlock(q);
    if (drop)
        drop_message(q, slot);
}

long
queue_peek(struct queue *q, struct msg_meta *meta)
{
    struct list *link;
    long error = 0;

    lock(q);
    link = prioq_first(&q->ready);
    if (link)
        *meta = queue_header(list_entry(link, struct qslot, link));
    else
        error = q->closed & (NO_WRITERS | SHUT) ? -E_PIPE : -E_AGAIN;
    unlock(q);
    return error;
}

static uint32_t
length_of(const struct list *line)
{
    uint32_t n = 0;

    list_for_each (link, line)
        n++;
    return n;
}

void
queue_statistics(struct queue *q, struct queue_stat *out)
{
    lock(q);
    *out = (struct queue_stat){
        .ring_size = q->ring_size,
        .max_msg = q->max_msg,
        .schema = q->schema,
        .len = queue_length(q),
        .available = q->ring_size - queue_length(q),
        .max_depth = (uint32_t)q->max_depth,
        .waiting_receivers = length_of(&q->receivers),
        .sent = q->seq,
        .received = q->received,
        .rejected = load_relaxed(&q->rejected),
        .empty = load_relaxed(&q->empty),
        .bytes_sent = q->bytes_sent,
        .bytes_received = q->bytes_received,
    };
    for (uint32_t i = 0; i < PRIO_LEVELS; i++)
        out->waiting_senders += length_of(&q->senders.level[i]);
    unlock(q);
}

/* --- beginning and end ---------------------------------------------------- */

/* Free a place that nobody can see any more, and the handle in it. */
static void
drop_message(struct queue *q, struct qslot *slot)
{
    queue_drop_handle(q, slot);
    lock(q);
    slot->link.next = q->free;
    q->free = &slot->link;
    unlock(q);
}

static void
end_waits_locked(struct queue *q, bool senders, bool receivers)
    REQUIRES(&q->lock)
{
    struct list *link;

    while (senders && (link = prioq_first(&q->senders))) {
        struct waiter *w = list_entry(link, struct waiter, link);
        struct send_wait *s = (void *)w->want;

        prioq_remove(&q->senders, link, s->meta->priority);
        if (waiter_claim(w, -E_PIPE))
            waiter_wake(w);
    }
    while (receivers && (link = list_pop_front(&q->receivers))) {
        struct waiter *w = list_entry(link, struct waiter, link);

        if (waiter_claim(w, -E_PIPE))
            waiter_wake(w);
    }
    changed_locked(q);
}

static void
queue_side_gone(struct kobj *obj, uint32_t rights)
{
    struct queue *q = queue_of(obj);
    struct list dropped, *link;

    list_init(&dropped);
    lock(q);
    if (rights & RIGHT_READ) {
        q->closed |= NO_READERS;
        while ((link = prioq_first(&q->ready))) {
            struct qslot *slot = list_entry(link, struct qslot, link);

            prioq_remove(&q->ready, link, slot->meta.priority);
            list_push_back(&dropped, link);
            q->received++;
        }
    }
    if (rights & RIGHT_WRITE)
        q->closed |= NO_WRITERS;
    end_waits_locked(q, rights & RIGHT_READ, rights & RIGHT_WRITE);
    unlock(q);
    while ((link = list_pop_front(&dropped)))
        drop_message(q, list_entry(link, struct qslot, link));
}

static void
queue_shutdown(struct kobj *obj)
{
    struct queue *q = queue_of(obj);

    lock(q);
    q->closed |= SHUT;
    /* By Q2 nobody waits to receive while there is something to drain. */
    end_waits_locked(q, true, true);
    unlock(q);
}

static void
queue_destroy(struct kobj *obj)
{
    struct queue *q = queue_of(obj);

    assert(list_empty(&q->receivers) && prioq_empty(&q->senders));
    assert(list_empty(&q->observers));
    /* Messages are left only if the queue never had a reader. */
    if (!(q->closed & NO_READERS))
        queue_side_gone(obj, RIGHT_READ);
    if (q->type)
        kfree(q->type, wit_bytes(q->type->len));
    free_storage(q);
    kfree(q, sizeof(*q));
}

static const struct kobj_ops queue_ops = {
    .side_gone = queue_side_gone,
    .shutdown = queue_shutdown,
    .observe = queue_observe,
    .unobserve = queue_unobserve,
    .destroy = queue_destroy,
};

long
queue_new(uint32_t ring_size, uint32_t max_msg, uint32_t schema,
          struct queue **out)
{
    struct queue *q;

    if (ring_size == 0 || ring_size > QUEUE_MAX_RING ||
        (ring_size & (ring_size - 1)) || max_msg == 0 ||
        max_msg > QUEUE_MAX_MSG || ring_size * max_msg > QUEUE_MAX_BYTES)
        return -E_INVAL;
    q = kzalloc(sizeof(*q));
    if (!q)
        return -E_NOMEM;
    q->ring_size = ring_size;
    q->max_msg = max_msg;
    q->schema = schema;
    spin_init(&q->lock, RANK_OBJECT);
    prioq_init(&q->ready);
    prioq_init(&q->senders);
    list_init(&q->receivers);
    list_init(&q->observers);
    if (make_storage(q)) {
        free_storage(q);
        kfree(q, sizeof(*q));
        return -E_NOMEM;
    }
    kobj_init(&q->obj, OBJ_QUEUE, &queue_ops);
    *out = q;
    return 0;
}
