/* Batches: how many are taken, in which order, and what comes back. */
#include "raw.h"

/* Sends the numbers first .. first + n - 1 in one batch. */
static void send_batch(long q, uint64_t first, uint32_t n)
{
    static uint64_t numbers[64];

    for (uint32_t i = 0; i < n; i++) {
        numbers[i] = first + i;
        put_send(first + i, q, &numbers[i], 8, NOW);
    }
    CHECK_EQ(ring_submit(n, 0, NOW), n);
    for (uint32_t i = 0; i < n; i++)
        EXPECT(first + i, 0);
}

// L3: 1, 2, 63 and 64 entries in one call, done in order when it returns.
TEST(batch_in_order)
{
    static const uint32_t sizes[] = {1, 2, 63, 64, 64, 7, 64, 1};
    uint64_t number = 0, taken = 0;
    long q = new_queue(64);

    raw_open(64);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        send_batch(q, number, sizes[i]);
        number += sizes[i];
        CHECK_EQ(stat_of((handle_t)q).len, sizes[i]);
        while (taken < number)
            CHECK_EQ(take_now((handle_t)q), taken++);
    }
}

// L3: as many as asked for, as many as there are, none if there are none.
TEST(consumed_count)
{
    raw_open(8);
    CHECK_EQ(ring_submit(0, 0, NOW), 0);
    CHECK_EQ(ring_submit(1, 0, NOW), 0);
    CHECK_EQ(ring_submit(64, 0, FOREVER), 0);
    for (uint64_t i = 0; i < 5; i++)
        put_nop(i);
    CHECK_EQ(ring_submit(0, 0, NOW), 0);
    CHECK_EQ(SQ_CONS, 0);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    CHECK_EQ(ready(), 3);
    CHECK_EQ(ring_submit(0xffffffff, 0, NOW), 2);
    CHECK_EQ(ring_submit(1, 0, NOW), 0);
    for (uint64_t i = 0; i < 5; i++)
        EXPECT(i, 0);
    CHECK_EQ(ready(), 0);
    CHECK_EQ(SQ_CONS, 5);
}

// L5: one that fails in a row of sends, or receives, leaves the others and
// their order as they are, and no place is lost; nor when there are too few.
TEST(one_fails_in_a_row)
{
    uint64_t number[24], got[24];
    long q = new_queue(16);

    raw_open(32);
    for (uint64_t i = 0; i < 24; i++) {
        number[i] = i;
        put_send(i, q, i == 6 ? (void *)8 : &number[i], 8, NOW);
    }
    CHECK_EQ(ring_submit(24, 0, NOW), 24);
    for (uint64_t i = 0; i < 24; i++)
        EXPECT(i, i == 6 ? -E_FAULT : i > 16 ? -E_AGAIN : 0);
    CHECK_EQ(stat_of((handle_t)q).len, 16);
    for (uint64_t i = 0; i < 24; i++)
        put_recv(i, q, i == 4 || i == 13 ? (void *)8 : &got[i], 8, NOW);
    CHECK_EQ(ring_submit(24, 0, NOW), 24);
    for (uint64_t i = 0, next = 0; i < 24; i++) {
        bool bad = i == 4 || i == 13;

        EXPECT(i, bad ? -E_FAULT : i > 17 ? -E_AGAIN : 8);
        if (!bad && i <= 17)
            CHECK_EQ(got[i], next == 6 ? ++next : next);
        next += !bad;
    }
    CHECK_EQ(stat_of((handle_t)q).available, 16);
}

// L5: one that fails affects its own completion only.
TEST(one_fails)
{
    char byte = 0;
    long q = new_queue(4), other = new_queue(4);
    long read_only = handle_dup((handle_t)q, RIGHT_READ, 0);

    handle_close((handle_t)other);
    raw_open(8);
    put_send(0, q, "a", 1, NOW);
    put_send(1, other, "b", 1, NOW);
    put_send(2, read_only, "c", 1, NOW);
    put_send(3, q, (void *)8, 1, NOW);
    put_send(4, q, "d", 65, NOW);
    put_send(5, q, "e", 1, NOW);
    CHECK_EQ(ring_submit(6, 0, NOW), 6);
    EXPECT(0, 0);
    EXPECT(1, -E_BADH);
    EXPECT(2, -E_ACCES);
    EXPECT(3, -E_FAULT);
    EXPECT(4, -E_MSGSIZE);
    EXPECT(5, 0);
    CHECK_EQ(queue_recv((handle_t)q, &byte, 1, 0, NOW), 1);
    CHECK_EQ(byte, 'a');
    CHECK_EQ(queue_recv((handle_t)q, &byte, 1, 0, NOW), 1);
    CHECK_EQ(byte, 'e');
    CHECK_ERR(queue_recv((handle_t)q, &byte, 1, 0, NOW), E_AGAIN);
}

