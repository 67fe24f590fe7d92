/* handle_wait: what is ready, who wakes, what is refused. */
#include "../lab.h"

#define BOTH (SIG_READABLE | SIG_WRITABLE)

/* What one look at the handle shows of what is wanted; 0 if nothing. */
static uint32_t look(handle_t h, uint16_t wanted)
{
    struct wait_item item = {h, wanted, 0xffff};
    long r = handle_wait(&item, 1, NOW);

    if (r == -E_AGAIN) {
        CHECK_EQ(item.seen, 0xffff);
        return 0;
    }
    CHECK_EQ(r, 1);
    CHECK_EQ(item.handle, h);
    CHECK_EQ(item.wanted, wanted);
    return item.seen;
}

// C7: a queue's signals as it fills: writable, both, readable.
TEST(state_matrix)
{
    long q = queue_create(2, 8, 0);

    CHECK_EQ(look(q, BOTH), SIG_WRITABLE);
    CHECK_EQ(look(q, SIG_READABLE), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(look(q, BOTH), BOTH);
    CHECK_EQ(put_now(q, 2, PRIO_LOW), 0);
    CHECK_EQ(look(q, BOTH), SIG_READABLE);
    CHECK_EQ(look(q, SIG_WRITABLE), 0);
    take_now(q);
    take_now(q);
    CHECK_EQ(look(q, BOTH), SIG_WRITABLE);
}

// C7: level-triggered: the same answer as long as the state lasts.
TEST(level_triggered)
{
    long q = queue_create(2, 8, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(look(q, SIG_READABLE), SIG_READABLE);
    take_now(q);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(look(q, SIG_READABLE), 0);
}

// C7: CLOSED shows when the writers are gone and all is drained, wanted or
// not.
TEST(closed_for_reader)
{
    long q = queue_create(2, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(look(r, 0), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK(look(r, SIG_READABLE) & SIG_READABLE);
    take_now(r);
    CHECK_EQ(look(r, SIG_READABLE), SIG_CLOSED);
    CHECK_EQ(look(r, 0), SIG_CLOSED);
    CHECK_EQ(look(r, SIG_CLOSED), SIG_CLOSED);
}

// C7: CLOSED shows to a writer when the readers are gone.
TEST(closed_for_writer)
{
    long q = queue_create(2, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0);

    CHECK_EQ(look(w, SIG_WRITABLE | SIG_CLOSED), SIG_WRITABLE);
    CHECK_EQ(handle_close(q), 0);
    CHECK(look(w, SIG_WRITABLE) & SIG_CLOSED);
    CHECK_EQ(look(w, 0), SIG_CLOSED);
}

// C7: sixteen handles in one call; the result counts those that are ready.
TEST(sixteen_handles)
{
    struct wait_item items[HANDLE_WAIT_MAX];
    long q[HANDLE_WAIT_MAX];

    for (int i = 0; i < HANDLE_WAIT_MAX; i++) {
        q[i] = queue_create(1, 8, 0);
        items[i] = (struct wait_item){(handle_t)q[i], SIG_READABLE, 0xffff};
    }
    CHECK_ERR(handle_wait(items, HANDLE_WAIT_MAX, NOW), E_AGAIN);
    CHECK_ERR(handle_wait(items, HANDLE_WAIT_MAX, MS(1)), E_TIMEDOUT);
    for (int i = 0; i < HANDLE_WAIT_MAX; i += 5)
        CHECK_EQ(put_now(q[i], 1, PRIO_LOW), 0);
    CHECK_EQ(handle_wait(items, HANDLE_WAIT_MAX, FOREVER), 4);
    for (int i = 0; i < HANDLE_WAIT_MAX; i++)
        CHECK_EQ(items[i].seen, i % 5 == 0 ? SIG_READABLE : 0);
}

// C7: one handle may be asked about twice.
TEST(same_handle_twice)
{
    long q = queue_create(1, 8, 0);
    struct wait_item items[2] = {{(handle_t)q, SIG_READABLE, 0xffff},
                                 {(handle_t)q, SIG_WRITABLE, 0xffff}};

    CHECK_EQ(handle_wait(items, 2, FOREVER), 1);
    CHECK_EQ(items[0].seen, 0);
    CHECK_EQ(items[1].seen, SIG_WRITABLE);
}

// C7: a sleeper wakes when a message comes to any of its handles.
TEST(wakes_on_message)
{
    long a = queue_create(1, 8, 0), b = queue_create(1, 8, 0);
    struct wait_item items[2] = {{(handle_t)a, SIG_READABLE, 0},
                                 {(handle_t)b, SIG_READABLE, 0}};
    long child = SPAWN({
        CHECK_EQ(handle_wait(items, 2, FOREVER), 1);
        CHECK_EQ(items[0].seen, 0);
        CHECK_EQ(items[1].seen, SIG_READABLE);
    });

    await_state(child, PROC_WAITING);
    CHECK_EQ(put_now(b, 1, PRIO_LOW), 0);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of(b).len, 1);
}

// C7: and when there is room again.
TEST(wakes_on_room)
{
    long q = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_WRITABLE, 0};
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = SPAWN({
        CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
        CHECK_EQ(item.seen, SIG_WRITABLE);
    });
    await_state(child, PROC_WAITING);
    take_now(q);
    CHECK_EQ(JOIN(child), 0);
}

// C7: and when the other side goes, though only READABLE was wanted.
TEST(wakes_on_close)
{
    long q = queue_create(1, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);
    struct wait_item item = {(handle_t)r, SIG_READABLE, 0};
    long child = SPAWN({
        CHECK_EQ(handle_close(q), 0);
        CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
        CHECK_EQ(item.seen, SIG_CLOSED);
    });

    await_state(child, PROC_WAITING);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(JOIN(child), 0);
}

// C7: one message wakes all who wait for READABLE; one of them gets it.
TEST(all_waiters_wake)
{
    long q = queue_create(1, 8, 0), out = queue_create(8, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0};
    long child[5];

    for (int i = 0; i < 5; i++) {
        child[i] = SPAWN({
            CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
            CHECK_EQ(put(out, item.seen), 0);
        });
        await_state(child[i], PROC_WAITING);
    }
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(take(out), SIG_READABLE);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    CHECK_EQ(take_now(q), 1);
}

// C7: a message that goes to a blocked receiver makes nothing READABLE.
TEST(given_is_not_readable)
{
    long q = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0};
    long receiver = SPAWN(CHECK_EQ(take(q), 4));
    long watcher;

    await_receivers(q, 1);
    watcher = SPAWN(CHECK_ERR(handle_wait(&item, 1, MS(100)), E_TIMEDOUT));
    await_state(watcher, PROC_WAITING);
    CHECK_EQ(put_now(q, 4, PRIO_LOW), 0);
    CHECK_EQ(JOIN(receiver), 0);
    CHECK_EQ(JOIN(watcher), 0);
}

// C7: waiting costs no processor time; there is no polling tick.
TEST(waits_without_polling)
{
    long q = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0};
    long child = SPAWN(CHECK_EQ(handle_wait(&item, 1, FOREVER), 1));

    check_asleep(child);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(JOIN(child), 0);
}

