/* The calls 0x40 to 0x4d: regions and boot files. */
#include "ipc/handle.h"
#include "proc/bootfs.h"
#include "sys/mapping.h"
#include "sys/syscall.h"

/*
 * The region behind a handle with this right, with a reference instead of the
 * hazard: calls on it may take long, or sleep. Or, if it is of this policy,
 * with its mutex held, too. Both end with the scope of *out, at first NULL.
 * Returns: 0 and *out; -E_BADH; -E_WRONGTYPE; -E_ACCES; -E_PERM; -E_CANCELED.
 */
#define USED   __attribute__((cleanup(end_use)))
#define LOCKED __attribute__((cleanup(end_lock)))

static inline long use_region(uint64_t h, uint32_t right, struct region **out)
{
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_REGION, right, &node));
    kobj_get(node->obj);
    *out = region_of(node->obj);
    return 0;
}

static inline void end_use(struct region **r)
{
    if (*r)
        kobj_put(&(*r)->obj);
}

static ALWAYS_INLINE long lock_region(uint64_t h, uint32_t right,
                                      uint32_t policy, struct region **out)
{
    USED struct region *r = NULL;

    TRY(use_region(h, right, &r));
    TRY(r->policy == policy ? mutex_lock(&r->mutex) : -E_PERM);
    *out = r;
    r = NULL; /* the reference is handed on */
    return 0;
}

static inline void end_lock(struct region **r)
{
    if (*r)
        mutex_unlock(&(*r)->mutex);
    end_use(r);
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
    USED struct region *r = NULL;
    long error;

    if (!size ||
        (init_len && ((uint32_t)policy != REGION_IMMUTABLE || init_len > size)))
        return -E_INVAL;
    error = region_new((uint32_t)policy, size, count, &r);
    /* An address that cannot be right comes before want of memory. */
    if (error == -E_NOMEM && check_readable(uaddr(init), init_len))
        return -E_FAULT;
    TRY(error);
    TRY(copy(r, 0, uaddr(init), init_len, true));
    r->sealed = init_len ? SEALED : 0;
    kobj_get(&r->obj);
    return handle_create(&r->obj,
                         RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
}

SYSCALL(region_open, uint64_t user_name)
{
    char name[BOOT_NAME_BYTES];
    struct region *file;

    TRY(copy_string_from_user(name, uaddr(user_name), sizeof(name), -E_NOENT));
    file = bootfs_find(name);
    if (!file)
        return -E_NOENT;
    kobj_get(&file->obj);
    return handle_create(&file->obj, RIGHT_READ | RIGHT_EXECUTE | RIGHT_GRANT);
}

/* --- mapping -------------------------------------------------------------- */

SYSCALL(region_map, uint64_t h, uint64_t hint, uint64_t prot64)
{
    uint32_t prot = (uint32_t)prot64;
    uint32_t right = RIGHT_READ | (prot & PROT_WRITE ? RIGHT_WRITE : 0) |
                     (prot & PROT_EXEC ? RIGHT_EXECUTE : 0);
    uint64_t flags = PTE_USER_R | PTE_SHOWN |
                     (prot & PROT_WRITE ? PTE_W | PTE_D : 0) |
                     (prot & PROT_EXEC ? PTE_X : 0);
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_REGION, right, &node));
    if (!(prot & PROT_READ) || prot > 7)
        return -E_INVAL;
    if ((flags & PTE_W) && (flags & PTE_X))
        return -E_ACCES;
    return mapping_make(region_of(node->obj), node, hint, flags);
}

SYSCALL(region_unmap, uint64_t addr)
{
    return mapping_end(addr);
}

/* --- contents ------------------------------------------------------------- */

