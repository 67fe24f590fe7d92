/*
 * Pages. All harts share one pool under one lock, held for some instructions.
 *
 *   K1  a free page is in exactly one run: free pages in a row, the first of
 *       which says how many. Memory never used yet is one long run, taken from
 *       its end, so it is not even touched.
 *
 * Blocks: some of the 63 units behind a page's header, in a row.
 *
 *   K2  bit i of a page's free mask: its unit i is free. Unit 0 is the header.
 *   K3  a page with free units is in room[6], or in room[c] if a search for
 *       more than 2^c of them failed since a block of it was last freed. A page
 *       in which all are free goes back to the pool at once.
 */
#include "mem/kalloc.h"

#include "abi/abi.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "base/string.h"
#include "hw/memlayout.h"

#define UNIT     64u
#define ALL_FREE ~1ull

struct run {
    struct run *next;
    uint64_t pages;
};

static struct {
    struct spinlock lock;
    struct run *runs;     /* [p] K1 */
    bool (*refuse)(void); /* [I] after boot */
} pool = {.lock = SPINLOCK(RANK_PAGES)};
uint64_t page_total;      /* [I] after boot */
uint64_t page_free_count; /* [p] also read without */

static void add_run(void *page, uint64_t pages)
{
    struct run *run = page;

    spin_lock(&pool.lock);
    *run = (struct run){pool.runs, pages};
    pool.runs = run;
    page_free_count += pages;
    spin_unlock(&pool.lock);
}

void page_add_range(uint64_t start, uint64_t end)
{
    assert(start < end && start % PAGE_SIZE == 0 && end % PAGE_SIZE == 0);
    add_run(DIRECT(start), (end - start) / PAGE_SIZE);
    page_total += (end - start) / PAGE_SIZE;
}

void *page_alloc(void)
{
    char *page = NULL;

    spin_lock(&pool.lock);
    if (pool.runs && (likely(!pool.refuse) || !pool.refuse())) {
        page = (char *)pool.runs + --pool.runs->pages * PAGE_SIZE;
        if (page == (char *)pool.runs)
            pool.runs = pool.runs->next;
        page_free_count--;
    }
    spin_unlock(&pool.lock);
    return page;
}

void *page_zalloc(void)
{
    void *page = page_alloc();

    return page ? memset(page, 0, PAGE_SIZE) : NULL;
}

void page_free(void *page)
{
    assert((uint64_t)page % PAGE_SIZE == 0 && (uint64_t)page > DIRECT_BASE);
    if (DEBUG)
        memset(page, 0xdd, PAGE_SIZE);
    add_run(page, 1);
}

/* --- blocks --------------------------------------------------------------- */

struct block_page {
    struct list link; /* K3 */
    uint64_t free;    /* K2 */
};
_Static_assert(sizeof(struct block_page) <= UNIT, "it is unit 0");

static struct spinlock heap_lock = SPINLOCK(RANK_HEAP);
#define EMPTY(c) &room[c], &room[c]
static struct list room[] = {{EMPTY(0)}, {EMPTY(1)}, {EMPTY(2)}, {EMPTY(3)},
                             {EMPTY(4)}, {EMPTY(5)}, {EMPTY(6)}}; /* [h] K3 */

static uint32_t block_room; /* [I] after boot: where they look for it */

void page_refuse(bool (*refuse)(void))
{
    pool.refuse = refuse;
    block_room = ARRAY_LEN(room); /* each is alone on a new page */
}

static uint32_t units(uint32_t size)
{
    assert(size > 0 && size <= KMALLOC_MAX);
    return (size + UNIT - 1) / UNIT;
}

/* Bit i: n units in a row are free, of which i is the first. */
static inline uint64_t runs_of(uint64_t free, uint32_t n)
{
    for (uint32_t have = 1; have < n;) {
        uint32_t step = MIN(have, n - have);

        free &= free >> step;
        have += step;
    }
    return free;
}

/* A page with n free units in a row; *starts: where. NULL: memory is out. */
static struct block_page *page_with_room(uint32_t n, uint64_t *starts)
{
    struct block_page *page;
    uint32_t least = block_room;

    while (1u << least < n)
        least++;
    for (uint32_t c = least; c < ARRAY_LEN(room); c++)
        while (!list_empty(&room[c])) {
            page = list_entry(room[c].next, struct block_page, link);
            *starts = runs_of(page->free, n);
            if (*starts)
                return page;
            list_unlink(&page->link);
            list_push_back(&room[least - 1], &page->link);
        }
    page = page_alloc();
    if (page) {
        *starts = page->free = ALL_FREE;
        list_push_back(&room[6], &page->link);
    }
    return page;
}

void *kmalloc(uint32_t size)
{
    uint32_t n = units(size), i = 0;
    struct block_page *page;
    uint64_t starts;

    spin_lock(&heap_lock);
    page = page_with_room(n, &starts);
    if (page) {
        while (!(starts >> i & 0xff)) /* eight at a time, then one */
            i += 8;
        while (!(starts >> i & 1))
            i++;
        page->free &= ~(~0ull >> (64 - n) << i);
        if (!page->free)
            list_unlink(&page->link);
    }
    spin_unlock(&heap_lock);
    return page ? (char *)page + i * UNIT : NULL;
}

void *kzalloc(uint32_t size)
{
    void *block = kmalloc(size);

    return block ? memset(block, 0, size) : NULL;
}

void kfree(void *block, uint32_t size)
{
    struct block_page *page = (void *)ROUND_DOWN((uint64_t)block, PAGE_SIZE);
    uint64_t mask = ~0ull >> (64 - units(size));

    if (!block)
        return;
    if (DEBUG)
        memset(block, 0xdb, size);
    mask <<= (uint64_t)block % PAGE_SIZE / UNIT;
    spin_lock(&heap_lock);
    assert((uint64_t)block % UNIT == 0 && !(page->free & mask) && !(mask & 1));
    if (page->free)
        list_unlink(&page->link);
    page->free |= mask;
    if (page->free == ALL_FREE)
        page_free(page);
    else
        list_push_back(&room[6], &page->link);
    spin_unlock(&heap_lock);
}
