/* Blocked senders and receivers, with priorities. */
#include "../lab.h"

/* A child that sends `value`, blocked behind those that wait already. */
static long block_sender(handle_t q, uint64_t value, uint32_t priority)
{
    uint32_t before = stat_of(q).waiting_senders;
    long child = SPAWN(
        CHECK_EQ(queue_send(q, &value, 8, MSG_OPT(priority, 0), FOREVER), 0));

    await_senders(q, before + 1);
    return child;
}

// D4: the freed place goes to the highest blocked priority, first come first
// served among equals.
TEST(highest_sender_first)
{
    long q = queue_create(1, 8, 0);
    long child[4];

    CHECK_EQ(put_now(q, 0, PRIO_LOW), 0);
    child[0] = block_sender(q, 4, PRIO_LOW);
    child[1] = block_sender(q, 2, PRIO_NORMAL);
    child[2] = block_sender(q, 1, PRIO_URGENT);
    child[3] = block_sender(q, 3, PRIO_NORMAL);
    for (uint64_t want = 0; want <= 4; want++)
        CHECK_EQ(take_now(q), want);
    CHECK_EQ(stat_of(q).len, 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// D4: the message moves in at once, before its sender runs again.
TEST(place_filled_at_once)
{
    long q = queue_create(1, 8, 0);
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = block_sender(q, 2, PRIO_LOW);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_EQ(stat_of(q).waiting_senders, 0);
    CHECK_EQ(stat_of(q).sent, 2);
    CHECK_EQ(take_now(q), 2);
    CHECK_EQ(JOIN(child), 0);
}

// D4: seq and time are those of the moment at which the place was given.
TEST(stamped_when_placed)
{
    struct msg_meta meta;
    uint64_t value, freed;
    long q = queue_create(1, 8, 0);
    long low, high;

    CHECK_EQ(put_now(q, 0, PRIO_LOW), 0);
    low = block_sender(q, 1, PRIO_LOW);
    high = block_sender(q, 2, PRIO_HIGH);
    freed = clock_ns();
    CHECK_EQ(take_now(q), 0);
    CHECK_EQ(queue_recv(q, &value, 8, &meta, NOW), 8);
    CHECK_EQ(value, 2);
    CHECK_EQ(meta.seq, 1);
    CHECK_EQ(meta.sender, high);
    CHECK(meta.sent_ns >= freed);
    CHECK_EQ(queue_recv(q, &value, 8, &meta, NOW), 8);
    CHECK_EQ(value, 1);
    CHECK_EQ(meta.seq, 2);
    CHECK_EQ(meta.sender, low);
    CHECK_EQ(JOIN(low), 0);
    CHECK_EQ(JOIN(high), 0);
}

// D4: what counts is the priority among blocked senders; queued messages
// keep theirs.
TEST(placed_by_priority)
{
    long q = queue_create(2, 8, 0);
    long low, urgent;

    CHECK_EQ(put_now(q, 10, PRIO_NORMAL), 0);
    CHECK_EQ(put_now(q, 11, PRIO_NORMAL), 0);
    low = block_sender(q, 12, PRIO_LOW);
    urgent = block_sender(q, 13, PRIO_URGENT);
    CHECK_EQ(take_now(q), 10);
    CHECK_EQ(take_now(q), 13);
    CHECK_EQ(take_now(q), 11);
    CHECK_EQ(take_now(q), 12);
    CHECK_EQ(JOIN(low), 0);
    CHECK_EQ(JOIN(urgent), 0);
}

// D4: eight blocked senders of each of two levels keep their order.
TEST(many_blocked_senders)
{
    long q = queue_create(1, 8, 0);
    long child[16];

    CHECK_EQ(put_now(q, 99, PRIO_LOW), 0);
    for (uint32_t i = 0; i < 16; i++)
        child[i] = block_sender(q, i, i % 2 ? PRIO_HIGH : PRIO_LOW);
    CHECK_EQ(take_now(q), 99);
    for (uint64_t i = 1; i < 16; i += 2)
        CHECK_EQ(take_now(q), i);
    for (uint64_t i = 0; i < 16; i += 2)
        CHECK_EQ(take_now(q), i);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// D4: a blocked message of full size is in the kernel already; its sender's
// later state does not matter.
TEST(large_message_blocked)
{
    static uint8_t data[4096];
    long q = queue_create(1, 4096, 0);
    long child;

    CHECK_EQ(queue_send(q, data, 4096, 0, NOW), 0);
    child = SPAWN({
        memset(data, 0xab, sizeof(data));
        CHECK_EQ(queue_send(q, data, 4096, 0, FOREVER), 0);
    });
    await_senders(q, 1);
    CHECK_EQ(queue_recv(q, data, 4096, 0, NOW), 4096);
    CHECK_EQ(data[0], 0);
    CHECK_EQ(queue_recv(q, data, 4096, 0, NOW), 4096);
    for (int i = 0; i < 4096; i++)
        CHECK_EQ(data[i], 0xab);
    CHECK_EQ(JOIN(child), 0);
}

// D4 E4: a blocked sender that times out gives its turn to the next.
TEST(timeout_gives_turn)
{
    uint64_t value = 1;
    long q = queue_create(1, 8, 0);
    long urgent, low;

    CHECK_EQ(put_now(q, 0, PRIO_LOW), 0);
    urgent = SPAWN(
        CHECK_ERR(queue_send(q, &value, 8, MSG_OPT(PRIO_URGENT, 0), MS(100)),
                  E_TIMEDOUT));
    await_senders(q, 1);
    low = block_sender(q, 2, PRIO_LOW);
    CHECK_EQ(JOIN(urgent), 0);
    CHECK_EQ(stat_of(q).waiting_senders, 1);
    CHECK_EQ(take_now(q), 0);
    CHECK_EQ(take_now(q), 2);
    CHECK_EQ(JOIN(low), 0);
}

// E6 D1: the priority of a message does not change which waiter is served.
TEST(receivers_fifo_any_priority)
{
    long q = queue_create(4, 8, 0);
    long child[4];

    for (uint64_t i = 0; i < 4; i++) {
        child[i] = SPAWN(CHECK_EQ(take(q), i));
        await_receivers(q, (uint32_t)i + 1);
    }
    for (uint64_t i = 0; i < 4; i++)
        CHECK_EQ(put_now(q, i, (uint32_t)i), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// D4 E10: once its message has a place, the sender is not needed any more: if
// it is killed before it runs again, the message stays.
TEST(killed_after_placed)
{
    struct msg_meta meta;
    uint64_t value;
    long q = queue_create(1, 8, 0);

    for (uint64_t i = 0; i < rounds(200); i++) {
        long child;

        CHECK_EQ(put_now(q, 1000, PRIO_LOW), 0);
        child = block_sender(q, i, PRIO_LOW);
        CHECK_EQ(take_now(q), 1000);
        CHECK_EQ(kill(child), 0);
        CHECK_EQ(wait(child, 0, FOREVER), child);
        CHECK_EQ(queue_recv(q, &value, 8, &meta, NOW), 8);
        CHECK_EQ(value, i);
        CHECK_EQ(meta.sender, child);
    }
    CHECK_EQ(stat_of(q).sent, stat_of(q).received);
}

// D4 A4: a message of full size waits in a page that its sender has from the
// beginning: blocking needs no memory.
TEST(blocks_without_memory)
{
    static uint8_t data[4096];
    long q = queue_create(1, 4096, 0), gate = queue_create(1, 8, 0);
    long child = SPAWN({
        memset(data, 7, sizeof(data));
        take(gate);
        CHECK_EQ(queue_send(q, data, 4096, 0, FOREVER), 0);
    });

    CHECK_EQ(queue_send(q, data, 4096, 0, NOW), 0);
    await_receivers(gate, 1);
    eat_memory();
    CHECK_EQ(put(gate, 1), 0);
    await_senders(q, 1);
    CHECK_EQ(queue_recv(q, data, 4096, 0, NOW), 4096);
    CHECK_EQ(data[0], 0);
    CHECK_EQ(queue_recv(q, data, 4096, 0, NOW), 4096);
    CHECK_EQ(data[0] + data[4095], 14);
    CHECK_EQ(JOIN(child), 0);
}

// D4: also a handle goes at once with the freed place: a receive that does not
// wait finds it, before its sender has run.
TEST(handle_at_once)
{
    handle_t q = queue_create(1, 8, 0), cargo = queue_create(1, 8, 0);
    struct msg_handle got;
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_NORMAL), 0);
    child = SPAWN(queue_send_handle(q, cargo, RIGHT_WRITE, 0, FOREVER));
    await_senders(q, 1);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), sizeof(got));
    CHECK_EQ(put_now(got.handle, 2, PRIO_NORMAL), 0);
    CHECK_EQ(take_now(cargo), 2);
    CHECK_EQ(handle_close(got.handle), 0);
    CHECK_EQ(JOIN(child), 0);
}

TEST_MAIN()
