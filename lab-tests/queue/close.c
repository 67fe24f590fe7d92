/* Closing queues: drain, E_PIPE, and that the last handle frees all. */
#include "../lab.h"

// F1: 1000 queues made and closed leave no page and no object behind.
TEST(close_frees)
{
    static struct sys_info before, after;
    static uint8_t data[4096];

    handle_close((handle_t)queue_create(1, 1, 0));
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 1000; i++) {
        long q = queue_create(8, 4096, 0);

        CHECK_EQ(queue_send(q, data, sizeof(data), 0, NOW), 0);
        CHECK_EQ(handle_close(q), 0);
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(after.objects, before.objects);
}

// F1: closing twice is E_BADH.
TEST(second_close)
{
    long q = queue_create(1, 8, 0);

    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(handle_close(q), E_BADH);
    CHECK_ERR(queue_send(q, 0, 0, 0, NOW), E_BADH);
}

// F2: a queue lives until its last handle is closed.
TEST(one_of_two_handles)
{
    long q = queue_create(2, 8, 0);
    long copy = handle_dup(q, RIGHTS_FULL, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(put_now(copy, 2, PRIO_LOW), 0);
    CHECK_EQ(take_now(copy), 1);
    CHECK_EQ(take_now(copy), 2);
    CHECK_ERR(put_now(q, 3, PRIO_LOW), E_BADH);
}

// F3: writers gone: receivers drain in order, then E_PIPE, never 0.
TEST(drain_then_pipe)
{
    struct msg_meta meta;
    long q = queue_create(4, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(put_now(q, i, PRIO_LOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(queue_peek(r, &meta), 0);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(take_now(r), i);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_PIPE);
    CHECK_ERR(queue_recv(r, 0, 0, 0, FOREVER), E_PIPE);
    CHECK_ERR(queue_peek(r, &meta), E_PIPE);
    CHECK_EQ(stat_of(r).empty, 0);
}

// F3: an empty message that is still queued is a length, not the end.
TEST(empty_message_is_no_end)
{
    long q = queue_create(4, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(queue_send(q, 0, 0, 0, NOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(queue_recv(r, 0, 0, 0, NOW), 0);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_PIPE);
}

// F3: a blocked receiver wakes with E_PIPE when the last writer goes.
TEST(last_writer_wakes_receiver)
{
    long q = queue_create(1, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);
    long child;

    CHECK_EQ(handle_close(q), 0);
    child = SPAWN({
        CHECK_EQ(handle_close(w), 0);
        CHECK_ERR(queue_recv(r, 0, 0, 0, FOREVER), E_PIPE);
    });
    await_receivers(r, 1);
    CHECK_EQ(handle_close(w), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F4: readers gone: a send is E_PIPE at once, also with a timeout.
TEST(no_reader_no_send)
{
    long q = queue_create(4, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);

    CHECK_EQ(put_now(w, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(queue_send(w, 0, 0, 0, NOW), E_PIPE);
    CHECK_ERR(queue_send(w, 0, 0, 0, FOREVER), E_PIPE);
}

// F4: a blocked sender wakes with E_PIPE when the last reader goes.
TEST(last_reader_wakes_sender)
{
    long q = queue_create(1, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);
    long child;

    CHECK_EQ(put_now(w, 1, PRIO_LOW), 0);
    child = SPAWN({
        CHECK_EQ(handle_close(q), 0);
        CHECK_ERR(queue_send(w, 0, 0, 0, FOREVER), E_PIPE);
    });
    await_senders(q, 1);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F4: the memory of undelivered messages comes back with the last reader.
TEST(last_reader_drops_messages)
{
    static struct sys_info before, after;
    static uint8_t data[4096];
    long w;

    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 50; i++) {
        long q = queue_create(64, 4096, 0);

        w = handle_dup(q, RIGHT_WRITE, 0);
        for (int n = 0; n < 64; n++)
            CHECK_EQ(queue_send(w, data, sizeof(data), 0, NOW), 0);
        CHECK_EQ(handle_close(q), 0);
        CHECK_ERR(queue_send(w, data, sizeof(data), 0, NOW), E_PIPE);
        CHECK_EQ(handle_close(w), 0);
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
}

// F5: the exit of the last writer ends the stream, after draining.
TEST(exit_closes)
{
    long q = queue_create(4, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);
    long child = SPAWN(put(q, 1); put(q, 2));

    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(take(r), 1);
    CHECK_EQ(take(r), 2);
    CHECK_ERR(queue_recv(r, 0, 0, 0, FOREVER), E_PIPE);
    CHECK_EQ(JOIN(child), 0);
}

// F5: so does killing it, while it sleeps on something else.
TEST(kill_closes)
{
    long q = queue_create(4, 8, 0), other = queue_create(1, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);
    long child = SPAWN(put(q, 1); take(other));

    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(take(r), 1);
    await_receivers(other, 1);
    CHECK_EQ(kill(child), 0);
    CHECK_ERR(queue_recv(r, 0, 0, 0, FOREVER), E_PIPE);
    CHECK_EQ(wait(child, 0, FOREVER), child);
}

// F5: the death of the only reader reaches a sender that sleeps.
TEST(kill_of_reader)
{
    long q = queue_create(1, 8, 0), other = queue_create(1, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);
    long reader = SPAWN(handle_close(w); take(other));
    long sender;

    await_receivers(other, 1);
    sender = SPAWN({
        handle_close(q);
        CHECK_EQ(put(w, 1), 0);
        CHECK_ERR(put(w, 2), E_PIPE);
    });
    await_senders(q, 1);
    CHECK_EQ(handle_close(q), 0);
    nap_ms(5);
    CHECK_EQ(kill(reader), 0);
    CHECK_EQ(wait(reader, 0, FOREVER), reader);
    CHECK_EQ(JOIN(sender), 0);
}

/* Sends until the other side has gone. */
static void send_until_pipe(handle_t w)
{
    long r;

    while ((r = put(w, 1)) == 0)
        continue;
    CHECK_ERR(r, E_PIPE);
}

// F8: the reader closes while senders send: each gets E_PIPE, once.
TEST(close_races_send)
{
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < rounds(5000); i++) {
        long q = queue_create(1 << (i % 3), 8, 0);
        long w = handle_dup(q, RIGHT_WRITE, 0);
        long child = SPAWN(handle_close(q); send_until_pipe(w));
        uint32_t takes = random_below(&seed, 4);

        CHECK_EQ(handle_close(w), 0);
        BUSY_US(random_below(&seed, 30));
        while (takes-- > 0)
            CHECK_EQ(take(q), 1);
        CHECK_EQ(handle_close(q), 0);
        CHECK_EQ(JOIN(child), 0);
    }
}

// F8: the writer closes while receivers receive: nothing is lost before
// E_PIPE.
TEST(close_races_recv)
{
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < rounds(5000); i++) {
        long q = queue_create(4, 8, 0);
        long r = handle_dup(q, RIGHT_READ, 0);
        uint32_t count = random_below(&seed, 6);
        long child = SPAWN({
            handle_close(q);
            for (uint32_t n = 0; n < count; n++)
                CHECK_EQ(take(r), n);
            CHECK_ERR(queue_recv(r, 0, 0, 0, FOREVER), E_PIPE);
        });

        CHECK_EQ(handle_close(r), 0);
        BUSY_US(random_below(&seed, 30));
        for (uint32_t n = 0; n < count; n++)
            CHECK_EQ(put(q, n), 0);
        CHECK_EQ(handle_close(q), 0);
        CHECK_EQ(JOIN(child), 0);
    }
}

/* Uses the queue `count` times as a sender or a receiver, or until the other
 * side has gone. */
static void use_queue(handle_t h, bool sends, uint32_t count)
{
    uint64_t value;
    long r = 0;

    while (count-- > 0 && r >= 0)
        r = sends ? put(h, 1) : queue_recv(h, &value, 8, 0, FOREVER);
    if (r < 0)
        CHECK_ERR(r, E_PIPE);
}

enum { BY_CLOSE, BY_EXIT, BY_KILL };

/* One round: a child uses one end of a queue until, at a random moment, this
 * process closes the other end, or the child exits, or is killed. */
static void end_while_used(int how, bool child_sends, uint64_t *seed)
{
    long q = queue_create(1 << random_below(seed, 3), 8, 0);
    long ours = handle_dup(q, child_sends ? RIGHT_READ : RIGHT_WRITE, 0);
    long theirs = handle_dup(q, child_sends ? RIGHT_WRITE : RIGHT_READ, 0);
    uint32_t some = random_below(seed, 6);
    long child = SPAWN({
        handle_close(q);
        handle_close(ours);
        use_queue(theirs, child_sends, how == BY_EXIT ? some : UINT32_MAX);
    });

    handle_close(q);
    handle_close(theirs);
    BUSY_US(random_below(seed, 20));
    if (how == BY_KILL)
        CHECK_EQ(kill(child), 0);
    use_queue(ours, !child_sends, how == BY_CLOSE ? some : UINT32_MAX);
    if (how == BY_CLOSE)
        CHECK_EQ(handle_close(ours), 0);
    CHECK_EQ(wait(child, 0, FOREVER), child);
    if (how != BY_CLOSE)
        CHECK_EQ(handle_close(ours), 0);
}

// F5 F8: ten thousand ends of a peer, by close, exit and kill: the other side
// is always told, and nothing is used after it was freed.
TEST(ten_thousand_races)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < 10000; i++)
        end_while_used(i % 3, i % 2, &seed);
}

/* Sends handles of a queue of its own, new ones all the time, until it is
 * killed or nobody can receive them. */
static void send_cargo(handle_t w)
{
    handle_t cargo = (handle_t)queue_create(1, 8, 0);
    long r;

    while ((r = queue_send_handle(w, cargo, RW, 0, FOREVER)) == 0)
        continue;
    CHECK_ERR(r, E_PIPE);
}

// F5 F8 F13: handles in messages, and one that waits for a place, survive or
// die with their sender and their queue; none is left behind.
TEST(cargo_races)
{
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < rounds(2000); i++) {
        long q = queue_create(2, 8, 0), w = handle_dup(q, RIGHT_WRITE, 0);
        long r = handle_dup(q, RIGHT_READ, 0), child;
        uint32_t takes = random_below(&seed, 4);
        struct msg_handle m;

        CHECK_EQ(handle_close(q), 0);
        child = SPAWN(handle_close(r); send_cargo(w));
        CHECK_EQ(handle_close(w), 0);
        BUSY_US(random_below(&seed, 30));
        if (i % 2)
            CHECK_EQ(kill(child), 0);
        while (takes-- > 0 && queue_recv(r, &m, 8, 0, FOREVER) == 8) {
            put_now(m.handle, 1, PRIO_LOW);
            CHECK_EQ(handle_close(m.handle), 0);
        }
        CHECK_EQ(handle_close(r), 0);
        CHECK_EQ(wait(child, 0, FOREVER), child);
    }
}

/* Waits for either queue's signals, over and over, until one is closed. */
static void watch_until_closed(handle_t a, handle_t b)
{
    struct wait_item items[2] = {{a, SIG_READABLE, 0}, {b, SIG_READABLE, 0}};
    uint64_t value;

    while (!((items[0].seen | items[1].seen) & SIG_CLOSED)) {
        CHECK(handle_wait(items, 2, FOREVER) > 0);
        queue_recv(a, &value, 8, 0, NOW);
    }
}

// F5 F8 C7: who watches queues while they are closed, or is killed while it
// watches them, leaves nothing behind on either.
TEST(watcher_races)
{
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < rounds(2000); i++) {
        long a = queue_create(2, 8, 0), b = queue_create(2, 8, 0);
        long ra = handle_dup(a, RIGHT_READ, 0);
        long rb = handle_dup(b, RIGHT_READ, 0);
        long child =
            SPAWN(handle_close(a); handle_close(b); watch_until_closed(ra, rb));

        put_now(a, 1, PRIO_LOW);
        BUSY_US(random_below(&seed, 30));
        if (i % 3 == 0)
            CHECK_EQ(kill(child), 0);
        CHECK_EQ(handle_close(i % 2 ? a : b), 0);
        CHECK_EQ(wait(child, 0, FOREVER), child);
        CHECK_EQ(handle_close(i % 2 ? b : a), 0);
        CHECK_EQ(handle_close(ra), 0);
        CHECK_EQ(handle_close(rb), 0);
    }
}

TEST_MAIN()
