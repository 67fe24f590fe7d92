/* handle_subscribe: who subscribes to itself, dies, or closes too early. */
#include "../lab.h"

static handle_t new_queue(uint32_t ring)
{
    return (handle_t)queue_create(ring, 16, 0);
}

static long next_event(handle_t q, struct msg_event *e)
{
    struct msg_meta meta = {0};
    long n = queue_recv(q, e, sizeof(*e), &meta, NOW);

    if (n >= 0)
        CHECK_EQ(meta.kind, MSG_EVENT);
    return n;
}

// M2: a queue may be told of itself: the event is one of its messages, and the
// only one.
TEST(itself)
{
    handle_t q = new_queue(2);
    struct msg_event e;

    CHECK_EQ(handle_subscribe(q, q, SIG_READABLE | SIG_WRITABLE, 5), 0);
    CHECK_EQ(next_event(q, &e), 16);
    CHECK_EQ(e.token, 5);
    for (int i = 0; i < 100; i++) {
        if (next_event(q, &e) < 0)
            break;
        CHECK_EQ(e.token, 5);
    }
    CHECK(stat_of(q).len <= 1);
    CHECK_EQ(handle_unsubscribe(q, q), 0);
}

// M2: nor do subscriptions that go in a circle fill their queues.
TEST(circle)
{
    handle_t q[3];
    struct msg_event e;

    for (int i = 0; i < 3; i++)
        q[i] = new_queue(4);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(handle_subscribe(q[i], q[(i + 1) % 3],
                                  SIG_READABLE | SIG_WRITABLE, 0),
                 0);
    CHECK_EQ(put_now(q[0], 1, PRIO_LOW), 0);
    for (int i = 0; i < 300; i++)
        if (i % 3)
            (void)next_event(q[i % 3], &e);
    for (int i = 0; i < 3; i++)
        CHECK(stat_of(q[i]).len <= 2); /* ours, and one event */
    CHECK_EQ(handle_shutdown(q[0]), 0);
    CHECK_EQ(handle_shutdown(q[1]), 0);
}

// M2 N4: a subscription ends with its process, whose event, unread, stays.
TEST(subscriber_killed)
{
    handle_t q = new_queue(4), out = new_queue(4);
    handle_t go = (handle_t)sem_create(0);
    struct msg_event e;
    long pid = SPAWN({
        CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 9), 0);
        CHECK_EQ(sem_post(go), 0);
        nap_ms(60000);
    });

    CHECK_EQ(sem_wait(go, FOREVER), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
    CHECK_EQ(next_event(out, &e), 16);
    CHECK_EQ(e.token, 9);
    take_now(q);
    CHECK_EQ(put_now(q, 2, PRIO_LOW), 0);
    CHECK_ERR(next_event(out, &e), E_AGAIN);
}

// M2: each process has its own: two of them are told of one change.
TEST(two_processes)
{
    handle_t q = new_queue(4), ready = (handle_t)sem_create(0);
    long pid[2];

    for (int i = 0; i < 2; i++)
        pid[i] = SPAWN({
            handle_t out = new_queue(1);
            struct msg_event e = {0};

            CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 40 + i), 0);
            CHECK_EQ(sem_post(ready), 0);
            CHECK_EQ(queue_recv(out, &e, sizeof(e), 0, FOREVER), 16);
            CHECK_EQ(e.token, 40 + i);
            CHECK_ERR(next_event(out, &e), E_AGAIN);
        });
    for (int i = 0; i < 2; i++)
        CHECK_EQ(sem_wait(ready, FOREVER), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M2: events to a queue that nobody reads, or that is shut down, harm nobody.
TEST(nobody_reads)
{
    handle_t q = new_queue(1), out = new_queue(1);
    handle_t w = (handle_t)handle_dup(out, RIGHT_WRITE, 0);

    CHECK_EQ(handle_subscribe(q, w, SIG_READABLE | SIG_WRITABLE, 1), 0);
    CHECK_EQ(handle_close(out), 0); /* with its unread event */
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
        take_now(q);
    }
    out = new_queue(1);
    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 2), 0);
    CHECK_EQ(handle_shutdown(out), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    take_now(q);
}