// L5: what an earlier entry did to a handle holds for the later one.
TEST(checked_in_turn)
{
    long q = new_queue(4), copy = handle_dup((handle_t)q, RW, 0);

    raw_open(8);
    put_send(0, copy, "a", 1, NOW);
    PUT(CALL_handle_close, NEED, 1, (uint64_t)copy);
    put_send(2, copy, "b", 1, NOW);
    PUT(CALL_handle_dup, NEED, 3, (uint64_t)q, RIGHT_READ, 0);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    EXPECT(0, 0);
    EXPECT(1, 0);
    EXPECT(2, -E_BADH);
    CHECK_EQ(ready(), 1);
    copy = reap().result;
    put_send(4, copy, "c", 1, NOW);
    PUT(CALL_handle_revoke, NEED, 5, (uint64_t)q);
    put_recv(6, copy, (void *)8, 1, NOW);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    EXPECT(4, -E_ACCES);
    EXPECT(5, 1);
    EXPECT(6, -E_BADH);
    CHECK_EQ(stat_of((handle_t)q).len, 1);
}

// L6: user_data comes back whatever it is, also several times the same.
TEST(user_data)
{
    static const uint64_t values[] = {
        0, ~0ull, 0, 1ull << 63, 1, 0xffffffff, RAW_KERNEL, 7, 7, 7, ~0ull,
    };
    uint32_t n = sizeof(values) / sizeof(values[0]);

    raw_open(16);
    for (uint32_t i = 0; i < n; i++)
        PUT(i % 2 ? CALL_getpid : 0xee, NEED, values[i]);
    CHECK_EQ(ring_submit(n, 0, NOW), n);
    for (uint32_t i = 0; i < n; i++)
        EXPECT(values[i], i % 2 ? getpid() : -E_NOSYS);
}

// L7: success posts with the flag only, failure always.
TEST(need_completion)
{
    long q = new_queue(4);

    raw_open(16);
    PUT(CALL_nop, 0, 0);
    PUT(CALL_nop, NEED, 1);
    PUT(CALL_handle_close, 0, 2, 200);
    PUT(CALL_handle_close, NEED, 3, 200);
    PUT(CALL_queue_send, 0, 4, (uint64_t)q, (uint64_t) "x", 1);
    PUT(CALL_queue_recv, 0, 5, (uint64_t)q, (uint64_t)&q, 0);
    PUT(0xff, 0, 6);
    PUT(CALL_nop, MORE, 7);
    PUT(CALL_nop, BARRIER, 8);
    CHECK_EQ(ring_submit(16, 0, NOW), 9);
    EXPECT(1, 0);
    EXPECT(2, -E_BADH);
    EXPECT(3, -E_BADH);
    EXPECT(5, -E_MSGSIZE);
    EXPECT(6, -E_NOSYS);
    CHECK_EQ(ready(), 0);
    CHECK_EQ(stat_of((handle_t)q).len, 1);
}

