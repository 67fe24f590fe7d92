/* A full completion ring, and how long ring_submit waits. */
#include "raw.h"

// L8: entries are taken while their completions fit, then E_BUSY; nothing is
// dropped or overwritten.
TEST(full)
{
    raw_open(4);
    for (uint64_t i = 0; i < 4; i++)
        put_nop(i);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    for (uint64_t i = 4; i < 8; i++)
        put_nop(i);
    CHECK_ERR(ring_submit(4, 0, NOW), E_BUSY);
    CHECK_ERR(ring_submit(1, 0, FOREVER), E_BUSY);
    CHECK_ERR(ring_submit(4, 4, FOREVER), E_BUSY);
    CHECK_EQ(ring_submit(0, 0, NOW), 0);
    CHECK_EQ(ring_submit(0, 4, NOW), 0);
    CHECK_EQ(SQ_PROD - SQ_CONS, 4);
    for (uint64_t i = 0; i < 4; i++)
        CHECK_EQ(look_at((uint32_t)i).user_data, i);
    EXPECT(0, 0);
    CHECK_EQ(ring_submit(4, 0, NOW), 1);
    CHECK_ERR(ring_submit(3, 0, NOW), E_BUSY);
    for (uint64_t i = 1; i < 4; i++)
        EXPECT(i, 0);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    for (uint64_t i = 4; i < 8; i++)
        EXPECT(i, 0);
    CHECK_EQ(ready(), 0);
}

// L8: the short count comes at once, whatever was to be waited for.
TEST(short_count_at_once)
{
    char byte;
    long q = new_queue(4);

    raw_open(4);
    put_nop(0);
    put_nop(1);
    CHECK_EQ(ring_submit(2, 0, NOW), 2);
    put_recv(2, q, &byte, 1, FOREVER);
    put_nop(3);
    put_nop(4);
    CHECK_EQ(ring_submit(3, 4, FOREVER), 2);
    EXPECT(0, 0);
    EXPECT(1, 0);
    EXPECT(3, 0);
    CHECK_EQ(SQ_CONS, 4);
    CHECK_EQ(ring_submit(1, 0, NOW), 1);
    EXPECT(4, 0);
}

// L8: what may be silent needs room as well, but only until it is done.
TEST(silent_ones)
{
    raw_open(4);
    for (uint64_t i = 0; i < 3; i++)
        put_nop(i);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    for (int i = 0; i < 4; i++)
        PUT(CALL_nop, 0, 9);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    CHECK_EQ(ready(), 3);
    put_nop(3);
    SUBMIT_ONE();
    PUT(CALL_nop, 0, 9);
    CHECK_ERR(ring_submit(1, 0, NOW), E_BUSY);
    EXPECT(0, 0);
    SUBMIT_ONE();
    CHECK_EQ(ready(), 3);
}

// L8: what is parked has its room: it can complete whatever else comes.
TEST(parked_keeps_room)
{
    char bytes[4];
    long q = new_queue(4);

    raw_open(4);
    for (uint64_t i = 0; i < 3; i++)
        put_recv(i, q, bytes + i, 1, FOREVER);
    put_nop(3);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    put_nop(4);
    CHECK_ERR(ring_submit(1, 0, NOW), E_BUSY);
    EXPECT(3, 0);
    SUBMIT_ONE();
    for (int i = 0; i < 3; i++)
        CHECK_EQ(queue_send((handle_t)q, "x", 1, 0, NOW), 0);
    CHECK_EQ(ring_submit(0, 4, MS(SETTLE_MS)), 0);
    EXPECT(4, 0);
    for (uint64_t i = 0; i < 3; i++)
        EXPECT(i, 1);
}

// L8: rings of one entry, full all the time.
TEST(smallest)
{
    raw_open(1);
    for (uint64_t i = 0; i < 1000; i++) {
        put_nop(i);
        SUBMIT_ONE();
        put_nop(i + 1);
        CHECK_ERR(ring_submit(1, 0, NOW), E_BUSY);
        SQ_PROD = SQ_PROD - 1;
        EXPECT(i, 0);
    }
}

