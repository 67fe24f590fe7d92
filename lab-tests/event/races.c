/* Subscriptions, when several harts are at one of them at a time. */
#include "../ring/raw.h"

static handle_t sem, out;

static void open_both(void)
{
    sem = (handle_t)sem_create(0);
    out = (handle_t)queue_create(2, 16, 0);
    CHECK(sem >= 0 && out >= 0);
}

static void take_event(void)
{
    struct msg_event e;

    (void)!queue_recv(out, &e, sizeof(e), 0, NOW);
}

/* Another process, that does this for ever. */
#define FOR_EVER(...) SPAWN(for (;;) { __VA_ARGS__; })

static void stop(long pid)
{
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

/* Entries of a polled ring undo, or do as well, what the owner does. */
static void against_poller(uint16_t call)
{
    long pid;

    open_both();
    pid = FOR_EVER(sem_post(sem); sem_wait(sem, NOW));
    raw_open(64 | RING_KERNEL_POLL);
    for (uint32_t i = 0; i < rounds(8000); i++) {
        CQ_CONS = CQ_PROD;
        if (SQ_PROD - SQ_CONS < 3)
            PUT(call, 0, i, (uint64_t)sem, (uint64_t)out, SIG_READABLE);
        CHECK_EQ(handle_subscribe(sem, out, SIG_READABLE, i), 0);
        if (WAKEUP & RING_NEED_WAKEUP)
            ring_submit(64, 0, NOW);
        take_event();
        if (call == CALL_handle_subscribe && SQ_PROD == SQ_CONS) {
            CHECK_EQ(handle_unsubscribe(sem, out), 0);
            CHECK_ERR(handle_unsubscribe(sem, out), E_NOENT);
        }
    }
    raw_close();
    stop(pid);
}

// M2: the owner of a ring makes a subscription again while its poller ends it.
TEST(made_and_ended)
{
    against_poller(CALL_handle_unsubscribe);
}

// M2: both make the same one: it is one.
TEST(made_twice)
{
    against_poller(CALL_handle_subscribe);
}

// M2: signals come up again while their event is just being read, and before
// the one who caused it has posted it.
TEST(posted_once)
{
    uint64_t seed = test_seed();
    long pid;

    open_both();
    CHECK_EQ(handle_subscribe(sem, out, SIG_READABLE, 1), 0);
    pid = FOR_EVER(take_event(); for (uint32_t i = random_below(&seed, 1000);
                                      i > 0; i--) asm volatile(""));
    raw_open(64);
    for (int i = 0; i < 32; i++) {
        PUT(CALL_sem_post, 0, 0, (uint64_t)sem);
        PUT(CALL_sem_wait, 0, 0, (uint64_t)sem, NOW);
    }
    for (uint32_t i = 0; i < rounds(8000); i++) {
        CHECK_EQ(ring_submit(64, 0, NOW), 64);
        SQ_PROD = SQ_PROD + 64;
    }
    stop(pid);
}

// M2: of a subscription there is one unread event, though its signal comes up
// while the last one is just being read and the queue has another place.
TEST(one_unread)
{
    struct queue_stat stat;
    long pid;

    open_both();
    CHECK_EQ(handle_subscribe(sem, out, SIG_READABLE, 1), 0);
    pid = FOR_EVER(sem_post(sem); sem_wait(sem, NOW));
    for (uint32_t i = 0; i < rounds(40000); i++) {
        take_event();
        CHECK_EQ(queue_stat(out, &stat), 0);
        CHECK(stat.len <= 1);
    }
    stop(pid);
}

TEST_MAIN()
