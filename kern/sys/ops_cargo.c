/*
 * The calls 0x32 and 0x33, and how what they send arrives: messages that carry
 * a handle, or a descriptor with its region's handle; and events.
 */
#include "ipc/event.h"
#include "mem/region.h"
#include "sys/message.h"
#include "sys/syscall.h"

/* What stands for a handle or descriptor, and the header, go to the receiver's
 * memory. `flags`: for a handle its rights. */
static inline long copy_cargo(struct qslot *slot, long value, uint32_t flags,
                              uaddr_t buf, uaddr_t meta)
{
    const uint64_t *range = queue_cargo_range(slot);
    struct msg_desc out = {(handle_t)value, flags, range[0], range[1]};
    long error = copy_to_user(buf, &out, slot->meta.len);

    return error ? error : copy_header(meta, slot);
}

/* The handle in the taken message goes to the receiver's table, its value to
 * the receiver's memory; or neither. What was revoked on the way arrives as
 * -E_BADH without rights. Returns: 0; -E_MFILE; -E_NOMEM; -E_FAULT. */
static NOINLINE long deliver_handle(struct queue *q, struct qslot *slot,
                                    uaddr_t buf, uaddr_t meta)
{
    struct hnode *node = queue_cargo(slot), *home = NULL;
    uint32_t rights = hnode_rights(node);
    uint32_t flags = slot->meta.kind == MSG_HANDLE ? rights : DESC_NEW_HANDLE;
    long value = load_relaxed(&node->dead) ? -E_BADH : handle_reserve(&home);
    long error;

    if (value < 0 && value != -E_BADH)
        return value;
    error = copy_cargo(slot, value, home ? flags : 0, buf, meta);
    if (error && home)
        handle_unreserve(this_proc(), (uint32_t)value % HANDLE_SLOTS, home);
    TRY(error);
    queue_end_travels(q, node->obj, rights, -1u);
    hnode_arrive(node, home, this_proc(),
                 home ? (uint32_t)value % HANDLE_SLOTS : ANY_SLOT);
    return 0;
}

/* The same, but if a descriptor's receiver has a handle to the region already
 * it gets that one. */
static __attribute__((noinline, flatten)) long
deliver_cargo(struct queue *q, struct qslot *slot, uaddr_t buf, uaddr_t meta)
{
    struct hnode *node = queue_cargo(slot);
    long value = -E_BADH;

    if (slot->meta.kind == MSG_DESC && !load_relaxed(&node->dead))
        value = handle_to_region(node->obj, hnode_rights(node));
    if (value < 0)
        return deliver_handle(q, slot, buf, meta);
    TRY(copy_cargo(slot, value, 0, buf, meta));
    return hnode_end(node); /* 0: it is in flight */
}

static NOINLINE long deliver_event(struct queue *q, struct qslot *slot,
                                   uaddr_t buf, uaddr_t meta)
{
    struct msg_event event;
    long error;

    event_read(q, slot, &event);
    error = copy_to_user(buf, &event, sizeof(event));
    if (!error)
        error = copy_header(meta, slot);
    event_read_done(q, slot, !error);
    return error;
}

long message_deliver_cargo(struct queue *q, struct qslot *slot, uaddr_t buf,
                           uaddr_t meta)
{
    return slot->meta.kind == MSG_EVENT ? deliver_event(q, slot, buf, meta)
                                        : deliver_cargo(q, slot, buf, meta);
}

static inline void make_cargo_meta(struct msg_meta *meta, const struct cargo *c,
                                   const struct hnode *through, uint64_t opt)
{
    make_meta(meta, through, opt,
              c->length ? sizeof(struct msg_desc) : sizeof(struct msg_handle),
              c->length ? MSG_DESC : MSG_HANDLE);
}

/* A reply handle does not derive: it moves. */
static inline uint32_t depth_in_flight(const struct hnode *from)
{
    return from->depth + (from->obj->type != OBJ_REPLY);
}

/* It was sent, or will not be. */
static void end_move(const struct kobj *obj, uint64_t handle, bool sent)
{
    struct hnode *node;

    if (obj->type != OBJ_REPLY || handle_look(handle, 1, &node))
        return;
    if (sent)
        (void)hnode_end(node);
    else
        store_relaxed(&node->moves, false);
}

/* Send it in a free place, its header made here, or in the reserved one that
 * has it, without `through`.
 * Returns: 0; -E_BADH; -E_AGAIN: no place, or nobody will receive. */
static ALWAYS_INLINE long send_cargo_at_once(struct queue *q,
                                             const struct cargo *c,
                                             const struct hnode *through,
                                             uint64_t opt, struct qslot *slot)
{
    struct kobj *obj = c->from->obj;
    struct hnode *node;
    uint64_t *range;
    long error = -E_BADH;

    spin_lock_as(&obj->tree, RANK_REVOKE);
    if (!c->from->dead && !load_relaxed(&c->from->moves)) {
        slot = queue_begin(q, slot);
        error = slot ? 0 : -E_AGAIN;
    }
    if (!error) {
        if (through)
            make_cargo_meta(&slot->meta, c, through, opt);
        node = queue_cargo_place(slot);
        range = queue_range_place(slot);
        node->in_place = true;
        hnode_link_locked(node, obj, c->from, depth_in_flight(c->from),
                          c->rights, c->from->badge);
        range[0] = c->offset;
        range[1] = c->length;
        queue_finish(q, slot);
    }
    spin_unlock_as(&obj->tree, RANK_REVOKE);
    return error;
}

/* The wait for a place is over: the handle went with it, or is derived now, or
 * with `drop` not at all. */
