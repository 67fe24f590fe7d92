/* The calls 0x20 to 0x29: handles. */
#include "ipc/handle.h"
#include "ipc/event.h"
#include "sys/syscall.h"

SYSCALL(handle_close, uint64_t h)
{
    return handle_close(h);
}

SYSCALL(handle_dup, uint64_t h, uint64_t rights, uint64_t badge)
{
    return handle_dup(h, (uint32_t)rights, badge);
}

SYSCALL(handle_dup_at, uint64_t h, uint64_t slot)
{
    return handle_dup_at(h, (uint32_t)slot);
}

SYSCALL(handle_grant, uint64_t h, uint64_t pid, uint64_t rights, uint64_t badge)
{
    return handle_grant(h, (long)pid, (uint32_t)rights, badge);
}

SYSCALL(handle_revoke, uint64_t h)
{
    return handle_revoke(h);
}

SYSCALL(handle_info, uint64_t h, uint64_t out)
{
    struct handle_info info;
    long error = handle_describe(h, &info);

    return error ? error : copy_to_user(uaddr(out), &info, sizeof(info));
}

SYSCALL(handle_shutdown, uint64_t h)
{
    struct hnode *node;
    struct kobj *obj = NULL;
    long error = handle_look(h, 0, &node);

    if (!error && !node->obj->ops->shutdown)
        error = -E_WRONGTYPE;
    if (!error && !(hnode_rights(node) & RIGHT_REVOKE))
        error = -E_ACCES;
    if (!error) {
        obj = node->obj;
        obj->ops->shutdown(obj);
    }
    handle_done();
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
