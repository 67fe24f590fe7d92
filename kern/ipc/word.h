/* Waiting for words of memory to change. No function here is called with a lock
 * held, but for word_unmapped(). */
#pragma once

#include "abi/abi.h"
#include "proc/proc.h"

/* A word of user memory: where the kernel sees it, and through which leaf entry
 * the running process does, at which address. */
struct word {
    const uint32_t *at;
    const pte_t *leaf;
    uint64_t va;
};

/* Once, at boot. */
void word_init(void);

/* Sleep until woken, if the word is `expected`. Sleeps: with timeout > 0.
 * Returns: 0; -E_AGAIN: it is not, or timeout is 0; -E_TIMEDOUT; -E_FAULT: it
 * is mapped no more; -E_CANCELED. */
long word_wait(const struct word *word, uint32_t expected,
               uint64_t timeout) MUST_CHECK;

/* Wake the first n who wait for this word. Returns: how many there were. */
long word_wake(const uint32_t *at, uint32_t n);

/* p's leaf entries of these addresses are gone, and no hart uses them: if it
 * waits for a word there, its wait ends. Its frames stay until then. */
void word_unmapped(struct proc *p, uint64_t va, uint64_t size);
