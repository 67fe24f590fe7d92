/* How the bodies of the calls are written and found. */
#pragma once

#include "hw/fdt.h"
#include "mem/uaccess.h"
#include "proc/proc.h"

/* The body of a call. Arguments are the program's registers: take uint64_t and
 * narrow it. Interrupts are off, no lock is held; who looked handles up ends
 * with handle_done(). */
#define SYSCALL(name, ...)                                                     \
    long sys_##name(__VA_ARGS__);                                              \
    long sys_##name(__VA_ARGS__)

/* A call: its body, which may take fewer arguments, and what the submit ring
 * does with it: runs it, perhaps in a row of others; or lets it park, if its
 * timeout, the argument of that number, is not 0; or answers E_NOSYS. vector.S
 * knows the layout. */
typedef long call_fn(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
struct syscall {
    call_fn *body;
    uint64_t ring;
};
enum { RUNS, RUNS_ALONE, NEVER_RUNS, TIMER, TIMEOUT };
#define SYSCALL_SLOTS 256u /* a power of two, at least WEIR_CALL_LIMIT */
extern const struct syscall syscall_table[SYSCALL_SLOTS];

/* End the running process and give back all that it holds. */
NORETURN void end_process(uint32_t reason, long code, uint64_t cause,
                          uint64_t addr);

/* Start the first process. Returns: 0 or an error of exec. */
long start_init(void);

/* vector.S: the entry of all traps; and to the program, with all registers. */
void trap_entry(void);
NORETURN void user_enter(void);
