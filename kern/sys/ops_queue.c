/*
 * The calls 0x30 to 0x37. Here a queue's messages cross between user memory
 * and the kernel; ipc/queue.c sees kernel memory only.
 */
#include "base/string.h"
#include "ipc/wit.h"
#include "mem/kalloc.h"
#include "mem/region.h"
#include "sys/message.h"
#include "sys/syscall.h"

SYSCALL(queue_create, uint64_t ring_size, uint64_t max_msg, uint64_t schema)
{
    struct queue *q;

    TRY(queue_new((uint32_t)ring_size, (uint32_t)max_msg, (uint32_t)schema,
                  &q));
    return handle_create(&q->obj,
                         RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
}

static long refuse(struct queue *q)
{
    add_relaxed(&q->stat.rejected, 1);
    return -E_PROTOTYPE;
}

/* Copy the message into the process's own page and check it. */
static long read_message(struct queue *q, struct queue_send *s, uaddr_t buf)
{
    uint64_t len = s->meta.len;
    void *copy = this_thread()->page;

    s->data = copy;
    s->type = load_acquire(&q->type);
    if (s->type && len != s->type->size)
        return refuse(q);
    TRY(copy_from_user(copy, buf, len));
    return s->type && !wit_check(s->type, copy) ? refuse(q) : 0;
}

/* A parked send: the bytes go where there is a place now. */
static long finish_send(struct parked *op, long result, bool drop)
{
    struct queue *q = queue_of(op->obj);
    struct queue_send *s = (void *)op->wait.room;
    long error = queue_waited(q, &op->wait, &q->stat.rejected, result);

    if (!error) {
        error = drop ? -E_CANCELED : read_message(q, s, uaddr(op->args[1]));
        if (!error) {
            queue_fill(s->slot, s);
            error = queue_commit(q, s->slot);
        }
        if (error)
            queue_release(q, s->slot);
    }
    kobj_put(&q->obj);
    return error;
}

/* No place was free, or the queue is closed or typed: wait with the message, or
 * say why not. */
static NOINLINE long send_slowly(struct queue *q, const struct hnode *node,
                                 uaddr_t buf, uint64_t len, uint64_t opt,
                                 uint64_t timeout)
{
    struct queue_send *s = (void *)this_thread()->waiter->room;
    long error;

    make_meta(&s->meta, node, opt, len, MSG_INLINE);
    kobj_get(&q->obj);
    do { /* once more if it got its type only now */
        error = read_message(q, s, buf);
        if (!error)
            error = queue_send_wait(q, s, node, timeout);
    } while (error == -E_ALREADY);
    if (unlikely(error == -E_PARKED))
        return parked_with(&q->obj, finish_send);
    kobj_put(&q->obj);
    return error;
}

SYSCALL(queue_send, uint64_t h, uint64_t buf, uint64_t len, uint64_t opt,
        uint64_t timeout)
{
    NOTED struct hnode *node;
    struct queue *q;
    struct qslot *slot;
    long error;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node));
    q = queue_of(node->obj);
    /* Bits 8 to 31 are 0. */
    TRY((uint32_t)opt > PRIO_URGENT ? -E_INVAL : 0);
    TRY(len > q->stat.max_msg ? -E_MSGSIZE : 0);
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

/* The taken message goes to the receiver's memory, and its handle to the
 * receiver's table. On failure it is put back (BEHAVIOUR E10).
 * Returns: its length; -E_MFILE; -E_FAULT. */
static ALWAYS_INLINE long deliver(struct queue *q, struct qslot *slot,
                                  uaddr_t buf, uaddr_t meta)
{
    uint64_t len = slot->meta.len;
    long error;

    if (unlikely(slot->meta.kind != MSG_INLINE))
        error = deliver_cargo(q, slot, buf, meta);
    else if (likely(!(error = copy_payload(slot, buf, len, false))))
        error = copy_header(meta, slot);
    if (unlikely(error)) {
        queue_untake(q, slot);
        return error;
    }
    queue_taken(q, slot);
    return (long)len;
}

static finish_fn finish_recv;

/* Parked, or after a wait, or none. */
static inline long end_recv(struct queue *q, struct queue_recv *r, uaddr_t buf,
                            uaddr_t meta, long result, bool drop)
{
    if (likely(!result)) {
        if (likely(!drop && !proc_killed()))
            result = deliver(q, r->slot, buf, meta);
        else
            queue_untake(q, r->slot);
    } else if (result == -E_PARKED) {
        return parked_with(&q->obj, finish_recv);
    } else if (result == -E_MSGSIZE && meta.value) {
        /* Whether the header can be written or not: the size comes first. */
        (void)!copy_to_user(meta, &r->header, sizeof(r->header));
    }
    kobj_put(&q->obj);
    return result;
}

