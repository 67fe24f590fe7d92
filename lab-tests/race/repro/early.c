/* A wait for ever ends because of a time that was another's: lab race. */
#include "../race.h"

#define PATIENCE MS(50)

/* Waits, and then for ever, until well after the first deadline. */
static void wait_twice(handle_t first, handle_t second, long result)
{
    long error;

    do /* it may not have been ended in time: again */
        error = sem_wait(first, PATIENCE);
    while (error == -E_TIMEDOUT);
    CHECK_EQ(error, result);
    CHECK_EQ(sem_wait(second, FOREVER), 0);
}

/* The first wait is served, or meets the end of its semaphore. */
TEST(reproduce)
{
    handle_t served = (handle_t)sem_create(0), ended = (handle_t)sem_create(0);
    handle_t second = (handle_t)sem_create(0);
    long pids[] = {SPAWN(wait_twice(served, second, 0)),
                   SPAWN(wait_twice(ended, second, -E_PIPE))};

    for (int i = 0; i < 2; i++)
        await_state(pids[i], PROC_WAITING);
    CHECK_EQ(sem_post(served), 0);
    CHECK_EQ(handle_shutdown(ended), 0);
    CHECK_EQ(timer_wait(TIMER_REL, 2 * PATIENCE), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(sem_post(second), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(JOIN(pids[i]), 0);
}

TEST_MAIN()
