/* Blocking and timeouts: who sleeps, who is woken, in which order. */
#include "../lab.h"

/* Receives one number, waiting up to `timeout`, and sends it on. */
static void relay(handle_t from, handle_t to, uint64_t timeout)
{
    uint64_t value;

    CHECK_EQ(queue_recv(from, &value, 8, 0, timeout), 8);
    CHECK_EQ(put(to, value), 0);
}

// E1: a blocked receiver sleeps until the send, and uses no processor time.
TEST(receiver_sleeps)
{
    long q = queue_create(1, 8, 0);
    long child = SPAWN(CHECK_EQ(take(q), 42));

    await_receivers(q, 1);
    check_asleep(child);
    CHECK_EQ(put_now(q, 42, PRIO_LOW), 0);
    CHECK_EQ(JOIN(child), 0);
}

// E1: a blocked sender sleeps until the receive that makes room.
TEST(sender_sleeps)
{
    long q = queue_create(1, 8, 0);
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = SPAWN(CHECK_EQ(put(q, 2), 0));
    await_senders(q, 1);
    check_asleep(child);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(take_now(q), 2);
}

// E3: timeout 0 is one attempt and E_AGAIN, at once.
TEST(zero_is_one_try)
{
    uint64_t start = clock_ns();
    long q = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0};
    long child = SPAWN(nap_ms(300));

    for (int i = 0; i < 100; i++)
        CHECK_ERR(queue_recv(q, 0, 0, 0, NOW), E_AGAIN);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    for (int i = 0; i < 100; i++)
        CHECK_ERR(put_now(q, 2, PRIO_LOW), E_AGAIN);
    CHECK_EQ(take_now(q), 1);
    CHECK_ERR(handle_wait(&item, 1, NOW), E_AGAIN);
    CHECK_ERR(wait(child, 0, NOW), E_AGAIN);
    CHECK((uint64_t)clock_ns() - start < MS(200));
    CHECK_EQ(JOIN(child), 0);
}

/* The best of a few measured waits, so that a busy host does not count. */
static uint64_t shortest_wait(handle_t q, uint64_t timeout)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < 8; i++) {
        uint64_t start = clock_ns(), took;

        CHECK_ERR(queue_recv(q, 0, 0, 0, timeout), E_TIMEDOUT);
        took = (uint64_t)clock_ns() - start;
        CHECK(took >= timeout);
        if (took < best)
            best = took;
    }
    return best;
}

// E4: a finite timeout ends in E_TIMEDOUT, never early, at most 2 ms late.
TEST(timeout_exact)
{
    static const uint64_t times[] = {US(200), MS(1), MS(10), MS(50)};
    long q = queue_create(1, 8, 0);

    for (int i = 0; i < 4; i++)
        CHECK(shortest_wait(q, times[i]) < times[i] + MS(2));
    CHECK_EQ(stat_of(q).waiting_receivers, 0);
}

// E4: the same for a sender that waits for room.
TEST(send_timeout_exact)
{
    long q = queue_create(1, 8, 0);
    uint64_t start, took, best = UINT64_MAX;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    for (int i = 0; i < 8; i++) {
        start = clock_ns();
        CHECK_ERR(queue_send(q, 0, 0, 0, MS(5)), E_TIMEDOUT);
        took = (uint64_t)clock_ns() - start;
        CHECK(took >= MS(5));
        if (took < best)
            best = took;
    }
    CHECK(best < MS(7));
    CHECK_EQ(stat_of(q).waiting_senders, 0);
    CHECK_EQ(stat_of(q).len, 1);
}

