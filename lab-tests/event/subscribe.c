/* handle_subscribe: signals that come up become messages. */
#include "../lab.h"

/* The next message is this event. */
static void expect(handle_t q, uint64_t token, uint32_t signals)
{
    struct msg_event e = event_of(q);

    CHECK_EQ(e.irq, 0);
    CHECK_EQ(e.token, token);
    CHECK_EQ(e.signals, signals);
}

static void nothing(handle_t q)
{
    char bytes[64];

    CHECK_ERR(queue_recv(q, bytes, sizeof(bytes), 0, NOW), E_AGAIN);
}

static handle_t new_queue(uint32_t ring)
{
    return (handle_t)queue_create(ring, 8, 0);
}

// M2: an event comes when the signal comes up, and again when it has been down.
TEST(edges)
{
    handle_t q = new_queue(4), out = new_queue(4);

    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 77), 0);
    nothing(out);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
        expect(out, 77, SIG_READABLE);
        CHECK_EQ(put_now(q, 2, PRIO_LOW), 0); /* it is up already */
        take_now(q);
        nothing(out);
        take_now(q);
        nothing(out);
    }
}

// M2: it fires once at subscribing if the signal is up already.
TEST(up_at_once)
{
    handle_t q = new_queue(4), out = new_queue(4);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE | SIG_WRITABLE, 5), 0);
    expect(out, 5, SIG_READABLE | SIG_WRITABLE);
    nothing(out);
}

// M2: at most one event is unread: more signals are merged into it.
TEST(merged)
{
    handle_t q = new_queue(1), out = new_queue(4);
    handle_t r = (handle_t)handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE | SIG_WRITABLE, 9), 0);
    expect(out, 9, SIG_WRITABLE);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
        take_now(q);
    }
    CHECK_EQ(stat_of(out).len, 1);
    expect(out, 9, SIG_READABLE | SIG_WRITABLE);
    nothing(out);
    CHECK_EQ(handle_subscribe(r, out, SIG_READABLE | SIG_CLOSED, 10), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_shutdown(q), 0);
    expect(out, 9, SIG_READABLE);
    expect(out, 10, SIG_READABLE | SIG_CLOSED);
    nothing(out);
}

// M2: the same handles twice are one subscription, with the new token.
TEST(twice)
{
    handle_t q = new_queue(4), out = new_queue(4);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 1), 0);
    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 2), 0);
    CHECK_EQ(stat_of(out).len, 1);
    expect(out, 2, SIG_READABLE);
    nothing(out);
    take_now(q);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    expect(out, 2, SIG_READABLE);
    CHECK_EQ(handle_unsubscribe(q, out), 0);
    CHECK_ERR(handle_unsubscribe(q, out), E_NOENT);
}

// M2: it passes a schema and a type; a buffer of less than 16 bytes is too
// small.
TEST(exempt)
{
    handle_t q = new_queue(4);
    handle_t out = (handle_t)queue_create(4, 1, 0x55);
    uint8_t form[WIT_MAX_FORM];
    long len = wit_compile("bool", form, sizeof(form));
    char small[15];

    CHECK(len > 0);
    CHECK_EQ(queue_set_type(out, form, (uint64_t)len), 0);
    CHECK_EQ(handle_subscribe(q, out, SIG_WRITABLE, 3), 0);
    CHECK_ERR(queue_recv(out, small, sizeof(small), 0, NOW), E_MSGSIZE);
    expect(out, 3, SIG_WRITABLE);
}

// M2 D1: its priority is HIGH.
TEST(priority)
{
    handle_t q = new_queue(4), out = new_queue(4);

    CHECK_EQ(put_now(out, 1, PRIO_NORMAL), 0);
    CHECK_EQ(put_now(out, 2, PRIO_HIGH), 0);
    CHECK_EQ(put_now(out, 3, PRIO_URGENT), 0);
    CHECK_EQ(handle_subscribe(q, out, SIG_WRITABLE, 4), 0);
    CHECK_EQ(take_now(out), 3);
    CHECK_EQ(take_now(out), 2);
    expect(out, 4, SIG_WRITABLE);
    CHECK_EQ(take_now(out), 1);
}

// M2: a full queue keeps the event; it gets the next freed place, before a
// sender that waits.
TEST(full)
{
    handle_t q = new_queue(1), other = new_queue(1), out = new_queue(2);
    long pid;

    CHECK_EQ(put_now(out, 1, PRIO_LOW), 0);
    CHECK_EQ(put_now(out, 2, PRIO_LOW), 0);
    pid = SPAWN(CHECK_EQ(
        queue_send(out, &(uint64_t){3}, 8, MSG_OPT(PRIO_URGENT, 0), FOREVER),
        0));
    await_senders(out, 1);
    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE | SIG_WRITABLE, 6), 0);
    CHECK_EQ(handle_subscribe(other, out, SIG_WRITABLE, 7), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0); /* merged into what is kept */
    CHECK_EQ(stat_of(out).len, 2);
    CHECK_EQ(stat_of(out).waiting_senders, 1);
    CHECK_EQ(take_now(out), 1);
    expect(out, 6, SIG_READABLE | SIG_WRITABLE);
    expect(out, 7, SIG_WRITABLE);
    CHECK_EQ(take(out), 3);
    CHECK_EQ(take_now(out), 2);
    CHECK_EQ(JOIN(pid), 0);
    nothing(out);
}

