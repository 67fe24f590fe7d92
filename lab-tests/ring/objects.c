/* Parked operations on semaphores, channels and ports. */
#include "../port/port.h"
#include "raw.h"

static handle_t new_sem(uint32_t units)
{
    long s = sem_create(units);

    CHECK(s >= 0);
    return (handle_t)s;
}

static void put_sem_wait(uint64_t user_data, handle_t s, uint64_t timeout)
{
    PUT(CALL_sem_wait, NEED, user_data, (uint64_t)s, timeout);
}

static void put_port_recv(uint64_t user_data, handle_t p, struct ipc_msg *m,
                          uint64_t timeout)
{
    PUT(CALL_port_recv, NEED, user_data, (uint64_t)p, (uint64_t)m, timeout);
}

// L12: units go to parked waits in their order, and to no cancelled one.
TEST(semaphore)
{
    handle_t s = new_sem(0);

    raw_open(8);
    for (uint64_t i = 1; i <= 3; i++)
        put_sem_wait(i, s, FOREVER);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    CHECK_EQ(PARKED, 3);
    CHECK_EQ(ring_cancel(1), 1);
    AWAIT(1);
    EXPECT(1, -E_CANCELED);
    CHECK_EQ(sem_post(s), 0);
    AWAIT(1);
    EXPECT(2, 0);
    CHECK_EQ(sem_value(s), 0);
    put_sem_wait(4, s, MS(5));
    SUBMIT_ONE();
    AWAIT(1);
    EXPECT(4, -E_TIMEDOUT);
    CHECK_EQ(handle_shutdown(s), 0);
    AWAIT(1);
    EXPECT(3, -E_PIPE);
    CHECK_EQ(PARKED, 0);
}

// L12: what waited goes on as it would by a trap: its element moves, and its
// place is that of the call.
TEST(channel)
{
    uint32_t in[3] = {11, 12, 13}, out = 0;
    handle_t ends[2];

    CHECK_EQ(chan_create(1, sizeof(in[0]), ends), 0);
    raw_open(8);
    for (uint64_t i = 0; i < 3; i++)
        PUT(CALL_chan_send, NEED, i, (uint64_t)ends[0], (uint64_t)&in[i],
            FOREVER);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    EXPECT(0, 0);
    CHECK_EQ(PARKED, 2);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(chan_recv(ends[1], &out, MS(SETTLE_MS)), 0);
        CHECK_EQ(out, 11 + i);
        if (i < 2) {
            AWAIT(1);
            EXPECT(i + 1, 0);
        }
    }
    PUT(CALL_chan_recv, NEED, 7, (uint64_t)ends[1], (uint64_t)&out, FOREVER,
        0x1234567, 0x1234567);
    SUBMIT_ONE();
    CHECK_EQ(PARKED, 1);
    CHECK_EQ(chan_send(ends[0], &in[2], NOW), 0);
    AWAIT(1);
    EXPECT(7, 0);
    CHECK_EQ(out, 13);
    PUT(CALL_chan_recv, NEED, 8, (uint64_t)ends[1], (uint64_t)&out, FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(handle_close(ends[0]), 0);
    AWAIT(1);
    EXPECT(8, -E_PIPE);
}

