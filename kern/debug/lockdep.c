/*
 * SAN=lockdep: how locks are used.
 *
 *   D1  of each two ranks it is remembered where the second was first taken
 *       with the first held. Who takes them the other way round, or in falling
 *       rank, is told both chains.
 *   D2  what may sleep is not called with a spin lock held, also if it happens
 *       not to sleep this time: it is told where the lock was taken.
 *   D3  interrupts are not off for longer than LIMIT instructions, but for
 *       those of this file. Only the instruction clock (ICOUNT=1) counts them;
 *       without it D3 is not looked at.
 *
 * What a hart holds is its own business, so nothing here is locked but the
 * memory of D1, which is written once for each pair.
 */
#include "abi/atomic.h"
#include "base/hart.h"
#include "base/kern.h"
#include "base/printf.h"
#include "base/spinlock.h"
#include "debug/san.h"
#include "debug/stack.h"
#include "hw/riscv.h"

#define LIMIT     300000u
#define MAX_HELD  12u
#define RANKS     13u
#define TEST_LOOP 1000u

static struct held {
    const struct spinlock *lock;
    uint32_t rank;
    struct trace taken;
} held[MAX_HARTS][MAX_HELD]; /* [s] */
static uint32_t held_count[MAX_HARTS];

/* D1: [first][second] */
static struct pair {
    uint32_t seen; /* [a] 0: no, 1: somebody writes the rest, 2: yes */
    struct trace first, second;
} pairs[RANKS][RANKS];

/* vector.S writes both: [s] instret, 0: not on yet; [s] the call's number. */
extern uint64_t lockdep_since[2 * MAX_HARTS];
uint64_t lockdep_since[2 * MAX_HARTS];
_Static_assert(MAX_HARTS * sizeof(uint64_t) == 64, "vector.S");
#define lockdep_calls (lockdep_since + MAX_HARTS)

static uint32_t counts; /* [a] 0: unknown, 1: no, 2: yes */

static uint32_t number(uint32_t rank)
{
    uint32_t n = 0;

    while (rank >>= 1)
        n++;
    return n;
}

static const char *name(uint32_t rank)
{
    static const char *const names[RANKS] = {
        "REVOKE", "TREE", "HANDLES", "FLIGHT", "OBJECT", "?",      "TIMER",
        "PARKED", "HELP", "RUNQ",    "HEAP",   "PAGES",  "CONSOLE"};

    return names[number(rank)];
}

static NOINLINE void report_order(const struct held *h, uint32_t rank)
{
    const struct pair *other = &pairs[number(rank)][number(h->rank)];

    if (report_begun())
        return;
    report_begin();
    kprintf("lockdep: %s is taken with %s held", name(rank), name(h->rank));
    trace_print("that was taken by", &h->taken);
    if (load_acquire(&other->seen) == 2 && rank != h->rank) {
        trace_print("the other order: the first was taken by", &other->first);
        trace_print("and the second by", &other->second);
    }
    panic("lockdep: %s is taken with %s held", name(rank), name(h->rank));
}

static void note_pair(const struct held *h, uint32_t rank,
                      const struct trace *here)
{
    struct pair *pair = &pairs[number(h->rank)][number(rank)];

    if (load_relaxed(&pair->seen) || !cas(&pair->seen, 0, 1))
        return;
    pair->first = h->taken;
    pair->second = *here;
    /* [PAIR] release; pairs with the acquire in report_order(). */
    store_release(&pair->seen, 2);
}

/* What this file does takes no time. */
static inline void discount(uint32_t me, uint64_t begin)
{
    if (lockdep_since[me])
        lockdep_since[me] += csr_read(instret) - begin;
}

void lockdep_acquire(struct spinlock *lock, uint32_t rank)
{
    uint64_t begin = csr_read(instret);
    uint32_t me = this_hart()->index, n = held_count[me];
    struct held *mine = held[me];
    struct trace here;

    trace_here(&here);
    for (uint32_t i = 0; i < n; i++) {
        if (mine[i].rank >= rank)
            report_order(&mine[i], rank);
        note_pair(&mine[i], rank, &here);
    }
    assert(n < MAX_HELD);
    mine[n].lock = lock;
    mine[n].rank = rank;
    mine[n].taken = here;
    held_count[me] = n + 1;
    discount(me, begin);
}

