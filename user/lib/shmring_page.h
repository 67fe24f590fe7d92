/* For shmring.c and shmring_open.c: what is shared, and where an end stands. */
#pragma once

#include "weir.h"
#include "../../kern/abi/ring.h"

/* The region: one slot. */
struct shmring_page {
    struct ring_words index;
    _Alignas(64) uint32_t sender_needs;   /* [a] SH3 */
    _Alignas(64) uint32_t receiver_needs; /* [a] SH3 */
    _Alignas(64) uint64_t places[];
};
_Static_assert(sizeof(struct shmring_page) == 256, "");

#define PLACE sizeof(uint64_t)

static inline bool sends(const struct shmring *ring)
{
    return ring->side == SHMRING_SENDER;
}

static inline uint32_t *my_needs(struct shmring *ring)
{
    return sends(ring) ? &ring->page->sender_needs
                       : &ring->page->receiver_needs;
}

/* The next message will begin at `at`; n places from there on are ours. */
static inline void stand(struct shmring *ring, uint32_t at, uint32_t n)
{
    uint32_t place = at & (ring->size - 1), in_a_row = ring->size - place;
    uint64_t *next = &ring->page->places[place];

    *(sends(ring) ? &ring->room : &ring->filled) =
        (struct shmring_span){next, next + (n < in_a_row ? n : in_a_row)};
}

/* The ring cannot be used any more; nor touched, if it is not there. */
static inline long refuse(struct shmring *ring, long error)
{
    ring->room = ring->filled = (struct shmring_span){0, 0};
    ring->error = error;
    if (error == -E_BADH)
        ring->page = 0;
    return error;
}
