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
    struct sys_info before, after;

    round(0);
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < ROUNDS; i++)
        round(i);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(after.objects, before.objects);
}

TEST_MAIN()
