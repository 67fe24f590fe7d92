/*
 * Pages. Every hart has a small stock of its own, so that harts do not meet at
 * one lock; the stocks are filled from and spilled into a common pool, in
 * batches. The pool's free list is built lazily: memory never used yet is only
 * a pair of numbers.
 *
 *   K1  a free page is in exactly one place: a stock, the pool's list, or a
 *       range not used yet.
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
#define MAX_RANGES  12u

struct free_page {
    struct free_page *next;
};

/* Pages in a list; the lock guards it. */
struct stock {
    struct spinlock lock;
    uint32_t count;
    struct free_page *list;
} __attribute__((aligned(64)));

static struct stock stocks[MAX_HARTS] = {
    [0 ... MAX_HARTS - 1] = {.lock = SPINLOCK(RANK_PAGES)},
};

static struct {
    struct stock list;
    struct {
        uint64_t next, end; /* physical */
    } unused[MAX_RANGES];
    uint32_t ranges;
    uint64_t unused_pages, total;
} pool = {.list = {.lock = SPINLOCK(RANK_PAGES)}};

void
page_add_range(uint64_t start, uint64_t end)
{
    spin_lock(&pool.list.lock);
    assert(pool.ranges < MAX_RANGES && start <= end);
    assert(start % PAGE_SIZE == 0 && end % PAGE_SIZE == 0);
    pool.unused[pool.ranges].next = start;
    pool.unused[pool.ranges++].end = end;
    pool.unused_pages += (end - start) / PAGE_SIZE;
    pool.total += (end - start) / PAGE_SIZE;
    spin_unlock(&pool.list.lock);
}

static void *
pop(struct stock *s)
{
    struct free_page *page = s->list;

    if (page) {
        s->list = page->next;
        s->count--;
    }
    return page;
}

static void
push(struct stock *s, struct free_page *page)
{
    page->next = s->list;
    s->list = page;
    s->count++;
}

/* A page from the pool, whose lock is held; NULL if it has none. */
static void *
pool_take(void)
{
    void *page = pop(&pool.list);

    while (!page && pool.ranges) {
        uint32_t last = pool.ranges - 1;

        if (pool.unused[last].next == pool.unused[last].end) {
            pool.ranges--;
            continue;
        }
        page = DIRECT(pool.unused[last].next);
        pool.unused[last].next += PAGE_SIZE;
        pool.unused_pages--;
    }
    return page;
}

/* One page for the caller and, while we are at it, a batch for its stock. */
static void *
refill(struct stock *mine)
{
    struct stock batch = {.list = NULL};
    struct free_page *page;
    void *result;

    spin_lock(&pool.list.lock);
    result = pool_take();
    while (batch.count < STOCK_BATCH && (page = pool_take()))
        push(&batch, page);
    spin_unlock(&pool.list.lock);

    spin_lock(&mine->lock);
    while ((page = pop(&batch)))
        push(mine, page);
    spin_unlock(&mine->lock);
    return result;
}

/* K2: the pool is empty, but another hart's stock may not be. */
static void *
borrow(void)
{
    for (uint32_t i = 0; i < MAX_HARTS; i++) {
        void *page;

        spin_lock(&stocks[i].lock);
        page = pop(&stocks[i]);
        spin_unlock(&stocks[i].lock);
        if (page)
            return page;
    }
    return NULL;
}

void *
page_alloc(void)
{
    struct stock *mine = &stocks[this_hart()->index];
    void *page;

    spin_lock(&mine->lock);
    page = pop(mine);
    spin_unlock(&mine->lock);
    if (!page)
        page = refill(mine);
    if (!page)
        page = borrow();
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
    struct stock spill = {.list = NULL};

    assert((uint64_t)page % PAGE_SIZE == 0 && (uint64_t)page > DIRECT_BASE);
    if (DEBUG)
        memset(page, 0xdd, PAGE_SIZE);
    spin_lock(&mine->lock);
    push(mine, page);
    if (mine->count > STOCK_MAX)
        while (spill.count < STOCK_BATCH)
            push(&spill, pop(mine));
    spin_unlock(&mine->lock);
    if (!spill.count)
        return;
    spin_lock(&pool.list.lock);
    while ((page = pop(&spill)))
        push(&pool.list, page);
    spin_unlock(&pool.list.lock);
}

uint64_t
page_total(void)
{
    return load_relaxed(&pool.total);
}

uint64_t
page_free_count(void)
{
    uint64_t free;

    spin_lock(&pool.list.lock);
    free = pool.list.count + pool.unused_pages;
    spin_unlock(&pool.list.lock);
    for (uint32_t i = 0; i < MAX_HARTS; i++)
        free += load_relaxed(&stocks[i].count);
    return free;
}

/* --- blocks --------------------------------------------------------------- */

#define UNITS      64u
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

/* The list that a page with this free mask belongs to, -1 for none. */
static int
list_of(uint64_t free)
{
    int level = -1;

    while (level + 1 < FREE_LISTS && runs_of(free, 1u << (level + 1)))
        level++;
    return level;
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

static void
file_page(struct block_page *page)
{
    int level = list_of(page->free);

    list_init(&page->link);
    if (level >= 0)
        list_push_back(&room[level], &page->link);
}

/* A page with a run of n, out of its list; a new one if need be. */
static struct block_page *
page_with_run(uint32_t n)
{
    struct block_page *page;
    int level = 0;

    while ((1u << (level + 1)) <= n)
        level++;
    /* The list of n's own size may have shorter runs: look at its first. */
    if (!list_empty(&room[level])) {
        page = list_entry(room[level].next, struct block_page, link);
        if (runs_of(page->free, n)) {
            list_remove(&page->link);
            return page;
        }
    }
    for (level++; level < FREE_LISTS; level++)
        if (!list_empty(&room[level])) /* K4: long enough */
            return list_entry(list_pop_front(&room[level]), struct block_page,
                              link);
    page = page_alloc();
    if (page)
        page->free = ~1ull;
    return page;
}

static uint64_t
unit_mask(uint32_t first, uint32_t n)
{
    return ((n == 64 ? 0 : 1ull << n) - 1) << first;
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
