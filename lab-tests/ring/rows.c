/* Batches of sends or receives do what as many calls would do. */
#include "../port/port.h"
#include "raw.h"

enum { BY_CALL, BY_RING, BY_RING_WAITING, WAYS };

static uint64_t timeout_of(int way)
{
    return way == BY_RING ? NOW : FOREVER;
}

/* In a child: n receives, this way. */
static void receive(int way, long q, uint8_t *got, uint32_t n,
                    struct msg_meta *meta)
{
    if (way == BY_CALL) {
        for (uint32_t i = 0; i < n; i++)
            CHECK(queue_recv((handle_t)q, &got[i], 64, meta, FOREVER) > 0);
        return;
    }
    raw_open(16);
    for (uint32_t i = 0; i < n; i++)
        PUT(CALL_queue_recv, NEED, i, (uint64_t)q, (uint64_t)&got[i], 64,
            (uint64_t)meta, timeout_of(way));
    CHECK_EQ(ring_submit(n, n, FOREVER), n);
    while (ready())
        CHECK(reap().result > 0);
}

static void send_too_much(int way, long q)
{
    static const uint8_t much[65];

    if (way == BY_CALL) {
        CHECK_ERR(queue_send((handle_t)q, much, 65, 0, FOREVER), E_MSGSIZE);
        return;
    }
    raw_open(4);
    put_send(1, q, much, 65, timeout_of(way));
    SUBMIT_ONE();
    EXPECT(1, -E_MSGSIZE);
}

static uint32_t events_in(long events)
{
    struct msg_event event;
    uint32_t n = 0;

    while (queue_recv((handle_t)events, &event, sizeof(event), 0, NOW) > 0)
        n++;
    return n;
}

// L4 D4: each place that a batch frees goes at once to who waits for it: one
// whose message is not there yet, and then one whose message overtakes all.
TEST(places_one_by_one)
{
    static const uint8_t expected[10] = {1, 2, 102, 3, 4, 5, 6, 7, 8, 101};

    for (int way = 0; way < WAYS; way++) {
        static uint8_t got[128];
        long q = new_queue(8), child[2];

        for (uint8_t i = 1; i <= 8; i++)
            CHECK_EQ(queue_send((handle_t)q, &i, 1, PRIO_LOW, NOW), 0);
        child[0] = SPAWN({
            static const uint8_t late = 101;

            raw_open(4);
            PUT(CALL_queue_send, NEED, 1, (uint64_t)q, (uint64_t)&late, 1,
                PRIO_URGENT, FOREVER);
            CHECK_EQ(ring_submit(1, 1, FOREVER), 1);
            EXPECT(1, 0);
        });
        await_state(child[0], PROC_WAITING);
        child[1] = SPAWN({
            static const uint8_t urgent = 102;

            CHECK_EQ(queue_send((handle_t)q, &urgent, 1, PRIO_URGENT, FOREVER),
                     0);
        });
        await_state(child[1], PROC_WAITING);
        CHECK_EQ(JOIN(SPAWN({
                     uint32_t n = way == BY_RING ? 9 : 10;

                     receive(way, q, got, n, 0);
                     for (uint32_t i = 0; i < n; i++)
                         CHECK_EQ(got[i], expected[i]);
                 })),
                 0);
        CHECK_EQ(JOIN(child[0]) | JOIN(child[1]), 0);
        CHECK_EQ(handle_close((handle_t)q), 0);
    }
}

// L4 M2: who has subscribed to a queue gets as many events as from calls: none
// when a message with a header, or with a handle, is received, or when one that
// is too long is refused.
TEST(events_as_by_calls)
{
    long q = new_queue(1), other = new_queue(1), events = new_queue(8);
    struct msg_meta meta;
    uint8_t got[64];

    CHECK_EQ(handle_subscribe((handle_t)q, (handle_t)events, SIG_READABLE, 1),
             0);
    for (int way = 0; way < WAYS; way++) {
        CHECK_EQ(queue_send((handle_t)q, got, 8, 0, NOW), 0);
        CHECK_EQ(events_in(events), 1);
        CHECK_EQ(JOIN(SPAWN(receive(way, q, got, 1, &meta))), 0);
        CHECK_EQ(events_in(events), 0);
        CHECK_EQ(
            queue_send_handle((handle_t)q, (handle_t)other, RIGHT_READ, 0, NOW),
            0);
        CHECK_EQ(events_in(events), 1);
        CHECK_EQ(JOIN(SPAWN(receive(way, q, got, 1, 0))), 0);
        CHECK_EQ(events_in(events), 0);
    }
    CHECK_EQ(
        handle_subscribe((handle_t)other, (handle_t)events, SIG_WRITABLE, 2),
        0);
    CHECK_EQ(events_in(events), 1);
    for (int way = 0; way < WAYS; way++) {
        CHECK_EQ(JOIN(SPAWN(send_too_much(way, other))), 0);
        CHECK_EQ(events_in(events), 0);
    }
}

TEST_MAIN()
