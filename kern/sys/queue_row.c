/*
 * Sends, or receives, that stand in a row in a submit ring, of one queue: the
 * handle is looked up once, and up to ROW_TURN messages take one turn of the
 * queue's lock. A place that the row has reserved is not free for others, a
 * message that it has taken not there, until then; so there are no rows while
 * others look on, or wait for places.
 *
 * An entry that is not like the first, or fails, or has to wait, ends the row:
 * what was read of it is forgotten, and it is read and taken again like any
 * other entry.
 */
#include "sys/message.h"
#include "sys/ring.h"

/* The first word of a plain entry for a call. */
#define ROW_CODE(name) (CALL_##name | (uint64_t)RING_NEED_COMPLETION << 16)

#define ROW_TURN 8

/* The entry at e and the message in slot: all but the message's turn. Returns:
 * its length; -E_INVAL: they do not go together. */
static ALWAYS_INLINE long transfer(const struct ring_entry *e, uint64_t h,
                                   uint64_t cap, const struct hnode *sender,
                                   struct qslot *slot,
                                   struct ring_completion *c)
{
    uint64_t buf = load_relaxed(&e->args[1]), len = load_relaxed(&e->args[2]);
    uint64_t opt = load_relaxed(&e->args[3]);
    uint64_t user_data = load_relaxed(&e->user_data);

    if (load_relaxed(&e->args[0]) != h || load_relaxed(&e->reserved2))
        return -E_INVAL;
    if (sender) {
        if (unlikely(OPT_IS_BAD(opt) || len > cap))
            return -E_INVAL;
        make_meta(&slot->meta, sender, opt, len, MSG_INLINE);
    } else {
        if (unlikely(len != cap || opt || slot->meta.kind != MSG_INLINE))
            return -E_INVAL;
        len = slot->meta.len;
        __asm__("" : "+r"(len)); /* else it is extended at each use */
    }
    if (unlikely(copy_payload(slot, uaddr(buf), len, sender)))
        return -E_INVAL;
    ring_post(c, sender ? 0 : (long)len, user_data, 0);
    return (long)len;
}

/* The same as queue_row(), for entries like the first, whose code this is. */
static ALWAYS_INLINE uint64_t row(const struct ring_entry *e,
                                  const struct ring_entry *last,
                                  struct ring_completion *c,
                                  const uint64_t code, const bool send)
{
    const struct ring_entry *first = e, *end = e;
    const uint64_t h = load_relaxed(&e->args[0]);
    uint64_t cap = load_relaxed(&e->args[2]); /* of a receive */
    struct qslot *slot = NULL, *behind = NULL;
    struct qrow r = {.n = 0};
    NOTED struct hnode *node;
    struct queue *q;
    uint64_t more;
    bool any;
    long len;

    if (handle_use(h, 0, OBJ_QUEUE, send ? RIGHT_WRITE : RIGHT_READ, &node))
        return 0;
    q = queue_of(node->obj);
    if (send && q->stat.schema)
        return 0;
    if (send)
        cap = q->stat.max_msg;
    any = send ? queue_commit_row(q, &r, 1) : queue_taken_row(q, &r, cap, 1);
    while (any) {
        slot = r.first;
        behind = r.end;
        end = e + r.n;
        do { /* an entry's first word is read once, here or below */
            len = transfer(e, h, cap, send ? node : NULL, slot, c);
            if (len < 0)
                break;
            r.bytes += (uint64_t)len;
            slot = list_entry(slot->link.next, struct qslot, link);
            e++;
            c++;
        } while (e != end && load_relaxed(ring_code(e)) == code);
        r.done = r.n - (uint64_t)(end - e);
        more = 0;
        if (e == end && e != last && load_relaxed(ring_code(e)) == code)
            more = MIN((uint64_t)(last - e), ROW_TURN);
        any = send ? queue_commit_row(q, &r, more)
                   : queue_taken_row(q, &r, cap, more);
    }
    if (!send && e != end) /* the last use of q */
        queue_untake(q, slot, behind, 0);
    return (uint64_t)(e - first) - r.done;
}

__attribute__((noinline, flatten)) uint64_t
queue_row(const struct ring_entry *e, const struct ring_entry *last,
          struct ring_completion *c)
{
    uint64_t code = load_relaxed(ring_code(e));

    if (code == ROW_CODE(queue_send))
        return row(e, last, c, code, true);
    return code == ROW_CODE(queue_recv) ? row(e, last, c, code, false) : 0;
}
