/* Four priorities: who goes first, and that all share one capacity. */
#include "../lab.h"

// D1: low, normal, urgent, high arrive as urgent, high, normal, low.
TEST(highest_first)
{
    static const uint32_t in[] = {PRIO_LOW, PRIO_NORMAL, PRIO_URGENT,
                                  PRIO_HIGH};
    long q = queue_create(4, 8, 0);

    for (int i = 0; i < 4; i++)
        CHECK_EQ(put_now(q, in[i], in[i]), 0);
    for (int want = PRIO_URGENT; want >= PRIO_LOW; want--)
        CHECK_EQ(take_now(q), want);
}

// D1: an urgent message overtakes everything that is queued already.
TEST(late_urgent_overtakes)
{
    long q = queue_create(8, 8, 0);

    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(put_now(q, i, PRIO_HIGH), 0);
    CHECK_EQ(take_now(q), 0);
    CHECK_EQ(put_now(q, 100, PRIO_URGENT), 0);
    CHECK_EQ(take_now(q), 100);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(take_now(q), 2);
}

// D1: the priority comes with the message.
TEST(priority_delivered)
{
    struct msg_meta meta;
    long q = queue_create(1, 8, 0);

    for (uint32_t p = PRIO_LOW; p <= PRIO_URGENT; p++) {
        CHECK_EQ(put_now(q, p, p), 0);
        CHECK_EQ(queue_recv(q, &(uint64_t){0}, 8, &meta, NOW), 8);
        CHECK_EQ(meta.priority, p);
    }
}

// D1: seq numbers the sends, so that overtaking shows.
TEST(sequence_shows_overtaking)
{
    struct msg_meta meta;
    uint64_t value;
    long q = queue_create(4, 8, 0);

    CHECK_EQ(put_now(q, 0, PRIO_LOW), 0);
    CHECK_EQ(put_now(q, 1, PRIO_URGENT), 0);
    CHECK_EQ(queue_recv(q, &value, 8, &meta, NOW), 8);
    CHECK_EQ(meta.seq, 1);
    CHECK_EQ(queue_recv(q, &value, 8, &meta, NOW), 8);
    CHECK_EQ(meta.seq, 0);
}

// D2: inside a level the order is first in, first out.
TEST(fifo_inside_level)
{
    long q = queue_create(32, 8, 0);

    for (uint64_t i = 0; i < 32; i++)
        CHECK_EQ(put_now(q, i, i % 4), 0);
    for (uint64_t level = 4; level-- > 0;)
        for (uint64_t i = 0; i < 8; i++)
            CHECK_EQ(take_now(q), i * 4 + level);
}

// D2: and stays so while messages come and go.
TEST(fifo_while_moving)
{
    uint64_t sent[4] = {0}, taken[4] = {0};
    uint64_t seed = test_seed();
    struct msg_meta meta;
    long q = queue_create(16, 8, 0);

    for (int i = 0; i < 20000; i++) {
        uint32_t level = random_below(&seed, 4);
        uint64_t value;

        if (put_now(q, sent[level], level) == 0)
            sent[level]++;
        if (random_below(&seed, 100) < 45)
            continue;
        if (queue_recv(q, &value, 8, &meta, NOW) == 8)
            CHECK_EQ(value, taken[meta.priority]++);
    }
}

// D3: all levels share ring_size.
TEST(one_capacity)
{
    long q = queue_create(8, 8, 0);

    for (uint64_t i = 0; i < 8; i++)
        CHECK_EQ(put_now(q, i, i % 4), 0);
    for (uint32_t p = PRIO_LOW; p <= PRIO_URGENT; p++)
        CHECK_ERR(put_now(q, 9, p), E_AGAIN);
    CHECK_EQ(stat_of(q).len, 8);
    CHECK_EQ(take_now(q), 3);
    CHECK_EQ(put_now(q, 10, PRIO_LOW), 0);
    CHECK_ERR(put_now(q, 11, PRIO_URGENT), E_AGAIN);
}

// D3: a single level may use the whole ring.
TEST(one_level_fills)
{
    for (uint32_t p = PRIO_LOW; p <= PRIO_URGENT; p++) {
        long q = queue_create(64, 8, 0);

        for (uint64_t i = 0; i < 64; i++)
            CHECK_EQ(put_now(q, i, p), 0);
        CHECK_ERR(put_now(q, 64, p), E_AGAIN);
        for (uint64_t i = 0; i < 64; i++)
            CHECK_EQ(take_now(q), i);
    }
}

