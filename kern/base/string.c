/*
 * Copies that are aligned go by blocks of eight words, all loads before the
 * stores, which costs 19 instructions for 64 bytes; others go by bytes.
 */
#include "base/string.h"

#include <stdbool.h>
#include <stdint.h>

/* Without this the compiler turns the loops below into calls of themselves. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

#define PAGE_BYTES 4096

typedef uint64_t __attribute__((may_alias)) word_t;

enum { WORD = sizeof(word_t), BLOCK_WORDS = 8, BLOCK = BLOCK_WORDS * WORD };

static inline bool
aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) % WORD) == 0;
}

static inline void
copy_block(word_t *d, const word_t *s)
{
    word_t a = s[0], b = s[1], c = s[2], e = s[3];
    word_t f = s[4], g = s[5], h = s[6], i = s[7];

    d[0] = a, d[1] = b, d[2] = c, d[3] = e;
    d[4] = f, d[5] = g, d[6] = h, d[7] = i;
}

static inline void
set_block(word_t *d, word_t value)
{
    d[0] = value, d[1] = value, d[2] = value, d[3] = value;
    d[4] = value, d[5] = value, d[6] = value, d[7] = value;
}

void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    if (aligned(d, s)) {
        for (; n >= BLOCK; n -= BLOCK, d += BLOCK, s += BLOCK)
            copy_block((word_t *)d, (const word_t *)s);
        for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
            *(word_t *)d = *(const word_t *)s;
    }
    while (n-- > 0)
        *d++ = *s++;
    return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    /* Upwards is safe unless dst begins inside src: one comparison, for a
     * dst below src wraps to a large number. */
    if ((uintptr_t)d - (uintptr_t)s >= n) {
        if (aligned(d, s))
            for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
                *(word_t *)d = *(const word_t *)s;
        while (n-- > 0)
            *d++ = *s++;
        return dst;
    }
    d += n, s += n;
    if (aligned(d, s))
        for (; n >= WORD; n -= WORD) {
            d -= WORD, s -= WORD;
            *(word_t *)d = *(const word_t *)s;
        }
    while (n-- > 0)
        *--d = *--s;
    return dst;
}

void *
memset(void *dst, int byte, size_t n)
{
    unsigned char *d = dst;
    word_t value = (unsigned char)byte * 0x0101010101010101ul;

    for (; n > 0 && (uintptr_t)d % WORD; n--)
        *d++ = (unsigned char)byte;
    for (; n >= BLOCK; n -= BLOCK, d += BLOCK)
        set_block((word_t *)d, value);
    for (; n >= WORD; n -= WORD, d += WORD)
        *(word_t *)d = value;
    while (n-- > 0)
        *d++ = (unsigned char)byte;
    return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;

    for (; n > 0; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

size_t
strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

int
strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int
strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++)
        if (*a != *b || *a == '\0')
            return (unsigned char)*a - (unsigned char)*b;
    return 0;
}

size_t
strlcpy(char *dst, const char *src, size_t size)
{
    size_t i;

    for (i = 0; src[i]; i++)
        if (i + 1 < size)
            dst[i] = src[i];
    if (size > 0)
        dst[i < size ? i : size - 1] = '\0';
    return i;
}

void
page_clear(void *page)
{
    word_t *d = page, *end = d + PAGE_BYTES / WORD;

    for (; d < end; d += 2 * BLOCK_WORDS) {
        set_block(d, 0);
        set_block(d + BLOCK_WORDS, 0);
    }
}

void
page_copy(void *restrict dst, const void *restrict src)
{
    word_t *d = dst;
    const word_t *s = src, *end = s + PAGE_BYTES / WORD;

    for (; s < end; d += 2 * BLOCK_WORDS, s += 2 * BLOCK_WORDS) {
        copy_block(d, s);
        copy_block(d + BLOCK_WORDS, s + BLOCK_WORDS);
    }
}
