/* The calls 0x51 and 0x52, and what an owner does on its way to its program. */
#include "ipc/event.h"
#include "sys/ring.h"
#include "sys/syscall.h"

/* Until n completions wait to be reaped. The ring is others' meanwhile.
 * Returns: 0; -E_AGAIN; -E_TIMEDOUT; -E_CANCELED. */
static NOINLINE long await_completions(struct ring *r, uint32_t n,
                                       uint64_t timeout)
{
    struct parking *k = &r->owner->parking;
    uint64_t deadline = deadline_after(timeout);
    uint32_t from = r->cq_cons; /* the poller may look again */
    long error = timeout ? 0 : -E_AGAIN;

    while (!error && (uint32_t)r->cq_prod - from < n) {
        struct waiter *w = NULL;

        ring_leave(r, true);
        event_flush();
        spin_lock(&k->lock);
        if (list_empty(&k->woken) &&
            (uint32_t)load_relaxed(&r->cq_prod) - from < n)
            w = waiter_begin(NULL);
        k->asleep = w != NULL;
        spin_unlock(&k->lock);
        if (w) {
            error = waiter_sleep(w, deadline);
            spin_lock(&k->lock);
            k->asleep = false; /* the next wait is another one */
            spin_unlock(&k->lock);
        }
        ring_enter(r);
        ring_finish(r);
    }
    return (uint32_t)r->cq_prod - from < n ? error : 0;
}

static NOINLINE long submit_slowly(struct ring *r, uint64_t n, uint32_t wanted,
                                   uint64_t timeout)
{
    long done, error = 0;

    ring_enter(r);
    done = ring_take(r, n);
    /* Not after a short count: the program has to reap first (BEHAVIOUR L8). */
    r->owner->parking.mode = INSIDE_RING;
    if (done >= 0 && !r->short_count)
        error = await_completions(r, wanted, timeout);
    ring_leave(r, true);
    r->owner->parking.mode = r->polled ? INSIDE_RING : OUTSIDE_RING;
    return done ? done : error;
}

SYSCALL(ring_submit, uint64_t to_submit, uint64_t min_complete,
        uint64_t timeout)
{
    struct ring *r = this_proc()->ring;
    uint32_t n = (uint32_t)to_submit, wanted = (uint32_t)min_complete;

    if (!r || wanted > r->entries)
        return -E_INVAL;
    return likely(!(wanted | r->polled)) ? ring_take(r, n)
                                         : submit_slowly(r, n, wanted, timeout);
}

void ring_work(void)
{
    struct proc *p = this_proc();
    struct ring *r = p->ring;

    and_relaxed(&p->work, ~WORK_RING);
    if (!r)
        return;
    p->parking.mode = INSIDE_RING;
    ring_enter(r);
    ring_finish(r);
    ring_leave(r, false);
    p->parking.mode = r->polled ? INSIDE_RING : OUTSIDE_RING;
}

SYSCALL(ring_cancel, uint64_t user_data)
{
    struct proc *p = this_proc();
    struct ring *r = p->ring;
    bool inside = r && r->busy == this_thread(); /* it is an entry itself */
    struct list *next;
    long n;

    if (!r)
        return -E_INVAL;
    if (!inside)
        ring_enter(r);
    n = parked_end(p, NULL, &user_data, -E_CANCELED);
    for (struct list *link = r->held.next; link != &r->held; link = next) {
        struct parked *op = list_entry(link, struct parked, mine);

        next = link->next;
        if (op->user_data != user_data)
            continue;
        op->wait.result = -E_CANCELED;
        op->finish = NULL;
        r->on_hold--;
        waiter_wake(&op->wait);
        n++;
    }
    if (!inside)
        ring_leave(r, false);
    return n;
}
