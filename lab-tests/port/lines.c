/* Ports: those who wait at one, names, and who may do what. */
#include "port.h"

#include "../region/region.h"

static void killed(long pid)
{
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

static void fill_up(handle_t p)
{
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(say(p, i, NOW), 0);
}

// E7 E9: a sender that was killed, or whose time was over, is not let in later.
TEST(senders_leave)
{
    handle_t p = new_port();
    long first, reply;

    fill_up(p);
    CHECK_ERR(say(p, 100, MS(1)), E_TIMEDOUT);
    first = SPAWN(say(p, 101, FOREVER));
    await_state(first, PROC_WAITING);
    killed(first);
    first = SPAWN(CHECK_EQ(say(p, 102, 1ull << 63), 0));
    await_state(first, PROC_WAITING);
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(hear(p, &reply), i);
    CHECK_EQ(hear(p, &reply), 102);
    CHECK_ERR(port_recv(p, &(struct ipc_msg){0}, NOW), E_AGAIN);
    CHECK_EQ(JOIN(first), 0);
}

// E7 E9: a receiver that was killed, or whose time was over, takes nothing.
TEST(receivers_leave)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    long first, second, reply;

    CHECK_ERR(port_recv(p, &m, MS(1)), E_TIMEDOUT);
    first = SPAWN(port_recv(p, &m, FOREVER));
    await_state(first, PROC_WAITING);
    second = SPAWN(CHECK_EQ(hear(p, &reply), 5));
    await_state(second, PROC_WAITING);
    killed(first);
    CHECK_EQ(say(p, 5, NOW), 0);
    CHECK_EQ(JOIN(second), 0);
}

// E10: what was given to a receiver that is killed before it runs is the next
// one again, a message or a call.
TEST(given_and_killed)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    long reply;

    for (uint32_t i = 0; i < 40; i++) {
        long caller = 0;
        long pid = SPAWN((void)!port_recv(p, &m, FOREVER); nap_ms(60000));

        await_state(pid, PROC_WAITING);
        if (i % 2) {
            caller = SPAWN({
                long result = ask(p, i, FOREVER);

                CHECK(result == (long)i + 1 || result == -E_PIPE);
            });
            await_state(caller, PROC_WAITING);
        } else {
            CHECK_EQ(say(p, i, NOW), 0);
        }
        killed(pid);
        /* It took it before the kill, or left it. */
        reply = port_recv(p, &m, NOW);
        CHECK(reply >= 0 || (reply == -E_AGAIN && (i % 2 || hart_count() > 1)));
        if (reply >= 0)
            CHECK_EQ(m.type, i);
        if (reply > 0)
            CHECK_EQ(answer((handle_t)reply, i + 1), 0);
        if (caller)
            CHECK_EQ(JOIN(caller), 0);
    }
}

// F12: who waits at a port and has his handle revoked gets E_BADH.
TEST(revoked)
{
    handle_t p = new_port(), full = new_port();
    handle_t r = (handle_t)handle_dup(p, RIGHT_READ, 0);
    handle_t w = (handle_t)handle_dup(full, RIGHT_WRITE, 0);
    long receiver, sender;

    fill_up(full);
    receiver =
        SPAWN(CHECK_ERR(port_recv(r, &(struct ipc_msg){0}, FOREVER), E_BADH));
    sender = SPAWN(CHECK_ERR(say(w, 1, FOREVER), E_BADH));
    await_state(receiver, PROC_WAITING);
    await_state(sender, PROC_WAITING);
    CHECK(handle_revoke(p) >= 2); /* ours and the children's */
    CHECK(handle_revoke(full) >= 2);
    CHECK_EQ(JOIN(receiver), 0);
    CHECK_EQ(JOIN(sender), 0);
}

