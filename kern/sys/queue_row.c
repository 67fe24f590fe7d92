/*
 * Sends, or receives, that stand in a row in a submit ring, of one queue and
 * without a timeout: the handle is looked up once, and each message takes one
 * turn of the queue's lock.
 *
 * An entry that is not like the first, or fails, ends the row: what was read of
 * it is forgotten, and it is read and taken again like any other entry.
 */
#include "sys/message.h"
#include "sys/ring.h"

/* The first word of a plain entry for a call. */
#define ROW_CODE(name) (CALL_##name | (uint64_t)RING_NEED_COMPLETION << 16)

/* The arguments of a call on a message, and the rest of its entry. */
struct entry {
    uint64_t a1, a2, a3, user_data;
};

/* Read all but the first word. Returns: whether it is about the same queue. */
static inline bool read_entry(const struct ring_entry *e, uint64_t h,
                              struct entry *out)
{
    out->a1 = load_relaxed(&e->args[1]);
    out->a2 = load_relaxed(&e->args[2]);
    out->a3 = load_relaxed(&e->args[3]);
    out->user_data = load_relaxed(&e->user_data);
    return load_relaxed(&e->args[0]) == h &&
           !(load_relaxed(&e->args[4]) | load_relaxed(&e->reserved2));
}

/* The same as queue_row(), for entries like the first, whose code this is. */
static ALWAYS_INLINE uint64_t row(const struct ring_entry *e,
                                  const struct ring_entry *last,
                                  struct ring_completion *c,
                                  const uint64_t code)
{
    const struct ring_entry *first = e;
    const bool send = code == ROW_CODE(queue_send);
    const uint64_t h = load_relaxed(&e->args[0]);
    const uint64_t cap = load_relaxed(&e->args[2]); /* of a receive */
    NOTED struct hnode *node;
    struct qslot *slot;
    struct queue *q;
    struct entry a;

    if (handle_use(h, 0, OBJ_QUEUE, send ? RIGHT_WRITE : RIGHT_READ, &node))
        return 0;
    q = queue_of(node->obj);
    if (send)
        slot = q->stat.schema ? NULL : queue_reserve(q, CLOSED_SEND | TYPED);
    else
        slot = queue_take(q, cap);
    while (slot && read_entry(e, h, &a)) {
        uint64_t len = send ? a.a2 : slot->meta.len;
        bool more;

        if (send) {
            if (unlikely((uint32_t)a.a3 > PRIO_URGENT || len > q->stat.max_msg))
                break;
            make_meta(&slot->meta, node, a.a3, len, MSG_INLINE);
        } else if (unlikely(a.a2 != cap || a.a3) ||
                   unlikely(slot->meta.kind != MSG_INLINE)) {
            break;
        }
        if (unlikely(copy_payload(slot, uaddr(a.a1), len, send)))
            break;
        /* This is the one time that the next one's first word is read. */
        more = e + 1 != last && load_relaxed(ring_code(e + 1)) == code;
        if (!send)
            slot = queue_taken_next(q, slot, cap, more);
        else if (unlikely(queue_commit_next(q, &slot, more)))
            break;
        e++;
        ring_post(c++, send ? 0 : (long)len, a.user_data, 0);
    }
    if (slot && send)
        queue_release(q, slot);
    else if (slot)
        queue_untake(q, slot);
    return (uint64_t)(e - first);
}

__attribute__((noinline, flatten)) uint64_t
queue_row(const struct ring_entry *e, const struct ring_entry *last,
          struct ring_completion *c)
{
    uint64_t code = load_relaxed(ring_code(e));

    if (code == ROW_CODE(queue_send))
        return row(e, last, c, ROW_CODE(queue_send));
    return code == ROW_CODE(queue_recv) ? row(e, last, c, ROW_CODE(queue_recv))
                                        : 0;
}