// C7 E4: a finite wait ends in E_TIMEDOUT, never early.
TEST(timeout)
{
    long q = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0xffff};
    uint64_t start, took, best = UINT64_MAX;

    for (int i = 0; i < 8; i++) {
        start = clock_ns();
        CHECK_ERR(handle_wait(&item, 1, MS(5)), E_TIMEDOUT);
        took = (uint64_t)clock_ns() - start;
        CHECK(took >= MS(5));
        if (took < best)
            best = took;
    }
    CHECK(best < MS(7));
    CHECK_EQ(item.seen, 0xffff);
}

// C7: waiting for READABLE needs READ, for WRITABLE needs WRITE.
TEST(needs_rights)
{
    long q = queue_create(1, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0), w = handle_dup(q, RIGHT_WRITE, 0);
    struct wait_item item = {(handle_t)r, SIG_WRITABLE, 0};

    CHECK_ERR(handle_wait(&item, 1, NOW), E_ACCES);
    item = (struct wait_item){(handle_t)w, SIG_READABLE, 0};
    CHECK_ERR(handle_wait(&item, 1, NOW), E_ACCES);
    item = (struct wait_item){(handle_t)w, BOTH, 0};
    CHECK_ERR(handle_wait(&item, 1, NOW), E_ACCES);
    item = (struct wait_item){(handle_t)w, SIG_WRITABLE, 0};
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
}

