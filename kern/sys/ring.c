/*
 * The submit ring: entries are calls, made through the table that traps use.
 *
 *   U1  the kernel believes nothing that the program can write. It has its own
 *       sq_cons and cq_prod, reads sq_prod and cq_cons once a call, and each
 *       entry when its turn comes: what it checks is what it uses. An entry
 *       that is no usual one is forgotten, and read anew by take_slowly().
 *   U2  used = completions not reaped + parked <= entries, so whoever takes an
 *       entry has room for its completion, and a parked one a record.
 *   U3  an operation is in one line of its owner's parking: `waiting` from
 *       waiter_begin() on, `woken` from waiter_wake() on; or the ring's `held`;
 *       or it runs in ring_finish() or start(). Only who has moved the claim
 *       moves it from `waiting`, so it is finished once.
 *   U4  a record is used again only after it was `woken` and its timer was
 *       cancelled: no claimer knows it any more (W4).
 *   U5  entries behind a waiting barrier are held, in order, until no operation
 *       before the barrier is parked.
 *
 * The owner works on its ring alone, but for the helper while it sleeps in
 * another call (proc/parking.c), or the poller, with which it takes turns
 * (poller.c). No wakeup is lost: see there.
 */
#include "sys/ring.h"

#include "base/trace.h"
#include "sys/syscall.h"

#define OPCODE(c)  ((uint32_t)(c)&0xffff)
#define FLAG(flag) ((uint64_t)(flag) << 16) /* in an entry's first word */
#define MAY_BE_SET (0xffff | FLAG(7))
#define NOT_ZERO   0x8000u /* no flag: a reserved field is not 0 */
/* What makes no difference, or all of it. */
#define USUAL                                                                  \
    ((SYSCALL_SLOTS - 1) | FLAG(RING_NEED_COMPLETION | RING_MORE_COMING))

/* --- one operation -------------------------------------------------------- */

inline void ring_publish(struct ring *r)
{
    store_relaxed(word(r->kernel, RING_PARKED), r->parked);
    /* [SQ-CONS] release; pairs with the acquire of who fills entries: they were
     * read. [CQ-PROD] behind the same fence, of who reaps: completions are
     * there. */
    store_release(word(r->kernel, RING_SQ_CONS), (uint32_t)r->sq_cons);
    store_relaxed(word(r->kernel, RING_CQ_PROD), (uint32_t)r->cq_prod);
}

/* May it wait? Then it always posts (BEHAVIOUR L7). */
static bool may_wait(const struct parked *op)
{
    uint64_t kind = syscall_table[op->code % SYSCALL_SLOTS].ring;

    return kind > TIMEOUT ? op->args[kind - TIMEOUT] : kind == TIMER;
}

/* An operation with a record is over. */
static void end(struct ring *r, struct parked *op, long result)
{
    bool timer = OPCODE(op->code) == CALL_timer_wait && !result;
    bool events_unread = load_relaxed(&r->owner->events_unread);

    trace(TRACE_COMPLETION, (uint8_t)op->code, (uint64_t)result, (uint64_t)op);
    r->parked--;
    list_push_front(&r->free, &op->mine);
    if (result < 0 || (op->code & FLAG(RING_NEED_COMPLETION)) || may_wait(op))
        ring_post(&r->cq[r->cq_prod++ & (r->entries - 1)], result,
                  op->user_data,
                  (timer ? RING_TIMER_EXPIRED : 0) |
                      (events_unread ? RING_SIGNAL_PENDING : 0));
    else
        r->used--;
}

/* One that has a record runs: it ends, or parks. */
static void start(struct ring *r, struct parked *op)
{
    struct proc *t = this_thread();
    const struct syscall *call = &syscall_table[op->code % SYSCALL_SLOTS];
    const uint64_t *a = op->args;
    long result;

    trace(TRACE_ENTRY, (uint8_t)op->code, op->user_data, (uint64_t)op);
    if (OPCODE(op->code) >= SYSCALL_SLOTS || call->ring == NEVER_RUNS) {
        result = -E_NOSYS;
    } else if (op->code & ~MAY_BE_SET) {
        result = -E_INVAL;
    } else {
        if (may_wait(op)) {
            op->wait.timers = NULL;
            t->waiter = &op->wait;
        }
        result = call->body(a[0], a[1], a[2], a[3], a[4]);
        t->waiter = &t->wait;
    }
    if (result == -E_PARKED)
        return;
    end(r, op, result);
}

/* Let held entries go as far as U5 allows. Returns: whether there was one. */
static bool start_held(struct ring *r)
{
    struct parked *op;
    bool any = false;

    while (r->on_hold && !proc_killed()) {
        op = list_entry(r->held.next, struct parked, mine);
        if ((op->code & FLAG(RING_BARRIER)) && r->parked > r->on_hold)
            break;
        list_remove(&op->mine);
        r->on_hold--;
        any = true;
        start(r, op);
    }
    return any;
}

struct parked *ring_next_woken(struct ring *r)
{
    struct parking *k = &r->owner->parking;
    struct parked *op = NULL;
    struct list *link;

    spin_lock(&k->lock);
    link = list_pop_front(&k->woken);
    spin_unlock(&k->lock);
    if (link) {
        op = list_entry(link, struct parked, mine);
        if (op->wait.timers)
            timer_cancel(&op->wait);
    }
    return op;
}

NOINLINE void ring_finish(struct ring *r)
{
    struct parked *op;

    and_relaxed(&r->owner->work, ~WORK_RING); /* then look */
    do {
        op = ring_next_woken(r);
        if (op)
            end(r, op, parked_finish(op, false));
    } while (op || start_held(r));
    ring_publish(r);
}

