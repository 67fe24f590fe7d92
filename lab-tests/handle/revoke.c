/* handle_revoke: what was derived dies, wherever it is; nothing else does. */
#include "../lab.h"

// F12: revoking destroys what was derived, and says how much; h itself stays.
TEST(derived_die)
{
    long q = queue_create(2, 8, 0);
    long a = handle_dup(q, RIGHTS_FULL, 0), b = handle_dup(a, RIGHTS_FULL, 0);
    long c = handle_dup(b, RIGHT_READ, 0), d = handle_dup(q, RIGHT_WRITE, 0);

    CHECK_EQ(handle_revoke(q), 4);
    CHECK_ERR(put_now(a, 1, PRIO_LOW), E_BADH);
    CHECK_ERR(put_now(b, 1, PRIO_LOW), E_BADH);
    CHECK_ERR(queue_recv(c, 0, 0, 0, NOW), E_BADH);
    CHECK_ERR(put_now(d, 1, PRIO_LOW), E_BADH);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(handle_revoke(q), 0);
}

// F12: only the subtree under the handle dies.
TEST(subtree_only)
{
    long q = queue_create(2, 8, 0);
    long a = handle_dup(q, RIGHTS_FULL, 0), b = handle_dup(q, RIGHTS_FULL, 0);
    long under = handle_dup(a, RIGHT_WRITE, 0);

    CHECK_EQ(handle_revoke(a), 1);
    CHECK_ERR(put_now(under, 1, PRIO_LOW), E_BADH);
    CHECK_EQ(put_now(a, 1, PRIO_LOW), 0);
    CHECK_EQ(put_now(b, 1, PRIO_LOW), 0);
}

// F12: it needs REVOKE.
TEST(needs_revoke)
{
    long q = queue_create(2, 8, 0);
    long plain = handle_dup(q, RW | RIGHT_GRANT, 0);
    long under = handle_dup(plain, RIGHT_WRITE, 0);

    CHECK_ERR(handle_revoke(plain), E_ACCES);
    CHECK_ERR(handle_revoke(-1), E_BADH);
    CHECK_EQ(put_now(under, 1, PRIO_LOW), 0);
}

