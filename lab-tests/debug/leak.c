/* Long messages that are received, or never, leave nothing behind. */
#include "../lab.h"

#define ROUNDS 20

static void round(int i)
{
    static uint8_t bytes[600];
    long q = queue_create(8, sizeof(bytes), 0);

    for (int k = 0; k < 8; k++)
        CHECK_EQ(queue_send((handle_t)q, bytes, sizeof(bytes), 0, NOW), 0);
    for (int k = 0; k < i % 8; k++)
        CHECK_EQ(queue_recv((handle_t)q, bytes, sizeof(bytes), 0, NOW),
                 sizeof(bytes));
    CHECK_EQ(handle_close((handle_t)q), 0);
}

// N4: pages and objects are what they were.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
