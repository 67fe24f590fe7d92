/* How parked operations end when an object or their owner does. */
#include "raw.h"

/* Parks a receive and a send for ever; q is empty, full is full. */
static void park_two(long q, long full)
{
    static uint64_t number;

    put_recv(1, q, &number, 8, FOREVER);
    put_send(2, full, &number, 8, FOREVER);
    CHECK_EQ(ring_submit(2, 0, NOW), 2);
}

static void expect_two(long error)
{
    struct ring_completion got[64];

    AWAIT(2);
    collect(got, 2);
    CHECK_EQ(got[1].result, -error);
    CHECK_EQ(got[2].result, -error);
    CHECK_EQ(PARKED, 0);
}

static long full_queue(void)
{
    long q = new_queue(1);

    CHECK_EQ(put((handle_t)q, 0), 0);
    return q;
}

// L12 F8: an own handle that is closed: E_BADH.
TEST(handle_closed)
{
    long q = new_queue(4), full = full_queue();

    raw_open(8);
    park_two(q, full);
    CHECK_EQ(PARKED, 2);
    CHECK_EQ(handle_close((handle_t)q), 0);
    CHECK_EQ(handle_close((handle_t)full), 0);
    expect_two(E_BADH);
}

// L12 F8: closed by an entry behind it in the same batch.
TEST(handle_closed_by_entry)
{
    struct ring_completion got[64];
    uint64_t number;
    long q = new_queue(4), other = handle_dup((handle_t)q, RW, 0);

    raw_open(8);
    put_recv(1, q, &number, 8, FOREVER);
    put_recv(2, other, &number, 8, FOREVER);
    PUT(CALL_handle_close, NEED, 3, (uint64_t)q);
    CHECK_EQ(ring_submit(3, 2, MS(SETTLE_MS)), 3);
    collect(got, 2);
    CHECK_EQ(got[1].result, -E_BADH);
    CHECK_EQ(got[3].result, 0);
    CHECK_EQ(PARKED, 1);
    CHECK_EQ(put((handle_t)other, 5), 0);
    AWAIT(1);
    EXPECT(2, 8);
}

// L12 F12: revoked above it, here or by another process: E_BADH.
TEST(handle_revoked)
{
    long q = new_queue(4), full = full_queue(), go = new_queue(1);
    long mine = handle_dup((handle_t)q, RW, 0);
    long mine_too = handle_dup((handle_t)full, RW, 0), owner;

    raw_open(8);
    park_two(mine, mine_too);
    CHECK_EQ(handle_revoke((handle_t)q), 1);
    CHECK_EQ(handle_revoke((handle_t)full), 1);
    expect_two(E_BADH);
    raw_close();
    owner = SPAWN({
        mine = (long)take((handle_t)go);
        raw_open(8);
        park_two(mine, (long)take((handle_t)go));
        expect_two(E_BADH);
    });
    put((handle_t)go, (uint64_t)handle_grant((handle_t)q, owner, RW, 0));
    put((handle_t)go, (uint64_t)handle_grant((handle_t)full, owner, RW, 0));
    await_receivers((handle_t)q, 1);
    await_senders((handle_t)full, 1);
    CHECK_EQ(handle_revoke((handle_t)q), 1);
    CHECK_EQ(handle_revoke((handle_t)full), 1);
    CHECK_EQ(JOIN(owner), 0);
}

// L12 F9: shut down, here or by another process: E_PIPE.
TEST(queue_shut_down)
{
    long q = new_queue(4), full = full_queue(), child;

    raw_open(8);
    park_two(q, full);
    CHECK_EQ(handle_shutdown((handle_t)q), 0);
    CHECK_EQ(handle_shutdown((handle_t)full), 0);
    expect_two(E_PIPE);
    q = new_queue(4);
    full = full_queue();
    child = SPAWN({
        await_receivers((handle_t)q, 1);
        await_senders((handle_t)full, 1);
        handle_shutdown((handle_t)q);
        handle_shutdown((handle_t)full);
    });
    park_two(q, full);
    expect_two(E_PIPE);
    CHECK_EQ(JOIN(child), 0);
}

// L12 F3 F4: the other side is gone: E_PIPE.
TEST(peer_gone)
{
    long q = new_queue(4), full = full_queue();
    long rd = handle_dup((handle_t)q, RIGHT_READ, 0);
    long wr = handle_dup((handle_t)full, RIGHT_WRITE, 0);
    long child = SPAWN({
        handle_close((handle_t)rd);
        handle_close((handle_t)wr);
        await_receivers((handle_t)q, 1);
        await_senders((handle_t)full, 1);
    });

    CHECK_EQ(handle_close((handle_t)q) | handle_close((handle_t)full), 0);
    raw_open(8);
    park_two(rd, wr);
    expect_two(E_PIPE);
    CHECK_EQ(JOIN(child), 0);
}

// L12 F5: a killed owner's entries leave their lines; others get the messages.
TEST(owner_killed)
{
    static uint64_t number;
    long q = new_queue(64), full = full_queue();
    long owner = SPAWN({
        raw_open(64);
        for (uint64_t i = 0; i < 63; i++)
            put_recv(i, q, &number, 8, FOREVER);
        put_send(63, full, &number, 8, FOREVER);
        ring_submit(64, 64, FOREVER);
    });
    struct exit_info info;

    await_receivers((handle_t)q, 63);
    await_senders((handle_t)full, 1);
    CHECK_EQ(kill(owner), 0);
    CHECK_EQ(wait(owner, &info, FOREVER), owner);
    CHECK_EQ(info.reason, EXIT_KILLED);
    CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);
    CHECK_EQ(stat_of((handle_t)full).waiting_senders, 0);
    put((handle_t)q, 5);
    CHECK_EQ(take_now((handle_t)q), 5);
}