// F12: closing a handle in the middle leaves what hangs below it alive, and
// within reach of a revoke above.
TEST(closed_middle)
{
    struct handle_info info;
    long q = queue_create(2, 8, 0);
    long middle = handle_dup(q, RIGHTS_FULL, 0);
    long leaf = handle_dup(middle, RIGHT_WRITE, 0);

    CHECK_EQ(handle_close(middle), 0);
    CHECK_EQ(put_now(leaf, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_info(leaf, &info), 0);
    CHECK_EQ(info.depth, 2);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_ERR(put_now(leaf, 1, PRIO_LOW), E_BADH);
}

// F12 A5: a slot that has a new owner by then is left alone.
TEST(reused_slot)
{
    long q = queue_create(2, 8, 0), other = queue_create(2, 8, 0);
    long derived = handle_dup(q, RIGHTS_FULL, 0), fresh;

    CHECK_EQ(handle_close(derived), 0);
    fresh = handle_dup(other, RIGHTS_FULL, 0);
    CHECK_EQ(handle_revoke(q), 0);
    CHECK_EQ(put_now(fresh, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(other), 1);
}

// F12: entries are freed: the table can be filled and revoked again.
TEST(entries_freed)
{
    long q = queue_create(2, 8, 0);
    long first = 0;

    for (int round = 0; round < 20; round++) {
        long n = 0;

        while (handle_dup(q, RIGHT_READ, 0) >= 0)
            n++;
        if (round == 0)
            first = n;
        CHECK_EQ(n, first);
        CHECK_EQ(handle_revoke(q), n);
    }
}

// F12: handles of other processes die too, before the call returns.
TEST(other_process)
{
    long in = queue_create(1, 8, 0), up = queue_create(1, 8, 0);
    long child = SPAWN({
        handle_t h = (handle_t)take(in);

        CHECK_EQ(put(h, 1), 0);
        put(up, 1);
        take(in);
        CHECK_ERR(put_now(h, 2, PRIO_LOW), E_BADH);
    });
    long q = queue_create(2, 8, 0);
    long h = handle_grant(q, child, RIGHT_WRITE, 0);

    CHECK(h >= 0);
    put(in, (uint64_t)h);
    take(up);
    CHECK_EQ(take(q), 1);
    CHECK_EQ(handle_revoke(q), 1);
    put(in, 0);
    CHECK_EQ(JOIN(child), 0);
}

// F12: one who sleeps on a revoked handle of its own wakes with E_BADH.
TEST(sleeper_wakes)
{
    long in = queue_create(1, 8, 0);
    long child = SPAWN({
        handle_t h = (handle_t)take(in);

        CHECK_ERR(queue_recv(h, 0, 0, 0, FOREVER), E_BADH);
        CHECK_ERR(handle_close(h), E_BADH);
    });
    long q = queue_create(2, 8, 0);

    put(in, (uint64_t)handle_grant(q, child, RIGHT_READ, 0));
    await_receivers(q, 1);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of(q).waiting_receivers, 0);
}

// F12 C7: so does one who sleeps in handle_wait.
TEST(handle_wait_wakes)
{
    long in = queue_create(1, 8, 0);
    long child = SPAWN({
        handle_t h = (handle_t)take(in);
        struct wait_item item = {h, SIG_READABLE, 0xffff};

        CHECK_ERR(handle_wait(&item, 1, FOREVER), E_BADH);
        CHECK_EQ(item.seen, 0xffff);
    });
    long q = queue_create(2, 8, 0);

    put(in, (uint64_t)handle_grant(q, child, RIGHT_READ, 0));
    nap_ms(5);
    await_state(child, PROC_WAITING);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_EQ(JOIN(child), 0);
}

// F12: a message in flight stays, with -E_BADH in place of its handle.
TEST(in_flight)
{
    struct msg_handle m;
    struct msg_meta meta;
    long q = queue_create(4, 8, 0), cargo = queue_create(2, 8, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RW, MSG_OPT(0, 3), NOW), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK(handle_revoke(cargo) >= 0);
    CHECK_EQ(stat_of(q).len, 2);
    CHECK_EQ(queue_recv(q, &m, 8, &meta, NOW), 8);
    CHECK_EQ(meta.kind, MSG_HANDLE);
    CHECK_EQ(meta.tag, 3);
    CHECK_EQ(m.handle, -E_BADH);
    CHECK_EQ(m.rights, 0);
    CHECK_EQ(take_now(q), 1);
}

// F12: revoking what a process holds does not touch what the same process
// has of other origin.
TEST(unrelated_stay)
{
    static handle_t mine[64], theirs[64];
    long a = queue_create(1, 8, 0), b = queue_create(1, 8, 0);

    for (int i = 0; i < 64; i++) {
        mine[i] = (handle_t)handle_dup(a, RIGHTS_FULL, 0);
        theirs[i] = (handle_t)handle_dup(b, RIGHTS_FULL, 0);
    }
    CHECK_EQ(handle_revoke(b), 64);
    for (int i = 0; i < 64; i++) {
        CHECK_EQ(put_now(mine[i], 1, PRIO_LOW), 0);
        CHECK_EQ(take_now(a), 1);
        CHECK_ERR(handle_close(theirs[i]), E_BADH);
    }
}

// F12: a thousand derived handles in five processes, all gone at once.
TEST(thousand_derived)
{
    long in = queue_create(8, 8, 0), up = queue_create(8, 8, 0);
    long q = queue_create(1, 8, 0);
    long child[5];

    for (uint32_t i = 0; i < 5; i++) {
        child[i] = SPAWN({
            handle_t h = (handle_t)take(in);

            for (int n = 0; n < 199; n++)
                CHECK(handle_dup(h, RIGHT_WRITE, 0) >= 0);
            put(up, 1);
            take(in);
            CHECK_ERR(put_now(h, 1, PRIO_LOW), E_BADH);
            CHECK_ERR(handle_close(h), E_BADH);
        });
        await_receivers(in, i + 1);
    }
    for (int i = 0; i < 5; i++) {
        // They stand in line in the order of their numbers.
        put(in, (uint64_t)handle_grant(q, child[i], RIGHT_WRITE, 0));
        take(up);
    }
    CHECK_EQ(handle_revoke(q), 1000);
    for (int i = 0; i < 5; i++)
        put(in, 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// F12: fork copies: a copy is revoked with the handle it was copied from.
TEST(forked_copy)
{
    long gate = queue_create(1, 8, 0);
    long q = queue_create(1, 8, 0);
    long derived = handle_dup(q, RW, 0);
    long child = SPAWN({
        take(gate);
        CHECK_ERR(put_now(derived, 1, PRIO_LOW), E_BADH);
        CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    });

    CHECK_EQ(handle_revoke(q), 2);
    CHECK_ERR(put_now(derived, 1, PRIO_LOW), E_BADH);
    put(gate, 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(take_now(q), 1);
}

/* Uses the handle until it is taken away. */
static void use_until_revoked(handle_t h)
{
    long r;

    while ((r = put_now(h, 1, PRIO_LOW)) == 0 || r == -E_AGAIN)
        continue;
    CHECK_ERR(r, E_BADH);
}

// F12 F8: revoking while the handle is in use, at random moments.
TEST(revoke_races_use)
{
    uint64_t seed = test_seed();
    long in = queue_create(1, 8, 0), q = queue_create(4, 8, 0);
    long in_read = handle_dup(in, RIGHT_READ, 0);
    long child = SPAWN({
        uint64_t h;

        handle_close(in);
        handle_close(q);
        while (queue_recv(in_read, &h, 8, 0, FOREVER) == 8)
            use_until_revoked((handle_t)h);
    });

    // On one hart each round takes the child's whole time slice.
    for (uint32_t i = 0; i < (hart_count() == 1 ? 200u : 600u); i++) {
        put(in, (uint64_t)handle_grant(q, child, RIGHT_WRITE, 0));
        BUSY_US(random_below(&seed, 40));
        CHECK_EQ(handle_revoke(q), 1);
        while (queue_recv(q, &(uint64_t){0}, 8, 0, NOW) == 8)
            continue;
    }
    handle_close(in);
    CHECK_EQ(JOIN(child), 0);
}

// F12: a sender that sleeps on a revoked handle of its own wakes with E_BADH,
// and its message is gone.
TEST(sleeping_sender_wakes)
{
    long in = queue_create(1, 8, 0);
    long child = SPAWN(CHECK_ERR(put((handle_t)take(in), 2), E_BADH));
    long q = queue_create(1, 8, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    put(in, (uint64_t)handle_grant(q, child, RIGHT_WRITE, 0));
    await_senders(q, 1);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of(q).waiting_senders, 0);
    CHECK_EQ(take_now(q), 1);
    CHECK_ERR(queue_recv(q, 0, 0, 0, NOW), E_AGAIN);
}

// F12: so does one that sends a handle; the handle is closed.
TEST(sleeping_handle_sender_wakes)
{
    long in = queue_create(1, 8, 0), cargo = queue_create(1, 8, 0);
    long r = handle_dup(cargo, RIGHT_READ, 0);
    long child = SPAWN({
        handle_t h = (handle_t)take(in);

        CHECK_ERR(queue_send_handle(h, cargo, RIGHT_WRITE, 0, FOREVER), E_BADH);
    });
    long q = queue_create(1, 8, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    put(in, (uint64_t)handle_grant(q, child, RIGHT_WRITE, 0));
    await_senders(q, 1);
    CHECK_EQ(handle_close(cargo), 0);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_PIPE);
}

#define HOLDERS 5
#define DERIVED 200
#define REUSED  30

/* Derives handles from h, has some of their slots used again by handles of its
 * own, and checks after the revoke who is alive. */
static void hold_and_reuse(handle_t h, handle_t ready, handle_t go)
{
    static handle_t derived[DERIVED + REUSED], own[REUSED];
    handle_t mine = (handle_t)queue_create(1, 8, 0);

    derived[0] = h;
    for (int i = 1; i < DERIVED + REUSED; i++) {
        derived[i] = (handle_t)handle_dup(h, RIGHT_WRITE, 0);
        CHECK(derived[i] > 2);
    }
    for (int i = 0; i < REUSED; i++)
        CHECK_EQ(handle_close(derived[7 * i + 5]), 0);
    for (int i = 0; i < REUSED; i++) {
        own[i] = (handle_t)handle_dup(mine, RW, 0);
        CHECK_EQ(own[i] % HANDLE_SLOTS,
                 derived[7 * (REUSED - 1 - i) + 5] % HANDLE_SLOTS);
    }
    put(ready, 1);
    take(go);
    for (int i = 0; i < DERIVED + REUSED; i++)
        CHECK_ERR(put_now(derived[i], 1, PRIO_LOW), E_BADH);
    for (int i = 0; i < REUSED; i++) {
        CHECK_EQ(put_now(own[i], (uint64_t)i, PRIO_LOW), 0);
        CHECK_EQ(take_now(own[i]), i);
        CHECK_EQ(handle_close(own[i]), 0);
    }
}

// F12 A5: a thousand handles die, and not one of those that use slots again
// that others of them had before.
TEST(thousand_and_reused_slots)
{
    long in = queue_create(8, 8, 0), ready = queue_create(8, 8, 0);
    long go = queue_create(8, 8, 0), q = queue_create(1, 8, 0);
    long child[HOLDERS];

    for (int i = 0; i < HOLDERS; i++) {
        child[i] = SPAWN(hold_and_reuse((handle_t)take(in), ready, go));
        await_receivers(in, 1);
        put(in, (uint64_t)handle_grant(q, child[i], RIGHT_WRITE, 0));
        take(ready);
    }
    CHECK_EQ(handle_revoke(q), HOLDERS * DERIVED);
    for (int i = 0; i < HOLDERS; i++)
        put(go, 0);
    for (int i = 0; i < HOLDERS; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
}

TEST_MAIN()
