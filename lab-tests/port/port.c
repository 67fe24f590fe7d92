/* Ports: messages, places, names. */
#include "port.h"

// M4: a message is 64 bytes; all but the sender arrive as they were sent.
TEST(carried_unchanged)
{
    handle_t p = new_port();
    struct ipc_msg in = {.sender = 12345, .type = 7, .flags = 0x80000001};
    struct ipc_msg out = {0};

    test_fill(in.payload, sizeof(in.payload), 1);
    CHECK_EQ(port_send(p, &in, NOW), 0);
    CHECK_EQ(in.sender, 12345);
    CHECK_EQ(port_recv(p, &out, NOW), 0);
    CHECK_EQ(out.sender, (uint64_t)getpid());
    CHECK_EQ(out.type, 7);
    CHECK_EQ(out.flags, 0x80000001);
    CHECK(memcmp(in.payload, out.payload, sizeof(in.payload)) == 0);
}

// M4: the sender is the kernel's word: the pid, and the low half of the badge.
TEST(sender_stamped)
{
    handle_t p = new_port();
    handle_t badged = (handle_t)handle_dup(p, RW, 0x1111222233334444);
    struct ipc_msg m = {.sender = ~0ull};
    long child, pid, reply;

    CHECK_EQ(port_send(badged, &m, NOW), 0);
    CHECK_EQ(port_recv(p, &m, NOW), 0);
    CHECK_EQ(m.sender, (uint64_t)getpid() | 0x33334444ull << 32);
    pid = getpid();
    child = SPAWN({
        struct ipc_msg c = {.sender = ~0ull};

        CHECK_EQ(port_call(badged, &c, FOREVER), 0);
        CHECK_EQ(c.sender, (uint64_t)pid);
    });
    reply = port_recv(p, &m, FOREVER);
    CHECK(reply > 0);
    CHECK_EQ(m.sender, (uint64_t)child | 0x33334444ull << 32);
    m.sender = 1;
    CHECK_EQ(port_reply((handle_t)reply, &m), 0);
    CHECK_EQ(JOIN(child), 0);
}

// M4: a pointer that is not 64-aligned is E_INVAL, before it is looked at.
TEST(alignment)
{
    static _Alignas(64) uint8_t bytes[128];
    struct ipc_msg *off = (struct ipc_msg *)(uintptr_t)(bytes + 32);
    handle_t p = new_port();

    CHECK_ERR(port_send(p, off, NOW), E_INVAL);
    CHECK_ERR(port_recv(p, off, NOW), E_INVAL);
    CHECK_ERR(port_call(p, off, MS(1)), E_INVAL);
    CHECK_ERR(port_reply_recv(0, p, off, NOW), E_INVAL);
    CHECK_ERR(port_send(p, wild_pointers[0], NOW), E_INVAL);
}

// M6: sixteen messages fit; the next send waits, by the one timeout rule.
TEST(capacity)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    uint64_t start;
    long reply;

    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    CHECK_ERR(port_send(p, &m, NOW), E_AGAIN);
    start = (uint64_t)clock_ns();
    CHECK_ERR(port_send(p, &m, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(5));
    CHECK_EQ(hear(p, &reply), 0);
    CHECK_EQ(say(p, 16, NOW), 0);
    for (uint32_t i = 1; i <= 16; i++) {
        CHECK_EQ(hear(p, &reply), i);
        CHECK_EQ(reply, 0);
    }
}

// M6: a receive waits for a message, by the one timeout rule.
TEST(empty)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    uint64_t start = (uint64_t)clock_ns();
    long child;

    CHECK_ERR(port_recv(p, &m, NOW), E_AGAIN);
    CHECK_ERR(port_recv(p, &m, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(5));
    child = SPAWN({
        CHECK_EQ(port_recv(p, &m, FOREVER), 0);
        CHECK_EQ(m.type, 9);
    });
    await_state(child, PROC_WAITING);
    CHECK_EQ(say(p, 9, NOW), 0);
    CHECK_EQ(JOIN(child), 0);
}

