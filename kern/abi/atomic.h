/*
 * Atomics. Every shared word that is not guarded by a lock goes through these:
 * the name says the order, a comment at the call the access it pairs with.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)

#ifdef __riscv
/* gcc 12 makes an amoswap of every atomic store and widens what it loads;
 * aligned plain accesses are single ones. */
#define load_relaxed(p)     (*(const volatile __typeof__(*(p)) *)(p))
#define store_relaxed(p, v) (*(volatile __typeof__(*(p)) *)(p) = (v))
#define store_release(p, v)                                                    \
    do {                                                                       \
        __asm__ volatile("fence rw, w" : : : "memory");                        \
        store_relaxed(p, v);                                                   \
    } while (0)

/* One instruction, where the compiler would also widen the result. */
#define swap(width, p, value, order)                                           \
    ({                                                                         \
        long old_;                                                             \
        __asm__ volatile("amoswap." width order " %0, %z2, (%1)"               \
                         : "=&r"(old_)                                         \
                         : "r"(p), "rJ"(value)                                 \
                         : "memory");                                          \
        old_;                                                                  \
    })
#define swap_acquire(p, v)   swap("w", p, v, ".aq")
#define swap_acq_rel(p, v)   swap("w", p, v, ".aqrl")
#define swap64_acq_rel(p, v) swap("d", p, v, ".aqrl")
#define add_acq_rel(p, value)                                                  \
    ({                                                                         \
        long old_;                                                             \
        __asm__ volatile("amoadd.w.aqrl %0, %z2, (%1)"                         \
                         : "=&r"(old_)                                         \
                         : "r"(p), "rJ"(value)                                 \
                         : "memory");                                          \
        old_;                                                                  \
    })
#else /* a host's tests, whose sanitizer knows these */
#define load_relaxed(p)     __atomic_load_n((p), __ATOMIC_RELAXED)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define add_acq_rel(p, v)   __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#endif

#define add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define or_relaxed(p, v)  __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define and_relaxed(p, v) __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)

/* Orders everything before it against everything after it, on all harts. */
#define fence_full() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* *p: expected -> wanted. Returns whether it did. */
#define cas(p, expected, wanted)                                               \
    ({                                                                         \
        __typeof__(*(p)) old_ = (expected);                                    \
        __atomic_compare_exchange_n((p), &old_, (wanted), false,               \
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);       \
    })
