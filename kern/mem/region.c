/*
 * What regions hold.
 *
 *   G1  the frames of a region are committed and zero when it is made and stay
 *       until it is destroyed; every handle, mapping and message with it holds
 *       a reference.
 *   G2  a slot's record is its generation, from 1, times 2, plus 1 while it is
 *       allocated; 0 before the first time. A generation is used once, so a
 *       slot whose generations are used up is never free again.
 *   G3  the frames of a device region are no memory: they are shown to programs
 *       and neither touched nor freed.
 */
#include "mem/region.h"

#include "base/string.h"
#include "mem/kalloc.h"

struct slot_record {
    uint32_t state; /* G2 */
    uint32_t next;  /* as slot_free, while it is free */
};
#define RECORDS_PER_PAGE (PAGE_SIZE / sizeof(struct slot_record))
#define LAST_GENERATION  0x7fffffffu

void region_destroy(struct kobj *obj)
{
    struct region *r = region_of(obj);
    uint32_t n = r->policy == REGION_DEVICE ? 0 : FRAMES_PER_TABLE; /* G3 */

    assert(list_empty(&r->mappings)); /* G1 */
    for (uint32_t i = 0; i < FRAME_TABLES && r->tables[i]; i++) {
        for (uint32_t j = 0; j < n && r->tables[i][j]; j++)
            page_free(r->tables[i][j]);
        page_free(r->tables[i]);
        interrupt_window();
    }
    kfree(r, sizeof(*r));
}

/* Those of a device begin at pa. */
static bool commit_frames(struct region *r, uint64_t pa)
{
    bool device = r->policy == REGION_DEVICE;

    if (!device && r->frames > load_relaxed(&page_free_count))
        return false;
    for (uint64_t i = 0; i < r->frames; i++) {
        void ***table = &r->tables[i / FRAMES_PER_TABLE];

        if (!*table && !(*table = page_zalloc()))
            return false;
        *region_frames(r, i) =
            device ? DIRECT(pa + i * PAGE_SIZE) : page_zalloc();
        if (!*region_frames(r, i))
            return false;
        interrupt_window();
    }
    return true;
}

/* With so many slots of `unit` bytes, or as many bytes, or those from pa on. */
static long make(uint32_t policy, uint64_t unit, uint64_t count, uint64_t pa,
                 struct region **out)
{
    bool slab = policy == REGION_SLAB;
    struct region *r = kzalloc(sizeof(*r));

    if (!r)
        return -E_NOMEM;
    r->policy = policy;
    r->size = slab ? unit * count : unit;
    r->slot_size = slab ? unit : 0;
    r->slot_count = (uint32_t)count;
    r->pages = ROUND_UP(r->size, PAGE_SIZE) / PAGE_SIZE;
    r->frames = r->pages + (count + RECORDS_PER_PAGE - 1) / RECORDS_PER_PAGE;
    list_init(&r->mappings);
    if (!commit_frames(r, pa)) {
        region_destroy(&r->obj);
        return -E_NOMEM;
    }
    mutex_init(&r->mutex);
    kobj_init(&r->obj, OBJ_REGION, &region_ops);
    *out = r;
    return 0;
}

long region_new(uint32_t policy, uint64_t size, uint64_t count,
                struct region **out)
{
    bool slab = policy == REGION_SLAB;
    uint64_t unit = slab ? ROUND_UP(size, 8) : size;

    if (policy < REGION_IMMUTABLE || policy > REGION_SLAB ||
        size > REGION_MAX_BYTES || slab != (count != 0) ||
        (slab && (size == 0 || count > REGION_MAX_BYTES / unit)))
        return -E_INVAL;
    return make(policy, unit, count, 0, out);
}

long region_new_device(uint64_t pa, uint64_t size, struct region **out)
{
    return make(REGION_DEVICE, size, 0, pa, out);
}

/* --- contents ------------------------------------------------------------- */

void *region_at(const struct region *r, uint64_t off, uint64_t *n)
{
    uint64_t at = off % PAGE_SIZE;

    assert(off < r->size && *n <= r->size - off);
    *n = MIN(*n, PAGE_SIZE - at);
    return (char *)*region_frames(r, off / PAGE_SIZE) + at;
}

void region_copy(const struct region *r, uint64_t off, void *kernel,
                 uint64_t len, bool in)
{
    for (uint64_t n = len; len; off += n, len -= n, n = len) {
        void *at = region_at(r, off, &n);

        memcpy(in ? at : kernel, in ? kernel : at, n);
        kernel = (char *)kernel + n;
    }
}

/* --- slots ---------------------------------------------------------------- */

static inline struct slot_record *record_of(const struct region *r,
                                            uint32_t index)
{
    char *page = *region_frames(r, r->pages + index / RECORDS_PER_PAGE);

    return (struct slot_record *)page + index % RECORDS_PER_PAGE;
}

long slab_alloc(struct region *r)
{
    struct slot_record *record;
    uint32_t index;

    if (r->slot_free) {
        index = r->slot_free - 1;
        record = record_of(r, index);
        r->slot_free = record->next;
    } else if (r->slots_fresh < r->slot_count) {
        index = r->slots_fresh++;
        record = record_of(r, index);
    } else {
        return -E_NOSPC;
    }
    r->slots_used++;
    record->state += 3; /* the next generation, and allocated */
    return (long)((uint64_t)(record->state / 2) << 32 | index);
}

/* The record of a slot that is allocated with this generation, or NULL. */
static inline struct slot_record *live_record(const struct region *r,
                                              uint64_t slot)
{
    struct slot_record *record;

    if ((uint32_t)slot >= r->slot_count)
        return NULL;
    record = record_of(r, (uint32_t)slot);
    return record->state == (slot >> 32) * 2 + 1 ? record : NULL;
}

long slab_find(const struct region *r, uint64_t slot)
{
    return live_record(r, slot) ? (long)((uint32_t)slot * r->slot_size)
                                : -E_STALE;
}

long slab_free(struct region *r, uint64_t slot)
{
    struct slot_record *record = live_record(r, slot);
    uint64_t at = (uint32_t)slot * r->slot_size, end = at + r->slot_size, n;

    if (!record)
        return -E_STALE;
    for (; at < end; at += n) {
        n = end - at;
        memset(region_at(r, at, &n), 0, n);
        if (at + n < end)
            interrupt_window();
    }
    record->state--;
    r->slots_used--;
    if (record->state / 2 < LAST_GENERATION) {
        record->next = r->slot_free;
        r->slot_free = (uint32_t)slot + 1;
    }
    return 0;
}
