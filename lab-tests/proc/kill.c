/* kill: whom it may end, and how fast. */
#include "../lab.h"

static void check_killed(long pid)
{
    struct exit_info info;

    CHECK_EQ(wait(pid, &info, MS(5000)), pid);
    CHECK_EQ(info.pid, pid);
    CHECK_EQ(info.reason, EXIT_KILLED);
}

// ABI: a child that sleeps ends at once.
TEST(kill_sleeper)
{
    long q = queue_create(1, 8, 0);
    long child = SPAWN(take(q));
    uint64_t start;

    await_receivers(q, 1);
    start = clock_ns();
    CHECK_EQ(kill(child), 0);
    check_killed(child);
    CHECK((uint64_t)clock_ns() - start < MS(500));
}

// ABI: and one that computes, without a single call.
TEST(kill_spinner)
{
    long child = SPAWN(while (1) asm volatile(""));
    uint64_t start;

    nap_ms(5);
    start = clock_ns();
    CHECK_EQ(kill(child), 0);
    check_killed(child);
    CHECK((uint64_t)clock_ns() - start < MS(1000));
}

// ABI: and one that has not run yet.
TEST(kill_newborn)
{
    for (int i = 0; i < 100; i++) {
        long child = SPAWN(nop());
        struct exit_info info;

        CHECK_EQ(kill(child), 0);
        CHECK_EQ(wait(child, &info, FOREVER), child);
        CHECK(info.reason == EXIT_KILLED || info.reason == EXIT_NORMAL);
    }
}

// ABI: and those that sleep in timer_wait, wait, handle_wait, or a send.
TEST(kill_any_sleep)
{
    long q = queue_create(1, 8, 0), full = queue_create(1, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0};
    long child[4];

    put_now(full, 1, PRIO_LOW);
    child[0] = SPAWN(timer_wait(TIMER_REL, MS(60000)));
    child[1] = SPAWN(handle_wait(&item, 1, FOREVER));
    child[2] = SPAWN(put(full, 1));
    child[3] = SPAWN(wait(-1, 0, FOREVER); take(q));
    for (int i = 0; i < 4; i++) {
        await_state(child[i], PROC_WAITING);
        CHECK_EQ(kill(child[i]), 0);
        check_killed(child[i]);
    }
}

// ABI: no such process is E_SRCH.
TEST(kill_nobody)
{
    long child = SPAWN(nop());

    CHECK_EQ(JOIN(child), 0);
    CHECK_ERR(kill(child), E_SRCH);
    CHECK_ERR(kill(999999), E_SRCH);
    CHECK_ERR(kill(0), E_SRCH);
    CHECK_ERR(kill(-1), E_SRCH);
    CHECK_ERR(kill(1ll << 32), E_SRCH);
    CHECK_ERR(kill(INT64_MAX), E_SRCH);
}

// ABI: oneself, an ancestor or a sibling is E_ACCES.
TEST(kill_no_descendant)
{
    struct proc_info me;
    long gate = queue_create(1, 8, 0);
    long sibling = SPAWN(take(gate)), child;

    CHECK_EQ(proc_info(getpid(), &me), 0);
    CHECK_ERR(kill(getpid()), E_ACCES);
    CHECK_ERR(kill(me.parent), E_ACCES);
    CHECK_ERR(kill(1), E_ACCES);
    child = SPAWN({
        CHECK_ERR(kill(sibling), E_ACCES);
        CHECK_ERR(kill(me.pid), E_ACCES);
    });
    CHECK_EQ(JOIN(child), 0);
    put(gate, 1);
    CHECK_EQ(JOIN(sibling), 0);
}

// ABI: one that has ended but was not waited for is 0, and keeps its end.
TEST(kill_ended)
{
    struct exit_info info;
    long child = SPAWN(exit(5));

    await_state(child, PROC_ENDED);
    CHECK_EQ(kill(child), 0);
    CHECK_EQ(wait(child, &info, FOREVER), child);
    CHECK_EQ(info.reason, EXIT_NORMAL);
    CHECK_EQ(info.code, 5);
}

// ABI: a grandchild may be killed; its parent reaps it.
TEST(kill_grandchild)
{
    long q = queue_create(1, 8, 0), gate = queue_create(1, 8, 0);
    long child = SPAWN({
        long grandchild = fork();

        if (grandchild == 0) {
            take(gate);
            exit(0);
        }
        put(q, (uint64_t)grandchild);
        check_killed(grandchild);
    });

    CHECK_EQ(kill((long)take(q)), 0);
    CHECK_EQ(JOIN(child), 0);
}

// ABI: children of the killed one live on, and belong to the killer then.
TEST(children_live_on)
{
    long q = queue_create(1, 8, 0), gate = queue_create(1, 8, 0);
    long child = SPAWN({
        if (fork() == 0) {
            put(q, (uint64_t)getpid());
            take(gate);
            exit(8);
        }
        timer_wait(TIMER_REL, MS(60000));
    });
    long grandchild = (long)take(q);

    CHECK_EQ(kill(child), 0);
    check_killed(child);
    CHECK_ERR(wait(grandchild, 0, NOW), E_AGAIN);
    put(gate, 1);
    CHECK_EQ(JOIN(grandchild), 8);
}

// ABI: an orphan's new ancestor may kill it.
TEST(kill_adopted)
{
    long q = queue_create(1, 8, 0), gate = queue_create(1, 8, 0);
    long child = SPAWN({
        if (fork() == 0) {
            put(q, (uint64_t)getpid());
            take(gate);
        }
    });
    long grandchild = (long)take(q);

    CHECK_EQ(wait(child, 0, FOREVER), child);
    CHECK_EQ(kill(grandchild), 0);
    check_killed(grandchild);
}

/* Works in every way that needs no other process. */
static void work_forever(void)
{
    uint8_t data[64] = {0};

    while (1) {
        long q = queue_create(4, 64, 0);
        long w = handle_dup(q, RIGHT_WRITE, 0);

        queue_send(w, data, 64, 0, NOW);
        queue_recv(q, data, 64, 0, US(100));
        queue_recv(q, data, 64, 0, US(50));
        sbrk(PAGE_SIZE);
        sbrk(-(long)PAGE_SIZE);
        handle_close(w);
        handle_close(q);
        if (fork() == 0)
            exit(0);
        wait(-1, 0, FOREVER);
    }
}

// N4: a thousand kills at random moments leave nothing behind.
TEST(kill_random_moments)
{
    static struct sys_info before, after;
    uint64_t seed = test_seed();

    wait(SPAWN(nop()), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (uint32_t i = 0; i < rounds(1000); i++) {
        long child = SPAWN(work_forever());

        timer_wait(TIMER_REL, US(random_below(&seed, 600)));
        BUSY_US(random_below(&seed, 20));
        CHECK_EQ(kill(child), 0);
        while (wait(-1, 0, FOREVER) > 0)
            continue;
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.procs, before.procs);
}

TEST_MAIN()
