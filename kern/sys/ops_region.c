/* The calls 0x40 to 0x4d: regions and boot files. */
#include "base/string.h"
#include "ipc/handle.h"
#include "proc/bootfs.h"
#include "sys/mapping.h"
#include "sys/syscall.h"

/*
 * The region behind a handle with this right, with a reference instead of the
 * hazard: calls on it may take long, or sleep. `policy` 0: any.
 * Returns: 0 and *out; -E_BADH; -E_WRONGTYPE; -E_ACCES.
 */
static inline long use_region(uint64_t h, uint32_t right, struct region **out)
{
    struct hnode *node;
    long error = handle_use(h, 0, OBJ_REGION, right, &node);

    if (error)
        return error;
    *out = region_of(node->obj);
    kobj_get(&(*out)->obj);
    handle_done();
    return 0;
}

static inline long done(struct region *r, long result)
{
    kobj_put(&r->obj);
    return result;
}

/* Copy what must lie inside r to or from a program, letting interrupts in.
 * Returns: 0; -E_FAULT, or killed -E_CANCELED: a part may have been copied. */
static long copy(struct region *r, uint64_t off, uaddr_t buf, uint64_t len,
                 bool in)
{
    long error = uaddr_in_range(buf, len) || !len ? 0 : -E_FAULT;

    while (len && !error) {
        uint64_t n = len;
        void *at = region_at(r, off, &n);

        error = in ? copy_from_user(at, buf, n) : copy_to_user(buf, at, n);
        buf.value += n;
        off += n;
        len -= n;
        if (len && !error && proc_killed())
            error = -E_CANCELED;
        if (len)
            interrupt_window();
    }
    return error;
}

/* May all of [buf, buf + len) be read? Returns: 0; -E_FAULT. */
static long check_readable(uaddr_t buf, uint64_t len)
{
    uint64_t end = buf.value + len;
    long error = uaddr_in_range(buf, len) || !len ? 0 : -E_FAULT;
    char byte;

    while (!error && buf.value < end && !proc_killed()) {
        error = copy_from_user(&byte, buf, 1);
        buf.value = ROUND_DOWN(buf.value, PAGE_SIZE) + PAGE_SIZE;
        interrupt_window();
    }
    return error;
}