// L12: a buffer that cannot be written when the element comes: it stays.
TEST(channel_fault)
{
    uint32_t in = 5, out = 0;
    handle_t ends[2];

    CHECK_EQ(chan_create(1, sizeof(in), ends), 0);
    raw_open(8);
    PUT(CALL_chan_recv, NEED, 1, (uint64_t)ends[1], 8, FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(chan_send(ends[0], &in, NOW), 0);
    AWAIT(1);
    EXPECT(1, -E_FAULT);
    CHECK_EQ(chan_recv(ends[1], &out, NOW), 0);
    CHECK_EQ(out, 5);
}

// M1: a server receives calls by its ring, several at a time, and answers.
TEST(server)
{
    struct ipc_msg __attribute__((aligned(64))) m[3] = {0};
    struct ring_completion got[64];
    handle_t p = new_port();
    long clients[3];

    raw_open(8);
    for (uint64_t i = 0; i < 3; i++)
        put_port_recv(i, p, &m[i], FOREVER);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    CHECK_EQ(PARKED, 3);
    for (uint32_t i = 0; i < 3; i++)
        clients[i] = SPAWN(CHECK_EQ(ask(p, 10 + i, FOREVER), 20 + i));
    AWAIT(3);
    collect(got, 3);
    for (int i = 0; i < 3; i++) {
        CHECK(got[i].result > 0);
        m[i].type += 10;
        PUT(CALL_port_reply, NEED, 9, (uint64_t)got[i].result, (uint64_t)&m[i]);
        SUBMIT_ONE();
        EXPECT(9, 0);
        CHECK_ERR(port_reply((handle_t)got[i].result, &m[i]), E_BADH);
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(clients[i]), 0);
}

// M1: a caller goes straight to a server that sleeps in its ring, not to its
// parked operation; and so does a reply.
TEST(server_sleeps_in_ring)
{
    struct ipc_msg __attribute__((aligned(64))) m = {0};
    handle_t p = new_port();
    long client = SPAWN({
        for (uint32_t i = 0; i < 200; i++)
            CHECK_EQ(ask(p, i, FOREVER), i + 1);
    });

    raw_open(8);
    for (uint32_t i = 0; i < 200; i++) {
        put_port_recv(1, p, &m, FOREVER);
        CHECK_EQ(ring_submit(1, 1, MS(SETTLE_MS)), 1);
        struct ring_completion c = reap();

        CHECK(c.result > 0);
        CHECK_EQ(m.type, i);
        m.type++;
        PUT(CALL_port_reply, 0, 2, (uint64_t)c.result, (uint64_t)&m);
        SUBMIT_ONE();
    }
    CHECK_EQ(JOIN(client), 0);
}

// M6: sends park while the port is full, and go in their order.
TEST(port_full)
{
    struct ipc_msg __attribute__((aligned(64))) m[3] = {0};
    handle_t p = new_port();
    long reply;

    raw_open(8);
    for (uint32_t i = 0; i < PORT_CAPACITY; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    for (uint64_t i = 0; i < 3; i++) {
        m[i].type = 100 + (uint32_t)i;
        PUT(CALL_port_send, NEED, i, (uint64_t)p, (uint64_t)&m[i], FOREVER);
    }
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    CHECK_EQ(PARKED, 3);
    CHECK_EQ(ring_cancel(1), 1);
    AWAIT(1);
    EXPECT(1, -E_CANCELED);
    for (uint32_t i = 0; i < PORT_CAPACITY; i++)
        CHECK_EQ(hear(p, &reply), i);
    CHECK_EQ(hear(p, &reply), 100);
    CHECK_EQ(hear(p, &reply), 102);
    CHECK_ERR(port_recv(p, &m[0], NOW), E_AGAIN);
    AWAIT(2);
    EXPECT(0, 0);
    EXPECT(2, 0);
}

// M1: a call that a parked receive took is dropped with the ring: the caller is
// queued again, and the next receiver answers.
TEST(ring_closed_with_request)
{
    struct ipc_msg __attribute__((aligned(64))) m = {0};
    handle_t p = new_port();
    long reply, client;

    raw_open(8);
    put_port_recv(1, p, &m, FOREVER);
    SUBMIT_ONE();
    raw_close();
    client = caller(p, 7, 8);
    CHECK_EQ(hear(p, &reply), 7);
    CHECK_EQ(answer((handle_t)reply, 8), 0);
    CHECK_EQ(JOIN(client), 0);
}

// N4: parked on every kind of object, and killed; what was in line works on.
TEST(killed)
{
    struct ipc_msg __attribute__((aligned(64))) m = {0};
    handle_t s = new_sem(0), p = new_port(), ends[2],
             up = (handle_t)new_queue(1);
    uint32_t word = 3;
    long child;

    CHECK_EQ(chan_create(1, sizeof(word), ends), 0);
    child = SPAWN({
        raw_open(8);
        put_sem_wait(1, s, FOREVER);
        put_port_recv(2, p, &m, FOREVER);
        PUT(CALL_chan_recv, NEED, 3, (uint64_t)ends[1], (uint64_t)&word,
            FOREVER);
        CHECK_EQ(ring_submit(3, 0, NOW), 3);
        AWAIT_WORD(PARKED, 3);
        put(up, 1);
        (void)ring_submit(0, 1, FOREVER);
    });
    CHECK_EQ(take(up), 1);
    await_state(child, PROC_WAITING);
    CHECK_EQ(kill(child), 0);
    CHECK_EQ(JOIN(child), -1);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(sem_value(s), 1);
    CHECK_EQ(say(p, 4, NOW), 0);
    CHECK_EQ(port_recv(p, &m, NOW), 0);
    CHECK_EQ(m.type, 4);
    CHECK_EQ(chan_send(ends[0], &word, NOW), 0);
    CHECK_EQ(chan_len(ends[1]), 1);
}

// M1: calls to a port whose server has a polled ring, while it also answers by
// traps: each is answered once.
TEST(polled_server)
{
    struct ipc_msg __attribute__((aligned(64))) m[2] = {0};
    handle_t p = new_port();
    long client = SPAWN({
        for (uint32_t i = 0; i < 300; i++)
            CHECK_EQ(ask(p, i, FOREVER), i + 1);
    });

    raw_open(8 | RING_KERNEL_POLL);
    put_port_recv(1, p, &m[1], FOREVER);
    CHECK(ring_submit(1, 0, NOW) >= 0);
    for (uint32_t i = 0; i < 300; i++) {
        long reply = port_recv(p, &m[0], NOW);
        struct ipc_msg *got = &m[0];

        while (reply == -E_AGAIN && !ready())
            reply = port_recv(p, &m[0], NOW);
        if (reply == -E_AGAIN) {
            reply = reap().result;
            got = &m[1];
        }
        CHECK(reply > 0);
        CHECK_EQ(got->type, i);
        got->type++;
        CHECK_EQ(port_reply((handle_t)reply, got), 0);
        if (got == &m[1]) {
            put_port_recv(1, p, &m[1], FOREVER);
            CHECK(ring_submit(1, 0, NOW) >= 0);
        }
    }
    CHECK_EQ(JOIN(client), 0);
}

// L11, M2: events of what a ring does are sent before its owner sleeps in it.
TEST(event_before_sleep)
{
    handle_t s = new_sem(0), events = (handle_t)new_queue(4);
    handle_t done = (handle_t)new_queue(1);
    struct msg_event event = {0};
    uint64_t number = 0;
    long child = SPAWN({
        CHECK_EQ(queue_recv(events, &event, sizeof(event), 0, MS(SETTLE_MS)),
                 sizeof(event));
        CHECK_EQ(event.token, 77);
        put(done, 5);
    });

    CHECK_EQ(handle_subscribe(s, events, SIG_READABLE, 77), 0);
    raw_open(8);
    PUT(CALL_sem_post, 0, 1, (uint64_t)s);
    put_recv(2, done, &number, sizeof(number), FOREVER);
    CHECK_EQ(ring_submit(2, 1, MS(SETTLE_MS)), 2);
    EXPECT(2, 8);
    CHECK_EQ(number, 5);
    CHECK_EQ(JOIN(child), 0);
}

// L11: a ring's own entry subscribes, and the next completion says so.
TEST(subscribe_in_batch)
{
    handle_t s = new_sem(1), events = (handle_t)new_queue(4);
    struct msg_event event = {0};

    raw_open(8);
    put_nop(1);
    PUT(CALL_handle_subscribe, NEED, 2, (uint64_t)s, (uint64_t)events,
        SIG_READABLE, 5);
    put_nop(3);
    put_recv(4, events, &event, sizeof(event), FOREVER);
    put_nop(5);
    CHECK_EQ(ring_submit(5, 5, MS(SETTLE_MS)), 5);
    EXPECT(1, 0);
    EXPECT_FLAGS(2, 0, RING_SIGNAL_PENDING);
    EXPECT_FLAGS(3, 0, RING_SIGNAL_PENDING);
    struct ring_completion got[64];

    collect(got, 2);
    CHECK_EQ(got[4].result, sizeof(event));
    CHECK_EQ(event.token, 5);
    put_nop(6);
    SUBMIT_ONE();
    EXPECT(6, 0);
}

/* The owner waits by a trap, and then its ring closes the handle it waits
 * through: when another process sees it wait. */
static void closed_by_ring(uint32_t poll, uint32_t how)
{
    handle_t go = (handle_t)new_queue(1), q = (handle_t)new_queue(1), h = q;
    handle_t p = new_port(), s = new_sem(0);
    struct wait_item item = {q, SIG_READABLE, 0};
    struct ipc_msg m = {0};
    long me = getpid(), pid;
    char byte;

    h = how == 0 ? s : how == 1 || how == 4 ? q : p;
    raw_open(8 | poll);
    put_recv(1, go, &byte, 1, FOREVER);
    PUT(CALL_handle_close, NEED | BARRIER, 2, (uint64_t)h);
    ring_submit(2, 0, NOW);
    pid = SPAWN(await_state(me, PROC_WAITING);
                CHECK_EQ(queue_send(go, "g", 1, 0, NOW), 0));
    if (how == 0)
        CHECK_ERR(sem_wait(s, FOREVER), E_BADH);
    else if (how == 1)
        CHECK_ERR(queue_recv(q, &byte, 1, 0, FOREVER), E_BADH);
    else if (how == 2)
        CHECK_ERR(port_call(p, &m, FOREVER), E_BADH);
    else if (how == 3)
        CHECK_ERR(port_reply_recv(0, p, &m, FOREVER), E_BADH);
    else
        CHECK_ERR(handle_wait(&item, 1, FOREVER), E_BADH);
    CHECK_EQ(JOIN(pid), 0);
    raw_close();
}

// F8: so a wait by a trap ends too when the process's own ring closes its
// handle, polled or not.
TEST(closed_by_ring)
{
    for (uint32_t how = 0; how < 5; how++) {
        closed_by_ring(0, how);
        closed_by_ring(RING_KERNEL_POLL, how);
    }
}

TEST_MAIN()
