/* Messages and senders of all priorities go, and nothing of them stays. */
#include "../lab.h"

#define ROUNDS 10
#define LEVELS 4

static long queue_with_handles(void)
{
    long q = queue_create(2 * LEVELS, 8, 0), other = queue_create(1, 1, 0);

    for (uint32_t p = 0; p < LEVELS; p++) {
        CHECK_EQ(put_now(q, p, p), 0);
        CHECK_EQ(queue_send_handle(q, other, RIGHT_WRITE, MSG_OPT(p, 0), NOW),
                 0);
    }
    CHECK_EQ(handle_close(other), 0);
    return q;
}

static void round(int i)
{
    struct msg_meta meta;
    uint64_t value;
    long q = queue_with_handles();
    long blocked = SPAWN(queue_send(q, "", 1, MSG_OPT(PRIO_HIGH, 0), FOREVER));
    long killed = SPAWN(queue_send(q, "", 1, MSG_OPT(PRIO_URGENT, 0), FOREVER));

    await_senders(q, 2);
    CHECK_EQ(kill(killed), 0);
    CHECK_EQ(JOIN(killed), -1);
    for (int n = i % LEVELS; n > 0; n--) {
        CHECK_EQ(queue_recv(q, &value, sizeof(value), &meta, NOW), 8);
        if (meta.kind == MSG_HANDLE) /* its first half is the handle */
            CHECK_EQ(handle_close((handle_t)value), 0);
    }
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_EQ(JOIN(blocked), 0);
    CHECK_EQ(handle_close(q), 0);
}

// D1, D3: what is received, and what the last close drops.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
