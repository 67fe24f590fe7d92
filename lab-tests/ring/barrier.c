/* RING_BARRIER: not before every earlier entry has finished. */
#include "raw.h"

static char byte;

static void put_barrier_nop(uint64_t user_data)
{
    PUT(CALL_nop, NEED | BARRIER, user_data);
}

// L9: with nothing unfinished in front of it a barrier is like any entry.
TEST(nothing_to_wait_for)
{
    raw_open(8);
    put_barrier_nop(0);
    put_nop(1);
    put_barrier_nop(2);
    put_barrier_nop(3);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    for (uint64_t i = 0; i < 4; i++)
        EXPECT(i, 0);
}

// L9: it waits for a parked entry, and what is behind it waits, too; all is
// consumed and counts as parked.
TEST(waits_for_parked)
{
    long q = new_queue(4), out = new_queue(4);

    raw_open(8);
    put_nop(0);
    put_recv(1, q, &byte, 1, FOREVER);
    put_nop(2);
    put_barrier_nop(3);
    put_send(4, out, "x", 1, NOW);
    CHECK_EQ(ring_submit(5, 0, NOW), 5);
    EXPECT(0, 0);
    EXPECT(2, 0);
    CHECK_EQ(ready(), 0);
    CHECK_EQ(PARKED, 3);
    put_send(5, out, "y", 1, NOW);
    SUBMIT_ONE();
    CHECK_EQ(PARKED, 4);
    CHECK_ERR(ring_submit(0, 1, MS(5)), E_TIMEDOUT);
    CHECK_EQ(stat_of((handle_t)out).len, 0);
    CHECK_EQ(queue_send((handle_t)q, "a", 1, 0, NOW), 0);
    AWAIT(4);
    EXPECT(1, 1);
    EXPECT(3, 0);
    EXPECT(4, 0);
    EXPECT(5, 0);
    CHECK_EQ(PARKED, 0);
    CHECK_EQ(stat_of((handle_t)out).len, 2);
}

// L9: it is for every earlier entry, whichever finishes last.
TEST(waits_for_all)
{
    long q[3] = {new_queue(1), new_queue(1), new_queue(1)};

    raw_open(8);
    for (uint64_t i = 0; i < 3; i++)
        put_recv(i, q[i], &byte, 1, FOREVER);
    put_barrier_nop(3);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    for (int i = 2; i >= 0; i--) {
        CHECK_EQ(ready(), 0);
        CHECK_EQ(queue_send((handle_t)q[i], "a", 1, 0, NOW), 0);
        AWAIT(i == 0 ? 2 : 1);
        EXPECT(i, 1);
    }
    EXPECT(3, 0);
}

// L9: a barrier that parks itself holds up what is behind it only if that is
// a barrier, too.
TEST(chain)
{
    long q[3] = {new_queue(1), new_queue(1), new_queue(1)};
    char bytes[3];

    raw_open(16);
    for (uint64_t i = 0; i < 3; i++)
        PUT(CALL_queue_recv, NEED | BARRIER, i, (uint64_t)q[i],
            (uint64_t)&bytes[i], 1, 0, FOREVER);
    put_nop(3);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    CHECK_EQ(PARKED, 4);
    CHECK_EQ(queue_send((handle_t)q[2], "c", 1, 0, NOW), 0);
    CHECK_EQ(queue_send((handle_t)q[0], "a", 1, 0, NOW), 0);
    AWAIT(1);
    EXPECT(0, 1);
    CHECK_EQ(PARKED, 3);
    CHECK_EQ(stat_of((handle_t)q[1]).waiting_receivers, 1);
    CHECK_EQ(stat_of((handle_t)q[2]).len, 1);
    CHECK_EQ(queue_send((handle_t)q[1], "b", 1, 0, NOW), 0);
    AWAIT(3);
    EXPECT(1, 1);
    EXPECT(2, 1);
    EXPECT(3, 0);
    CHECK_EQ(memcmp(bytes, "abc", 3), 0);
}

// L9: what waits behind a barrier is done in the context of its owner, also
// when another process ends the wait.
TEST(started_from_outside)
{
    uint64_t number = 0;
    long q = new_queue(4), out = new_queue(4);
    long child = SPAWN(await_receivers((handle_t)q, 1); put((handle_t)q, 5);
                       CHECK_EQ(take((handle_t)out), 5));

    raw_open(8);
    put_recv(1, q, &number, 8, FOREVER);
    PUT(CALL_queue_send, NEED | BARRIER, 2, (uint64_t)out, (uint64_t)&number,
        8);
    PUT(CALL_getpid, NEED, 3);
    CHECK_EQ(ring_submit(3, 3, FOREVER), 3);
    EXPECT(1, 8);
    EXPECT(2, 0);
    EXPECT(3, getpid());
    CHECK_EQ(JOIN(child), 0);
}

// L9: time runs for an entry from when it is started.
TEST(timeout_starts_late)
{
    uint64_t start = (uint64_t)clock_ns();
    long q = new_queue(4);

    raw_open(8);
    PUT(CALL_timer_wait, NEED, 1, TIMER_REL, MS(20));
    PUT(CALL_timer_wait, NEED | BARRIER, 2, TIMER_REL, MS(20));
    PUT(CALL_queue_recv, NEED | BARRIER, 3, (uint64_t)q, (uint64_t)&byte, 1, 0,
        MS(20));
    CHECK_EQ(ring_submit(3, 3, FOREVER), 3);
    CHECK((uint64_t)clock_ns() - start >= MS(60));
    EXPECT_FLAGS(1, 0, EXPIRED);
    EXPECT_FLAGS(2, 0, EXPIRED);
    EXPECT(3, -E_TIMEDOUT);
}

