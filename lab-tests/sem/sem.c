/* Semaphores: units, waiters, ends. */
#include "../lab.h"

static handle_t new_sem(uint32_t count)
{
    long s = sem_create(count);

    CHECK(s >= 0);
    return (handle_t)s;
}

/* A child that takes one unit of s and then sends `mark` to out. */
static long waiter(handle_t s, handle_t out, uint64_t mark)
{
    long pid = SPAWN({
        CHECK_EQ(sem_wait(s, FOREVER), 0);
        CHECK_EQ(put(out, mark), 0);
    });

    await_state(pid, PROC_WAITING);
    return pid;
}

// M3: units count up and down; without one a wait fails at once, or in time.
TEST(counts)
{
    handle_t s = new_sem(2);
    uint64_t start;

    CHECK_EQ(sem_value(s), 2);
    CHECK_EQ(sem_wait(s, NOW), 0);
    CHECK_EQ(sem_wait(s, FOREVER), 0);
    CHECK_EQ(sem_value(s), 0);
    CHECK_ERR(sem_wait(s, NOW), E_AGAIN);
    start = (uint64_t)clock_ns();
    CHECK_ERR(sem_wait(s, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(5));
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(sem_value(s), 1);
    CHECK_EQ(sem_wait(s, MS(5)), 0);
}

// M3: the count ends at INT32_MAX, for a new semaphore and for a post.
TEST(limits)
{
    handle_t s = new_sem(INT32_MAX);

    CHECK_ERR(sem_create((uint32_t)INT32_MAX + 1), E_INVAL);
    CHECK_ERR(sem_create(UINT32_MAX), E_INVAL);
    CHECK_EQ(sem_value(s), INT32_MAX);
    CHECK_ERR(sem_post(s), E_INVAL);
    CHECK_EQ(sem_value(s), INT32_MAX);
    CHECK_EQ(sem_wait(s, NOW), 0);
    CHECK_EQ(sem_post(s), 0);
}

// M3: waiters are served in the order in which they came.
TEST(fifo)
{
    handle_t s = new_sem(0), out = (handle_t)queue_create(4, 8, 0);
    long pid[3];

    for (uint64_t i = 0; i < 3; i++)
        pid[i] = waiter(s, out, i);
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ(sem_post(s), 0);
        CHECK_EQ(take(out), i);
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M3 E6: a unit that was given to a waiter is nobody else's.
TEST(no_barging)
{
    handle_t s = new_sem(0), out = (handle_t)queue_create(4, 8, 0);
    long pid = waiter(s, out, 7);

    CHECK_EQ(sem_post(s), 0);
    CHECK_ERR(sem_wait(s, NOW), E_AGAIN);
    CHECK_EQ(sem_value(s), 0);
    CHECK_EQ(take(out), 7);
    CHECK_EQ(JOIN(pid), 0);
}

// E10: a unit given to a waiter that is killed before it runs is not lost.
TEST(killed_gives_back)
{
    uint32_t came_back = 0;

    for (int i = 0; i < 50; i++) {
        handle_t s = new_sem(0);
        long pid = SPAWN((void)!sem_wait(s, FOREVER); nap_ms(60000));

        await_state(pid, PROC_WAITING);
        CHECK_EQ(sem_post(s), 0);
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
        came_back += (uint32_t)sem_value(s);
        handle_close(s);
    }
    /* It ran before the kill and took the unit, or left it: on one hart it runs
     * in between only when the slice ends just there. */
    if (hart_count() == 1)
        CHECK(came_back > 25);
}

// E7: a killed waiter leaves the line, and the next one gets the unit.
TEST(killed_leaves)
{
    handle_t s = new_sem(0), out = (handle_t)queue_create(4, 8, 0);
    long first = waiter(s, out, 1), second = waiter(s, out, 2);

    CHECK_EQ(kill(first), 0);
    CHECK_EQ(wait(first, 0, FOREVER), first);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(take(out), 2);
    CHECK_EQ(JOIN(second), 0);
}

// E9: a waiter whose time was over takes no unit; a huge timeout does not wrap.
TEST(timed_out_leaves)
{
    handle_t s = new_sem(0);
    long pid;

    CHECK_ERR(sem_wait(s, MS(1)), E_TIMEDOUT);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(sem_value(s), 1);
    CHECK_EQ(sem_wait(s, NOW), 0);
    pid = SPAWN(CHECK_EQ(sem_wait(s, 1ull << 63), 0);
                CHECK_EQ(sem_wait(s, UINT64_MAX - 1), 0));
    await_state(pid, PROC_WAITING);
    CHECK_EQ(sem_post(s), 0);
    await_state(pid, PROC_WAITING);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(sem_value(s), 0);
}

// M3 E5: posts and short waits against each other: each unit is taken once.
TEST(short_timeouts)
{
    handle_t s = new_sem(0), sums = (handle_t)queue_create(4, 8, 0);
    uint64_t n = rounds(6000), taken = 0, seed = test_seed();
    long pid[4];

    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN({
            uint64_t got = 0;

            for (uint64_t k = 0; k < n; k++)
                if (i == 0)
                    CHECK_EQ(sem_post(s), 0);
                else
                    got += sem_wait(s, US(random_below(&seed, 30))) == 0;
            CHECK_EQ(put(sums, got), 0);
        });
    for (int i = 0; i < 4; i++)
        taken += take(sums);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(taken + (uint64_t)sem_value(s), n);
}

// M3 F9: a shutdown wakes all waiters with E_PIPE, and ends it for good.
TEST(shutdown)
{
    handle_t s = new_sem(0), more = new_sem(5);
    long pid[3];

    for (int i = 0; i < 3; i++) {
        pid[i] = SPAWN(CHECK_ERR(sem_wait(s, FOREVER), E_PIPE));
        await_state(pid[i], PROC_WAITING);
    }
    CHECK_EQ(handle_shutdown(s), 0);
    CHECK_EQ(handle_shutdown(s), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_ERR(sem_wait(s, NOW), E_PIPE);
    CHECK_ERR(sem_post(s), E_PIPE);
    CHECK_EQ(handle_shutdown(more), 0);
    CHECK_ERR(sem_wait(more, FOREVER), E_PIPE);
}

// F3 F4: when nobody can post any more, units are used up and then E_PIPE;
// when nobody can wait, a post is E_PIPE.
TEST(other_side_gone)
{
    handle_t s = new_sem(1), t = new_sem(1);
    handle_t r = (handle_t)handle_dup(s, RIGHT_READ, 0);
    handle_t w = (handle_t)handle_dup(t, RIGHT_WRITE, 0);
    struct wait_item items[2] = {{r, SIG_READABLE, 0}, {w, SIG_WRITABLE, 0}};
    long pid;

    CHECK_EQ(handle_close(s), 0);
    CHECK_EQ(handle_close(t), 0);
    CHECK_EQ(handle_wait(items, 2, NOW), 2);
    CHECK_EQ(items[0].seen, SIG_READABLE | SIG_CLOSED);
    CHECK_EQ(items[1].seen, SIG_CLOSED);
    CHECK_EQ(sem_wait(r, NOW), 0);
    CHECK_ERR(sem_wait(r, NOW), E_PIPE);
    CHECK_ERR(sem_post(w), E_PIPE);
    s = new_sem(0);
    r = (handle_t)handle_dup(s, RIGHT_READ, 0);
    pid = SPAWN(handle_close(s); CHECK_ERR(sem_wait(r, FOREVER), E_PIPE));
    await_state(pid, PROC_WAITING);
    CHECK_EQ(handle_close(s), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M3: what each call refuses, and in which order.
TEST(refused)
{
    handle_t s = new_sem(1), q = (handle_t)queue_create(1, 8, 0);
    handle_t r = (handle_t)handle_dup(s, RIGHT_READ, 0);
    handle_t w = (handle_t)handle_dup(s, RIGHT_WRITE, 0);

    CHECK_ERR(sem_wait(-1, NOW), E_BADH);
    CHECK_ERR(sem_post(99), E_BADH);
    CHECK_ERR(sem_value(99), E_BADH);
    CHECK_ERR(sem_wait(q, NOW), E_WRONGTYPE);
    CHECK_ERR(sem_post(q), E_WRONGTYPE);
    CHECK_ERR(sem_value(q), E_WRONGTYPE);
    CHECK_ERR(queue_send(s, "x", 1, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(sem_wait(w, NOW), E_ACCES);
    CHECK_ERR(sem_value(w), E_ACCES);
    CHECK_ERR(sem_post(r), E_ACCES);
    CHECK_EQ(sem_value(r), 1);
    while (sem_create(0) >= 0)
        continue;
    CHECK_ERR(sem_create(0), E_MFILE);
    CHECK_ERR(sem_create(UINT32_MAX), E_INVAL);
}

// M3: with a full memory creating one is E_NOMEM, and nothing else happens.
TEST(no_memory)
{
    long pid = SPAWN({
        eat_memory();
        /* What is left of pages that are in use is some hundred blocks. */
        while (sem_create(0) >= 0)
            continue;
        CHECK_ERR(sem_create(0), E_NOMEM);
    });

    CHECK_EQ(JOIN(pid), 0);
}

// C7: a semaphore is readable while it has units, never writable.
TEST(signals)
{
    handle_t s = new_sem(0);
    struct wait_item item = {s, SIG_READABLE | SIG_WRITABLE, 0};
    long pid;

    CHECK_ERR(handle_wait(&item, 1, NOW), E_AGAIN);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_READABLE);
    CHECK_EQ(sem_wait(s, NOW), 0);
    pid = SPAWN({
        CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
        CHECK_EQ(sem_wait(s, NOW), 0);
    });
    await_state(pid, PROC_WAITING);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(handle_shutdown(s), 0);
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_CLOSED);
}

// F12: a waiter whose handle is revoked gets E_BADH.
TEST(revoked)
{
    handle_t s = new_sem(0), copy = (handle_t)handle_dup(s, RW, 0);
    long pid = SPAWN(CHECK_ERR(sem_wait(copy, FOREVER), E_BADH));

    await_state(pid, PROC_WAITING);
    CHECK_EQ(handle_revoke(s), 2); /* ours and the child's */
    CHECK_EQ(JOIN(pid), 0);
    CHECK_ERR(sem_wait(copy, NOW), E_BADH);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(sem_value(s), 1);
}

// M3: four posters and four waiters: of 10^5 units none is lost.
TEST(storm)
{
    handle_t s = new_sem(0);
    uint32_t n = seeded() ? 2500 : 25000;
    long pid[8];

    for (int i = 0; i < 8; i++)
        pid[i] = SPAWN(for (uint32_t k = 0; k < n; k++) {
            if (i % 2)
                CHECK_EQ(sem_post(s), 0);
            else
                CHECK_EQ(sem_wait(s, FOREVER), 0);
        });
    for (int i = 0; i < 8; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(sem_value(s), 0);
}

TEST_MAIN()
