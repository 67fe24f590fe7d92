/* Waits that end in all ways leave nothing behind. */
#include "../region/region.h"

#define ROUNDS 10

static long new_sem(uint32_t count)
{
    long s = sem_create(count);

    CHECK(s >= 0);
    return s;
}

/* Of three that wait one is served, one killed, one meets the end. */
static void semaphores(void)
{
    handle_t s = (handle_t)new_sem(0);
    long served = SPAWN(CHECK_EQ(sem_wait(s, FOREVER), 0)), killed, last;

    await_state(served, PROC_WAITING);
    killed = SPAWN((void)!sem_wait(s, FOREVER));
    await_state(killed, PROC_WAITING);
    last = SPAWN(CHECK_ERR(sem_wait(s, FOREVER), E_PIPE));
    await_state(last, PROC_WAITING);
    CHECK_EQ(sem_post(s), 0);
    CHECK_EQ(JOIN(served), 0);
    CHECK_EQ(kill(killed), 0);
    CHECK_EQ(JOIN(killed), -1);
    CHECK_EQ(handle_shutdown(s), 0);
    CHECK_EQ(JOIN(last), 0);
    CHECK_EQ(handle_close(s), 0);
}

/* One is woken, one late, one killed. */
static void words(void)
{
    handle_t r = slab(4096, 1);
    uint32_t *word = (uint32_t *)(uintptr_t)shown(r, PROT_READ | PROT_WRITE);
    long woken = SPAWN(CHECK_EQ(word_wait(word, 0, FOREVER), 0)), late, killed;

    await_state(woken, PROC_WAITING);
    late = SPAWN(CHECK_ERR(word_wait(word, 0, MS(1)), E_TIMEDOUT));
    CHECK_EQ(JOIN(late), 0);
    killed = SPAWN((void)!word_wait(word, 0, FOREVER));
    await_state(killed, PROC_WAITING);
    CHECK_EQ(kill(killed), 0);
    CHECK_EQ(JOIN(killed), -1);
    CHECK_EQ(word_wake(word, 9), 1);
    CHECK_EQ(JOIN(woken), 0);
    CHECK_EQ(handle_close(r), 0);
}

static void round(int i)
{
    (void)i;
    semaphores();
    words();
}

// M3 M9: whoever waited, however that ended, has left nothing behind.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
