/*
 * Lab: race. The report that came in:
 *
 * A server receives a request from a client that does not exist any more, and
 * answers it. Once the bytes were those of another process.
 */
#include "../race.h"

TEST(reproduce)
{
    CHECK_EQ(nop(), 0); /* Yours: fails while that can happen. */
}

TEST_MAIN()
