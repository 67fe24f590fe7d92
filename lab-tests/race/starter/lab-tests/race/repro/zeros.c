/*
 * Lab: race. The report that came in:
 *
 * A program that follows a log (an append region) with region_read found zeros
 * where somebody else's report says that there were bytes, a moment later. Only
 * seen with several harts, and with long appends.
 */
#include "../race.h"

TEST(reproduce)
{
    CHECK_EQ(nop(), 0); /* Yours: fails while that can happen. */
}

TEST_MAIN()
