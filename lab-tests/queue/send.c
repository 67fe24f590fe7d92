/* Sending: what arrives, what is refused, and which error wins. */
#include "../lab.h"

// B1: the message is copied at send; later writes do not show.
TEST(copied_at_send)
{
    char text[8] = "before", out[8];
    long q = queue_create(2, 8, 0);

    CHECK_EQ(queue_send(q, text, 8, 0, NOW), 0);
    memcpy(text, "after!!", 8);
    CHECK_EQ(queue_recv(q, out, 8, 0, NOW), 8);
    CHECK_EQ(strcmp(out, "before"), 0);
}

// B2: an empty message takes a slot and is received as length 0.
TEST(empty_message)
{
    struct msg_meta meta;
    long q = queue_create(1, 8, 0);

    CHECK_EQ(queue_send(q, 0, 0, 0, NOW), 0);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_ERR(queue_send(q, 0, 0, 0, NOW), E_AGAIN);
    CHECK_EQ(queue_recv(q, 0, 0, &meta, NOW), 0);
    CHECK_EQ(meta.len, 0);
    CHECK_EQ(meta.kind, MSG_INLINE);
    CHECK_ERR(queue_recv(q, 0, 0, 0, NOW), E_AGAIN);
}

// B2: every length up to max_msg arrives intact, at odd addresses too.
TEST(every_length)
{
    static uint8_t in[4096 + 8], out[4096 + 8];
    uint64_t seed = test_seed();
    long q = queue_create(1, 4096, 0);

    for (uint32_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)rand_next(&seed);
    for (uint32_t len = 0; len <= 4096; len += len < 300 ? 1 : 949) {
        uint32_t from = len % 8, to = len / 8 % 8;

        CHECK_EQ(queue_send(q, in + from, len, 0, NOW), 0);
        CHECK_EQ(queue_recv(q, out + to, len, 0, NOW), len);
        CHECK_EQ(memcmp(in + from, out + to, len), 0);
    }
    CHECK_EQ(queue_send(q, in, 4096, 0, NOW), 0);
    CHECK_EQ(queue_recv(q, out, 4096, 0, NOW), 4096);
    CHECK_EQ(memcmp(in, out, 4096), 0);
}

// B3: too large is E_MSGSIZE at once, also on a full queue with a timeout.
TEST(oversize_first)
{
    static uint8_t data[64];
    long q = queue_create(1, 16, 0);
    uint64_t start;

    CHECK_ERR(queue_send(q, data, 17, 0, NOW), E_MSGSIZE);
    CHECK_ERR(queue_send(q, data, 1ull << 63, 0, NOW), E_MSGSIZE);
    CHECK_ERR(queue_send(q, data, (1ull << 32) + 4, 0, NOW), E_MSGSIZE);
    CHECK_EQ(queue_send(q, data, 16, 0, NOW), 0);
    start = clock_ns();
    CHECK_ERR(queue_send(q, data, 17, 0, MS(5000)), E_MSGSIZE);
    CHECK((uint64_t)clock_ns() - start < MS(1000));
    CHECK_EQ(stat_of(q).sent, 1);
}

// B4: a full queue refuses, drops nothing, and Urgent evicts nothing.
TEST(full_refuses)
{
    long q = queue_create(4, 8, 0);

    for (uint64_t i = 0; i < 4; i++)
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
    CHECK_ERR(put_now(q, 99, PRIO_URGENT), E_AGAIN);
    CHECK_EQ(stat_of(q).sent, 4);
    CHECK_EQ(stat_of(q).len, 4);
    CHECK_EQ(stat_of(q).bytes_sent, 32);
    CHECK_EQ(stat_of(q).rejected, 1);
    for (uint64_t i = 0; i < 4; i++) {
        struct msg_meta meta;

        CHECK_EQ(queue_peek(q, &meta), 0);
        CHECK_EQ(meta.priority, PRIO_LOW);
        CHECK_EQ(take_now(q), i);
    }
    CHECK_ERR(queue_recv(q, 0, 0, 0, NOW), E_AGAIN);
}

// B5: a buffer that cannot be read is E_FAULT, and nothing is enqueued.
TEST(wild_buffer)
{
    long q = queue_create(4, 64, 0);

    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(queue_send(q, wild_pointers[i], 64, 0, NOW), E_FAULT);
    CHECK_ERR(queue_send(q, 0, 1, 0, NOW), E_FAULT);
    CHECK_ERR(queue_send(q, heap_end(), 1, 0, NOW), E_FAULT);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(stat_of(q).sent, 0);
}

// B5: half a valid buffer enqueues nothing.
TEST(half_valid_buffer)
{
    static uint8_t out[64];
    long q = queue_create(2, 64, 0);
    uint8_t *tail = heap_tail(32);

    memset(tail, 'x', 32);
    for (uint32_t beyond = 1; beyond <= 32; beyond++)
        CHECK_ERR(queue_send(q, tail, 32 + beyond, 0, NOW), E_FAULT);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(stat_of(q).sent, 0);
    CHECK_EQ(queue_send(q, tail, 32, 0, NOW), 0);
    CHECK_EQ(queue_recv(q, out, 64, 0, NOW), 32);
    CHECK_EQ(out[31], 'x');
}