// L12: min_complete counts what is not reaped, old or new.
TEST(min_complete)
{
    raw_open(8);
    CHECK_ERR(ring_submit(0, 9, NOW), E_INVAL);
    put_nop(0);
    CHECK_ERR(ring_submit(1, 9, NOW), E_INVAL);
    CHECK_ERR(ring_submit(1, 0xffffffff, FOREVER), E_INVAL);
    CHECK_EQ(SQ_CONS, 0);
    CHECK_EQ(ring_submit(1, 1, FOREVER), 1);
    CHECK_EQ(ring_submit(0, 1, FOREVER), 0);
    CHECK_EQ(ring_submit(0, 1, NOW), 0);
    put_nop(1);
    CHECK_EQ(ring_submit(1, 2, FOREVER), 1);
    EXPECT(0, 0);
    EXPECT(1, 0);
}

// L12: E_AGAIN or E_TIMEDOUT only if nothing was taken.
TEST(min_complete_times_out)
{
    uint64_t start = (uint64_t)clock_ns();

    raw_open(8);
    CHECK_ERR(ring_submit(0, 1, NOW), E_AGAIN);
    CHECK_ERR(ring_submit(8, 1, NOW), E_AGAIN);
    CHECK_ERR(ring_submit(0, 1, MS(20)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(20));
    put_nop(0);
    CHECK_EQ(ring_submit(1, 2, NOW), 1);
    CHECK_ERR(ring_submit(0, 2, NOW), E_AGAIN);
    put_nop(1);
    start = (uint64_t)clock_ns();
    CHECK_EQ(ring_submit(1, 3, MS(20)), 1);
    CHECK((uint64_t)clock_ns() - start >= MS(20));
    CHECK_EQ(ready(), 2);
}

// L12: a call that waits returns when enough have completed, not before.
TEST(min_complete_waits)
{
    struct ring_completion got[64] = {0};
    uint64_t start = (uint64_t)clock_ns();

    raw_open(8);
    for (uint64_t i = 1; i <= 3; i++)
        PUT(CALL_timer_wait, NEED, i, TIMER_ABS, start + MS(10 * i));
    CHECK_EQ(ring_submit(3, 2, FOREVER), 3);
    CHECK((uint64_t)clock_ns() >= start + MS(20));
    CHECK(ready() >= 2);
    CHECK_EQ(ring_submit(0, 3, FOREVER), 0);
    CHECK((uint64_t)clock_ns() >= start + MS(30));
    collect(got, 3);
    for (int i = 1; i <= 3; i++)
        CHECK_EQ(got[i].flags, EXPIRED);
}

// L12 L16: also when the last of them is what the poller ends while the owner
// looks whether it has to sleep.
TEST(min_complete_polled_race)
{
    enum { BATCH = 16 };
    static uint64_t got[BATCH];
    uint64_t seed = 1;
    long q = new_queue(64);
    long pid = SPAWN({
        for (uint64_t i = 0; i < rounds(4000) * BATCH; i++) {
            put((handle_t)q, i);
            for (uint64_t k = random_below(&seed, 200); k > 0; k--)
                raw_fence();
        }
    });

    raw_open(BATCH | RING_KERNEL_POLL);
    for (uint64_t i = 0; i < rounds(4000); i++) {
        for (uint64_t k = 0; k < BATCH; k++)
            put_recv(k, q, &got[k], 8, FOREVER);
        CHECK(ring_submit(0, BATCH, MS(SETTLE_MS)) >= 0);
        CHECK_EQ(ready(), BATCH);
        while (ready())
            CHECK_EQ(reap().result, 8);
    }
    CHECK_EQ(JOIN(pid), 0);
}

TEST_MAIN()
