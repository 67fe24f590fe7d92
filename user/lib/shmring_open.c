/* Opening shared rings: see shmring.c. */
#include "shmring_page.h"

#define CAPACITY_MIN 64u
#define CAPACITY_MAX (REGION_MAX_BYTES / 2)

static void take_side(struct shmring *ring, enum shmring_side side)
{
    struct ring_words *index = &ring->page->index;

    refuse(ring, 0);
    ring->side = side;
    ring->passed = sends(ring) ? &index->prod : &index->cons;
    ring->needs =
        sends(ring) ? &ring->page->receiver_needs : &ring->page->sender_needs;
    ring->at = load_relaxed(ring->passed);
    stand(ring, ring->at, 0);
    store_relaxed(my_needs(ring), 0);
}

static bool is_capacity(uint64_t bytes)
{
    return bytes >= CAPACITY_MIN && bytes <= CAPACITY_MAX &&
           (bytes & (bytes - 1)) == 0;
}

long shmring_attach(struct shmring *ring, handle_t region,
                    enum shmring_side side)
{
    struct region_info info;
    uint64_t capacity;
    long at = region_info(region, &info);

    if (at < 0)
        return at;
    capacity = info.slot_size - sizeof(struct shmring_page);
    if (side != SHMRING_SENDER && side != SHMRING_RECEIVER)
        return -E_INVAL;
    if (info.policy != REGION_SLAB)
        return -E_PERM;
    if (info.slot_count != 1 || !is_capacity(capacity))
        return -E_INVAL;
    at = region_map(region, 0, PROT_READ | PROT_WRITE);
    if (at < 0)
        return at;
    *ring = (struct shmring){.region = region,
                             .page = (struct shmring_page *)at,
                             .size = (uint32_t)(capacity / PLACE)};
    take_side(ring, side);
    return 0;
}

long shmring_create(struct shmring *ring, uint64_t capacity,
                    enum shmring_side side)
{
    long region, error;

    if (!is_capacity(capacity))
        return -E_INVAL;
    region = region_create(REGION_SLAB, sizeof(struct shmring_page) + capacity,
                           1, 0, 0);
    if (region < 0)
        return region;
    error = shmring_attach(ring, (handle_t)region, side);
    if (error)
        handle_close((handle_t)region);
    return error;
}

void shmring_turn(struct shmring *ring)
{
    if (ring->page && !ring->error)
        take_side(ring, sends(ring) ? SHMRING_RECEIVER : SHMRING_SENDER);
}
