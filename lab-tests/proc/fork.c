/* fork, exit, wait. */
#include "../lab.h"

// ABI: fork returns twice: the child's pid in the parent, 0 in the child.
TEST(fork_returns_twice)
{
    long q = queue_create(1, 8, 0);
    long pid = fork();

    if (pid == 0) {
        put(q, (uint64_t)getpid());
        exit(0);
    }
    CHECK(pid > getpid());
    CHECK_EQ(take(q), pid);
    CHECK_EQ(JOIN(pid), 0);
}

static int variable = 1;

// ABI: memory is copied: what one writes the other does not see.
TEST(fork_copies_memory)
{
    long gate = queue_create(1, 8, 0);
    uint64_t *heap = malloc(8);
    volatile uint64_t stack = 1;
    long child;

    *heap = 1;
    child = SPAWN({
        CHECK_EQ(variable + *heap + stack, 3);
        variable = 2;
        *heap = 2;
        stack = 2;
        take(gate);
        CHECK_EQ(variable + *heap + stack, 6);
    });
    variable = *heap = stack = 5;
    put(gate, 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(variable + *heap + stack, 15);
}

// ABI: pids rise and are not used again.
TEST(pids_rise)
{
    long last = getpid();

    for (int i = 0; i < 300; i++) {
        long child = SPAWN(nop());

        CHECK(child > last);
        last = child;
        CHECK_EQ(JOIN(child), 0);
    }
}

// ABI: registers and the stack come through fork as they were.
TEST(fork_keeps_registers)
{
    for (int i = 0; i < 20; i++) {
        long r;
        uint64_t wrong;

        asm volatile("li s2, 0x5a5a5a5a\n li s3, 77\n li s4, -9\n"
                     "li s5, 1\n slli s5, s5, 40\n li a7, 2\n ecall\n"
                     "mv %0, a0\n li t0, 0x5a5a5a5a\n xor t1, s2, t0\n"
                     "xori t2, s3, 77\n or t1, t1, t2\n xori t2, s4, -9\n"
                     "or t1, t1, t2\n srli s5, s5, 40\n xori s5, s5, 1\n"
                     "or %1, t1, s5"
                     : "=&r"(r), "=&r"(wrong)
                     :
                     : "memory", "s2", "s3", "s4", "s5", "a0", "a1", "a2", "a3",
                       "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4",
                       "t5", "t6");
        if (r == 0)
            exit(wrong ? 1 : 0);
        CHECK_EQ(wrong, 0);
        CHECK_EQ(JOIN(r), 0);
    }
}

// ABI: wait tells the pid, the reason and the code.
TEST(wait_tells_code)
{
    static const int codes[] = {0, 1, 42, 127, 255};
    struct exit_info info;

    for (int i = 0; i < 5; i++) {
        long child = SPAWN(exit(codes[i]));

        memset(&info, 0xff, sizeof(info));
        CHECK_EQ(wait(child, &info, FOREVER), child);
        CHECK_EQ(info.pid, child);
        CHECK_EQ(info.reason, EXIT_NORMAL);
        CHECK_EQ(info.code, codes[i]);
    }
}

// ABI: an exit code is 0..255: of anything wider the low byte counts.
TEST(code_is_a_byte)
{
    struct exit_info info;

    CHECK(wait(SPAWN(exit(256 + 7)), &info, FOREVER) > 0);
    CHECK_EQ(info.code, 7);
    CHECK(wait(SPAWN(exit(-1)), &info, FOREVER) > 0);
    CHECK_EQ(info.code, 255);
}

// ABI: wait(-1) takes whichever child ends, each once, then E_CHILD.
TEST(wait_any)
{
    uint64_t seen = 0;
    struct exit_info info;
    long pid[8];

    for (int i = 0; i < 8; i++)
        pid[i] = SPAWN(nap_ms(i % 3); exit(i));
    for (int i = 0; i < 8; i++) {
        long r = wait(-1, &info, FOREVER);

        CHECK_EQ(r, info.pid);
        CHECK_EQ(r, pid[info.code]);
        seen |= 1ull << info.code;
    }
    CHECK_EQ(seen, 255);
    CHECK_ERR(wait(-1, &info, FOREVER), E_CHILD);
}

// ABI: waiting for one child leaves the others to be waited for.
TEST(wait_one_of_two)
{
    long first = SPAWN(exit(1)), second = SPAWN(exit(2));

    CHECK_EQ(JOIN(second), 2);
    CHECK_ERR(wait(second, 0, FOREVER), E_CHILD);
    CHECK_EQ(JOIN(first), 1);
}

// ABI: without such a child wait is E_CHILD; exit_info may be 0.
TEST(wait_no_child)
{
    struct proc_info me;
    long child;

    CHECK_EQ(proc_info(getpid(), &me), 0);
    CHECK_ERR(wait(-1, 0, FOREVER), E_CHILD);
    CHECK_ERR(wait(-1, 0, NOW), E_CHILD);
    child = SPAWN(nop());
    CHECK_ERR(wait(getpid(), 0, NOW), E_CHILD);
    CHECK_ERR(wait(me.parent, 0, NOW), E_CHILD);
    CHECK_ERR(wait(1, 0, NOW), E_CHILD);
    CHECK_ERR(wait(999999, 0, NOW), E_CHILD);
    CHECK_EQ(wait(child, 0, FOREVER), child);
}

// E3 E4: wait follows the rule of timeouts.
TEST(wait_timeout)
{
    long gate = queue_create(1, 8, 0);
    long child = SPAWN(take(gate));
    uint64_t start = clock_ns();

    CHECK_ERR(wait(child, 0, NOW), E_AGAIN);
    CHECK_ERR(wait(-1, 0, NOW), E_AGAIN);
    CHECK_ERR(wait(child, 0, MS(20)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(20));
    put(gate, 1);
    CHECK_EQ(wait(child, 0, MS(5000)), child);
}

// C3: exit_info that cannot be written is E_FAULT; the child stays to be
// waited for.
TEST(wait_wild_pointer)
{
    struct exit_info info;
    long child = SPAWN(exit(3));

    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(wait(child, wild_pointers[i], FOREVER), E_FAULT);
    CHECK_EQ(wait(child, &info, FOREVER), child);
    CHECK_EQ(info.code, 3);
}

// ABI: when wait returns, all that the child held is free.
TEST(wait_means_free)
{
    static struct sys_info before, after;

    wait(SPAWN(nop()), 0, FOREVER);
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(sys_info(&before), 0);
        wait(SPAWN(sbrk(100000); queue_create(4, 4096, 0)), 0, FOREVER);
        CHECK_EQ(sys_info(&after), 0);
        CHECK_EQ(after.free_pages, before.free_pages);
        CHECK_EQ(after.objects, before.objects);
        CHECK_EQ(after.procs, before.procs);
    }
}

// ABI: children of one that ends pass to its parent, who can wait for them.
TEST(orphans_pass_to_parent)
{
    struct proc_info info;
    struct exit_info end;
    long q = queue_create(1, 8, 0), gate = queue_create(1, 8, 0);
    long child = SPAWN({
        if (fork() == 0) {
            put(q, (uint64_t)getpid());
            take(gate);
            exit(9);
        }
    });
    long grandchild = (long)take(q);

    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(proc_info(grandchild, &info), 0);
    CHECK_EQ(info.parent, getpid());
    put(gate, 1);
    CHECK_EQ(wait(-1, &end, FOREVER), grandchild);
    CHECK_EQ(end.code, 9);
}

// ABI: an orphan that has ended already passes on as well.
TEST(ended_orphan_passes)
{
    struct exit_info end;
    long q = queue_create(1, 8, 0);
    long child = SPAWN({
        long grandchild = fork();

        if (grandchild == 0)
            exit(4);
        await_state(grandchild, PROC_ENDED);
        put(q, (uint64_t)grandchild);
    });
    long grandchild = (long)take(q);

    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(wait(grandchild, &end, FOREVER), grandchild);
    CHECK_EQ(end.code, 4);
}

// ABI: one who sleeps in wait gets an orphan's end, too.
TEST(sleeping_parent_gets_orphan)
{
    long child = SPAWN({
        if (fork() == 0) {
            nap_ms(30);
            exit(6);
        }
    });
    struct exit_info end;

    CHECK_EQ(wait(-1, &end, FOREVER), child);
    CHECK(wait(-1, &end, FOREVER) > child);
    CHECK_EQ(end.code, 6);
    CHECK_ERR(wait(-1, &end, NOW), E_CHILD);
}

// N4: ten thousand lives leave the number of free pages as it was.
TEST(fork_exit_cycles)
{
    static struct sys_info before, after;

    wait(SPAWN(nop()), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (uint32_t i = 0; i < rounds(10000); i++) {
        long pid = fork();

        if (pid == 0)
            exit(0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.procs, before.procs);
}

TEST_MAIN()
