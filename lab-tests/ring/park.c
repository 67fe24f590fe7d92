/* Parked operations: entries whose calls would wait. */
#include "raw.h"

// L12: it completes when another process sends; its owner sleeps in the ring.
TEST(completed_by_another)
{
    struct msg_meta meta;
    uint64_t number = 0;
    long q = new_queue(4);
    long child = SPAWN(await_receivers((handle_t)q, 1); put((handle_t)q, 99));

    raw_open(4);
    PUT(CALL_queue_recv, NEED, 5, (uint64_t)q, (uint64_t)&number, 8,
        (uint64_t)&meta, FOREVER);
    CHECK_EQ(ring_submit(1, 1, FOREVER), 1);
    EXPECT(5, 8);
    CHECK_EQ(number, 99);
    CHECK_EQ(meta.sender, child);
    CHECK_EQ(meta.len, 8);
    CHECK_EQ(stat_of((handle_t)q).received, 1);
    CHECK_EQ(JOIN(child), 0);
}

// L12: its owner makes no call at all, but looks at the page.
TEST(seen_by_polling)
{
    uint64_t number = 0;
    long q = new_queue(4);
    long child = SPAWN(await_receivers((handle_t)q, 1); put((handle_t)q, 7));

    raw_open(4);
    put_recv(5, q, &number, 8, FOREVER);
    SUBMIT_ONE();
    while (ready() == 0)
        continue;
    EXPECT(5, 8);
    CHECK_EQ(number, 7);
    CHECK_EQ(JOIN(child), 0);
}

