/* Rings that end in all ways, with operations parked, leave nothing. */
#include "raw.h"

#define ROUNDS 12

enum { EXITS, IS_KILLED, CLOSES, BECOMES_ANOTHER, WAYS };

/* Receives, a send, a timer and a barrier, none of which can go on. */
static void park(long q, long full)
{
    static char room[2][8];

    raw_open(8);
    put_recv(1, q, room[0], 8, FOREVER);
    put_recv(2, q, room[1], 8, MS(200));
    put_send(3, full, "x", 1, FOREVER);
    PUT(CALL_timer_wait, NEED, 4, TIMER_REL, FOREVER);
    PUT(CALL_nop, NEED | BARRIER, 5);
    CHECK_EQ(ring_submit(5, 0, NOW), 5);
}

static void live(long q, long full, int how)
{
    char name[] = "true";
    char *const none[] = {name, 0};

    park(q, full);
    if (how == IS_KILLED)
        timer_wait(TIMER_REL, FOREVER);
    if (how == CLOSES)
        CHECK_EQ(ring_close(), 0);
    if (how == BECOMES_ANOTHER)
        exec("true", none);
}

static void round(int i)
{
    long q = new_queue(4), full = new_queue(1), pid;

    put((handle_t)full, 1);
    pid = SPAWN(live(q, full, i % WAYS));
    if (i % WAYS == IS_KILLED) {
        await_receivers((handle_t)q, 2);
        await_senders((handle_t)full, 1);
        CHECK_EQ(kill(pid), 0);
    }
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
    CHECK_EQ(stat_of((handle_t)q).waiting_receivers, 0);
    CHECK_EQ(stat_of((handle_t)full).waiting_senders, 0);
    CHECK_EQ(handle_close((handle_t)q), 0);
    CHECK_EQ(handle_close((handle_t)full), 0);
}

// L12 L17: what was parked, pages and records are gone with their ring.
TEST(nothing_left)
{
    leaves_nothing(round, WAYS, ROUNDS);
}

TEST_MAIN()
