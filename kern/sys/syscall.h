/* How the bodies of the calls are written and found. */
#pragma once

#include "abi/abi.h"
#include "base/kern.h"
#include "hw/fdt.h"
#include "mem/uaccess.h"
#include "proc/proc.h"

/*
 * The body of a call. Arguments arrive as the program's registers held them:
 * take uint64_t and narrow it, since nobody extended the upper half. Bodies
 * run with interrupts off and without locks, and end with handle_done() if
 * they looked handles up.
 */
#define SYSCALL(name, ...)                                                     \
    long sys_##name(__VA_ARGS__);                                              \
    long sys_##name(__VA_ARGS__)

/* End the running process and give back all that it holds. */
NORETURN void end_process(uint32_t reason, long code, uint64_t cause,
                          uint64_t addr);

/* Start the first process. Returns: 0 or an error of exec. */
long start_init(void);

/* vector.S: the entry of all traps, for stvec; and to the running process's
 * program with all registers of its frame. */
void trap_entry(void);
NORETURN void user_enter(void);
