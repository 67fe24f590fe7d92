/*
 * The memory of a queue, its places, and the handles in them.
 *
 * Places stand one behind the other, in whole pages and one smaller block. A
 * place straddles pages in its payload only, behind the room for a cargo.
 */
#include "base/string.h"
#include "ipc/queue.h"
#include "mem/kalloc.h"

/* --- memory --------------------------------------------------------------- */

#define HEADER ((uint32_t)offsetof(struct qslot, payload))

static uint32_t
place_size(uint32_t max_msg)
{
    uint32_t size = HEADER + ROUND_UP(max_msg, 8u);

    return size < sizeof(struct qslot) ? (uint32_t)sizeof(struct qslot) : size;
}

/* Where a place can begin, from `at` on. */
static uint32_t
place_begin(uint32_t at)
{
    uint32_t left = (uint32_t)(PAGE_SIZE - at % PAGE_SIZE);

    return left < sizeof(struct qslot) ? at + left : at;
}

/* Bytes of all places, with what is lost at the ends of pages. */
static uint32_t
storage_size(uint32_t ring_size, uint32_t max_msg)
{
    uint32_t end = 0;

    for (uint32_t i = 0; i < ring_size; i++)
        end = place_begin(end) + place_size(max_msg);
    return end;
}

static uint32_t
page_count(uint32_t bytes)
{
    return (bytes + (uint32_t)PAGE_SIZE - 1) / (uint32_t)PAGE_SIZE;
}

void
queue_free(struct queue *q)
{
    uint32_t left = storage_size(q->stat.ring_size, q->stat.max_msg);
    uint32_t n = page_count(left);

    for (uint32_t i = 0; i < n && q->pages[i]; i++, left -= PAGE_SIZE)
        if (left > KMALLOC_MAX)
            page_free(q->pages[i]);
        else
            kfree(q->pages[i], left);
    kfree(q, (uint32_t)(sizeof(*q) + n * sizeof(void *)));
}

/* Allocate the places of a new queue. Returns: false: some may be there. */
static bool
make_places(struct queue *q)
{
    uint32_t left = storage_size(q->stat.ring_size, q->stat.max_msg);
    uint32_t size = place_size(q->stat.max_msg), payload = size - HEADER;
    uint32_t n = page_count(left), at = 0;
    struct list **end = &q->free;

    for (uint32_t i = 0; i < n; i++, left -= PAGE_SIZE) {
        q->pages[i] = left > KMALLOC_MAX ? page_alloc() : kmalloc(left);
        if (!q->pages[i])
            return false;
    }
    for (uint32_t i = 0; i < q->stat.ring_size; i++, at += size) {
        struct qslot *slot;
        void **page;

        at = place_begin(at);
        page = &q->pages[at / PAGE_SIZE];
        slot = (void *)((char *)*page + at % PAGE_SIZE);
        slot->next_page = queue_here(slot, payload) < payload ? page[1] : NULL;
        *end = &slot->link;
        end = &slot->link.next;
    }
    *end = NULL;
    return true;
}

long
queue_new(uint32_t ring_size, uint32_t max_msg, uint32_t schema,
          struct queue **out)
{
    struct queue *q;
    uint32_t pages;

    if (ring_size == 0 || ring_size > QUEUE_MAX_RING ||
        (ring_size & (ring_size - 1)) || max_msg == 0 ||
        max_msg > QUEUE_MAX_MSG || ring_size * max_msg > QUEUE_MAX_BYTES)
        return -E_INVAL;
    pages = page_count(storage_size(ring_size, max_msg));
    q = kzalloc((uint32_t)(sizeof(*q) + pages * sizeof(void *)));
    if (!q)
        return -E_NOMEM;
    q->stat = (struct queue_stat){
        .ring_size = ring_size, .max_msg = max_msg, .schema = schema};
    prioq_init(&q->ready);
    prioq_init(&q->senders);
    prioq_init(&q->receivers);
    if (!make_places(q)) {
        queue_free(q);
        return -E_NOMEM;
    }
    kobj_init(&q->obj, OBJ_QUEUE, &queue_ops);
    *out = q;
    return 0;
}

/* --- messages ------------------------------------------------------------- */

void
queue_fill(struct qslot *slot, const struct queue_send *s)
{
    uint64_t here = queue_here(slot, s->meta.len);

    slot->meta = s->meta;
    memcpy(slot->payload, s->data, here);
    if (here < s->meta.len)
        memcpy(slot->next_page, (const char *)s->data + here,
               s->meta.len - here);
}

void
queue_header(const struct qslot *slot, struct msg_meta *out)
{
    *out = slot->meta;
    out->sent_ns = ticks_to_ns(out->sent_ns);
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
    long error = 0;

    if (!is_end(obj, rights))
        return 0;
    spin_lock(&flight_lock);
    if (end == q || q->ends_in_flight || end->ends_held) {
        error = -E_LOOP;
    } else {
        end->ends_in_flight++;
        q->ends_held++;
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

    if (slot->meta.kind != MSG_HANDLE && slot->meta.kind != MSG_DESC)
        return;
    node = &slot->cargo.node;
    queue_end_stops(q, node->obj, hnode_rights(node));
    hnode_end(node);
}
