/*
 * Runs the program `victim` again and again. With the boot argument fail_page=1
 * its first request for memory fails in the first run, its second one in the
 * second, and so on until one run needs fewer; with kill_at=1 it is killed
 * where it first releases a lock, or the next time behind the last.
 */
#include "../irq/driver.h"

#define REFUSED 7 /* the victim's exit code when memory was out */

struct ending {
    uint32_t reason;
    long code;
};

static char system_handle[12];

/* One run, with all that it leaves behind. */
static struct ending run_victim(bool much)
{
    const char *args[] = {"victim", system_handle, much ? "much" : 0, 0};
    struct proc_info p = {.pid = 0};
    struct exit_info info;
    long pid = fork();

    if (pid == 0)
        exit(exec_list(args) ? 9 : 0);
    if (wait(pid, &info, MS(1000)) != pid) {
        CHECK_EQ(kill(pid), 0); /* it waits for a child that was killed */
        CHECK_EQ(wait(pid, &info, MS(SETTLE_MS)), pid);
    }
    while (proc_info(-((long)p.pid + 1), &p) >= 0)
        if (p.parent == getpid())
            kill(p.pid);
    while (wait(-1, 0, MS(SETTLE_MS)) > 0)
        continue;
    return (struct ending){info.reason, info.code};
}

/* Runs the victim until nothing happens to it `idle` times in a row: who is
 * killed while it exits has exited. Returns: how often something happened. */
static int sweep(uint32_t reason, long code, int idle)
{
    static struct sys_info before, after;
    struct ending end;
    int n, quiet = 0, hit = 0;

    snprintf(system_handle, sizeof(system_handle), "%d", sys);
    CHECK_EQ(sys_info(&before), 0);
    for (n = 0; quiet < idle; n++) {
        end = run_victim(reason == EXIT_NORMAL);
        CHECK_EQ(sys_info(&after), 0);
        if (after.free_pages != before.free_pages ||
            after.objects != before.objects || after.procs != before.procs)
            printf("# run %d leaves %ld pages, %d objects, %d processes\n", n,
                   (long)(before.free_pages - after.free_pages),
                   (int)(after.objects - before.objects),
                   (int)(after.procs - before.procs));
        CHECK_EQ(after.free_pages, before.free_pages);
        CHECK_EQ(after.objects, before.objects);
        CHECK_EQ(after.procs, before.procs);
        if (end.reason == EXIT_NORMAL && end.code == 0) {
            quiet++;
            continue;
        }
        hit++;
        quiet = 0;
        if (end.reason != EXIT_KILLED || reason != EXIT_KILLED)
            CHECK_EQ(end.code, code);
    }
    printf("# %d runs, something happened in %d\n", n, hit);
    return hit;
}

// N5: memory is refused at the n-th request, for every n.
TEST(pages)
{
    CHECK(sweep(EXIT_NORMAL, REFUSED, 1) > 600);
}

// N4: it is killed wherever others may notice what it does.
TEST(kills)
{
    /* If it was a child, some check of its parent has failed. */
    CHECK(sweep(EXIT_KILLED, 1, 150) > 500);
}

DRIVER_MAIN()
