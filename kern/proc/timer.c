/*
 * Timers in a line per hart, the earliest first. A new one looks for its place
 * from the end, where timeouts of equal length belong; a process has one timer
 * at a time, so the lines stay short.
 *
 *   T1  t->on names the line that t was put in until it was cancelled or its
 *       function has returned; it becomes NULL under that line's lock only.
 *   T2  a function runs under the line's lock. So timer_cancel, which takes it
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
    struct list line;
} __attribute__((aligned(64)));

static struct timers timers[MAX_HARTS];
static uint64_t hz;          /* [I] */
static uint64_t ns_per_tick; /* [I] fixed point, 32 bits of fraction */
static bool have_sstc;       /* [I] */

void
time_init(uint64_t timebase, bool sstc)
{
    hz = timebase;
    ns_per_tick = (NS_PER_S << 32) / hz;
    have_sstc = sstc;
    for (int i = 0; i < MAX_HARTS; i++) {
        spin_init(&timers[i].lock, RANK_TIMER);
        list_init(&timers[i].line);
    }
}

uint64_t
ticks_to_ns(uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * ns_per_tick) >> 32);
}

uint64_t
deadline_at(uint64_t ns)
{
    if (ns == TIMEOUT_FOREVER)
        return TICKS_NEVER;
    /* Rounded up: waiting that long is never too short. */
    return ns / NS_PER_S * hz + (ns % NS_PER_S * hz + NS_PER_S - 1) / NS_PER_S;
}

uint64_t
deadline_after(uint64_t ns)
{
    uint64_t now = read_time(), ticks = deadline_at(ns);

    return ticks < TICKS_NEVER - now ? now + ticks : TICKS_NEVER;
}

void
timer_start(struct timer *t, uint64_t deadline, timer_fn *fire)
{
    struct hart *h = this_hart();
    struct timers *on = &timers[h->index];
    struct list *before;

    assert(!t->on);
    t->deadline = deadline;
    t->fire = fire;
    spin_lock_as(&on->lock, RANK_TIMER);
    store_relaxed(&t->on, on);
    before = on->line.prev;
    while (before != &on->line &&
           list_entry(before, struct timer, link)->deadline > deadline)
        before = before->prev;
    list_push_front(before, &t->link);
    spin_unlock_as(&on->lock, RANK_TIMER);
    clock_arm(h, deadline); /* T3 */
}

void
timer_cancel(struct timer *t)
{
    /* [TIMER] acquire; pairs with the release in timers_run(). */
    struct timers *on = load_acquire(&t->on);

    if (!on)
        return;
    spin_lock_as(&on->lock, RANK_TIMER);
    if (t->on) {
        list_unlink(&t->link);
        t->on = NULL;
    }
    spin_unlock_as(&on->lock, RANK_TIMER);
}

uint64_t
timers_run(struct hart *h, uint64_t now)
{
    struct timers *on = &timers[h->index];
    uint64_t next = TICKS_NEVER;

    spin_lock_as(&on->lock, RANK_TIMER);
    while (!list_empty(&on->line)) {
        struct timer *t = list_entry(on->line.next, struct timer, link);

        next = t->deadline;
        if (next > now)
            break;
        list_unlink(&t->link);
        t->fire(t);
        /* [TIMER] release; pairs with the acquire in timer_cancel(). */
        store_release(&t->on, NULL);
        next = TICKS_NEVER;
    }
    spin_unlock_as(&on->lock, RANK_TIMER);
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