// C7: one bad handle fails the whole call, and nothing is written.
TEST(one_bad_handle)
{
    long q = queue_create(1, 8, 0);
    struct wait_item items[2] = {{(handle_t)q, SIG_WRITABLE, 0xffff},
                                 {-1, SIG_READABLE, 0xffff}};

    CHECK_ERR(handle_wait(items, 2, NOW), E_BADH);
    CHECK_ERR(handle_wait(items, 2, FOREVER), E_BADH);
    CHECK_EQ(items[0].seen, 0xffff);
    CHECK_EQ(items[1].seen, 0xffff);
}

// C7: the number of items is 1 to 16, and they must be readable.
TEST(bad_arguments)
{
    static struct wait_item items[HANDLE_WAIT_MAX + 1];
    long q = queue_create(1, 8, 0);

    for (int i = 0; i <= HANDLE_WAIT_MAX; i++)
        items[i] = (struct wait_item){(handle_t)q, SIG_WRITABLE, 0};
    CHECK_ERR(handle_wait(items, 0, NOW), E_INVAL);
    CHECK_ERR(handle_wait(items, 17, NOW), E_INVAL);
    CHECK_ERR(handle_wait(items, UINT32_MAX, NOW), E_INVAL);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(handle_wait(wild_pointers[i], 2, NOW), E_FAULT);
    items[0].wanted = 8;
    CHECK_ERR(handle_wait(items, 1, NOW), E_INVAL);
}

// C7 E7: a killed waiter leaves nothing behind on any of its objects.
TEST(killed_waiter)
{
    long a = queue_create(1, 8, 0), b = queue_create(1, 8, 0);
    struct wait_item items[2] = {{(handle_t)a, SIG_READABLE, 0},
                                 {(handle_t)b, SIG_READABLE, 0}};

    for (int i = 0; i < 20; i++) {
        long child = SPAWN(handle_wait(items, 2, FOREVER));

        await_state(child, PROC_WAITING);
        CHECK_EQ(kill(child), 0);
        CHECK_EQ(wait(child, 0, MS(1000)), child);
        CHECK_EQ(put_now(a, 1, PRIO_LOW), 0);
        CHECK_EQ(take_now(a), 1);
    }
}

// F12 C7: revoking one of the handles ends the wait with E_BADH.
TEST(revoked_while_waiting)
{
    long other = queue_create(1, 8, 0), q = queue_create(1, 8, 0);

    for (int i = 0; i < 20; i++) {
        long child = SPAWN({
            struct wait_item items[2] = {{(handle_t)other, SIG_READABLE, 0},
                                         {(handle_t)take(q), SIG_READABLE, 0}};

            CHECK_ERR(handle_wait(items, 2, MS(SETTLE_MS)), E_BADH);
        });
        long given = handle_grant((handle_t)q, child, RIGHT_READ, 0);

        CHECK(given >= 0);
        CHECK_EQ(put(q, (uint64_t)given), 0);
        while (stat_of(q).len > 0) /* then it is about to wait, or does */
            nap_ms(i % 2);
        CHECK_EQ(handle_revoke(q), 1);
        CHECK_EQ(JOIN(child), 0);
    }
}

