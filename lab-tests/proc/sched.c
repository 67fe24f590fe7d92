/* Sharing the harts; yield; the clock and timers; proc_info. */
#include <ring.h>

#include "../lab.h"

// ABI: the clock rises, in nanoseconds, and does not run backwards.
TEST(clock_rises)
{
    uint64_t last = clock_ns(), start = last;

    for (int i = 0; i < 10000; i++) {
        uint64_t now = clock_ns();

        CHECK(now >= last);
        last = now;
    }
    CHECK(last > start);
    CHECK(last < MS(600000));
}

// M5 E4: timer_wait sleeps at least the time asked, and little more.
TEST(timer_relative)
{
    static const uint64_t times[] = {US(100), MS(1), MS(20), MS(50)};

    for (int i = 0; i < 4; i++) {
        uint64_t best = UINT64_MAX;

        for (int n = 0; n < 6; n++) {
            uint64_t start = clock_ns(), took;

            CHECK_EQ(timer_wait(TIMER_REL, times[i]), 0);
            took = (uint64_t)clock_ns() - start;
            CHECK(took >= times[i]);
            if (took < best)
                best = took;
        }
        CHECK(best < times[i] + MS(2));
    }
}

// M5: an absolute time is waited for on the same clock; a past one is now.
TEST(timer_absolute)
{
    uint64_t start = clock_ns(), now;

    CHECK_EQ(timer_wait(TIMER_ABS, start + MS(10)), 0);
    now = clock_ns();
    CHECK(now >= start + MS(10));
    CHECK(now < start + MS(2000));
    CHECK_EQ(timer_wait(TIMER_ABS, start), 0);
    CHECK_EQ(timer_wait(TIMER_ABS, 0), 0);
    CHECK_EQ(timer_wait(TIMER_REL, 0), 0);
    CHECK((uint64_t)clock_ns() - now < MS(1000));
}

// M5: unknown flags are E_INVAL.
TEST(timer_flags)
{
    CHECK_ERR(timer_wait(2, 0), E_INVAL);
    CHECK_ERR(timer_wait(UINT32_MAX, MS(100000)), E_INVAL);
}

// M5 E4: huge times do not wrap: the sleeper stays asleep.
TEST(timer_huge)
{
    static const uint64_t times[] = {UINT64_MAX, UINT64_MAX - 5, 1ull << 63,
                                     UINT64_MAX / 10};
    long child[8];

    for (int i = 0; i < 8; i++)
        child[i] = SPAWN(timer_wait(i % 2, times[i / 2]));
    nap_ms(30);
    for (int i = 0; i < 8; i++) {
        CHECK_ERR(wait(child[i], 0, NOW), E_AGAIN);
        CHECK_EQ(kill(child[i]), 0);
        CHECK_EQ(wait(child[i], 0, FOREVER), child[i]);
    }
}

/* Ten sleepers whose times are 5 ms apart: do they wake in that order? */
static bool ten_timers(handle_t q)
{
    uint64_t start = (uint64_t)clock_ns() + MS(30);
    bool in_order = true;
    long child[10];

    for (uint64_t i = 0; i < 10; i++)
        child[i] = SPAWN({
            uint64_t turn = i * 7 % 10;

            CHECK_EQ(timer_wait(TIMER_ABS, start + MS(5) * turn), 0);
            put(q, turn);
        });
    for (uint64_t i = 0; i < 10; i++)
        in_order &= take(q) == i;
    for (int i = 0; i < 10; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    return in_order;
}

// M5: many timers end in the order of their times. When the emulator itself
// has to wait, several are due at once, so there is more than one try.
TEST(timers_in_order)
{
    long q = queue_create(16, 8, 0);

    for (int i = 0; i < 10; i++)
        if (ten_timers((handle_t)q))
            return;
    CHECK(!"in order");
}

// ABI: a process that computes does not keep others from running.
TEST(preemption)
{
    uint32_t n = hart_count() + 2;
    uint64_t start = clock_ns();
    long child[10];

    for (uint32_t i = 0; i < n; i++)
        child[i] = SPAWN(while (1) asm volatile(""));
    for (int i = 0; i < 5; i++)
        nap_ms(1);
    CHECK((uint64_t)clock_ns() - start < MS(5000));
    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(kill(child[i]), 0);
        CHECK_EQ(wait(child[i], 0, FOREVER), child[i]);
    }
}

