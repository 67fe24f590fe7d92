/*
 * A queue apart from its traffic: the memory of its places, what it shows of
 * itself, its type, and the handles in its messages.
 *
 *   PL1  all headers and then all payloads stand as if in a row: first in
 *        blocks, of which several fit into a page, then in whole pages.
 *   PL2  a header is in one piece, a payload in one or two, and one of those
 *        has room for a handle in flight.
 *   PL3  what is first in a page of the queue is a header, the beginning of a
 *        payload, or its second piece: so the places lead to all pages.
 *
 * Beyond headers and payloads a queue takes 6 units of kmalloc() for itself, at
 * most one for the rest of GAPS and of the last unit, and its share of the page
 * headers of at most 63 + 6 units: less than 512 bytes, whatever its shape, if
 * others use what it leaves of the pages that its blocks are in.
 */
#include "base/string.h"
#include "ipc/event.h"
#include "ipc/queue.h"
#include "mem/kalloc.h"

/* --- memory --------------------------------------------------------------- */

#define HEADER ((uint32_t)sizeof(struct qslot))
_Static_assert(sizeof(struct qslot) == 64, "never in two pieces");
/* Six units, whole ones: these are cleared fastest. */
#define QUEUE_BYTES (6 * 64)
_Static_assert(sizeof(struct queue) <= QUEUE_BYTES, "six units");

/* By PL2 some payloads begin later than they could. Those are of 72 or 80
 * bytes, and in all the places of a queue it comes to this at most. */
#define GAPS 48u

struct layout {
    uint32_t size;   /* bytes of a payload */
    uint32_t blocks; /* bytes in blocks; those behind them are in pages, */
    uint32_t end;    /* up to here */
    uint32_t block;  /* bytes of a block; the first one may have fewer */
    uint32_t next;   /* the first byte without memory */
    char *memory;    /* the end of the piece before it */
};

static struct layout lay_out(const struct queue *q)
{
    uint32_t headers = q->stat.ring_size * HEADER, paged, per_page = 1;
    struct layout l = {.size = ROUND_UP(q->stat.max_msg, 8u)};

    if (l.size < HNODE_PLACE_BYTES)
        l.size = HNODE_PLACE_BYTES;
    l.end = headers + q->stat.ring_size * l.size +
            (l.size == 72 || l.size == 80 ? GAPS : 0);
    paged = ROUND_DOWN(l.end + PAGE_SIZE - 1 - KMALLOC_MAX, PAGE_SIZE);
    l.blocks = l.end > paged ? ROUND_UP(l.end - paged, HEADER) : 0;
    l.end = l.blocks + paged;
    /* The more blocks fill a page, the less of it stays unused; but a payload
     * in blocks must be in two at most. */
    if (l.size <= KMALLOC_MAX / 7 || l.blocks <= headers)
        per_page = 7;
    else if (l.size <= KMALLOC_MAX / 3 || l.end <= KMALLOC_MAX / 3 * 2)
        per_page = 3;
    l.block = KMALLOC_MAX / per_page;
    return l;
}

/* Bytes from `at` to the end of its block or page. */
static uint32_t piece_left(const struct layout *l, uint32_t at)
{
    return at < l->blocks ? (l->blocks - 1 - at) % l->block + 1
                          : (l->end - 1 - at) % PAGE_SIZE + 1;
}

void queue_free(struct queue *q)
{
    struct link *link, *next, *pages = NULL;
    struct layout l = lay_out(q);
    void **block = q->blocks;

    for (link = q->free; link; link = next) {
        struct qslot *slot = list_entry(link, struct qslot, link);
        void *begins[] = {slot, slot->payload, queue_rest(slot)};

        next = link->next;
        for (int i = 0; i < 3; i++) /* PL3 */
            if (begins[i] && (uint64_t)begins[i] % PAGE_SIZE == 0) {
                *(struct link *)begins[i] = (struct link){pages};
                pages = begins[i];
            }
    }
    while ((link = pages)) {
        pages = link->next;
        page_free(link);
    }
    for (uint32_t at = 0; at < l.blocks; at += piece_left(&l, at))
        kfree(*block++, piece_left(&l, at));
    kfree(q, QUEUE_BYTES);
}

/* The memory of byte `at`; a new piece if it is the first. NULL: none. */
static char *memory_at(struct queue *q, struct layout *l, uint32_t at)
{
    uint32_t left = piece_left(l, at);

    if (at == l->next) {
        l->memory = at < l->blocks ? kmalloc(left) : page_alloc();
        if (!l->memory)
            return NULL;
        if (at < l->blocks)
            q->blocks[(at + l->block - 1) / l->block] = l->memory;
        l->memory += left;
        l->next = at + left;
    }
    return l->memory - left;
}