SYSCALL(region_read, uint64_t h, uint64_t off, uint64_t buf, uint64_t len)
{
    USED struct region *r = NULL;
    uint64_t end;

    TRY(use_region(h, RIGHT_READ, &r));
    /* [CURSOR] acquire; pairs with the release in region_append(). */
    end = r->policy == REGION_APPEND ? load_acquire(&r->cursor) : r->size;
    if (r->policy >= REGION_SLAB) /* or a device */
        return -E_PERM;
    if (off >= end)
        return -E_INVAL;
    len = MIN(len, end - off);
    TRY(copy(r, off, uaddr(buf), len, false));
    return (long)len;
}

SYSCALL(region_write, uint64_t h, uint64_t off, uint64_t buf, uint64_t len)
{
    LOCKED struct region *r = NULL;

    TRY(lock_region(h, RIGHT_WRITE, REGION_IMMUTABLE, &r));
    if (r->sealed)
        return -E_PERM;
    if (off > r->size || len > r->size - off)
        return -E_INVAL;
    TRY(check_readable(uaddr(buf), len));
    return copy(r, off, uaddr(buf), len, true);
}

SYSCALL(region_append, uint64_t h, uint64_t buf, uint64_t len)
{
    LOCKED struct region *r = NULL;

    TRY(lock_region(h, RIGHT_WRITE, REGION_APPEND, &r));
    if (len > r->size - r->cursor)
        return check_readable(uaddr(buf), len) ? -E_FAULT : -E_NOSPC;
    TRY(copy(r, r->cursor, uaddr(buf), len, true));
    /* [CURSOR] release: the bytes precede the cursor that covers them. */
    store_release(&r->cursor, r->cursor + len);
    return (long)(r->cursor - len);
}

SYSCALL(region_seal, uint64_t h)
{
    LOCKED struct region *r = NULL;

    TRY(lock_region(h, RIGHT_WRITE, REGION_IMMUTABLE, &r));
    return mapping_seal(r);
}

/* --- slots ---------------------------------------------------------------- */

SYSCALL(slot_alloc, uint64_t h)
{
    LOCKED struct region *r = NULL;

    TRY(lock_region(h, RIGHT_WRITE, REGION_SLAB, &r));
    return slab_alloc(r);
}

SYSCALL(slot_free, uint64_t h, uint64_t slot)
{
    LOCKED struct region *r = NULL;

    TRY(lock_region(h, RIGHT_WRITE, REGION_SLAB, &r));
    return slab_free(r, slot);
}

SYSCALL(slot_read, uint64_t h, uint64_t slot, uint64_t buf, uint64_t len)
{
    LOCKED struct region *r = NULL;
    long at;

    TRY(lock_region(h, RIGHT_READ, REGION_SLAB, &r));
    TRY(at = slab_find(r, slot));
    len = MIN(len, r->slot_size);
    TRY(copy(r, (uint64_t)at, uaddr(buf), len, false));
    return (long)len;
}

SYSCALL(slot_write, uint64_t h, uint64_t slot, uint64_t buf, uint64_t len)
{
    LOCKED struct region *r = NULL;
    long at;

    TRY(lock_region(h, RIGHT_WRITE, REGION_SLAB, &r));
    TRY(at = len > r->slot_size ? -E_MSGSIZE : slab_find(r, slot));
    TRY(check_readable(uaddr(buf), len));
    return copy(r, (uint64_t)at, uaddr(buf), len, true);
}

/* --- information ---------------------------------------------------------- */

SYSCALL(region_info, uint64_t h, uint64_t out)
{
    USED struct region *r = NULL;
    struct region_info info;

    TRY(use_region(h, RIGHT_READ, &r));
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
    return copy_to_user(uaddr(out), &info, sizeof(info));
}

SYSCALL(boot_file, uint64_t index, uint64_t out)
{
    struct boot_file file;

    if (!uaddr_in_range(uaddr(out), sizeof(file)))
        return -E_FAULT;
    TRY(bootfs_describe((uint32_t)index, &file));
    return copy_to_user(uaddr(out), &file, sizeof(file));
}
