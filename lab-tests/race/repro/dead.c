/* A message goes to a receiver that is dead: lab race. */
#include "../race.h"

/* On one hart the killed receiver cannot have left its line yet. */
TEST(reproduce)
{
    handle_t q = (handle_t)queue_create(4, 8, 0);

    for (uint64_t i = 0; i < 50; i++) {
        uint64_t got;
        long pid = SPAWN((void)queue_recv(q, &got, 8, 0, FOREVER));

        await_receivers(q, 1);
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(put_now(q, i, PRIO_NORMAL), 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
        CHECK_EQ(take_now(q), i);
    }
}

TEST_MAIN()
