/* What every file of the kernel may use: panics, assertions, small helpers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PANIC_STATUS 125

/* End QEMU with the low 8 bits of `status`, when the UART has sent all. Before
 * the device tree is read, only the SBI can be asked, for status 0. */
_Noreturn void power_off(int status);

/* What a trap in the kernel found; vector.S knows the layout. */
struct panic_regs {
    uint64_t x[32]; /* x[0] is not looked at */
    uint64_t pc, scause, stval;
};

/* Print a message and a backtrace, and end the machine: because of a bug seen
 * at the call, or (regs is not NULL) of a trap. Programs must never be able to
 * cause one. */
#define panic(...) panic_regs(NULL, "panic: " __VA_ARGS__)
_Noreturn void panic_regs(const struct panic_regs *regs, const char *format,
                          ...) __attribute__((format(printf, 2, 3), cold));

/* For the handler of IPIs: stay here for ever if another hart panics. */
void panic_stop_here(void);

/* A kernel bug, never a program's doing, ends the machine. On in all builds. */
#define assert(cond)                                                           \
    do {                                                                       \
        if (__builtin_expect(!(cond), 0))                                      \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond);   \
    } while (0)

/* The same on paths where every instruction counts: with DEBUG=1 only. */
#define debug_assert(cond)                                                     \
    do {                                                                       \
        if (DEBUG)                                                             \
            assert(cond);                                                      \
    } while (0)

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Return the error to the caller, if it is one (negative). */
#define TRY(expr)                                                              \
    do {                                                                       \
        long error_ = (expr);                                                  \
        if (unlikely(error_ < 0))                                              \
            return error_;                                                     \
    } while (0)

#define MUST_CHECK    __attribute__((warn_unused_result))
#define NORETURN      __attribute__((noreturn))
#define NOINLINE      __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))

#define MIN(a, b)           ((a) < (b) ? (a) : (b))
#define ARRAY_LEN(a)        (sizeof(a) / sizeof((a)[0]))
#define ROUND_UP(n, unit)   (((n) + (unit)-1) / (unit) * (unit))
#define ROUND_DOWN(n, unit) ((n) / (unit) * (unit))

#define container_of(ptr, type, member)                                        \
    ((type *)((char *)(ptr)-offsetof(type, member)))