void lockdep_release(struct spinlock *lock)
{
    uint64_t begin = csr_read(instret);
    uint32_t me = this_hart()->index, i = held_count[me];
    struct held *mine = held[me];

    while (i > 0 && mine[i - 1].lock != lock)
        i--;
    if (i == 0 && !report_begun()) {
        report_begin();
        panic("lockdep: a lock of rank %s is released and not held",
              name(lock->rank));
    }
    for (; i < held_count[me]; i++)
        mine[i - 1] = mine[i];
    held_count[me]--;
    discount(me, begin);
}

void lockdep_may_sleep(const char *what)
{
    uint32_t me = this_hart()->index;

    if (!held_count[me] || report_begun())
        return;
    report_begin();
    kprintf("lockdep: %s with %s held", what, name(held[me][0].rank));
    trace_print("that was taken by", &held[me][0].taken);
    panic("lockdep: %s, which may sleep, with %s held", what,
          name(held[me][0].rank));
}

/* --- interrupts off ------------------------------------------------------- */

/* Whether instret counts instructions: those of this loop, exactly. */
static uint32_t instret_counts(void)
{
    uint64_t took[2];

    for (int i = 0; i < 2; i++) {
        uint64_t begin = csr_read(instret);

        __asm__ volatile("li t0, %0; 1: addi t0, t0, -1; bnez t0, 1b"
                         :
                         : "i"(TEST_LOOP)
                         : "t0", "memory");
        took[i] = csr_read(instret) - begin;
    }
    return took[0] == took[1] && took[0] >= 2 * TEST_LOOP &&
                   took[0] < 2 * TEST_LOOP + 10
               ? 2
               : 1;
}

void lockdep_irqs_off(void)
{
    lockdep_since[this_hart()->index] = csr_read(instret);
}

void lockdep_irqs_on(void)
{
    uint64_t since = lockdep_since[this_hart()->index];
    uint64_t took = csr_read(instret) - since;

    if (!load_relaxed(&counts))
        store_relaxed(&counts, instret_counts());
    /* Before the first trap the kernel only boots. */
    if (load_relaxed(&counts) != 2 || !since || took < LIMIT ||
        report_begun() || !csr_read(sepc))
        return;
    report_begin();
    panic("lockdep: interrupts were off for %lu instructions, the limit is %u; "
          "the last call was %lu",
          took, LIMIT, lockdep_calls[this_hart()->index]);
}

/* --- wrapped functions: __real_x() is what the kernel has ----------------- */

#define WRAP(type, name, ...)                                                  \
    type __real_##name(__VA_ARGS__);                                           \
    type __wrap_##name(__VA_ARGS__);                                           \
    type __wrap_##name(__VA_ARGS__)

WRAP(long, user_copy, void *to, const void *from, uint64_t n)
{
    lockdep_may_sleep("user_copy");
    return __real_user_copy(to, from, n);
}

WRAP(long, user_copy_64, void *to, const void *from)
{
    lockdep_may_sleep("user_copy");
    return __real_user_copy_64(to, from);
}

WRAP(int, waiter_sleep, void *w, uint64_t deadline)
{
    lockdep_may_sleep("waiter_sleep");
    return __real_waiter_sleep(w, deadline);
}

WRAP(int, waiter_sleep_for, void *w, uint64_t deadline, void *next)
{
    lockdep_may_sleep("waiter_sleep_for");
    return __real_waiter_sleep_for(w, deadline, next);
}

WRAP(void, sched, void)
{
    lockdep_may_sleep("sched");
    __real_sched();
}

WRAP(long, sched_yield, void)
{
    lockdep_may_sleep("sched_yield");
    return __real_sched_yield();
}

WRAP(void, user_trap, uint64_t cause, void *frame)
{
    lockdep_irqs_off();
    __real_user_trap(cause, frame);
}

/* Inside a window: its time is the interrupt's. */
WRAP(void, kernel_trap, void *regs)
{
    lockdep_irqs_off();
    __real_kernel_trap(regs);
    lockdep_irqs_on();
}
