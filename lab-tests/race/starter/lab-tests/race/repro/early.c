/*
 * Lab: race. The report that came in:
 *
 * A wait without a timeout ended with E_TIMEDOUT. The program does use
 * timeouts, in other places.
 */
#include "../race.h"

TEST(reproduce)
{
    CHECK_EQ(nop(), 0); /* Yours: fails while that can happen. */
}

TEST_MAIN()
