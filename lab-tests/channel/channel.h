/* What the tests of channels share. */
#pragma once

#include "../lab.h"

struct ends {
    handle_t s, r;
};

static inline struct ends new_chan(uint32_t capacity, uint32_t elem_size)
{
    handle_t out[2] = {-1, -1};

    CHECK_EQ(chan_create(capacity, elem_size, out), 0);
    return (struct ends){out[0], out[1]};
}

static inline long give(handle_t c, uint64_t value, uint64_t timeout)
{
    return chan_send(c, &value, timeout);
}

static inline uint64_t get(handle_t c, uint64_t timeout)
{
    uint64_t value = ~0ull;

    CHECK_EQ(chan_recv(c, &value, timeout), 0);
    return value;
}
