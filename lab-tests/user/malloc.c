/* malloc and free. */
#include "../lab.h"

// ABI: blocks are aligned to 16, writable, and do not overlap.
TEST(blocks_apart)
{
    static uint8_t *block[200];

    for (uint32_t i = 0; i < 200; i++) {
        block[i] = malloc(i * 5 + 1);
        CHECK(block[i]);
        CHECK_EQ((uint64_t)block[i] % 16, 0);
        memset(block[i], (int)i, i * 5 + 1);
    }
    for (uint32_t i = 0; i < 200; i++) {
        for (uint32_t n = 0; n < i * 5 + 1; n++)
            CHECK_EQ(block[i][n], (uint8_t)i);
        free(block[i]);
    }
    free(0);
}

// ABI: freed memory is used again: the heap does not grow for ever.
TEST(reuse)
{
    uint64_t seed = test_seed();
    static uint8_t *block[64];
    long end = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t n = random_below(&seed, 64);

        free(block[n]);
        block[n] = malloc(random_below(&seed, 500) + 1);
        CHECK(block[n]);
        if (i == 5000)
            end = sbrk(0);
    }
    CHECK(sbrk(0) <= end + 64 * 1024);
}

// ABI: neighbours that are free merge into one block.
TEST(merge)
{
    static uint8_t *block[100];
    long end;

    for (int i = 0; i < 100; i++)
        block[i] = malloc(1000);
    end = sbrk(0);
    for (int i = 0; i < 100; i += 2)
        free(block[i]);
    for (int i = 1; i < 100; i += 2)
        free(block[i]);
    for (int i = 0; i < 10; i++)
        CHECK(malloc(9000));
    CHECK(sbrk(0) <= end + 8192);
}

// ABI: what cannot be had is 0, and the heap goes on working.
TEST(too_much)
{
    CHECK(malloc(1ull << 40) == 0);
    CHECK(malloc(UINT64_MAX) == 0);
    CHECK(malloc(UINT64_MAX - 20) == 0);
    CHECK(malloc(100));
}

// ABI: calloc gives zeroed memory, and does not overflow.
TEST(zeroed)
{
    uint8_t *p = malloc(1000);

    memset(p, 0xff, 1000);
    free(p);
    p = calloc(100, 10);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(p[i], 0);
    CHECK(calloc(1ull << 33, 1ull << 33) == 0);
}

// ABI: realloc keeps the content.
TEST(grown)
{
    uint8_t *p = realloc(0, 10);

    for (uint32_t size = 10; size < 5000; size *= 2) {
        memset(p, (int)size, size);
        p = realloc(p, size * 2);
        CHECK(p);
        for (uint32_t i = 0; i < size; i++)
            CHECK_EQ(p[i], (uint8_t)size);
    }
    free(p);
}

TEST_MAIN()