/* --- batches -------------------------------------------------------------- */

/* Entries are taken one by one: they are held, or traced, or their completions
 * say whether there are unread events. */
static inline bool stands_alone(const struct ring *r)
{
    return r->one_by_one | load_relaxed(&r->owner->subscription_count);
}

/* Take entries from e on, before last: messages that stand in a row, or else
 * the one at e, whatever it is, in a record. Returns: how many. */
static NOINLINE uint64_t take_slowly(struct ring *r, const struct ring_entry *e,
                                     const struct ring_entry *last)
{
    struct ring_completion *c = &r->cq[r->cq_prod & (r->entries - 1)];
    bool alone = stands_alone(r) || proc_killed();
    uint64_t done = alone ? 0 : queue_row(e, last, c);
    struct parked *op;

    r->used += done ? done : 1;
    r->sq_cons += done ? done : 1;
    r->cq_prod += done;
    if (done)
        return done;
    op = list_entry(list_pop_front(&r->free), struct parked, mine);
    op->code = load_relaxed(ring_code(e));
    for (int i = 0; i < 5; i++)
        op->args[i] = load_relaxed(&e->args[i]);
    op->user_data = load_relaxed(&e->user_data);
    if (load_relaxed(&e->reserved2))
        op->code |= FLAG(NOT_ZERO);
    list_push_back(&r->held, &op->mine);
    r->on_hold++;
    r->parked++;
    if (op->code & FLAG(RING_BARRIER))
        ring_finish(r); /* perhaps all before it can end */
    else
        (void)start_held(r);
    return 1;
}

/* Take up to n entries, for which there is room, and which stand in a row, as
 * do their completions: usual ones, and the first other. Returns: how many. */
static ALWAYS_INLINE uint64_t take_row(struct ring *r, uint64_t n)
{
    uint64_t at = r->sq_cons & (r->entries - 1);
    uint64_t to = r->cq_prod & (r->entries - 1);
    const struct ring_entry *first = &r->entry[at], *e = first, *last, *end;
    struct ring_completion *top = &r->cq[to], *c = top;

    last = e + (n == 1 ? n : MIN(n, r->entries - (at > to ? at : to)));
    end = unlikely(stands_alone(r)) ? e : last;
    for (; e != end; e++) {
        uint64_t code = load_relaxed(ring_code(e));
        uint64_t a0 = load_relaxed(&e->args[0]);
        uint64_t a1 = load_relaxed(&e->args[1]);
        uint64_t a2 = load_relaxed(&e->args[2]);
        uint64_t a3 = load_relaxed(&e->args[3]);
        uint64_t a4 = load_relaxed(&e->args[4]);
        uint64_t user_data = load_relaxed(&e->user_data);
        uint64_t rest = load_relaxed(&e->reserved2);
        const struct syscall *call = &syscall_table[code % SYSCALL_SLOTS];
        long result;

        if (unlikely((code & ~USUAL) | rest | call->ring))
            break;
        result = call->body(a0, a1, a2, a3, a4);
        if (likely(result >= 0) && !(code & FLAG(RING_NEED_COMPLETION)))
            continue;
        if (unlikely(result == -E_PARKED))
            break; /* the poller's exit */
        ring_post(c++, result, user_data, 0);
    }
    r->sq_cons += (uint64_t)(e - first);
    r->cq_prod += (uint64_t)(c - top);
    r->used += (uint64_t)(c - top);
    n = (uint64_t)(e - first);
    return likely(e == last) ? n : n + take_slowly(r, e, last);
}

/* Take up to n. Returns: how many. */
static NOINLINE uint64_t take_many(struct ring *r, uint64_t n)
{
    uint64_t left = n;

    while (left && r->used < r->entries && !proc_killed())
        left -= take_row(r, MIN(left, r->entries - r->used));
    return n - left;
}

NOINLINE long ring_take(struct ring *r, uint64_t n)
{
    /* [SQ-PROD] acquire, by the fence behind the next load; pairs with the
     * release of who fills entries: those are there. [CQ-CONS] acquire; of who
     * reaps: it has read what we write over. */
    uint32_t sq_prod = load_relaxed(word(r->user, RING_SQ_PROD));
    uint32_t cq_cons = load_acquire(word(r->user, RING_CQ_CONS));
    uint64_t queued = (uint32_t)(sq_prod - (uint32_t)r->sq_cons);
    uint64_t unreaped = (uint32_t)((uint32_t)r->cq_prod - cq_cons);
    uint64_t done;

    if (queued > r->entries || unreaped > r->entries)
        return -E_INVAL;
    r->owner->parking.mode = INSIDE_RING;
    r->cq_cons = cq_cons;
    r->used = unreaped + r->parked;
    n = MIN(n, queued);
    done = n == 1 && r->used < r->entries ? take_row(r, 1) : take_many(r, n);
    r->short_count = done < n;
    if (unlikely(r->parked))
        ring_finish(r);
    ring_publish(r);
    r->owner->parking.mode = r->polled ? INSIDE_RING : OUTSIDE_RING;
    return done || !n ? (long)done : -E_BUSY;
}

bool ring_poll(struct ring *r)
{
    struct parking *k = &r->owner->parking;
    uint64_t before = r->cq_prod + r->sq_cons;

    (void)ring_take(r, r->entries);
    /* The owner may have looked between what was woken and its completion, and
     * sleeps: each completion counts, also of what was parked. */
    if (r->cq_prod + r->sq_cons == before)
        return false;
    spin_lock(&k->lock);
    if (k->asleep)
        waiter_end(&r->owner->wait, 0); /* it looks whether that is enough */
    k->asleep = false;
    spin_unlock(&k->lock);
    return true;
}