// M6: of many who bind one name at a time one has it; when it dies, killed,
// too,
// the name is free for the next.
TEST(one_name)
{
    handle_t won = (handle_t)queue_create(8, 8, 0);
    handle_t go = (handle_t)sem_create(0);

    for (int round = 0; round < 10; round++) {
        long pid[6], winner;

        for (int i = 0; i < 6; i++)
            pid[i] = SPAWN({
                handle_t p = new_port();
                long result;

                CHECK_EQ(sem_wait(go, FOREVER), 0);
                result = port_bind(p, "lab.one");
                CHECK(result == 0 || result == -E_EXIST);
                CHECK_EQ(put(won, result == 0 ? (uint64_t)getpid() : 0), 0);
                nap_ms(60000);
            });
        for (int i = 0; i < 6; i++)
            CHECK_EQ(sem_post(go), 0);
        winner = 0;
        for (int i = 0; i < 6; i++) {
            long who = (long)take(won);

            CHECK(!who || !winner);
            winner += who;
        }
        CHECK(winner > 0);
        CHECK_EQ(handle_close((handle_t)port_connect("lab.one")), 0);
        for (int i = 0; i < 6; i++)
            if (pid[i] != winner)
                killed(pid[i]);
        CHECK_ERR(port_bind(new_port(), "lab.one"), E_EXIST);
        killed(winner);
        CHECK_ERR(port_connect("lab.one"), E_NOENT);
    }
}

// M6: names are compared byte by byte, to their end.
TEST(exact_names)
{
    handle_t p = new_port(), q = new_port();

    CHECK_EQ(port_bind(p, "service"), 0);
    CHECK_ERR(port_connect("servic"), E_NOENT);
    CHECK_ERR(port_connect("service "), E_NOENT);
    CHECK_ERR(port_connect("Service"), E_NOENT);
    CHECK_EQ(port_bind(q, "services"), 0);
    CHECK_EQ(say((handle_t)port_connect("services"), 1, NOW), 0);
    CHECK_ERR(port_recv(p, &(struct ipc_msg){0}, NOW), E_AGAIN);
    CHECK_EQ(port_recv(q, &(struct ipc_msg){0}, NOW), 0);
}

// M6: by no way does who is connected come to others' requests.
TEST(clients_cannot_receive)
{
    handle_t p = new_port(), out = (handle_t)queue_create(1, 16, 0), c;
    struct wait_item item;
    struct ipc_msg m = {0};

    CHECK_EQ(port_bind(p, "lab.secret"), 0);
    c = (handle_t)port_connect("lab.secret");
    CHECK_EQ(say(p, 1, NOW), 0);
    item = (struct wait_item){c, SIG_READABLE, 0};
    CHECK_ERR(port_recv(c, &m, NOW), E_ACCES);
    CHECK_ERR(port_reply_recv(0, c, &m, NOW), E_ACCES);
    CHECK_ERR(handle_wait(&item, 1, NOW), E_ACCES);
    CHECK_ERR(handle_subscribe(c, out, SIG_READABLE, 0), E_ACCES);
    CHECK_ERR(handle_dup(c, RIGHT_READ, 0), E_ACCES);
    CHECK_ERR(handle_dup(c, RIGHT_WRITE | RIGHT_REVOKE, 0), E_ACCES);
    CHECK_ERR(handle_dup(c, RIGHT_WRITE, 5), E_ACCES);
    CHECK_ERR(handle_shutdown(c), E_ACCES);
    CHECK_ERR(handle_revoke(c), E_ACCES);
    CHECK_EQ(port_recv(p, &m, NOW), 0);
}

// M7: m is read before it is written: the answer goes out of memory that cannot
// be written, and then the next request, which cannot come in, stays.
TEST(read_only_reply_recv)
{
    handle_t p = new_port(), r = slab(4096, 1);
    struct ipc_msg *m, *same;
    long pid = caller(p, 1, 77), reply;

    m = (struct ipc_msg *)(uintptr_t)shown(r, PROT_READ | PROT_WRITE);
    m->type = 77;
    CHECK_EQ(region_unmap((uint64_t)m), 0);
    same = (struct ipc_msg *)(uintptr_t)shown(r, PROT_READ);
    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(say(p, 2, NOW), 0);
    CHECK_ERR(port_reply_recv((handle_t)reply, p, same, NOW), E_FAULT);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(hear(p, &reply), 2);
    CHECK_EQ(reply, 0);
}

