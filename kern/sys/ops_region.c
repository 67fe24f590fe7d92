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

/* Copy to a program what lies inside r; long, so let interrupts in. */
static long read_region(struct region *r, uint64_t off, uaddr_t buf,
                        uint64_t len)
{
    long error = uaddr_in_range(buf, len) || !len ? 0 : -E_FAULT;
    uint64_t done = 0;

    while (done < len && !error && !proc_killed()) {
        uint64_t at = (off + done) % PAGE_SIZE;
        uint64_t n = MIN(len - done, PAGE_SIZE - at);
        char *frame = region_frame(r, (off + done) / PAGE_SIZE);

        error = copy_to_user(uaddr(buf.value + done), frame + at, n);
        done += n;
        interrupt_window();
    }
    return error ? error : (long)done;
}

SYSCALL(region_read, uint64_t h, uint64_t off, uint64_t buf, uint64_t len)
{
    struct hnode *node;
    struct region *r;
    long result = handle_use(h, 0, OBJ_REGION, RIGHT_READ, &node);

    if (result) {
        handle_done();
        return result;
    }
    /* Not noted meanwhile: whoever revokes the handle would wait for us. */
    r = region_of(node->obj);
    kobj_get(&r->obj);
    handle_done();
    if (off >= r->size)
        result = -E_INVAL;
    else
        result = read_region(r, off, uaddr(buf), MIN(len, r->size - off));
    kobj_put(&r->obj);
    return result;
}

SYSCALL(region_info, uint64_t h, uint64_t out)
{
    struct hnode *node;
    struct region_info info = {0};
    long error = handle_use(h, 0, OBJ_REGION, RIGHT_READ, &node);

    if (!error) {
        struct region *r = region_of(node->obj);

        info.policy = r->policy;
        info.sealed = r->sealed;
        info.size = r->size;
        info.refs = load_relaxed(&r->obj.refs);
        info.pages = r->pages;
        if (r->pages)
            info.first_frame = PHYS(region_frame(r, 0)) >> PAGE_SHIFT;
    }
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
