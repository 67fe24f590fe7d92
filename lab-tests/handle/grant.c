/* handle_grant: handing a handle to a descendant. */
#include "../lab.h"

static void expect_write_only(handle_t h)
{
    struct handle_info info;

    CHECK_EQ(handle_info(h, &info), 0);
    CHECK_EQ(info.rights, RIGHT_WRITE);
    CHECK_EQ(info.depth, 1);
    CHECK_EQ(info.badge, 99);
    CHECK_EQ(put(h, 5), 0);
    CHECK_ERR(queue_recv(h, 0, 0, 0, NOW), E_ACCES);
}

// F10: the receiver gets the rights and the badge named, one link deeper.
TEST(grant_rights_badge)
{
    struct msg_meta meta;
    uint64_t value;
    long in = queue_create(1, 8, 0);
    long in_read = handle_dup(in, RIGHT_READ, 0);
    long child = SPAWN({
        CHECK_EQ(handle_close(in), 0);
        expect_write_only((handle_t)take(in_read));
    });
    long q = queue_create(2, 8, 0);
    long h = handle_grant(q, child, RIGHT_WRITE, 99);

    CHECK(h >= 3);
    CHECK_EQ(put(in, (uint64_t)h), 0);
    CHECK_EQ(queue_recv(q, &value, 8, &meta, FOREVER), 8);
    CHECK_EQ(value, 5);
    CHECK_EQ(meta.badge, 99);
    CHECK_EQ(meta.sender, child);
    CHECK_EQ(JOIN(child), 0);
}

// F10: granting needs GRANT and a subset of the rights held.
TEST(grant_needs_grant)
{
    long gate = queue_create(1, 8, 0);
    long child = SPAWN(take(gate));
    long q = queue_create(2, 8, 0);
    long plain = handle_dup(q, RW | RIGHT_REVOKE, 0);
    long reader = handle_dup(q, RIGHT_READ | RIGHT_GRANT, 0);

    CHECK_ERR(handle_grant(plain, child, RIGHT_READ, 0), E_ACCES);
    CHECK_ERR(handle_grant(reader, child, RW, 0), E_ACCES);
    CHECK_ERR(handle_grant(reader, child, RIGHT_READ, 8), E_ACCES);
    CHECK_ERR(handle_grant(reader, child, RIGHT_READ | 32, 0), E_INVAL);
    CHECK_ERR(handle_grant(-1, child, RIGHT_READ, 0), E_BADH);
    CHECK(handle_grant(reader, child, RIGHT_READ, 0) >= 0);
    CHECK_EQ(put(gate, 1), 0);
    CHECK_EQ(JOIN(child), 0);
}

/* Has a child of its own, tells its pid, and waits with it. */
static void become_parent(handle_t up, handle_t gate)
{
    long child = SPAWN(take(gate));

    put(up, (uint64_t)child);
    take(gate);
    CHECK_EQ(JOIN(child), 0);
}

// F10: only a descendant can be given a handle.
TEST(grant_descendants_only)
{
    struct proc_info me;
    long gate = queue_create(2, 8, 0), up = queue_create(1, 8, 0);
    long q = queue_create(2, 8, 0);
    long child = SPAWN(become_parent(up, gate));
    long grandchild = (long)take(up);

    CHECK_EQ(proc_info(getpid(), &me), 0);
    CHECK_ERR(handle_grant(q, 99999999, RIGHT_READ, 0), E_SRCH);
    CHECK_ERR(handle_grant(q, getpid(), RIGHT_READ, 0), E_ACCES);
    CHECK_ERR(handle_grant(q, me.parent, RIGHT_READ, 0), E_ACCES);
    CHECK_ERR(handle_grant(q, 1, RIGHT_READ, 0), E_ACCES);
    CHECK(handle_grant(q, child, RIGHT_READ, 0) >= 0);
    CHECK(handle_grant(q, grandchild, RIGHT_READ, 0) >= 0);
    put(gate, 1);
    put(gate, 1);
    CHECK_EQ(JOIN(child), 0);
}

// A5: the receiver's table may be full: E_MFILE, and nothing is granted.
TEST(grant_table_full)
{
    long gate = queue_create(1, 8, 0), up = queue_create(1, 8, 0);
    long q = queue_create(1, 8, 0);
    long child = SPAWN({
        while (handle_dup(gate, RIGHT_READ, 0) >= 0)
            continue;
        put(up, 1);
        take(gate);
    });

    take(up);
    CHECK_ERR(handle_grant(q, child, RIGHT_READ, 0), E_MFILE);
    CHECK_EQ(handle_revoke(q), 0);
    CHECK_EQ(put(gate, 1), 0);
    CHECK_EQ(JOIN(child), 0);
}

