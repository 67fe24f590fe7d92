/* RING_KERNEL_POLL: the kernel takes entries up by itself. */
#include "raw.h"

static char byte_sink[64]; /* for what nobody looks at */

static void poll_open(uint32_t entries)
{
    raw_open(entries | RING_KERNEL_POLL);
}

/* Wakes the poller if it says that it sleeps; whether it did. We publish, then
 * look; it says so, then looks: with a fence on both sides one sees it. */
static bool nudge(void)
{
    raw_fence();
    if (!(WAKEUP & RING_NEED_WAKEUP))
        return false;
    ring_submit(raw_mask + 1, 0, NOW);
    return true;
}

/* Room for another entry. */
static bool has_room(void)
{
    return SQ_PROD - SQ_CONS <= raw_mask;
}

// P13: ten thousand operations without a call by the owner. Only a host that
// stops it for long lets the poller fall asleep; then all is tried again.
TEST(no_traps)
{
    uint32_t nudges = 1;

    poll_open(64);
    for (int tries = 0; nudges > 0 && tries < 50; tries++) {
        uint64_t put_in = 0, taken = 0;

        put_nop(0);
        nudge();
        while (ready() == 0)
            nudge();
        EXPECT(0, 0);
        nudges = 0;
        while (taken < 10000) {
            while (put_in < 10000 && has_room())
                put_nop(put_in++);
            while (ready() > 0)
                EXPECT(taken++, 0);
            nudges += nudge();
        }
    }
    CHECK_EQ(nudges, 0);
}

/* Some entries of each kind; what came back, by user_data. */
static void mixed(uint32_t poll, struct ring_completion *got)
{
    static char byte;
    long q = new_queue(2);

    raw_open(16 | poll);
    put_nop(0);
    put_send(1, q, "ab", 2, NOW);
    put_recv(2, q, &byte, 1, NOW);
    put_recv(3, 77, &byte, 1, NOW);
    PUT(0xff, 0, 4);
    PUT(CALL_nop, 0x40, 5);
    // Not by PUT: the poller would see it without the last byte.
    raw_write(raw_entry(SQ_PROD), CALL_nop, 0, 6, ARGS(0));
    raw_entry(SQ_PROD)[56] = 1;
    raw_fence();
    SQ_PROD = SQ_PROD + 1;
    put_send(7, q, (void *)8, 1, FOREVER);
    PUT(CALL_fork, NEED, 8);
    PUT(CALL_handle_dup, NEED, 9, (uint64_t)q, 0x20, 0);
    PUT(CALL_nop, 0, 10);
    PUT(CALL_timer_wait, 0, 11, TIMER_REL, US(10));
    PUT(CALL_getpid, NEED | BARRIER, 12);
    PUT(CALL_handle_close, NEED, 13, (uint64_t)q);
    put_send(14, q, "c", 1, NOW);
    if (poll)
        nudge();
    else
        CHECK_EQ(ring_submit(16, 0, NOW), 15);
    CHECK_EQ(ring_submit(0, 14, MS(SETTLE_MS)), 0);
    collect(got, 14);
    CHECK_EQ(ready(), 0);
    raw_close();
}

// L4 L5 L13: the same checks and the same results as by ring_submit.
TEST(same_results)
{
    static struct ring_completion plain[64], polled[64];

    memset(polled, 0x7f, sizeof(polled));
    memset(plain, 0x7f, sizeof(plain));
    mixed(0, plain);
    mixed(RING_KERNEL_POLL, polled);
    for (int i = 0; i < 15; i++) {
        CHECK_EQ(polled[i].result, plain[i].result);
        CHECK_EQ(polled[i].flags, plain[i].flags);
    }
}

// L2: an idle poller sleeps and says so; ring_submit wakes it.
TEST(sleeps_and_wakes)
{
    poll_open(8);
    for (uint64_t i = 0; i < 10; i++) {
        AWAIT_WORD(WAKEUP, RING_NEED_WAKEUP);
        put_nop(i);
        CHECK(ring_submit(1, 1, MS(SETTLE_MS)) >= 0);
        EXPECT(i, 0);
    }
}

