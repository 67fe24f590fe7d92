/* Handles in messages. */
#include "../lab.h"

/* Receives a handle; fails the case if the message carries something else. */
static struct msg_handle take_handle(handle_t q)
{
    struct msg_handle m = {-1, 0};
    struct msg_meta meta = {0};

    CHECK_EQ(queue_recv(q, &m, sizeof(m), &meta, MS(SETTLE_MS)), sizeof(m));
    CHECK_EQ(meta.kind, MSG_HANDLE);
    CHECK_EQ(meta.len, sizeof(m));
    return m;
}

// F13 C9: a handle arrives as a new handle with the rights named.
TEST(arrives_with_rights)
{
    struct handle_info info;
    struct msg_handle m;
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RIGHT_READ, 0, NOW), 0);
    m = take_handle(q);
    CHECK(m.handle > 2);
    CHECK(m.handle != cargo);
    CHECK_EQ(m.rights, RIGHT_READ);
    CHECK_EQ(handle_info(m.handle, &info), 0);
    CHECK_EQ(info.rights, RIGHT_READ);
    CHECK_EQ(info.depth, 1);
    CHECK_EQ(put_now(cargo, 4, PRIO_LOW), 0);
    CHECK_EQ(take_now(m.handle), 4);
}

// F13: the message holds the object: its sender may be gone by then.
TEST(sender_gone)
{
    struct msg_handle m;
    long q = queue_create(2, 8, 0);
    long child = SPAWN({
        long cargo = queue_create(2, 8, 0);

        CHECK_EQ(put_now(cargo, 77, PRIO_LOW), 0);
        CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    });

    CHECK_EQ(JOIN(child), 0);
    m = take_handle(q);
    CHECK_EQ(take_now(m.handle), 77);
}

// F13: it is resolved at send: closing the sender's handle changes nothing.
TEST(resolved_at_send)
{
    struct msg_handle m;
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0);
    long other;

    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    CHECK_EQ(handle_close(cargo), 0);
    other = queue_create(2, 8, 0);
    CHECK_EQ(put_now(other, 1, PRIO_LOW), 0);
    m = take_handle(q);
    CHECK_ERR(queue_recv(m.handle, 0, 0, 0, NOW), E_AGAIN);
}

// F10 F13: what is wrong with the handle is the sender's error.
TEST(sender_errors)
{
    long q = queue_create(1, 8, 0), cargo = queue_create(2, 8, 0);
    long plain = handle_dup(cargo, RW, 0);
    long reader = handle_dup(cargo, RIGHT_READ | RIGHT_GRANT, 0);
    long q_read = handle_dup(q, RIGHT_READ, 0);

    CHECK_ERR(queue_send_handle(-1, cargo, RW, 0, NOW), E_BADH);
    CHECK_ERR(queue_send_handle(q, -1, RW, 0, NOW), E_BADH);
    CHECK_ERR(queue_send_handle(q_read, -1, RW, 0, NOW), E_ACCES);
    CHECK_ERR(queue_send_handle(q, plain, RIGHT_READ, 0, NOW), E_ACCES);
    CHECK_ERR(queue_send_handle(q, reader, RW, 0, NOW), E_ACCES);
    CHECK_ERR(queue_send_handle(q, cargo, 32, 0, NOW), E_INVAL);
    CHECK_ERR(queue_send_handle(q, cargo, RW, 4, NOW), E_INVAL);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send_handle(q, cargo, RW, 0, NOW), E_AGAIN);
    CHECK_EQ(handle_revoke(cargo), 2);
}

