/*
 * malloc on top of sbrk. The heap is one run of blocks, each with a header in
 * front; free blocks stand in a list by address.
 *
 * M1 No two free blocks touch: free() joins neighbours.
 * M2 Every size is a multiple of 16, header included, and so every block is
 *    16-aligned.
 */
#include "weir.h"

#define ALIGN      16ul
#define GROW_BYTES 4096ul

struct block {
    size_t size;        /* in bytes, header included */
    struct block *next; /* while it is free: the next free one */
};

_Static_assert(sizeof(struct block) == ALIGN, "header keeps alignment");

static struct block *free_list;

/* Puts a block into the list and joins it with its neighbours (M1). */
static void give_back(struct block *b)
{
    struct block **link = &free_list;
    struct block *before = 0;

    while (*link && *link < b) {
        before = *link;
        link = &before->next;
    }
    b->next = *link;
    *link = b;
    if (b->next && (char *)b + b->size == (char *)b->next) {
        b->size += b->next->size;
        b->next = b->next->next;
    }
    if (before && (char *)before + before->size == (char *)b) {
        before->size += b->size;
        before->next = b->next;
    }
}

static bool grow(size_t size)
{
    size_t bytes = (size + GROW_BYTES - 1) & ~(GROW_BYTES - 1);
    long now = sbrk(0);
    struct block *b;

    // Someone may have called sbrk with an odd number in between.
    if (now & (long)(ALIGN - 1))
        sbrk((long)ALIGN - (now & (long)(ALIGN - 1)));
    now = sbrk((long)bytes);
    if (now < 0)
        return false;
    b = (struct block *)now;
    b->size = bytes;
    give_back(b);
    return true;
}

/* The first free block that is large enough, cut to size; or null. */
static struct block *take(size_t size)
{
    struct block **link = &free_list;
    struct block *b, *rest;

    while (*link && (*link)->size < size)
        link = &(*link)->next;
    b = *link;
    if (!b)
        return 0;
    if (b->size - size < 2 * ALIGN) {
        *link = b->next;
        return b;
    }
    rest = (struct block *)((char *)b + size);
    rest->size = b->size - size;
    rest->next = b->next;
    *link = rest;
    b->size = size;
    return b;
}

void *malloc(size_t size)
{
    struct block *b;

    if (size > INT64_MAX - 2 * GROW_BYTES)
        return 0;
    size = (size + sizeof(struct block) + ALIGN - 1) & ~(ALIGN - 1);
    b = take(size);
    if (!b && grow(size))
        b = take(size);
    return b ? b + 1 : 0;
}

void free(void *p)
{
    if (p)
        give_back((struct block *)p - 1);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(count, size, &bytes))
        return 0;
    p = malloc(bytes);
    return p ? memset(p, 0, bytes) : 0;
}

void *realloc(void *p, size_t size)
{
    size_t room = p ? ((struct block *)p - 1)->size - sizeof(struct block) : 0;
    void *moved;

    if (p && size <= room)
        return p;
    moved = malloc(size);
    if (!moved || !p)
        return moved;
    memcpy(moved, p, room);
    free(p);
    return moved;
}
