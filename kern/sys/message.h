/* Headers and payloads of messages, between queues and user memory. */
#pragma once

#include "ipc/queue.h"
#include "mem/uaccess.h"

#define OPT_TAG(opt) ((uint32_t)((opt) >> 32))

/* Fill in the header of a message sent through node; len and opt are already
 * checked. */
static inline void make_meta(struct msg_meta *meta, const struct hnode *node,
                             uint64_t opt, uint64_t len, uint64_t kind)
{
    typedef uint64_t __attribute__((may_alias)) dword_t;

    /* len, priority, kind and reserved = 0 in one store */
    *(dword_t *)&meta->len = len | (opt | kind << 8) << 32;
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
