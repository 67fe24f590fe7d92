/*
 * Spin locks with ranks. Interrupts are off whenever one is held, so an
 * interrupt handler may take any of them (docs/locking.md).
 *
 *   L1  a hart takes locks in rising rank, never two of one rank: no cycle of
 *       harts can wait for each other. Checked at every acquisition.
 *   L2  no process sleeps with a spin lock held. Checked at every switch.
 */
#pragma once

#include "abi/atomic.h"
#include "base/hart.h"
#include "base/kern.h"
#include "debug/san.h"
#include "hw/riscv.h"

/* Clang checks these with -Wthread-safety; to gcc they are empty. */
#ifdef __clang__
#define CLANG(attribute) __attribute__((attribute))
#else
#define CLANG(attribute)
#endif
#define ACQUIRES(...) CLANG(acquire_capability(__VA_ARGS__))
#define RELEASES(...) CLANG(release_capability(__VA_ARGS__))
#define REQUIRES(...) CLANG(requires_capability(__VA_ARGS__))
#define NO_LOCK_CHECK CLANG(no_thread_safety_analysis)

/* Ranks, a bit each, in the order in which locks may be taken. */
enum {
    RANK_REVOKE = 1 << 0,  /* an object's derivation tree */
    RANK_TREE = 1 << 1,    /* parents, children, pids */
    RANK_HANDLES = 1 << 2, /* a process's handle table */
    RANK_FLIGHT = 1 << 3,  /* which queues' ends are in messages */
    RANK_OBJECT = 1 << 4,  /* a queue, region, port, channel, semaphore */
    RANK_UART = 1 << 5,    /* who waits for the UART, or for what it brings */
    RANK_TIMER = 1 << 6,   /* a hart's timers */
    RANK_PARKED = 1 << 7,  /* a process's parked operations */
    RANK_HELP = 1 << 8,    /* whose operations need help */
    RANK_RUNQ = 1 << 9,    /* a hart's run queue */
    RANK_HEAP = 1 << 10,   /* kmalloc */
    RANK_PAGES = 1 << 11,
    RANK_CONSOLE = 1 << 12, /* the UART */
};

struct CLANG(capability("mutex")) spinlock {
    uint32_t locked; /* [a] */
    uint32_t rank;   /* [I] one bit */
};

/* The first defines a lock, the other is for those in allocated memory. */
#define SPINLOCK(bit)        ((struct spinlock){.rank = (bit)})
#define spin_init(lock, bit) (*(lock) = SPINLOCK(bit))

/* A store of 0 with release, which inject_init() can replace: .releases has
 * the addresses of all of them. */
#define release_word(word)                                                     \
    __asm__ volatile inline(                                                   \
        ".option push; .option norvc; 1: fence rw, w; sw zero, %0\n"           \
        ".option pop; .pushsection .releases, \"a\"; .dword 1b; .popsection"   \
        : "=m"(word)                                                           \
        :                                                                      \
        : "memory")

/* `held` is what this hart holds before, or then. */
static ALWAYS_INLINE void spin_lock_from(struct spinlock *lock, uint64_t rank,
                                         uint64_t held)
    ACQUIRES(lock) NO_LOCK_CHECK
{
    lockdep_acquire(lock, (uint32_t)rank);
    assert(held < rank);               /* L1: all bits held are lower ones */
    __asm__ volatile("" : "+r"(rank)); /* one register for both */
    /* [LOCK] acquire; pairs with the release in spin_unlock_to(). */
    while (unlikely(swap_acquire(&lock->locked, rank)))
        while (load_relaxed(&lock->locked))
            cpu_relax();
    this_hart()->held = (uint16_t)(held + rank);
}

static ALWAYS_INLINE void spin_unlock_to(struct spinlock *lock, uint64_t held)
    RELEASES(lock) NO_LOCK_CHECK
{
    lockdep_release(lock);
    this_hart()->held = (uint16_t)held;
    /* [LOCK] release; pairs with the acquire in spin_lock_from(). */
    release_word(lock->locked);
}

/* The only lock from here on, until spin_unlock_to(lock, 0). */
static ALWAYS_INLINE void spin_lock_only(struct spinlock *lock, uint64_t rank)
    ACQUIRES(lock) NO_LOCK_CHECK
{
    if (unlikely(this_hart()->held)) /* L1; the call of assert() would cost */
        __asm__ volatile("unimp");   /* a stack frame, where this is inlined */
    spin_lock_from(lock, rank, 0);
}

/* With the rank known at compile time: saves reading it. */
#define spin_lock_as(lock, rank) spin_lock_from(lock, rank, this_hart()->held)
#define spin_unlock_as(lock, rank)                                             \
    spin_unlock_to(lock, this_hart()->held - (rank))
#define spin_lock(lock)   spin_lock_as(lock, (lock)->rank)
#define spin_unlock(lock) spin_unlock_as(lock, (lock)->rank)

/* Take the interrupts that are pending: for long calls, every few thousand
 * instructions. The process keeps the hart until its call ends. Locks: none. */
static inline void interrupt_window(void)
{
    assert(this_hart()->held == 0);
    lockdep_irqs_on();
    interrupts_on();
    interrupts_off();
    lockdep_irqs_off();
}
