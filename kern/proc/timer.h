/* Time: the `time` CSR in ticks of the timebase, nanoseconds since boot for
 * programs, and the deadlines of waits. */
#pragma once

#include "base/hart.h"
#include "base/kern.h"

#define TICKS_NEVER UINT64_MAX

struct waiter;

/* At boot, when the timebase is known. */
void time_init(void);
uint64_t ticks_to_ns(uint64_t ticks);

/* The first tick at which the clock shows at least `ns` since boot, or at which
 * `ns` from now have passed; TICKS_NEVER if never. */
uint64_t deadline_at(uint64_t ns);
uint64_t deadline_after(uint64_t ns);

/* End the running process's wait with -E_TIMEDOUT at `deadline`. Cancel: on
 * return it has done so or never will. */
void timer_start(struct waiter *w, uint64_t deadline);
void timer_cancel(struct waiter *w);

/* In the clock interrupt: end what is due. Returns: the next deadline. */
uint64_t timers_run(struct hart *h, uint64_t now);

/* Set the clock interrupt to `ticks`, which clears a pending one; arm: to that
 * at the latest. */
void clock_set(struct hart *h, uint64_t ticks);
void clock_arm(struct hart *h, uint64_t ticks);