static long end_cargo(struct queue *q, struct queue_send *s, long error,
                      bool drop)
{
    struct cargo c = s->cargo;

    if (error && s->data)
        hnode_end((void *)(c.apart - CARGO_APART));
    if (error && s->data && s->obj)
        end_move(s->obj, c.value, false);
    if (error || s->data)
        return error;
    s->slot->meta = s->meta;
    error = drop ? -E_CANCELED : handle_look(c.value, 1, &c.from);
    if (!error)
        error = send_cargo_at_once(q, &c, NULL, 0, s->slot);
    if (error)
        queue_release(q, s->slot, 0);
    return error == -E_AGAIN ? -E_PIPE : error;
}

static long finish_cargo(struct parked *op, long result, bool drop)
{
    struct queue *q = queue_of(op->obj);
    struct queue_send *s = (void *)op->wait.room;
    long error = queue_waited(q, &op->wait, &q->stat.rejected, result);

    error = end_cargo(q, s, error, drop);
    if (error && s->obj)
        queue_end_travels(q, s->obj, s->cargo.rights, -1u);
    else if (s->obj)
        end_move(s->obj, s->cargo.value, true);
    handle_done();
    if (s->obj)
        kobj_put(s->obj);
    kobj_put(&q->obj);
    return error;
}

/* Wait for a place, the handle in memory of its own, to go with the place.
 * Without memory it is derived only then, by who wakes: nobody but who revokes
 * it changes `from` meanwhile. Returns: -E_BADH; as queue_send_wait(). */
static NOINLINE long send_cargo_slowly(struct queue *q, struct cargo c,
                                       const struct hnode *through,
                                       uint64_t opt, uint64_t timeout)
{
    struct queue_send *s = (void *)this_thread()->waiter->room;
    struct hnode *node = NULL;
    long error = hnode_new(c.from->obj, c.from, depth_in_flight(c.from),
                           c.rights, 0, &node);

    if (error == -E_BADH)
        return error;
    s->cargo = c;
    s->cargo.apart = (uint64_t)node | CARGO_APART;
    s->data = error ? NULL : &s->cargo;
    s->obj = c.length ? NULL : c.from->obj;
    make_cargo_meta(&s->meta, &c, through, opt);
    kobj_get(&q->obj);
    error = queue_send_wait(q, s, through, timeout);
    if (error == -E_PARKED)
        return parked_with(&q->obj, finish_cargo);
    error = end_cargo(q, s, error, false);
    kobj_put(&q->obj);
    return error;
}

static ALWAYS_INLINE long send_cargo(struct queue *q, const struct cargo *c,
                                     const struct hnode *through, uint64_t opt,
                                     uint64_t timeout)
{
    long error = send_cargo_at_once(q, c, through, opt, NULL);

    /* A copy lets c stay in registers. */
    return likely(error != -E_AGAIN)
               ? error
               : send_cargo_slowly(q, *c, through, opt, timeout);
}

SYSCALL(queue_send_handle, uint64_t h, uint64_t cargo, uint64_t rights,
        uint64_t opt, uint64_t timeout)
{
    struct cargo c = {.value = cargo, .rights = (uint32_t)rights};
    NOTED struct hnode *node;
    struct kobj *obj;
    struct queue *q;
    long error = -E_INVAL;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node));
    TRY(handle_look(cargo, 1, &c.from));
    TRY(hnode_may_derive(c.from, &c.rights, 0, true));
    q = queue_of(node->obj);
    obj = c.from->obj;
    TRY(queue_end_travels(q, obj, c.rights, 1));
    kobj_get(obj);
    kobj_get(&q->obj); /* a wait ends the use of node */
    if (!(c.rights & ~RIGHT_ALL) && !OPT_IS_BAD(opt))
        error = send_cargo(q, &c, node, opt, timeout);
    if (!error)
        end_move(obj, cargo, true);
    else if (error != -E_PARKED)
        queue_end_travels(q, obj, c.rights, -1u);
    kobj_put(&q->obj);
    if (error != -E_PARKED) /* else the operation holds it */
        kobj_put(obj);
    return error;
}

/* May these bytes be described to others? Returns: 0; -E_NOTSUP; -E_INVAL. */
static long may_describe(struct region *r, uint64_t offset, uint64_t length)
{
    uint64_t end = r->size;

    if (r->policy == REGION_APPEND)
        end = load_acquire(&r->cursor); /* [CURSOR] */
    else if (r->policy != REGION_IMMUTABLE ||
             load_acquire(&r->sealed) != SEALED) /* [SEALED] */
        return -E_NOTSUP;
    return offset > end || length > end - offset ? -E_INVAL : 0;
}

__attribute__((flatten))
SYSCALL(queue_send_desc, uint64_t h, uint64_t user_desc, uint64_t opt,
        uint64_t timeout)
{
    struct cargo c;
    struct msg_desc desc;
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node));
    TRY(OPT_IS_BAD(opt) ? -E_INVAL : 0);
    TRY(copy_from_user(&desc, uaddr(user_desc), sizeof(desc)));
    c.value = (uint64_t)(int64_t)desc.region;
    c.offset = desc.offset;
    c.length = desc.length;
    TRY(handle_use(c.value, 1, OBJ_REGION, RIGHT_READ, &c.from));
    c.rights = RIGHT_READ | (hnode_rights(c.from) & RIGHT_GRANT);
    TRY(hnode_may_derive(c.from, &c.rights, 0, true));
    TRY(desc.flags || !desc.length ? -E_INVAL : 0);
    TRY(may_describe(region_of(c.from->obj), desc.offset, desc.length));
    return send_cargo(queue_of(node->obj), &c, node, opt, timeout);
}
