/*
 * The calls 0x30 to 0x37, but for those of ops_cargo.c. Here a queue's messages
 * cross between user memory and the kernel; ipc/queue.c sees only the kernel's.
 */
#include "base/string.h"
#include "ipc/wit.h"
#include "mem/kalloc.h"
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
        } else {
            queue_release(q, s->slot, error);
        }
    }
    kobj_put(&q->obj);
    return error;
}

/* No place was free, or the queue is closed or typed: wait with the message, or
 * say why not. */
static NOINLINE long send_slowly(struct queue *q, uaddr_t buf, uint64_t len,
                                 uint64_t opt, uint64_t timeout,
                                 const struct hnode *node)
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
    handle_done();
    if (unlikely(error == -E_PARKED))
        return parked_with(&q->obj, finish_send);
    kobj_put(&q->obj);
    return error;
}

/* Send with the payload in two pieces. */
static NOINLINE long send_two(struct queue *q, struct qslot *slot, uaddr_t buf,
                              uint64_t len)
{
    long error = copy_two(slot, buf, len, true);

    return error ? queue_release(q, slot, error) : queue_commit(q, slot);
}

inline long message_send(struct queue *q, const struct hnode *node, uaddr_t buf,
                         uint64_t len, uint64_t opt, uint64_t timeout,
                         bool bare)
{
    struct qslot *slot = queue_reserve(q);
    long error;

    if (unlikely(!slot))
        return send_slowly(q, buf, len, opt, timeout, node);
    make_meta(&slot->meta, bare ? NULL : node, opt, len, MSG_INLINE);
    if (unlikely(len > slot->here))
        return send_two(q, slot, buf, len);
    error = copy_block(slot->payload, buf, len, true);
    if (unlikely(error))
        return queue_release(q, slot, error);
    return queue_commit(q, slot);
}

__attribute__((flatten)) SYSCALL(queue_send, uint64_t h, uint64_t buf,
                                 uint64_t len, uint64_t opt, uint64_t timeout)
{
    struct hnode *node;
    struct queue *q;
    long error = 0;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_WRITE, &node));
    q = queue_of(node->obj);
    if (unlikely(OPT_IS_BAD(opt)))
        error = -E_INVAL;
    else if (unlikely(len > q->stat.max_msg))
        error = -E_MSGSIZE;
    else if (unlikely(q->stat.schema) && OPT_TAG(opt) != q->stat.schema)
        error = refuse(q);
    else
        return message_send(q, node, uaddr(buf), len, opt, timeout, false);
    handle_done_one();
    return error;
}

/* The taken message goes to the receiver's memory, and its handle to the
 * receiver's table. On failure it is put back (BEHAVIOUR E10).
 * Returns: its length; -E_MFILE; -E_FAULT. */
static NOINLINE long deliver_any(struct queue *q, struct qslot *slot,
                                 uaddr_t buf, uaddr_t meta)
{
    long error;

    if (slot->meta.kind != MSG_INLINE)
        error = message_deliver_cargo(q, slot, buf, meta);
    else if (!(error = copy_payload(slot, buf, slot->meta.len, false)))
        error = copy_header(meta, slot);
    return error ? queue_untake(q, slot, slot, error) : queue_taken(q, slot);
}

/* The same, and simple for most messages. */
static ALWAYS_INLINE long deliver(struct queue *q, struct qslot *slot,
                                  uaddr_t buf, uaddr_t meta)
{
    uint64_t len = slot->meta.len;
    long error;

    __asm__("" : "+r"(len)); /* else it is extended at each use */
    if (unlikely(slot->meta.kind != MSG_INLINE || meta.value ||
                 len > slot->here))
        return deliver_any(q, slot, buf, meta);
    error = copy_block(slot->payload, buf, len, false);
    if (unlikely(error))
        return queue_untake(q, slot, slot, error);
    return queue_taken(q, slot);
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
            queue_untake(q, r->slot, r->slot, 0);
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
    bool bare = op->obj->type == OBJ_CHANNEL;
    uaddr_t meta = uaddr(drop || bare ? 0 : op->args[3]);

    result = queue_waited(q, &op->wait, &q->stat.empty, result);
    result = end_recv(q, r, uaddr(op->args[1]), meta, result, drop);
    return bare ? MIN(result, 0) : result;
}

/* Nothing to take at once that fits: wait, or say why not. Flattened: the way
 * of every message between two processes. */
static __attribute__((noinline, flatten)) long
recv_slowly(struct queue *q, uaddr_t buf, uint64_t cap, uaddr_t meta,
            uint64_t timeout, const struct hnode *node)
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

inline long message_recv(struct queue *q, const struct hnode *node, uaddr_t buf,
                         uint64_t cap, uaddr_t meta, uint64_t timeout)
{
    struct qslot *slot = queue_take(q, cap);

    if (unlikely(!slot))
        return recv_slowly(q, buf, cap, meta, timeout, node);
    return deliver(q, slot, buf, meta);
}

/* Who goes on with the node ends its use: NOTED would cost a stack frame. */
__attribute__((flatten)) SYSCALL(queue_recv, uint64_t h, uint64_t buf,
                                 uint64_t cap, uint64_t meta, uint64_t timeout)
{
    struct hnode *node;
    struct queue *q;

    TRY(handle_use(h, 0, OBJ_QUEUE, RIGHT_READ, &node));
    q = queue_of(node->obj);
    return message_recv(q, node, uaddr(buf), cap, uaddr(meta), timeout);
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