// L2 L3: the program that was meant: it looks at `wakeup`, and calls only then.
TEST(nudged)
{
    uint64_t put_in = 0, taken = 0;
    long q = new_queue(64);

    poll_open(8);
    while (taken < 500) {
        while (put_in < 500 && has_room()) {
            put_send(put_in, q, &put_in, 8, NOW);
            put_in++;
        }
        nudge();
        AWAIT(1);
        while (ready() > 0)
            EXPECT(taken++, 0);
        while (stat_of((handle_t)q).len > 0)
            take_now((handle_t)q);
    }
}

// B6: the poller acts as the owner: its pid, its handles, its memory.
TEST(acts_as_owner)
{
    struct msg_meta meta = {0};
    char text[4] = "mine", in[4];
    long q = new_queue(4);

    poll_open(8);
    PUT(CALL_getpid, NEED, 1);
    put_send(2, q, text, 4, NOW);
    PUT(CALL_queue_recv, NEED, 3, (uint64_t)q, (uint64_t)in, 4, (uint64_t)&meta,
        NOW);
    PUT(CALL_kill, NEED, 4, (uint64_t)getpid());
    PUT(CALL_handle_dup, NEED, 5, (uint64_t)q, RIGHT_READ, 0);
    nudge();
    AWAIT(5);
    EXPECT(1, getpid());
    EXPECT(2, 0);
    EXPECT(3, 4);
    EXPECT(4, -E_ACCES);
    CHECK_EQ(memcmp(in, "mine", 4), 0);
    CHECK_EQ(meta.sender, getpid());
    CHECK_EQ(handle_close((handle_t)reap().result), 0);
}

// L12: parked operations complete, time out and are cancelled.
TEST(parked)
{
    struct ring_completion got[64];
    uint64_t number = 0;
    long q = new_queue(4), other = new_queue(1);
    long child = SPAWN(await_receivers((handle_t)q, 1); put((handle_t)q, 7));

    poll_open(8);
    put_recv(0, q, &number, 8, FOREVER);
    put_recv(1, other, byte_sink, 1, MS(5));
    put_recv(2, other, byte_sink, 1, FOREVER);
    nudge();
    while (ready() < 2)
        nudge();
    collect(got, 2);
    CHECK_EQ(got[0].result, 8);
    CHECK_EQ(number, 7);
    CHECK_EQ(got[1].result, -E_TIMEDOUT);
    CHECK_EQ(ring_cancel(2), 1);
    AWAIT(1);
    EXPECT(2, -E_CANCELED);
    CHECK_EQ(JOIN(child), 0);
}

// L8: full completions stop the poller; nothing is lost or overwritten.
TEST(full)
{
    poll_open(4);
    for (uint64_t i = 0; i < 4; i++)
        put_nop(i);
    nudge();
    AWAIT(4);
    for (uint64_t i = 4; i < 8; i++) {
        CHECK(has_room());
        put_nop(i);
    }
    nudge();
    AWAIT_WORD(WAKEUP, RING_NEED_WAKEUP);
    CHECK_EQ(ready(), 4);
    for (uint64_t i = 0; i < 4; i++)
        EXPECT(i, 0);
    nudge();
    AWAIT(4);
    for (uint64_t i = 4; i < 8; i++)
        EXPECT(i, 0);
}

// L14: wild indices: nothing is run until they are right again.
TEST(wild_indices)
{
    long q = new_queue(4);
    uint32_t prod, cons;

    poll_open(8);
    prod = SQ_PROD;
    cons = CQ_CONS;
    put_nop(0);
    nudge();
    AWAIT(1);
    EXPECT(0, 0);
    for (uint32_t i = 1; i < 20; i++) {
        SQ_PROD = prod + 1 + 1000 * i;
        CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
        CQ_CONS = cons - 1000 * i;
        nap_ms(1);
        CHECK_EQ(SQ_CONS, prod + 1);
        CHECK_EQ(CQ_PROD, cons + 1);
    }
    SQ_PROD = prod + 1;
    CQ_CONS = cons + 1;
    put_send(1, q, "x", 1, NOW);
    ring_submit(1, 0, NOW);
    AWAIT(1);
    EXPECT(1, 0);
    CHECK_EQ(stat_of((handle_t)q).sent, 1);
}

