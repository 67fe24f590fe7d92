/* Descriptors that arrive, are dropped, or lose their region on the way. */
#include "../region/region.h"

#define ROUNDS 30

static void round(int i)
{
    handle_t r = sealed("bytes", 5, 3 * PAGE_SIZE);
    handle_t copy = (handle_t)handle_dup(r, RIGHT_READ | RIGHT_GRANT, 0);
    long q = queue_create(4, 64, 0);
    struct msg_desc d = {copy, 0, 1, 4}, got = {-1, 0, 0, 0};

    CHECK_EQ(queue_send_desc(q, &d, 0, NOW), 0);
    CHECK_EQ(queue_send_desc(q, &d, 0, NOW), 0);
    CHECK_EQ(queue_send_desc(q, &d, 0, NOW), 0);
    if (i % 2) {
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), sizeof(got));
        CHECK(got.region == r || got.region == copy);
    }
    if (i % 3 == 0)
        CHECK_EQ(handle_revoke(r), i % 2 ? 3 : 4);
    CHECK_EQ(handle_close(r), 0);
    if (i % 3)
        CHECK_EQ(handle_close(copy), 0);
    if (i % 5 == 1) {
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), sizeof(got));
        if (got.region >= 0)
            CHECK_EQ(handle_close(got.region), 0);
    }
    CHECK_EQ(handle_close(q), 0);
}

// G8: the region goes with whatever referred to it last.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
