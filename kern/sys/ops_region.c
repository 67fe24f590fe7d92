/* The calls 0x40 to 0x4d: regions and boot files. */
#include "base/string.h"
#include "ipc/handle.h"
#include "mem/region.h"
#include "proc/bootfs.h"
#include "sys/syscall.h"

SYSCALL(region_open, uint64_t user_name)
{
    char name[sizeof(((struct boot_file *)0)->name)];
    long n = copy_string_from_user(name, uaddr(user_name), sizeof(name));
    struct region *file;

    if (n < 0)
        return n == -E_INVAL ? -E_NOENT : n;
    file = bootfs_find(name);
    if (!file)
        return -E_NOENT;
    kobj_get(&file->obj);
    return handle_create(&file->obj, RIGHT_READ | RIGHT_EXECUTE | RIGHT_GRANT);
}

SYSCALL(region_read, uint64_t h, uint64_t off, uint64_t buf, uint64_t len)
{
    struct hnode *node;
    struct region *r;
    uint64_t done = 0;
    long error = handle_use(h, 0, OBJ_REGION, RIGHT_READ, &node);

    if (error)
        goto out;
    r = region_of(node->obj);
    error = -E_INVAL;
    if (off >= r->size)
        goto out;
    error = 0;
    len = MIN(len, r->size - off);
    while (done < len && !error) {
        uint64_t at = (off + done) % PAGE_SIZE;
        uint64_t n = MIN(len - done, PAGE_SIZE - at);

        error = copy_to_user(
            uaddr(buf + done),
            (char *)region_frame(r, (off + done) / PAGE_SIZE) + at, n);
        done += n;
    }
out:
    handle_done();
    return error ? error : (long)done;
}

SYSCALL(region_info, uint64_t h, uint64_t out)
{
    struct hnode *node;
    struct region_info info;
    long error = handle_use(h, 0, OBJ_REGION, RIGHT_READ, &node);

    if (!error)
        region_describe(region_of(node->obj), &info);
    handle_done();
    return error ? error : copy_to_user(uaddr(out), &info, sizeof(info));
}

SYSCALL(boot_file, uint64_t index, uint64_t out)
{
    struct boot_file file;
    long error;

    if (!uaddr_in_range(uaddr(out), sizeof(file)))
        return -E_FAULT;
    error = bootfs_describe((uint32_t)index, &file);
    return error ? error : copy_to_user(uaddr(out), &file, sizeof(file));
}
