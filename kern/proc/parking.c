/*
 * Parked operations: who finishes them, and when.
 *
 *   K1  an owner that sleeps in ring_submit() is woken. One that runs looks at
 *       WORK_RING on its way out of the kernel, into which an interrupt brings
 *       it.
 *   K2  one that sleeps in another call has lent its ring: the helper, which is
 *       the poller of sys/poller.c, finishes as the owner meanwhile. An owner
 *       that wakes takes its ring back before it goes on, and waits for that
 *       while the helper is `busy`.
 *
 * No wakeup is lost: to move an operation to `woken` and to look at `asleep`
 * and `lent` is one critical section of parking.lock, and so it is to set one
 * of these and to look at `woken`. To find nobody to help and to sleep is one
 * critical section of help.lock, and so is to ask for help.
 */
#include "proc/proc.h"
#include "proc/sched.h"

static struct {
    struct spinlock lock; /* h */
    struct list line;     /* [h] whose parking needs help */
    struct proc *thread;  /* [I] */
    bool asleep;          /* [h] */
} help = {.lock = SPINLOCK(RANK_HELP), .line = {&help.line, &help.line}};

void parking_set_helper(struct proc *thread)
{
    help.thread = thread;
}

static void call_helper(struct proc *p)
{
    spin_lock(&help.lock);
    if (list_empty(&p->parking.help)) /* it is in no line */
        list_push_back(&help.line, &p->parking.help);
    if (help.asleep)
        waiter_end(&help.thread->wait, 0);
    help.asleep = false;
    spin_unlock(&help.lock);
}

struct proc *parking_next(struct waiter **sleep)
{
    struct list *link;

    spin_lock(&help.lock);
    link = list_pop_front(&help.line);
    help.asleep = !link && sleep;
    if (help.asleep)
        *sleep = waiter_begin(NULL);
    spin_unlock(&help.lock);
    return link ? list_entry(link, struct proc, parking.help) : NULL;
}

bool parking_borrow(struct proc *p)
{
    struct parking *k = &p->parking;

    spin_lock(&k->lock);
    k->busy = k->lent && !list_empty(&k->woken);
    spin_unlock(&k->lock);
    return k->busy;
}

void parking_return(struct proc *p)
{
    struct parking *k = &p->parking;

    spin_lock(&k->lock);
    k->busy = false;
    if (k->wanted)
        sched_ready(p);
    else if (k->lent && !list_empty(&k->woken))
        call_helper(p);
    k->wanted = false;
    spin_unlock(&k->lock);
}

void parking_lend(struct proc *p)
{
    struct parking *k = &p->parking;

    spin_lock(&k->lock);
    k->lent = true;
    if (!list_empty(&k->woken))
        call_helper(p);
    spin_unlock(&k->lock);
}

int parking_take_back(struct proc *p)
{
    struct parking *k = &p->parking;
    int result = p->wait.result;

    spin_lock(&k->lock);
    k->lent = false;
    while (k->busy) {
        /* Only the helper ends this wait. No claim: after a timeout p->wait is
         * still in its object's line, where a PENDING one would be served. */
        k->wanted = true;
        store_relaxed(&p->state, PROC_WAITING);
        spin_unlock(&k->lock);
        sched(); /* a kill waits until we run, and is not lost */
        spin_lock(&k->lock);
    }
    k->wanted = false;
    spin_unlock(&k->lock);
    return result;
}

void parking_init(struct parking *k)
{
    spin_init(&k->lock, RANK_PARKED);
    list_init(&k->waiting);
    list_init(&k->woken);
    list_init(&k->help);
}

bool waiter_parks(void)
{
    struct proc *p = this_thread();

    return p->waiter != &p->wait;
}

long parked_with(struct kobj *obj, finish_fn *finish)
{
    struct parked *op =
        container_of(this_thread()->waiter, struct parked, wait);

    op->obj = obj;
    op->finish = finish;
    return -E_PARKED;
}

void parking_hand_over(struct parked *op)
{
    struct proc *p = op->wait.proc;
    struct parking *k = &p->parking;

    list_unlink(&op->mine);
    list_push_back(&k->woken, &op->mine);
    or_relaxed(&p->work, WORK_RING);
    fence_full(); /* [POKE], as in kill_locked() */
    if (k->asleep && waiter_end(&p->wait, 0))
        ; /* it looks at `woken` */
    else if (k->lent || k->polled)
        call_helper(p);
    else
        sched_poke(p);
    k->asleep = false;
}

uint32_t parked_end(struct proc *p, const void *node, const uint64_t *user_data,
                    int result)
{
    struct parking *k = &p->parking;
    struct list *link, *next;
    uint32_t n = 0;

    if (list_looks_empty(&k->waiting))
        return 0;
    spin_lock(&k->lock);
    for (link = k->waiting.next; link != &k->waiting; link = next) {
        struct parked *op = list_entry(link, struct parked, mine);

        next = link->next;
        if ((node && op->wait.node != node) ||
            (user_data && op->user_data != *user_data) ||
            !waiter_claim(&op->wait, result))
            continue;
        parking_hand_over(op);
        n++;
    }
    spin_unlock(&k->lock);
    return n;
}
