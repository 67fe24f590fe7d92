/* Regions of all policies, mapped and shared and ended in all ways. */
#include "region.h"

#define ROUNDS 12

static void use(handle_t r, uint32_t prot)
{
    long at = region_map(r, 0, prot);

    CHECK(at > 0);
    CHECK(*(volatile uint8_t *)at <= UINT8_MAX);
}

/* A child maps it and ends by itself, by being killed, or after unmapping. */
static void share(handle_t r, uint32_t prot, int how)
{
    long pid = fork();

    if (pid == 0) {
        use(r, prot);
        if (how == 0)
            CHECK_EQ(handle_close(r), 0);
        if (how != 1)
            exit(0);
        for (;;)
            timer_wait(TIMER_REL, MS(1000));
    }
    CHECK(pid > 0);
    await_state(pid, how == 1 ? PROC_WAITING : PROC_ENDED);
    kill(pid);
    JOIN(pid);
}

static void round(int i)
{
    handle_t built = immutable(3 * PAGE_SIZE), text = append_only(PAGE_SIZE);
    handle_t slots = slab(24, 500);
    long slot = slot_alloc(slots);

    CHECK(slot > 0);
    share(built, PROT_READ | PROT_WRITE, i % 3);
    share(slots, PROT_READ | PROT_WRITE, (i + 1) % 3);
    share(text, PROT_READ, (i + 2) % 3);
    use(built, PROT_READ | PROT_WRITE);
    CHECK_EQ(region_seal(built), 0);
    CHECK_EQ(region_append(text, "text", 4), 0);
    if (i % 2)
        CHECK_EQ(slot_free(slots, (uint64_t)slot), 0);
    CHECK_EQ(handle_close(built), 0);
    CHECK_EQ(handle_close(text), 0);
    CHECK_EQ(handle_close(slots), 0);
}

// H8, G1: nothing of them is left.
TEST(nothing_left)
{
    leaves_nothing(round, 1, ROUNDS);
}

TEST_MAIN()
