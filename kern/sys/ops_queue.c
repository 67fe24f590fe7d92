/*
 * The calls 0x30 to 0x37. Here a queue's messages cross between user memory
 * and the kernel; ipc/queue.c sees kernel memory only.
 */
#include "base/string.h"
#include "ipc/handle.h"
#include "ipc/queue.h"
#include "ipc/wit.h"
#include "mem/kalloc.h"
#include "mem/region.h"
#include "sys/syscall.h"

#define OPT_TAG(opt) ((uint32_t)((opt) >> 32))

SYSCALL(queue_create, uint64_t ring_size, uint64_t max_msg, uint64_t schema)
{
    struct queue *q;
    long error =
        queue_new((uint32_t)ring_size, (uint32_t)max_msg, (uint32_t)schema, &q);

    if (error)
        return error;
    return handle_create(&q->obj,
                         RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
}

/* Fill in the header of a message; opt is already checked. */
static inline void make_meta(struct msg_meta *meta, const struct hnode *node,
                             uint64_t opt, uint64_t len, uint32_t kind)
{
    typedef uint32_t __attribute__((may_alias)) word_t;

    meta->len = (uint32_t)len;
    /* priority, kind and reserved = 0 in one store */
    *(word_t *)&meta->priority = (uint32_t)opt | kind << 8;
    meta->tag = OPT_TAG(opt);
    meta->sender = this_proc()->pid;
    meta->badge = node->badge;
}

static inline long copy_block(void *kernel, uaddr_t user, uint64_t len, bool in)
{
    return in ? copy_from_user(kernel, user, len)
              : copy_to_user(user, kernel, len);
}

/* Copy a payload that is in two pieces. */
static __attribute__((noinline)) long copy_two(struct qslot *slot, uaddr_t user,
                                               uint64_t len, bool in)
{
    uint64_t here = slot->here;
    uaddr_t rest = uaddr(user.value + here);
    long error = copy_block(slot->payload, user, here, in);

    return error ? error : copy_block(queue_rest(slot), rest, len - here, in);
}

/* Copy a payload in or out. */
static inline long copy_payload(struct qslot *slot, uaddr_t user, uint64_t len,
                                bool in)
{
    if (unlikely(len > slot->here))
        return copy_two(slot, user, len, in);
    return copy_block(slot->payload, user, len, in);
}

static long refuse(struct queue *q)
{
    add_relaxed(&q->stat.rejected, 1);
    return -E_PROTOTYPE;
}

/* No place was free, or the queue is closed or typed: with the message in the
 * process's own page, check it, and wait or say why not. */
static __attribute__((noinline)) long
send_slowly(struct queue *q, const struct hnode *node, uaddr_t buf,
            uint64_t len, uint64_t opt, uint64_t timeout)
{
    void *copy = this_proc()->page;
    struct queue_send s = {.data = copy};
    long error;

    make_meta(&s.meta, node, opt, len, MSG_INLINE);
    kobj_get(&q->obj);
    do { /* once more if it got its type only now */
        s.type = load_acquire(&q->type);
        if (s.type && len != s.type->size)
            error = refuse(q);
        else
            error = copy_from_user(copy, buf, len);
        if (!error && s.type && !wit_check(s.type, copy))
            error = refuse(q);
        if (!error)
            error = queue_send_wait(q, &s, node, timeout);
    } while (error == -E_ALREADY);
    kobj_put(&q->obj);
    return error;
}

SYSCALL(queue_send, uint64_t h, uint64_t buf, uint64_t len, uint64_t opt,
        uint64_t timeout)
{
    NOTED struct hnode *node;
    struct queue *q;
    struct qslot *slot;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node);

    if (unlikely(error))
        return error;
    q = queue_of(node->obj);
    if (unlikely((uint32_t)opt > PRIO_URGENT)) /* bits 8 to 31 are 0 */
        return -E_INVAL;
    if (unlikely(len > q->stat.max_msg))
        return -E_MSGSIZE;
    if (unlikely(q->stat.schema) && OPT_TAG(opt) != q->stat.schema)
        return refuse(q);
    slot = queue_reserve(q, CLOSED_SEND | TYPED);
    if (unlikely(!slot))
        return send_slowly(q, node, uaddr(buf), len, opt, timeout);
    make_meta(&slot->meta, node, opt, len, MSG_INLINE);
    error = copy_payload(slot, uaddr(buf), len, true);
    if (unlikely(error) || unlikely((error = queue_commit(q, slot))))
        queue_release(q, slot);
    return error;
}

