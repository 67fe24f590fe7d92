/* What waits in queues and is interrupted, in all ways, leaves nothing. */
#include "../lab.h"

#define ROUNDS 20

static void receive(handle_t q, uint64_t timeout)
{
    uint64_t value;

    queue_recv(q, &value, sizeof(value), 0, timeout);
}

/* Two wait to receive, one of them is killed, one runs out of time. */
static void receivers(handle_t q)
{
    long killed = SPAWN(receive(q, FOREVER));
    long late = SPAWN(receive(q, MS(1)));

    CHECK_EQ(JOIN(late), 0);
    await_receivers(q, 1);
    CHECK_EQ(kill(killed), 0);
    CHECK_EQ(JOIN(killed), -1);
    CHECK_EQ(stat_of(q).waiting_receivers, 0);
}

/* Of senders to a full queue one is killed, one late, one meets the end. */
static void senders(handle_t q)
{
    long reader = handle_dup(q, RIGHT_READ, 0);
    long killed, late, last;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    killed = SPAWN(put(q, 2));
    await_senders(q, 1);
    late = SPAWN(queue_send_handle(q, q, RIGHT_WRITE, 0, MS(1)));
    CHECK_EQ(JOIN(late), 0);
    last = SPAWN(CHECK_ERR(put(q, 3), E_PIPE));
    await_senders(q, 2);
    CHECK_EQ(kill(killed), 0);
    CHECK_EQ(JOIN(killed), -1);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_EQ(JOIN(last), 0);
    CHECK_EQ(handle_close(reader), 0);
}

static void round(int i)
{
    long q = queue_create(1, 8, 0);

    (void)i;
    CHECK(q >= 0);
    receivers(q);
    senders(q);
    CHECK_EQ(handle_close(q), 0);
}

// F1, E7, E9: whoever waited, however that ended, has left nothing behind.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
