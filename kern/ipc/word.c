/*
 * Words: waiting on memory that processes share.
 *
 *   WD1  a waiter stands in the line of its word's place in memory, whatever
 *        address it has in whichever process.
 *   WD2  waiter.node of one who waits for a word is the word's user address,
 *        which no node has: by it word_unmapped() finds the wait.
 *
 * No wakeup is lost: who waits is in line and pending, and then looks at the
 * word, and whether it is still mapped. Who wakes has written the word, and
 * then looks at the line; who takes a mapping away has cleared the entry, and
 * then looks for the wait. All have a full fence in between, so one of two
 * sees the other.
 */
#include "ipc/word.h"

#include "proc/waitq.h"

#define LINES 64u

static struct line {
    struct spinlock lock;
    struct list waiters; /* the lock */
} __attribute__((aligned(32))) lines[LINES];

void word_init(void)
{
    for (struct line *line = lines; line < &lines[LINES]; line++) {
        spin_init(&line->lock, RANK_OBJECT);
        list_init(&line->waiters);
    }
}

static inline struct line *line_of(const uint32_t *at)
{
    uint64_t n = (uint64_t)at / sizeof(*at);

    return &lines[(n ^ n / 1024) % LINES];
}

static bool is_mapped(const struct word *word)
{
    pte_t pte = load_relaxed(word->leaf);

    return (pte & PTE_R) &&
           PTE_PA(pte) == ROUND_DOWN(PHYS(word->at), PAGE_SIZE);
}

long word_wait(const struct word *word, uint32_t expected, uint64_t timeout)
{
    struct line *line = line_of(word->at);
    struct waiter *w = &this_proc()->wait;
    long error = 0;

    if (load_relaxed(word->at) != expected || !timeout)
        return -E_AGAIN;
    spin_lock_as(&line->lock, RANK_OBJECT);
    w->want = (uint64_t)word->at;
    waiter_begin((const void *)word->va); /* WD2 */
    list_push_back(&line->waiters, &w->link);
    spin_unlock_as(&line->lock, RANK_OBJECT);
    fence_full(); /* pairs with those in word_wake(), word_unmapped() */
    if (!is_mapped(word))
        error = -E_FAULT;
    else if (load_relaxed(word->at) != expected)
        error = -E_AGAIN;
    if (error)
        waiter_end(
            w, (int)error); /* no need to sleep: we end the wait ourselves */
    error = waiter_sleep(w, deadline_after(timeout));
    if (error) {
        spin_lock_as(&line->lock, RANK_OBJECT);
        list_remove(&w->link);
        spin_unlock_as(&line->lock, RANK_OBJECT);
    }
    return error;
}

/* Somebody waits in this line. */
static NOINLINE long wake(struct line *line, const uint32_t *at, uint32_t n)
{
    struct list *link, *next;
    uint32_t woken = 0;

    spin_lock_as(&line->lock, RANK_OBJECT);
    for (link = line->waiters.next; link != &line->waiters && woken < n;
         link = next) {
        struct waiter *w = list_entry(link, struct waiter, link);

        next = link->next;
        if (w->want != (uint64_t)at)
            continue;
        list_remove(link);
        woken += waiter_end(w, 0); /* or timed out, killed, unmapped */
    }
    spin_unlock_as(&line->lock, RANK_OBJECT);
    return woken;
}

inline long word_wake(const uint32_t *at, uint32_t n)
{
    struct line *line = line_of(at);

    fence_full(); /* pairs with the one in word_wait() */
    return likely(list_looks_empty(&line->waiters)) ? 0 : wake(line, at, n);
}

void word_unmapped(struct proc *p, uint64_t va, uint64_t size)
{
    struct waiter *w = &p->wait;
    uint64_t turn;

    fence_full();                   /* pairs with the one in word_wait() */
    turn = load_acquire(&w->claim); /* [WAIT] */
    if ((uint64_t)load_relaxed(&w->node) - va < size &&
        waiter_claim_turn(w, turn, -E_FAULT))
        waiter_wake(w);
}
