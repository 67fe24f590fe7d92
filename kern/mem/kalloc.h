/*
 * Memory for the kernel and for programs: whole pages, and blocks of up to
 * KMALLOC_MAX bytes inside pages. Nothing is overcommitted: what an allocation
 * returned is there. Both may be called with any lock of lower rank held, and
 * never sleep.
 */
#pragma once

#include "base/kern.h"

/* Hands physical memory [start, end), page-aligned, to the allocator. */
void page_add_range(uint64_t start, uint64_t end);

/* A page of unspecified bytes, or of zeros. Returns: NULL if none is left. */
void *page_alloc(void) MUST_CHECK;
void *page_zalloc(void) MUST_CHECK;

/* Gives back what page_alloc returned. */
void page_free(void *page);

/* Pages that the allocator was ever given, and those free now. */
uint64_t page_total(void);
uint64_t page_free_count(void);

#define KMALLOC_UNIT 64u
#define KMALLOC_MAX  (PAGE_SIZE - KMALLOC_UNIT)

/* size 1..KMALLOC_MAX bytes, 64-aligned. Returns: NULL if memory is out. */
void *kmalloc(uint32_t size) MUST_CHECK;
void *kzalloc(uint32_t size) MUST_CHECK;

/* Gives back a block; size as it was asked for. NULL is fine. */
void kfree(void *block, uint32_t size);
