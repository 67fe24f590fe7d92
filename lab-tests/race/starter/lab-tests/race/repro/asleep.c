/*
 * Lab: race. The report that came in:
 *
 * A process waits for signals of several objects (handle_wait). Now and then it
 * sleeps on, although one of its semaphores has a unit. It wakes with the next
 * change of any of them. Only seen with several harts.
 */
#include "../race.h"

TEST(reproduce)
{
    CHECK_EQ(nop(), 0); /* Yours: fails while that can happen. */
}

TEST_MAIN()