// L7: an entry with a timeout posts always, also when it did not have to wait.
TEST(timeout_posts)
{
    struct ring_completion got[64];
    char byte;
    long q = new_queue(1);

    raw_open(16);
    PUT(CALL_queue_send, 0, 0, (uint64_t)q, (uint64_t) "x", 1, 0, FOREVER);
    PUT(CALL_queue_recv, 0, 1, (uint64_t)q, (uint64_t)&byte, 1, 0, 1);
    PUT(CALL_queue_recv, 0, 2, (uint64_t)q, (uint64_t)&byte, 1, 0, US(100));
    PUT(CALL_queue_recv, 0, 3, (uint64_t)q, (uint64_t)&byte, 1, 0, NOW);
    CHECK_EQ(ring_submit(4, 4, MS(SETTLE_MS)), 4);
    collect(got, 4);
    CHECK_EQ(got[0].result, 0);
    CHECK_EQ(got[1].result, 1);
    CHECK_EQ(got[2].result, -E_TIMEDOUT);
    CHECK_EQ(got[3].result, -E_AGAIN);
    PUT(CALL_timer_wait, 0, 4, TIMER_ABS, 1);
    PUT(CALL_timer_wait, 0, 5, TIMER_REL, 0);
    PUT(CALL_timer_wait, 0, 6, TIMER_REL, US(10));
    CHECK_EQ(ring_submit(3, 3, MS(SETTLE_MS)), 3);
    CHECK_EQ(ready(), 3);
}

/* Ten operations of several kinds, each with these flags added; what came back
 * goes to `results`. */
static void mixed_batch(uint16_t flags, struct ring_completion *results)
{
    char bytes[4];
    long q = new_queue(2);

    for (uint64_t i = 0; i < 4; i++)
        PUT(CALL_queue_send, NEED | flags, i, (uint64_t)q, (uint64_t) "abcd",
            i + 1);
    PUT(CALL_queue_recv, NEED | flags, 4, (uint64_t)q, (uint64_t)bytes, 4);
    PUT(CALL_queue_recv, flags, 5, (uint64_t)q, (uint64_t)bytes, 1);
    PUT(CALL_queue_recv, NEED | flags, 6, (uint64_t)q, (uint64_t)bytes, 4);
    PUT(CALL_queue_recv, flags, 7, (uint64_t)q, (uint64_t)bytes, 4);
    PUT(CALL_handle_close, flags, 8, (uint64_t)q);
    PUT(CALL_handle_close, flags, 9, (uint64_t)q);
    CHECK_EQ(ring_submit(10, 9, MS(SETTLE_MS)), 10);
    CHECK_EQ(ready(), 9);
    for (int i = 0; i < 9; i++)
        results[i] = reap();
}

// L10: MORE_COMING changes nothing.
TEST(more_coming)
{
    static struct ring_completion without[9], with[9];

    raw_open(16);
    mixed_batch(0, without);
    mixed_batch(MORE, with);
    for (int i = 0; i < 9; i++) {
        CHECK_EQ(with[i].user_data, without[i].user_data);
        CHECK_EQ(with[i].result, without[i].result);
        CHECK_EQ(with[i].flags, without[i].flags);
    }
}

// L13: what is no entry is a completion with an error, and nothing else.
TEST(bad_entries)
{
    static const uint16_t unknown[] = {0x0a,   0x1f,   0x2a,   0x54,  0x69,
                                       0x92,   0xa3,   0xff,   0x100, 0x131,
                                       0x2031, 0x8000, 0xfff0, 0xffff};
    long q = new_queue(4);

    raw_open(64);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        PUT(unknown[i], 0, i, (uint64_t)q, (uint64_t) "x", 1);
        SUBMIT_ONE();
        EXPECT(i, -E_NOSYS);
    }
    for (int bit = 3; bit < 16; bit++) {
        PUT(CALL_queue_send, (uint16_t)(1 << bit), 1, (uint64_t)q,
            (uint64_t) "x", 1);
        SUBMIT_ONE();
        EXPECT(1, -E_INVAL);
    }
    for (int byte = 0; byte < 12; byte++) {
        uint8_t *entry =
            PUT(CALL_queue_send, NEED, 2, (uint64_t)q, (uint64_t) "x", 1);

        entry[byte < 4 ? 4 + byte : 56 + byte - 4] = 0x80;
        SUBMIT_ONE();
        EXPECT(2, -E_INVAL);
    }
    for (size_t i = 0; i < WILD_COUNT; i++) {
        put_send(3, q, wild_pointers[i], 8, FOREVER);
        put_recv(4, q, wild_pointers[i], 8, NOW);
        CHECK_EQ(ring_submit(2, 0, NOW), 2);
        EXPECT(3, -E_FAULT);
        CHECK(reap().result < 0);
    }
    CHECK_EQ(stat_of((handle_t)q).sent, 0);
}