// B6: the sender is who the kernel says, whatever the payload claims.
TEST(sender_stamped)
{
    struct msg_meta meta;
    long q = queue_create(2, 40, 0);
    long child = SPAWN({
        struct msg_meta lie = {.len = 40, .sender = 1};

        CHECK_EQ(queue_send(q, &lie, sizeof(lie), 0, NOW), 0);
    });

    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(queue_recv(q, &(struct msg_meta){0}, 40, &meta, NOW), 40);
    CHECK_EQ(meta.sender, child);
    CHECK_EQ(put_now(q, 0, PRIO_LOW), 0);
    CHECK_EQ(queue_peek(q, &meta), 0);
    CHECK_EQ(meta.sender, getpid());
}

// B7: seq counts accepted sends, per queue, past 65,536; refused ones do not.
TEST(sequence)
{
    struct msg_meta meta;
    long q = queue_create(1, 8, 0), other = queue_create(1, 8, 0);

    for (uint64_t i = 0; i < 70000; i++) {
        queue_send(q, 0, 0, 0, NOW);
        if (i % 1000 == 0)
            CHECK_ERR(queue_send(q, 0, 0, 0, NOW), E_AGAIN);
        queue_recv(q, 0, 0, &meta, NOW);
        CHECK_EQ(meta.seq, i);
    }
    CHECK_EQ(queue_send(other, 0, 0, 0, NOW), 0);
    CHECK_EQ(queue_recv(other, 0, 0, &meta, NOW), 0);
    CHECK_EQ(meta.seq, 0);
}

// B8: order and content hold over many turns of the ring.
TEST(wraparound)
{
    long q = queue_create(4, 8, 0);
    uint64_t next = 0, expect = 0;

    for (int i = 0; i < 10; i++) {
        for (int n = 0; n < 4; n++)
            CHECK_EQ(put_now(q, next++, PRIO_NORMAL), 0);
        for (int n = 0; n < 4; n++)
            CHECK_EQ(take_now(q), expect++);
    }
    for (int i = 0; i < 50000; i++) {
        for (int n = 0; n < 1 + i % 4; n++)
            put_now(q, next++, PRIO_NORMAL);
        for (int n = 0; n < 1 + i % 4; n++)
            CHECK_EQ(take_now(q), expect++);
    }
    CHECK_EQ(stat_of(q).sent, next);
    CHECK_EQ(stat_of(q).received, next);
}

