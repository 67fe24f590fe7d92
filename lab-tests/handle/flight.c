/* Handles in flight, while everything around them ends. */
#include "../lab.h"

enum { SENDERS = 3, RECEIVERS = 2, ROUNDS = 60 };

/* Sends handles for ever, often waiting for a place; revoked, it starts from
 * the one that it keeps. */
static void send_for_ever(handle_t q, handle_t origin, uint64_t seed)
{
    for (;;) {
        long cargo = handle_dup(origin, RIGHTS_FULL, 0);

        if (cargo < 0)
            exit(1);
        for (int i = 0; i < 4; i++)
            (void)queue_send_handle(q, (handle_t)cargo, RIGHT_WRITE,
                                    MSG_OPT(random_below(&seed, 4), 0),
                                    US(random_below(&seed, 300)));
        (void)handle_close((handle_t)cargo);
    }
}

/* Receives them, at times into memory that is not there, and uses them. */
static void receive_for_ever(handle_t q, uint64_t seed)
{
    struct msg_handle got;

    for (;;) {
        void *to = random_below(&seed, 8) ? &got : wild_pointers[0];
        long len =
            queue_recv(q, to, sizeof(got), 0, US(random_below(&seed, 300)));

        if (len == sizeof(got) && got.handle >= 0) {
            (void)queue_send(got.handle, "x", 1, 0, NOW);
            (void)handle_close(got.handle);
        }
    }
}

/* Senders and receivers are killed at any moment, and all that was derived is
 * revoked again and again: nothing hangs, and nothing is left behind. */
TEST(killed_and_revoked_in_flight)
{
    long q = queue_create(2, 8, 0), origin = queue_create(1, 8, 0);
    uint64_t seed = (uint64_t)test_seed();
    long pid[SENDERS + RECEIVERS];

    for (int i = 0; i < SENDERS + RECEIVERS; i++)
        pid[i] = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t victim = random_below(&seed, SENDERS + RECEIVERS);

        for (uint32_t i = 0; i < SENDERS + RECEIVERS; i++)
            if (!pid[i])
                pid[i] = i < SENDERS
                             ? SPAWN(send_for_ever((handle_t)q,
                                                   (handle_t)origin, round + i))
                             : SPAWN(receive_for_ever((handle_t)q, round + i));
        timer_wait(TIMER_REL, US(random_below(&seed, 2000)));
        CHECK(handle_revoke((handle_t)origin) >= 0);
        CHECK_EQ(kill(pid[victim]), 0);
        CHECK_EQ(wait(pid[victim], 0, MS(SETTLE_MS)), pid[victim]);
        pid[victim] = 0;
    }
    CHECK_EQ(handle_shutdown((handle_t)q), 0);
    for (int i = 0; i < SENDERS + RECEIVERS; i++)
        if (pid[i]) {
            CHECK_EQ(kill(pid[i]), 0);
            CHECK_EQ(wait(pid[i], 0, MS(SETTLE_MS)), pid[i]);
        }
}

/* Without memory a handle that is sent arrives as long as there is room for an
 * entry, then it stays where it is; with memory again it arrives. */
TEST(received_without_memory)
{
    handle_t q = queue_create(2, 8, 0), cargo = queue_create(1, 8, 0);
    uint64_t eaten = (uint64_t)sbrk(0);
    struct msg_handle got;
    long child =
        SPAWN(while (!queue_send_handle(q, cargo, RIGHT_WRITE, 0, FOREVER));
              exit(1););
    long received = 0;

    await_senders(q, 1);
    eat_memory();
    while (queue_recv(q, &got, sizeof(got), 0, MS(SETTLE_MS)) == sizeof(got))
        received++;
    CHECK(received < HANDLE_SLOTS - 8);
    CHECK_ERR(queue_recv(q, &got, sizeof(got), 0, NOW), E_NOMEM);
    await_senders(q, 1);
    CHECK_EQ(stat_of(q).len, 2);
    CHECK(sbrk(-(long)((uint64_t)sbrk(0) - eaten)) > 0);
    CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), sizeof(got));
    CHECK(got.handle >= 0);
    CHECK_EQ(kill(child), 0);
    CHECK_EQ(wait(child, 0, FOREVER), child);
}

// F12, N4: the last handle of the queue goes while a handle waits to be sent to
// it, and with it the queue.
TEST(queue_gone_meanwhile)
{
    handle_t go = (handle_t)queue_create(1, 8, 0), q;
    handle_t cargo = (handle_t)queue_create(1, 8, 0);
    long child = SPAWN(CHECK_ERR(
        queue_send_handle((handle_t)take(go), cargo, RIGHT_READ, 0, FOREVER),
        E_BADH));

    q = (handle_t)queue_create(1, 8, 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(put(go, (uint64_t)handle_grant(q, child, RIGHT_WRITE, 0)), 0);
    await_senders(q, 1);
    CHECK(handle_revoke(q) >= 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(JOIN(child), 0);
}

TEST_MAIN()