SYSCALL(region_create, uint64_t policy, uint64_t size, uint64_t count,
        uint64_t init, uint64_t init_len)
{
    struct region *r;
    long error;

    if (!size ||
        (init_len && ((uint32_t)policy != REGION_IMMUTABLE || init_len > size)))
        return -E_INVAL;
    error = region_new((uint32_t)policy, size, count, &r);
    if (error)
        /* An address that cannot be right comes before want of memory. */
        return error == -E_NOMEM && check_readable(uaddr(init), init_len)
                   ? -E_FAULT
                   : error;
    error = copy(r, 0, uaddr(init), init_len, true);
    if (error)
        return done(r, error);
    r->sealed = init_len ? SEALED : 0;
    return handle_create(&r->obj,
                         RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
}

SYSCALL(region_open, uint64_t user_name)
{
    char name[BOOT_NAME_BYTES];
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

/* --- mapping -------------------------------------------------------------- */

SYSCALL(region_map, uint64_t h, uint64_t hint, uint64_t prot64)
{
    uint32_t prot = (uint32_t)prot64, right = RIGHT_READ;
    uint64_t flags = PTE_USER_R | PTE_SHOWN;
    struct hnode *node;
    long result;

    if (prot & PROT_WRITE) {
        right |= RIGHT_WRITE;
        flags |= PTE_W | PTE_D;
    }
    if (prot & PROT_EXEC) {
        right |= RIGHT_EXECUTE;
        flags |= PTE_X;
    }
    result = handle_use(h, 0, OBJ_REGION, right, &node);
    if (!result && (!(prot & PROT_READ) || prot > 7))
        result = -E_INVAL;
    else if (!result && (flags & PTE_W) && (flags & PTE_X))
        result = -E_ACCES;
    if (!result)
        result = mapping_make(region_of(node->obj), node, hint, flags);
    handle_done();
    return result;
}

SYSCALL(region_unmap, uint64_t addr)
{
    return mapping_end(addr);
}

/* --- contents ------------------------------------------------------------- */

SYSCALL(region_read, uint64_t h, uint64_t off, uint64_t buf, uint64_t len)
{
    struct region *r;
    long result = use_region(h, RIGHT_READ, &r);
    uint64_t end;

    if (result)
        return result;
    /* [CURSOR] acquire; pairs with the release in region_append(). */
    end = r->policy == REGION_APPEND ? load_acquire(&r->cursor) : r->size;
    if (r->policy == REGION_SLAB)
        return done(r, -E_PERM);
    if (off >= end)
        return done(r, -E_INVAL);
    len = MIN(len, end - off);
    result = copy(r, off, uaddr(buf), len, false);
    return done(r, result ? result : (long)len);
}

SYSCALL(region_write, uint64_t h, uint64_t off, uint64_t buf, uint64_t len)
{
    struct region *r;
    long error = use_region(h, RIGHT_WRITE, &r);

    if (error)
        return error;
    error = mutex_lock(&r->mutex);
    if (error)
        return done(r, error);
    if (r->policy != REGION_IMMUTABLE || r->sealed)
        error = -E_PERM;
    else if (off > r->size || len > r->size - off)
        error = -E_INVAL;
    else if (!(error = check_readable(uaddr(buf), len)))
        error = copy(r, off, uaddr(buf), len, true);
    mutex_unlock(&r->mutex);
    return done(r, error);
}

SYSCALL(region_append, uint64_t h, uint64_t buf, uint64_t len)
{
    struct region *r;
    long result = use_region(h, RIGHT_WRITE, &r);

    if (result)
        return result;
    result = r->policy == REGION_APPEND ? mutex_lock(&r->mutex) : -E_PERM;
    if (result)
        return done(r, result);
    if (len > r->size - r->cursor)
        result = check_readable(uaddr(buf), len) ? -E_FAULT : -E_NOSPC;
    else
        result = copy(r, r->cursor, uaddr(buf), len, true);
    if (!result) {
        result = (long)r->cursor;
        /* [CURSOR] release: the bytes precede the cursor that covers them. */
        store_release(&r->cursor, r->cursor + len);
    }
    mutex_unlock(&r->mutex);
    return done(r, result);
}

SYSCALL(region_seal, uint64_t h)
{
    struct region *r;
    long error = use_region(h, RIGHT_WRITE, &r);

    if (error)
        return error;
    error = r->policy == REGION_IMMUTABLE ? mutex_lock(&r->mutex) : -E_PERM;
    if (!error) {
        error = mapping_seal(r);
        mutex_unlock(&r->mutex);
    }
    return done(r, error);
}

/* --- slots ---------------------------------------------------------------- */

/* A Slab behind a handle, with a reference and its mutex held. */
static long use_slab(uint64_t h, uint32_t right, struct region **out)
{
    long error = use_region(h, right, out);

    if (error)
        return error;
    error =
        (*out)->policy == REGION_SLAB ? mutex_lock(&(*out)->mutex) : -E_PERM;
    return error ? done(*out, error) : 0;
}

static long slab_done(struct region *r, long result)
{
    mutex_unlock(&r->mutex);
    return done(r, result);
}

SYSCALL(slot_alloc, uint64_t h)
{
    struct region *r;
    long error = use_slab(h, RIGHT_WRITE, &r);

    return error ? error : slab_done(r, slab_alloc(r));
}

SYSCALL(slot_free, uint64_t h, uint64_t slot)
{
    struct region *r;
    long error = use_slab(h, RIGHT_WRITE, &r);

    return error ? error : slab_done(r, slab_free(r, slot));
}

SYSCALL(slot_read, uint64_t h, uint64_t slot, uint64_t buf, uint64_t len)
{
    struct region *r;
    long at, error = use_slab(h, RIGHT_READ, &r);

    if (error)
        return error;
    at = slab_find(r, slot);
    len = MIN(len, r->slot_size);
    error = at < 0 ? at : copy(r, (uint64_t)at, uaddr(buf), len, false);
    return slab_done(r, error ? error : (long)len);
}

SYSCALL(slot_write, uint64_t h, uint64_t slot, uint64_t buf, uint64_t len)
{
    struct region *r;
    long at, error = use_slab(h, RIGHT_WRITE, &r);

    if (error)
        return error;
    at = len > r->slot_size ? -E_MSGSIZE : slab_find(r, slot);
    error = at < 0 ? at : check_readable(uaddr(buf), len);
    if (!error)
        error = copy(r, (uint64_t)at, uaddr(buf), len, true);
    return slab_done(r, error);
}

/* --- information ---------------------------------------------------------- */

SYSCALL(region_info, uint64_t h, uint64_t out)
{
    struct region *r;
    struct region_info info;
    long error = use_region(h, RIGHT_READ, &r);

    if (error)
        return error;
    info = (struct region_info){
        .policy = r->policy,
        .sealed = load_acquire(&r->sealed) == SEALED, /* [SEALED] */
        .size = r->size,
        .cursor = load_acquire(&r->cursor), /* [CURSOR] */
        .slot_size = r->slot_size,
        .slot_count = r->slot_count,
        .slots_used = load_relaxed(&r->slots_used),
        .refs = load_relaxed(&r->obj.refs) - 1, /* without ours */
        .pages = r->pages,
        .first_frame = r->pages ? PHYS(*region_frames(r, 0)) / PAGE_SIZE : 0,
    };
    return done(r, copy_to_user(uaddr(out), &info, sizeof(info)));
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