static inline long copy_header(uaddr_t meta, const struct qslot *slot)
{
    struct msg_meta header;

    if (!meta.value)
        return 0;
    queue_header(slot, &header);
    return copy_to_user(meta, &header, sizeof(header));
}

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
static __attribute__((noinline)) long
deliver_handle(struct queue *q, struct qslot *slot, uaddr_t buf, uaddr_t meta)
{
    struct hnode *node = queue_cargo(slot), *home = NULL;
    uint32_t rights = hnode_rights(node), flags = DESC_NEW_HANDLE;
    long value = load_relaxed(&node->dead) ? -E_BADH : handle_reserve(&home);
    long error;

    if (value < 0 && value != -E_BADH)
        return value;
    if (slot->meta.kind == MSG_HANDLE)
        flags = rights;
    error = copy_cargo(slot, value, home ? flags : 0, buf, meta);
    if (error && home)
        handle_unreserve(this_proc(), (uint32_t)value % HANDLE_SLOTS, home);
    if (error)
        return error;
    queue_end_travels(q, node->obj, rights, -1u);
    if (home)
        hnode_arrive(node, home, this_proc(), (uint32_t)value % HANDLE_SLOTS);
    else
        hnode_end(node);
    return 0;
}

/* The same, but if a descriptor's receiver has a handle to the region already
 * it gets that one. */
static __attribute__((noinline, flatten)) long
deliver_cargo(struct queue *q, struct qslot *slot, uaddr_t buf, uaddr_t meta)
{
    struct hnode *node = queue_cargo(slot);
    long value = -E_BADH, error;

    if (slot->meta.kind == MSG_DESC && !load_relaxed(&node->dead))
        value = handle_to_region(node->obj, hnode_rights(node));
    if (value < 0)
        return deliver_handle(q, slot, buf, meta);
    error = copy_cargo(slot, value, 0, buf, meta);
    if (!error)
        hnode_end(node);
    return error;
}

/* The taken message goes to the receiver's memory, and its handle to the
 * receiver's table. On failure it is put back (BEHAVIOUR E10).
 * Returns: its length; -E_MFILE; -E_FAULT. */
static inline long deliver(struct queue *q, struct qslot *slot, uaddr_t buf,
                           uaddr_t meta)
{
    uint64_t len = slot->meta.len;
    long error;

    if (unlikely(slot->meta.kind != MSG_INLINE)) {
        error = deliver_cargo(q, slot, buf, meta);
    } else {
        error = copy_payload(slot, buf, len, false);
        if (likely(!error))
            error = copy_header(meta, slot);
    }
    if (unlikely(error)) {
        queue_untake(q, slot);
        return error;
    }
    queue_taken(q, slot);
    return (long)len;
}

/* Nothing to take at once that fits: wait, or say why not. Flattened: the way
 * of every message between two processes. */
static __attribute__((noinline, flatten)) long
recv_slowly(struct queue *q, const struct hnode *node, uaddr_t buf,
            uint64_t cap, uaddr_t meta, uint64_t timeout)
{
    struct queue_recv r;
    long result;

    r.cap = cap;
    r.in_range = likely((buf.value | cap | meta.value) < USER_END / 2) ||
                 (uaddr_in_range(buf, cap) &&
                  uaddr_in_range(meta, sizeof(struct msg_meta)));
    kobj_get(&q->obj);
    result = queue_take_wait(q, &r, node, timeout);
    if (likely(!result)) {
        if (likely(!proc_killed()))
            result = deliver(q, r.slot, buf, meta);
        else
            queue_untake(q, r.slot);
    } else if (result == -E_MSGSIZE && meta.value) {
        /* Whether the header can be written or not: the size comes first. */
        (void)!copy_to_user(meta, &r.header, sizeof(r.header));
    }
    kobj_put(&q->obj);
    return result;
}

