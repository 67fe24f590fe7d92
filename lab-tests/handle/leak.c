/* Trees of handles, over processes and in messages, cut down in all ways. */
#include "../lab.h"

#define ROUNDS 20

static void round(int i)
{
    handle_t parent = (handle_t)queue_create(4, 8, 0);
    handle_t one = (handle_t)handle_dup(parent, RIGHTS_FULL, 0);
    handle_t two = (handle_t)handle_dup(one, RIGHTS_FULL, 0);
    handle_t pipe = (handle_t)queue_create(4, 8, 0);
    long pid = SPAWN(take(pipe));

    await_receivers(pipe, 1);
    CHECK(handle_grant(two, pid, RIGHT_READ, 0) >= 0);
    CHECK_EQ(put_now(pipe, 1, PRIO_LOW), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(queue_send_handle(pipe, two, RIGHT_WRITE, 0, NOW), 0);
    if (i % 3 == 0)
        CHECK_EQ(handle_close(one), 0);
    CHECK_EQ(handle_revoke(parent), i % 3 ? 3 : 2);
    CHECK_ERR(handle_close(two), E_BADH);
    if (i % 2)
        CHECK_EQ(handle_close(pipe), 0);
    CHECK_EQ(handle_close(parent), 0);
    if (i % 2 == 0)
        CHECK_EQ(handle_close(pipe), 0);
}

// F12, A5: revoked, closed or dropped, no handle and no object is left.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