// C9: it needs a buffer of 8 bytes, and any queue can carry it.
TEST(fits_any_queue)
{
    struct msg_meta meta;
    uint32_t small;
    long q = queue_create(1, 1, 0), cargo = queue_create(2, 8, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    CHECK_ERR(queue_recv(q, &small, 4, &meta, NOW), E_MSGSIZE);
    CHECK_EQ(meta.len, 8);
    CHECK_EQ(queue_peek(q, &meta), 0);
    CHECK_EQ(meta.kind, MSG_HANDLE);
    CHECK_EQ(put_now(take_handle(q).handle, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(cargo), 1);
}

// D1 B7: it has priority, tag, seq and badge like any other message.
TEST(carries_options)
{
    struct msg_handle m;
    struct msg_meta meta;
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 31);

    CHECK_EQ(put_now(q, 1, PRIO_NORMAL), 0);
    CHECK_EQ(queue_send_handle(w, cargo, RW, MSG_OPT(PRIO_HIGH, 12), NOW), 0);
    CHECK_EQ(queue_recv(q, &m, 8, &meta, NOW), 8);
    CHECK_EQ(meta.kind, MSG_HANDLE);
    CHECK_EQ(meta.priority, PRIO_HIGH);
    CHECK_EQ(meta.tag, 12);
    CHECK_EQ(meta.seq, 1);
    CHECK_EQ(meta.badge, 31);
    CHECK_EQ(meta.sender, getpid());
}

// F13: a full table at the receiver is E_MFILE, and the message stays.
TEST(receiver_table_full)
{
    uint64_t value;
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0);
    long last = cargo, h;

    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    while ((h = handle_dup(cargo, RIGHT_READ, 0)) >= 0)
        last = h;
    CHECK_ERR(queue_recv(q, &value, 8, 0, NOW), E_MFILE);
    CHECK_ERR(queue_recv(q, &value, 8, 0, FOREVER), E_MFILE);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_EQ(handle_close(last), 0);
    CHECK_EQ(put_now(take_handle(q).handle, 1, PRIO_LOW), 0);
}

// F13: an output buffer that cannot be written: E_FAULT, the message stays
// and no handle appears.
TEST(wild_buffer)
{
    struct proc_info before, after;
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    CHECK_EQ(proc_info(getpid(), &before), 0);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(queue_recv(q, wild_pointers[i], 8, 0, NOW), E_FAULT);
    CHECK_EQ(proc_info(getpid(), &after), 0);
    CHECK_EQ(after.handles, before.handles);
    CHECK_EQ(put_now(take_handle(q).handle, 1, PRIO_LOW), 0);
}

// F11: GRANT_ONCE lets it be sent once; it arrives without either grant.
TEST(grant_once)
{
    struct msg_handle m;
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0);
    long once = handle_dup(cargo, RIGHT_READ | RIGHT_GRANT_ONCE, 0);

    CHECK_EQ(queue_send_handle(q, once, RIGHT_READ | RIGHT_GRANT_ONCE, 0, NOW),
             0);
    m = take_handle(q);
    CHECK_EQ(m.rights, RIGHT_READ);
    CHECK_ERR(queue_send_handle(q, m.handle, RIGHT_READ, 0, NOW), E_ACCES);
}

// F11: the chain through messages is eight links; the ninth send is E_LOOP.
TEST(depth)
{
    struct handle_info info;
    long q = queue_create(2, 8, 0);
    long h = queue_create(2, 8, 0);

    for (uint32_t i = 1; i <= HANDLE_MAX_DEPTH; i++) {
        CHECK_EQ(queue_send_handle(q, h, RW | RIGHT_GRANT, 0, NOW), 0);
        h = take_handle(q).handle;
        CHECK_EQ(handle_info(h, &info), 0);
        CHECK_EQ(info.depth, i);
    }
    CHECK_ERR(queue_send_handle(q, h, RW, 0, NOW), E_LOOP);
    CHECK_ERR(queue_send_handle(q, h, 32, 0, NOW), E_LOOP);
}

// F13: handles in flight count as writers and as readers.
TEST(in_flight_counts)
{
    struct msg_handle m;
    long q = queue_create(4, 8, 0), cargo = queue_create(2, 8, 0);
    long r = handle_dup(cargo, RIGHT_READ, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RIGHT_WRITE, 0, NOW), 0);
    CHECK_EQ(handle_close(cargo), 0);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_AGAIN);
    m = take_handle(q);
    CHECK_EQ(handle_close(m.handle), 0);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_PIPE);
}

// F4 F13: when the last reader goes, handles in its messages are closed.
TEST(dropped_with_reader)
{
    long q = queue_create(4, 8, 0), cargo = queue_create(2, 8, 0);
    long r = handle_dup(cargo, RIGHT_READ, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RIGHT_WRITE, 0, NOW), 0);
    CHECK_EQ(handle_close(cargo), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_PIPE);
    CHECK_ERR(queue_send(w, 0, 0, 0, NOW), E_PIPE);
}

// F13: a queue's READ handle may not travel through the queue itself.
TEST(cycle_itself)
{
    long q = queue_create(4, 8, 0);

    CHECK_ERR(queue_send_handle(q, q, RIGHT_READ, 0, NOW), E_LOOP);
    CHECK_ERR(queue_send_handle(q, q, RW, 0, NOW), E_LOOP);
    CHECK_EQ(queue_send_handle(q, q, RIGHT_WRITE, 0, NOW), 0);
    CHECK_EQ(take_handle(q).rights, RIGHT_WRITE);
}

