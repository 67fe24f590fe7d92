/* A panic prints a message and a backtrace, and ends the machine. Programs must
 * never be able to cause one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PANIC_STATUS 125

/* What a trap in the kernel found; vector.S knows the layout. */
struct panic_regs {
    uint64_t x[32]; /* x[0] is not looked at */
    uint64_t pc, scause, stval;
};

/* Because of a bug seen at the call, or (regs is not NULL) of a trap. */
#define panic(...) panic_regs(NULL, __VA_ARGS__)
_Noreturn void panic_regs(const struct panic_regs *regs, const char *format,
                          ...) __attribute__((format(printf, 2, 3), cold));

/* For the handler of IPIs: stay here for ever if another hart panics. */
void panic_stop_here(void);
