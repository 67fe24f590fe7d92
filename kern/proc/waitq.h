/*
 * Waiting. Whoever waits stands in an object's line as a waiter; whoever makes
 * true what it waits for hands it over: a waiter that is woken has what it
 * wanted, or the reason why not, and need not look again.
 *
 *   W1  a wait ends exactly once: by the one who moves `claim` from PENDING, a
 *       number that no other wait of this waiter ever has, to CLAIMED. Object,
 *       timer, kill and revocation compete for that; the losers leave the
 *       waiter alone.
 *   W2  no wakeup is lost: a waiter becomes PENDING and joins its line under
 *       the object's lock, in the same critical section in which it saw that
 *       it has to wait; whoever changes the object holds that lock and finds
 *       it in line.
 *   W3  the claimer writes `result` (and what it hands over) before it makes
 *       the process ready; the process reads it after it runs again.
 *   W4  a waiter's memory outlives every claim: it is part of struct proc, or
 *       of an operation of a submit ring, which is not used again before its
 *       claimer has put it among those to be finished.
 *
 * An operation of a submit ring does not sleep but parks: waiter_sleep() says
 * E_PARKED at once, and the call's body returns, leaving what it waits for in
 * waiter.room and what it needs to end in the struct parked (parked_with()).
 * waiter_wake() then hands it to its owner, who finishes it: sys/ring.c.
 */
#pragma once

#include "base/list.h"
#include "base/spinlock.h"
#include "proc/timer.h"

#define WAITER_CLAIMED 0ul  /* or not waiting */
#define E_PARKED       4095 /* no error: no program sees it */

struct proc;

struct waiter {
    struct list link;      /* [o] in an object's line */
    struct proc *proc;     /* [I] whose wait it is */
    uint64_t claim;        /* [a] W1 */
    uint64_t turn;         /* [s] the last PENDING */
    int32_t result;        /* [claimer] 0, or -E_x: why the wait ended */
    struct list timer;     /* [timers] in line, if it has a deadline */
    struct timers *timers; /* [s] the line */
    uint64_t deadline;     /* [timers] ticks */
    const void *called;    /* [s] the object that the process calls, or NULL */
    const void *node;      /* [s] the handle's node, found by revocation; of */
                           /* this turn, or an old one */
    uint64_t want;         /* [s] what is waited for: the object's affair */
    uint64_t room[14];     /* [s] for what `want` points to */
};

struct kobj;
struct parked;

/* Finish an operation whose wait has ended, as its owner; `drop`: undo it, the
 * owner is leaving. Returns: the call's result. */
typedef long finish_fn(struct parked *op, long result, bool drop);

/* An operation of a submit ring. [k] the owner's parking.lock, [x] whoever
 * works on the ring. */
struct parked {
    struct waiter wait;
    struct list mine;   /* [k] in the owner's parking, or [x] elsewhere */
    finish_fn *finish;  /* [x] or NULL: with the wait's result */
    struct kobj *obj;   /* [x] with a reference; or NULL */
    uint64_t args[5];   /* [x] of the call */
    uint64_t user_data; /* [x] */
    uint64_t code;      /* [x] opcode and flags, as in the entry */
};

/* parking.mode: without a ring; outside of it: a sleep lends it; inside, or in
 * a process whose ring is polled: a sleep lends nothing. */
enum { NO_RING, OUTSIDE_RING, INSIDE_RING };

/* A process's operations that are not done. */
struct parking {
    struct spinlock lock; /* k */
    struct list waiting;  /* [k] PENDING, or just claimed */
    struct list woken;    /* [k] claimed and handed over: to be finished */
    struct list help;     /* in the helper's line */
    bool asleep;          /* [k] the owner sleeps until there is a woken one */
    bool lent, busy;      /* [k] to the helper; which works on it */
    bool wanted;          /* [k] the owner waits until it is not busy */
    bool polled;          /* [k] the helper finishes, whatever the owner does */
    uint8_t mode;         /* [s] of its owner's sleep */
};

/* A new process's, or operation's. */
void waiter_init(struct waiter *w, struct proc *p);
void parking_init(struct parking *k);

/* The waiter of the running process or operation, made PENDING. Call with the
 * object's lock held, then put it in line. `node` is that of the handle waited
 * through, or NULL. */
struct waiter *waiter_begin(const void *node);

/* The same in a call that no ring can make. */
struct waiter *waiter_begin_own(const void *node);

/* Sleep until the wait ends or `deadline` (ticks) passes. Then leave the line.
 * Locks: none held. Sleeps: yes.
 * Returns: the claimer's result; -E_TIMEDOUT; -E_CANCELED when killed; at once
 * -E_PARKED if it is an operation's, which others finish from now on. */
int waiter_sleep(struct waiter *w, uint64_t deadline);

/* The same, and the hart goes to `next`, if it is not NULL: the own waiter of a
 * process, which the caller has claimed, and now need not wake. */
int waiter_sleep_for(struct waiter *w, uint64_t deadline, struct waiter *next);

/* Try to be the one who ends this wait (W1). Returns: whether the caller is; it
 * then calls waiter_wake(), under the object's lock or soon after. */
bool waiter_claim(struct waiter *w, int result);

/* The same, for the wait of this turn only: what `claim` was before the caller
 * looked at anything else. */
bool waiter_claim_turn(struct waiter *w, uint64_t turn, int result);
void waiter_wake(struct waiter *w);

/* End a wait, unless it has ended. Returns: whether the caller did it. */
static inline bool waiter_end(struct waiter *w, int result)
{
    bool mine = waiter_claim(w, result);

    if (mine)
        waiter_wake(w);
    return mine;
}

/* The body's last step after -E_PARKED: how to go on. Returns: -E_PARKED. */
long parked_with(struct kobj *obj, finish_fn *finish);

/* Does the running call park when it would wait? */
bool waiter_parks(void);

/* End the parked waits of p: all of them, or those through node, which is
 * closed or revoked, or those with this user_data. Returns: how many. */
uint32_t parked_end(struct proc *p, const void *node, const uint64_t *user_data,
                    int result);

/* An operation is to be finished: put it among those that are woken, and make
 * its owner look, or the helper. With the parking's lock held. */
void parking_hand_over(struct parked *op);

/* Around an owner's sleep outside of its ring. Returns: the wait's result. */
void parking_lend(struct proc *p);
int parking_take_back(struct proc *p);

/* For the helper: which thread it is; whom to help, or NULL, and then, unless
 * `sleep` is NULL, *sleep is its waiter; to have p's ring for itself (false: no
 * need), and to give it back. */
void parking_set_helper(struct proc *thread);
struct proc *parking_next(struct waiter **sleep);
bool parking_borrow(struct proc *p);
void parking_return(struct proc *p);
