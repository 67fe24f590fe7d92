/* The calls 0x20 to 0x29: handles. */
#include "ipc/handle.h"
#include "ipc/event.h"
#include "sys/syscall.h"

SYSCALL(handle_close, uint64_t h)
{
    NOTED struct hnode *node;
    long error = handle_look(h, 0, &node);

    return error ? error : hnode_end(node);
}

SYSCALL(handle_dup, uint64_t h, uint64_t rights64, uint64_t badge)
{
    uint32_t rights = (uint32_t)rights64;
    struct hnode *derived;
    NOTED struct hnode *node;
    long error = handle_look(h, 0, &node);

    if (!error)
        error = hnode_may_derive(node, &rights, badge, false);
    if (!error && (rights & ~RIGHT_ALL))
        error = -E_INVAL;
    if (!error)
        error = hnode_derive(node, node->depth + 1u, rights, badge, &derived);
    return error ? error : hnode_arrive(derived, NULL, this_proc(), ANY_SLOT);
}

SYSCALL(handle_dup_at, uint64_t h, uint64_t slot64)
{
    uint32_t slot = (uint32_t)slot64;
    struct hnode *copy, *old;
    NOTED struct hnode *node;
    long error = handle_look(h, 0, &node);

    if (!error && slot >= HANDLE_FIXED)
        error = -E_INVAL;
    if (!error && h == slot)
        return (long)slot;
    if (!error)
        error = hnode_derive(node, node->depth, hnode_rights(node), 0, &copy);
    if (error)
        return error;
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
    long error = handle_look(h, 0, &node);

    if (!error)
        error = hnode_may_derive(node, &rights, badge, true);
    if (!error && (rights & ~RIGHT_ALL))
        error = -E_INVAL;
    if (!error)
        error = hnode_may_grant((long)pid);
    if (!error)
        error = hnode_derive(node, node->depth + 1u, rights, badge, &derived);
    return error ? error : hnode_grant(derived, (long)pid);
}

SYSCALL(handle_revoke, uint64_t h)
{
    NOTED struct hnode *node;
    long error = handle_look(h, 0, &node);

    if (!error && !(hnode_rights(node) & RIGHT_REVOKE))
        error = -E_ACCES;
    return error ? error : hnode_revoke(node);
}

SYSCALL(handle_info, uint64_t h, uint64_t out)
{
    struct handle_info info;
    NOTED struct hnode *node;
    long error = handle_look(h, 0, &node);

    if (error)
        return error;
    info = (struct handle_info){
        .type = node->obj->type,
        .rights = hnode_rights(node),
        .depth = node->depth,
        .refs = load_relaxed(&node->obj->handles),
        .badge = node->badge,
        .object_id = node->obj->id,
    };
    return copy_to_user(uaddr(out), &info, sizeof(info));
}

SYSCALL(handle_shutdown, uint64_t h)
{
    NOTED struct hnode *node;
    long error = handle_look(h, 0, &node);

    if (!error && !node->obj->ops->shutdown)
        error = -E_WRONGTYPE;
    if (!error && !(hnode_rights(node) & RIGHT_REVOKE))
        error = -E_ACCES;
    if (!error)
        node->obj->ops->shutdown(node->obj);
    return error;
}

SYSCALL(handle_wait, uint64_t user_items, uint64_t n, uint64_t timeout)
{
    uaddr_t user = uaddr(user_items);
    uint32_t count = (uint32_t)n;
    uint64_t bytes = count * sizeof(struct wait_item);
    struct wait_item items[HANDLE_WAIT_MAX];
    long ready;

    if (count == 0 || count > HANDLE_WAIT_MAX)
        return -E_INVAL;
    if (copy_from_user(items, user, bytes))
        return -E_FAULT;
    ready = event_wait(items, count, timeout);
    if (ready > 0 && copy_to_user(user, items, bytes))
        return -E_FAULT;
    return ready;
}