// Who wakes at the same moment as others has its turn within a few slices, with
// nobody else there to make a hart look.
TEST(woken_together)
{
    uint64_t at = (uint64_t)clock_ns() + MS(10);

    for (int i = 0; i < 3; i++)
        SPAWN({
            CHECK_EQ(timer_wait(TIMER_ABS, at), 0);
            CHECK((uint64_t)clock_ns() < at + MS(20));
            while ((uint64_t)clock_ns() < at + MS(100))
                continue;
        });
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(-1), 0);
}

/* Sends to the other, which waits for that, and waits until it does so, too. */
static void exchange(struct sring *ring, handle_t out, handle_t in)
{
    uint64_t byte = 0;

    sring_add(ring, 1, queue_send, out, &byte, 1, 0, FOREVER);
    sring_add(ring, 2, queue_recv, in, &byte, 1, 0, FOREVER);
    CHECK_EQ(sring_submit_wait(ring, 2, FOREVER), 2);
    for (int i = 0; i < 2; i++)
        CHECK(sring_reap(ring)->result >= 0);
}

static uint64_t time_of_exchanges(struct sring *ring, handle_t out, handle_t in)
{
    uint64_t start = (uint64_t)clock_ns();

    for (int i = 0; i < 1000; i++)
        exchange(ring, out, in);
    return (uint64_t)clock_ns() - start;
}

