/* Memory: whole pages, and blocks inside pages. Locks: any of lower rank may be
 * held. Sleeps: no. Returns: NULL when memory is out. */
#pragma once

#include "base/kern.h"

/* Hands over physical memory [start, end), page-aligned. */
void page_add_range(uint64_t start, uint64_t end);

/* A page of unspecified bytes; of zeros. */
void *page_alloc(void) MUST_CHECK;
void *page_zalloc(void) MUST_CHECK;
void page_free(void *page);

/* At boot: page_alloc() asks, with its lock held, whether to fail; and each
 * block takes a page of its own, so that this is asked for all of them. */
void page_refuse(bool (*refuse)(void));

/* Pages there are, [I] after boot, and those free now [a]. */
extern uint64_t page_total, page_free_count;

#define KMALLOC_MAX (PAGE_SIZE - 64)

/* A block of 1 to KMALLOC_MAX bytes, 64-aligned; of zeros. */
void *kmalloc(uint32_t size) MUST_CHECK;
void *kzalloc(uint32_t size) MUST_CHECK;

/* Gives back a block; size as it was asked for. NULL is fine. */
void kfree(void *block, uint32_t size);
