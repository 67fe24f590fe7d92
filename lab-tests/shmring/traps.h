/* Counts the calls that the library makes to wait and to wake: it finds these
 * two in place of its own. For one file of a program. */
#pragma once

#include "shmring.h"

static uint64_t traps;

long word_wait(const uint32_t *addr, uint32_t expected, uint64_t timeout)
{
    traps++;
    return weir_word_wait(addr, expected, timeout);
}

long word_wake(const uint32_t *addr, uint32_t n)
{
    traps++;
    return weir_word_wake(addr, n);
}
