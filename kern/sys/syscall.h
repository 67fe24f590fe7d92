/* How the bodies of the calls are written and found. */
#pragma once

#include "abi/abi.h"
#include "base/kern.h"
#include "hw/fdt.h"
#include "mem/uaccess.h"
#include "proc/proc.h"

/* The body of a call. Arguments are the program's registers: take uint64_t and
 * narrow it. Interrupts are off, no lock is held; who looked handles up ends
 * with handle_done(). */
#define SYSCALL(name, ...)                                                     \
    long sys_##name(__VA_ARGS__);                                              \
    long sys_##name(__VA_ARGS__)

/* End the running process and give back all that it holds. */
NORETURN void end_process(uint32_t reason, long code, uint64_t cause,
                          uint64_t addr);

/* Start the first process. Returns: 0 or an error of exec. */
long start_init(void);

/* vector.S: the entry of all traps; and to the program, with all registers. */
void trap_entry(void);
NORETURN void user_enter(void);