static void expect_cannot_pass_on(handle_t h)
{
    struct handle_info info;
    long gate = queue_create(1, 8, 0);
    long child = SPAWN(take(gate));

    CHECK_EQ(handle_info(h, &info), 0);
    CHECK_EQ(info.rights, RIGHT_READ);
    CHECK_ERR(handle_grant(h, child, RIGHT_READ, 0), E_ACCES);
    CHECK_ERR(queue_send_handle(gate, h, RIGHT_READ, 0, NOW), E_ACCES);
    CHECK_EQ(put(gate, 1), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F11: what is granted through GRANT_ONCE arrives without it.
TEST(grant_once_ends)
{
    long in = queue_create(1, 8, 0);
    long in_read = handle_dup(in, RIGHT_READ, 0);
    long child = SPAWN({
        handle_close(in);
        expect_cannot_pass_on((handle_t)take(in_read));
    });
    long q = queue_create(1, 8, 0);
    long once = handle_dup(q, RIGHT_READ | RIGHT_GRANT_ONCE, 0);
    long h = handle_grant(once, child, RIGHT_READ | RIGHT_GRANT_ONCE, 0);

    CHECK(h >= 0);
    CHECK_EQ(put(in, (uint64_t)h), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F11: eight links across processes; the ninth is E_LOOP.
TEST(grant_depth)
{
    long gate = queue_create(1, 8, 0);
    long child = SPAWN(take(gate));
    long h = queue_create(1, 8, 0);

    for (int i = 0; i < HANDLE_MAX_DEPTH - 1; i++)
        h = handle_dup(h, RIGHTS_FULL, 0);
    CHECK(handle_grant(h, child, RIGHTS_FULL, 0) >= 0);
    h = handle_dup(h, RIGHTS_FULL, 0);
    CHECK_ERR(handle_grant(h, child, RIGHTS_FULL, 0), E_LOOP);
    CHECK_EQ(put(gate, 1), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F1: a thousand grants, used and closed, leave no handle behind.
TEST(grant_many)
{
    struct proc_info before, after;
    long in = queue_create(1, 8, 0), q = queue_create(1, 8, 0);
    long rd = handle_dup(in, RIGHT_READ, 0);
    long child = SPAWN({
        uint64_t h;

        handle_close(in);
        while (queue_recv(rd, &h, 8, 0, FOREVER) == 8) {
            CHECK_EQ(put((handle_t)h, h), 0);
            CHECK_EQ(handle_close((handle_t)h), 0);
        }
    });

    await_receivers(in, 1);
    CHECK_EQ(proc_info(child, &before), 0);
    for (uint32_t i = 0; i < rounds(1000); i++) {
        long h = handle_grant(q, child, RIGHT_WRITE, i);

        CHECK(h >= 0);
        CHECK_EQ(put(in, (uint64_t)h), 0);
        CHECK_EQ(take(q), h);
    }
    await_receivers(in, 1);
    CHECK_EQ(proc_info(child, &after), 0);
    CHECK_EQ(after.handles, before.handles);
    CHECK_EQ(handle_revoke(q), 0);
    CHECK_EQ(handle_close(in), 0);
    CHECK_EQ(JOIN(child), 0);
}

// B12: of several faults the handle's come first, then the length of the
// chain, then the numbers.
TEST(grant_error_order)
{
    long gate = queue_create(1, 8, 0), q = queue_create(1, 8, 0), deep = q;
    long child = SPAWN(take(gate));
    long plain = handle_dup(q, RW, 0);

    for (int i = 0; i < HANDLE_MAX_DEPTH; i++)
        deep = handle_dup(deep, RIGHTS_FULL, 0);
    CHECK_ERR(handle_grant(-1, 99999999, 32, 0), E_BADH);
    CHECK_ERR(handle_grant(plain, 99999999, 32, 8), E_ACCES);
    CHECK_ERR(handle_grant(deep, 99999999, 32, 0), E_LOOP);
    CHECK_ERR(handle_grant(q, child, 32, 0), E_INVAL);
    CHECK_ERR(handle_grant(q, getpid(), 32, 0), E_INVAL);
    CHECK_ERR(handle_grant(q, 99999999, RIGHT_READ, 0), E_SRCH);
    CHECK_EQ(put(gate, 1), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F10: a child that has ended but was not waited for can be given nothing.
TEST(grant_to_ended)
{
    struct proc_info info;
    long q = queue_create(1, 8, 0), child = SPAWN(nop());

    await_state(child, PROC_ENDED);
    CHECK_ERR(handle_grant(q, child, RIGHT_READ, 0), E_SRCH);
    CHECK_EQ(proc_info(child, &info), 0);
    CHECK_EQ(info.handles, 0);
    CHECK_EQ(handle_revoke(q), 0);
    CHECK_EQ(JOIN(child), 0);
}

TEST_MAIN()
