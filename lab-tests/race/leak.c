/* Waits that end as those do that the mistakes are about leave nothing. */
#include "race.h"

#define ROUNDS 12

static void killed(long pid)
{
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

/* A receiver that is killed beside a send, a sender that a shutdown meets. */
static void queues(void)
{
    static uint8_t bytes[QUEUE_MAX_MSG];
    handle_t q = (handle_t)queue_create(2, sizeof(bytes), 0);
    long pid = SPAWN((void)queue_recv(q, bytes, sizeof(bytes), 0, FOREVER));

    await_receivers(q, 1);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(queue_send(q, bytes, sizeof(bytes), 0, NOW), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
    pid = SPAWN(while (queue_send(q, bytes, 9, 0, FOREVER) == 0) continue);
    await_senders(q, 1);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(handle_close(q), 0);
}

static void ports(void)
{
    handle_t p = (handle_t)port_create();
    struct ipc_msg m = {.type = 1};
    long pid = SPAWN((void)port_call(p, &m, FOREVER));

    await_state(pid, PROC_WAITING);
    killed(pid);
    CHECK_EQ(handle_close(p), 0);
}

/* One that waits for signals is killed, one is served before its time. */
static void signals(void)
{
    handle_t s = (handle_t)sem_create(0);
    struct wait_item item = {s, SIG_READABLE, 0};
    long pid = SPAWN((void)handle_wait(&item, 1, FOREVER));

    await_state(pid, PROC_WAITING);
    killed(pid);
    pid = SPAWN(CHECK_EQ(sem_wait(s, MS(SETTLE_MS)), 0));
    await_state(pid, PROC_WAITING);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(handle_close(s), 0);
}

static void logs(void)
{
    static uint8_t bytes[3 * PAGE_SIZE];
    long log = region_create(REGION_APPEND, 4 * PAGE_SIZE, 0, 0, 0);

    CHECK_EQ(region_append((handle_t)log, bytes, sizeof(bytes)), 0);
    CHECK_ERR(region_append((handle_t)log, heap_end(), 16), E_FAULT);
    CHECK_EQ(handle_close((handle_t)log), 0);
}

static void round(int i)
{
    (void)i;
    queues();
    ports();
    signals();
    logs();
}

// N4: pages and objects are what they were.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