// E6: senders that wait are let in in their order, and receivers are served so.
TEST(fifo)
{
    handle_t p = new_port();
    long pid[3], reply;

    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    for (uint32_t i = 0; i < 3; i++) {
        pid[i] = SPAWN(CHECK_EQ(say(p, 16 + i, FOREVER), 0));
        await_state(pid[i], PROC_WAITING);
    }
    for (uint32_t i = 0; i < 19; i++)
        CHECK_EQ(hear(p, &reply), i);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    for (uint32_t i = 0; i < 3; i++) {
        pid[i] = SPAWN(CHECK_EQ(hear(p, &reply), i));
        await_state(pid[i], PROC_WAITING);
    }
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// E10: a message that cannot be written to its receiver stays the next one, or
// goes to the next in line.
TEST(bad_receiver)
{
    handle_t p = new_port();
    struct ipc_msg *bad = (struct ipc_msg *)(uintptr_t)(USER_END - 64);
    long first, second, reply;

    CHECK_ERR(port_recv(p, bad, NOW), E_AGAIN);
    CHECK_ERR(port_recv(p, (struct ipc_msg *)(uintptr_t)USER_END, NOW),
              E_FAULT);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    CHECK_ERR(port_recv(p, bad, NOW), E_FAULT);
    CHECK_ERR(port_reply_recv(0, p, bad, NOW), E_FAULT);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(hear(p, &reply), i);
    first = SPAWN(CHECK_ERR(port_recv(p, bad, FOREVER), E_FAULT));
    await_state(first, PROC_WAITING);
    second = SPAWN(CHECK_EQ(hear(p, &reply), 5));
    await_state(second, PROC_WAITING);
    CHECK_EQ(say(p, 5, NOW), 0);
    CHECK_EQ(JOIN(first), 0);
    CHECK_EQ(JOIN(second), 0);
}

// M6: a name leads to a handle that can send and call, and nothing else.
TEST(names)
{
    handle_t p = new_port(), other = new_port(), c;
    struct handle_info info;
    struct ipc_msg m = {0};

    CHECK_ERR(port_connect("lab"), E_NOENT);
    CHECK_EQ(port_bind(p, "lab"), 0);
    CHECK_ERR(port_bind(other, "lab"), E_EXIST);
    CHECK_ERR(port_bind(p, "lab two"), E_EXIST);
    c = (handle_t)port_connect("lab");
    CHECK(c >= 0);
    CHECK_EQ(handle_info(c, &info), 0);
    CHECK_EQ(info.type, OBJ_PORT);
    CHECK_EQ(info.rights, RIGHT_WRITE | RIGHT_GRANT);
    CHECK_EQ(info.depth, 0);
    CHECK_ERR(port_recv(c, &m, NOW), E_ACCES);
    CHECK_ERR(port_bind(c, "x"), E_ACCES);
    CHECK_ERR(port_unbind(c), E_ACCES);
    CHECK_EQ(port_send(c, &m, NOW), 0);
    CHECK_EQ(port_recv(p, &m, NOW), 0);
    CHECK_EQ(port_unbind(p), 0);
    CHECK_ERR(port_unbind(p), E_NOENT);
    CHECK_ERR(port_connect("lab"), E_NOENT);
    CHECK_EQ(port_send(c, &m, NOW), 0); /* who is connected stays so */
    CHECK_EQ(port_bind(other, "lab"), 0);
}

// M6: names have 1 to 31 bytes.
TEST(bad_names)
{
    handle_t p = new_port();
    char name[33], *edge;

    memset(name, 'n', sizeof(name));
    name[32] = 0;
    CHECK_ERR(port_bind(p, name), E_INVAL);
    CHECK_ERR(port_connect(name), E_INVAL);
    CHECK_ERR(port_bind(p, ""), E_INVAL);
    CHECK_ERR(port_connect(""), E_INVAL);
    for (uint32_t i = 0; i < WILD_COUNT; i++) {
        CHECK_ERR(port_bind(p, wild_pointers[i]), E_FAULT);
        CHECK_ERR(port_connect(wild_pointers[i]), E_FAULT);
    }
    edge = memset(heap_tail(8), 'e', 8);
    CHECK_ERR(port_bind(p, edge), E_FAULT);
    name[31] = 0;
    CHECK_EQ(port_bind(p, name), 0);
    CHECK(port_connect(name) >= 0);
}

// M6: the close of the last handle that can receive frees the name.
TEST(name_freed)
{
    handle_t p = new_port(), q = new_port();
    handle_t copy = (handle_t)handle_dup(p, RW, 0);
    handle_t w = (handle_t)handle_dup(p, RIGHT_WRITE, 0);
    long child;

    CHECK_EQ(port_bind(p, "service"), 0);
    CHECK_EQ(handle_close(p), 0);
    CHECK_ERR(port_bind(q, "service"), E_EXIST);
    CHECK_EQ(handle_close(copy), 0);
    CHECK_ERR(port_connect("service"), E_NOENT);
    CHECK_EQ(port_bind(q, "service"), 0);
    CHECK_ERR(say(w, 1, FOREVER), E_PIPE);
    CHECK_EQ(handle_close(q), 0);
    child = SPAWN(CHECK_EQ(port_bind(new_port(), "service"), 0); exit(0));
    CHECK_EQ(JOIN(child), 0);
    CHECK_ERR(port_connect("service"), E_NOENT);
}

// F3: without writers and without a name receivers drain, then E_PIPE; with a
// name somebody may still come.
TEST(writers_gone)
{
    handle_t p = new_port(), r, c;
    struct ipc_msg m = {0};
    long child;

    CHECK_EQ(say(p, 1, NOW), 0);
    r = (handle_t)handle_dup(p, RIGHT_READ, 0);
    child = SPAWN({
        handle_close(p);
        CHECK_EQ(port_recv(r, &m, FOREVER), 0);
        CHECK_ERR(port_recv(r, &m, FOREVER), E_PIPE);
        CHECK_ERR(port_recv(r, &m, NOW), E_PIPE);
        CHECK_EQ(port_bind(r, "late"), 0);
        CHECK_ERR(port_recv(r, &m, NOW), E_AGAIN);
        c = (handle_t)port_connect("late");
        CHECK_EQ(say(c, 2, NOW), 0);
        CHECK_EQ(port_unbind(r), 0);
        CHECK_EQ(handle_close(c), 0);
        CHECK_EQ(port_recv(r, &m, FOREVER), 0);
        CHECK_ERR(port_recv(r, &m, FOREVER), E_PIPE);
    });
    await_state(child, PROC_WAITING);
    CHECK_EQ(handle_close(p), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F9: after a shutdown sends fail at once; receivers drain, then E_PIPE.
TEST(shutdown)
{
    handle_t p = new_port();
    struct ipc_msg m = {0};
    long sender, receiver, reply;
    handle_t other = new_port();

    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    sender = SPAWN(CHECK_ERR(say(p, 99, FOREVER), E_PIPE));
    receiver = SPAWN(CHECK_ERR(port_recv(other, &m, FOREVER), E_PIPE));
    await_state(sender, PROC_WAITING);
    await_state(receiver, PROC_WAITING);
    CHECK_EQ(handle_shutdown(p), 0);
    CHECK_EQ(handle_shutdown(p), 0);
    CHECK_EQ(handle_shutdown(other), 0);
    CHECK_EQ(JOIN(sender), 0);
    CHECK_EQ(JOIN(receiver), 0);
    CHECK_ERR(say(p, 1, FOREVER), E_PIPE);
    CHECK_ERR(port_send(p, &m, NOW), E_PIPE);
    CHECK_ERR(port_bind(p, "too late"), E_PIPE);
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(hear(p, &reply), i);
    CHECK_ERR(port_recv(p, &m, FOREVER), E_PIPE);
    CHECK_ERR(port_reply_recv(0, p, &m, NOW), E_PIPE);
}

// C7: readable with a message, writable with a free place.
TEST(signals)
{
    handle_t p = new_port();
    struct wait_item item = {p, SIG_READABLE | SIG_WRITABLE, 0};
    long reply;

    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_WRITABLE);
    CHECK_EQ(say(p, 0, NOW), 0);
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_READABLE | SIG_WRITABLE);
    for (uint32_t i = 1; i < 16; i++)
        CHECK_EQ(say(p, i, NOW), 0);
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_READABLE);
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(hear(p, &reply), i);
    CHECK_EQ(handle_shutdown(p), 0);
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_CLOSED);
}

