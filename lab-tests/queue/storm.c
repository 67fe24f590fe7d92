/* Interrupts in the midst of messages. */
#include "../lab.h"

enum { SENDERS = 4, SLEEPERS = 6, EACH = 2000 };

/* Wait again and again, for a little more each time; both the timer's
 * interrupt and the wake come from the handler. */
static void be_woken_until_told(handle_t stop)
{
    char byte;

    for (uint64_t n = 1;
         queue_recv(stop, &byte, 1, 0, US(20 + n % 50)) == -E_TIMEDOUT; n++)
        ;
    exit(0);
}

static void send_numbers(handle_t q, uint64_t sender)
{
    for (uint64_t i = 0; i < EACH; i++)
        CHECK_EQ(put(q, sender * EACH + i), 0);
    exit(0);
}

/* Timers fire by the thousand while four processes send: every message comes
 * once, each sender's in order, and nobody hangs. */
TEST(timer_storm)
{
    long q = queue_create(8, 8, 0), stop = queue_create(1, 1, 0);
    uint64_t next[SENDERS] = {0};

    for (int i = 0; i < SLEEPERS; i++)
        if (fork() == 0)
            be_woken_until_told((handle_t)stop);
    for (uint64_t i = 0; i < SENDERS; i++)
        if (fork() == 0)
            send_numbers((handle_t)q, i);
    for (int i = 0; i < SENDERS * EACH; i++) {
        uint64_t value = take((handle_t)q), from = value / EACH;

        CHECK(from < SENDERS);
        CHECK_EQ(value % EACH, next[from]);
        next[from]++;
    }
    CHECK_EQ(handle_shutdown((handle_t)stop), 0);
    for (int i = 0; i < SENDERS + SLEEPERS; i++) {
        struct exit_info info;

        CHECK(wait(-1, &info, MS(SETTLE_MS)) > 0);
        CHECK_EQ(info.code, 0);
    }
}

TEST_MAIN()
