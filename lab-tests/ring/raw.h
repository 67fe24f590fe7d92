/*
 * The submit ring by the addresses and offsets that the ABI fixes, without the
 * library: what any program may do by itself. One ring, as a process has.
 */
#pragma once

#include "../lab.h"

#define RAW_USER    0x3F00000000ull
#define RAW_ENTRIES 0x3F00001000ull
#define RAW_KERNEL  0x3F00002000ull

#define RAW_WORD(address) (*(volatile uint32_t *)(address))
#define SQ_PROD           RAW_WORD(RAW_USER)
#define CQ_CONS           RAW_WORD(RAW_USER + 64)
#define SQ_CONS           RAW_WORD(RAW_KERNEL)
#define CQ_PROD           RAW_WORD(RAW_KERNEL + 64)
#define PARKED            RAW_WORD(RAW_KERNEL + 128)
#define WAKEUP            RAW_WORD(RAW_KERNEL + 192)

enum { NEED = 1, BARRIER = 2, MORE = 4 }; /* flags of an entry */
enum { EXPIRED = 2 };                     /* flag of a completion */

static uint32_t raw_mask; /* entries - 1 */

static inline void raw_fence(void)
{
    asm volatile("fence rw, rw" : : : "memory");
}

static inline void raw_open(uint32_t entries)
{
    struct ring_map map = {0};

    CHECK_EQ(ring_setup(entries, &map), 0);
    raw_mask = (entries & 0xffff) - 1;
}

static inline void raw_close(void)
{
    CHECK_EQ(ring_close(), 0);
}

/* The entry that has this index. */
static inline uint8_t *raw_entry(uint32_t index)
{
    return (uint8_t *)RAW_ENTRIES + 64 * (index & raw_mask);
}

static inline void raw_write(uint8_t *entry, uint16_t opcode, uint16_t flags,
                             uint64_t user_data, const uint64_t *args)
{
    memset(entry, 0, 64);
    *(uint16_t *)(entry + 0) = opcode;
    *(uint16_t *)(entry + 2) = flags;
    memcpy(entry + 8, args, 40);
    *(uint64_t *)(entry + 48) = user_data;
}

/* Writes the next entry and publishes it; gives it. */
static inline uint8_t *raw_put(uint16_t opcode, uint16_t flags,
                               uint64_t user_data, const uint64_t *args)
{
    uint8_t *entry = raw_entry(SQ_PROD);

    raw_write(entry, opcode, flags, user_data, args);
    raw_fence();
    SQ_PROD = SQ_PROD + 1;
    return entry;
}

#define ARGS(...) ((const uint64_t[5]){__VA_ARGS__})

/* PUT(opcode, flags, user_data, arguments as numbers...) */
#define PUT(opcode, flags, user_data, ...)                                     \
    raw_put(opcode, flags, user_data, ARGS(__VA_ARGS__))

static inline void put_nop(uint64_t user_data)
{
    PUT(CALL_nop, NEED, user_data);
}

static inline void put_send(uint64_t user_data, long q, const void *buf,
                            uint64_t len, uint64_t timeout)
{
    PUT(CALL_queue_send, NEED, user_data, (uint64_t)q, (uint64_t)buf, len, 0,
        timeout);
}

static inline void put_recv(uint64_t user_data, long q, void *buf, uint64_t cap,
                            uint64_t timeout)
{
    PUT(CALL_queue_recv, NEED, user_data, (uint64_t)q, (uint64_t)buf, cap, 0,
        timeout);
}

/* Completions that are there and not reaped. */
static inline uint32_t ready(void)
{
    uint32_t n = CQ_PROD - CQ_CONS;

    raw_fence();
    return n;
}

/* The i-th of them. */
static inline struct ring_completion look_at(uint32_t i)
{
    uint8_t *at =
        (uint8_t *)RAW_KERNEL + 2048 + 32 * ((CQ_CONS + i) & raw_mask);
    struct ring_completion c;

    c.result = *(int64_t *)at;
    c.user_data = *(uint64_t *)(at + 8);
    c.flags = *(uint16_t *)(at + 16);
    for (int b = 18; b < 32; b++)
        CHECK_EQ(at[b], 0);
    return c;
}

static inline struct ring_completion reap(void)
{
    struct ring_completion c = look_at(0);

    raw_fence();
    CQ_CONS = CQ_CONS + 1;
    return c;
}

/* The next completion is there, has this user_data and this result, and these
 * flags or none. */
#define EXPECT(data, value) EXPECT_FLAGS(data, value, 0)
#define EXPECT_FLAGS(data, value, bits)                                        \
    do {                                                                       \
        CHECK(ready() > 0);                                                    \
        struct ring_completion reaped_ = reap();                               \
        CHECK_EQ(reaped_.user_data, (uint64_t)(data));                         \
        CHECK_EQ(reaped_.result, (int64_t)(value));                            \
        CHECK_EQ(reaped_.flags, bits);                                         \
    } while (0)

/* Reaps n completions that may come in any order; each goes to the place that
 * its user_data names, below 64. */
static inline void collect(struct ring_completion *results, uint32_t n)
{
    while (n-- > 0) {
        CHECK(ready() > 0);
        struct ring_completion c = reap();

        CHECK(c.user_data < 64);
        results[c.user_data] = c;
    }
}

/* Waits in the kernel until n completions are there. */
#define AWAIT(n) CHECK_EQ(ring_submit(0, n, MS(SETTLE_MS)), 0)

/* Submits the one entry just put, which the kernel must take. */
#define SUBMIT_ONE() CHECK_EQ(ring_submit(1, 0, NOW), 1)

/* Waits until a word of the kernel's page has this value, calling now and
 * then. */
#define AWAIT_WORD(word, value)                                                \
    do {                                                                       \
        for (int i_ = 0; i_ < SETTLE_MS && (word) != (uint32_t)(value); i_++)  \
            nap_ms(1);                                                         \
        CHECK_EQ(word, (uint32_t)(value));                                     \
    } while (0)

static inline long new_queue(uint32_t places)
{
    long q = queue_create(places, 64, 0);

    CHECK(q >= 0);
    return q;
}