// F13: nor through a queue whose own READ handle is in flight.
TEST(cycle_in_flight)
{
    struct msg_handle m;
    long a = queue_create(4, 8, 0), b = queue_create(4, 8, 0);
    long c = queue_create(4, 8, 0);

    CHECK_EQ(queue_send_handle(a, b, RIGHT_READ, 0, NOW), 0);
    CHECK_ERR(queue_send_handle(b, a, RIGHT_READ, 0, NOW), E_LOOP);
    CHECK_ERR(queue_send_handle(b, c, RIGHT_READ, 0, NOW), E_LOOP);
    m = take_handle(a);
    CHECK_EQ(queue_send_handle(b, c, RIGHT_READ, 0, NOW), 0);
    CHECK_EQ(handle_close(m.handle), 0);
}

// F13: nor while the queue itself holds READ handles of queues.
TEST(cycle_holding)
{
    long a = queue_create(4, 8, 0), b = queue_create(4, 8, 0);
    long c = queue_create(4, 8, 0);

    CHECK_EQ(queue_send_handle(a, b, RIGHT_READ, 0, NOW), 0);
    CHECK_ERR(queue_send_handle(c, a, RIGHT_READ, 0, NOW), E_LOOP);
    CHECK_EQ(queue_send_handle(c, a, RIGHT_WRITE, 0, NOW), 0);
    take_handle(a);
    CHECK_EQ(queue_send_handle(c, a, RIGHT_READ, 0, NOW), 0);
}

// F13 D4: a handle whose sender is blocked arrives when there is room.
TEST(blocked_sender)
{
    struct msg_handle m;
    long q = queue_create(1, 8, 0), cargo = queue_create(2, 8, 0);
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = SPAWN(CHECK_EQ(queue_send_handle(q, cargo, RW, 0, FOREVER), 0));
    await_senders(q, 1);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(JOIN(child), 0);
    m = take_handle(q);
    CHECK_EQ(put_now(m.handle, 8, PRIO_LOW), 0);
    CHECK_EQ(take_now(cargo), 8);
}

// F13 E7: a blocked sender that is killed takes its handle with it.
TEST(blocked_sender_killed)
{
    long q = queue_create(1, 8, 0), cargo = queue_create(2, 8, 0);
    long r = handle_dup(cargo, RIGHT_READ, 0);
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = SPAWN(queue_send_handle(q, cargo, RIGHT_WRITE, 0, FOREVER));
    await_senders(q, 1);
    CHECK_EQ(handle_close(cargo), 0);
    CHECK_EQ(kill(child), 0);
    CHECK_EQ(wait(child, 0, FOREVER), child);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_PIPE);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(stat_of(q).len, 0);
}

// F13 F1: many handles sent and dropped leave nothing behind.
TEST(no_leak)
{
    static struct sys_info before, after;

    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 200; i++) {
        long q = queue_create(8, 8, 0);

        for (int n = 0; n < 8; n++) {
            long cargo = queue_create(1, 8, 0);

            CHECK_EQ(queue_send_handle(q, cargo, RIGHTS_FULL, 0, NOW), 0);
            CHECK_EQ(handle_close(cargo), 0);
        }
        CHECK_EQ(handle_close(take_handle(q).handle), 0);
        CHECK_EQ(handle_close(q), 0);
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.free_pages, before.free_pages);
}

// F13 E10: a blocked receiver whose table is full gets E_MFILE; the message is
// not lost, the next in line gets it.
TEST(full_table_passes_on)
{
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0);
    long full, next;

    full = SPAWN({
        while (handle_dup(cargo, RIGHT_READ, 0) >= 0)
            continue;
        CHECK_ERR(queue_recv(q, &(uint64_t){0}, 8, 0, FOREVER), E_MFILE);
    });
    await_receivers(q, 1);
    next = SPAWN(CHECK_EQ(put_now(take_handle(q).handle, 5, PRIO_LOW), 0));
    await_receivers(q, 2);
    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    CHECK_EQ(JOIN(full), 0);
    CHECK_EQ(JOIN(next), 0);
    CHECK_EQ(take_now(cargo), 5);
    CHECK_EQ(stat_of(q).received, 1);
}

