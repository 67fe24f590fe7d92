/* Reply handles that are sent by the ring: there is one of each. */
#include "../port/port.h"
#include "../region/region.h"
#include "raw.h"

/* A reply handle moves to who receives from q. */
#define REPLY_RIGHTS (RIGHT_WRITE | RIGHT_GRANT)

static void put_send_reply(uint64_t user_data, long q, long reply,
                           uint64_t timeout)
{
    PUT(CALL_queue_send_handle, NEED, user_data, (uint64_t)q, (uint64_t)reply,
        REPLY_RIGHTS, 0, timeout);
}

static long send_reply(long q, long reply)
{
    return queue_send_handle((handle_t)q, (handle_t)reply, REPLY_RIGHTS, 0,
                             NOW);
}

// M1 L12: there is one reply handle: while it waits to be sent it cannot be
// sent again, and if it stays it can.
TEST(is_sent_once)
{
    handle_t p = new_port();
    long q = new_queue(1), other = new_queue(1);
    long client = caller(p, 1, 11), reply;
    struct msg_handle got;

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(put_now((handle_t)q, 1, PRIO_LOW), 0);
    raw_open(4);
    put_send_reply(1, q, reply, FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(PARKED, 1);
    CHECK_ERR(send_reply(other, reply), E_BADH);
    CHECK_ERR(send_reply(q, reply), E_BADH);
    put_send_reply(2, q, reply, FOREVER);
    SUBMIT_ONE();
    EXPECT(2, -E_BADH);
    CHECK_EQ(ring_cancel(1), 1);
    EXPECT(1, -E_CANCELED);
    CHECK_EQ(send_reply(other, reply), 0);
    CHECK_EQ(queue_recv((handle_t)other, &got, sizeof(got), 0, NOW), 8);
    CHECK_EQ(answer(got.handle, 11), 0);
    CHECK_EQ(JOIN(client), 0);
}

// M1: the owner and the poller send it at the same time: one of them does. Who
// was first begins later the next time.
TEST(sent_by_two_race)
{
    handle_t p = new_port();
    long q = new_queue(1), other = new_queue(1), delay = 0;
    long client = SPAWN({
        for (uint32_t i = 0; i < 2000; i++)
            CHECK_EQ(ask(p, i, FOREVER), 11);
    });

    raw_open(4 | RING_KERNEL_POLL);
    for (uint32_t i = 0; i < 2000; i++) {
        struct msg_handle got;
        long reply, mine, its;

        CHECK_EQ(hear(p, &reply), i);
        put_send_reply(1, q, reply, NOW);
        raw_fence();
        if (WAKEUP)
            CHECK(ring_submit(1, 0, NOW) >= 0);
        for (long k = 0; k < delay; k++)
            raw_fence();
        mine = send_reply(other, reply);
        AWAIT(1);
        its = reap().result;
        CHECK_EQ(mine + its, -E_BADH);
        delay += mine ? -(delay > 0) : 1;
        CHECK_EQ(
            queue_recv((handle_t)(mine ? q : other), &got, sizeof(got), 0, NOW),
            8);
        CHECK_ERR(
            queue_recv((handle_t)(mine ? other : q), &got, sizeof(got), 0, NOW),
            E_AGAIN);
        CHECK_EQ(answer(got.handle, 11), 0);
    }
    CHECK_EQ(JOIN(client), 0);
}

// M1 L12: the message has gone, and its receiver has closed what was in it: the
// call has ended, and nothing is left to send, whether the sender's operation
// is finished or not.
TEST(closed_by_its_receiver_race)
{
    enum { ROUNDS = 200 };
    volatile uint32_t *step =
        (volatile uint32_t *)shown(slab(64, 1), PROT_READ | PROT_WRITE);
    handle_t p = new_port();
    long q = new_queue(1), other = new_queue(1);
    long client = SPAWN({
        for (uint32_t i = 0; i < ROUNDS; i++)
            CHECK_ERR(ask(p, i, FOREVER), E_PIPE);
    });
    long receiver = SPAWN({
        for (uint32_t i = 0; i < ROUNDS; i++) {
            struct msg_handle got;

            while (*step != 2 * i + 1)
                continue;
            take((handle_t)q);
            CHECK_EQ(queue_recv((handle_t)q, &got, sizeof(got), 0, NOW), 8);
            CHECK_EQ(handle_close(got.handle), 0);
            *step = 2 * i + 2;
        }
    });

    raw_open(4 | RING_KERNEL_POLL);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        long reply;

        CHECK_EQ(hear(p, &reply), i);
        put((handle_t)q, i);
        put_send_reply(1, q, reply, FOREVER);
        CHECK(ring_submit(1, 0, NOW) >= 0);
        AWAIT_WORD(PARKED, 1);
        *step = 2 * i + 1;
        while (*step != 2 * i + 2)
            continue;
        CHECK_ERR(send_reply(other, reply), E_BADH);
        AWAIT(1);
        EXPECT(1, 0);
    }
    CHECK_EQ(JOIN(receiver) | JOIN(client), 0);
}

TEST_MAIN()
