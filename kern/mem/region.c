/*
 * Regions.
 *
 *   G1  the frames of a region are committed when it is made and stay until it
 *       is destroyed; every mapping and message holds a reference to it.
 */
#include "mem/region.h"

#include "base/string.h"
#include "mem/kalloc.h"

static void region_destroy(struct kobj *obj)
{
    struct region *r = region_of(obj);

    for (uint32_t t = 0; t < FRAME_TABLES && r->tables[t]; t++) {
        for (uint32_t i = 0; i < FRAMES_PER_TABLE && r->tables[t][i]; i++)
            page_free(r->tables[t][i]);
        page_free(r->tables[t]);
    }
    kfree(r, sizeof(*r));
}

static const struct kobj_ops region_ops = {.destroy = region_destroy};

/* Add the frame that comes after those there are. */
static void *add_frame(struct region *r)
{
    void ***table = &r->tables[r->pages / FRAMES_PER_TABLE];

    if (!*table && !(*table = page_zalloc()))
        return NULL;
    return (*table)[r->pages++ % FRAMES_PER_TABLE] = page_alloc();
}

void *region_frame(const struct region *r, uint64_t i)
{
    assert(i < r->pages);
    return r->tables[i / FRAMES_PER_TABLE][i % FRAMES_PER_TABLE];
}

long region_new_sealed(const void *bytes, uint64_t size, struct region **out)
{
    struct region *r;

    if (size > REGION_MAX_BYTES)
        return -E_INVAL;
    r = kzalloc(sizeof(*r));
    if (!r)
        return -E_NOMEM;
    r->policy = REGION_IMMUTABLE;
    r->sealed = 1;
    r->size = size;
    for (uint64_t at = 0, n; at < size; at += n) {
        char *frame = add_frame(r);

        if (!frame) {
            region_destroy(&r->obj);
            return -E_NOMEM;
        }
        n = MIN(size - at, PAGE_SIZE);
        memcpy(frame, (const char *)bytes + at, n);
        memset(frame + n, 0, PAGE_SIZE - n);
    }
    kobj_init(&r->obj, OBJ_REGION, &region_ops);
    *out = r;
    return 0;
}

void region_copy_out(const struct region *r, uint64_t off, void *to,
                     uint64_t len)
{
    assert(off <= r->size && len <= r->size - off);
    while (len) {
        uint64_t at = off % PAGE_SIZE, n = MIN(len, PAGE_SIZE - at);

        memcpy(to, (char *)region_frame(r, off / PAGE_SIZE) + at, n);
        to = (char *)to + n;
        off += n;
        len -= n;
    }
}
