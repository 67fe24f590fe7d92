/* Headers and payloads of messages, between queues and user memory. */
#pragma once

#include "ipc/queue.h"
#include "mem/uaccess.h"

#define OPT_TAG(opt) ((uint32_t)((opt) >> 32))
/* Below the tag stands something else than a priority, of PRIO_LEVELS. */
#define OPT_IS_BAD(opt) ((opt) << 32 >> 34 != 0)

/* Fill in the header of a message sent through node; without it, only what the
 * queue looks at. len and opt are already checked. */
static inline void make_meta(struct msg_meta *meta, const struct hnode *node,
                             uint64_t opt, uint64_t len, uint64_t kind)
{
    typedef uint64_t __attribute__((may_alias)) dword_t;

    /* len, priority, kind and reserved = 0 in one store */
    *(dword_t *)&meta->len = len | (opt | kind << 8) << 32;
    if (!node)
        return;
    meta->tag = OPT_TAG(opt);
    meta->sender = this_proc()->pid;
    meta->badge = node->badge;
}

static inline long copy_block(void *kernel, uaddr_t user, uint64_t len, bool in)
{
    return in ? copy_from_user(kernel, user, len)
              : copy_to_user(user, kernel, len);
}

/* Copy a payload that goes on at the next page. */
static NOINLINE long copy_two(struct qslot *slot, uaddr_t user, uint64_t len,
                              bool in)
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

/* Copy the header out, unless meta is 0. */
static inline long copy_header(uaddr_t meta, const struct qslot *slot)
{
    struct msg_meta header;

    if (!meta.value)
        return 0;
    queue_header(slot, &header);
    return copy_to_user(meta, &header, sizeof(header));
}

/* A message that is not inline goes to the receiver's memory, and its handle to
 * the receiver's table. Returns: 0; -E_MFILE; -E_NOMEM; -E_FAULT. */
long message_deliver_cargo(struct queue *q, struct qslot *slot, uaddr_t buf,
                           uaddr_t meta);

/* Send len bytes, which the queue allows; `bare`: nobody asks for a header. */
long message_send(struct queue *q, const struct hnode *node, uaddr_t buf,
                  uint64_t len, uint64_t opt, uint64_t timeout, bool bare);

/* Receive up to cap bytes, and the header unless meta is 0; node is noted until
 * here. Returns: the length, or an error of queue_recv. */
long message_recv(struct queue *q, const struct hnode *node, uaddr_t buf,
                  uint64_t cap, uaddr_t meta, uint64_t timeout);