// L15: entries rewritten while they are polled: never a message through a
// handle without the right, never one that is not as it was written.
TEST(rewritten)
{
    long guarded = new_queue(4), open = new_queue(64);
    long read_only = handle_dup((handle_t)guarded, RIGHT_READ, 0);
    long keeper =
        SPAWN(put((handle_t)open, 0); for (;;) timer_wait(TIMER_REL, FOREVER));
    uint64_t taken = 0;

    CHECK_EQ(take((handle_t)open), 0);
    handle_close((handle_t)guarded);
    poll_open(64);
    while (taken < 3000) {
        for (uint32_t i = 0; i < 64; i++) {
            volatile uint64_t *entry = (void *)raw_entry(i);
            bool evil = (taken + i) % 2;

            entry[1] = (uint64_t)(evil ? read_only : open);
            entry[2] = (uint64_t)(evil ? "evil" : "good");
            entry[0] = evil ? CALL_queue_send : CALL_queue_send | NEED << 16;
            entry[3] = 4;
        }
        if (has_room())
            SQ_PROD = SQ_PROD + 1;
        nudge();
        while (ready() > 0) {
            long result = reap().result;

            CHECK(result == 0 || result == -E_ACCES || result == -E_AGAIN ||
                  result == -E_MSGSIZE || result == -E_FAULT);
            taken++;
        }
        while (stat_of((handle_t)open).len > 32)
            CHECK(queue_recv((handle_t)open, byte_sink, 64, 0, NOW) <= 4);
    }
    CHECK_EQ(stat_of((handle_t)read_only).sent, 0);
    CHECK_EQ(kill(keeper), 0);
    wait(keeper, 0, FOREVER);
}

/* Keeps a polled ring busy until it is killed, or `count` are done. */
static void keep_busy(uint64_t count, long q)
{
    uint64_t put_in = 0, taken = 0;

    poll_open(16);
    while (taken < count) {
        while (has_room())
            put_send(put_in++, q, &put_in, 8, NOW);
        nudge();
        if (ready() == 0)
            yield();
        while (ready() > 0) {
            reap();
            taken++;
        }
    }
}

// L17 N4: the owner is killed, exits, execs or closes while it is polled.
TEST(owner_leaves_race)
{
    static const char *const program[] = {"true", 0};
    uint64_t seed = test_seed();
    long q = new_queue(64);

    for (int i = 0; i < 40; i++) {
        uint32_t some = random_below(&seed, 300);
        long child = SPAWN({
            keep_busy(i % 4 ? some : ~0ull, q);
            if (i % 4 == 2)
                exec_list(program);
            if (i % 4 == 3) {
                raw_close();
                poll_open(4);
            }
        });

        if (i % 4 == 0) {
            BUSY_US(2 * some);
            CHECK_EQ(kill(child), 0);
            CHECK_EQ(wait(child, 0, FOREVER), child);
        } else {
            CHECK_EQ(JOIN(child), 0);
        }
        while (stat_of((handle_t)q).len > 0)
            take_now((handle_t)q);
    }
}

// L17: exit as an entry that the poller takes.
TEST(exit_polled)
{
    long q = new_queue(4);
    long child = SPAWN({
        poll_open(4);
        put_send(0, q, "a", 1, NOW);
        PUT(CALL_exit, NEED, 1, 9);
        put_send(2, q, "b", 1, NOW);
        nudge();
        for (;;)
            timer_wait(TIMER_REL, FOREVER);
    });

    CHECK_EQ(JOIN(child), 9);
    CHECK_EQ(stat_of((handle_t)q).sent, 1);
}

