/*
 * Pages. All harts share one pool under one lock, held for some instructions.
 *
 *   K1  a free page is in exactly one run: free pages in a row, the first of
 *       which says how many. Memory never used yet is one long run, taken from
 *       its end, so it is not even touched.
 *
 * Blocks. Behind a header, a page is cut into as many equal blocks as fit;
 * sizes of which the same number fit share pages.
 *
 *   K2  bit i of a page's free mask: its block i is free.
 *   K3  a page of blocks some of which are free is in the list of its cut; one
 *       of which all are goes back to the pool at once.
 */
#include "mem/kalloc.h"

#include "abi/abi.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "base/string.h"
#include "hw/memlayout.h"

#define UNITS ((uint32_t)(KMALLOC_MAX / KMALLOC_UNIT)) /* behind the header */

struct run {
    struct run *next;
    uint64_t pages;
};

static struct spinlock pool_lock = SPINLOCK(RANK_PAGES);
static struct run *runs;    /* [p] K1 */
static uint64_t free_pages; /* [p] also read without */
static uint64_t total;      /* [I] after boot */

static void
add_run(void *page, uint64_t pages)
{
    struct run *run = page;

    spin_lock(&pool_lock);
    *run = (struct run){runs, pages};
    runs = run;
    free_pages += pages;
    spin_unlock(&pool_lock);
}

void
page_add_range(uint64_t start, uint64_t end)
{
    assert(start < end && start % PAGE_SIZE == 0 && end % PAGE_SIZE == 0);
    add_run(DIRECT(start), (end - start) / PAGE_SIZE);
    total += (end - start) / PAGE_SIZE;
}

void *
page_alloc(void)
{
    char *page = NULL;

    spin_lock(&pool_lock);
    if (runs) {
        page = (char *)runs + --runs->pages * PAGE_SIZE;
        if (page == (char *)runs)
            runs = runs->next;
        free_pages--;
    }
    spin_unlock(&pool_lock);
    return page;
}

void *
page_zalloc(void)
{
    void *page = page_alloc();

    return page ? memset(page, 0, PAGE_SIZE) : NULL;
}

void
page_free(void *page)
{
    assert((uint64_t)page % PAGE_SIZE == 0 && (uint64_t)page > DIRECT_BASE);
    if (DEBUG)
        memset(page, 0xdd, PAGE_SIZE);
    add_run(page, 1);
}

uint64_t
page_total(void)
{
    return total;
}

uint64_t
page_free_count(void)
{
    return load_relaxed(&free_pages);
}

/* --- blocks --------------------------------------------------------------- */

struct block_page {
    struct list link; /* K3 */
    uint64_t free;    /* K2 */
};
_Static_assert(sizeof(struct block_page) <= KMALLOC_UNIT, "room for a header");

static struct spinlock heap_lock = SPINLOCK(RANK_HEAP);
static struct list room[UNITS + 1]; /* [h] K3, by blocks a page */

static uint32_t
blocks_per_page(uint32_t size)
{
    assert(size > 0 && size <= KMALLOC_MAX);
    return UNITS / ((size + KMALLOC_UNIT - 1) / KMALLOC_UNIT);
}

/* The mask of a page without blocks in use. */
static uint64_t
all_free(uint32_t blocks)
{
    return ~0ull >> (64 - blocks);
}

/* A page of so many blocks with a free one. NULL: memory is out. */
static struct block_page *
page_with_room(uint32_t blocks)
{
    struct list *list = &room[blocks];
    struct block_page *page;

    if (!list->next)
        list_init(list);
    if (!list_empty(list))
        return list_entry(list->next, struct block_page, link);
    page = page_alloc();
    if (page) {
        page->free = all_free(blocks);
        list_push_back(list, &page->link);
    }
    return page;
}

void *
kmalloc(uint32_t size)
{
    uint32_t blocks = blocks_per_page(size), i = 0;
    struct block_page *page;

    spin_lock(&heap_lock);
    page = page_with_room(blocks);
    if (page) {
        while (!(page->free >> i & 0xff)) /* eight at a time, then one */
            i += 8;
        while (!(page->free >> i & 1))
            i++;
        page->free &= ~(1ull << i);
        if (!page->free)
            list_unlink(&page->link);
    }
    spin_unlock(&heap_lock);
    return page ? (char *)page + (1 + i * (UNITS / blocks)) * KMALLOC_UNIT
                : NULL;
}

void *
kzalloc(uint32_t size)
{
    void *block = kmalloc(size);

    return block ? memset(block, 0, size) : NULL;
}

void
kfree(void *block, uint32_t size)
{
    struct block_page *page = (void *)ROUND_DOWN((uint64_t)block, PAGE_SIZE);
    uint32_t blocks = blocks_per_page(size), units = UNITS / blocks;
    uint32_t unit = (uint64_t)block % PAGE_SIZE / KMALLOC_UNIT - 1;
    uint64_t bit = 1ull << unit / units % 64;

    if (!block)
        return;
    if (DEBUG)
        memset(block, 0xdb, size);
    spin_lock(&heap_lock);
    assert(unit < UNITS && unit % units == 0 && !(page->free & bit));
    if (!page->free)
        list_push_back(&room[blocks], &page->link);
    page->free |= bit;
    if (page->free == all_free(blocks)) {
        list_unlink(&page->link);
        page_free(page);
    }
    spin_unlock(&heap_lock);
}
