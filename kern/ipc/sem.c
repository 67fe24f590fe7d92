/*
 * Counting semaphores.
 *
 *   S1  nobody waits while there is a unit: who adds one gives it to the first
 *       in line.
 *   S2  a unit is in `count`, or was given to a waiter, who has it when it runs
 *       again. One that was killed meanwhile gives it back.
 *
 * No wakeup is lost (W2): to see that there is no unit and to join the line is
 * one critical section of the lock, and so is to add one and to serve the line.
 */
#include "ipc/sem.h"

#include "ipc/event.h"
#include "ipc/line.h"
#include "mem/kalloc.h"

/* sem.closed; the bits are never unset. Beside it, sides that are gone: without
 * RIGHT_WRITE it is E_PIPE once the units are used up. */
#define SHUT RIGHT_REVOKE

static void add_locked(struct sem *s) REQUIRES(&s->obj.lock)
{
    struct waiter *w = line_claim(&s->waiters);

    if (unlikely(w)) {
        waiter_wake(w);
    } else {
        event_changed(&s->obj, s->count++ ? 0 : SIG_READABLE);
    }
}

inline long sem_give(struct sem *s)
{
    long error = 0;

    kobj_lock_only(&s->obj);
    if (unlikely(s->closed & (SHUT | RIGHT_READ)))
        error = -E_PIPE;
    else if (unlikely(s->count >= SEM_MAX))
        error = -E_INVAL;
    else
        add_locked(s);
    kobj_unlock_only(&s->obj);
    return error;
}

/* The wait is over; what it got goes back if nobody is left to have it (S2). */
static long end_wait(struct sem *s, long error, bool drop)
{
    if (!error && drop) {
        kobj_lock(&s->obj);
        add_locked(s);
        kobj_unlock(&s->obj);
        error = -E_CANCELED;
    }
    kobj_put(&s->obj);
    return error;
}

static long finish_wait(struct parked *op, long result, bool drop)
{
    return end_wait(sem_of(op->obj), line_waited(op->obj, &op->wait, result),
                    drop);
}

/* The line's part of sem_take(), with the lock. */
static NOINLINE long wait_locked(struct sem *s, const void *node,
                                 uint64_t timeout) RELEASES(&s->obj.lock)
{
    long error;

    kobj_get(&s->obj);
    error = line_wait(&s->obj, &s->waiters, waiter_begin(node), NULL, timeout,
                      NULL);
    return error == -E_PARKED ? parked_with(&s->obj, finish_wait)
                              : end_wait(s, error, proc_killed());
}

inline long sem_take(struct sem *s, const void *node, uint64_t timeout)
{
    long error = 0;

    kobj_lock_only(&s->obj);
    if (unlikely(s->closed & SHUT))
        error = -E_PIPE;
    else if (likely(s->count))
        s->count--;
    else
        error = s->closed & RIGHT_WRITE ? -E_PIPE : -E_AGAIN;
    if (error == -E_AGAIN && timeout)
        return wait_locked(s, node, timeout);
    kobj_unlock_only(&s->obj);
    handle_done();
    return error;
}

static uint32_t sem_signals(const struct kobj *obj, uint32_t rights)
{
    const struct sem *s = container_of(obj, const struct sem, obj);
    bool units = (rights & RIGHT_READ) && s->count && !(s->closed & SHUT);
    bool closed = (s->closed & SHUT) ||
                  ((rights & RIGHT_READ) && (s->closed & RIGHT_WRITE)) ||
                  ((rights & RIGHT_WRITE) && (s->closed & RIGHT_READ));

    return (units ? SIG_READABLE : 0) | (closed ? SIG_CLOSED : 0);
}

static void sem_close(struct kobj *obj, uint32_t how)
{
    struct sem *s = sem_of(obj);

    kobj_lock(obj);
    s->closed |= how;
    if (how & (SHUT | RIGHT_WRITE))
        line_end(&s->waiters, -E_PIPE);
    event_changed(obj, SIG_CLOSED);
    kobj_unlock(obj);
}

static void sem_shutdown(struct kobj *obj)
{
    sem_close(obj, SHUT);
}

static void sem_destroy(struct kobj *obj)
{
    kfree(sem_of(obj), sizeof(struct sem));
}

static const struct kobj_ops sem_ops = {
    .side_gone = sem_close,
    .shutdown = sem_shutdown,
    .signals = sem_signals,
    .destroy = sem_destroy,
};

long sem_new(uint32_t count, struct sem **out)
{
    struct sem *s;

    if (count > SEM_MAX)
        return -E_INVAL;
    s = kmalloc(sizeof(*s));
    if (!s)
        return -E_NOMEM;
    kobj_init(&s->obj, OBJ_SEMAPHORE, &sem_ops);
    s->count = count;
    s->closed = 0;
    list_init(&s->waiters);
    *out = s;
    return 0;
}