// M7: a server may answer a call of one port and receive from another; all bits
// of the reply handle count.
TEST(two_ports)
{
    handle_t p = new_port(), q = new_port();
    struct ipc_msg m = {0};
    long pid = caller(p, 1, 10), reply;

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(say(q, 3, NOW), 0);
    CHECK_EQ(raw_call(CALL_port_reply_recv, 1ull << 32, (uint64_t)q,
                      (uint64_t)&m, 0, 0),
             -E_BADH);
    CHECK_EQ(raw_call(CALL_port_reply_recv, (uint64_t)reply | 1ull << 40,
                      (uint64_t)q, (uint64_t)&m, 0, 0),
             -E_BADH);
    m.type = 10;
    CHECK_EQ(port_reply_recv((handle_t)reply, q, &m, NOW), 0);
    CHECK_EQ(m.type, 3);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: a move that is refused moves nothing: without the right to hand it on, or
// with more rights than are held.
TEST(move_refused)
{
    handle_t p = new_port(), q = (handle_t)queue_create(4, 8, 0);
    handle_t none = (handle_t)handle_dup(q, RIGHT_READ, 0);
    struct msg_handle got;
    struct ipc_msg m = {0};
    long pid = caller(p, 1, 10), reply;

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_ERR(queue_send_handle(q, (handle_t)reply, RW, 0, NOW), E_ACCES);
    CHECK_ERR(queue_send_handle(q, (handle_t)reply, 32, 0, NOW), E_INVAL);
    CHECK_ERR(queue_send_handle(none, (handle_t)reply, RIGHT_WRITE, 0, NOW),
              E_ACCES);
    CHECK_EQ(queue_send_handle(q, (handle_t)reply, RIGHT_WRITE, 0, NOW), 0);
    CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
    CHECK_EQ(got.rights, RIGHT_WRITE);
    CHECK_ERR(queue_send_handle(q, got.handle, RIGHT_WRITE, 0, NOW), E_ACCES);
    CHECK_EQ(answer(got.handle, 10), 0);
    CHECK_EQ(JOIN(pid), 0);
    pid = caller(p, 2, -E_PIPE);
    CHECK_EQ(hear(p, &reply), 2);
    CHECK_EQ(queue_send_handle(q, (handle_t)reply, RIGHT_GRANT, 0, NOW), 0);
    CHECK_EQ(JOIN(pid), 0); /* nobody can answer any more */
    CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
    CHECK_ERR(port_reply_recv(got.handle, p, &m, NOW), E_ACCES);
}

// M1 M6 B10: messages and calls of many, received by many: each once.
TEST(storm)
{
    handle_t p = new_port(), sums = (handle_t)queue_create(8, 8, 0);
    uint64_t n = rounds(4000), total = 0;
    long pid[7];

    for (int i = 0; i < 7; i++)
        pid[i] = SPAWN({
            struct ipc_msg m = {0};
            uint64_t sum = 0;
            long reply;

            for (uint32_t k = 1; i < 4 && k <= n; k++)
                if (i % 2)
                    CHECK_EQ(say(p, k, FOREVER), 0);
                else
                    CHECK_EQ(ask(p, k, FOREVER), k);
            while (i >= 4 && (reply = port_recv(p, &m, FOREVER)) >= 0) {
                sum += m.type;
                if (reply)
                    CHECK_EQ(answer((handle_t)reply, m.type), 0);
            }
            CHECK_EQ(put(sums, sum), 0);
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(handle_shutdown(p), 0);
    for (int i = 4; i < 7; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    for (int i = 0; i < 7; i++)
        total += take(sums);
    CHECK_EQ(total, 4 * n * (n + 1) / 2);
}

TEST_MAIN()
