/* The calls 0x20 to 0x29: handles. */
#include "ipc/handle.h"
#include "ipc/event.h"
#include "sys/syscall.h"

SYSCALL(handle_close, uint64_t h)
{
    NOTED struct hnode *node;

    TRY(handle_look(h, 0, &node));
    return hnode_end(node);
}

/* A handle to be copied, or derived from, here: no reply handle, which is the
 * only one of its object. Returns: 0; -E_BADH; -E_ACCES. */
static long look_to_copy(uint64_t h, struct hnode **out)
{
    TRY(handle_look(h, 0, out));
    return (*out)->obj->type == OBJ_REPLY ? -E_ACCES : 0;
}

SYSCALL(handle_dup, uint64_t h, uint64_t rights64, uint64_t badge)
{
    uint32_t rights = (uint32_t)rights64;
    struct hnode *derived;
    NOTED struct hnode *node;

    TRY(look_to_copy(h, &node));
    TRY(hnode_may_derive(node, &rights, badge, false));
    TRY(rights & ~RIGHT_ALL ? -E_INVAL : 0);
    TRY(hnode_new(node->obj, node, node->depth + 1u, rights, badge, &derived));
    return hnode_arrive(derived, NULL, this_proc(), ANY_SLOT);
}

SYSCALL(handle_dup_at, uint64_t h, uint64_t slot64)
{
    uint32_t slot = (uint32_t)slot64;
    struct hnode *copy, *old;
    NOTED struct hnode *node;

    TRY(look_to_copy(h, &node));
    TRY(slot >= HANDLE_FIXED ? -E_INVAL : 0);
    if (h == slot)
        return (long)slot;
    TRY(hnode_new(node->obj, node, node->depth, hnode_rights(node), 0, &copy));
    if (handle_look(slot, 1, &old) == 0)
        hnode_end(old);
    return hnode_arrive(copy, NULL, this_proc(), slot);
}

SYSCALL(handle_grant, uint64_t h, uint64_t pid, uint64_t rights64,
        uint64_t badge)
{
    uint32_t rights = (uint32_t)rights64;
    struct hnode *derived;
    NOTED struct hnode *node;

    TRY(look_to_copy(h, &node));
    TRY(hnode_may_derive(node, &rights, badge, true));
    TRY(rights & ~RIGHT_ALL ? -E_INVAL : 0);
    TRY(hnode_install_in((long)pid, NULL));
    TRY(hnode_new(node->obj, node, node->depth + 1u, rights, badge, &derived));
    return hnode_grant(derived, (long)pid);
}

SYSCALL(handle_revoke, uint64_t h)
{
    NOTED struct hnode *node;

    TRY(handle_look(h, 0, &node));
    return hnode_rights(node) & RIGHT_REVOKE ? hnode_revoke(node) : -E_ACCES;
}

SYSCALL(handle_info, uint64_t h, uint64_t out)
{
    struct handle_info info;
    NOTED struct hnode *node;

    TRY(handle_look(h, 0, &node));
    info = (struct handle_info){.type = node->obj->type,
                                .rights = hnode_rights(node),
                                .depth = node->depth,
                                .refs = load_relaxed(&node->obj->handles),
                                .badge = node->badge,
                                .object_id = node->obj->id};
    return copy_to_user(uaddr(out), &info, sizeof(info));
}

SYSCALL(handle_shutdown, uint64_t h)
{
    NOTED struct hnode *node;

    TRY(handle_look(h, 0, &node));
    TRY(node->obj->ops->shutdown ? 0 : -E_WRONGTYPE);
    TRY(hnode_rights(node) & RIGHT_REVOKE ? 0 : -E_ACCES);
    node->obj->ops->shutdown(node->obj);
    return 0;
}

SYSCALL(handle_wait, uint64_t user_items, uint64_t n, uint64_t timeout)
{
    uaddr_t user = uaddr(user_items);
    uint32_t count = (uint32_t)n;
    uint64_t bytes = count * sizeof(struct wait_item);
    struct wait_item items[HANDLE_WAIT_MAX];
    long ready;

    TRY(count == 0 || count > HANDLE_WAIT_MAX ? -E_INVAL : 0);
    TRY(copy_from_user(items, user, bytes));
    TRY(ready = event_wait(items, count, timeout));
    TRY(copy_to_user(user, items, bytes));
    return ready;
}

/* Both handles are noted. Returns: 0; -E_BADH; -E_WRONGTYPE; -E_ACCES. */
static long look_at_both(uint64_t h, uint64_t q, uint32_t rights,
                         uint32_t queue_rights, struct hnode **node,
                         struct hnode **queue)
{
    TRY(handle_look(h, 0, node));
    TRY((*node)->obj->ops->signals ? 0 : -E_WRONGTYPE);
    TRY(rights & ~hnode_rights(*node) ? -E_ACCES : 0);
    return handle_use(q, 1, OBJ_QUEUE, queue_rights, queue);
}

SYSCALL(handle_subscribe, uint64_t h, uint64_t q, uint64_t signals64,
        uint64_t token)
{
    uint32_t signals = (uint32_t)signals64;
    uint32_t rights = (signals & SIG_READABLE ? RIGHT_READ : 0) |
                      (signals & SIG_WRITABLE ? RIGHT_WRITE : 0);
    NOTED struct hnode *node;
    struct hnode *queue;

    TRY(look_at_both(h, q, rights, RIGHT_WRITE, &node, &queue));
    TRY(!signals || (signals & ~SIG_ALL) ? -E_INVAL : 0);
    return event_subscribe(node, queue, signals, token);
}

SYSCALL(handle_unsubscribe, uint64_t h, uint64_t q)
{
    NOTED struct hnode *node;
    struct hnode *queue;

    TRY(look_at_both(h, q, 0, 0, &node, &queue));
    return event_unsubscribe(node, queue);
}
