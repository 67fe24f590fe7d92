/*
 * Beginning and end of a submit ring: its pages, and what is parked at the end.
 *
 *   U6  a ring's memory goes when nobody can reach it: the poller has left it,
 *       each operation is claimed and handed over (U4), and no revocation finds
 *       it any more, under the parking's lock.
 */
#include "mem/kalloc.h"
#include "proc/inject.h"
#include "proc/sched.h"
#include "sys/ring.h"
#include "sys/syscall.h"

uint32_t ring_base;

/* Who may do what with the pages; or, with 0, nobody. */
static void show(struct ring *r, uint64_t shown)
{
    static const uint64_t flags[] = {PTE_USER_RW, PTE_USER_RW, PTE_USER_R};

    for (uint64_t i = 0; i < RING_SHARED; i++)
        vm_show(&r->owner->vm, RING_VADDR + i * PAGE_SIZE, &r->pages[i], 1,
                shown ? flags[i] | shown : 0);
}

static void free_ring(struct ring *r)
{
    for (uint32_t i = 0; i < RING_PAGES && r->pages[i]; i++)
        page_free(r->pages[i]);
    kfree(r, sizeof(*r));
}

/* Returns: a ring that nobody uses yet; NULL without memory. */
static struct ring *make_ring(struct proc *p, uint32_t entries, bool polled)
{
    struct ring *r = kzalloc(sizeof(*r));
    uint32_t pages =
        RING_SHARED + (entries + RING_PER_PAGE - 1) / RING_PER_PAGE;

    if (!r)
        return NULL;
    for (uint32_t i = 0; i < pages; i++)
        if (!(r->pages[i] = page_zalloc())) {
            free_ring(r);
            return NULL;
        }
    r->owner = p;
    r->entries = entries;
    r->polled = polled;
    r->traced = this_hart()->traced;
    r->sq_cons = r->cq_prod = ring_base;
    r->user = r->pages[0];
    r->entry = r->pages[1];
    r->kernel = r->pages[2];
    r->cq = (void *)(r->kernel + RING_COMPLETIONS);
    *word(r->user, RING_SQ_PROD) = *word(r->user, RING_CQ_CONS) = ring_base;
    list_init(&r->free);
    list_init(&r->held);
    for (uint32_t i = 0; i < entries; i++) {
        struct parked *page = r->pages[RING_SHARED + i / RING_PER_PAGE];
        struct parked *op = &page[i % RING_PER_PAGE];

        waiter_init(&op->wait, p);
        list_push_back(&r->free, &op->mine);
    }
    ring_publish(r);
    return r;
}

SYSCALL(ring_setup, uint64_t entries64, uint64_t out)
{
    struct proc *p = this_proc();
    uint32_t entries = (uint32_t)entries64 & ~RING_KERNEL_POLL;
    bool polled = entries64 & RING_KERNEL_POLL;
    struct ring_map map = {.user_page = RING_VADDR,
                           .entries_page = RING_VADDR + PAGE_SIZE,
                           .kernel_page = RING_VADDR + 2 * PAGE_SIZE,
                           .entries = entries};
    struct ring *r;

    if (entries == 0 || entries > RING_MAX_ENTRIES || (entries & (entries - 1)))
        return -E_INVAL;
    if (!uaddr_in_range(uaddr(out), sizeof(map)))
        return -E_FAULT;
    if (p->ring)
        return -E_EXIST;
    if (vm_make_tables(&p->vm, RING_VADDR, RING_SHARED) ||
        !(r = make_ring(p, entries, polled)))
        return -E_NOMEM;
    if (copy_to_user(uaddr(out), &map, sizeof(map))) {
        free_ring(r);
        return -E_FAULT;
    }
    p->ring = r;
    show(r, PTE_SHOWN);
    sched_forget(p);
    p->parking.mode = polled ? INSIDE_RING : OUTSIDE_RING;
    if (polled)
        poller_add(r);
    return 0;
}

void ring_drop(void)
{
    struct proc *p = this_proc();
    struct list *waiting = &p->parking.waiting;
    struct ring *r = p->ring;
    struct parked *op;

    if (!r)
        return;
    p->parking.mode = INSIDE_RING;
    p->waiter = &p->wait; /* perhaps we end in the middle of an entry */
    if (r->polled)
        poller_remove(r);
    p->ring = NULL;
    (void)parked_end(p, NULL, NULL, -E_CANCELED);
    /* What others have just claimed comes at once: they are on another hart,
     * with interrupts off, between waiter_claim() and waiter_wake(). */
    while (!list_looks_empty(waiting))
        inject_wait();
    /* They hold the parking's lock, which the first look takes, too, until they
     * are through. */
    while ((op = ring_next_woken(r)))
        (void)parked_finish(op, true);
    show(r, 0);
    free_ring(r);
    p->parking.mode = NO_RING;
}

SYSCALL(ring_close, void)
{
    struct proc *p = this_proc();

    if (!p->ring)
        return -E_INVAL;
    ring_drop();
    sched_forget(p);
    return 0;
}
