/*
 * Copies that are aligned go by blocks of eight words, which costs 19
 * instructions for 64 bytes; others go by bytes.
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

/* Not restrict: memmove() counts on a half's loads preceding its stores. */
static inline void
copy_block(word_t *d, const word_t *s)
{
    word_t a = s[0], b = s[1], c = s[2], e = s[3];

    d[0] = a, d[1] = b, d[2] = c, d[3] = e;
    a = s[4], b = s[5], c = s[6], e = s[7];
    d[4] = a, d[5] = b, d[6] = c, d[7] = e;
}

static inline void
set_block(word_t *d, word_t value)
{
    d[0] = value, d[1] = value, d[2] = value, d[3] = value;
    d[4] = value, d[5] = value, d[6] = value, d[7] = value;
}

/* From the first byte up: right unless dst begins inside src. */
static inline void
copy_up(unsigned char *d, const unsigned char *s, size_t n)
{
    unsigned char *end = d + n, *stop;

    if (aligned(d, s)) {
        for (stop = d + n / BLOCK * BLOCK; d != stop; d += BLOCK, s += BLOCK)
            copy_block((word_t *)d, (const word_t *)s);
        if (d == end)
            return; /* messages are often of whole blocks */
        for (stop = end - n % WORD; d != stop; d += WORD, s += WORD)
            *(word_t *)d = *(const word_t *)s;
    }
    while (d != end)
        *d++ = *s++;
}

/* From the last byte down to the first, for a dst that begins inside src. */
static void
copy_down(unsigned char *dst, const unsigned char *src, size_t n)
{
    if (aligned(dst + n, src + n))
        for (; n >= WORD; n -= WORD)
            *(word_t *)(dst + n - WORD) = *(const word_t *)(src + n - WORD);
    while (n-- > 0)
        dst[n] = src[n];
}

void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    copy_up(dst, src, n);
    return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
    /* One comparison: the distance of a dst below src wraps to a huge one. */
    if ((uintptr_t)dst - (uintptr_t)src < n)
        copy_down(dst, src, n);
    else
        copy_up(dst, src, n);
    return dst;
}

void *
memset(void *dst, int byte, size_t n)
{
    unsigned char *d = dst, *end = d + n, *stop;
    word_t value = (unsigned char)byte * 0x0101010101010101ul;

    while (d != end && (uintptr_t)d % WORD)
        *d++ = (unsigned char)byte;
    n = (size_t)(end - d);
    for (stop = d + n / BLOCK * BLOCK; d != stop; d += BLOCK)
        set_block((word_t *)d, value);
    for (stop = end - n % WORD; d != stop; d += WORD)
        *(word_t *)d = value;
    while (d != end)
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
