/* Channels: those who wait at one, and the ends of senders and receivers. */
#include "channel.h"

static void killed(long pid)
{
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// M8 E6: receivers that wait are served in the order in which they came, one
// for each element, and nobody takes what was given to them.
TEST(blocked_receivers)
{
    struct ends c = new_chan(4, 8);
    long pid[3];
    uint64_t value;

    for (uint64_t i = 0; i < 3; i++) {
        pid[i] = SPAWN(CHECK_EQ(get(c.r, FOREVER), i));
        await_state(pid[i], PROC_WAITING);
    }
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(give(c.s, i, NOW), 0);
    CHECK_ERR(chan_recv(c.r, &value, NOW), E_AGAIN);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M8: what a sender put in comes out after the other elements that were there
// before, those of one sender in their order, also when that one waited.
TEST(five_in_order)
{
    struct ends c = new_chan(4, 8);
    uint64_t last[2] = {0, 3}, value;
    long pid[2];

    for (uint64_t p = 0; p < 2; p++)
        pid[p] = SPAWN({
            handle_close(c.r);
            for (uint64_t i = p ? 4 : 1; i <= (p ? 5 : 3); i++)
                CHECK_EQ(give(c.s, i, FOREVER), 0);
        });
    CHECK_EQ(handle_close(c.s), 0);
    for (int i = 0; i < 5; i++) {
        value = get(c.r, FOREVER);
        CHECK(value >= 1 && value <= 5);
        CHECK_EQ(value, last[value > 3] + 1);
        last[value > 3] = value;
    }
    CHECK_ERR(chan_recv(c.r, &value, FOREVER), E_PIPE);
    CHECK_EQ(JOIN(pid[0]) + JOIN(pid[1]), 0);
}

// E7 E9: who was killed, or whose time was over, is served no more.
TEST(waiters_leave)
{
    struct ends c = new_chan(1, 8);
    uint64_t value;
    long first, second;

    CHECK_ERR(chan_recv(c.r, &value, MS(1)), E_TIMEDOUT);
    first = SPAWN((void)!chan_recv(c.r, &value, FOREVER));
    await_state(first, PROC_WAITING);
    second = SPAWN(CHECK_EQ(get(c.r, FOREVER), 1));
    await_state(second, PROC_WAITING);
    killed(first);
    CHECK_EQ(give(c.s, 1, NOW), 0);
    CHECK_EQ(JOIN(second), 0);
    CHECK_EQ(give(c.s, 2, NOW), 0);
    CHECK_ERR(give(c.s, 3, MS(1)), E_TIMEDOUT);
    first = SPAWN(give(c.s, 4, FOREVER));
    await_state(first, PROC_WAITING);
    second = SPAWN(CHECK_EQ(give(c.s, 5, 1ull << 63), 0));
    await_state(second, PROC_WAITING);
    killed(first);
    CHECK_EQ(get(c.r, NOW), 2);
    CHECK_EQ(get(c.r, FOREVER), 5);
    CHECK_ERR(chan_recv(c.r, &value, NOW), E_AGAIN);
    CHECK_EQ(JOIN(second), 0);
}

// M8 F5: a process that is killed closes its end.
TEST(peer_killed)
{
    struct ends c = new_chan(1, 8);
    uint64_t value;
    long pid = SPAWN({
        CHECK_EQ(give(c.s, 1, NOW), 0);
        nap_ms(60000);
    });

    CHECK_EQ(handle_close(c.s), 0);
    while (chan_len(c.r) == 0)
        nap_ms(1);
    await_state(pid, PROC_WAITING);
    killed(pid);
    CHECK_EQ(get(c.r, FOREVER), 1);
    CHECK_ERR(chan_recv(c.r, &value, FOREVER), E_PIPE);
    c = new_chan(1, 8);
    CHECK_EQ(give(c.s, 1, NOW), 0);
    pid = SPAWN(nap_ms(60000));
    CHECK_EQ(handle_close(c.r), 0);
    CHECK_ERR(give(c.s, 2, NOW), E_AGAIN);
    killed(pid);
    CHECK_ERR(give(c.s, 2, FOREVER), E_PIPE);
}

// M8: a sender on its way in a message counts as one, until it is dropped.
TEST(end_in_flight)
{
    struct ends c = new_chan(2, 8);
    handle_t q = (handle_t)queue_create(1, 8, 0);
    struct msg_handle got;
    uint64_t value;

    CHECK_EQ(queue_send_handle(q, c.s, RIGHT_WRITE, 0, NOW), 0);
    CHECK_EQ(handle_close(c.s), 0);
    CHECK_ERR(chan_recv(c.r, &value, NOW), E_AGAIN);
    CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
    CHECK_EQ(give(got.handle, 3, NOW), 0);
    CHECK_EQ(get(c.r, NOW), 3);
    CHECK_EQ(handle_close(got.handle), 0);
    CHECK_ERR(chan_recv(c.r, &value, NOW), E_PIPE);
    c = new_chan(2, 8);
    CHECK_EQ(queue_send_handle(q, c.s, RIGHT_WRITE, 0, NOW), 0);
    CHECK_EQ(handle_close(c.s), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(chan_recv(c.r, &value, FOREVER), E_PIPE);
}

// M8: two channels make a conversation; each has its own ends.
TEST(both_ways)
{
    struct ends there = new_chan(1, 8), back = new_chan(1, 8);
    uint64_t n = rounds(4000), value;
    long pid = SPAWN({
        handle_close(there.s);
        handle_close(back.r);
        while (chan_recv(there.r, &value, FOREVER) == 0)
            CHECK_EQ(give(back.s, value * 3, FOREVER), 0);
    });

    handle_close(there.r);
    handle_close(back.s);
    for (uint64_t i = 0; i < n; i++) {
        CHECK_EQ(give(there.s, i, FOREVER), 0);
        CHECK_EQ(get(back.r, FOREVER), i * 3);
    }
    handle_close(there.s);
    CHECK_ERR(chan_recv(back.r, &value, FOREVER), E_PIPE);
    CHECK_EQ(JOIN(pid), 0);
}

// F12: who waits through a handle that is revoked gets E_BADH.
TEST(revoked)
{
    struct ends c = new_chan(1, 8);
    handle_t s = (handle_t)handle_dup(c.s, RIGHT_WRITE, 0);
    handle_t r = (handle_t)handle_dup(c.r, RIGHT_READ, 0);
    uint64_t value;
    long pid = SPAWN(CHECK_ERR(chan_recv(r, &value, FOREVER), E_BADH));

    await_state(pid, PROC_WAITING);
    CHECK_EQ(handle_revoke(c.r), 2);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(give(s, 1, NOW), 0);
    pid = SPAWN(CHECK_ERR(give(s, 2, FOREVER), E_BADH));
    await_state(pid, PROC_WAITING);
    CHECK_EQ(handle_revoke(c.s), 2);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(get(c.r, NOW), 1);
    CHECK_ERR(chan_recv(c.r, &value, NOW), E_AGAIN);
}

// C7: a sender sees that the channel is closed, and waits for room.
TEST(sender_signals)
{
    struct ends c = new_chan(1, 8);
    struct wait_item item = {c.s, SIG_WRITABLE, 0};
    long pid;

    CHECK_EQ(give(c.s, 1, NOW), 0);
    CHECK_ERR(handle_wait(&item, 1, NOW), E_AGAIN);
    pid = SPAWN(CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
                CHECK_EQ(item.seen, SIG_WRITABLE));
    await_state(pid, PROC_WAITING);
    CHECK_EQ(get(c.r, NOW), 1);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(give(c.s, 2, NOW), 0);
    CHECK_EQ(handle_close(c.r), 0);
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_CLOSED);
}

// M8 N4: receivers and senders that are killed at any moment lose no more than
// the element that they have, and leave nothing behind.
TEST(killed_at_random)
{
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < 40; i++) {
        struct ends c = new_chan(1 + i % 3, 100);
        long pid[3];

        for (int k = 0; k < 3; k++)
            pid[k] = SPAWN({
                uint8_t bytes[100] = {0};

                for (;;)
                    if (k)
                        (void)!chan_send(c.s, bytes, FOREVER);
                    else
                        (void)!chan_recv(c.r, bytes, FOREVER);
            });
        BUSY_US(random_below(&seed, 600));
        for (int k = 0; k < 3; k++)
            killed(pid[(k + (int)i) % 3]);
        CHECK(chan_len(c.r) <= 1 + (long)i % 3);
        handle_close(c.s);
        handle_close(c.r);
    }
}

TEST_MAIN()
