/*
 * The end of the kernel's trust in itself. A panic prints the hart, the
 * message, a backtrace and the registers, each a kernel line, and ends the
 * machine with exit status 125. Programs must never be able to cause one.
 */
#pragma once

#include <stdint.h>

#define PANIC_STATUS 125

/* What a trap in the kernel found. */
struct panic_regs {
    uint64_t x[32]; /* x[0] is not looked at */
    uint64_t pc;
    uint64_t scause;
    uint64_t stval;
};

/*
 * End the machine because of a bug seen at the call.
 * Locks: whatever the caller holds; takes the console for good. Sleeps: no.
 * Returns: never.
 */
_Noreturn void panic(const char *format, ...)
    __attribute__((format(printf, 1, 2), cold));

/* The same because of a trap; the backtrace starts at the trapped pc. */
_Noreturn void panic_regs(const struct panic_regs *regs, const char *format,
                          ...) __attribute__((format(printf, 2, 3), cold));

/*
 * Stay here for ever if another hart panics, else do nothing. For the handler
 * of IPIs: a panic sends one to every hart.
 */
void panic_stop_here(void);

/*
 * Print the calls that led to pc, from a stack pointer and a return address of
 * that moment; `pc` is an instruction being executed. Reads only mapped
 * memory, so any values do.
 */
void backtrace(uint64_t pc, uint64_t sp, uint64_t ra);