// A pair that wakes each other needs the clock once in a slice, and not at each
// wake, also when a slice has ended while only one of the two was there.
TEST(wakes_leave_the_clock)
{
    handle_t there = (handle_t)queue_create(1, 1, 0);
    handle_t back = (handle_t)queue_create(1, 1, 0);
    uint64_t early, late, at;
    struct sring ring;
    long pid = SPAWN({
        struct sring own;
        uint8_t byte;

        CHECK_EQ(sring_open(&own, 2), 0);
        CHECK_EQ(queue_recv(there, &byte, 1, 0, FOREVER), 1);
        while (true)
            exchange(&own, back, there);
    });

    CHECK_EQ(sring_open(&ring, 2), 0);
    exchange(&ring, there, back);
    early = time_of_exchanges(&ring, there, back);
    at = (uint64_t)clock_ns() + MS(10);
    while ((uint64_t)clock_ns() < at)
        continue;
    late = time_of_exchanges(&ring, there, back);
    CHECK(late <= early + early / 50);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// ABI: those who compute get like shares.
TEST(fair_shares)
{
    struct proc_info info;
    uint64_t least = 0, most = 1;
    long child[4];

    for (int i = 0; i < 4; i++)
        child[i] = SPAWN(while (1) asm volatile(""));
    // A busy host can hold one hart back for a while; what is unfair stays so.
    for (int round = 0; round < 12 && 2 * most >= 5 * least; round++) {
        nap_ms(300);
        least = UINT64_MAX;
        most = 0;
        for (int i = 0; i < 4; i++) {
            CHECK_EQ(proc_info(child[i], &info), 0);
            least = info.cpu_ns < least ? info.cpu_ns : least;
            most = info.cpu_ns > most ? info.cpu_ns : most;
        }
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(kill(child[i]), 0);
        CHECK_EQ(wait(child[i], 0, FOREVER), child[i]);
    }
    CHECK(least > MS(20));
    CHECK(2 * most < 5 * least);
}

// ABI: with more work than harts, all harts work.
TEST(harts_busy)
{
    struct proc_info info;
    uint32_t harts = hart_count(), used = 0;
    uint64_t sum = 0;
    long child[16];

    CHECK(harts <= 8);
    for (uint32_t i = 0; i < 2 * harts; i++)
        child[i] = SPAWN(while (1) asm volatile(""));
    nap_ms(400);
    for (uint32_t i = 0; i < 2 * harts; i++) {
        CHECK_EQ(proc_info(child[i], &info), 0);
        CHECK(info.hart < 8);
        sum += info.cpu_ns;
        used |= 1u << info.hart;
    }
    for (uint32_t i = 0; i < 2 * harts; i++) {
        CHECK_EQ(kill(child[i]), 0);
        CHECK_EQ(wait(child[i], 0, FOREVER), child[i]);
    }
    CHECK_EQ(__builtin_popcount(used), harts);
    CHECK(sum > MS(400) * harts / 2);
}

// ABI: yield gives the hart to another, and comes back.
TEST(yield_alternates)
{
    long q = queue_create(1, 8, 0);
    long child = SPAWN({
        for (int i = 0; i < 1000; i++)
            CHECK_EQ(yield(), 0);
        put(q, 1);
    });

    while (stat_of(q).len == 0)
        CHECK_EQ(yield(), 0);
    CHECK_EQ(JOIN(child), 0);
}

// ABI: proc_info tells about oneself.
TEST(info_self)
{
    struct proc_info me, again;
    long h;

    CHECK_EQ(proc_info(getpid(), &me), 0);
    CHECK_EQ(me.pid, getpid());
    CHECK_EQ(me.state, PROC_RUNNING);
    CHECK(me.hart < 64);
    CHECK(me.pages >= STACK_BYTES / PAGE_SIZE);
    CHECK(me.handles >= 3);
    CHECK(strlen(me.name) > 0);
    h = queue_create(1, 8, 0);
    CHECK_EQ(proc_info(getpid(), &again), 0);
    CHECK_EQ(again.handles, me.handles + 1);
    CHECK_EQ(handle_close((handle_t)h), 0);
    BUSY_US(3000);
    CHECK_EQ(proc_info(getpid(), &again), 0);
    CHECK(again.cpu_ns > me.cpu_ns);
}

// ABI: and about others: their parent, state and name.
TEST(info_child)
{
    struct proc_info info, me;
    long q = queue_create(1, 8, 0);
    long child = SPAWN(take(q));

    CHECK_EQ(proc_info(getpid(), &me), 0);
    await_state(child, PROC_WAITING);
    CHECK_EQ(proc_info(child, &info), 0);
    CHECK_EQ(info.pid, child);
    CHECK_EQ(info.parent, getpid());
    CHECK_EQ(info.handles, me.handles);
    CHECK_EQ(strcmp(info.name, me.name), 0);
    put(q, 1);
    await_state(child, PROC_ENDED);
    CHECK_EQ(JOIN(child), 0);
    CHECK_ERR(proc_info(child, &info), E_SRCH);
}

// ABI: pid -p is the smallest pid from p on: a walk meets every process once.
TEST(info_walk)
{
    static struct sys_info sys;
    struct proc_info info;
    long q = queue_create(1, 8, 0);
    long child = SPAWN(take(q)), p = 1, seen = 0, last = 0;
    uint32_t count = 0;

    while (proc_info(-p, &info) == 0) {
        CHECK(info.pid >= p);
        CHECK(info.pid > last);
        last = info.pid;
        seen += info.pid == child || info.pid == getpid() || info.pid == 1;
        count++;
        p = last + 1;
    }
    CHECK_ERR(proc_info(-p, &info), E_SRCH);
    CHECK_EQ(seen, 3);
    CHECK_EQ(sys_info(&sys), 0);
    CHECK_EQ(count, sys.procs);
    put(q, 1);
    CHECK_EQ(JOIN(child), 0);
}

// ABI: no such process is E_SRCH; a bad pointer is E_FAULT.
TEST(info_errors)
{
    struct proc_info info;

    CHECK_ERR(proc_info(999999, &info), E_SRCH);
    CHECK_ERR(proc_info(INT64_MAX, &info), E_SRCH);
    CHECK_ERR(proc_info(INT64_MIN, &info), E_SRCH);
    CHECK_ERR(proc_info(-INT64_MAX, &info), E_SRCH);
    for (long i = 1; i <= 1024; i++) {
        CHECK_ERR(proc_info(getpid() + i, &info), E_SRCH);
        CHECK_ERR(kill(getpid() + i), E_SRCH);
        CHECK_ERR(kill(-i), E_SRCH);
    }
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(proc_info(getpid(), wild_pointers[i]), E_FAULT);
}

// ABI: 256 processes at once; one more is refused, and room comes back.
TEST(many_processes)
{
    static struct sys_info sys;
    static long child[512];
    long gate = queue_create(1, 8, 0), r;
    long rd = handle_dup(gate, RIGHT_READ, 0);
    uint32_t n = 0;

    while (n < 512 && (r = SPAWN({
                           handle_close(gate);
                           queue_recv(rd, 0, 0, 0, FOREVER);
                       })) > 0)
        child[n++] = r;
    CHECK_EQ(sys_info(&sys), 0);
    CHECK(sys.procs >= 256);
    CHECK(n == 512 || r == -E_NFILE || r == -E_NOMEM);
    CHECK_EQ(handle_close(gate), 0);
    for (uint32_t i = 0; i < n; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    for (int i = 0; i < 10; i++)
        CHECK(wait(SPAWN(nop()), 0, FOREVER) > 0);
}

TEST_MAIN()
