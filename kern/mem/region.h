/*
 * Regions: memory as an object, whole pages owned by nobody but the object.
 * What a program may do with one is a matter of its policy, and is enforced by
 * the permissions of the pages that show it (sys/mapping.h).
 */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"
#include "base/mutex.h"
#include "mem/vm.h"

/* region.sealed: nothing can be mapped writable; nothing is any more. */
enum { SEALING = 1, SEALED };
#define FRAMES_PER_TABLE (PAGE_SIZE / sizeof(void *))
/* Of contents, and of as many bytes of slot records: slots have 8 bytes. */
#define FRAME_TABLES (2 * REGION_MAX_BYTES / PAGE_SIZE / FRAMES_PER_TABLE)

/* [I] immutable, [a] atomic, [o] the object's lock, [m] the mutex. */
struct region {
    struct kobj obj;
    struct mutex mutex;   /* m: append, write, seal and slots exclude another */
    struct list mappings; /* [o] those that may write stand first */
    uint32_t policy;      /* [I] REGION_x */
    uint32_t sealed;      /* [a] SEALING set with both locks held */
    uint64_t size;        /* [I] bytes */
    uint64_t cursor;      /* [a] written under the mutex: bytes appended */
    uint64_t slot_size;   /* [I] */
    uint32_t slot_count;  /* [I] */
    uint32_t slots_used;  /* [m] */
    uint32_t slots_fresh; /* [m] slots that never were used come behind */
    uint32_t slot_free;   /* [m] 1 + index of the first free one before */
    uint64_t pages;       /* [I] that a mapping shows */
    uint64_t frames;      /* [I] pages, and behind them the slot records */
    void **tables[FRAME_TABLES]; /* [I] pages of pointers to frames */
};

static inline struct region *region_of(struct kobj *obj)
{
    return container_of(obj, struct region, obj);
}

/* What handles call; sys/mapping.c has it. */
extern const struct kobj_ops region_ops;

/*
 * A region of zeros, committed: `size` bytes, or for a Slab `count` slots of
 * `size` bytes. Lets interrupts in. Locks: none. Sleeps: no.
 * Returns: 0 and *out with one reference; -E_INVAL; -E_NOMEM.
 */
long region_new(uint32_t policy, uint64_t size, uint64_t count,
                struct region **out) MUST_CHECK;

/* The same of policy REGION_DEVICE: it shows the registers from pa on, and has
 * nothing that the kernel could copy. pa and size are multiples of a page. */
long region_new_device(uint64_t pa, uint64_t size,
                       struct region **out) MUST_CHECK;
void region_destroy(struct kobj *obj);

/* Where byte `off`, which must be inside, is, and *n: how many there follow in
 * the same page, at most the *n that there were. */
void *region_at(const struct region *r, uint64_t off, uint64_t *n);

/* The frame number i; up to `frames` of them are in a row at the same table. */
static inline void **region_frames(const struct region *r, uint64_t i)
{
    return &r->tables[i / FRAMES_PER_TABLE][i % FRAMES_PER_TABLE];
}

/* Copy bytes [off, off + len), which must be inside, to or from the kernel. */
void region_copy(const struct region *r, uint64_t off, void *kernel,
                 uint64_t len, bool in);

/*
 * Slots of a Slab, under the mutex. A slot's value is generation << 32 | index.
 * Returns: a value, or where the slot begins; -E_NOSPC; -E_STALE. Freeing
 * clears the slot and lets interrupts in.
 */
long slab_alloc(struct region *r) MUST_CHECK;
long slab_find(const struct region *r, uint64_t slot) MUST_CHECK;
long slab_free(struct region *r, uint64_t slot) MUST_CHECK;
