/* A semaphore is readable, and who waits for that sleeps: lab race. */
#include "../race.h"

#define ITEMS HANDLE_WAIT_MAX

/* Gives a unit and waits for one, n times: the first of many signals. */
static void ask(handle_t there, handle_t back, handle_t turns, uint32_t n)
{
    struct wait_item items[ITEMS] = {{back, SIG_READABLE, 0}};

    for (int i = 1; i < ITEMS; i++)
        items[i] = (struct wait_item){(handle_t)sem_create(0), SIG_READABLE, 0};
    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(sem_post(turns), 0);
        CHECK_EQ(sem_post(there), 0);
        CHECK_EQ(handle_wait(items, ITEMS, FOREVER), 1);
        if (items[0].seen & SIG_CLOSED)
            break;
        CHECK_EQ(sem_wait(back, NOW), 0);
    }
}

/* Gives a unit for each, about when the other falls asleep: the next one a bit
 * earlier if that slept, else later. Never sleeps, so that the answer comes
 * soon. With harts enough it does not yield: the two would share one. */
static void answer(handle_t there, handle_t back, long asks)
{
    uint64_t seed = ~test_seed();
    uint32_t delay = 1000;
    bool alone = hart_count() == 1, slept;
    long error;

    while ((error = sem_wait(there, NOW)) != -E_PIPE)
        if (error == 0) {
            for (uint32_t n = delay + random_below(&seed, delay / 4); n; n--)
                asm volatile("");
            slept = state_of(asks) == PROC_WAITING;
            CHECK_EQ(sem_post(back), 0);
            if (slept && delay > 16)
                delay -= delay / 8;
            else if (!slept && delay < 100000)
                delay += delay / 8;
        } else if (alone) {
            yield();
        }
}

/* It sleeps, in a turn that is the same before and after, and has a unit; for
 * so long that it is not a hart which the host has stopped. */
static bool is_lost(long asks, handle_t back, handle_t turns)
{
    long turn = sem_value(turns);

    for (int looks = 0; looks < 1000; looks++) {
        if (state_of(asks) != PROC_WAITING || sem_value(back) == 0 ||
            sem_value(turns) != turn)
            return false;
        nap_ms(1);
    }
    return true;
}

TEST(reproduce)
{
    handle_t there = (handle_t)sem_create(0), back = (handle_t)sem_create(0);
    handle_t turns = (handle_t)sem_create(0);
    uint32_t n = rounds(hart_count() == 1 ? 4000 : 20000);
    long asks = SPAWN(ask(there, back, turns, n));
    long answers = SPAWN(answer(there, back, asks));
    bool lost = false;

    while (!lost && state_of(asks) != PROC_ENDED) {
        nap_ms(1);
        lost = is_lost(asks, back, turns);
    }
    CHECK_EQ(handle_shutdown(there), 0);
    CHECK_EQ(handle_shutdown(back), 0);
    CHECK_EQ(JOIN(asks), 0);
    CHECK_EQ(JOIN(answers), 0);
    CHECK(!lost);
}

TEST_MAIN()
