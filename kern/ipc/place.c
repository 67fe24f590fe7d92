/*
 * The memory of a queue, its places, and the handles in them.
 *
 * Places stand one behind the other, at multiples of 64, in whole pages and
 * one smaller block; so none straddles pages but in its payload, of which the
 * first 64 bytes are in one page and always there: a handle fits into any.
 */
#include "base/string.h"
#include "ipc/handle.h"
#include "ipc/queue.h"
#include "mem/kalloc.h"

/* --- memory --------------------------------------------------------------- */

static uint32_t
stride(uint32_t max_msg)
{
    return (uint32_t)(sizeof(struct qslot) +
                      ROUND_UP(max_msg, sizeof(struct qslot)));
}

static uint32_t
page_count(uint32_t bytes)
{
    return (bytes + (uint32_t)PAGE_SIZE - 1) / (uint32_t)PAGE_SIZE;
}

void
queue_free(struct queue *q)
{
    uint32_t bytes = q->stat.ring_size * stride(q->stat.max_msg), left = bytes;
    uint32_t n = page_count(bytes);

    for (uint32_t i = 0; i < n && q->pages[i]; i++, left -= PAGE_SIZE)
        if (left > KMALLOC_MAX)
            page_free(q->pages[i]);
        else
            kfree(q->pages[i], left);
    kfree(q, (uint32_t)(sizeof(*q) + n * sizeof(void *)));
}

/* Allocate the places of a new queue. Returns: false: some may be there. */
static bool
make_places(struct queue *q, uint32_t size)
{
    uint32_t bytes = q->stat.ring_size * size, left = bytes;

    for (uint32_t i = 0; i < page_count(bytes); i++, left -= PAGE_SIZE) {
        q->pages[i] = left > KMALLOC_MAX ? page_alloc() : kmalloc(left);
        if (!q->pages[i])
            return false;
    }
    for (uint32_t at = bytes; at > 0;) {
        struct qslot *slot;
        void **page;

        at -= size;
        page = &q->pages[at / PAGE_SIZE];
        slot = (void *)((char *)*page + at % PAGE_SIZE);
        slot->next_page =
            queue_here(slot, PAGE_SIZE) < size - sizeof(*slot) ? page[1] : NULL;
        slot->link.next = q->free;
        q->free = &slot->link;
    }
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
    pages = page_count(ring_size * stride(max_msg));
    q = kzalloc((uint32_t)(sizeof(*q) + pages * sizeof(void *)));
    if (!q)
        return -E_NOMEM;
    q->stat = (struct queue_stat){
        .ring_size = ring_size, .max_msg = max_msg, .schema = schema};
    prioq_init(&q->ready);
    prioq_init(&q->senders);
    prioq_init(&q->receivers);
    if (!make_places(q, stride(max_msg))) {
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

struct hnode **
queue_node(struct qslot *slot)
{
    return (void *)(queue_here(slot, 1) ? slot->payload : slot->next_page);
}

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
    node = *queue_node(slot);
    queue_end_stops(q, node->obj, hnode_rights(node));
    hnode_end(node);
}
