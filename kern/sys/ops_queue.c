/*
 * The calls 0x30 to 0x37. Here a queue's messages cross between user memory
 * and the kernel; ipc/queue.c sees kernel memory only.
 */
#include "base/string.h"
#include "ipc/handle.h"
#include "ipc/queue.h"
#include "ipc/wit.h"
#include "mem/kalloc.h"
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
static inline void
make_meta(struct msg_meta *meta, const struct hnode *node, uint64_t opt,
          uint64_t len, uint32_t kind)
{
    typedef uint32_t __attribute__((may_alias)) word_t;

    meta->len = (uint32_t)len;
    /* priority, kind and reserved = 0 in one store */
    *(word_t *)&meta->priority = (uint32_t)opt | kind << 8;
    meta->tag = OPT_TAG(opt);
    meta->sender = this_proc()->pid;
    meta->badge = node->badge;
}

/* Copy a payload that goes on at the next page. */
static __attribute__((noinline)) long
copy_two(struct qslot *slot, uaddr_t user, uint64_t len, bool in)
{
    uint64_t here = queue_here(slot, len), beyond = len - here;
    uaddr_t rest = uaddr(user.value + here);
    long error;

    if (in) {
        error = copy_from_user(slot->payload, user, here);
        return error ? error : copy_from_user(slot->next_page, rest, beyond);
    }
    error = copy_to_user(user, slot->payload, here);
    return error ? error : copy_to_user(rest, slot->next_page, beyond);
}

static inline long
copy_in(struct qslot *slot, uaddr_t from, uint64_t len)
{
    if (unlikely(slot->next_page))
        return copy_two(slot, from, len, true);
    return copy_from_user(slot->payload, from, len);
}

static inline long
copy_out(uaddr_t to, struct qslot *slot, uint64_t len)
{
    if (unlikely(slot->next_page))
        return copy_two(slot, to, len, false);
    return copy_to_user(to, slot->payload, len);
}

static long
refuse(struct queue *q)
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
    struct hnode *node;
    struct queue *q;
    struct qslot *slot;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node);

    if (unlikely(error))
        goto out;
    q = queue_of(node->obj);
    if (unlikely((uint32_t)opt > PRIO_URGENT)) { /* bits 8 to 31 are 0 */
        error = -E_INVAL;
    } else if (unlikely(len > q->stat.max_msg)) {
        error = -E_MSGSIZE;
    } else if (unlikely(q->stat.schema) && OPT_TAG(opt) != q->stat.schema) {
        error = refuse(q);
    } else if (likely((slot = queue_reserve(q)))) {
        make_meta(&slot->meta, node, opt, len, MSG_INLINE);
        error = copy_in(slot, uaddr(buf), len);
        if (unlikely(error) || unlikely((error = queue_commit(q, slot))))
            queue_release(q, slot);
    } else {
        error = send_slowly(q, node, uaddr(buf), len, opt, timeout);
    }
out:
    handle_done();
    return error;
}

static inline long
copy_header(uaddr_t meta, const struct qslot *slot)
{
    struct msg_meta header;

    if (uaddr_is_null(meta))
        return 0;
    queue_header(slot, &header);
    return copy_to_user(meta, &header, sizeof(header));
}

/* The handle in the taken message goes to the receiver's table, its value and
 * the header to the receiver's memory; or neither. One that was revoked on the
 * way arrives as -E_BADH without rights.
 * Returns: 0; -E_MFILE; -E_NOMEM; -E_FAULT. */
static __attribute__((noinline)) long
deliver_handle(struct queue *q, struct qslot *slot, uaddr_t buf, uaddr_t meta)
{
    struct hnode *node = queue_cargo(slot), *home = NULL;
    uint32_t rights = hnode_rights(node);
    long value = load_relaxed(&node->dead) ? -E_BADH : handle_reserve(&home);
    uint32_t reserved = (uint32_t)value % HANDLE_SLOTS;
    struct msg_handle out = {(handle_t)value, value < 0 ? 0 : rights};
    long error = value < 0 && value != -E_BADH
                     ? value
                     : copy_to_user(buf, &out, sizeof(out));

    if (!error)
        error = copy_header(meta, slot);
    if (!error)
        queue_end_stops(q, node->obj, rights);
    if (!error && value < 0)
        hnode_end(node);
    else if (!error)
        hnode_move(node, home, reserved);
    else if (value >= 0)
        handle_unreserve(this_proc(), reserved, home);
    return error;
}

/* The taken message goes to the receiver's memory, and its handle to the
 * receiver's table. On failure it is put back (BEHAVIOUR E10).
 * Returns: its length; -E_MFILE; -E_FAULT. */