static __attribute__((noinline)) long
recv_at_once(struct queue *q, const struct hnode *node, uaddr_t buf,
             uint64_t cap, uaddr_t meta, uint64_t timeout)
{
    struct qslot *slot = queue_take(q, cap);
    long result;

    if (unlikely(!slot))
        return recv_slowly(q, node, buf, cap, meta, timeout);
    result = deliver(q, slot, buf, meta);
    handle_done();
    return result;
}

/* Who goes on with the node ends its use: NOTED would cost a stack frame. */
SYSCALL(queue_recv, uint64_t h, uint64_t buf, uint64_t cap, uint64_t meta,
        uint64_t timeout)
{
    struct hnode *node;
    struct queue *q;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node);

    if (unlikely(error))
        return error;
    q = queue_of(node->obj);
    if (load_relaxed(&q->ready.levels) == 0) /* at a glance */
        return recv_slowly(q, node, uaddr(buf), cap, uaddr(meta), timeout);
    return recv_at_once(q, node, uaddr(buf), cap, uaddr(meta), timeout);
}

/* A handle, or with a range a descriptor, that is to be sent. */
struct cargo {
    uint64_t value;     /* of the handle that it derives from, */
    struct hnode *from; /* noted as hazard 1 */
    uint32_t rights;
    uint64_t opt;
    uint64_t offset, length; /* of a descriptor; length 0: a handle */
};

static inline void make_cargo_meta(struct msg_meta *meta, const struct cargo *c,
                                   const struct hnode *through)
{
    make_meta(meta, through, c->opt,
              c->length ? sizeof(struct msg_desc) : sizeof(struct msg_handle),
              c->length ? MSG_DESC : MSG_HANDLE);
}

/* Send it in a free place, its header made here, or in the reserved one that
 * has it. Returns: 0; -E_BADH; -E_AGAIN: no place, or nobody will receive. */
static inline __attribute__((always_inline)) long
send_cargo_at_once(struct queue *q, const struct cargo *c,
                   const struct hnode *through, struct qslot *slot)
{
    struct kobj *obj = c->from->obj;
    bool reserved = slot;
    struct hnode *node;
    uint64_t *range;
    long error = -E_BADH;

    spin_lock_as(&obj->tree, RANK_REVOKE);
    if (!c->from->dead) {
        slot = queue_begin(q, slot);
        error = slot ? 0 : -E_AGAIN;
    }
    if (!error) {
        if (!reserved)
            make_cargo_meta(&slot->meta, c, through);
        node = queue_cargo_place(slot);
        range = queue_range_place(slot);
        node->in_place = true;
        hnode_link_locked(node, obj, c->from, c->from->depth + 1u, c->rights,
                          c->from->badge);
        range[0] = c->offset;
        range[1] = c->length;
        queue_finish(q, slot);
    }
    spin_unlock_as(&obj->tree, RANK_REVOKE);
    return error;
}

/* Wait for a place, the handle in memory of its own, to go with the place.
 * Without memory it is derived only then, by who wakes: nobody but who revokes
 * it changes `from` meanwhile. Returns: -E_BADH; as queue_send_wait(). */
static __attribute__((noinline)) long
send_cargo_slowly(struct queue *q, struct cargo *c, const struct hnode *through,
                  uint64_t timeout)
{
    struct hnode *node = NULL;
    long error =
        hnode_derive(c->from, c->from->depth + 1u, c->rights, 0, &node);
    uint64_t apart[] = {(uint64_t)node | CARGO_APART, c->offset, c->length};
    struct queue_send s = {.data = error ? NULL : apart};

    if (error == -E_BADH)
        return error;
    make_cargo_meta(&s.meta, c, through);
    kobj_get(&q->obj);
    error = queue_send_wait(q, &s, through, timeout);
    if (error && s.data) {
        hnode_end(node);
    } else if (!error && !s.data) {
        s.slot->meta = s.meta;
        error = handle_look(c->value, 1, &c->from);
        if (!error)
            error = send_cargo_at_once(q, c, NULL, s.slot);
        if (error)
            queue_release(q, s.slot);
        if (error == -E_AGAIN)
            error = -E_PIPE;
    }
    kobj_put(&q->obj);
    return error;
}

