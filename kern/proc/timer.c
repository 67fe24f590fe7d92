/*
 * Waits with a deadline stand in a line per hart, the earliest first. A new one
 * looks for its place from the end, where timeouts of equal length belong.
 *
 *   T1  a waiter leaves the line it was put in, and is claimed for its
 *       deadline, under that line's lock only. So when timer_cancel() has had
 *       the lock, nobody claims this wait, or the process's next one, for it.
 *   T2  the hart's clock interrupt is set no later than its first deadline.
 */
#include "proc/timer.h"

#include "abi/abi.h"
#include "hw/fdt.h"
#include "hw/sbi.h"
#include "proc/waitq.h"

#define NS_PER_S 1000000000ull

struct timers {
    struct spinlock lock;
    struct list line;
} __attribute__((aligned(64)));

#define hz machine.timebase_hz

static struct timers timers[MAX_HARTS];

void time_init(void)
{
    for (int i = 0; i < MAX_HARTS; i++)
        list_init(&timers[i].line);
}

uint64_t ticks_to_ns(uint64_t ticks)
{
    return ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz;
}

uint64_t deadline_at(uint64_t ns)
{
    if (ns == TIMEOUT_FOREVER)
        return TICKS_NEVER;
    /* Rounded up: waiting that long is never too short. */
    return ns / NS_PER_S * hz + (ns % NS_PER_S * hz + NS_PER_S - 1) / NS_PER_S;
}

uint64_t deadline_after(uint64_t ns)
{
    uint64_t ticks = deadline_at(ns), now;

    if (ticks == TICKS_NEVER)
        return ticks;
    now = read_time();
    return ticks < TICKS_NEVER - now ? now + ticks : TICKS_NEVER;
}

void timer_start(struct waiter *w, uint64_t deadline)
{
    struct hart *h = this_hart();
    struct timers *on = &timers[h->index];
    struct list *before;

    w->timers = on;
    w->deadline = deadline;
    spin_lock_as(&on->lock, RANK_TIMER);
    before = on->line.prev;
    while (before != &on->line &&
           list_entry(before, struct waiter, timer)->deadline > deadline)
        before = before->prev;
    list_push_front(before, &w->timer);
    spin_unlock_as(&on->lock, RANK_TIMER);
    clock_arm(h, deadline); /* T2 */
}

void timer_cancel(struct waiter *w)
{
    spin_lock_as(&w->timers->lock, RANK_TIMER);
    list_remove(&w->timer); /* nothing happens if it is out already */
    spin_unlock_as(&w->timers->lock, RANK_TIMER);
}

uint64_t timers_run(struct hart *h, uint64_t now)
{
    struct timers *on = &timers[h->index];
    uint64_t next = TICKS_NEVER;

    spin_lock_only(&on->lock, RANK_TIMER);
    while (!list_empty(&on->line)) {
        struct waiter *w = list_entry(on->line.next, struct waiter, timer);

        if (likely(w->deadline > now)) {
            next = w->deadline;
            break;
        }
        list_remove(&w->timer);
        waiter_end(w, -E_TIMEDOUT);
    }
    spin_unlock_to(&on->lock, 0);
    return next;
}

void clock_set(struct hart *h, uint64_t ticks)
{
    h->armed = ticks;
    if (machine.sstc)
        write_stimecmp(ticks);
    else
        sbi_set_timer(ticks);
}

void clock_arm(struct hart *h, uint64_t ticks)
{
    if (ticks < h->armed)
        clock_set(h, ticks);
}
