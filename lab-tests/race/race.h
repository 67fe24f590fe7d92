/* What reproducers have in common. Each is a program with TEST(reproduce). */
#pragma once

#include "../lab.h"

/* For some time below a microsecond or two, so that two harts meet at ever
 * other points of their calls. */
static inline void dawdle(uint64_t *seed)
{
    for (uint32_t n = random_below(seed, 1000); n; n--)
        asm volatile("");
}

static inline uint32_t state_of(long pid)
{
    struct proc_info p = {0};

    CHECK_EQ(proc_info(pid, &p), 0);
    return p.state;
}