// M6: what the calls refuse; a bad pointer sends nothing.
TEST(refused)
{
    handle_t p = new_port(), q = (handle_t)queue_create(1, 8, 0);
    handle_t r = (handle_t)handle_dup(p, RIGHT_READ, 0);
    struct ipc_msg m = {0};
    struct ipc_msg *bad = (struct ipc_msg *)(uintptr_t)(USER_END - 64);

    CHECK_ERR(port_send(99, &m, NOW), E_BADH);
    CHECK_ERR(port_recv(99, &m, NOW), E_BADH);
    CHECK_ERR(port_bind(99, "x"), E_BADH);
    CHECK_ERR(port_unbind(99), E_BADH);
    CHECK_ERR(port_send(q, &m, NOW), E_WRONGTYPE);
    CHECK_ERR(port_recv(q, &m, NOW), E_WRONGTYPE);
    CHECK_ERR(port_bind(q, "x"), E_WRONGTYPE);
    CHECK_ERR(port_unbind(q), E_WRONGTYPE);
    CHECK_ERR(queue_send(p, "x", 1, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(port_send(r, &m, NOW), E_ACCES);
    CHECK_ERR(port_send(p, bad, NOW), E_FAULT);
    CHECK_ERR(port_recv(p, &m, NOW), E_AGAIN);
    CHECK_EQ(port_bind(p, "full"), 0);
    while (port_create() >= 0)
        continue;
    CHECK_ERR(port_create(), E_MFILE);
    CHECK_ERR(port_connect("full"), E_MFILE);
}

// A4: with a full memory a port cannot be made, or connected to; messages go
// on.
TEST(no_memory)
{
    handle_t p = new_port();
    long pid, reply;

    CHECK_EQ(port_bind(p, "lab.memory"), 0);
    pid = SPAWN({
        eat_memory();
        while (port_create() >= 0)
            continue;
        CHECK_ERR(port_create(), E_NOMEM);
        while (handle_dup(p, RIGHT_READ, 0) >= 0)
            continue;
        CHECK_ERR(port_connect("lab.memory"), E_NOMEM);
        CHECK_EQ(say(p, 3, NOW), 0);
        CHECK_EQ(hear(p, &reply), 3);
    });
    CHECK_EQ(JOIN(pid), 0);
}

TEST_MAIN()
