/* What the mistakes were about, all at once. */
#include "race.h"

/* Messages come through while receivers give up, and are killed. */
static void messages(uint64_t seed)
{
    handle_t q = (handle_t)queue_create(4, 8, 0);
    uint32_t n = rounds(1500), got = 0;
    long sender = SPAWN(for (uint32_t i = 0; i < n; i++) put(q, i));

    while (got < n) {
        uint64_t value, wait_us = random_below(&seed, 30);
        long len = queue_recv(q, &value, sizeof(value), 0, US(wait_us));

        if (len == (long)sizeof(value))
            CHECK_EQ(value, got++);
        else
            CHECK(len == -E_TIMEDOUT || len == -E_AGAIN);
    }
    CHECK_EQ(JOIN(sender), 0);
    CHECK_EQ(stat_of(q).len, 0);
    for (uint64_t i = 0; i < 20; i++) {
        long victim = SPAWN((void)queue_recv(q, &i, 8, 0, FOREVER));

        await_receivers(q, 1);
        CHECK_EQ(kill(victim), 0);
        CHECK_EQ(put_now(q, i, PRIO_NORMAL), 0);
        CHECK_EQ(take_now(q), i);
        CHECK_EQ(wait(victim, 0, FOREVER), victim);
    }
}

/* Callers are answered, or are killed at any moment and leave nothing. */
static void calls(uint64_t seed)
{
    handle_t p = (handle_t)port_create();
    struct ipc_msg m = {.type = 1};
    long reply;

    for (int i = 0; i < 40; i++) {
        long pid = SPAWN(for (;;) if (port_call(p, &m, FOREVER) < 0) break);

        for (uint32_t k = random_below(&seed, 10); k; k--) {
            reply = port_recv(p, &m, FOREVER);
            CHECK(reply > 0);
            CHECK_EQ(port_reply((handle_t)reply, &m), 0);
        }
        dawdle(&seed);
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
        CHECK_ERR(port_recv(p, &m, NOW), E_AGAIN);
    }
}

/* Who waits for a signal gets it; a wait for ever is never over in time. */
static void signals(uint64_t seed)
{
    handle_t there = (handle_t)sem_create(0), back = (handle_t)sem_create(0);
    struct wait_item items[2] = {{back, SIG_READABLE, 0},
                                 {(handle_t)sem_create(0), SIG_READABLE, 0}};
    uint32_t n = rounds(1000);
    long pid = SPAWN(for (uint32_t i = 0; i < n; i++) {
        while (sem_wait(there, US(random_below(&seed, 100))) < 0)
            continue;
        CHECK_EQ(sem_post(back), 0);
    });

    for (uint32_t i = 0; i < n; i++) {
        dawdle(&seed);
        CHECK_EQ(sem_post(there), 0);
        CHECK_EQ(handle_wait(items, 2, FOREVER), 1);
        CHECK_EQ(sem_wait(back, FOREVER), 0);
    }
    CHECK_EQ(JOIN(pid), 0);
}

/* What a log's cursor covers is there. */
static void logs(void)
{
    enum { CHUNK = 64 << 10, CHUNKS = 16 };
    handle_t log =
        (handle_t)region_create(REGION_APPEND, CHUNK * CHUNKS, 0, 0, 0);
    struct region_info info = {0};
    uint8_t *bytes = (uint8_t *)sbrk(CHUNK), last;
    long pid = SPAWN({
        memset(bytes, 1, CHUNK);
        for (int i = 0; i < CHUNKS; i++)
            CHECK_EQ(region_append(log, bytes, CHUNK), i * CHUNK);
    });

    while (info.cursor < CHUNK * CHUNKS) {
        CHECK_EQ(region_info(log, &info), 0);
        if (info.cursor) {
            CHECK_EQ(region_read(log, info.cursor - 1, &last, 1), 1);
            CHECK_EQ(last, 1);
        }
    }
    CHECK_EQ(JOIN(pid), 0);
}

TEST(all_at_once)
{
    uint64_t seed = test_seed();
    long pids[] = {SPAWN(messages(seed)), SPAWN(calls(~seed)),
                   SPAWN(signals(seed * 3)), SPAWN(logs())};

    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pids[i]), 0);
}

TEST_MAIN()
