/* What boot arguments ask for to make a run harder: see inject.c. */
#pragma once

#include "base/kern.h"

struct proc;

/* At boot, while the kernel's text can be written. 0: none. */
void inject_init(uint64_t seed, uint64_t fail_page, uint64_t kill_at);

/* The program that p runs has just been loaded. */
void inject_begin(const struct proc *p);

/* A lock is about to be released, at a breakpoint. Sleeps: perhaps. */
void inject_released(struct panic_regs *regs);

/* Has somebody on another hart, or paused, noted the node? Let others go on, in
 * a loop that waits for what they do without sleeping. Locks: none. */
bool inject_noted(const void *node);
void inject_wait(void);
