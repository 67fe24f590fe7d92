/*
 * Lab: race. The report that came in:
 *
 * A program closes a queue for good (handle_shutdown), looks at how many
 * messages it has accepted, and receives those. Now and then there is one more.
 */
#include "../race.h"

TEST(reproduce)
{
    CHECK_EQ(nop(), 0); /* Yours: fails while that can happen. */
}

TEST_MAIN()