/* A child that parks 32 receives of q and a send and then does `how`. */
#define PARK_AND(how)                                                          \
    do {                                                                       \
        long owner_ = SPAWN({                                                  \
            static uint64_t n;                                                 \
            raw_open(64);                                                      \
            for (uint64_t i = 0; i < 32; i++)                                  \
                put_recv(i, q, &n, 8, FOREVER);                                \
            put_send(32, full, &n, 8, FOREVER);                                \
            PUT(CALL_timer_wait, NEED, 33, TIMER_REL, MS(1));                  \
            CHECK_EQ(ring_submit(64, 0, NOW), 34);                             \
            how;                                                               \
        });                                                                    \
        CHECK_EQ(JOIN(owner_), 0);                                             \
        CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);                   \
        CHECK_EQ(stat_of((handle_t)full).waiting_senders, 0);                  \
        CHECK_EQ(put((handle_t)q, 5), 0);                                      \
        CHECK_EQ(take_now((handle_t)q), 5);                                    \
    } while (0)

// L17 F7: parked entries are dropped at exit, exec and ring_close.
TEST(owner_leaves_the_ring)
{
    static const char *const program[] = {"true", 0};
    long q = new_queue(64), full = full_queue();

    PARK_AND(exit(0));
    PARK_AND(exec_list(program));
    PARK_AND({
        raw_close();
        CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);
        CHECK_EQ(stat_of((handle_t)full).waiting_senders, 0);
        raw_open(4);
        CHECK_EQ(ready(), 0);
        CHECK_ERR(ring_submit(0, 1, MS(5)), E_TIMEDOUT);
    });
}

/* A child with a ring that is killed in the midst of receiving. */
static void receive_for_ever(long q, long answers)
{
    static uint64_t numbers[8];

    raw_open(8);
    for (uint64_t i = 0; i < 8; i++)
        put_recv(i, q, &numbers[i], 8, FOREVER);
    for (;;) {
        CHECK(ring_submit(8, 1, FOREVER) >= 0);
        while (ready() > 0) {
            uint64_t i = reap().user_data;

            put((handle_t)answers, numbers[i]);
            put_recv(i, q, &numbers[i], 8, FOREVER);
        }
    }
}

// L12 E10: whenever the owner is killed, what it has not taken is there for
// others: no message twice, and at most those lost that it held itself.
TEST(killed_at_any_time_race)
{
    uint64_t seed = test_seed();

    for (int round = 0; round < 40; round++) {
        long q = new_queue(16), answers = new_queue(32), owner, sender;
        uint64_t seen = 0, n = 0;
        struct queue_stat s;

        owner = SPAWN(receive_for_ever(q, answers));
        sender = SPAWN(for (uint64_t i = 0; i < 16; i++) put((handle_t)q, i));
        BUSY_US(random_below(&seed, 1500));
        CHECK_EQ(kill(owner), 0);
        CHECK_EQ(wait(owner, 0, FOREVER), owner);
        CHECK_EQ(JOIN(sender), 0);
        s = stat_of((handle_t)q);
        CHECK_EQ(s.waiting_receivers, 0);
        CHECK_EQ(s.received + s.len, 16);
        while (stat_of((handle_t)answers).len > 0 ||
               stat_of((handle_t)q).len > 0) {
            handle_t from =
                (handle_t)(stat_of((handle_t)answers).len > 0 ? answers : q);
            uint64_t number = take_now(from);

            CHECK(number < 16 && !(seen >> number & 1));
            seen |= 1ull << number;
            n++;
        }
        CHECK(n + 8 >= 16);
        CHECK_EQ(handle_close((handle_t)q) | handle_close((handle_t)answers),
                 0);
    }
}

// L12: messages come to what is parked while its owner falls asleep in another
// call and wakes up, by a message or by the clock: each arrives once.
TEST(owner_asleep_race)
{
    enum { EACH = 1000 };
    static bool arrived[EACH];
    uint64_t seed = test_seed(), numbers[2], number;
    uint64_t seen = 0, direct = 0;
    long q = new_queue(4), wake = new_queue(4);
    long child[2] = {
        SPAWN(for (uint64_t i = 0; i < EACH; i++) put((handle_t)q, i)),
        SPAWN(for (uint64_t i = 0; i < EACH; i++) put((handle_t)wake, i)),
    };

    raw_open(2);
    put_recv(0, q, &numbers[0], 8, FOREVER);
    put_recv(1, q, &numbers[1], 8, FOREVER);
    while (seen < EACH || direct < EACH) {
        if (SQ_PROD != SQ_CONS)
            CHECK(ring_submit(2, 0, NOW) > 0);
        if (direct < EACH && queue_recv((handle_t)wake, &number, 8, 0,
                                        US(random_below(&seed, 60))) == 8)
            CHECK_EQ(number, direct++);
        while (ready() > 0 && seen < EACH) {
            uint64_t i = reap().user_data;

            CHECK(numbers[i] < EACH && !arrived[numbers[i]]);
            arrived[numbers[i]] = true;
            seen++;
            put_recv(i, q, &numbers[i], 8, FOREVER);
        }
    }
    CHECK_EQ(JOIN(child[0]) | JOIN(child[1]), 0);
    CHECK_EQ(stat_of((handle_t)q).received, EACH);
}

TEST_MAIN()
