/* The calls 0x60 to 0x68: ports. Messages of 64 bytes cross here between user
 * memory and the kernel. */
#include "base/trace.h"
#include "ipc/line.h"
#include "ipc/port.h"
#include "sys/syscall.h"

#define MSG_ALIGN sizeof(struct ipc_msg)

SYSCALL(port_create, void)
{
    struct port *p;

    TRY(port_new(&p));
    return handle_create(&p->obj,
                         RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
}

/* Returns: 0; -E_INVAL for an empty or too long name; -E_FAULT. */
static long read_name(char *name, uint64_t user)
{
    long n =
        copy_string_from_user(name, uaddr(user), PORT_NAME_MAX + 1, -E_INVAL);

    return n > 0 ? 0 : n < 0 ? n : -E_INVAL;
}

SYSCALL(port_bind, uint64_t h, uint64_t user_name)
{
    char name[PORT_NAME_MAX + 1];
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_PORT, RIGHT_READ, &node));
    TRY(read_name(name, user_name));
    return port_bind(port_of(node->obj), name);
}

SYSCALL(port_unbind, uint64_t h)
{
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_PORT, RIGHT_READ, &node));
    return port_unbind(port_of(node->obj));
}

SYSCALL(port_connect, uint64_t user_name)
{
    char name[PORT_NAME_MAX + 1];

    TRY(read_name(name, user_name));
    return port_connect(name);
}

/* Copy a message in; its sender is the running process, with this badge. */
static inline long read_msg(struct port_msg *msg, uint64_t m, uint64_t badge)
{
    if (unlikely(m % MSG_ALIGN))
        return -E_INVAL;
    if (unlikely(copy_64_from_user(msg, uaddr(m))))
        return -E_FAULT;
    msg->word[0] = (uint32_t)this_proc()->pid | badge << 32;
    return 0;
}

SYSCALL(port_send, uint64_t h, uint64_t m, uint64_t timeout)
{
    struct request *r = (void *)this_thread()->waiter->room;
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_PORT, RIGHT_WRITE, &node));
    TRY(read_msg(&r->msg, m, node->badge));
    return port_send(port_of(node->obj), r, node, timeout);
}

__attribute__((flatten))
SYSCALL(port_call, uint64_t h, uint64_t m, uint64_t timeout)
{
    struct hnode *node;
    struct request r;
    long error;

    TRY(handle_use(h, 0, OBJ_PORT, RIGHT_WRITE, &node));
    error = read_msg(&r.msg, m, node->badge);
    if (unlikely(error))
        handle_done();
    else
        error = port_call(port_of(node->obj), &r, node, timeout);
    return unlikely(error) ? error : copy_64_to_user(uaddr(m), &r.msg);
}

/* A request that was taken goes to the receiver, a call's with a reply handle;
 * or back (BEHAVIOUR E10). Returns: the handle; 0; -E_CANCELED: it was killed;
 * -E_NOMEM; -E_MFILE; -E_FAULT. */
static ALWAYS_INLINE long deliver(struct port *p, struct port_recv *v,
                                  uaddr_t m, bool drop, bool rests)
{
    long reply = 0;

    if (unlikely(drop || proc_killed()))
        reply = -E_CANCELED;
    else if (likely(v->turn))
        reply = reply_open(v, rests);
    if (likely(reply >= 0) && unlikely(copy_64_to_user(m, &v->msg))) {
        if (reply)
            reply_cancel(reply);
        reply = -E_FAULT;
    }
    if (unlikely(reply < 0))
        port_untake(p, v);
    else if (!v->turn)
        port_taken(p, v->place);
    else
        trace(TRACE_RECV, OBJ_REPLY, (uint64_t)v->caller->proc->pid, v->turn);
    return reply;
}

static long finish_recv(struct parked *op, long result, bool drop)
{
    struct port *p = port_of(op->obj);

    result = line_waited(op->obj, &op->wait, result);
    if (!result)
        result =
            deliver(p, (void *)op->wait.room, uaddr(op->args[1]), drop, false);
    kobj_put(&p->obj);
    return result;
}

/* `own`: no ring makes this call, and a reply may rest. */
static ALWAYS_INLINE long receive(struct hnode *node, uint64_t m,
                                  uint64_t timeout, struct waiter *next,
                                  bool own)
{
    struct waiter *w = own ? &this_proc()->wait : this_thread()->waiter;
    struct port_recv *v = (void *)w->room;
    struct port *p = port_of(node->obj);
    long result;

    kobj_get(&p->obj);
    result = port_take(p, v, node, timeout, m < USER_END, next, own);
    if (likely(!result))
        result = deliver(p, v, uaddr(m), false, own);
    else if (result == -E_PARKED)
        return parked_with(&p->obj, finish_recv);
    kobj_put(&p->obj);
    return result;
}

SYSCALL(port_recv, uint64_t h, uint64_t m, uint64_t timeout)
{
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_PORT, RIGHT_READ, &node));
    TRY(m % MSG_ALIGN ? -E_INVAL : 0);
    return receive(node, m, timeout, NULL, false);
}

SYSCALL(port_reply, uint64_t h, uint64_t m)
{
    NOTED struct hnode *node;
    struct port_msg msg;
    struct waiter *caller;

    TRY(handle_use(h, 0, OBJ_REPLY, RIGHT_WRITE, &node));
    TRY(read_msg(&msg, m, 0));
    caller = reply_send(node, &msg, false);
    if (caller)
        waiter_wake(caller);
    return caller ? 0 : -E_PIPE;
}

__attribute__((flatten)) SYSCALL(port_reply_recv, uint64_t reply, uint64_t h,
                                 uint64_t m, uint64_t timeout)
{
    struct hnode *answer = NULL, *node = NULL;
    struct waiter *caller = NULL;
    struct port_msg msg;
    long error = 0;

    if (likely(reply))
        error = handle_use(reply, 0, OBJ_REPLY, RIGHT_WRITE, &answer);
    if (likely(!error))
        error = handle_use(h, 1, OBJ_PORT, RIGHT_READ, &node);
    if (likely(!error) && unlikely(m % MSG_ALIGN))
        error = -E_INVAL;
    if (likely(!error && answer))
        error = read_msg(&msg, m, 0);
    if (unlikely(error)) {
        handle_done();
        return error;
    }
    if (likely(answer))
        caller = reply_send(answer, &msg, true);
    error = receive(node, m, timeout, caller, true);
    if (unlikely(error <= 0))
        reply_no_next();
    return error;
}
