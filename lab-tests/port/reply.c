/* Ports: reply handles, and replying and receiving in one call. */
#include "port.h"

// M1: a reply handle is the only one: it cannot be copied in any way.
TEST(single)
{
    handle_t p = new_port();
    long pid = caller(p, 1, 2), reply, child;

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_ERR(handle_dup((handle_t)reply, RIGHT_WRITE, 0), E_ACCES);
    CHECK_ERR(handle_dup_at((handle_t)reply, 2), E_ACCES);
    CHECK_ERR(handle_dup_at((handle_t)reply, 99), E_ACCES);
    child = SPAWN({
        struct ipc_msg m = {0};

        CHECK_ERR(port_reply((handle_t)reply, &m), E_BADH);
        CHECK_ERR(handle_close((handle_t)reply), E_BADH);
        CHECK(sem_create(0) >= 0); /* its slot can be used */
        nap_ms(1);
    });
    CHECK_ERR(handle_grant((handle_t)reply, child, RIGHT_WRITE, 0), E_ACCES);
    CHECK_ERR(handle_revoke((handle_t)reply), E_ACCES);
    CHECK_ERR(handle_shutdown((handle_t)reply), E_WRONGTYPE);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(answer((handle_t)reply, 2), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: somebody else's guess at a reply handle's number is no handle.
TEST(unforgeable)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    long pid = caller(p, 1, 2), reply, child;

    CHECK_EQ(hear(p, &reply), 1);
    child = SPAWN(for (handle_t h = 0; h < 2000; h++) {
        if (h != p && h > STDERR)
            CHECK_ERR(port_reply(h, &m), E_BADH);
    });
    CHECK_EQ(JOIN(child), 0);
    CHECK_ERR(port_reply(p, &m), E_WRONGTYPE);
    CHECK_EQ(answer((handle_t)reply, 2), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: while a server waits for the next call it has no reply handle any more.
TEST(used_up)
{
    handle_t p = new_port();
    struct proc_info info;
    uint64_t handles;
    long pid = SPAWN({
        struct ipc_msg m = {0};
        long reply = port_reply_recv(0, p, &m, FOREVER);

        port_reply_recv((handle_t)reply, p, &m, FOREVER);
    });

    await_state(pid, PROC_WAITING);
    CHECK_EQ(proc_info(pid, &info), 0);
    handles = info.handles;
    CHECK_EQ(ask(p, 1, FOREVER), 1);
    await_state(pid, PROC_WAITING);
    CHECK_EQ(proc_info(pid, &info), 0);
    CHECK_EQ(info.handles, handles);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// M1: queue_send_handle moves it: who receives it answers, the sender has it no
// more.
TEST(moves)
{
    handle_t p = new_port(), q = (handle_t)queue_create(1, 8, 0);
    struct msg_handle got = {-1, 0};
    struct handle_info info;
    long reply, child, pid = caller(p, 1, 11);

    CHECK_EQ(hear(p, &reply), 1);
    child = SPAWN({
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, FOREVER), 8);
        CHECK_EQ(got.rights, RIGHT_WRITE | RIGHT_GRANT);
        CHECK_EQ(queue_recv(q, 0, 0, 0, FOREVER), 0); /* its call is over */
        CHECK_EQ(handle_info(got.handle, &info), 0);
        CHECK_EQ(info.type, OBJ_REPLY);
        CHECK_EQ(info.refs, 1);
        CHECK_EQ(answer(got.handle, 11), 0);
        CHECK_ERR(answer(got.handle, 11), E_BADH);
    });
    CHECK_EQ(queue_send_handle(q, (handle_t)reply, RIGHT_WRITE | RIGHT_GRANT, 0,
                               FOREVER),
             0);
    CHECK_EQ(queue_send(q, 0, 0, 0, FOREVER), 0);
    CHECK_ERR(answer((handle_t)reply, 12), E_BADH);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: it may move often, also past eight times, and when a sender had to wait.
TEST(moves_on)
{
    handle_t p = new_port(), q = (handle_t)queue_create(1, 8, 0);
    struct msg_handle got;
    long reply, pid = caller(p, 1, 11), child;

    CHECK_EQ(hear(p, &reply), 1);
    got.handle = (handle_t)reply;
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(
            queue_send_handle(q, got.handle, RIGHT_WRITE | RIGHT_GRANT, 0, NOW),
            0);
        CHECK_ERR(queue_send_handle(q, got.handle, RIGHT_WRITE, 0, NOW),
                  E_BADH);
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
    }
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send_handle(q, got.handle, RIGHT_WRITE, 0, NOW), E_AGAIN);
    CHECK_ERR(queue_send_handle(q, got.handle, RIGHT_WRITE, 0, MS(1)),
              E_TIMEDOUT);
    child = SPAWN(nap_ms(20); take_now(q));
    CHECK_EQ(
        queue_send_handle(q, got.handle, RIGHT_WRITE | RIGHT_GRANT, 0, FOREVER),
        0);
    CHECK_ERR(answer(got.handle, 1), E_BADH);
    CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
    CHECK_EQ(answer(got.handle, 11), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(JOIN(child), 0);
}

// M1: dropped in a message, it ends the call; and so without its right to
// write.
TEST(dropped)
{
    handle_t p = new_port(), q;
    struct msg_handle got;
    long reply, pid = caller(p, 1, -E_PIPE);

    q = (handle_t)queue_create(2, 8, 0); /* the caller has no handle of it */
    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(queue_send_handle(q, (handle_t)reply, RIGHT_WRITE, 0, NOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(JOIN(pid), 0);
    q = (handle_t)queue_create(2, 8, 0);
    pid = caller(p, 2, -E_PIPE);
    CHECK_EQ(hear(p, &reply), 2);
    CHECK_EQ(queue_send_handle(q, (handle_t)reply, RIGHT_GRANT, 0, NOW), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
    CHECK_ERR(port_reply(got.handle, &(struct ipc_msg){0}), E_ACCES);
    CHECK_EQ(handle_close(got.handle), 0);
}

// M1: the holder of a moved handle may outlive the one who received the call.
TEST(outlives_its_server)
{
    handle_t p = new_port(), q = (handle_t)queue_create(4, 8, 0);
    struct msg_handle got;
    long reply, pid, server;

    for (uint32_t i = 0; i < 3; i++) {
        pid = SPAWN(CHECK_EQ(ask(p, 1, FOREVER), 7 + i));
        server = SPAWN({
            CHECK_EQ(hear(p, &reply), 1);
            CHECK_EQ(queue_send_handle(q, (handle_t)reply, RIGHT_WRITE, 0, NOW),
                     0);
        });
        CHECK_EQ(JOIN(server), 0);
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
        CHECK_EQ(answer(got.handle, 7 + i), 0);
        CHECK_EQ(JOIN(pid), 0);
    }
}

// M7: a server answers and receives in one call.
TEST(server_loop)
{
    handle_t p = new_port();
    uint32_t n = rounds(2000);
    long server = SPAWN({
        struct ipc_msg m = {0};
        long reply = 0, last = 0;

        for (;;) {
            reply = port_reply_recv((handle_t)reply, p, &m, FOREVER);
            CHECK(reply > 0);
            CHECK(reply != last); /* a number that was used up is not used */
            last = reply;
            if (m.type == 0)
                break;
            m.type *= 3;
        }
        CHECK_EQ(port_reply((handle_t)reply, &m), 0);
    });

    for (uint32_t i = 1; i <= n; i++)
        CHECK_EQ(ask(p, i, FOREVER), i * 3);
    CHECK_EQ(ask(p, 0, FOREVER), 0);
    CHECK_EQ(JOIN(server), 0);
}

// M7: it counts objects and handles as separate calls do.
TEST(counts)
{
    handle_t p = new_port();
    struct sys_info before, after;
    struct proc_info one, two;
    long server = SPAWN({
        struct ipc_msg m = {0};
        long reply = 0;

        CHECK_EQ(proc_info(getpid(), &one), 0);
        do
            reply = port_reply_recv((handle_t)reply, p, &m, FOREVER);
        while (m.type != 5);
        CHECK_EQ(port_reply_recv((handle_t)reply, p, &m, MS(1)), -E_TIMEDOUT);
        CHECK_ERR(port_reply((handle_t)reply, &m), E_BADH);
        CHECK_EQ(proc_info(getpid(), &two), 0);
        CHECK_EQ(two.handles, one.handles);
    });

    await_state(server, PROC_WAITING);
    CHECK_EQ(sys_info(&before), 0);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(ask(p, i, FOREVER), i);
    await_state(server, PROC_WAITING);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(ask(p, 5, FOREVER), 5);
    CHECK_EQ(JOIN(server), 0);
}

// M7: of the reply only E_PIPE is dropped; any other error comes before
// receiving, and nothing was answered.
TEST(errors_of_the_reply)
{
    handle_t p = new_port(), q = (handle_t)queue_create(1, 8, 0);
    struct ipc_msg m = {0};
    struct ipc_msg *bad = (struct ipc_msg *)(uintptr_t)(USER_END - 64);
    long pid = caller(p, 1, 42), reply, gone;

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(say(p, 8, NOW), 0);
    CHECK_ERR(port_reply_recv(99, p, &m, NOW), E_BADH);
    CHECK_ERR(port_reply_recv(q, p, &m, NOW), E_WRONGTYPE);
    CHECK_ERR(port_reply_recv((handle_t)reply, q, &m, NOW), E_WRONGTYPE);
    CHECK_ERR(port_reply_recv((handle_t)reply, 99, &m, NOW), E_BADH);
    CHECK_ERR(port_reply_recv((handle_t)reply,
                              (handle_t)handle_dup(p, RIGHT_WRITE, 0), &m, NOW),
              E_ACCES);
    CHECK_ERR(port_reply_recv((handle_t)reply, p, bad, NOW), E_FAULT);
    CHECK_ERR(port_reply((handle_t)reply, bad), E_FAULT);
    CHECK_ERR(port_reply((handle_t)reply,
                         (struct ipc_msg *)(uintptr_t)((uint64_t)bad + 8)),
              E_INVAL);
    m.type = 42;
    CHECK_EQ(port_reply_recv((handle_t)reply, p, &m, NOW), 0);
    CHECK_EQ(m.type, 8);
    CHECK_EQ(JOIN(pid), 0);
    gone = caller(p, 2, 0);
    CHECK_EQ(hear(p, &reply), 2);
    CHECK_EQ(kill(gone), 0);
    CHECK_EQ(wait(gone, 0, FOREVER), gone);
    CHECK_EQ(say(p, 9, NOW), 0);
    CHECK_EQ(port_reply_recv((handle_t)reply, p, &m, NOW), 0);
    CHECK_EQ(m.type, 9);
    CHECK_ERR(port_reply_recv(0, p, &m, NOW), E_AGAIN);
    CHECK_ERR(port_reply_recv(0, p, &m, MS(1)), E_TIMEDOUT);
    CHECK_ERR(port_reply_recv((handle_t)reply, p, &m, NOW), E_BADH);
}

// M7: the answer goes out also when nothing is received then.
TEST(answers_then_waits)
{
    handle_t p = new_port();
    struct ipc_msg m = {.type = 6};
    long pid = caller(p, 1, 6), reply;

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_ERR(port_reply_recv((handle_t)reply, p, &m, NOW), E_AGAIN);
    CHECK_EQ(JOIN(pid), 0);
    pid = caller(p, 2, 6);
    CHECK_EQ(hear(p, &reply), 2);
    CHECK_ERR(port_reply_recv((handle_t)reply, p, &m, MS(5)), E_TIMEDOUT);
    CHECK_EQ(JOIN(pid), 0);
}

// M7: a full table does not keep a server from its next call: the slot of the
// handle that it uses up is free.
TEST(full_table)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    long a = caller(p, 1, 1), b = caller(p, 2, 2), reply;

    CHECK_EQ(hear(p, &reply), 1);
    while (sem_create(0) >= 0)
        continue;
    m.type = 1;
    reply = port_reply_recv((handle_t)reply, p, &m, NOW);
    CHECK(reply > 0);
    CHECK_EQ(m.type, 2);
    CHECK_EQ(port_reply((handle_t)reply, &m), 0);
    CHECK_EQ(JOIN(a), 0);
    CHECK_EQ(JOIN(b), 0);
}

// M7 E11: a caller and its server do not keep a third process from the hart.
TEST(fair)
{
    handle_t p = new_port();
    struct proc_info info = {0};
    long third = SPAWN(BUSY_US(200000));
    long server = SPAWN({
        struct ipc_msg m = {0};
        long reply = 0;

        while ((reply = port_reply_recv((handle_t)reply, p, &m, FOREVER)) > 0)
            continue;
    });
    uint32_t n = 0;

    do {
        CHECK_EQ(ask(p, n, FOREVER), n);
        n++;
        CHECK_EQ(proc_info(third, &info), 0);
    } while (info.state != PROC_ENDED);
    CHECK_EQ(JOIN(third), 0);
    CHECK_EQ(handle_shutdown(p), 0);
    CHECK_EQ(JOIN(server), 0);
}

// M1 M7: four callers, two servers; every answer is its caller's.
TEST(storm)
{
    handle_t p = new_port();
    uint32_t n = rounds(4000);
    long server[2], pid[4];

    for (int i = 0; i < 2; i++)
        server[i] = SPAWN({
            struct ipc_msg m = {0};
            long reply = 0;

            while ((reply = port_reply_recv((handle_t)reply, p, &m, FOREVER)) >
                   0)
                m.type += (uint32_t)m.sender << 20;
        });
    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN({
            uint32_t mine = (uint32_t)getpid() << 20;

            for (uint32_t k = 0; k < n; k++)
                CHECK_EQ((uint32_t)ask(p, k, FOREVER), mine + k);
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(handle_shutdown(p), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(JOIN(server[i]), 0);
}

TEST_MAIN()