// E4: huge finite timeouts do not wrap, and UINT64_MAX is forever.
TEST(huge_timeouts)
{
    static const uint64_t times[] = {1ull << 63, UINT64_MAX - 1, UINT64_MAX,
                                     INT64_MAX, UINT64_MAX / 100};
    long q = queue_create(8, 8, 0), out = queue_create(8, 8, 0);
    long child[5];
    uint64_t sum = 0;

    for (int i = 0; i < 5; i++)
        child[i] = SPAWN(relay(q, out, times[i]));
    await_receivers(q, 5);
    nap_ms(50);
    CHECK_EQ(stat_of(q).waiting_receivers, 5);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(put_now(q, 1 << i, PRIO_LOW), 0);
    for (int i = 0; i < 5; i++)
        sum += take(out);
    CHECK_EQ(sum, 31);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// E5: what is there already is returned at once, whatever the timeout.
TEST(data_beats_clock)
{
    long q = queue_create(1, 8, 0);
    uint64_t start = clock_ns(), value;

    CHECK_EQ(queue_send(q, "1234567", 8, 0, MS(10000)), 0);
    CHECK_EQ(queue_recv(q, &value, 8, 0, MS(10000)), 8);
    CHECK((uint64_t)clock_ns() - start < MS(100));
}

// E5: what arrives while waiting ends the wait.
TEST(arrival_beats_clock)
{
    long q = queue_create(1, 8, 0);
    uint64_t start = clock_ns(), value, took;
    long child = SPAWN({
        nap_ms(30);
        CHECK_EQ(put(q, 7), 0);
    });

    CHECK_EQ(queue_recv(q, &value, 8, 0, MS(10000)), 8);
    took = (uint64_t)clock_ns() - start;
    CHECK_EQ(value, 7);
    CHECK(took >= MS(30));
    CHECK(took < MS(5000));
    CHECK_EQ(JOIN(child), 0);
}

// E6: blocked receivers are served in the order they came, one message each.
TEST(receivers_fifo)
{
    long q = queue_create(4, 8, 0), out = queue_create(4, 8, 0);
    long child[3];

    for (uint64_t i = 0; i < 3; i++) {
        child[i] = SPAWN(CHECK_EQ(take(q), i); CHECK_EQ(put(out, i), 0));
        await_receivers(q, (uint32_t)i + 1);
    }
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
        CHECK_EQ(take(out), i);
        await_receivers(q, 2 - (uint32_t)i);
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// E6: three messages at once also go to three waiters in order.
TEST(receivers_fifo_burst)
{
    long q = queue_create(4, 8, 0);
    long child[3];

    for (uint64_t i = 0; i < 3; i++) {
        child[i] = SPAWN(CHECK_EQ(take(q), i));
        await_receivers(q, (uint32_t)i + 1);
    }
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    CHECK_EQ(stat_of(q).len, 0);
}

// E6: a place that a receive makes belongs to the blocked sender; a sender
// that does not wait cannot take it first.
TEST(no_barging_senders)
{
    long q = queue_create(1, 8, 0);

    for (uint64_t i = 0; i < rounds(200); i++) {
        long child;

        CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
        child = SPAWN(CHECK_EQ(put(q, 2), 0));
        await_senders(q, 1);
        CHECK_EQ(take_now(q), 1);
        CHECK_ERR(put_now(q, 3, PRIO_URGENT), E_AGAIN);
        CHECK_EQ(take_now(q), 2);
        CHECK_EQ(JOIN(child), 0);
    }
}

// E6 E10: a message given to a waiter that has not run yet fills its place,
// and nobody else can see or take it.
TEST(given_is_reserved)
{
    long q = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0};
    struct msg_meta meta;
    int seen = 0;

    for (int i = 0; i < 20; i++) {
        long child = SPAWN(CHECK_EQ(take(q), 5));
        bool full, hidden;

        await_receivers(q, 1);
        CHECK_EQ(put_now(q, 5, PRIO_LOW), 0);
        full = put_now(q, 6, PRIO_URGENT) == -E_AGAIN;
        hidden = queue_peek(q, &meta) == -E_AGAIN &&
                 queue_recv(q, 0, 0, 0, NOW) == -E_AGAIN &&
                 handle_wait(&item, 1, NOW) == -E_AGAIN;
        CHECK(hidden || !full);
        seen += full && hidden && stat_of(q).len == 1;
        CHECK_EQ(JOIN(child), 0);
        if (!full)
            CHECK_EQ(take_now(q), 6);
        CHECK_EQ(stat_of(q).len, 0);
    }
    // On one hart the child seldom runs in between.
    CHECK(seen > 0 || hart_count() > 1);
}

// E7: a killed waiter leaves the line; the next one gets the message.
TEST(killed_waiter_leaves)
{
    struct exit_info info;
    long q = queue_create(2, 8, 0);
    long first = SPAWN(take(q)), second;

    await_receivers(q, 1);
    second = SPAWN(CHECK_EQ(take(q), 11));
    await_receivers(q, 2);
    CHECK_EQ(kill(first), 0);
    CHECK_EQ(wait(first, &info, MS(1000)), first);
    CHECK_EQ(info.reason, EXIT_KILLED);
    await_receivers(q, 1);
    CHECK_EQ(put_now(q, 11, PRIO_LOW), 0);
    CHECK_EQ(JOIN(second), 0);
}

// E7: a killed blocked sender leaves the line, its message with it.
TEST(killed_sender_leaves)
{
    long q = queue_create(1, 8, 0);
    long first, second;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    first = SPAWN(put(q, 2));
    await_senders(q, 1);
    second = SPAWN(CHECK_EQ(put(q, 3), 0));
    await_senders(q, 2);
    CHECK_EQ(kill(first), 0);
    CHECK_EQ(wait(first, 0, MS(1000)), first);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(take(q), 3);
    CHECK_EQ(JOIN(second), 0);
    CHECK_EQ(stat_of(q).len, 0);
}

// E8: two hundred waiters on one queue, each woken once.
TEST(many_waiters)
{
    static long child[200];
    long q = queue_create(256, 8, 0), out = queue_create(256, 8, 0);
    uint64_t sum = 0;

    for (int i = 0; i < 200; i++) {
        child[i] = SPAWN(relay(q, out, FOREVER));
        CHECK(child[i] > 0);
    }
    await_receivers(q, 200);
    for (uint64_t i = 0; i < 200; i++)
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
    for (int i = 0; i < 200; i++)
        sum += take(out);
    CHECK_EQ(sum, 199 * 100);
    for (int i = 0; i < 200; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    CHECK_EQ(stat_of(q).received, 200);
}

// E8: two hundred waiters wake when the queue is closed under them.
TEST(many_waiters_closed)
{
    static long child[200];
    long q = queue_create(1, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    for (int i = 0; i < 200; i++)
        child[i] = SPAWN({
            handle_close(q);
            CHECK_ERR(queue_recv(r, 0, 0, 0, FOREVER), E_PIPE);
        });
    await_receivers(r, 200);
    CHECK_EQ(handle_close(q), 0);
    for (int i = 0; i < 200; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// E9: a waiter that timed out swallows nothing afterwards.
TEST(timed_out_swallows_nothing)
{
    long q = queue_create(2, 8, 0);
    long child = SPAWN({
        CHECK_ERR(queue_recv(q, 0, 0, 0, MS(2)), E_TIMEDOUT);
        nap_ms(100);
    });

    nap_ms(20);
    await_receivers(q, 0);
    CHECK_EQ(put_now(q, 9, PRIO_LOW), 0);
    CHECK_EQ(take_now(q), 9);
    CHECK_EQ(JOIN(child), 0);
}

// E9: a sender that timed out leaves no message behind.
TEST(timed_out_sends_nothing)
{
    long q = queue_create(1, 8, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send(q, "x", 1, 0, MS(2)), E_TIMEDOUT);
    CHECK_EQ(take_now(q), 1);
    CHECK_ERR(queue_recv(q, 0, 0, 0, NOW), E_AGAIN);
    CHECK_EQ(stat_of(q).sent, 1);
    CHECK_EQ(stat_of(q).rejected, 1);
}

// E10: a receiver that cannot take its message gets E_FAULT; the message goes
// to the next waiter.
TEST(fault_passes_on)
{
    long q = queue_create(2, 8, 0);
    long bad = SPAWN(
        CHECK_ERR(queue_recv(q, wild_pointers[0], 8, 0, FOREVER), E_FAULT));
    long good;

    await_receivers(q, 1);
    good = SPAWN(CHECK_EQ(take(q), 21));
    await_receivers(q, 2);
    CHECK_EQ(put_now(q, 21, PRIO_LOW), 0);
    CHECK_EQ(JOIN(bad), 0);
    CHECK_EQ(JOIN(good), 0);
    CHECK_EQ(stat_of(q).received, 1);
    CHECK_EQ(stat_of(q).len, 0);
}

// E10: a message that could not be taken is back at the head of its line.
TEST(fault_returns_to_head)
{
    long q = queue_create(4, 8, 0);
    long bad = SPAWN(
        CHECK_ERR(queue_recv(q, wild_pointers[0], 8, 0, FOREVER), E_FAULT));

    await_receivers(q, 1);
    CHECK_EQ(put_now(q, 1, PRIO_NORMAL), 0);
    CHECK_EQ(put_now(q, 2, PRIO_NORMAL), 0);
    CHECK_EQ(JOIN(bad), 0);
    CHECK_EQ(stat_of(q).len, 2);
    CHECK_EQ(stat_of(q).received, 0);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(take_now(q), 2);
}

// E10 N4: a receiver killed while its message is on the way to it: the
// message is received exactly once, by it or by someone else.
TEST(killed_while_given)
{
    uint64_t seed = test_seed();
    long q = queue_create(1, 8, 0);

    for (uint32_t i = 0; i < rounds(400); i++) {
        long child = SPAWN(take(q));
        uint32_t delay = random_below(&seed, 40);

        await_receivers(q, 1);
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
        if (delay > 10)
            BUSY_US(delay - 10);
        CHECK_EQ(kill(child), 0);
        CHECK_EQ(wait(child, 0, FOREVER), child);
        if (stat_of(q).received == i)
            CHECK_EQ(take_now(q), i);
        CHECK_EQ(stat_of(q).received, i + 1);
        CHECK_EQ(stat_of(q).len, 0);
    }
}

// E10 N4: the same with a second waiter: of two messages each waiter gets at
// most one, and what the killed one did not take goes to the second.
TEST(killed_while_given_next)
{
    uint64_t seed = test_seed();
    long q = queue_create(2, 8, 0);

    for (uint32_t i = 0; i < rounds(200); i++) {
        long first = SPAWN(take(q)), second;

        await_receivers(q, 1);
        second = SPAWN(take(q));
        await_receivers(q, 2);
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
        BUSY_US(random_below(&seed, 30));
        CHECK_EQ(kill(first), 0);
        CHECK_EQ(wait(first, 0, FOREVER), first);
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
        CHECK_EQ(JOIN(second), 0);
        if (stat_of(q).received == 2 * i + 1)
            CHECK_EQ(take_now(q), i);
        CHECK_EQ(stat_of(q).received, 2 * i + 2);
        CHECK_EQ(stat_of(q).len, 0);
    }
}

/* Answers every message on `in` with one on `out`, until `in` closes. */
static void echo_forever(handle_t in, handle_t out)
{
    uint64_t value;

    while (queue_recv(in, &value, 8, 0, FOREVER) == 8)
        put(out, value);
}

// E11: pairs that hand each other the processor do not starve a third process,
// be there one pair and one other process for each hart.
TEST(handover_is_fair)
{
    long there[8], back[8], echo[8], ping[8], counter[8];
    uint32_t harts = hart_count();
    struct proc_info info;

    for (uint32_t i = 0; i < harts; i++) {
        there[i] = queue_create(1, 8, 0);
        back[i] = queue_create(1, 8, 0);
        echo[i] = SPAWN(echo_forever(there[i], back[i]));
        ping[i] = SPAWN(put(there[i], 1); echo_forever(back[i], there[i]));
        counter[i] = SPAWN(while (1) nop());
    }
    nap_ms(400);
    for (uint32_t i = 0; i < harts; i++) {
        CHECK_EQ(proc_info(counter[i], &info), 0);
        // Of several, some harts may have more to do than others.
        CHECK(info.cpu_ns > (harts == 1 ? MS(80) : MS(25)));
    }
    for (uint32_t i = 0; i < harts; i++) {
        kill(counter[i]);
        kill(echo[i]);
        kill(ping[i]);
    }
    while (wait(-1, 0, FOREVER) > 0)
        continue;
}

// E4: the clock of timeouts is the time register, at the rate that the device
// tree tells.
TEST(clock_is_timebase)
{
    static struct sys_info info;
    uint64_t before, after, start, ns = 0;
    int64_t off = INT64_MAX;

    CHECK_EQ(sys_info(&info), 0);
    // One of a few samples is not disturbed between its two readings.
    for (int i = 0; i < 8 && (off > (int64_t)US(200) || off < 0); i++) {
        asm volatile("rdtime %0" : "=r"(before));
        start = clock_ns();
        nap_ms(20);
        asm volatile("rdtime %0" : "=r"(after));
        ns = (uint64_t)clock_ns() - start;
        off = (int64_t)((after - before) * 1000000000 / info.timebase_hz - ns);
        off = off < 0 ? -off : off;
    }
    CHECK(ns >= MS(20));
    CHECK(off <= (int64_t)US(200));
}

// E5: room that comes while a sender waits ends its wait.
TEST(room_beats_clock)
{
    long q = queue_create(1, 8, 0);
    uint64_t start = clock_ns(), value = 2, took;
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = SPAWN({
        await_senders(q, 1);
        CHECK_EQ(take_now(q), 1);
    });
    CHECK_EQ(queue_send(q, &value, 8, 0, MS(10000)), 0);
    took = (uint64_t)clock_ns() - start;
    CHECK(took < MS(5000));
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(take_now(q), 2);
}

/* Sends without waiting, over and over, until the readers are gone. */
static void send_hotly(handle_t w)
{
    while (put_now(w, 99, PRIO_URGENT) != -E_PIPE)
        continue;
}

// E6: against a sender that tries all the time without waiting, the one that
// waits in line gets the next place.
TEST(hot_sender_cannot_barge)
{
    long q = queue_create(1, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);
    long hot = SPAWN(handle_close(q); send_hotly(w));

    for (uint64_t i = 0; i < 20; i++) {
        long child;

        put_now(q, 99, PRIO_LOW); // now it is full, whoever was first
        child = SPAWN(CHECK_EQ(put(w, i), 0));
        await_senders(q, 1);
        CHECK_EQ(take(q), 99);
        CHECK_EQ(take(q), i);
        CHECK_EQ(JOIN(child), 0);
    }
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(JOIN(hot), 0);
}

// E10: what was given to a receiver arrives, though its timeout may end at the
// same moment: nothing is lost, doubled or overtaken.
TEST(timeout_races_send)
{
    uint64_t seed = test_seed(), count = rounds(4000);
    long q = queue_create(2, 8, 0);
    long child = SPAWN({
        uint64_t value, next = 0;
        long r;

        while (next < count) {
            r = queue_recv(q, &value, 8, 0, US(random_below(&seed, 30) + 1));
            if (r == 8)
                CHECK_EQ(value, next++);
            else
                CHECK_ERR(r, E_TIMEDOUT);
        }
    });

    for (uint64_t i = 0; i < count; i++) {
        BUSY_US(random_below(&seed, 30));
        CHECK_EQ(put(q, i), 0);
    }
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of(q).received, count);
    CHECK_EQ(stat_of(q).len, 0);
}

// E9 E10: a send that timed out has sent nothing, one that has not has sent
// once, though a place may come free at the same moment.
TEST(timeout_races_room)
{
    uint64_t seed = test_seed(), count = rounds(4000);
    long q = queue_create(1, 8, 0);
    long child = SPAWN({
        uint64_t next = 0;
        long r;

        while (next < count) {
            r = queue_send(q, &next, 8, 0, US(random_below(&seed, 30) + 1));
            if (r != 0)
                CHECK_ERR(r, E_TIMEDOUT);
            next += r == 0;
        }
    });

    for (uint64_t i = 0; i < count; i++) {
        BUSY_US(random_below(&seed, 30));
        CHECK_EQ(take(q), i);
    }
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of(q).sent, count);
    CHECK_EQ(stat_of(q).len, 0);
}

// E6: a message wakes the first in line only: the others have not run since.
TEST(one_wake_per_message)
{
    struct proc_info before[4], after;
    long q = queue_create(4, 8, 0);
    long first = SPAWN(take(q)), child[4];

    await_receivers(q, 1);
    for (uint32_t i = 0; i < 4; i++) {
        child[i] = SPAWN(take(q));
        await_receivers(q, i + 2);
        await_state(child[i], PROC_WAITING);
    }
    nap_ms(2); /* they wait, and soon have left their harts, too */
    for (int i = 0; i < 4; i++)
        CHECK_EQ(proc_info(child[i], &before[i]), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(JOIN(first), 0);
    nap_ms(2);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(proc_info(child[i], &after), 0);
        CHECK_EQ(after.cpu_ns, before[i].cpu_ns);
        CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

TEST_MAIN()
