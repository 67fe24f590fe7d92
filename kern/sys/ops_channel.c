/*
 * The calls 0x70 to 0x73: channels. A channel is a queue inside: its elements
 * are messages of one length and one priority whose header nobody asks for, and
 * its two ends are two handles that do not derive from each other.
 */
#include "sys/message.h"
#include "sys/syscall.h"

/* The ends of a new channel, whose reference goes to them. Returns: 0; an error
 * of handle_create(), and then neither is there. */
static long open_ends(struct queue *c, handle_t ends[2])
{
    struct hnode *node;
    long sender, receiver;

    kobj_get(&c->obj); /* each handle takes one over */
    sender = handle_create(&c->obj, RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
    receiver = sender;
    if (sender < 0)
        kobj_put(&c->obj);
    else
        receiver =
            handle_create(&c->obj, RIGHT_READ | RIGHT_GRANT | RIGHT_REVOKE);
    if (receiver < 0 && sender >= 0 && !handle_look((uint64_t)sender, 0, &node))
        (void)hnode_end(node);
    ends[0] = (handle_t)sender;
    ends[1] = (handle_t)receiver;
    return MIN(receiver, 0);
}

SYSCALL(chan_create, uint64_t capacity, uint64_t elem_size, uint64_t out)
{
    uint32_t places = (uint32_t)capacity, bytes = (uint32_t)elem_size;
    NOTED struct hnode *node;
    struct queue *c;
    handle_t ends[2];
    long error;

    if (places == 0 || places > CHAN_MAX_CAP || bytes == 0 ||
        bytes > CHAN_MAX_ELEM)
        return -E_INVAL;
    TRY(uaddr_in_range(uaddr(out), sizeof(ends)) ? 0 : -E_FAULT);
    TRY(queue_make(OBJ_CHANNEL, places, bytes, 0, &c));
    TRY(open_ends(c, ends));
    error = copy_to_user(uaddr(out), ends, sizeof(ends));
    for (int i = 0; i < 2 && error; i++)
        if (!handle_look((uint64_t)(int64_t)ends[i], 0, &node))
            (void)hnode_end(node);
    return error;
}

__attribute__((flatten))
SYSCALL(chan_send, uint64_t h, uint64_t elem, uint64_t timeout)
{
    struct hnode *node;
    struct queue *c;

    TRY(handle_use(h, 0, OBJ_CHANNEL, RIGHT_WRITE, &node));
    c = queue_of(node->obj);
    return message_send(c, node, uaddr(elem), c->stat.max_msg,
                        MSG_OPT(PRIO_LOW, 0), timeout, true);
}

__attribute__((flatten))
SYSCALL(chan_recv, uint64_t h, uint64_t elem, uint64_t timeout)
{
    struct hnode *node;
    struct queue *c;

    TRY(handle_use(h, 0, OBJ_CHANNEL, RIGHT_READ, &node));
    c = queue_of(node->obj);
    TRY(message_recv(c, node, uaddr(elem), c->stat.max_msg, uaddr(0), timeout));
    return 0;
}

SYSCALL(chan_len, uint64_t h)
{
    NOTED struct hnode *node;
    struct queue_stat stat;

    TRY(handle_use(h, 0, OBJ_CHANNEL, RIGHT_READ, &node));
    queue_statistics(queue_of(node->obj), &stat);
    return stat.len;
}