// L9 L12: ring_cancel reaches what waits behind a barrier, and what the
// barrier waits for.
TEST(cancel)
{
    long q = new_queue(4), out = new_queue(4);

    raw_open(8);
    put_recv(1, q, &byte, 1, FOREVER);
    put_barrier_nop(2);
    put_send(3, out, "x", 1, NOW);
    put_send(4, out, "y", 1, NOW);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    CHECK_EQ(ring_cancel(3), 1);
    AWAIT(1);
    EXPECT(3, -E_CANCELED);
    CHECK_EQ(PARKED, 3);
    CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 1);
    CHECK_EQ(ring_cancel(1), 1);
    AWAIT(3);
    EXPECT(1, -E_CANCELED);
    EXPECT(2, 0);
    EXPECT(4, 0);
    CHECK_EQ(stat_of((handle_t)out).sent, 1);
    CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);
}

// L9: a waiting barrier itself is cancelled.
TEST(cancel_barrier)
{
    struct ring_completion got[64];
    long q = new_queue(4);

    raw_open(8);
    put_recv(1, q, &byte, 1, FOREVER);
    put_barrier_nop(2);
    put_nop(3);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    CHECK_EQ(ring_cancel(2), 1);
    CHECK_EQ(queue_send((handle_t)q, "a", 1, 0, NOW), 0);
    AWAIT(3);
    collect(got, 3);
    CHECK_EQ(got[1].result, 1);
    CHECK_EQ(got[2].result, -E_CANCELED);
    CHECK_EQ(got[3].result, 0);
}

// L8 L9: what waits has room for its completion: no more than fits is taken.
TEST(full)
{
    long q = new_queue(4);

    raw_open(4);
    put_recv(0, q, &byte, 1, FOREVER);
    put_barrier_nop(1);
    put_nop(2);
    put_nop(3);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    put_nop(4);
    CHECK_ERR(ring_submit(1, 0, NOW), E_BUSY);
    CHECK_EQ(PARKED, 4);
    CHECK_EQ(queue_send((handle_t)q, "a", 1, 0, NOW), 0);
    AWAIT(4);
    EXPECT(0, 1);
    for (uint64_t i = 1; i < 4; i++)
        EXPECT(i, 0);
    SUBMIT_ONE();
    EXPECT(4, 0);
}

// L9 L13: bad entries wait their turn like good ones, and fail.
TEST(bad_entries)
{
    uint8_t *entry;
    long q = new_queue(4);

    raw_open(8);
    put_recv(0, q, &byte, 1, FOREVER);
    put_barrier_nop(1);
    PUT(0xff, 0, 2);
    PUT(CALL_nop, 0x80, 3);
    entry = PUT(CALL_nop, 0, 4);
    entry[4] = 1;
    CHECK_EQ(ring_submit(5, 0, NOW), 5);
    CHECK_EQ(queue_send((handle_t)q, "a", 1, 0, NOW), 0);
    AWAIT(5);
    EXPECT(0, 1);
    CHECK_EQ(ready(), 4);
    for (int i = 1; i < 5; i++) {
        long want = i == 1 ? 0 : i == 2 ? -E_NOSYS : -E_INVAL;

        EXPECT(i, want);
    }
}

// L9 L17: what waits behind a barrier when its owner ends is never done.
TEST(owner_ends)
{
    long q = new_queue(4), out = new_queue(4);

    for (int i = 0; i < 3; i++) {
        long pid = SPAWN({
            raw_open(8);
            put_recv(0, q, &byte, 1, FOREVER);
            put_barrier_nop(1);
            put_send(2, out, "x", 1, NOW);
            CHECK_EQ(ring_submit(3, 0, NOW), 3);
            if (i == 0)
                exit(0);
            if (i == 1)
                raw_close();
            if (i == 2)
                ring_submit(0, 3, FOREVER);
        });

        if (i == 2) {
            await_receivers((handle_t)q, 1);
            await_state(pid, PROC_WAITING);
            CHECK_EQ(kill(pid), 0);
        }
        JOIN(pid);
        CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);
        CHECK_EQ(stat_of((handle_t)out).sent, 0);
    }
}

// L9: exit behind a barrier comes in its turn.
TEST(exit_behind_barrier)
{
    long q = new_queue(4), out = new_queue(4);
    long pid = SPAWN({
        raw_open(8);
        put_recv(0, q, &byte, 1, FOREVER);
        PUT(CALL_queue_send, NEED | BARRIER, 1, (uint64_t)out, (uint64_t) "x",
            1);
        PUT(CALL_exit, NEED, 2, 42);
        put_send(3, out, "y", 1, NOW);
        ring_submit(4, 4, FOREVER);
    });

    await_receivers((handle_t)q, 1);
    CHECK_EQ(queue_send((handle_t)q, "a", 1, 0, NOW), 0);
    CHECK_EQ(JOIN(pid), 42);
    CHECK_EQ(stat_of((handle_t)out).sent, 1);
}

TEST_MAIN()
