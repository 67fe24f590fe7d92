/* exec: programs, their arguments, and what is refused. */
#include "../lab.h"

/* Runs a program with its output in a queue; puts what it printed into `text`
 * (up to size - 1 bytes), ended by 0. Returns its exit code, -1 if none. */
static long run(const char *const *args, char *text, uint32_t size)
{
    long q = queue_create(16, 4096, 0), r, len = 0;
    long rd = handle_dup(q, RIGHT_READ, 0);
    long child = SPAWN({
        handle_dup_at(q, 1);
        handle_close(q);
        handle_close(rd);
        exec_list(args);
        exit(111);
    });

    handle_close(q);
    while ((r = queue_recv(rd, text + len, size - 1 - len, 0, FOREVER)) >= 0)
        len += r;
    CHECK_ERR(r, E_PIPE);
    text[len] = 0;
    handle_close(rd);
    return JOIN(child);
}

// ABI: the program gets its arguments, blanks and empty ones included.
TEST(arguments)
{
    static const char *const args[] = {"echo", "one", "", "two three", "4", 0};
    char text[64];

    CHECK_EQ(run(args, text, sizeof(text)), 0);
    CHECK_EQ(strcmp(text, "one  two three 4\n"), 0);
}

// ABI: its exit code is what wait tells.
TEST(exit_codes)
{
    static const char *const yes[] = {"true", 0}, *const no[] = {"false", 0};
    char text[8];

    CHECK_EQ(run(yes, text, sizeof(text)), 0);
    CHECK_EQ(run(no, text, sizeof(text)), 1);
}

// ABI: the pid stays, the name changes.
TEST(pid_stays)
{
    static const char *const args[] = {"cat", 0};
    struct proc_info info;
    long in = queue_create(1, 8, 0);
    long rd = handle_dup(in, RIGHT_READ, 0);
    long child = SPAWN({
        handle_dup_at(rd, 0);
        handle_close(in);
        handle_close(rd);
        exec_list(args);
        exit(1);
    });

    await_receivers(in, 1);
    CHECK_EQ(proc_info(child, &info), 0);
    CHECK_EQ(strcmp(info.name, "cat"), 0);
    CHECK_EQ(info.parent, getpid());
    CHECK_EQ(handle_close(rd), 0);
    CHECK_EQ(handle_close(in), 0);
    CHECK_EQ(JOIN(child), 0);
}

// ABI: argv with its pointers takes at most 4096 bytes, else E_2BIG.
TEST(arguments_limit)
{
    static char big[4200], text[4300];
    static const char *args[] = {"echo", big, 0};

    memset(big, 'x', 4000);
    CHECK_EQ(run(args, text, sizeof(text)), 0);
    CHECK_EQ(strlen(text), 4001);
    memset(big, 'x', 4080);
    CHECK_ERR(exec_list(args), E_2BIG);
    memset(big, 'x', 4199);
    CHECK_ERR(exec_list(args), E_2BIG);
}

// ABI: many small arguments count with their pointers.
TEST(many_arguments)
{
    static const char *args[600];
    static char text[512];

    for (int i = 0; i < 200; i++)
        args[i] = "echo";
    args[200] = 0;
    for (int i = 1; i < 200; i++)
        args[i] = "";
    CHECK_EQ(run(args, text, sizeof(text)), 0);
    CHECK_EQ(strlen(text), 199);
    for (int i = 200; i < 599; i++)
        args[i] = "";
    CHECK_ERR(exec_list(args), E_2BIG);
}

// ABI: a name that is not in the archive is E_NOENT; the caller goes on.
TEST(no_such_program)
{
    static const char *const args[] = {"no-such-program", 0};
    static const char *const part[] = {"ech", 0}, *const more[] = {"echos", 0};
    int local = 5;

    CHECK_ERR(exec_list(args), E_NOENT);
    CHECK_ERR(exec_list(part), E_NOENT);
    CHECK_ERR(exec_list(more), E_NOENT);
    CHECK_EQ(local, 5);
}

// ABI: a boot file that is no program is E_NOEXEC.
TEST(not_a_program)
{
    static const char *const args[] = {"points.json", 0};

    CHECK_ERR(exec_list(args), E_NOEXEC);
}

// B5: pointers that cannot be read are E_FAULT, in any place of argv.
TEST(wild_arguments)
{
    static char *args[4] = {(char *)(uintptr_t) "echo", 0, 0, 0};

    for (uint32_t i = 0; i < WILD_COUNT; i++) {
        CHECK_ERR(exec(wild_pointers[i], args), E_FAULT);
        CHECK_ERR(exec("echo", wild_pointers[i]), E_FAULT);
        args[1] = wild_pointers[i];
        CHECK_ERR(exec("echo", args), E_FAULT);
        args[1] = args[0];
        args[2] = wild_pointers[i];
        CHECK_ERR(exec("echo", args), E_FAULT);
        args[1] = args[2] = 0;
    }
}

// B5: argv and its strings may not run into unmapped memory.
TEST(endless_arguments)
{
    char **args = (char **)heap_tail(64);
    char *text = (char *)args;

    for (int i = 0; i < 8; i++)
        args[i] = (char *)(uintptr_t) "x";
    CHECK_ERR(exec("echo", args), E_FAULT);
    memset(text, 'y', 64);
    CHECK_ERR(exec("echo", (char *[]){text, 0}), E_FAULT);
}

// F7: memory is the new program's own: the old one's is freed.
TEST(old_memory_freed)
{
    static const char *const args[] = {"true", 0};
    static struct sys_info before, after;

    wait(SPAWN(exec_list(args)), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 50; i++) {
        struct exit_info info;
        long child = SPAWN(sbrk(1 << 20); exec_list(args); exit(1));

        CHECK_EQ(wait(child, &info, FOREVER), child);
        CHECK_EQ(info.code, 0);
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
}

// A4: exec that fails for want of memory leaves the old program running.
TEST(exec_no_memory)
{
    static const char *const args[] = {"true", 0};
    long child = SPAWN({
        long r;

        for (long step = 1 << 20; step >= (long)PAGE_SIZE; step /= 2)
            while (sbrk(step) >= 0)
                continue;
        r = exec_list(args);
        CHECK_ERR(r, E_NOMEM);
    });

    CHECK_EQ(JOIN(child), 0);
}

TEST_MAIN()