// L12: its owner sleeps in another call, and stays there.
TEST(completed_in_another_call)
{
    uint64_t number = 0;
    long q = new_queue(4), wake = new_queue(1);
    long child = SPAWN({
        await_receivers((handle_t)q, 1);
        await_receivers((handle_t)wake, 1);
        put((handle_t)q, 7);
        while (stat_of((handle_t)q).received == 0)
            nap_ms(1);
        CHECK_EQ(stat_of((handle_t)wake).waiting_receivers, 1);
        put((handle_t)wake, 8);
    });

    raw_open(4);
    put_recv(5, q, &number, 8, FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(take((handle_t)wake), 8);
    CHECK_EQ(number, 7);
    EXPECT(5, 8);
    CHECK_EQ(JOIN(child), 0);
}

/* Sends to a parked receive and returns when its owner has taken that. */
static void send_and_see_taken(long q, uint64_t value)
{
    uint64_t before = stat_of((handle_t)q).received;

    await_receivers((handle_t)q, 1);
    put((handle_t)q, value);
    while (stat_of((handle_t)q).received == before)
        nap_ms(1);
}

// L12: its owner sleeps until a child ends, for signals, or for a time.
TEST(completed_in_other_sleeps)
{
    uint64_t number = 0;
    long q = new_queue(4), wake = new_queue(4), child;
    struct wait_item item = {(handle_t)wake, SIG_READABLE, 0};

    raw_open(4);
    for (uint64_t how = 0; how < 3; how++) {
        put_recv(how, q, &number, 8, FOREVER);
        SUBMIT_ONE();
        child = SPAWN(send_and_see_taken(q, 10 + how); put((handle_t)wake, 0));
        if (how == 0)
            CHECK_EQ(wait(child, 0, FOREVER), child);
        if (how == 1)
            CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
        if (how == 2)
            while (stat_of((handle_t)wake).len == 0)
                timer_wait(TIMER_REL, MS(100));
        CHECK_EQ(number, 10 + how);
        EXPECT(how, 8);
        if (how > 0)
            CHECK_EQ(JOIN(child), 0);
        CHECK_EQ(take((handle_t)wake), 0);
    }
}

// L12 D4: a parked send goes on while its owner is blocked in another send;
// both messages are whole.
TEST(completed_in_blocked_send)
{
    static uint8_t parked[64], blocked[64], in[64];
    long q = new_queue(1), other = new_queue(1);
    long child = SPAWN({
        await_senders((handle_t)q, 1);
        await_senders((handle_t)other, 1);
        take((handle_t)q);
        CHECK_EQ(queue_recv((handle_t)q, in, 64, 0, FOREVER), 64);
        for (int i = 0; i < 64; i++)
            CHECK_EQ(in[i], 0xaa);
        CHECK_EQ(stat_of((handle_t)other).waiting_senders, 1);
        take((handle_t)other);
        CHECK_EQ(queue_recv((handle_t)other, in, 64, 0, FOREVER), 64);
        for (int i = 0; i < 64; i++)
            CHECK_EQ(in[i], 0x55);
    });

    memset(parked, 0xaa, 64);
    memset(blocked, 0x55, 64);
    put((handle_t)q, 0);
    put((handle_t)other, 0);
    raw_open(4);
    put_send(1, q, parked, 64, FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(queue_send((handle_t)other, blocked, 64, 0, FOREVER), 0);
    CHECK_EQ(JOIN(child), 0);
    EXPECT(1, 0);
}

// L12: its owner is in many short calls.
TEST(completed_between_calls)
{
    uint64_t number = 0;
    long q = new_queue(4);
    long child = SPAWN(await_receivers((handle_t)q, 1); put((handle_t)q, 7));

    raw_open(4);
    put_recv(5, q, &number, 8, FOREVER);
    SUBMIT_ONE();
    while (ready() == 0)
        getpid();
    EXPECT(5, 8);
    CHECK_EQ(number, 7);
    CHECK_EQ(JOIN(child), 0);
}

// L12: what need not wait does not park; timeout 0 never does.
TEST(parks_only_to_wait)
{
    char byte;
    long q = new_queue(1);

    raw_open(8);
    put_send(0, q, "a", 1, FOREVER);
    put_send(1, q, "b", 1, NOW);
    put_recv(2, q, &byte, 1, FOREVER);
    put_recv(3, q, &byte, 1, NOW);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    CHECK_EQ(PARKED, 0);
    EXPECT(0, 0);
    EXPECT(1, -E_AGAIN);
    EXPECT(2, 1);
    EXPECT(3, -E_AGAIN);
}

// L12: later entries go on, and may be what the earlier one waits for.
TEST(later_entries_go_on)
{
    struct ring_completion got[64];
    char byte = 0;
    long q = new_queue(1);

    raw_open(8);
    put_recv(0, q, &byte, 1, FOREVER);
    put_nop(1);
    put_send(2, q, "z", 1, NOW);
    put_nop(3);
    CHECK_EQ(ring_submit(4, 4, MS(SETTLE_MS)), 4);
    collect(got, 4);
    CHECK_EQ(got[0].result, 1);
    CHECK_EQ(got[2].result, 0);
    CHECK_EQ(byte, 'z');
    CHECK_EQ(PARKED, 0);
}

// L12: sixty-four at once, completed in the order in which they came.
TEST(sixty_four)
{
    static uint64_t numbers[64];
    long q = new_queue(64);

    raw_open(64);
    for (uint64_t i = 0; i < 64; i++)
        put_recv(i, q, &numbers[i], 8, FOREVER);
    CHECK_EQ(ring_submit(64, 0, NOW), 64);
    CHECK_EQ(PARKED, 64);
    CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 64);
    put_nop(64);
    CHECK_ERR(ring_submit(1, 0, NOW), E_BUSY);
    CHECK_EQ(JOIN(SPAWN(for (uint64_t i = 0; i < 64; i++)
                            put((handle_t)q, 100 + i))),
             0);
    AWAIT(64);
    CHECK_EQ(PARKED, 0);
    for (uint64_t i = 0; i < 64; i++) {
        EXPECT(i, 8);
        CHECK_EQ(numbers[i], 100 + i);
    }
    SUBMIT_ONE();
    EXPECT(64, 0);
}

// L12: of a batch, as many complete at once as can; those that wait get and
// give their messages in their order.
TEST(batch_waits_where_it_must)
{
    static uint64_t sent[24], got[24];
    long q = new_queue(16);

    raw_open(32);
    for (uint64_t i = 0; i < 24; i++)
        sent[i] = 100 + i;
    for (uint64_t i = 0; i < 24; i++)
        put_send(i, q, &sent[i], 8, FOREVER);
    CHECK_EQ(ring_submit(24, 0, NOW), 24);
    CHECK_EQ(PARKED, 8);
    CHECK_EQ(stat_of((handle_t)q).waiting_senders, 8);
    for (uint64_t i = 0; i < 16; i++)
        EXPECT(i, 0);
    CHECK_EQ(JOIN(SPAWN({
                 raw_open(32);
                 for (uint64_t i = 0; i < 24; i++)
                     put_recv(i, q, &got[i], 8, FOREVER);
                 CHECK_EQ(ring_submit(24, 0, NOW), 24);
                 AWAIT(24);
                 while (ready())
                     CHECK_EQ(reap().result, 8);
                 for (uint64_t i = 0; i < 24; i++)
                     CHECK_EQ(got[i], 100 + i);
             })),
             0);
    AWAIT(8);
    while (ready())
        CHECK_EQ(reap().result, 0);
    CHECK_EQ(PARKED, 0);
}

/* A child that receives one number and says which, 10 * number + me. */
static long receiver(long q, long answers, uint64_t me)
{
    return SPAWN(put((handle_t)answers, 10 * take((handle_t)q) + me));
}

// L12 E6: one line for blocked processes and parked entries.
TEST(fifo_with_receivers)
{
    uint64_t number = 0;
    long q = new_queue(4), answers = new_queue(4), child[2];

    raw_open(4);
    child[0] = receiver(q, answers, 1);
    await_receivers((handle_t)q, 1);
    put_recv(5, q, &number, 8, FOREVER);
    SUBMIT_ONE();
    child[1] = receiver(q, answers, 2);
    await_receivers((handle_t)q, 3);
    for (uint64_t i = 1; i <= 3; i++)
        CHECK_EQ(put_now((handle_t)q, i, PRIO_LOW), 0);
    AWAIT(1);
    EXPECT(5, 8);
    CHECK_EQ(number, 2);
    CHECK_EQ(take((handle_t)answers) + take((handle_t)answers), 11 + 32);
    CHECK_EQ(JOIN(child[0]) | JOIN(child[1]), 0);
}

// L12 D4: and for senders.
TEST(fifo_with_senders)
{
    static const uint64_t mine = 2;
    long q = new_queue(1), child[2];

    raw_open(4);
    put((handle_t)q, 0);
    child[0] = SPAWN(put((handle_t)q, 1));
    await_senders((handle_t)q, 1);
    put_send(5, q, &mine, 8, FOREVER);
    SUBMIT_ONE();
    child[1] = SPAWN(put((handle_t)q, 3));
    await_senders((handle_t)q, 3);
    for (uint64_t i = 0; i < 4; i++)
        CHECK_EQ(take((handle_t)q), i);
    AWAIT(1);
    EXPECT(5, 0);
    CHECK_EQ(JOIN(child[0]) | JOIN(child[1]), 0);
}

// L12: a parked send is read when its place is granted.
TEST(send_is_read_late)
{
    static uint64_t number = 1;
    long q = new_queue(1);

    raw_open(4);
    put((handle_t)q, 0);
    put_send(5, q, &number, 8, FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(PARKED, 1);
    number = 2;
    CHECK_EQ(take_now((handle_t)q), 0);
    AWAIT(1);
    EXPECT(5, 0);
    CHECK_EQ(take_now((handle_t)q), 2);
}

// L12 E10: if it cannot be read then, the place goes to the next sender.
TEST(send_cannot_be_read)
{
    uint8_t *tail = heap_tail(8);
    long q = new_queue(1), child;

    raw_open(4);
    put((handle_t)q, 0);
    put_send(5, q, tail, 8, FOREVER);
    SUBMIT_ONE();
    child = SPAWN(put((handle_t)q, 9));
    await_senders((handle_t)q, 2);
    CHECK(sbrk(-(long)PAGE_SIZE) >= 0);
    CHECK_EQ(take((handle_t)q), 0);
    AWAIT(1);
    EXPECT(5, -E_FAULT);
    CHECK_EQ(take((handle_t)q), 9);
    CHECK_EQ(JOIN(child), 0);
}

// L12 E10: what cannot be put into a parked receiver's memory is not lost.
TEST(recv_cannot_be_written)
{
    uint8_t *tail = heap_tail(8);
    uint64_t number = 0;
    long q = new_queue(4);

    raw_open(4);
    put_recv(5, q, tail, 8, FOREVER);
    put_recv(6, q, &number, 8, FOREVER);
    CHECK_EQ(ring_submit(2, 0, NOW), 2);
    CHECK(sbrk(-(long)PAGE_SIZE) >= 0);
    put((handle_t)q, 9);
    AWAIT(2);
    EXPECT(5, -E_FAULT);
    EXPECT(6, 8);
    CHECK_EQ(number, 9);
}

// L12 C2: a parked receiver without room is told so; the next one is served.
TEST(recv_too_small)
{
    struct msg_meta meta = {0};
    uint64_t number = 0;
    long q = new_queue(4);

    raw_open(4);
    PUT(CALL_queue_recv, NEED, 5, (uint64_t)q, (uint64_t)&number, 4,
        (uint64_t)&meta, FOREVER);
    put_recv(6, q, &number, 8, FOREVER);
    CHECK_EQ(ring_submit(2, 0, NOW), 2);
    put((handle_t)q, 9);
    AWAIT(2);
    EXPECT(5, -E_MSGSIZE);
    CHECK_EQ(meta.len, 8);
    EXPECT(6, 8);
    CHECK_EQ(number, 9);
}

// L12: it times out, not early, and takes no message afterwards.
TEST(times_out)
{
    struct ring_completion got[64];
    uint64_t number, start = (uint64_t)clock_ns();
    long q = new_queue(4), full = new_queue(1);

    raw_open(8);
    put((handle_t)full, 0);
    put_recv(0, q, &number, 8, MS(10));
    put_recv(1, q, &number, 8, MS(20));
    put_send(2, full, &start, 8, MS(15));
    CHECK_EQ(ring_submit(3, 3, FOREVER), 3);
    CHECK((uint64_t)clock_ns() - start >= MS(20));
    collect(got, 3);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(got[i].result, -E_TIMEDOUT);
    CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);
    CHECK_EQ(stat_of((handle_t)q).empty, 2);
    CHECK_EQ(stat_of((handle_t)full).rejected, 1);
    put((handle_t)q, 9);
    CHECK_EQ(take_now((handle_t)q), 9);
    CHECK_EQ(take_now((handle_t)full), 0);
    CHECK_EQ(ready(), 0);
}

// L12: ring_cancel reaches every parked entry of that name, and no other.
TEST(cancel)
{
    struct ring_completion got[64];
    uint64_t number = 0;
    long q = new_queue(4);

    raw_open(8);
    put_recv(7, q, &number, 8, FOREVER);
    put_recv(8, q, &number, 8, FOREVER);
    put_recv(7, q, &number, 8, MS(SETTLE_MS));
    PUT(CALL_timer_wait, NEED, 7, TIMER_REL, FOREVER);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    CHECK_EQ(ring_cancel(9), 0);
    CHECK_EQ(ring_cancel(7), 3);
    AWAIT(3);
    for (int i = 0; i < 3; i++)
        EXPECT(7, -E_CANCELED);
    CHECK_EQ(PARKED, 1);
    CHECK_EQ(ring_cancel(7), 0);
    PUT(CALL_ring_cancel, NEED, 1, 8);
    PUT(CALL_ring_cancel, NEED, 2, 8);
    CHECK_EQ(ring_submit(2, 3, MS(SETTLE_MS)), 2);
    collect(got, 3);
    CHECK_EQ(got[1].result, 1);
    CHECK_EQ(got[2].result, 0);
    CHECK_EQ(got[8].result, -E_CANCELED);
    put((handle_t)q, 5);
    CHECK_EQ(take_now((handle_t)q), 5);
}

// L12 E10: once the message is given, cancelling comes too late.
TEST(cancel_too_late)
{
    uint64_t number = 0;
    long q = new_queue(4);

    raw_open(8);
    for (uint64_t i = 1; i <= 100; i++) {
        put_recv(7, q, &number, 8, FOREVER);
        SUBMIT_ONE();
        put((handle_t)q, i);
        CHECK_EQ(ring_cancel(7), 0);
        EXPECT(7, 8);
        CHECK_EQ(number, i);
    }
}

TEST_MAIN()