/* Nanoseconds for 200 send-receive pairs on top of what is queued. */
static uint64_t cost_of_pairs(handle_t q)
{
    uint64_t start = clock_ns();

    for (uint64_t i = 0; i < 200; i++) {
        put_now(q, i, PRIO_NORMAL);
        take_now(q);
    }
    return (uint64_t)clock_ns() - start;
}

// D5: the cost does not grow with the number of messages queued.
TEST(cost_bounded)
{
    uint64_t cost, empty = UINT64_MAX, deep = UINT64_MAX;
    long q = queue_create(1024, 8, 0);

    for (int i = 0; i < 20; i++)
        if ((cost = cost_of_pairs(q)) < empty)
            empty = cost;
    for (uint64_t i = 0; i < 1000; i++)
        CHECK_EQ(put_now(q, i, i % 4), 0);
    for (int i = 0; i < 20; i++)
        if ((cost = cost_of_pairs(q)) < deep)
            deep = cost;
    CHECK(deep < 2 * empty);
}

// D3: messages with handles take places like others.
TEST(handles_share_capacity)
{
    static const uint64_t order[] = {1, 2, 0, 3};
    struct msg_meta meta;
    uint64_t out;
    long q = queue_create(4, 8, 0), cargo = queue_create(1, 8, 0);

    CHECK_EQ(put_now(q, 0, PRIO_LOW), 0);
    CHECK_EQ(queue_send_handle(q, cargo, RW, MSG_OPT(PRIO_HIGH, 0), NOW), 0);
    CHECK_EQ(put_now(q, 2, PRIO_HIGH), 0);
    CHECK_EQ(queue_send_handle(q, cargo, RW, MSG_OPT(PRIO_LOW, 0), NOW), 0);
    CHECK_ERR(put_now(q, 4, PRIO_URGENT), E_AGAIN);
    CHECK_ERR(queue_send_handle(q, cargo, RW, MSG_OPT(PRIO_URGENT, 0), NOW),
              E_AGAIN);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(queue_recv(q, &out, 8, &meta, NOW), 8);
        CHECK_EQ(meta.seq, order[i]);
        CHECK_EQ(meta.kind, order[i] % 2 ? MSG_HANDLE : MSG_INLINE);
    }
}

/* Nanoseconds of twenty messages that come and go. */
static uint64_t sample(handle_t q)
{
    uint64_t start = (uint64_t)clock_ns();

    for (uint64_t i = 0; i < 20; i++) {
        put_now(q, i, PRIO_URGENT);
        take_now(q);
    }
    return (uint64_t)clock_ns() - start;
}

// D5: the same on any number of harts, for a message that overtakes all. What
// disturbs is not in all samples: the shortest counts, of as many as it takes.
TEST(overtaking_cost_bounded)
{
    uint64_t none = UINT64_MAX, thousand = UINT64_MAX, took;
    long empty = queue_create(1024, 8, 0), full = queue_create(1024, 8, 0);

    for (uint64_t i = 0; i < 1000; i++)
        CHECK_EQ(put_now(full, i, i % 3), 0);
    for (int n = 0; n < 100 || (n < 10000 && 4 * thousand >= 5 * none); n++) {
        took = sample(empty);
        none = took < none ? took : none;
        took = sample(full);
        thousand = took < thousand ? took : thousand;
    }
    CHECK(4 * thousand < 5 * none);
}

// D1, C5: peek shows what the next receive gives, whatever is queued.
TEST(peek_agrees)
{
    struct msg_meta peeked, got;
    uint64_t seed = test_seed(), value;
    long q = queue_create(16, 8, 0);

    for (int i = 0; i < 400; i++) {
        if (put_now(q, (uint64_t)i, random_below(&seed, 4)) == 0 &&
            random_below(&seed, 3))
            continue;
        CHECK_EQ(queue_peek(q, &peeked), 0);
        CHECK_EQ(queue_recv(q, &value, sizeof(value), &got, NOW), 8);
        CHECK_EQ(got.seq, peeked.seq);
        CHECK_EQ(got.priority, peeked.priority);
    }
}

TEST_MAIN()
