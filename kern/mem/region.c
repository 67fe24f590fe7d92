/*
 * Regions.
 *
 *   G1  the frames of a region are committed when it is made and stay until it
 *       is destroyed; every mapping and message holds a reference to it.
 */
#include "mem/region.h"

#include "base/string.h"
#include "mem/kalloc.h"

static void
free_frames(struct region *r)
{
    for (uint32_t t = 0; t < FRAME_TABLES && r->tables[t]; t++) {
        for (uint32_t i = 0; i < FRAMES_PER_TABLE && r->tables[t][i]; i++)
            page_free(r->tables[t][i]);
        page_free(r->tables[t]);
    }
}

static void
region_destroy(struct kobj *obj)
{
    struct region *r = region_of(obj);

    free_frames(r);
    kfree(r, sizeof(*r));
}

static const struct kobj_ops region_ops = {
    .destroy = region_destroy,
};

static long
make_frames(struct region *r)
{
    for (uint64_t i = 0; i < r->pages; i++) {
        void ***table = &r->tables[i / FRAMES_PER_TABLE];

        if (!*table && !(*table = page_zalloc()))
            return -E_NOMEM;
        if (!((*table)[i % FRAMES_PER_TABLE] = page_alloc()))
            return -E_NOMEM;
    }
    return 0;
}

void *
region_frame(const struct region *r, uint64_t i)
{
    assert(i < r->pages);
    return r->tables[i / FRAMES_PER_TABLE][i % FRAMES_PER_TABLE];
}

long
region_new_sealed(const void *bytes, uint64_t size, struct region **out)
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
    r->pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
    if (make_frames(r)) {
        free_frames(r);
        kfree(r, sizeof(*r));
        return -E_NOMEM;
    }
    for (uint64_t i = 0; i < r->pages; i++) {
        uint64_t at = i * PAGE_SIZE, n = MIN(size - at, PAGE_SIZE);

        memcpy(region_frame(r, i), (const char *)bytes + at, n);
        memset((char *)region_frame(r, i) + n, 0, PAGE_SIZE - n);
    }
    kobj_init(&r->obj, OBJ_REGION, &region_ops);
    *out = r;
    return 0;
}

void
region_copy_out(const struct region *r, uint64_t off, void *to, uint64_t len)
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

void
region_describe(struct region *r, struct region_info *out)
{
    *out = (struct region_info){
        .policy = r->policy,
        .sealed = r->sealed,
        .size = r->size,
        .refs = load_relaxed(&r->obj.refs),
        .pages = r->pages,
        .first_frame = r->pages ? PHYS(region_frame(r, 0)) >> PAGE_SHIFT : 0,
    };
}
