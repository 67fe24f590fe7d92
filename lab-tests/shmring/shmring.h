/* What the tests of shared rings have in common. */
#pragma once

#include "../region/region.h"

/* 32-bit words of the shared memory, and where the places begin. */
enum { PROD = 0, CONS = 16, SENDER_NEEDS = 32, RECEIVER_NEEDS = 48 };
enum { PLACES_AT = 256, PLACE = 8 };

static inline uint32_t *words_of(const struct shmring *ring)
{
    return (uint32_t *)(uintptr_t)ring->page;
}

static inline struct shmring new_ring(uint64_t capacity, enum shmring_side side)
{
    struct shmring ring;

    CHECK_EQ(shmring_create(&ring, capacity, side), 0);
    CHECK_EQ(ring.calls, 0);
    return ring;
}

/* Both ends in one process, of which only one is closed. */
struct both {
    struct shmring out, in;
};

static inline struct both new_both(uint64_t capacity)
{
    struct both b = {.out = new_ring(capacity, SHMRING_SENDER)};

    b.in = b.out;
    shmring_turn(&b.in);
    return b;
}

/* A message that says which one it is, by its bytes and its length. */
#define MESSAGE_MAX 120

static inline uint64_t message(uint8_t *buf, uint64_t number)
{
    uint64_t state = number * 0x9e3779b97f4a7c15ull + 1, len;

    len = rand_next(&state) >> 32;
    len %= len & 1 ? MESSAGE_MAX + 1 : 17;
    for (uint64_t i = 0; i < len; i++)
        buf[i] = (uint8_t)(number + i * 7);
    return len;
}

static inline void check_message(const uint8_t *buf, long len, uint64_t number)
{
    uint8_t want[MESSAGE_MAX];

    CHECK_EQ(len, (long)message(want, number));
    CHECK(memcmp(buf, want, (uint64_t)len) == 0);
}