static long finish_recv(struct parked *op, long result, bool drop)
{
    struct queue *q = queue_of(op->obj);
    struct queue_recv *r = (void *)op->wait.room;
    uaddr_t meta = uaddr(drop ? 0 : op->args[3]);

    result = queue_waited(q, &op->wait, &q->stat.empty, result);
    return end_recv(q, r, uaddr(op->args[1]), meta, result, drop);
}

/* Nothing to take at once that fits: wait, or say why not. Flattened: the way
 * of every message between two processes. */
static __attribute__((noinline, flatten)) long
recv_slowly(struct queue *q, const struct hnode *node, uaddr_t buf,
            uint64_t cap, uaddr_t meta, uint64_t timeout)
{
    struct queue_recv *r = (void *)this_thread()->waiter->room;

    r->cap = cap;
    r->in_range = likely((buf.value | cap | meta.value) < USER_END / 2) ||
                  (uaddr_in_range(buf, cap) &&
                   uaddr_in_range(meta, sizeof(struct msg_meta)));
    kobj_get(&q->obj);
    return end_recv(q, r, buf, meta, queue_take_wait(q, r, node, timeout),
                    false);
}

static NOINLINE long recv_at_once(struct queue *q, const struct hnode *node,
                                  uaddr_t buf, uint64_t cap, uaddr_t meta,
                                  uint64_t timeout)
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

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node));
    q = queue_of(node->obj);
    if (load_relaxed(&q->ready.levels) == 0) /* at a glance */
        return recv_slowly(q, node, uaddr(buf), cap, uaddr(meta), timeout);
    return recv_at_once(q, node, uaddr(buf), cap, uaddr(meta), timeout);
}

static inline void make_cargo_meta(struct msg_meta *meta, const struct cargo *c,
                                   const struct hnode *through, uint64_t opt)
{
    make_meta(meta, through, opt,
              c->length ? sizeof(struct msg_desc) : sizeof(struct msg_handle),
              c->length ? MSG_DESC : MSG_HANDLE);
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
    if (!c->from->dead) {
        slot = queue_begin(q, slot);
        error = slot ? 0 : -E_AGAIN;
    }
    if (!error) {
        if (through)
            make_cargo_meta(&slot->meta, c, through, opt);
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

/* The wait for a place is over: the handle went with it, or is derived now, or
 * with `drop` not at all. */
static long end_cargo(struct queue *q, struct queue_send *s, long error,
                      bool drop)
{
    struct cargo c = s->cargo;

    if (error && s->data)
        hnode_end((void *)(c.apart - CARGO_APART));
    if (error || s->data)
        return error;
    s->slot->meta = s->meta;
    error = drop ? -E_CANCELED : handle_look(c.value, 1, &c.from);
    if (!error)
        error = send_cargo_at_once(q, &c, NULL, 0, s->slot);
    if (error)
        queue_release(q, s->slot);
    return error == -E_AGAIN ? -E_PIPE : error;
}

static long finish_cargo(struct parked *op, long result, bool drop)
{
    struct queue *q = queue_of(op->obj);
    struct queue_send *s = (void *)op->wait.room;
    long error = queue_waited(q, &op->wait, &q->stat.rejected, result);

    error = end_cargo(q, s, error, drop);
    handle_done();
    if (error && s->obj)
        queue_end_travels(q, s->obj, s->cargo.rights, -1u);
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
    long error =
        hnode_new(c.from->obj, c.from, c.from->depth + 1u, c.rights, 0, &node);

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
    if (!(c.rights & ~RIGHT_ALL) && (uint32_t)opt <= PRIO_URGENT)
        error = send_cargo(q, &c, node, opt, timeout);
    if (error == -E_PARKED)
        return error; /* what it holds, the operation holds */
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

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node));
    TRY((uint32_t)opt > PRIO_URGENT ? -E_INVAL : 0);
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

SYSCALL(queue_peek, uint64_t h, uint64_t meta)
{
    struct msg_meta header;
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node));
    TRY(uaddr_in_range(uaddr(meta), sizeof(header)) ? 0 : -E_FAULT);
    TRY(queue_peek(queue_of(node->obj), &header));
    return meta ? copy_to_user(uaddr(meta), &header, sizeof(header)) : 0;
}

SYSCALL(queue_stat, uint64_t h, uint64_t out)
{
    struct queue_stat stat;
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node));
    queue_statistics(queue_of(node->obj), &stat);
    return copy_to_user(uaddr(out), &stat, sizeof(stat));
}

SYSCALL(queue_set_type, uint64_t h, uint64_t form, uint64_t len)
{
    uint8_t *bytes = this_proc()->page;
    struct wit_type *type;
    NOTED struct hnode *node;
    long size, error;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_REVOKE, &node));
    TRY(len == 0 || len > WIT_MAX_FORM ? -E_INVAL : 0);
    TRY(copy_from_user(bytes, uaddr(form), len));
    TRY(size = wit_verify(bytes, len));
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
