/* Which process runs where. */
#pragma once

#include "base/hart.h"
#include "base/kern.h"

struct proc;

void sched_init(uint64_t hz);

/* This hart's boot code becomes its idle process and runs others. */
NORETURN void sched_idle(void);

/* Make a waiting or new process ready, on this hart. Locks: takes RUNQ. */
void sched_ready(struct proc *p);

/* Give the hart to p, a waiting process, for the rest of the slice, and not to
 * whom this hart would choose. As sched() otherwise. */
void sched_to(struct proc *p);

/* Give the hart to the next ready process, or to the idle one; yield: let those
 * of this hart run first; in time: if the caller's slice has ended. Locks: none
 * held. Sleeps: until the caller is ready and runs again, perhaps on another
 * hart. Returns: 0. */
void sched(void);
long sched_yield(void);
void sched_yield_in_time(void);

/* The new process's side of a switch: lets go of the one that was left. */
void sched_finish_switch(void);

/* p has another page table, or leaves of its table changed: at return no hart
 * uses what they were. */
void sched_forget(struct proc *p);
/* The running thread goes on as p: this_proc() is p. */
void sched_run_as(struct proc *p);

/* Let that hart's queue have whom this one woke last. */
void sched_send_next(uint32_t hart);

/* Clock interrupt: end waits and slices, call idle harts for help. */
void sched_clock(struct hart *h);

/* Make the hart that runs p look at its work flags. */
void sched_poke(struct proc *p);
