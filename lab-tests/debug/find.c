/* Messages of all lengths. In the lab as it is handed out some arrive wrong. */
#include "../lab.h"

#define MOST  600
#define GUARD 0x5a

static uint8_t sent[MOST], got[MOST + 16];

/* Sends len bytes through q, and looks at what arrives, and behind it. */
static void pass_through(handle_t q, uint64_t len, uint64_t seed)
{
    test_fill(sent, len, seed);
    memset(got, GUARD, sizeof(got));
    CHECK_EQ(queue_send(q, sent, len, 0, NOW), 0);
    CHECK_EQ(queue_recv(q, got, MOST, 0, NOW), len);
    for (uint64_t i = 0; i < len; i++)
        CHECK_EQ(got[i], sent[i]);
    for (uint64_t i = len; i < sizeof(got); i++)
        CHECK_EQ(got[i], GUARD);
}

static handle_t new_queue(uint32_t places)
{
    long q = queue_create(places, MOST, 0);

    CHECK(q >= 0);
    return (handle_t)q;
}

// A1: the machine, the compiler and the grader are there.
TEST(it_runs)
{
    handle_t q = new_queue(1);

    pass_through(q, 5, 1);
    CHECK_EQ(handle_close(q), 0);
}

// B2: short messages, through each place of a queue.
TEST(short_messages)
{
    handle_t q = new_queue(16);

    for (uint64_t i = 0; i < 64; i++)
        pass_through(q, 1 + i % 16, i);
}

// B2: a long message through each place of a queue.
TEST(long_messages)
{
    handle_t q = new_queue(16);

    for (uint64_t i = 0; i < 64; i++)
        pass_through(q, MOST, i);
}

// B2: lengths and contents that depend on the seed: most seeds show nothing.
TEST(random_lengths)
{
    handle_t q = new_queue(16);
    uint64_t seed = test_seed();

    for (uint64_t i = 0; i < 24; i++)
        pass_through(q, 1 + random_below(&seed, 120), rand_next(&seed));
}

// B2: the same, with each place filled before the first is received.
TEST(full_queue)
{
    handle_t q = new_queue(16);
    uint64_t seed = test_seed();

    for (uint64_t i = 0; i < 16; i++) {
        test_fill(sent, MOST, seed + i);
        CHECK_EQ(queue_send(q, sent, MOST, 0, NOW), 0);
    }
    for (uint64_t i = 0; i < 16; i++) {
        test_fill(sent, MOST, seed + i);
        CHECK_EQ(queue_recv(q, got, MOST, 0, NOW), MOST);
        CHECK(memcmp(got, sent, MOST) == 0);
    }
}

TEST_MAIN()
