/*
 * Kernel polling: one thread takes the entries of all polled rings, as their
 * owners: this_proc() is the owner, its address space is the hart's, and its
 * handles are looked up with hazards as on any hart (H4).
 *
 *   X1  ring.busy is the one thread that works on a polled ring, the poller or
 *       the owner. The owner comes first: a ring that it wants is not taken.
 *   X2  the poller runs as an owner only while it is in the ring. So who has
 *       entered knows that no other hart uses the owner's memory or handles:
 *       the ring's end and sbrk enter.
 *   X3  the poller works only on a hart that has nobody else ready: between two
 *       rounds it gives way. With one hart it does not look twice.
 *
 * No wakeup is lost. The owner's: `wanted` is set and `busy` seen in one
 * critical section, as `busy` is cleared and `wanted` seen. The poller's: it
 * says NEED_WAKEUP on the kernel pages, then looks at all sq_prod again; a
 * program stores sq_prod, then looks at NEED_WAKEUP; both with a full fence in
 * between, so one sees the other.
 */
#include "hw/riscv.h"
#include "ipc/event.h"
#include "proc/sched.h"
#include "sys/ring.h"

/* So long without work, and the poller sleeps. */
#define IDLE_NS 100000000ull

static struct {
    struct spinlock lock; /* p */
    struct list rings;    /* [p] who was polled longest ago is first */
    struct proc *thread;  /* [I] */
    bool asleep;          /* [p] */
} poller = {.lock = SPINLOCK(RANK_OBJECT)};

static void wake_locked(void) REQUIRES(&poller.lock)
{
    if (poller.asleep)
        waiter_end(&poller.thread->wait, 0);
    poller.asleep = false;
}

void poller_enter(struct ring *r)
{
    spin_lock(&poller.lock);
    while (r->busy) {
        r->wanted = true;
        (void)waiter_begin(NULL);
        spin_unlock(&poller.lock);
        sched(); /* a kill only wakes us, and is not lost */
        spin_lock(&poller.lock);
    }
    r->wanted = false;
    r->busy = r->owner;
    spin_unlock(&poller.lock);
}

void poller_leave(struct ring *r, bool wake)
{
    spin_lock(&poller.lock);
    r->busy = NULL;
    if (r->wanted)
        waiter_end(&r->owner->wait, 0);
    if (wake)
        wake_locked();
    spin_unlock(&poller.lock);
}

void poller_add(struct ring *r)
{
    r->owner->parking.polled = true;
    store_relaxed(&r->owner->polled, true);
    fence_full(); /* [FORGET]: then the poller looks at stale_harts */
    spin_lock(&poller.lock);
    list_push_back(&poller.rings, &r->link);
    wake_locked();
    spin_unlock(&poller.lock);
}

void poller_remove(struct ring *r)
{
    if (r->busy != r->owner) /* else it ends by an entry */
        poller_enter(r);
    spin_lock(&poller.lock);
    list_unlink(&r->link);
    spin_unlock(&poller.lock);
    r->owner->polled = r->owner->parking.polled = false;
}

/* Does it look as if there was something to do? The words are looked at again
 * by who does it. */
static bool has_work(const struct ring *r) REQUIRES(&poller.lock)
{
    uint32_t queued =
        load_acquire(word(r->user, RING_SQ_PROD)) - (uint32_t)r->sq_cons;
    uint32_t unreaped = r->cq_prod - load_acquire(word(r->user, RING_CQ_CONS));

    return (queued && queued <= r->entries &&
            unreaped + r->parked < r->entries) ||
           !list_looks_empty(&r->owner->parking.woken);
}

/* A ring that is free and has work, which is the poller's now; or NULL. */
static struct ring *next_ring(void) REQUIRES(&poller.lock)
{
    list_for_each (link, &poller.rings) {
        struct ring *r = list_entry(link, struct ring, link);

        if (r->busy || r->wanted || !has_work(r))
            continue;
        r->busy = poller.thread;
        list_unlink(link);
        list_push_back(&poller.rings, link);
        return r;
    }
    return NULL;
}

static void say(uint32_t wakeup) REQUIRES(&poller.lock)
{
    list_for_each (link, &poller.rings)
        store_relaxed(
            word(list_entry(link, struct ring, link)->kernel, RING_WAKEUP),
            wakeup);
    fence_full(); /* pairs with the program's: sq_prod, then wakeup */
}

/* Finish, as p, which sleeps in another call, what it has parked. */
static void help(struct proc *p)
{
    if (!parking_borrow(p))
        return;
    store_relaxed(&p->polled, true);
    fence_full(); /* [FORGET] */
    sched_run_as(p);
    ring_finish(p->ring);
    sched_run_as(poller.thread);
    store_relaxed(&p->polled, false);
    parking_return(p);
}

/* Poll a ring, and help a process. With nothing to do, `doze`: sleep until
 * somebody wakes us. Returns: whether something was done, or slept. */
static bool work(bool doze)
{
    struct waiter *w = NULL;
    struct proc *p;
    struct ring *r;

    spin_lock(&poller.lock);
    if (doze)
        say(RING_NEED_WAKEUP);
    r = next_ring();
    p = parking_next(doze && !r ? &w : NULL);
    poller.asleep = w;
    if (doze && !w)
        say(0);
    spin_unlock(&poller.lock);
    if (w) {
        (void)waiter_sleep(w, TICKS_NEVER);
        spin_lock(&poller.lock);
        poller.asleep = false;
        say(0);
        spin_unlock(&poller.lock);
    }
    if (r) {
        sched_run_as(r->owner);
        doze |= ring_poll(r);
        sched_run_as(poller.thread); /* X2 */
        poller_leave(r, false);
    }
    if (p)
        help(p);
    event_flush();
    return doze || p;
}

static void poll(void)
{
    uint64_t patience = hart_count > 1 ? deadline_at(IDLE_NS) : 0;
    uint64_t last = read_time();

    for (;;) {
        if (work(list_looks_empty(&poller.rings) ||
                 read_time() - last >= patience))
            last = read_time();
        interrupt_window();
        sched_yield(); /* X3 */
    }
}

void poller_start(void)
{
    list_init(&poller.rings);
    poller.thread = proc_thread("poller", poll);
    parking_set_helper(poller.thread);
}
