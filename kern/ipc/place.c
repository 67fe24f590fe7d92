/*
 * The memory of a queue, its places, and the handles in them.
 *
 * Places stand one behind the other in whole pages, where one straddles pages
 * in its payload only, behind the room for a handle; and those that would fill
 * a last page in part, in blocks of a few, of which many fit into a page.
 */
#include "base/string.h"
#include "ipc/queue.h"
#include "mem/kalloc.h"

/* --- memory --------------------------------------------------------------- */

#define HEADER ((uint32_t)offsetof(struct qslot, payload))
#define BLOCK  896u /* bytes of a block of small places */

struct layout {
    uint32_t size;  /* of a place, in bytes */
    uint32_t pages; /* whole ones; `paged` places begin in them, the last of */
    uint32_t paged; /* which has `over` bytes in the first block */
    uint32_t over;
    uint32_t per_block; /* places that begin in a block */
    uint32_t pieces;    /* pages and blocks */
};

/* Where a place can begin in pages, from `at` on. */
static uint32_t place_begin(uint32_t at)
{
    uint32_t left = (uint32_t)(PAGE_SIZE - at % PAGE_SIZE);

    return left < sizeof(struct qslot) ? at + left : at;
}

static struct layout lay_out(uint32_t ring_size, uint32_t max_msg)
{
    uint32_t size = HEADER + ROUND_UP(max_msg, 8u), end, at = 0;
    struct layout l;

    l.size =
        size < sizeof(struct qslot) ? (uint32_t)sizeof(struct qslot) : size;
    for (uint32_t i = 0; i < ring_size; i++)
        at = place_begin(at) + l.size;
    l.pages = at / (uint32_t)PAGE_SIZE;
    end = l.pages * (uint32_t)PAGE_SIZE;
    at = 0;
    for (l.paged = 0; l.paged < ring_size && place_begin(at) < end; l.paged++)
        at = place_begin(at) + l.size;
    l.over = at > end ? at - end : 0;
    l.per_block = l.size > BLOCK ? ring_size : BLOCK / l.size;
    l.pieces = (ring_size - l.paged + l.per_block - 1) / l.per_block;
    l.pieces = l.pages + (l.pieces || !l.over ? l.pieces : 1);
    return l;
}

/* Bytes of a page or block. */
static uint32_t piece_bytes(const struct queue *q, const struct layout *l,
                            uint32_t i)
{
    uint32_t first = l->paged + (i - l->pages) * l->per_block;

    if (i < l->pages)
        return PAGE_SIZE;
    return (i == l->pages ? l->over : 0) +
           MIN(l->per_block, q->stat.ring_size - first) * l->size;
}

void queue_free(struct queue *q)
{
    struct layout l = lay_out(q->stat.ring_size, q->stat.max_msg);

    for (uint32_t i = 0; i < l.pieces && q->pieces[i]; i++)
        if (piece_bytes(q, &l, i) > KMALLOC_MAX)
            page_free(q->pieces[i]);
        else
            kfree(q->pieces[i], piece_bytes(q, &l, i));
    kfree(q, (uint32_t)(sizeof(*q) + l.pieces * sizeof(void *)));
}

/* Allocate the places of a new queue. Returns: false: some may be there. */
static bool make_places(struct queue *q, const struct layout *l)
{
    struct list **end = &q->free;
    uint32_t at = 0;

    for (uint32_t i = 0; i < l->pieces; i++) {
        uint32_t bytes = piece_bytes(q, l, i);

        q->pieces[i] = bytes > KMALLOC_MAX ? page_alloc() : kmalloc(bytes);
        if (!q->pieces[i])
            return false;
    }
    for (uint32_t i = 0; i < q->stat.ring_size; i++) {
        uint32_t rest = i - l->paged, payload = l->size - HEADER;
        void **piece = &q->pieces[l->pages + rest / l->per_block];
        struct qslot *slot;

        if (i < l->paged) {
            at = place_begin(at);
            piece = &q->pieces[at / PAGE_SIZE];
            slot = (void *)((char *)*piece + at % PAGE_SIZE);
            at += l->size;
        } else {
            slot = (void *)((char *)*piece + rest % l->per_block * l->size +
                            (rest < l->per_block ? l->over : 0));
        }
        slot->next_page = i < l->paged && queue_here(slot, payload) < payload
                              ? piece[1]
                              : NULL;
        *end = &slot->link;
        end = &slot->link.next;
    }
    *end = NULL;
    return true;
}

long queue_new(uint32_t ring_size, uint32_t max_msg, uint32_t schema,
               struct queue **out)
{
    struct layout l;
    struct queue *q;

    if (ring_size == 0 || ring_size > QUEUE_MAX_RING ||
        (ring_size & (ring_size - 1)) || max_msg == 0 ||
        max_msg > QUEUE_MAX_MSG || ring_size * max_msg > QUEUE_MAX_BYTES)
        return -E_INVAL;
    l = lay_out(ring_size, max_msg);
    q = kzalloc((uint32_t)(sizeof(*q) + l.pieces * sizeof(void *)));
    if (!q)
        return -E_NOMEM;
    q->stat = (struct queue_stat){
        .ring_size = ring_size, .max_msg = max_msg, .schema = schema};
    prioq_init(&q->ready);
    prioq_init(&q->senders);
    prioq_init(&q->receivers);
    if (!make_places(q, &l)) {
        queue_free(q);
        return -E_NOMEM;
    }
    kobj_init(&q->obj, OBJ_QUEUE, &queue_ops);
    *out = q;
    return 0;
}

/* --- messages ------------------------------------------------------------- */

void queue_fill(struct qslot *slot, const struct queue_send *s)
{
    uint64_t here = queue_here(slot, s->meta.len);

    slot->meta = s->meta;
    memcpy(slot->payload, s->data, here);
    if (here < s->meta.len)
        memcpy(slot->next_page, (const char *)s->data + here,
               s->meta.len - here);
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
    long error = 0;

    if (obj->type != OBJ_QUEUE || !(rights & RIGHT_READ))
        return 0;
    spin_lock(&flight_lock);
    if (by == 1 && (end == q || q->ends_in_flight || end->ends_held)) {
        error = -E_LOOP;
    } else {
        end->ends_in_flight += by;
        q->ends_held += by;
    }
    spin_unlock(&flight_lock);
    return error;
}

void queue_drop_handle(struct queue *q, struct qslot *slot)
{
    struct hnode *node;

    if (slot->meta.kind != MSG_HANDLE && slot->meta.kind != MSG_DESC)
        return;
    node = queue_cargo(slot);
    queue_end_travels(q, node->obj, hnode_rights(node), -1u);
    hnode_end(node);
}
