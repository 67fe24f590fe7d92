/* Receiving, peeking, statistics. */
#include "../lab.h"

// C1: an empty queue with writers is E_AGAIN at timeout 0.
TEST(empty_again)
{
    char buf[8];
    long q = queue_create(2, 8, 0);

    CHECK_ERR(queue_recv(q, buf, 8, 0, NOW), E_AGAIN);
    CHECK_EQ(stat_of(q).empty, 1);
    CHECK_EQ(stat_of(q).received, 0);
}

// C2: a buffer too small is E_MSGSIZE; the message stays, its size is told.
TEST(small_buffer)
{
    char small[5] = "....", big[16];
    struct msg_meta meta = {0};
    long q = queue_create(2, 16, 0);

    CHECK_EQ(queue_send(q, "0123456789", 10, 0, NOW), 0);
    CHECK_EQ(queue_send(q, "second", 6, 0, NOW), 0);
    CHECK_ERR(queue_recv(q, small, 4, &meta, NOW), E_MSGSIZE);
    CHECK_EQ(meta.len, 10);
    CHECK_EQ(memcmp(small, "....", 4), 0);
    CHECK_ERR(queue_recv(q, small, 0, 0, FOREVER), E_MSGSIZE);
    CHECK_EQ(stat_of(q).len, 2);
    CHECK_EQ(stat_of(q).received, 0);
    CHECK_EQ(queue_recv(q, big, 10, &meta, NOW), 10);
    CHECK_EQ(memcmp(big, "0123456789", 10), 0);
    CHECK_EQ(meta.seq, 0);
    CHECK_EQ(queue_recv(q, big, 16, 0, NOW), 6);
}

// C2: a blocked receiver with too small a buffer gets E_MSGSIZE, and the
// message goes to the next waiter.
TEST(small_buffer_blocked)
{
    long q = queue_create(2, 64, 0);
    long small = SPAWN({
        char buf[4];

        CHECK_ERR(queue_recv(q, buf, 4, 0, FOREVER), E_MSGSIZE);
    });
    long big;

    await_receivers(q, 1);
    big = SPAWN({
        char buf[64];

        CHECK_EQ(queue_recv(q, buf, 64, 0, FOREVER), 10);
        CHECK_EQ(memcmp(buf, "0123456789", 10), 0);
    });
    await_receivers(q, 2);
    CHECK_EQ(queue_send(q, "0123456789", 10, 0, NOW), 0);
    CHECK_EQ(JOIN(small), 0);
    CHECK_EQ(JOIN(big), 0);
    CHECK_EQ(stat_of(q).received, 1);
    CHECK_EQ(stat_of(q).len, 0);
}

// C3: an output pointer that cannot be written is E_FAULT; the message stays
// at its place.
TEST(wild_buffer)
{
    char out[8];
    long q = queue_create(2, 8, 0);

    CHECK_EQ(queue_send(q, "first", 6, 0, NOW), 0);
    CHECK_EQ(queue_send(q, "second", 7, 0, NOW), 0);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(queue_recv(q, wild_pointers[i], 16, 0, NOW), E_FAULT);
    CHECK_ERR(queue_recv(q, heap_end(), 8, 0, NOW), E_FAULT);
    CHECK_ERR(queue_recv(q, heap_tail(3), 8, 0, NOW), E_FAULT);
    CHECK_EQ(stat_of(q).len, 2);
    CHECK_EQ(stat_of(q).received, 0);
    CHECK_EQ(queue_recv(q, out, 8, 0, NOW), 6);
    CHECK_EQ(strcmp(out, "first"), 0);
}

static void some_text(void)
{
    nop();
}

// C3: the kernel does not write to the program's text or constants.
TEST(read_only_buffer)
{
    static const char constant[16] = "constant";
    static const volatile char *const peek = constant;
    uint32_t before = *(const uint16_t *)some_text;
    char out[8];
    long q = queue_create(1, 8, 0);

    CHECK_EQ(queue_send(q, "message", 8, 0, NOW), 0);
    CHECK_ERR(queue_recv(q, (void *)(uintptr_t)constant, 8, 0, NOW), E_FAULT);
    CHECK_ERR(queue_recv(q, (void *)(uintptr_t)some_text, 8, 0, NOW), E_FAULT);
    CHECK_EQ(peek[0], 'c');
    CHECK_EQ(*(const uint16_t *)some_text, before);
    CHECK_EQ(queue_recv(q, out, 8, 0, NOW), 8);
}

