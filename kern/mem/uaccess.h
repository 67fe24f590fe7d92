/* The kernel's only way to a program's memory: plain loads and stores (SUM is
 * set for good at boot), so the page permissions that bind the program bind the
 * kernel too. The trap handler ends a copy that faults with E_FAULT; bytes
 * before the faulting one may have been written. Locks: none. Sleeps: no. */
#pragma once

#include "abi/abi.h"
#include "base/spinlock.h"

/* An address that a program gave. Never a pointer: it does not dereference. */
typedef struct {
    uint64_t value;
} uaddr_t;

static inline uaddr_t uaddr(uint64_t value)
{
    return (uaddr_t){value};
}

/* Does [a, a + len) lie below USER_END, without wrapping? */
static inline bool uaddr_in_range(uaddr_t a, uint64_t len)
{
    return len <= USER_END && a.value <= USER_END - len;
}

/* Can [a, a + len) reach the kernel's half? What is in neither half faults by
 * itself, the first byte of it (privileged ISA, Sv39: bits 63 to 39 equal bit
 * 38), and a copy goes upwards. */
static inline bool uaddr_may_reach_kernel(uaddr_t a, uint64_t len)
{
    return (int64_t)(a.value | len) < 0;
}

/* They take so few registers that the caller needs no stack frame. */
#define CALL_COPY(how, to, from, len)                                          \
    ({                                                                         \
        register long to_ __asm__("a0") = (long)(to);                          \
        register long from_ __asm__("a1") = (long)(from);                      \
        register long left_ __asm__("a2") = (long)(len);                       \
        __asm__ volatile("jal t0, " how                                        \
                         : "+r"(to_), "+r"(from_), "+r"(left_)                 \
                         :                                                     \
                         : "t0", "a3", "a4", "a5", "memory");                  \
        left_;                                                                 \
    })

/* uaccess.S: copies len bytes; 0, or -E_FAULT after a fault. The code that may
 * fault, and where it then goes on. */
long user_copy(void *to, const void *from, uint64_t len);
long user_copy_64(void *to, const void *from);
#ifndef SAN
#define user_copy(to, from, len) CALL_COPY("copy_t0", to, from, len)
#define user_copy_64(to, from)   CALL_COPY("copy_64_t0", to, from, 0)
#endif
extern char user_copy_start[], user_copy_end[], user_copy_fault[];

/* Returns: 0; -E_FAULT when [from, from + len) is not all readable. */
static inline long MUST_CHECK copy_from_user(void *to, uaddr_t from,
                                             uint64_t len)
{
    debug_assert(this_hart()->held == 0);
    if (unlikely(uaddr_may_reach_kernel(from, len)) && len)
        return -E_FAULT;
    return user_copy(to, (const void *)from.value, len);
}

/* Returns: 0; -E_FAULT when [to, to + len) is not all writable. */
static inline long MUST_CHECK copy_to_user(uaddr_t to, const void *from,
                                           uint64_t len)
{
    debug_assert(this_hart()->held == 0);
    if (unlikely(uaddr_may_reach_kernel(to, len)) && len)
        return -E_FAULT;
    return user_copy((void *)to.value, from, len);
}

/* The same for 64 bytes that are 64-aligned on the user's side. */
static inline long MUST_CHECK copy_64_from_user(void *to, uaddr_t from)
{
    debug_assert(this_hart()->held == 0);
    if (unlikely(uaddr_may_reach_kernel(from, 0)))
        return -E_FAULT;
    return user_copy_64(to, (const void *)from.value);
}

static inline long MUST_CHECK copy_64_to_user(uaddr_t to, const void *from)
{
    debug_assert(this_hart()->held == 0);
    if (unlikely(uaddr_may_reach_kernel(to, 0)))
        return -E_FAULT;
    return user_copy_64((void *)to.value, from);
}

/* Copies a string of up to max - 1 bytes and its NUL. Returns: its length;
 * -E_FAULT; the caller's error when no NUL is among max bytes. */
static inline long MUST_CHECK copy_string_from_user(char *to, uaddr_t from,
                                                    uint64_t max, long too_long)
{
    for (uint64_t i = 0; i < max; i++) {
        TRY(copy_from_user(&to[i], uaddr(from.value + i), 1));
        if (!to[i])
            return (long)i;
    }
    return too_long;
}