// L18: a call that the ABI does not mark "ring" is E_NOSYS, all others are not
// for that reason alone.
TEST(calls_not_for_rings)
{
#define NOT_FOR_RINGS(number, name, ring, params)                              \
    if (ring == RING_NO) {                                                     \
        PUT(number, NEED, number, (uint64_t)-1, 1, 1);                         \
        SUBMIT_ONE();                                                          \
        EXPECT(number, -E_NOSYS);                                              \
    }
    raw_open(4);
    WEIR_CALLS(NOT_FOR_RINGS)
}

// L18: a batch in which each entry works on what the one before has made.
TEST(append_describe_receive)
{
    struct msg_desc in = {.length = 5}, out;
    long q = new_queue(4), r = region_create(REGION_APPEND, 100, 0, 0, 0);
    char text[5];

    CHECK(r >= 0);
    in.region = (handle_t)r;
    raw_open(8);
    PUT(CALL_region_append, NEED, 1, (uint64_t)r, (uint64_t) "hello", 5);
    PUT(CALL_queue_send_desc, NEED, 2, (uint64_t)q, (uint64_t)&in);
    put_recv(3, q, &out, sizeof(out), NOW);
    PUT(CALL_region_read, NEED, 4, (uint64_t)r, 0, (uint64_t)text, 5);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    EXPECT(1, 0);
    EXPECT(2, 0);
    EXPECT(3, sizeof(out));
    EXPECT(4, 5);
    CHECK_EQ(out.region, r);
    CHECK_EQ(out.length, 5);
    CHECK_EQ(memcmp(text, "hello", 5), 0);
}

// L11: TIMER_EXPIRED is on what a timer_wait completes with when its time has
// come, and on nothing else.
TEST(timer_expired)
{
    struct ring_completion got[64];
    uint64_t start = (uint64_t)clock_ns();

    raw_open(8);
    PUT(CALL_timer_wait, NEED, 1, TIMER_REL, MS(30));
    PUT(CALL_timer_wait, 0, 2, TIMER_ABS, start + MS(10));
    PUT(CALL_timer_wait, 0, 3, TIMER_ABS, start);
    PUT(CALL_timer_wait, 0, 4, TIMER_REL, 0);
    PUT(CALL_timer_wait, 0, 5, 2, 0);
    PUT(CALL_timer_wait, 0, 6, TIMER_REL, FOREVER);
    put_nop(7);
    CHECK_EQ(ring_submit(7, 6, FOREVER), 7);
    CHECK((uint64_t)clock_ns() >= start + MS(30));
    CHECK_EQ(ready(), 6);
    collect(got, 6);
    for (int i = 1; i <= 4; i++) {
        CHECK_EQ(got[i].result, 0);
        CHECK_EQ(got[i].flags, EXPIRED);
    }
    CHECK_EQ(got[5].result, -E_INVAL);
    CHECK_EQ(got[5].flags, 0);
    CHECK_EQ(got[7].flags, 0);
    CHECK_EQ(ring_cancel(6), 1);
    AWAIT(1);
    EXPECT(6, -E_CANCELED);
}

// L11: SIGNAL_PENDING from the event until it is read.
TEST(signal_pending)
{
    struct msg_event event;
    long q = new_queue(4), events = new_queue(4);
    long r = handle_subscribe((handle_t)q, (handle_t)events, SIG_READABLE, 9);

    raw_open(8);
    put_nop(1);
    SUBMIT_ONE();
    EXPECT(1, 0);
    if (r == -E_NOSYS)
        return;
    CHECK_EQ(r, 0);
    put_send(2, q, "x", 1, NOW);
    put_nop(3);
    CHECK_EQ(ring_submit(2, 0, NOW), 2);
    CHECK_EQ(reap().result, 0);
    EXPECT_FLAGS(3, 0, RING_SIGNAL_PENDING);
    CHECK_EQ(queue_recv((handle_t)events, &event, sizeof(event), 0, NOW),
             sizeof(event));
    CHECK_EQ(event.token, 9);
    put_nop(4);
    SUBMIT_ONE();
    EXPECT(4, 0);
}

TEST_MAIN()
