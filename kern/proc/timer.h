/*
 * Time: the `time` CSR in ticks of the timebase, nanoseconds since boot for
 * programs, and timers. Each hart keeps its own timers; its clock interrupt is
 * set to the earliest deadline there is, and to none when there is none.
 */
#pragma once

#include "base/hart.h"
#include "base/kern.h"
#include "base/list.h"

#define TICKS_NEVER UINT64_MAX

/* Runs when the deadline has passed, in the clock interrupt, under the timers'
 * lock: may take locks of rank RUNQ and above only. */
struct timer;
typedef void timer_fn(struct timer *);

struct timer {
    struct list link;  /* [timers] by deadline */
    uint64_t deadline; /* [timers] ticks */
    timer_fn *fire;    /* [timers] */
    struct timers *on; /* [s] line it was put in, or NULL */
};

/* Learn the timebase. `sstc`: write stimecmp instead of calling the SBI. */
void time_init(uint64_t hz, bool sstc);

uint64_t ticks_to_ns(uint64_t ticks);

/* The first tick at which the clock shows at least `ns` since boot, or at which
 * `ns` from now have passed; TICKS_NEVER if never. */
uint64_t deadline_at(uint64_t ns);
uint64_t deadline_after(uint64_t ns);

/* Start a timer on this hart. It must not be running. */
void timer_start(struct timer *t, uint64_t deadline, timer_fn *fire);

/* Stop a timer, wherever it was started. On return it has fired or never
 * will, and its function is not running. */
void timer_cancel(struct timer *t);

/* In the clock interrupt: fire what is due. Returns: the next deadline. */
uint64_t timers_run(struct hart *h, uint64_t now);

/* Set the clock interrupt to exactly `ticks`; clears a pending one. */
void clock_set(struct hart *h, uint64_t ticks);

/* Make sure that the clock interrupt comes by `ticks` at the latest. */
void clock_arm(struct hart *h, uint64_t ticks);