// M2: an event that cannot be written to its receiver stays, and is merged
// into.
TEST(bad_receiver)
{
    handle_t q = new_queue(1), out = new_queue(2);

    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE | SIG_WRITABLE, 6), 0);
    CHECK_ERR(queue_recv(out, wild_pointers[0], 16, 0, NOW), E_FAULT);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    expect(out, 6, SIG_READABLE | SIG_WRITABLE);
    nothing(out);
}

// M2: it ends with either handle; what is unread by then stays.
TEST(ends)
{
    handle_t q = new_queue(4), out = new_queue(4);
    handle_t copy = (handle_t)handle_dup(q, RW, 0);
    handle_t in = (handle_t)handle_dup(out, RIGHT_WRITE, 0);

    CHECK_EQ(handle_subscribe(copy, out, SIG_READABLE, 1), 0);
    CHECK_EQ(handle_subscribe(q, in, SIG_READABLE, 2), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_close(copy), 0);
    CHECK_EQ(handle_close(in), 0);
    expect(out, 1, SIG_READABLE);
    expect(out, 2, SIG_READABLE);
    take_now(q);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    nothing(out);
    CHECK_ERR(handle_unsubscribe(q, out), E_NOENT);
}

// M2 F12: it ends when one of its handles is revoked.
TEST(revoked)
{
    handle_t q = new_queue(4), out = new_queue(4);
    handle_t copy = (handle_t)handle_dup(q, RW, 0);
    long child;

    CHECK_EQ(handle_subscribe(copy, out, SIG_READABLE, 1), 0);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    nothing(out);
    copy = (handle_t)handle_dup(q, RW, 0);
    child = SPAWN({
        CHECK_EQ(handle_subscribe(copy, out, SIG_WRITABLE, 3), 0);
        expect(out, 3, SIG_WRITABLE);
        nap_ms(60000);
    });
    await_state(child, PROC_WAITING);
    CHECK_EQ(handle_revoke(q), 2);
    CHECK_EQ(kill(child), 0);
    CHECK_EQ(wait(child, 0, FOREVER), child);
}

// M2: the kernel does not count as a writer of the queue.
TEST(no_writer)
{
    handle_t q = new_queue(4), out = new_queue(4);
    handle_t r = (handle_t)handle_dup(out, RIGHT_READ, 0);
    char bytes[16];

    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 1), 0);
    CHECK_EQ(handle_close(out), 0);
    CHECK_ERR(queue_recv(r, bytes, sizeof(bytes), 0, FOREVER), E_PIPE);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
}

// M2: events that nobody will read go with the last reader, those that wait for
// a place, too; the subscriptions stay.
TEST(reader_gone)
{
    handle_t s = (handle_t)sem_create(1), out = new_queue(1);
    handle_t in = (handle_t)handle_dup(out, RIGHT_WRITE, 0);
    handle_t copy = (handle_t)handle_dup(s, RW, 0);

    CHECK_EQ(handle_subscribe(s, in, SIG_READABLE, 1), 0);
    CHECK_EQ(handle_subscribe(copy, in, SIG_READABLE, 2), 0);
    CHECK_EQ(handle_close(out), 0);
    CHECK_EQ(sem_wait(s, NOW), 0);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(handle_unsubscribe(s, in), 0);
    CHECK_EQ(handle_unsubscribe(copy, in), 0);
}

// M2: what wakes a receiver is the event itself, from any kind of object, also
// when the one who causes it goes to sleep or ends.
TEST(objects)
{
    handle_t out = new_queue(4), ends[2];
    handle_t s = (handle_t)sem_create(0), p = (handle_t)port_create();
    uint32_t seen = 0;
    long child;

    CHECK_EQ(chan_create(2, 4, ends), 0);
    CHECK_EQ(handle_subscribe(s, out, SIG_READABLE, 1), 0);
    CHECK_EQ(handle_subscribe(p, out, SIG_READABLE, 2), 0);
    CHECK_EQ(handle_subscribe(ends[1], out, SIG_READABLE | SIG_CLOSED, 3), 0);
    child = SPAWN(nap_ms(5); CHECK_EQ(sem_post(s), 0));
    expect(out, 1, SIG_READABLE);
    CHECK_EQ(JOIN(child), 0);
    child = SPAWN({
        struct ipc_msg m = {0};

        CHECK_ERR(port_call(p, &m, FOREVER), E_PIPE);
    });
    expect(out, 2, SIG_READABLE);
    CHECK_EQ(handle_shutdown(p), 0);
    CHECK_EQ(JOIN(child), 0);
    child = SPAWN(nap_ms(5); CHECK_EQ(chan_send(ends[0], "abc", NOW), 0));
    handle_close(ends[0]);
    do {
        struct msg_event e = event_of(out);

        CHECK_EQ(e.token, 3);
        seen |= e.signals;
    } while (seen != (SIG_READABLE | SIG_CLOSED)); /* one event, or two */
    CHECK_EQ(JOIN(child), 0);
    nothing(out);
}

