/*
 * Pages. Every hart has a small stock of its own, so that harts do not meet at
 * one lock; they are filled from and spilled into a common pool, in batches.
 *
 *   K1  a free page is in exactly one stock or in the pool, in a run: pages in
 *       a row, the first of which says how many. Memory never used yet is one
 *       long run, taken from its end, so it is not even touched.
 *   K2  page_alloc fails only when every place was found empty.
 *
 * Blocks. A page is cut into 64 units of 64 bytes, the first of which holds
 * the page's header. A block is a run of units. Pages with room stand in lists
 * by the length of their longest free run, so that finding room is no search;
 * a page without blocks goes back to the pages at once.
 *
 *   K3  bit u of a page's free mask: unit u is free. Bit 0 is never set.
 *   K4  a page with longest free run r > 0 is in list floor(log2(r)).
 */
#include "mem/kalloc.h"

#include "abi/abi.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "base/string.h"
#include "hw/memlayout.h"

#define STOCK_MAX   64u /* pages a hart keeps */
#define STOCK_BATCH 32u /* pages moved at a time */

struct run {
    struct run *next;
    uint64_t pages;
};

/* The lock guards the rest; count is also read without. */
struct stock {
    struct spinlock lock;
    uint32_t count;
    struct run *runs;
} __attribute__((aligned(64)));

static struct stock stocks[MAX_HARTS + 1] = {
    [0 ... MAX_HARTS] = {.lock = SPINLOCK(RANK_PAGES)},
};
static struct stock *const pool = &stocks[MAX_HARTS];
static uint64_t total; /* [I] after boot */

static void
push(struct stock *s, void *page, uint64_t pages)
{
    struct run *run = page;

    *run = (struct run){s->runs, pages};
    s->runs = run;
    s->count += pages;
}

static void *
pop(struct stock *s)
{
    struct run *run = s->runs;

    if (!run)
        return NULL;
    s->count--;
    if (--run->pages == 0)
        s->runs = run->next;
    return (char *)run + run->pages * PAGE_SIZE;
}

void
page_add_range(uint64_t start, uint64_t end)
{
    uint64_t pages = (end - start) / PAGE_SIZE;

    assert(start < end && start % PAGE_SIZE == 0 && end % PAGE_SIZE == 0);
    spin_lock(&pool->lock);
    push(pool, DIRECT(start), pages);
    spin_unlock(&pool->lock);
    total += pages;
}

/* Move a batch. The two locks have one rank: never both at a time. */
static void
move_batch(struct stock *from, struct stock *to)
{
    struct stock batch = {.runs = NULL};
    void *page;

    spin_lock(&from->lock);
    while (batch.count < STOCK_BATCH && (page = pop(from)))
        push(&batch, page, 1);
    spin_unlock(&from->lock);
    spin_lock(&to->lock);
    while ((page = pop(&batch)))
        push(to, page, 1);
    spin_unlock(&to->lock);
}

static void *
take(struct stock *s)
{
    void *page;

    spin_lock(&s->lock);
    page = pop(s);
    spin_unlock(&s->lock);
    return page;
}

void *
page_alloc(void)
{
    struct stock *mine = &stocks[this_hart()->index];
    void *page = take(mine);

    if (!page) {
        move_batch(pool, mine);
        page = take(mine);
    }
    /* K2: the pool is empty, but another hart's stock may not be. */
    for (uint32_t i = 0; !page && i <= MAX_HARTS; i++)
        page = take(&stocks[i]);
    return page;
}

void *
page_zalloc(void)
{
    void *page = page_alloc();

    if (page)
        page_clear(page);
    return page;
}

void
page_free(void *page)
{
    struct stock *mine = &stocks[this_hart()->index];

    assert((uint64_t)page % PAGE_SIZE == 0 && (uint64_t)page > DIRECT_BASE);
    if (DEBUG)
        memset(page, 0xdd, PAGE_SIZE);
    spin_lock(&mine->lock);
    push(mine, page, 1);
    spin_unlock(&mine->lock);
    if (load_relaxed(&mine->count) > STOCK_MAX)
        move_batch(mine, pool);
}

uint64_t
page_total(void)
{
    return total;
}

