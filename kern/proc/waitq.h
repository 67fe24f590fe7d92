/*
 * Waiting. Whoever waits stands in an object's line as a waiter; whoever makes
 * true what it waits for hands it over: a waiter that is woken has what it
 * wanted, or the reason why not, and need not look again.
 *
 *   W1  a wait ends exactly once: by the one who moves `claim` from PENDING, an
 *       odd number of its own, to CLAIMED. Object, timer, kill and revocation
 *       compete for that; the losers leave the waiter alone.
 *   W2  no wakeup is lost: a waiter becomes PENDING and joins its line under
 *       the object's lock, in the same critical section in which it saw that
 *       it has to wait; whoever changes the object holds that lock and finds
 *       it in line.
 *   W3  the claimer writes `result` (and what it hands over) before it makes
 *       the process ready; the process reads it after it runs again.
 *   W4  a waiter's memory outlives every claim: it is part of struct proc.
 */
#pragma once

#include "abi/atomic.h"
#include "base/kern.h"
#include "base/list.h"
#include "proc/timer.h"

#define WAITER_CLAIMED 0u /* or not waiting */

struct proc;

struct waiter {
    struct list link;      /* [o] in an object's line */
    struct proc *proc;     /* [I] whose wait it is */
    uint32_t claim;        /* [a] W1 */
    uint32_t turn;         /* [s] the last PENDING */
    int32_t result;        /* [claimer] 0, or -E_x: why the wait ended */
    struct list timer;     /* [timers] in line, if it has a deadline */
    struct timers *timers; /* [s] the line */
    uint64_t deadline;     /* [timers] ticks */
    const void *node;      /* [s] the handle's node, found by revocation */
    uint64_t want;         /* [s] what is waited for: the object's affair */
};

/* The waiter of the running process, made PENDING. Call with the object's lock
 * held, then put it in line. `node` is the handle waited through, or NULL. */
struct waiter *waiter_begin(const void *node);

/* Sleep until the wait ends or `deadline` (ticks) passes. Then leave the line.
 * Locks: none held. Sleeps: yes.
 * Returns: the claimer's result; -E_TIMEDOUT; -E_CANCELED when killed. */
int waiter_sleep(struct waiter *w, uint64_t deadline);

/* Try to be the one who ends this wait (W1). Returns: whether the caller is; it
 * then calls waiter_wake(), under the object's lock or soon after. */
bool waiter_claim(struct waiter *w, int result);

/* The same, for the wait of this turn only: what `claim` was before the caller
 * looked at anything else. */
bool waiter_claim_turn(struct waiter *w, uint32_t turn, int result);
void waiter_wake(struct waiter *w);
