/*
 * Timers in a pairing heap per hart: start is O(1), cancel and fire are
 * O(log n) on average, and none needs memory.
 *
 *   T1  t->on names the heap that t was put in until it was cancelled or its
 *       function has returned; it becomes NULL under that heap's lock only.
 *   T2  a function runs under the heap's lock. So timer_cancel, which takes it
 *       unless t->on is NULL, returns only when the function is not running
 *       and will not.
 *   T3  the hart's clock interrupt is set no later than its first deadline.
 */
#include "proc/timer.h"

#include "abi/abi.h"
#include "base/spinlock.h"
#include "hw/sbi.h"

#define NS_PER_S 1000000000ull

struct timers {
    struct spinlock lock;
    struct timer *first;
} __attribute__((aligned(64)));

static struct timers timers[MAX_HARTS] = {
    [0 ... MAX_HARTS - 1] = {.lock = SPINLOCK(RANK_TIMER)},
};

static uint64_t hz;
static uint64_t ns_per_tick; /* fixed point, 32 bits of fraction */
static bool have_sstc;

void
time_init(uint64_t timebase, bool sstc)
{
    hz = timebase;
    ns_per_tick = (NS_PER_S << 32) / hz;
    have_sstc = sstc;
}

uint64_t
timebase_hz(void)
{
    return hz;
}

uint64_t
ticks_to_ns(uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * ns_per_tick) >> 32);
}

uint64_t
clock_now_ns(void)
{
    return ticks_to_ns(read_time());
}

/* ns in ticks, rounded up: waiting that long is never too short. */
static uint64_t
ns_to_ticks(uint64_t ns)
{
    return ns / NS_PER_S * hz + (ns % NS_PER_S * hz + NS_PER_S - 1) / NS_PER_S;
}

uint64_t
deadline_after(uint64_t ns)
{
    uint64_t now, ticks;

    if (ns == TIMEOUT_FOREVER)
        return TICKS_NEVER;
    now = read_time();
    ticks = ns_to_ticks(ns);
    return ticks < TICKS_NEVER - now ? now + ticks : TICKS_NEVER;
}

uint64_t
deadline_at(uint64_t ns)
{
    return ns == TIMEOUT_FOREVER ? TICKS_NEVER : ns_to_ticks(ns);
}

/* --- the heap ------------------------------------------------------------- */

/* Two heaps become one; either may be NULL. */
static struct timer *
meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->deadline < a->deadline) {
        struct timer *t = a;

        a = b;
        b = t;
    }
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* A list of siblings becomes one heap: in pairs, then from the back. */
static struct timer *
meld_siblings(struct timer *list)
{
    struct timer *pairs = NULL, *heap = NULL;

    while (list) {
        struct timer *a = list, *b = a->next;

        list = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *rest = pairs->next;

        pairs->next = NULL;
        heap = meld(heap, pairs);
        pairs = rest;
    }
    return heap;
}

static void
take_out(struct timers *on, struct timer *t)
{
    struct timer *rest = meld_siblings(t->child);

    if (on->first == t) {
        on->first = rest;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        on->first = meld(on->first, rest);
    }
    if (on->first)
        on->first->prev = on->first->next = NULL;
}

/* --- timers --------------------------------------------------------------- */

void
timer_start(struct timer *t, uint64_t deadline, timer_fn *fire)
{
    struct hart *h = this_hart();
    struct timers *on = &timers[h->index];

    assert(!t->on);
    t->child = t->next = t->prev = NULL;
    t->deadline = deadline;
    t->fire = fire;
    spin_lock(&on->lock);
    store_relaxed(&t->on, on);
    on->first = meld(on->first, t);
    spin_unlock(&on->lock);
    clock_arm(h, deadline); /* T3 */
}

void
timer_cancel(struct timer *t)
{
    /* [TIMER] acquire; pairs with the release in timers_run(). */
    struct timers *on = load_acquire(&t->on);

    if (!on)
        return;
    spin_lock(&on->lock);
    if (t->on) {
        take_out(on, t);
        t->on = NULL;
    }
    spin_unlock(&on->lock);
}

uint64_t
timers_run(struct hart *h, uint64_t now)
{
    struct timers *on = &timers[h->index];
    uint64_t next;

    spin_lock(&on->lock);
    while (on->first && on->first->deadline <= now) {
        struct timer *t = on->first;

        take_out(on, t);
        t->fire(t);
        /* [TIMER] release; pairs with the acquire in timer_cancel(). */
        store_release(&t->on, NULL);
    }
    next = on->first ? on->first->deadline : TICKS_NEVER;
    spin_unlock(&on->lock);
    return next;
}

void
clock_set(struct hart *h, uint64_t ticks)
{
    h->armed = ticks;
    if (have_sstc)
        write_stimecmp(ticks);
    else
        sbi_set_timer(ticks);
}

void
clock_arm(struct hart *h, uint64_t ticks)
{
    if (ticks < h->armed)
        clock_set(h, ticks);
}
