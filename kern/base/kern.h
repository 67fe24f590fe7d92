/* What every file of the kernel may use: assertions and small helpers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/panic.h"

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

#define MUST_CHECK __attribute__((warn_unused_result))
#define NORETURN   __attribute__((noreturn))

#define MIN(a, b)           ((a) < (b) ? (a) : (b))
#define ARRAY_LEN(a)        (sizeof(a) / sizeof((a)[0]))
#define ROUND_UP(n, unit)   (((n) + (unit)-1) / (unit) * (unit))
#define ROUND_DOWN(n, unit) ((n) / (unit) * (unit))

#define container_of(ptr, type, member)                                        \
    ((type *)((char *)(ptr)-offsetof(type, member)))