// C3: a bad meta pointer is E_FAULT, and the message stays.
TEST(wild_meta)
{
    char out[8];
    long q = queue_create(2, 8, 0);

    CHECK_EQ(queue_send(q, "first", 6, 0, NOW), 0);
    for (uint32_t i = 0; i < WILD_COUNT; i++) {
        CHECK_ERR(queue_recv(q, out, 8, wild_pointers[i], NOW), E_FAULT);
        CHECK_ERR(queue_peek(q, wild_pointers[i]), E_FAULT);
    }
    CHECK_EQ(stat_of(q).received, 0);
    CHECK_EQ(queue_recv(q, out, 8, 0, NOW), 6);
    CHECK_EQ(strcmp(out, "first"), 0);
}

// C3: only the bytes of the message need be writable, not all of cap.
TEST(cap_beyond_memory)
{
    long q = queue_create(1, 64, 0);
    uint8_t *tail = heap_tail(8);

    CHECK_EQ(queue_send(q, "12345678", 8, 0, NOW), 0);
    CHECK_EQ(queue_recv(q, tail, 64, 0, NOW), 8);
    CHECK_EQ(memcmp(tail, "12345678", 8), 0);
}

// C4: bytes beyond the message are untouched, meta's padding is zero.
TEST(exact_bytes)
{
    uint8_t out[32];
    struct msg_meta meta;
    uint64_t before = clock_ns();
    long q = queue_create(1, 32, 0);

    for (uint32_t len = 0; len <= 16; len++) {
        memset(out, 0xee, sizeof(out));
        memset(&meta, 0xee, sizeof(meta));
        CHECK_EQ(queue_send(q, "abcdefghijklmnop", len, 0, NOW), 0);
        CHECK_EQ(queue_recv(q, out + 8, 24, &meta, NOW), len);
        for (uint32_t i = 0; i < sizeof(out); i++)
            if (i < 8 || i >= 8 + len)
                CHECK_EQ(out[i], 0xee);
        CHECK_EQ(memcmp(out + 8, "abcdefghijklmnop", len), 0);
        CHECK_EQ(meta.len, len);
        CHECK_EQ(meta.reserved, 0);
        CHECK_EQ(meta.badge, 0);
        CHECK(meta.sent_ns >= before);
        CHECK(meta.sent_ns <= (uint64_t)clock_ns());
    }
}

// C5: peek shows what recv would give next, priorities included, and takes
// nothing.
TEST(peek_next)
{
    struct msg_meta peeked, taken;
    uint64_t value;
    long q = queue_create(4, 8, 0);

    CHECK_ERR(queue_peek(q, &peeked), E_AGAIN);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(put_now(q, 2, PRIO_URGENT), 0);
    CHECK_EQ(put_now(q, 3, PRIO_NORMAL), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(queue_peek(q, &peeked), 0);
        CHECK_EQ(queue_peek(q, &peeked), 0);
        CHECK_EQ(stat_of(q).len, 3 - i);
        CHECK_EQ(queue_recv(q, &value, 8, &taken, NOW), 8);
        CHECK_EQ(memcmp(&peeked, &taken, sizeof(taken)), 0);
        CHECK_EQ(value, i == 0 ? 2 : i == 1 ? 3 : 1);
    }
    CHECK_ERR(queue_peek(q, &peeked), E_AGAIN);
    CHECK_EQ(stat_of(q).received, 3);
}