// C7: items that can be read but not written are E_FAULT once something is
// ready, and stay as they are.
TEST(read_only_items)
{
    static const struct wait_item constants[2] = {{0, 0, 7}, {0, 0, 7}};
    static const volatile struct wait_item *const look = constants;
    struct wait_item *items = (struct wait_item *)(uintptr_t)constants;
    long q = queue_create(1, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(handle_dup_at(r, 0), 0);
    CHECK_ERR(handle_wait(items, 2, NOW), E_AGAIN);
    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(handle_wait(items, 2, NOW), E_FAULT);
    CHECK_ERR(handle_wait(items, 2, FOREVER), E_FAULT);
    CHECK_EQ(look[0].seen, 7);
    CHECK_EQ(look[1].seen, 7);
}

// C7: an object without signals fails the whole call.
TEST(wrong_type)
{
    long q = queue_create(1, 8, 0), r = region_open("echo");
    struct wait_item items[2] = {{(handle_t)q, SIG_WRITABLE, 9},
                                 {(handle_t)r, SIG_READABLE, 9}};

    CHECK_ERR(handle_wait(items, 2, NOW), E_WRONGTYPE);
    CHECK_ERR(handle_wait(items, 2, FOREVER), E_WRONGTYPE);
    CHECK_EQ(items[0].seen, 9);
}

// C7 D4: a place that goes to a blocked sender makes nothing WRITABLE.
TEST(granted_is_not_writable)
{
    long q = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_WRITABLE, 0};
    long sender, watcher;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    sender = SPAWN(CHECK_EQ(put(q, 2), 0));
    await_senders(q, 1);
    watcher = SPAWN(CHECK_ERR(handle_wait(&item, 1, MS(50)), E_TIMEDOUT));
    await_state(watcher, PROC_WAITING);
    CHECK_EQ(take_now(q), 1);
    CHECK_ERR(handle_wait(&item, 1, NOW), E_AGAIN);
    CHECK_EQ(JOIN(sender), 0);
    CHECK_EQ(JOIN(watcher), 0);
    CHECK_EQ(take_now(q), 2);
}

// C7: one wait sees what each of its items has, and only what was wanted.
TEST(mixed_items)
{
    long empty = queue_create(1, 8, 0), full = queue_create(1, 8, 0);
    long ended = queue_create(1, 8, 0);
    long r = handle_dup(ended, RIGHT_READ, 0);
    struct wait_item items[4] = {{(handle_t)empty, BOTH, 9},
                                 {(handle_t)full, BOTH, 9},
                                 {(handle_t)r, SIG_READABLE, 9},
                                 {(handle_t)empty, SIG_READABLE, 9}};

    CHECK_EQ(put_now(full, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_close(ended), 0);
    CHECK_EQ(handle_wait(items, 4, FOREVER), 3);
    CHECK_EQ(items[0].seen, SIG_WRITABLE);
    CHECK_EQ(items[1].seen, SIG_READABLE);
    CHECK_EQ(items[2].seen, SIG_CLOSED);
    CHECK_EQ(items[3].seen, 0);
}

// C7 B12: the number of items comes first, then the address, then the handles
// of all items, each whole, then their signals.
TEST(error_order)
{
    static struct wait_item items[HANDLE_WAIT_MAX + 1];
    long q = queue_create(1, 8, 0), region = region_open("echo");
    long w = handle_dup(q, RIGHT_WRITE, 0);

    CHECK_ERR(handle_wait(wild_pointers[0], 0, NOW), E_INVAL);
    CHECK_ERR(handle_wait(wild_pointers[0], 17, NOW), E_INVAL);
    CHECK_ERR(handle_wait(wild_pointers[0], 1, NOW), E_FAULT);
    items[0] = (struct wait_item){(handle_t)w, SIG_READABLE | 8, 0};
    CHECK_ERR(handle_wait(items, 1, NOW), E_ACCES);
    items[1] = (struct wait_item){-1, 8, 0};
    CHECK_ERR(handle_wait(items, 2, NOW), E_ACCES);
    items[0] = (struct wait_item){(handle_t)region, 8, 0};
    CHECK_ERR(handle_wait(items, 2, NOW), E_WRONGTYPE);
    items[0] = (struct wait_item){(handle_t)q, 8, 0};
    CHECK_ERR(handle_wait(items, 2, NOW), E_BADH);
    CHECK_ERR(handle_wait(items, 1, NOW), E_INVAL);
    CHECK_ERR(handle_wait(items, 1, FOREVER), E_INVAL);
}

TEST_MAIN()