// B9: sending needs WRITE on this very queue.
TEST(needs_write)
{
    long q = queue_create(2, 8, 0), other = queue_create(2, 8, 0);
    long reader = handle_dup(q, RIGHT_READ | RIGHT_GRANT | RIGHT_REVOKE, 0);

    CHECK_EQ(put_now(other, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send(reader, 0, 0, 0, NOW), E_ACCES);
    CHECK_ERR(queue_send(reader, 0, 0, 0, FOREVER), E_ACCES);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(stat_of(q).rejected, 0);
}

// B11: a schema is the tag that every message must carry.
TEST(schema_tag)
{
    long q = queue_create(2, 8, 0xfeedbeef);

    CHECK_EQ(queue_send(q, "a", 1, MSG_OPT(0, 0xfeedbeef), NOW), 0);
    CHECK_ERR(queue_send(q, "b", 1, MSG_OPT(0, 0xfeedbeee), NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(q, "c", 1, MSG_OPT(0, 0), NOW), E_PROTOTYPE);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_EQ(stat_of(q).sent, 1);
    CHECK_EQ(stat_of(q).rejected, 2);
}

// B11: without a schema any tag passes, and is delivered.
TEST(free_tag)
{
    static const uint32_t tags[] = {0, 1, 0x80000000, 0xffffffff};
    struct msg_meta meta;
    long q = queue_create(1, 8, 0);

    for (int i = 0; i < 4; i++) {
        CHECK_EQ(queue_send(q, 0, 0, MSG_OPT(PRIO_HIGH, tags[i]), NOW), 0);
        CHECK_EQ(queue_recv(q, 0, 0, &meta, NOW), 0);
        CHECK_EQ(meta.tag, tags[i]);
        CHECK_EQ(meta.priority, PRIO_HIGH);
    }
}

// B12: opt holds a priority 0..3 and a tag; any other bit is E_INVAL.
TEST(bad_option)
{
    long q = queue_create(2, 8, 0);

    for (uint32_t bit = 2; bit < 32; bit++)
        CHECK_ERR(queue_send(q, 0, 0, 1ull << bit, NOW), E_INVAL);
    CHECK_ERR(queue_send(q, 0, 0, 4, NOW), E_INVAL);
    CHECK_ERR(queue_send(q, 0, 0, 255, NOW), E_INVAL);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(stat_of(q).rejected, 0);
}

// B12: of several errors the first in the ABI's order is reported.
TEST(error_order)
{
    void *wild = wild_pointers[0];
    long q = queue_create(1, 8, 5);
    long reader = handle_dup(q, RIGHT_READ, 0);
    uint64_t bad_opt = 4, bad_tag = MSG_OPT(0, 6), good = MSG_OPT(0, 5);

    CHECK_ERR(queue_send(-1, wild, 9, bad_opt, NOW), E_BADH);
    CHECK_ERR(queue_send(reader, wild, 9, bad_opt, NOW), E_ACCES);
    CHECK_ERR(queue_send(q, wild, 9, bad_opt, NOW), E_INVAL);
    CHECK_ERR(queue_send(q, wild, 9, bad_tag, NOW), E_MSGSIZE);
    CHECK_ERR(queue_send(q, wild, 8, bad_tag, NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(q, wild, 8, good, NOW), E_FAULT);
    CHECK_EQ(queue_send(q, "x", 1, good, NOW), 0);
    CHECK_ERR(queue_send(q, wild, 8, good, NOW), E_FAULT);
    CHECK_ERR(queue_send(q, "x", 1, good, NOW), E_AGAIN);
    CHECK_EQ(handle_close(reader), 0);
}

// B12: a queue without readers answers bad arguments before E_PIPE.
TEST(error_order_closed)
{
    long q = queue_create(1, 8, 5);
    long writer = handle_dup(q, RIGHT_WRITE, 0);

    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(queue_send(writer, 0, 0, 4, NOW), E_INVAL);
    CHECK_ERR(queue_send(writer, "x", 9, MSG_OPT(0, 5), NOW), E_MSGSIZE);
    CHECK_ERR(queue_send(writer, "x", 1, MSG_OPT(0, 4), NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(writer, wild_pointers[0], 1, MSG_OPT(0, 5), NOW),
              E_FAULT);
    CHECK_ERR(queue_send(writer, "x", 1, MSG_OPT(0, 5), NOW), E_PIPE);
}

/* What may be wrong with a send, in the order in which it is looked for. */
enum { DEAD, NO_RIGHT, BAD_OPTION, TOO_LONG, OTHER_TAG, WILD, FAULTS };

/* The send that has all faults of a set, on a queue of 8-byte messages and
 * schema 5. */
static long send_with(uint32_t faults, handle_t writer, handle_t reader)
{
#define HAS(fault) (faults & 1u << (fault))
    handle_t h = HAS(DEAD) ? -1 : HAS(NO_RIGHT) ? reader : writer;
    const void *buf = HAS(WILD) ? wild_pointers[0] : "1234567";

    return queue_send(
        h, buf, HAS(TOO_LONG) ? 9 : 8,
        MSG_OPT(0, HAS(OTHER_TAG) ? 4 : 5) | (HAS(BAD_OPTION) ? 4 : 0), NOW);
#undef HAS
}

// B12: with any set of faults the first in the ABI's order is reported, on a
// full queue as on one without readers.
TEST(every_set_of_faults)
{
    static const long first[] = {E_BADH,    E_ACCES,     E_INVAL,
                                 E_MSGSIZE, E_PROTOTYPE, E_FAULT};
    long q = queue_create(1, 8, 5);
    long writer = handle_dup(q, RIGHT_WRITE, 0);
    long reader = handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(send_with(0, writer, reader), 0);
    CHECK_ERR(send_with(0, writer, reader), E_AGAIN);
    for (uint32_t faults = 1; faults < 1u << FAULTS; faults++)
        CHECK_ERR(send_with(faults, writer, reader),
                  first[__builtin_ctz(faults)]);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(handle_close(reader), 0);
    CHECK_ERR(send_with(0, writer, reader), E_PIPE);
    for (uint32_t faults = 1; faults < 1u << FAULTS; faults++)
        if (!(faults & 1u << NO_RIGHT))
            CHECK_ERR(send_with(faults, writer, -1),
                      first[__builtin_ctz(faults)]);
}

// B5 B12: a buffer that wraps around or goes beyond 2^38 is E_FAULT, also when
// its first byte is a good one.
TEST(buffer_over_the_end)
{
    static uint8_t data[16];
    long q = queue_create(1, 4096, 0);

    CHECK_ERR(queue_send(q, (void *)(USER_END - 1), 2, 0, NOW), E_FAULT);
    CHECK_ERR(queue_send(q, (void *)UINT64_MAX, 2, 0, NOW), E_FAULT);
    CHECK_ERR(queue_send(q, (void *)-4095ul, 4096, 0, NOW), E_FAULT);
    CHECK_ERR(queue_send(q, data, UINT64_MAX, 0, NOW), E_MSGSIZE);
    CHECK_EQ(stat_of(q).sent, 0);
    CHECK_EQ(queue_send(q, data, 16, 0, NOW), 0);
}

TEST_MAIN()
