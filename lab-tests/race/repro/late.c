/* A message gets into a queue that is closed: lab race. */
#include "../race.h"

#define ROUNDS 80u

static uint8_t bytes[QUEUE_MAX_MSG];

static void send_to_the_end(handle_t q)
{
    long error;

    do
        error = queue_send(q, bytes, sizeof(bytes), 0, NOW);
    while (error == 0 || error == -E_AGAIN);
    CHECK_EQ(error, -E_PIPE);
}

/* Until so many were accepted: then the sender runs, on another hart if there
 * is one, and is likely to be in the middle of a send. */
static void await_sent(handle_t q, uint32_t n)
{
    bool alone = hart_count() == 1;

    while (stat_of(q).sent < n)
        if (alone)
            yield();
}

/* After the shutdown has returned nothing is accepted any more. */
TEST(reproduce)
{
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < ROUNDS; i++) {
        handle_t q = (handle_t)queue_create(128, sizeof(bytes), 0);
        long pid = SPAWN(send_to_the_end(q));
        uint64_t accepted;

        await_sent(q, 1 + random_below(&seed, 100));
        dawdle(&seed);
        CHECK_EQ(handle_shutdown(q), 0);
        accepted = stat_of(q).sent;
        CHECK_EQ(JOIN(pid), 0);
        CHECK_EQ(stat_of(q).sent, accepted);
        CHECK_EQ(handle_close(q), 0);
    }
}

TEST_MAIN()