// M2: an event that waits for a place goes with the queue's readers, too, or is
// drained after a shutdown.
TEST(kept_and_closed)
{
    handle_t q[3], out = new_queue(1), w;
    struct msg_event e;

    for (int i = 0; i < 3; i++)
        q[i] = new_queue(1);
    w = (handle_t)handle_dup(out, RIGHT_WRITE, 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(
            handle_subscribe(q[i], w, SIG_READABLE | SIG_WRITABLE, (uint64_t)i),
            0);
    CHECK_EQ(handle_shutdown(out), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(put_now(q[i], 1, PRIO_LOW), 0);
        if (next_event(out, &e) >= 0)
            CHECK_EQ(e.token, (uint64_t)i);
    }
    CHECK_ERR(next_event(out, &e), E_PIPE);
    CHECK_EQ(handle_close(w), 0);
    CHECK_EQ(handle_close(out), 0);
    out = new_queue(1);
    w = (handle_t)handle_dup(out, RIGHT_WRITE, 0);
    CHECK_EQ(put_now(out, 1, PRIO_LOW), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(
            handle_subscribe(q[i], w, SIG_READABLE | SIG_WRITABLE, (uint64_t)i),
            0);
    CHECK_EQ(handle_close(out), 0);
    for (int i = 0; i < 3; i++)
        take_now(q[i]);
}

// M2 N4: signals, and queues for events that come and go: nothing hangs or
// leaks.
TEST(ends_storm)
{
    handle_t q = new_queue(1), ends[2];
    uint32_t n = rounds(1500);
    uint64_t seed = test_seed();
    long pid[4];

    CHECK_EQ(chan_create(1, 8, ends), 0);
    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN(for (uint32_t k = 0; k < n; k++) {
            uint64_t value = k;
            struct msg_event e;
            handle_t out;
            handle_t r;

            if (i == 0) {
                (void)!put_now(q, k, PRIO_LOW);
                (void)!queue_recv(q, &value, 8, 0, NOW);
                (void)!chan_send(ends[0], &value, NOW);
                (void)!chan_recv(ends[1], &value, NOW);
                continue;
            }
            out = new_queue(1);
            r = (handle_t)handle_dup(out, RIGHT_READ, 0);
            CHECK_EQ(handle_subscribe(q, out, SIG_READABLE | SIG_WRITABLE, k),
                     0);
            CHECK_EQ(handle_subscribe(ends[1], out, SIG_READABLE, k), 0);
            if (random_below(&seed, 2))
                (void)!next_event(r, &e);
            if (random_below(&seed, 4) == 0)
                CHECK_EQ(handle_shutdown(out), 0);
            CHECK_EQ(handle_close(random_below(&seed, 2) ? out : r), 0);
            (void)!next_event(r, &e);
            handle_close(out);
            handle_close(r);
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M2 F7: it survives an exec, as the handles do.
TEST(survives_exec)
{
    handle_t q = new_queue(4), out = new_queue(4);
    struct msg_event e;
    long pid = SPAWN({
        const char *const args[] = {"sleep", "60", 0};

        CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 3), 0);
        exec_list(args);
    });
    struct proc_info info = {0};

    while (strcmp(info.name, "sleep") != 0)
        CHECK_EQ(proc_info(pid, &info), 0);
    await_state(pid, PROC_WAITING);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(next_event(out, &e), 16);
    CHECK_EQ(e.token, 3);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// M2 N1: events that keep the console's queue full for ever, since each that is
// taken from it makes the next, leave the hart to others.
TEST(console)
{
    long pid = SPAWN({
        for (int i = 0; i < 12; i++)
            CHECK_EQ(
                handle_subscribe((handle_t)handle_dup(STDOUT, RIGHT_WRITE, 0),
                                 STDOUT, SIG_WRITABLE, 0),
                0);
        for (;;)
            yield();
    });

    for (int i = 0; i < 1000; i++)
        yield();
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(JOIN(pid), -1);
}

TEST_MAIN()
