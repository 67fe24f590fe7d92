/* Indices that run over the end of 32 bits, places that are used again. */
#include "raw.h"

enum { MILLION = 1000000 };

// L16: a million entries, in batches of 1 to 64, through the library.
TEST(million)
{
    const struct ring_completion *done;
    uint64_t seed = test_seed(), put_in = 0, taken = 0;
    struct sring ring;

    CHECK_EQ(sring_open(&ring, 64), 0);
    while (taken < MILLION) {
        uint32_t n = 1 + random_below(&seed, 64);

        for (uint32_t i = 0; i < n; i++)
            CHECK(sring_add(&ring, put_in++, nop) != 0);
        CHECK_EQ(sring_submit(&ring), n);
        while ((done = sring_reap(&ring)) != 0) {
            CHECK_EQ(done->user_data, taken++);
            CHECK_EQ(done->result, 0);
        }
        CHECK_EQ(taken, put_in);
    }
}

// L16: rings of every size go round and round, more or less full.
TEST(every_size)
{
    uint64_t seed = test_seed();

    for (uint32_t size = 1; size <= 64; size *= 2) {
        uint64_t put_in = 0, taken = 0;

        raw_open(size);
        while (taken < 1000) {
            uint32_t room = size - (uint32_t)(put_in - taken);

            for (uint32_t n = random_below(&seed, room + 1); n > 0; n--) {
                put_nop(put_in++);
                SUBMIT_ONE();
            }
            for (uint32_t n = random_below(&seed, ready() + 1); n > 0; n--)
                EXPECT(taken++, 0);
        }
        raw_close();
    }
}

// L16: a machine started with ring_base=0xfffffff0 counts from there.
TEST(ring_base)
{
    static uint64_t numbers[64];
    long q = new_queue(64);

    raw_open(64);
    CHECK_EQ(SQ_PROD, 0xfffffff0u);
    CHECK_EQ(CQ_CONS, 0xfffffff0u);
    CHECK_EQ(SQ_CONS, 0xfffffff0u);
    CHECK_EQ(CQ_PROD, 0xfffffff0u);
    for (uint64_t i = 0; i < 64; i++)
        put_recv(i, q, &numbers[i], 8, FOREVER);
    CHECK_EQ(SQ_PROD, 48);
    CHECK_EQ(ring_submit(64, 0, NOW), 64);
    CHECK_EQ(SQ_CONS, 48);
    CHECK_EQ(PARKED, 64);
    CHECK_EQ(CQ_PROD, 0xfffffff0u);
    for (uint64_t i = 0; i < 64; i++) {
        CHECK_EQ(put((handle_t)q, i), 0);
        AWAIT(1);
        EXPECT(i, 8);
        CHECK_EQ(numbers[i], i);
    }
    CHECK_EQ(CQ_PROD, 48);
    CHECK_EQ(CQ_CONS, 48);
    CHECK_EQ(ready(), 0);
}

TEST_MAIN()