// M2: what the calls refuse, and in which order.
TEST(refused)
{
    handle_t q = new_queue(4), out = new_queue(4);
    handle_t r = (handle_t)handle_dup(q, RIGHT_READ, 0);
    handle_t w = (handle_t)handle_dup(q, RIGHT_WRITE, 0);
    handle_t none = (handle_t)handle_dup(out, RIGHT_READ, 0);
    handle_t file = (handle_t)region_open("echo");

    CHECK_ERR(handle_subscribe(99, out, SIG_READABLE, 0), E_BADH);
    CHECK_ERR(handle_subscribe(q, 99, SIG_READABLE, 0), E_BADH);
    CHECK_ERR(handle_subscribe(file, out, SIG_READABLE, 0), E_WRONGTYPE);
    CHECK_ERR(handle_subscribe(q, file, SIG_READABLE, 0), E_WRONGTYPE);
    CHECK_ERR(handle_subscribe(w, out, SIG_READABLE, 0), E_ACCES);
    CHECK_ERR(handle_subscribe(r, out, SIG_WRITABLE, 0), E_ACCES);
    CHECK_ERR(handle_subscribe(r, none, SIG_READABLE, 0), E_ACCES);
    CHECK_ERR(handle_subscribe(r, out, 8, 0), E_INVAL);
    CHECK_ERR(handle_subscribe(r, out, 0, 0), E_INVAL);
    CHECK_ERR(handle_subscribe(r, 99, 8, 0), E_BADH);
    CHECK_ERR(handle_unsubscribe(99, out), E_BADH);
    CHECK_ERR(handle_unsubscribe(q, 99), E_BADH);
    CHECK_ERR(handle_unsubscribe(q, file), E_WRONGTYPE);
    CHECK_ERR(handle_unsubscribe(q, none), E_NOENT);
}

// M2: 256 subscriptions a process; one that is ended makes room.
TEST(limit)
{
    handle_t q[16], out[17];

    for (int i = 0; i < 17; i++)
        out[i] = new_queue(1);
    for (int i = 0; i < 16; i++)
        q[i] = new_queue(1);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(handle_subscribe(q[i / 16], out[i % 16], SIG_READABLE, 0), 0);
    CHECK_ERR(handle_subscribe(q[0], out[16], SIG_READABLE, 0), E_MFILE);
    CHECK_EQ(handle_subscribe(q[0], out[0], SIG_READABLE, 1), 0);
    CHECK_EQ(handle_unsubscribe(q[1], out[1]), 0);
    CHECK_EQ(handle_subscribe(q[0], out[16], SIG_READABLE, 0), 0);
}

// M2: without memory for one, E_NOMEM, and there is none.
TEST(no_memory)
{
    handle_t q = new_queue(1), out = new_queue(1);
    long pid = SPAWN({
        eat_memory();
        while (handle_dup(q, RIGHT_READ, 0) >= 0)
            continue;
        CHECK_ERR(handle_subscribe(q, out, SIG_WRITABLE, 0), E_NOMEM);
        CHECK_ERR(handle_unsubscribe(q, out), E_NOENT);
    });

    CHECK_EQ(JOIN(pid), 0);
}

// M2 N4: events, their readers and the ends of subscriptions against each
// other: nothing hangs or leaks.
TEST(storm)
{
    handle_t q = new_queue(1), out = new_queue(1);
    uint32_t n = rounds(4000);
    uint64_t seed = test_seed();
    long pid[4];

    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN(for (uint32_t k = 0; k < n; k++) {
            char bytes[16];

            if (i == 0)
                (void)!put_now(q, k, PRIO_LOW);
            else if (i == 1)
                (void)!queue_recv(q, bytes, 16, 0, NOW);
            else if (i == 2)
                (void)!queue_recv(out, bytes, 16, 0, NOW);
            else if (handle_subscribe(q, out, SIG_READABLE | SIG_WRITABLE, k) ==
                         0 &&
                     random_below(&seed, 3) == 0)
                CHECK_EQ(handle_unsubscribe(q, out), 0);
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M2: one subscription, many changes, one reader: the reader always learns that
// there is something to take.
TEST(no_event_is_lost)
{
    handle_t q = new_queue(2), out = new_queue(1);
    uint32_t n = rounds(4000), got = 0;
    long pid;

    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 1), 0);
    pid = SPAWN(for (uint32_t k = 0; k < n; k++) CHECK_EQ(put(q, k), 0));
    while (got < n) {
        uint64_t value;

        expect(out, 1, SIG_READABLE);
        while (queue_recv(q, &value, 8, 0, NOW) == 8)
            CHECK_EQ(value, got++);
    }
    CHECK_EQ(JOIN(pid), 0);
}

TEST_MAIN()