static inline long
deliver(struct queue *q, struct qslot *slot, uaddr_t buf, uaddr_t meta)
{
    uint64_t len = slot->meta.len;
    long error;

    if (unlikely(slot->meta.kind != MSG_INLINE)) {
        error = deliver_handle(q, slot, buf, meta);
    } else {
        error = copy_out(buf, slot, len);
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
    } else if (result == -E_MSGSIZE && !uaddr_is_null(meta)) {
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

SYSCALL(queue_recv, uint64_t h, uint64_t buf, uint64_t cap, uint64_t meta,
        uint64_t timeout)
{
    struct hnode *node;
    struct queue *q;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node);

    if (unlikely(error)) {
        handle_done();
        return error;
    }
    q = queue_of(node->obj);
    if (load_relaxed(&q->ready.levels) == 0) /* at a glance */
        return recv_slowly(q, node, uaddr(buf), cap, uaddr(meta), timeout);
    return recv_at_once(q, node, uaddr(buf), cap, uaddr(meta), timeout);
}

/*
 * Send a handle derived from the one of value `cargo`, noted as from, with
 * these rights; the cycle has been looked for. It is derived once there is a
 * place: nobody but who revokes it changes `cargo` until then.
 * Returns: as queue_send_wait().
 */
static long
send_cargo(struct queue *q, const struct hnode *through, uint64_t cargo,
           struct hnode *from, uint32_t rights, uint64_t opt, uint64_t timeout)
{
    struct kobj *obj = from->obj;
    struct queue_send s = {.data = NULL};
    struct hnode *node;
    long error;

    make_meta(&s.meta, through, opt, sizeof(struct msg_handle), MSG_HANDLE);
    kobj_get(obj);
    kobj_get(&q->obj);
    handle_done_second();
    error = queue_send_wait(q, &s, through, timeout);
    if (!error) {
        s.slot->meta = s.meta;
        node = queue_cargo(s.slot);
        error = handle_look(cargo, 1, &from);
        if (!error)
            error = hnode_derive(from, rights, 0, &node);
        handle_done_second();
        if (!error && (error = queue_commit(q, s.slot)))
            hnode_end(node);
        if (error)
            queue_release(q, s.slot);
    }
    if (error)
        queue_end_stops(q, obj, rights);
    handle_done();
    kobj_put(&q->obj);
    kobj_put(obj);
    return error;
}

SYSCALL(queue_send_handle, uint64_t h, uint64_t cargo, uint64_t rights64,
        uint64_t opt, uint64_t timeout)
{
    uint32_t rights = (uint32_t)rights64;
    struct hnode *node, *from;
    struct queue *q;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node);

    if (!error)
        error = handle_look(cargo, 1, &from);
    if (!error)
        error = hnode_may_hand(from, &rights, 0);
    if (error)
        goto out;
    q = queue_of(node->obj);
    error = queue_end_starts(q, from->obj, rights);
    if (error)
        goto out;
    if (!(rights & ~RIGHT_ALL) && (uint32_t)opt <= PRIO_URGENT)
        return send_cargo(q, node, cargo, from, rights, opt, timeout);
    queue_end_stops(q, from->obj, rights);
    error = -E_INVAL;
out:
    handle_done_second();
    handle_done();
    return error;
}

SYSCALL(queue_peek, uint64_t h, uint64_t meta)
{
    struct hnode *node;
    struct msg_meta header;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node);

    if (!error && !uaddr_in_range(uaddr(meta), sizeof(header)))
        error = -E_FAULT;
    if (!error)
        error = queue_peek(queue_of(node->obj), &header);
    handle_done();
    return error || !meta ? error
                          : copy_to_user(uaddr(meta), &header, sizeof(header));
}

SYSCALL(queue_stat, uint64_t h, uint64_t out)
{
    struct hnode *node;
    struct queue_stat stat;
    long error = handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node);

    if (!error)
        queue_statistics(queue_of(node->obj), &stat);
    handle_done();
    return error ? error : copy_to_user(uaddr(out), &stat, sizeof(stat));
}

SYSCALL(queue_set_type, uint64_t h, uint64_t form, uint64_t len)
{
    uint8_t *bytes = this_proc()->page;
    struct wit_type *type;
    struct hnode *node;
    long size, error = handle_use(h, 0, OBJ_QUEUE, RIGHT_REVOKE, &node);

    if (!error && (len == 0 || len > WIT_MAX_FORM))
        error = -E_INVAL;
    if (!error)
        error = copy_from_user(bytes, uaddr(form), len);
    if (error)
        goto out;
    size = wit_verify(bytes, len);
    error = size < 0 ? size : 0;
    if (error)
        goto out;
    type = kmalloc(wit_bytes((uint32_t)len));
    if (type) {
        *type = (struct wit_type){(uint32_t)size, (uint32_t)len};
        memcpy(type->form, bytes, len);
    }
    error = queue_set_type(queue_of(node->obj), type);
    if (error && type)
        kfree(type, wit_bytes(type->len));
out:
    handle_done();
    return error;
}
