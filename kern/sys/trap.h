/* Traps: see vector.S. */
#pragma once

#include "base/panic.h"
#include "proc/proc.h"

/* The common entry of all traps, for stvec. */
void trap_entry(void);

/* Go to the running process's program with all registers of its frame. */
_Noreturn void user_enter(void);

/* Called by vector.S. */
void user_trap(uint64_t cause, struct trapframe *tf);
void user_work(void);
void kernel_trap(struct panic_regs *regs);
_Noreturn void kernel_stack_overflow(struct panic_regs *regs);