// C6: the counters after 5 sends, 3 receives, 1 refusal, 1 empty look.
TEST(statistics)
{
    static uint8_t data[8];
    struct queue_stat s;
    long q = queue_create(8, 8, 0);

    CHECK_ERR(queue_recv(q, data, 8, 0, NOW), E_AGAIN);
    for (uint32_t len = 1; len <= 5; len++)
        CHECK_EQ(queue_send(q, data, len, 0, NOW), 0);
    for (uint32_t len = 1; len <= 3; len++)
        CHECK_EQ(queue_recv(q, data, 8, 0, NOW), len);
    CHECK_ERR(queue_recv(q, data, 1, 0, NOW), E_MSGSIZE);
    CHECK_ERR(queue_send(q, data, 9, 0, NOW), E_MSGSIZE);
    s = stat_of(q);
    CHECK_EQ(s.len, 2);
    CHECK_EQ(s.available, 6);
    CHECK_EQ(s.sent, 5);
    CHECK_EQ(s.received, 3);
    CHECK_EQ(s.max_depth, 5);
    CHECK_EQ(s.bytes_sent, 15);
    CHECK_EQ(s.bytes_received, 6);
    CHECK_EQ(s.rejected, 0);
    CHECK_EQ(s.empty, 1);
}

// C6: `rejected` counts refusals by full, by time and by schema; `empty`
// counts looks that ended empty, and nothing else.
TEST(refusals_counted)
{
    long q = queue_create(1, 8, 9);
    uint64_t opt = MSG_OPT(0, 9);

    CHECK_ERR(queue_recv(q, 0, 0, 0, NOW), E_AGAIN);
    CHECK_ERR(queue_recv(q, 0, 0, 0, MS(1)), E_TIMEDOUT);
    CHECK_EQ(queue_send(q, 0, 0, opt, NOW), 0);
    CHECK_ERR(queue_send(q, 0, 0, opt, NOW), E_AGAIN);
    CHECK_ERR(queue_send(q, 0, 0, opt, MS(1)), E_TIMEDOUT);
    CHECK_ERR(queue_send(q, 0, 0, 0, NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(q, wild_pointers[0], 1, opt, NOW), E_FAULT);
    CHECK_ERR(queue_send(q, 0, 0, 4, NOW), E_INVAL);
    CHECK_EQ(stat_of(q).rejected, 3);
    CHECK_EQ(stat_of(q).empty, 2);
    CHECK_EQ(stat_of(q).sent, 1);
}

// C6: max_depth is the high-water mark and does not fall.
TEST(high_water)
{
    long q = queue_create(8, 8, 0);

    for (uint32_t depth = 1; depth <= 8; depth *= 2) {
        for (uint32_t i = 0; i < depth; i++)
            CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
        CHECK_EQ(stat_of(q).max_depth, depth);
        for (uint32_t i = 0; i < depth; i++)
            CHECK_EQ(take_now(q), i);
        CHECK_EQ(stat_of(q).max_depth, depth);
    }
}

// C8: receiving, peeking and statistics need READ on this very queue.
TEST(needs_read)
{
    char buf[8];
    struct msg_meta meta;
    struct queue_stat s;
    long q = queue_create(2, 8, 0);
    long client = handle_dup(q, RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE, 0);

    CHECK_EQ(queue_send(client, "hi", 3, 0, NOW), 0);
    CHECK_ERR(queue_recv(client, buf, 8, 0, NOW), E_ACCES);
    CHECK_ERR(queue_recv(client, buf, 8, 0, FOREVER), E_ACCES);
    CHECK_ERR(queue_peek(client, &meta), E_ACCES);
    CHECK_ERR(queue_stat(client, &s), E_ACCES);
    CHECK_EQ(stat_of(q).len, 1);
}

// B12 C3: of several errors of a receive the first in order is reported.
TEST(error_order)
{
    void *wild = wild_pointers[0];
    long q = queue_create(2, 8, 0);
    long writer = handle_dup(q, RIGHT_WRITE, 0);
    struct queue_stat s;

    CHECK_ERR(queue_recv(-1, wild, 8, wild, NOW), E_BADH);
    CHECK_ERR(queue_recv(writer, wild, 8, wild, NOW), E_ACCES);
    CHECK_ERR(queue_peek(-1, wild), E_BADH);
    CHECK_ERR(queue_stat(-1, wild), E_BADH);
    CHECK_ERR(queue_stat(q, wild), E_FAULT);
    CHECK_ERR(queue_recv(q, wild, 8, 0, NOW), E_AGAIN);
    CHECK_ERR(queue_recv(q, (void *)USER_END, 8, 0, NOW), E_FAULT);
    CHECK_EQ(queue_send(q, "12345678", 8, 0, NOW), 0);
    CHECK_ERR(queue_recv(q, wild, 7, 0, NOW), E_MSGSIZE);
    CHECK_ERR(queue_recv(q, wild, 8, 0, NOW), E_FAULT);
    CHECK_EQ(queue_stat(q, &s), 0);
    CHECK_EQ(s.len, 1);
}

// C2: a blocked receiver with too small a buffer is told the size, and the
// message is still there.
TEST(small_buffer_blocked_size)
{
    char out[16];
    long q = queue_create(2, 64, 0);
    long child = SPAWN({
        struct msg_meta meta = {0};
        char buf[4] = "...";

        CHECK_ERR(queue_recv(q, buf, 4, &meta, FOREVER), E_MSGSIZE);
        CHECK_EQ(meta.len, 10);
        CHECK_EQ(meta.seq, 0);
        CHECK_EQ(strcmp(buf, "..."), 0);
    });

    await_receivers(q, 1);
    CHECK_EQ(queue_send(q, "0123456789", 10, 0, NOW), 0);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_EQ(stat_of(q).received, 0);
    CHECK_EQ(queue_recv(q, out, 16, 0, NOW), 10);
}

// C3: headers and statistics are not written to constants either.
TEST(read_only_outputs)
{
    static const uint64_t constants[16] = {1, 2, 3};
    static const volatile uint64_t *const look = constants;
    void *out = (void *)(uintptr_t)constants;
    char buf[8];
    long q = queue_create(1, 8, 0);

    CHECK_EQ(queue_send(q, "message", 8, 0, NOW), 0);
    CHECK_ERR(queue_recv(q, buf, 8, out, NOW), E_FAULT);
    CHECK_ERR(queue_peek(q, out), E_FAULT);
    CHECK_ERR(queue_stat(q, out), E_FAULT);
    CHECK_ERR(handle_info(q, out), E_FAULT);
    CHECK_EQ(look[0], 1);
    CHECK_EQ(look[2], 3);
    CHECK_EQ(queue_recv(q, buf, 8, 0, NOW), 8);
}

// C6: len and available add up to ring_size, whatever comes and goes.
TEST(len_and_available)
{
    uint64_t seed = test_seed(), sent = 0, received = 0;
    long q = queue_create(8, 8, 0);

    for (int i = 0; i < 5000; i++) {
        struct queue_stat s;

        if (random_below(&seed, 2))
            sent += put_now(q, 1, random_below(&seed, 4)) == 0;
        else
            received += queue_recv(q, &(uint64_t){0}, 8, 0, NOW) == 8;
        s = stat_of(q);
        CHECK_EQ(s.len + s.available, 8);
        CHECK_EQ(s.len, sent - received);
        CHECK_EQ(s.sent, sent);
        CHECK_EQ(s.received, received);
        CHECK(s.max_depth >= s.len);
        CHECK(s.max_depth <= 8);
    }
}

// C6: no refused receive counts as received, no drained queue as empty.
TEST(failures_not_received)
{
    char buf[8];
    long q = queue_create(2, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(queue_send(q, "message", 8, 0, NOW), 0);
    CHECK_ERR(queue_recv(r, buf, 7, 0, NOW), E_MSGSIZE);
    CHECK_ERR(queue_recv(r, wild_pointers[0], 8, 0, NOW), E_FAULT);
    CHECK_ERR(queue_recv(-1, buf, 8, 0, NOW), E_BADH);
    CHECK_EQ(stat_of(r).received, 0);
    CHECK_EQ(stat_of(r).bytes_received, 0);
    CHECK_EQ(queue_recv(r, buf, 8, 0, NOW), 8);
    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(queue_recv(r, buf, 8, 0, NOW), E_PIPE);
    CHECK_EQ(stat_of(r).received, 1);
    CHECK_EQ(stat_of(r).empty, 0);
}

TEST_MAIN()
