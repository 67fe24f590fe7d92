/* What fork, exec and exit do to handles. */
#include "../lab.h"

// F6: the child has the same values, with the same rights, depth and badge.
TEST(fork_same_values)
{
    struct handle_info mine, theirs;
    long q = queue_create(2, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 5);
    long child;

    CHECK_EQ(handle_info(w, &mine), 0);
    child = SPAWN({
        CHECK_EQ(handle_info(w, &theirs), 0);
        CHECK_EQ(theirs.object_id, mine.object_id);
        CHECK_EQ(theirs.rights, mine.rights);
        CHECK_EQ(theirs.depth, mine.depth);
        CHECK_EQ(theirs.badge, mine.badge);
        CHECK_EQ(put(w, 1), 0);
    });
    CHECK_EQ(take(q), 1);
    CHECK_EQ(JOIN(child), 0);
}

// F6: what the child closes stays open in the parent.
TEST(child_close_is_its_own)
{
    long q = queue_create(2, 8, 0);
    long child = SPAWN({
        CHECK_EQ(handle_close(q), 0);
        CHECK_ERR(handle_close(q), E_BADH);
    });

    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(q), 1);
}

// F6: the child's copy keeps the object when the parent closes its own.
TEST(child_keeps_object)
{
    long q = queue_create(2, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);
    long child = SPAWN({
        nap_ms(20);
        CHECK_EQ(put(q, 7), 0);
    });

    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(take(r), 7);
    CHECK_ERR(queue_recv(r, 0, 0, 0, FOREVER), E_PIPE);
    CHECK_EQ(JOIN(child), 0);
}

// F6 F1: a hundred children that inherit a full table leave nothing behind.
TEST(fork_full_table)
{
    long q = queue_create(2, 8, 0);

    while (handle_dup(q, RIGHT_READ, 0) >= 0)
        continue;
    for (int i = 0; i < 100; i++) {
        long child = SPAWN(CHECK_EQ(put(q, 1), 0); take(q));

        CHECK_EQ(JOIN(child), 0);
    }
    CHECK_EQ(stat_of(q).len, 0);
}

// F7: a program started by exec writes to the queue that was its handle 1.
TEST(exec_keeps_streams)
{
    static const char *const args[] = {"echo", "over", "the queue", 0};
    char line[64];
    long q = queue_create(16, 64, 0), len = 0, r;
    long rd = handle_dup(q, RIGHT_READ, 0);
    long child = SPAWN({
        handle_dup_at(q, 1);
        exit((int)exec_list(args));
    });

    CHECK_EQ(handle_close(q), 0);
    while ((r = queue_recv(rd, line + len, 64 - len, 0, FOREVER)) >= 0)
        len += r;
    CHECK_ERR(r, E_PIPE);
    CHECK_EQ(len, 15);
    CHECK_EQ(memcmp(line, "over the queue\n", 15), 0);
    CHECK_EQ(JOIN(child), 0);
}

// F7: handles that the new program does not know of survive exec too.
TEST(exec_keeps_others)
{
    static const char *const args[] = {"cat", 0};
    long in = queue_create(1, 8, 0), q = queue_create(1, 8, 0);
    long in_read = handle_dup(in, RIGHT_READ, 0);
    long rd = handle_dup(q, RIGHT_READ, 0);
    long child = SPAWN({
        CHECK_EQ(handle_dup_at(in_read, 0), 0);
        handle_close(in);
        exec_list(args);
        exit(1);
    });

    CHECK_EQ(handle_close(in_read), 0);
    CHECK_EQ(handle_close(q), 0);
    await_receivers(in, 1);
    CHECK_ERR(queue_recv(rd, 0, 0, 0, MS(20)), E_TIMEDOUT);
    CHECK_EQ(handle_close(in), 0);
    CHECK_EQ(JOIN(child), 0);
    CHECK_ERR(queue_recv(rd, 0, 0, 0, FOREVER), E_PIPE);
}

// F5: exit and kill give back every handle of the process.
TEST(exit_returns_handles)
{
    static struct sys_info before, after;

    wait(SPAWN(nop()), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 20; i++) {
        long child = SPAWN({
            while (queue_create(1, 8, 0) >= 0)
                continue;
            if (i % 2)
                timer_wait(TIMER_REL, MS(10000));
        });

        if (i % 2) {
            nap_ms(2);
            CHECK_EQ(kill(child), 0);
        }
        CHECK_EQ(wait(child, 0, FOREVER), child);
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.free_pages, before.free_pages);
}

// F6: the exit of a child takes away its own copies only.
TEST(child_exit_is_its_own)
{
    long q = queue_create(2, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, 0), r = handle_dup(q, RIGHT_READ, 0);
    long peer;

    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(JOIN(SPAWN(nop())), 0);
    peer = SPAWN(handle_close(w); CHECK_EQ(take(r), 1));
    CHECK_EQ(JOIN(SPAWN(exit(0))), 0);
    CHECK_EQ(put(w, 1), 0);
    CHECK_EQ(JOIN(peer), 0);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_AGAIN);
}

/* The status of a shell that is to power the machine off with this handle. */
static long poweroff_with(long h)
{
    char word[32];
    const char *const args[] = {"sh", word, "-c", "poweroff", 0};

    snprintf(word, sizeof(word), "--system=%ld", h);
    return JOIN(SPAWN(exec_list(args); exit(1)));
}

// F7: a handle's number may be told to the new program as an argument: there
// it names the same object, here a queue, which is not the SYSTEM object.
TEST(exec_number_as_argument)
{
    long q = queue_create(2, 8, 0);

    CHECK_EQ(poweroff_with(q), E_WRONGTYPE);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(poweroff_with(q), E_BADH);
}

TEST_MAIN()