// B12 F13: with a message that carries a handle: first the size, then the
// table, then the address.
TEST(receive_error_order)
{
    long q = queue_create(2, 8, 0), cargo = queue_create(2, 8, 0), h, last = -1;

    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    while ((h = handle_dup(cargo, RIGHT_READ, 0)) >= 0)
        last = h;
    CHECK_ERR(queue_recv(q, wild_pointers[0], 7, 0, NOW), E_MSGSIZE);
    CHECK_ERR(queue_recv(q, wild_pointers[0], 8, 0, NOW), E_MFILE);
    CHECK_EQ(handle_close(last), 0);
    CHECK_ERR(queue_recv(q, wild_pointers[0], 8, 0, NOW), E_FAULT);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_EQ(put_now(take_handle(q).handle, 1, PRIO_LOW), 0);
}

// B11: a schema is for inline messages: a handle travels under any tag, which
// is delivered.
TEST(schema_does_not_apply)
{
    struct msg_handle m;
    struct msg_meta meta;
    long q = queue_create(2, 8, 77), cargo = queue_create(2, 8, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RW, MSG_OPT(0, 78), NOW), 0);
    CHECK_EQ(queue_recv(q, &m, 8, &meta, NOW), 8);
    CHECK_EQ(meta.tag, 78);
    CHECK_EQ(stat_of(q).rejected, 0);
}

// B12: of several faults of one call the first in the ABI's order: the queue,
// the handle, delegation, numbers, then closed before full.
TEST(send_error_order)
{
    long q = queue_create(1, 8, 0), cargo = queue_create(2, 8, 0);
    long reader = handle_dup(q, RIGHT_READ, 0);
    long plain = handle_dup(cargo, RW, 0);
    long region = region_open("echo");

    CHECK_ERR(queue_send_handle(-1, -1, 32, 4, NOW), E_BADH);
    CHECK_ERR(queue_send_handle(region, -1, 32, 4, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_send_handle(reader, -1, 32, 4, NOW), E_ACCES);
    CHECK_ERR(queue_send_handle(q, -1, 32, 4, NOW), E_BADH);
    CHECK_ERR(queue_send_handle(q, plain, 32, 4, NOW), E_ACCES);
    CHECK_ERR(queue_send_handle(q, q, RIGHT_READ | 32, 4, NOW), E_LOOP);
    CHECK_ERR(queue_send_handle(q, cargo, RW, 4, NOW), E_INVAL);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send_handle(q, cargo, RW, 4, NOW), E_INVAL);
    CHECK_ERR(queue_send_handle(q, cargo, RW, 0, NOW), E_AGAIN);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_ERR(queue_send_handle(q, cargo, RW, 4, NOW), E_INVAL);
    CHECK_ERR(queue_send_handle(q, cargo, RW, 0, NOW), E_PIPE);
}

// F4 F13: without readers, or without room in time, the handle does not leave.
TEST(not_sent)
{
    long q = queue_create(1, 8, 0), cargo = queue_create(2, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send_handle(w, cargo, RW, 0, MS(2)), E_TIMEDOUT);
    CHECK_ERR(queue_send_handle(w, cargo, RW, 0, NOW), E_AGAIN);
    CHECK_EQ(stat_of(q).rejected, 2);
    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(queue_send_handle(w, cargo, RW, 0, NOW), E_PIPE);
    CHECK_ERR(queue_send_handle(w, cargo, RW, 0, FOREVER), E_PIPE);
    CHECK_EQ(handle_revoke(cargo), 0);
}

// F13: a cycle stays one when the second end would wait in line for a place.
TEST(cycle_of_blocked)
{
    long a = queue_create(1, 8, 0), b = queue_create(1, 8, 0);
    long child;

    CHECK_EQ(put_now(a, 1, PRIO_LOW), 0);
    child = SPAWN(CHECK_EQ(queue_send_handle(a, b, RIGHT_READ, 0, FOREVER), 0));
    await_senders(a, 1);
    CHECK_ERR(queue_send_handle(b, a, RIGHT_READ, 0, NOW), E_LOOP);
    CHECK_EQ(take_now(a), 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_ERR(queue_send_handle(b, a, RIGHT_READ, 0, NOW), E_LOOP);
    take_handle(a);
    CHECK_EQ(queue_send_handle(b, a, RIGHT_READ, 0, NOW), 0);
}

TEST_MAIN()