uint64_t
page_free_count(void)
{
    uint64_t free = 0;

    for (uint32_t i = 0; i <= MAX_HARTS; i++)
        free += load_relaxed(&stocks[i].count);
    return free;
}

/* --- blocks --------------------------------------------------------------- */

#define FREE_LISTS 6 /* longest runs 1, 2.., 4.., 8.., 16.., 32..63 */

struct block_page {
    struct list link; /* in a free list, if there is room */
    uint64_t free;    /* K3 */
};
_Static_assert(sizeof(struct block_page) <= KMALLOC_UNIT, "header unit");

static struct spinlock heap_lock = SPINLOCK(RANK_HEAP);
static struct list room[FREE_LISTS] = {
    {&room[0], &room[0]}, {&room[1], &room[1]}, {&room[2], &room[2]},
    {&room[3], &room[3]}, {&room[4], &room[4]}, {&room[5], &room[5]},
};

/* Bit u set: a run of n free units starts at u. Halving steps, so log2(n). */
static uint64_t
runs_of(uint64_t free, uint32_t n)
{
    uint32_t have = 1;

    while (have < n) {
        uint32_t step = MIN(have, n - have);

        free &= free >> step;
        have += step;
    }
    return free;
}

static uint32_t
lowest_bit(uint64_t mask)
{
    uint32_t bit = 0;

    for (uint32_t half = 32; half; half /= 2)
        if (!(mask & ((1ull << half) - 1))) {
            mask >>= half;
            bit += half;
        }
    return bit;
}

/* Put a page into the list it belongs to by K4. */
static void
file_page(struct block_page *page)
{
    uint32_t level = 0;

    list_init(&page->link);
    if (!page->free)
        return;
    while (level + 1 < FREE_LISTS && runs_of(page->free, 2u << level))
        level++;
    list_push_back(&room[level], &page->link);
}

/* A page with a run of n, out of its list; a new one if need be. */
static struct block_page *
page_with_run(uint32_t n)
{
    struct block_page *page;
    uint32_t level = 0;

    while (n >> (level + 1))
        level++;
    /* The list of n's own size may have shorter runs: look at its first. Those
     * behind have longer ones. */
    for (; level < FREE_LISTS; level++) {
        page = list_entry(room[level].next, struct block_page, link);
        if (!list_empty(&room[level]) && runs_of(page->free, n)) {
            list_remove(&page->link);
            return page;
        }
    }
    page = page_alloc();
    if (page)
        page->free = ~1ull;
    return page;
}

static uint64_t
unit_mask(uint32_t first, uint32_t n)
{
    return ((1ull << n) - 1) << first; /* n < 64 */
}

void *
kmalloc(uint32_t size)
{
    uint32_t n = (size + KMALLOC_UNIT - 1) / KMALLOC_UNIT, first = 0;
    struct block_page *page;

    assert(size > 0 && size <= KMALLOC_MAX);
    spin_lock(&heap_lock);
    page = page_with_run(n);
    if (page) {
        first = lowest_bit(runs_of(page->free, n));
        page->free &= ~unit_mask(first, n);
        file_page(page);
    }
    spin_unlock(&heap_lock);
    return page ? (char *)page + first * KMALLOC_UNIT : NULL;
}

void *
kzalloc(uint32_t size)
{
    void *block = kmalloc(size);

    if (block)
        memset(block, 0, size);
    return block;
}

void
kfree(void *block, uint32_t size)
{
    uint32_t n = (size + KMALLOC_UNIT - 1) / KMALLOC_UNIT;
    uint32_t first = (uint64_t)block % PAGE_SIZE / KMALLOC_UNIT;
    struct block_page *page = (void *)ROUND_DOWN((uint64_t)block, PAGE_SIZE);

    if (!block)
        return;
    if (DEBUG)
        memset(block, 0xdb, size);
    spin_lock(&heap_lock);
    assert(first > 0 && !(page->free & unit_mask(first, n)));
    page->free |= unit_mask(first, n);
    list_remove(&page->link);
    if (page->free == ~1ull)
        page_free(page);
    else
        file_page(page);
    spin_unlock(&heap_lock);
}
