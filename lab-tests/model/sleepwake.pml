// FAILS: JOIN_LATE CLAIM_TWICE NO_LOOK NO_FENCE NO_ON_HART STAY_IN_LINE NO_CANCEL
/*
 * How a queue's callers sleep and wake: kern/proc/waitq.h (W1 to W4), the
 * sleeping part of kern/proc/sched.c (S3) and the lines of kern/ipc/queue.c,
 * with one place, senders and receivers that may time out, and a kill. Checked:
 * every accepted message is received exactly once, in order; every wait ends;
 * no two harts stand on one stack.
 *
 * What each switch takes out:
 *   JOIN_LATE     joining the line is not in the section that saw a need to wait
 *   CLAIM_TWICE   a claim is a look and a store instead of a swap
 *   NO_LOOK       a sleeper does not look whether it was killed before it slept
 *   NO_FENCE      that look may come before the sleeper is seen to be PENDING
 *   NO_ON_HART    a waker does not wait until the sleeper has left its stack
 *   STAY_IN_LINE  who wakes for another reason does not leave the line
 *   NO_CANCEL     a waiter does not wait for its timer, which is firing
 */
#define SENDERS   1
#define RECEIVERS 2
#define PROCS     (SENDERS + RECEIVERS)
#define EACH      2           /* messages a sender tries to send */
#define VICTIM    (PROCS - 1) /* a receiver, killed at any time */
#define NOBODY    PROCS

mtype = { CLAIMED, PENDING, DONE, TIMEDOUT, CANCELED };

/* The queue: one place. Messages are numbered as they are accepted. */
bit locked, used;
byte queued; /* the message in `ready`; 0: none */
byte accepted, received;
chan readers = [RECEIVERS] of { byte };
chan writers = [SENDERS] of { byte };

/* struct waiter, and what the scheduler knows of a process */
mtype claim_of[PROCS] = CLAIMED;
mtype result[PROCS];
byte given[PROCS];
bit timer[PROCS], ready[PROCS], on_hart[PROCS] = 1;
bit firing; /* the lock of timers_run() and timer_cancel() */
bit killed, victim_ended;
byte senders_ended;

inline lock()
{
    atomic { locked == 0 -> locked = 1 }
}

inline unlock()
{
    locked = 0
}

/* waiter_claim(); won: whether the caller is the one */
inline try_claim(p, reason)
{
#ifdef CLAIM_TWICE
    won = (claim_of[p] == PENDING);
    claim_of[p] = CLAIMED;
    if
    :: won -> result[p] = reason
    :: else
    fi
#else
    d_step {
        won = (claim_of[p] == PENDING);
        claim_of[p] = CLAIMED;
        if
        :: won -> result[p] = reason
        :: else
        fi
    }
#endif
}

/* waiter_wake(), which is sched_ready() */
inline wake(p)
{
#ifndef NO_ON_HART
    (on_hart[p] == 0 || p == me); /* S3 */
#endif
    assert(!ready[p] && (!on_hart[p] || p == me));
    ready[p] = 1
}

/* The section that sees a need to wait ends with this: waiter_begin(), joining
 * the line, unlocking. */
inline join(line)
{
#ifdef JOIN_LATE
    unlock();
    lock();
#endif
#ifdef NO_FENCE
    looked = killed;
#endif
    atomic {
        claim_of[me] = PENDING;
        assert(nfull(line) && !(line??[eval(me)]));
        line!me;
        unlock()
    }
}

