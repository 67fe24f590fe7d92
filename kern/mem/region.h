/* Regions: memory as an object, whole pages owned by nobody but the object. */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"
#include "mem/vm.h"

#define FRAMES_PER_TABLE (PAGE_SIZE / sizeof(void *))
#define FRAME_TABLES     (REGION_MAX_BYTES / PAGE_SIZE / FRAMES_PER_TABLE)

/* [I] immutable. */
struct region {
    struct kobj obj;
    uint32_t policy;             /* [I] REGION_x */
    uint32_t sealed;             /* [I] */
    uint64_t size;               /* [I] bytes */
    uint64_t pages;              /* [I] frames, the last one with a zero tail */
    void **tables[FRAME_TABLES]; /* [I] pages of pointers to frames */
};

static inline struct region *region_of(struct kobj *obj)
{
    return container_of(obj, struct region, obj);
}

/*
 * A sealed Immutable region with a copy of `size` bytes at `bytes`.
 * Returns: 0 and *out with one reference; -E_INVAL; -E_NOMEM.
 */
long region_new_sealed(const void *bytes, uint64_t size,
                       struct region **out) MUST_CHECK;

/* The frame that holds byte i * PAGE_SIZE. */
void *region_frame(const struct region *r, uint64_t i);

/* Copy bytes [off, off + len), which must be inside, to kernel memory. */
void region_copy_out(const struct region *r, uint64_t off, void *to,
                     uint64_t len);