static inline __attribute__((always_inline)) long
send_cargo(struct queue *q, const struct cargo *c, const struct hnode *through,
           uint64_t timeout)
{
    long error = send_cargo_at_once(q, c, through, NULL);
    struct cargo copy;

    if (likely(error != -E_AGAIN))
        return error;
    copy = *c; /* which lets c stay in registers */
    return send_cargo_slowly(q, &copy, through, timeout);
}

SYSCALL(queue_send_handle, uint64_t h, uint64_t cargo, uint64_t rights,
        uint64_t opt, uint64_t timeout)
{
    struct cargo c = {.value = cargo, .rights = (uint32_t)rights, .opt = opt};
    NOTED struct hnode *node;
    struct kobj *obj;
    struct queue *q;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node);

    if (!error)
        error = handle_look(cargo, 1, &c.from);
    if (!error)
        error = hnode_may_derive(c.from, &c.rights, 0, true);
    if (error)
        return error;
    q = queue_of(node->obj);
    obj = c.from->obj;
    error = queue_end_travels(q, obj, c.rights, 1);
    if (error)
        return error;
    kobj_get(obj);
    if ((c.rights & ~RIGHT_ALL) || (uint32_t)opt > PRIO_URGENT)
        error = -E_INVAL;
    else
        error = send_cargo(q, &c, node, timeout);
    if (error)
        queue_end_travels(q, obj, c.rights, -1u);
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
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node);

    if (!error && (uint32_t)opt > PRIO_URGENT)
        error = -E_INVAL;
    if (!error)
        error = copy_from_user(&desc, uaddr(user_desc), sizeof(desc));
    if (error)
        return error;
    c.value = (uint64_t)(int64_t)desc.region;
    c.opt = opt;
    c.offset = desc.offset;
    c.length = desc.length;
    error = handle_use(c.value, 1, OBJ_REGION, RIGHT_READ, &c.from);
    if (error)
        return error;
    c.rights = RIGHT_READ | (hnode_rights(c.from) & RIGHT_GRANT);
    error = hnode_may_derive(c.from, &c.rights, 0, true);
    if (!error && (desc.flags || !desc.length))
        error = -E_INVAL;
    if (!error)
        error = may_describe(region_of(c.from->obj), desc.offset, desc.length);
    return error ? error : send_cargo(queue_of(node->obj), &c, node, timeout);
}

SYSCALL(queue_peek, uint64_t h, uint64_t meta)
{
    struct msg_meta header;
    NOTED struct hnode *node;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node);

    if (!error && !uaddr_in_range(uaddr(meta), sizeof(header)))
        error = -E_FAULT;
    if (!error)
        error = queue_peek(queue_of(node->obj), &header);
    return error || !meta ? error
                          : copy_to_user(uaddr(meta), &header, sizeof(header));
}

SYSCALL(queue_stat, uint64_t h, uint64_t out)
{
    struct queue_stat stat;
    NOTED struct hnode *node;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node);

    if (error)
        return error;
    queue_statistics(queue_of(node->obj), &stat);
    return copy_to_user(uaddr(out), &stat, sizeof(stat));
}

SYSCALL(queue_set_type, uint64_t h, uint64_t form, uint64_t len)
{
    uint8_t *bytes = this_proc()->page;
    struct wit_type *type;
    NOTED struct hnode *node;
    long size = 0, error = handle_use(h, 0, OBJ_QUEUE, RIGHT_REVOKE, &node);

    if (!error && (len == 0 || len > WIT_MAX_FORM))
        error = -E_INVAL;
    if (!error)
        error = copy_from_user(bytes, uaddr(form), len);
    if (!error)
        size = wit_verify(bytes, len);
    if (error || size < 0)
        return error ? error : size;
    type = kmalloc(wit_bytes((uint32_t)len));
    if (type) {
        *type = (struct wit_type){(uint32_t)size, (uint32_t)len};
        memcpy(type->form, bytes, len);
    }
    error = queue_set_type(queue_of(node->obj), type);
    if (error && type)
        kfree(type, wit_bytes(type->len));
    return error;
}