/* waiter_sleep(), and leaving the line if nobody took us out of it */
inline sleep(line)
{
    if
    :: d_step { timer[me] = 1; limited = 1 }
    :: skip /* TIMEOUT_FOREVER */
    fi;
#ifndef NO_LOOK
#ifndef NO_FENCE
    looked = killed;
#endif
    if
    :: me == VICTIM && looked ->
        try_claim(me, CANCELED);
        if
        :: won -> won = 0; wake(me)
        :: else
        fi
    :: else
    fi;
    looked = 0;
#endif
    on_hart[me] = 0; /* sched_finish_switch() */
    d_step {
        ready[me] ->
        ready[me] = 0;
        on_hart[me] = 1
    };
#ifdef NO_CANCEL
    timer[me] = 0;
#else
    if /* timer_cancel() */
    :: timer[me] -> atomic { !firing -> timer[me] = 0 }
    :: else
    fi;
#endif
    assert(claim_of[me] == CLAIMED);
    assert(result[me] != TIMEDOUT || limited);
    limited = 0;
#ifndef STAY_IN_LINE
    if
    :: atomic {
            result[me] != DONE ->
            lock();
            if
            :: line??[eval(me)] -> line??eval(me)
            :: else
            fi;
            unlock()
        }
    :: result[me] == DONE
    fi
#endif
}

/* accept_locked() and give_locked(): the place is filled */
inline accept()
{
    accepted++;
    queued = accepted;
    do
    :: queued && nempty(readers) ->
        readers?other;
        try_claim(other, DONE);
        if
        :: won ->
            won = 0;
            given[other] = queued;
            queued = 0;
            wake(other)
        :: else
        fi
    :: else -> break
    od;
    other = 0
}

/* free_place_locked() and grant_locked() */
inline free_place()
{
    used = 0;
    do
    :: !used && nempty(writers) ->
        writers?writer;
        try_claim(writer, DONE);
        if
        :: won ->
            used = 1;
            won = 0;
            wake(writer);
            accept()
        :: else
        fi
    :: else -> break
    od;
    writer = 0
}

proctype sender(byte me)
{
    byte n, other;
    bit won, looked, limited;

    do
    :: n < EACH ->
        n++;
        lock();
        if
        :: atomic { !used -> used = 1; accept(); unlock() }
        :: used -> join(writers); sleep(writers); result[me] = 0
        fi
    :: else -> break
    od;
    senders_ended++
}

proctype receiver(byte me)
{
    byte message, other, writer;
    bit won, looked, limited;

    do
    :: me == VICTIM && killed -> break
    :: else ->
        lock();
        message = 0;
        if
        :: atomic { queued -> message = queued; queued = 0; unlock() }
        :: !queued ->
            join(readers);
            sleep(readers);
            if
            :: result[me] == DONE -> message = given[me]; given[me] = 0
            :: else
            fi;
            result[me] = 0
        fi;
        if
        :: atomic {
                message -> /* copied out, then queue_taken() */
                received++;
                assert(message == received);
                message = 0;
                lock();
                free_place();
                unlock()
            }
        :: !message
        fi
    od;
    victim_ended = 1
}

proctype clock()
{
    byte p, me = NOBODY;
    bit won;

    do
    :: atomic {
            (timer[0] || timer[1] || timer[2]);
            firing = 1;
            if
            :: timer[0] -> p = 0
            :: timer[1] -> p = 1
            :: timer[2] -> p = 2
            fi
        };
        try_claim(p, TIMEDOUT);
        if
        :: won -> won = 0; wake(p)
        :: else
        fi;
        atomic {
            timer[p] = 0;
            p = 0;
            firing = 0
        }
    od
}

proctype killer()
{
    byte me = NOBODY;
    bit won;

    killed = 1;
    try_claim(VICTIM, CANCELED);
    if
    :: won -> won = 0; wake(VICTIM)
    :: else
    fi
}

init
{
    byte p = 0;

    atomic {
        do
        :: p < SENDERS -> run sender(p); p++
        :: p >= SENDERS && p < PROCS -> run receiver(p); p++
        :: else -> break
        od;
        run clock();
        run killer()
    };
    timeout; /* nobody can do anything any more */
    assert(senders_ended == SENDERS && victim_ended); /* every wait ended */
    assert(received == accepted && !used); /* no message is left behind */
    assert(len(readers) == RECEIVERS - 1 && !len(writers))
}
