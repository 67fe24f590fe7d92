/* The ring and its process: exit, fork, exec, kill. */
#include "raw.h"

// L17: exit inside a batch ends the process; what comes behind it is not done.
TEST(exit_in_batch)
{
    long q = new_queue(4);
    long pid = SPAWN({
        raw_open(8);
        put_send(0, q, "a", 1, NOW);
        PUT(CALL_exit, NEED, 1, 7);
        put_send(2, q, "b", 1, NOW);
        ring_submit(3, 0, NOW);
        put((handle_t)q, 1);
    });

    CHECK_EQ(JOIN(pid), 7);
    CHECK_EQ(stat_of((handle_t)q).sent, 1);
}

// L17: exit takes its code from the entry; a batch of nothing else.
TEST(exit_codes)
{
    for (uint64_t code = 0; code < 256; code += 51)
        CHECK_EQ(JOIN(SPAWN(raw_open(1); PUT(CALL_exit, 0, 0, code);
                            ring_submit(1, 1, FOREVER))),
                 code);
}

// L17: a child has no ring, and can make one of its own; the parent's goes on.
TEST(fork_does_not_share)
{
    uint64_t number = 0;
    long q = new_queue(4), child;

    raw_open(8);
    put_recv(1, q, &number, 8, FOREVER);
    put_nop(2);
    put_nop(3);
    CHECK_EQ(ring_submit(2, 0, NOW), 2);
    CHECK_FAULT((void)SQ_PROD, 13);
    CHECK_FAULT((void)CQ_PROD, 13);
    child = SPAWN({
        CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
        CHECK_ERR(ring_close(), E_INVAL);
        raw_open(4);
        CHECK_EQ(ready() | PARKED | (SQ_PROD - SQ_CONS), 0);
        put_nop(9);
        SUBMIT_ONE();
        EXPECT(9, 0);
        put((handle_t)q, 5);
    });
    CHECK_EQ(JOIN(child), 0);
    AWAIT(2);
    EXPECT(2, 0);
    EXPECT(1, 8);
    CHECK_EQ(number, 5);
    SUBMIT_ONE();
    EXPECT(3, 0);
}

// L17: a new program has no ring and can make one. Also run by exec below.
TEST(new_program)
{
    CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
    CHECK_ERR(ring_close(), E_INVAL);
    CHECK_FAULT((void)SQ_PROD, 13);
    raw_open(4);
    put_nop(1);
    SUBMIT_ONE();
    EXPECT(1, 0);
}

// L17 F7: exec drops the ring; what was parked is out of its lines.
TEST(exec_drops)
{
    static const char *const args[] = {"ring-life", "new_program", 0};
    long q = new_queue(4), out = queue_create(64, 512, 0);
    long child = SPAWN({
        uint64_t number;

        handle_dup_at((handle_t)out, STDOUT);
        raw_open(8);
        put_recv(1, q, &number, 8, FOREVER);
        put_nop(2);
        CHECK_EQ(ring_submit(2, 0, NOW), 2);
        exec_list(args);
        exit(1);
    });

    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);
}

// L17: an exec that fails leaves the ring as it is.
TEST(exec_fails)
{
    static const char *const args[] = {"no such program", 0};
    uint64_t number = 0;
    long q = new_queue(4);

    raw_open(8);
    put_recv(1, q, &number, 8, FOREVER);
    SUBMIT_ONE();
    CHECK_ERR(exec_list(args), E_NOENT);
    put((handle_t)q, 5);
    AWAIT(1);
    EXPECT(1, 8);
    CHECK_EQ(number, 5);
}

// L17 L18: kill as an entry: a child, nobody, oneself.
TEST(kill_as_entry)
{
    struct exit_info info;
    long q = new_queue(1), child = SPAWN(take((handle_t)q));

    raw_open(4);
    await_receivers((handle_t)q, 1);
    PUT(CALL_kill, NEED, 1, (uint64_t)child);
    PUT(CALL_kill, NEED, 2, (uint64_t)getpid());
    PUT(CALL_kill, NEED, 3, 0x7ffffff0);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    EXPECT(1, 0);
    EXPECT(2, -E_ACCES);
    EXPECT(3, -E_SRCH);
    CHECK_EQ(wait(child, &info, FOREVER), child);
    CHECK_EQ(info.reason, EXIT_KILLED);
}

// L12 N4: killed while it waits in ring_submit, or with a ring that it has
// just made or is about to close.
TEST(killed_race)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < 60; i++) {
        long child = SPAWN({
            for (;;) {
                raw_open(8);
                for (uint64_t n = 0; n < 6; n++)
                    PUT(CALL_timer_wait, NEED, n, TIMER_REL, US(30 * n));
                PUT(CALL_nop, NEED | BARRIER, 6);
                ring_submit(7, 4, FOREVER);
                raw_close();
            }
        });

        BUSY_US(random_below(&seed, 1000));
        CHECK_EQ(kill(child), 0);
        CHECK_EQ(wait(child, 0, FOREVER), child);
    }
}

// L1: every process may have a ring: thirty at once, with something parked.
TEST(many_processes)
{
    long q = new_queue(64), child[30];
    uint64_t sum = 0;

    for (int i = 0; i < 30; i++)
        child[i] = SPAWN({
            uint64_t number = 0;

            raw_open(64);
            put_recv(1, q, &number, 8, FOREVER);
            CHECK_EQ(ring_submit(1, 1, FOREVER), 1);
            EXPECT(1, 8);
            exit((int)number);
        });
    await_receivers((handle_t)q, 30);
    for (uint64_t i = 0; i < 30; i++)
        CHECK_EQ(put((handle_t)q, i), 0);
    for (int i = 0; i < 30; i++)
        sum += (uint64_t)JOIN(child[i]);
    CHECK_EQ(sum, 29 * 30 / 2);
}

TEST_MAIN()