/* Allocate the places of a new queue. Returns: false: some may be there. */
static bool make_places(struct queue *q)
{
    struct layout l = lay_out(q);
    struct qslot *slot;
    uint32_t at = 0;

    for (; at < q->stat.ring_size * HEADER; at += HEADER) {
        slot = (void *)memory_at(q, &l, at);
        if (!slot)
            return false;
        *slot = (struct qslot){.link = {q->free}};
        q->free = &slot->link;
    }
    for (struct link *link = q->free; link; link = link->next) {
        slot = list_entry(link, struct qslot, link);
        while (piece_left(&l, at) < HNODE_IN_PLACE &&
               l.size - piece_left(&l, at) < HNODE_IN_PLACE)
            at += 8;
        slot->here = MIN(l.size, piece_left(&l, at));
        slot->payload = memory_at(q, &l, at);
        at += l.size;
        if (slot->payload && at > l.next)
            slot->rest = (int64_t)memory_at(q, &l, l.next);
        if (at > l.next)
            return false;
    }
    assert(at <= l.end);
    return true;
}

long queue_make(uint32_t type, uint32_t ring_size, uint32_t max_msg,
                uint32_t schema, struct queue **out)
{
    struct queue *q;

    q = kzalloc(QUEUE_BYTES);
    TRY(q ? 0 : -E_NOMEM);
    q->stat = (struct queue_stat){
        .ring_size = ring_size, .max_msg = max_msg, .schema = schema};
    for (int i = 0; i < PRIO_LEVELS; i++)
        list_init(&q->senders[i]);
    list_init(&q->receivers);
    if (!make_places(q)) {
        queue_free(q);
        return -E_NOMEM;
    }
    kobj_init(&q->obj, type, &queue_ops);
    *out = q;
    return 0;
}

long queue_new(uint32_t ring_size, uint32_t max_msg, uint32_t schema,
               struct queue **out)
{
    if (ring_size == 0 || ring_size > QUEUE_MAX_RING ||
        (ring_size & (ring_size - 1)) || max_msg == 0 ||
        max_msg > QUEUE_MAX_MSG || ring_size * max_msg > QUEUE_MAX_BYTES)
        return -E_INVAL;
    return queue_make(OBJ_QUEUE, ring_size, max_msg, schema, out);
}

/* --- what it shows, and its type ------------------------------------------ */

uint32_t queue_signals(const struct kobj *obj, uint32_t rights)
{
    struct queue *q = queue_of((struct kobj *)obj);
    bool reads = rights & RIGHT_READ, writes = rights & RIGHT_WRITE;
    bool sending = !(q->obj.state & CLOSED_SEND);
    bool receiving = !(q->obj.state & CLOSED_RECV);

    return (reads && prioq_top(&q->ready) ? SIG_READABLE : 0) |
           (writes && q->free && sending ? SIG_WRITABLE : 0) |
           ((reads && !receiving) || (writes && !sending) ? SIG_CLOSED : 0);
}

long queue_peek(struct queue *q, struct msg_meta *meta)
{
    struct link **top;
    long error;

    kobj_lock(&q->obj);
    top = prioq_top(&q->ready);
    error = top ? 0 : q->obj.state & CLOSED_RECV ? -E_PIPE : -E_AGAIN;
    if (top)
        queue_header(list_entry((*top)->next, struct qslot, link), meta);
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
        q->obj.state |= TYPED;
        q->type = type;
    }
    kobj_unlock(&q->obj);
    return error;
}

/* --- messages ------------------------------------------------------------- */

void queue_fill(struct qslot *slot, const struct queue_send *s)
{
    uint64_t len = s->meta.len, here = MIN(len, slot->here);
    const char *data = s->data;

    slot->meta = s->meta;
    if (s->meta.kind != MSG_INLINE) {
        memcpy(queue_cargo_place(slot), data, len);
    } else {
        memcpy(slot->payload, data, here);
        memcpy(queue_rest(slot), data + here, len - here);
    }
}

void queue_header(const struct qslot *slot, struct msg_meta *out)
{
    *out = slot->meta;
    out->sent_ns = ticks_to_ns(out->sent_ns);
}

/* --- handles in messages -------------------------------------------------- */

static struct spinlock flight_lock = SPINLOCK(RANK_FLIGHT);

long queue_end_travels(struct queue *q, struct kobj *obj, uint32_t rights,
                       uint32_t by)
{
    struct queue *end = queue_of(obj);

    if (obj->type != OBJ_QUEUE || !(rights & RIGHT_READ))
        return 0;
    spin_lock(&flight_lock);
    if (by == 1 && (end == q || q->ends_in_flight || end->ends_held))
        by = 0; /* it does not travel */
    end->ends_in_flight += by;
    q->ends_held += by;
    spin_unlock(&flight_lock);
    return by ? 0 : -E_LOOP;
}

void queue_drop_handle(struct queue *q, struct qslot *slot)
{
    struct hnode *node;

    if (slot->meta.kind == MSG_EVENT)
        event_read_done(q, slot, true);
    if (slot->meta.kind != MSG_HANDLE && slot->meta.kind != MSG_DESC)
        return;
    node = queue_cargo(slot);
    queue_end_travels(q, node->obj, hnode_rights(node), -1u);
    hnode_end(node);
}