// F12: handles revoked by another process while the poller sends through them.
TEST(revoked_race)
{
    uint64_t seed = test_seed();

    for (int round = 0; round < 30; round++) {
        long q = new_queue(64), go = new_queue(1), copy;
        long owner = SPAWN(keep_busy(~0ull, (long)take((handle_t)go)));

        copy = handle_grant((handle_t)q, owner, RIGHT_WRITE, 0);
        CHECK_EQ(put((handle_t)go, (uint64_t)copy), 0);
        BUSY_US(random_below(&seed, 800));
        CHECK_EQ(handle_revoke((handle_t)q), 1);
        CHECK_EQ(kill(owner), 0);
        CHECK_EQ(wait(owner, 0, FOREVER), owner);
        CHECK_EQ(stat_of((handle_t)q).len, stat_of((handle_t)q).sent);
        CHECK_EQ(handle_close((handle_t)q) | handle_close((handle_t)go), 0);
    }
}

/* Entries on handles and memory that their owner plays with by trap. */
static void play(uint64_t seed, uint32_t rounds_left)
{
    long q = new_queue(8), h = handle_dup((handle_t)q, RW, 0);
    uint8_t *page = heap_tail(PAGE_SIZE);

    poll_open(16);
    while (rounds_left-- > 0) {
        while (has_room())
            switch (random_below(&seed, 6)) {
            case 0:
                PUT(CALL_handle_dup, 0, 1, (uint64_t)h, RIGHT_READ, 0);
                break;
            case 1:
                PUT(CALL_handle_close, 0, 2, 3 + random_below(&seed, 200));
                break;
            case 2:
                put_recv(3, h, page, 64, random_below(&seed, 2) * US(20));
                break;
            default:
                put_send(4, h, page, 64, random_below(&seed, 2) * US(20));
            }
        nudge();
        while (ready() > 0) {
            struct ring_completion c = reap();

            if (c.user_data == 1 && c.result > 0)
                handle_close((handle_t)c.result);
        }
        handle_close((handle_t)h);
        h = handle_dup((handle_t)q, RW, 0);
        if (random_below(&seed, 4) == 0 && sbrk(-(long)PAGE_SIZE) >= 0)
            sbrk(PAGE_SIZE);
        if (random_below(&seed, 64) == 0)
            CHECK_EQ(JOIN(SPAWN()), 0);
    }
}

// L15 N4: the owner closes, makes and shrinks by trap what the poller uses at
// the same time: no more than errors comes of it.
TEST(owner_calls_race)
{
    uint64_t seed = test_seed();
    long child[2];

    for (int i = 0; i < 2; i++) {
        uint64_t part = rand_next(&seed);

        child[i] = SPAWN(play(part, 120));
    }
    CHECK_EQ(JOIN(child[0]) | JOIN(child[1]), 0);
}

// L3: several polled rings at a time, more than there are harts.
TEST(several)
{
    long q[6], child[6];

    for (int i = 0; i < 6; i++) {
        q[i] = new_queue(64);
        child[i] = SPAWN(keep_busy(400, q[i]));
    }
    for (int i = 0; i < 6; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// F6: a child has all slots that are free, also those that the poller has just
// set aside for handles that it receives.
TEST(fork_meanwhile)
{
    handle_t q = (handle_t)new_queue(1);

    CHECK_EQ(queue_send_handle(q, q, RIGHT_WRITE, 0, NOW), 0);
    poll_open(32);
    for (int i = 0; i < 32; i++) /* its buffer cannot be written: it stays */
        put_recv(0, q, (void *)(uintptr_t) "x", 64, NOW);
    for (int i = 0; i < 40; i++) {
        long pid;

        CQ_CONS = CQ_PROD;
        if (SQ_PROD == SQ_CONS)
            SQ_PROD = SQ_PROD + 32;
        nudge();
        pid = SPAWN({
            struct proc_info info;

            while (sem_create(0) >= 0)
                continue;
            CHECK_EQ(proc_info(getpid(), &info), 0);
            CHECK_EQ(info.handles, HANDLE_SLOTS);
        });
        CHECK_EQ(JOIN(pid), 0);
    }
    raw_close();
}

TEST_MAIN()
