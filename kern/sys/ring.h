/* The submit ring of a process: calls in batches (ABI section 6). */
#pragma once

#include "proc/proc.h"

#define RING_SHARED   3u /* pages: user, entries, kernel */
#define RING_PER_PAGE ((uint32_t)(PAGE_SIZE / sizeof(struct parked)))
#define RING_PAGES                                                             \
    (RING_SHARED + (RING_MAX_ENTRIES + RING_PER_PAGE - 1) / RING_PER_PAGE)

/* [I] immutable, [x] whoever works on the ring (ring_enter()), [p] the poller's
 * lock. */
struct ring {
    struct proc *owner;        /* [I] */
    uint64_t entries;          /* [I] a power of two */
    uint64_t sq_cons, cq_prod; /* [x] U1; what is shown are the low 32 bits */
    uint32_t cq_cons;          /* [x] as read last */
    bool short_count;          /* [x] the last batch found no room */
    uint64_t used;             /* [x] U2 */
    uint32_t parked;           /* [x] operations */
    union {
        struct {
            uint16_t on_hold; /* [x] held ones of these */
            uint16_t traced;  /* [I] */
        };
        uint32_t one_by_one;
    };
    bool polled;                /* [I] */
    bool wanted;                /* [p] the owner waits until it is not busy */
    struct list held;           /* [x] U5 */
    struct list free;           /* [x] records */
    char *user, *kernel;        /* [I] pages */
    struct ring_entry *entry;   /* [I] */
    struct ring_completion *cq; /* [I] */
    struct proc *busy;          /* [p] the thread that works on it */
    struct list link;           /* [p] among the polled ones */
    void *pages[RING_PAGES];    /* [I] the shared ones, then records */
};

static inline uint32_t *word(char *page, uint32_t offset)
{
    return (uint32_t *)(void *)(page + offset);
}

/* An entry's first word: opcode, flags, 0. */
static inline const uint64_t *ring_code(const struct ring_entry *e)
{
    return (const void *)e;
}

static inline void ring_post(struct ring_completion *c, long result,
                             uint64_t user_data, uint32_t flags)
{
    store_relaxed(&c->result, result);
    store_relaxed(&c->user_data, user_data);
    store_relaxed(&c->flags, (uint16_t)flags);
}

/* Index at which new rings begin; of the boot argument ring_base=. */
extern uint32_t ring_base;

/* Finish what was parked and can be finished. WORK_RING is set. */
void ring_work(void);

/* The running process leaves its program: its ring goes, and what is parked
 * leaves no trace. Nothing happens without a ring. */
void ring_drop(void);

/* Take up to n entries, as long as there is room (U2), show it, finish what can
 * be. Returns: how many; -E_BUSY if there was no room; -E_INVAL if the
 * program's words cannot be true. */
long ring_take(struct ring *r, uint64_t n);

/* Finish what can be finished, as the owner, and what that lets go; show it. */
void ring_finish(struct ring *r);

/* An operation that is to be finished (U4); or NULL. */
struct parked *ring_next_woken(struct ring *r);

/* What it ends with; or its undoing. */
static inline long parked_finish(struct parked *op, bool drop)
{
    return op->finish ? op->finish(op, op->wait.result, drop) : op->wait.result;
}

/* Show the program what was done. */
void ring_publish(struct ring *r);

/* Take what entries there are, as the owner. Returns: whether anything was
 * done. */
bool ring_poll(struct ring *r);

/* Take entries from e on, before last, that stand in a row: sends, or receives,
 * of one queue that succeed at once, with RING_NEED_COMPLETION. Their
 * completions go to c. Returns: how many. */
uint64_t queue_row(const struct ring_entry *e, const struct ring_entry *last,
                   struct ring_completion *c);

/* --- poller.c ------------------------------------------------------------- */

/* At boot: the thread that looks after all polled rings. */
void poller_start(void);

/* A ring is polled from now on; no more: the caller is in it, for good. */
void poller_add(struct ring *r);
void poller_remove(struct ring *r);

/* Only who is in a ring works on it. An owner whose ring is not polled is
 * alone. Sleeps: yes, also when killed, until the poller has left it.
 * Leave: and, if the program may go on to fill entries, wake the poller. */
void poller_enter(struct ring *r);
void poller_leave(struct ring *r, bool wake);

static inline void ring_enter(struct ring *r)
{
    if (unlikely(r->polled))
        poller_enter(r);
}

static inline void ring_leave(struct ring *r, bool wake)
{
    if (unlikely(r->polled))
        poller_leave(r, wake);
}
