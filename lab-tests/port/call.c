/* Ports: calls, their replies, and what becomes of them when somebody dies. */
#include "port.h"

// M1: a call comes with a reply handle, and returns what is replied to it.
TEST(round_trip)
{
    handle_t p = new_port();
    long pid = SPAWN({
        struct ipc_msg m = {.type = 20, .flags = 3};

        m.payload[47] = 9;
        CHECK_EQ(port_call(p, &m, FOREVER), 0);
        CHECK_EQ(m.type, 21);
        CHECK_EQ(m.flags, 5);
        CHECK_EQ(m.payload[47], 10);
    });
    struct ipc_msg m = {0};
    struct handle_info info;
    long reply = port_recv(p, &m, FOREVER);

    CHECK(reply >= 3);
    CHECK_EQ(m.type, 20);
    CHECK_EQ(m.flags, 3);
    CHECK_EQ(m.payload[47], 9);
    CHECK_EQ(handle_info((handle_t)reply, &info), 0);
    CHECK_EQ(info.type, OBJ_REPLY);
    CHECK_EQ(info.rights, RIGHT_WRITE | RIGHT_GRANT);
    CHECK_EQ(info.refs, 1);
    m.type = 21;
    m.flags = 5;
    m.payload[47] = 10;
    CHECK_EQ(port_reply((handle_t)reply, &m), 0);
    CHECK_ERR(port_reply((handle_t)reply, &m), E_BADH);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: several calls may be outstanding, answered in any order.
TEST(any_order)
{
    handle_t p = new_port();
    long pid[8], reply[8];

    for (uint32_t i = 0; i < 8; i++)
        pid[i] = caller(p, i, 100 + i);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(hear(p, &reply[i]), i);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(
            answer((handle_t)reply[(i * 5 + 3) % 8], 100 + (i * 5 + 3) % 8), 0);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M1: more calls than there are places wait in line; all are answered.
TEST(beyond_capacity)
{
    handle_t p = new_port();
    long pid[20], reply;

    for (uint32_t i = 0; i < 20; i++)
        pid[i] = caller(p, i, i + 1);
    CHECK_ERR(say(p, 0, NOW), E_AGAIN);
    for (uint32_t i = 0; i < 20; i++) {
        CHECK_EQ(hear(p, &reply), i);
        CHECK_EQ(answer((handle_t)reply, i + 1), 0);
    }
    for (int i = 0; i < 20; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M1: with timeout 0 nothing is sent; one timeout covers all of a call, and
// what was not received is withdrawn.
TEST(timeouts)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    uint64_t start = (uint64_t)clock_ns();
    long pid, reply;

    CHECK_ERR(port_call(p, &m, NOW), E_AGAIN);
    CHECK_ERR(port_call(p, &m, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(5));
    CHECK_ERR(port_recv(p, &m, NOW), E_AGAIN);
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    CHECK_ERR(ask(p, 99, MS(5)), E_TIMEDOUT);
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(hear(p, &reply), i);
    CHECK_ERR(port_recv(p, &m, NOW), E_AGAIN);
    pid = SPAWN(CHECK_ERR(ask(p, 1, MS(50)), E_TIMEDOUT));
    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_ERR(port_reply((handle_t)reply, &m), E_PIPE);
    CHECK_ERR(port_reply((handle_t)reply, &m), E_BADH);
}

// M1: a late reply does not reach the caller's next call.
TEST(late_reply)
{
    handle_t p = new_port();
    long first, second;
    long pid = SPAWN({
        CHECK_ERR(ask(p, 1, MS(20)), E_TIMEDOUT);
        CHECK_EQ(ask(p, 2, FOREVER), 20);
    });

    CHECK_EQ(hear(p, &first), 1);
    CHECK_EQ(hear(p, &second), 2);
    CHECK_ERR(answer((handle_t)first, 10), E_PIPE);
    CHECK_EQ(answer((handle_t)second, 20), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: a killed caller's request is withdrawn while it is queued; after it was
// received, the reply gets E_PIPE.
TEST(killed_caller)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    long queued = caller(p, 1, 0), received, reply;

    CHECK_EQ(kill(queued), 0);
    CHECK_EQ(wait(queued, 0, FOREVER), queued);
    CHECK_ERR(port_recv(p, &m, NOW), E_AGAIN);
    received = caller(p, 2, 0);
    CHECK_EQ(hear(p, &reply), 2);
    CHECK_EQ(kill(received), 0);
    CHECK_EQ(wait(received, 0, FOREVER), received);
    CHECK_ERR(answer((handle_t)reply, 3), E_PIPE);
}

// M1: a reply handle that is closed, or dies with its holder, ends the call.
TEST(reply_closed)
{
    handle_t p = new_port();
    long pid = caller(p, 1, -E_PIPE), reply, server;

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(handle_close((handle_t)reply), 0);
    CHECK_EQ(JOIN(pid), 0);
    server = SPAWN({
        CHECK_EQ(hear(p, &reply), 2);
        exit(0);
    });
    CHECK_ERR(ask(p, 2, FOREVER), E_PIPE);
    CHECK_EQ(JOIN(server), 0);
    server = SPAWN({
        CHECK_EQ(hear(p, &reply), 3);
        nap_ms(60000);
    });
    pid = SPAWN(CHECK_ERR(ask(p, 3, FOREVER), E_PIPE));
    await_state(pid, PROC_WAITING);
    await_state(server, PROC_WAITING);
    CHECK_EQ(kill(server), 0);
    CHECK_EQ(wait(server, 0, FOREVER), server);
    if (port_recv(p, &(struct ipc_msg){0}, NOW) > 0) /* not received by it */
        CHECK_EQ(handle_shutdown(p), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: a shutdown ends calls at every stage: without a place, queued, received.
TEST(shutdown_at_each_stage)
{
    handle_t p = new_port();
    long pid[20], reply[3];
    struct ipc_msg m = {0};

    for (uint32_t i = 0; i < 20; i++)
        pid[i] = caller(p, i, -E_PIPE);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(hear(p, &reply[i]), i);
    CHECK_EQ(handle_shutdown(p), 0);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    for (uint32_t i = 3; i < 19; i++) { /* drained as one-way messages */
        CHECK_EQ(hear(p, &reply[0]), i);
        CHECK_EQ(reply[0], 0);
    }
    CHECK_ERR(port_recv(p, &m, NOW), E_PIPE);
    CHECK_ERR(answer((handle_t)reply[1], 1), E_PIPE);
    CHECK_ERR(port_call(p, &m, NOW), E_PIPE);
    CHECK_ERR(port_call(p, &m, FOREVER), E_PIPE);
}

// M1: when the last handle that can receive goes, calls end at every stage.
TEST(server_gone_at_each_stage)
{
    handle_t p = new_port();
    handle_t w = (handle_t)handle_dup(p, RIGHT_WRITE, 0);
    long pid[20], reply[3];

    for (uint32_t i = 0; i < 20; i++) {
        pid[i] = SPAWN(handle_close(p); CHECK_ERR(ask(w, i, FOREVER), E_PIPE));
        await_state(pid[i], PROC_WAITING);
    }
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(hear(p, &reply[i]), i);
    CHECK_EQ(handle_close(p), 0);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    for (int i = 0; i < 3; i++)
        CHECK_ERR(answer((handle_t)reply[i], 1), E_PIPE);
    CHECK_ERR(ask(w, 1, FOREVER), E_PIPE);
}

// E10: a call whose receiver cannot take it goes to the next one, or stays.
TEST(receiver_fails)
{
    handle_t p = new_port();
    struct ipc_msg *bad = (struct ipc_msg *)(uintptr_t)(USER_END - 64), m = {0};
    long first, pid, reply, spare = sem_create(0);

    first = SPAWN(CHECK_ERR(port_recv(p, bad, FOREVER), E_FAULT));
    await_state(first, PROC_WAITING);
    pid = SPAWN(CHECK_EQ(ask(p, 4, FOREVER), 5));
    CHECK_EQ(JOIN(first), 0);
    CHECK_EQ(hear(p, &reply), 4);
    CHECK_EQ(answer((handle_t)reply, 5), 0);
    CHECK_EQ(JOIN(pid), 0);
    pid = caller(p, 6, 7);
    while (sem_create(0) >= 0)
        continue;
    CHECK_ERR(port_recv(p, &m, NOW), E_MFILE);
    CHECK_ERR(port_recv(p, bad, NOW), E_MFILE);
    CHECK_ERR(port_reply_recv(0, p, &m, NOW), E_MFILE);
    CHECK_EQ(handle_close((handle_t)spare), 0);
    CHECK_EQ(hear(p, &reply), 6);
    CHECK_EQ(answer((handle_t)reply, 7), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// E10: a call given to a receiver that is killed before it runs goes to the
// next. Who puts the call back goes on for a while on the only hart.
TEST(receiver_killed)
{
    handle_t p = new_port(), s = (handle_t)sem_create(0);
    struct ipc_msg *bad = (struct ipc_msg *)(uintptr_t)(USER_END - 64), m = {0};
    long me = getpid(), second, pid, reply;

    second = SPAWN({
        await_state(me, PROC_WAITING);
        CHECK_EQ(sem_post(s), 0);
        port_recv(p, &m, FOREVER);
        nap_ms(60000);
    });
    pid = SPAWN({
        CHECK_EQ(sem_wait(s, FOREVER), 0);
        await_state(second, PROC_WAITING);
        CHECK_EQ(ask(p, 1, FOREVER), 2);
    });
    CHECK_ERR(port_recv(p, bad, FOREVER), E_FAULT);
    CHECK_EQ(kill(second), 0);
    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(answer((handle_t)reply, 2), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(wait(second, 0, FOREVER), second);
}

// M1: without memory for a second reply handle, a call stays in its port.
TEST(no_memory)
{
    handle_t p = new_port();
    long pid[2], child, reply;
    struct ipc_msg m = {0};

    pid[0] = caller(p, 0, 50);
    pid[1] = caller(p, 1, -E_PIPE);
    child = SPAWN({
        eat_memory();
        while (handle_dup(p, RIGHT_READ, 0) >= 0)
            continue;
        CHECK_EQ(hear(p, &reply), 0);
        CHECK_ERR(port_recv(p, &m, NOW), E_NOMEM);
        CHECK_ERR(port_reply_recv(0, p, &m, NOW), E_NOMEM);
        CHECK_EQ(answer((handle_t)reply, 50), 0);
        CHECK_EQ(hear(p, &reply), 1);
    });
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(JOIN(pid[0]), 0);
    CHECK_EQ(JOIN(pid[1]), 0);
}

// M1: an answer to a caller whose memory is gone is lost: E_FAULT for it, 0 for
// the server.
TEST(bad_answer_place)
{
    handle_t p = new_port();
    long reply, pid;

    pid = SPAWN({
        uint8_t *end = heap_tail(64);
        struct ipc_msg *m = (struct ipc_msg *)(uintptr_t)end;

        m->type = 1;
        CHECK_EQ(port_call(p, m, FOREVER), 0);
        CHECK_ERR(port_call(p, m + 1, FOREVER), E_FAULT);
    });
    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(answer((handle_t)reply, 1), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_ERR(ask(p, 1, NOW), E_AGAIN); /* the second one sent nothing */
    CHECK_ERR(port_recv(p, &(struct ipc_msg){0}, NOW), E_AGAIN);
}

// M1: what port_call refuses.
TEST(refused)
{
    handle_t p = new_port(), q = (handle_t)queue_create(1, 8, 0);
    handle_t r = (handle_t)handle_dup(p, RIGHT_READ, 0);
    handle_t copy = (handle_t)handle_dup(p, RW, 0);
    struct ipc_msg m = {0};
    long pid;

    CHECK_ERR(port_call(99, &m, FOREVER), E_BADH);
    CHECK_ERR(port_call(q, &m, FOREVER), E_WRONGTYPE);
    CHECK_ERR(port_call(r, &m, FOREVER), E_ACCES);
    pid = SPAWN(CHECK_ERR(port_call(copy, &m, FOREVER), E_BADH));
    await_state(pid, PROC_WAITING);
    CHECK(handle_revoke(p) > 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_ERR(port_recv(p, &m, NOW), E_AGAIN);
}

// M1: calls nest: a server asks another one before it answers.
TEST(nested)
{
    handle_t outer = new_port(), inner = new_port();
    long a, b, reply;

    a = SPAWN(for (int i = 0; i < 100; i++) {
        uint32_t n = hear(outer, &reply);

        n = (uint32_t)ask(inner, n, FOREVER);
        CHECK_EQ(answer((handle_t)reply, n + 1), 0);
    });
    b = SPAWN(for (int i = 0; i < 100; i++) {
        uint32_t n = hear(inner, &reply);

        CHECK_EQ(answer((handle_t)reply, n * 2), 0);
    });
    for (uint32_t i = 0; i < 100; i++)
        CHECK_EQ(ask(outer, i, FOREVER), i * 2 + 1);
    CHECK_EQ(JOIN(a), 0);
    CHECK_EQ(JOIN(b), 0);
}

// M1 N4: servers die at random moments under calls; each call ends, with an
// answer or E_PIPE, and nothing leaks.
TEST(servers_die)
{
    uint64_t seed = test_seed();
    uint32_t answered = 0;

    for (uint32_t i = 0; i < 60; i++) {
        handle_t p = new_port();
        handle_t w = (handle_t)handle_dup(p, RIGHT_WRITE, 0);
        long server = SPAWN({
            struct ipc_msg m = {0};
            long reply = 0;

            handle_close(w);
            for (;;)
                reply = port_reply_recv((handle_t)reply, p, &m, FOREVER);
        });
        long callers[3];

        for (int k = 0; k < 3; k++)
            callers[k] = SPAWN({
                uint32_t n = 0;

                handle_close(p);
                while (ask(w, n, FOREVER) == (long)n)
                    n++;
                CHECK_ERR(ask(w, n, FOREVER), E_PIPE);
                exit(n > 0);
            });
        handle_close(p);
        BUSY_US(random_below(&seed, 1000));
        CHECK_EQ(kill(server), 0);
        CHECK_EQ(wait(server, 0, FOREVER), server);
        for (int k = 0; k < 3; k++)
            answered += (uint32_t)JOIN(callers[k]);
        handle_close(w);
    }
    CHECK(answered <= 180);
}

// M1 N4: callers die at random moments; the server goes on.
TEST(callers_die)
{
    handle_t p = new_port();
    uint64_t seed = test_seed();
    struct ipc_msg m = {0};
    long server = SPAWN({
        long reply = 0;

        do
            reply = port_reply_recv((handle_t)reply, p, &m, FOREVER);
        while (m.type != 77);
        CHECK_EQ(port_reply((handle_t)reply, &m), 0);
    });

    for (uint32_t i = 0; i < 100; i++) {
        long pid = SPAWN(for (;;) ask(p, 1, US(50)));

        BUSY_US(random_below(&seed, 300));
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
    }
    CHECK_EQ(ask(p, 77, FOREVER), 77);
    CHECK_EQ(JOIN(server), 0);
}

TEST_MAIN()
