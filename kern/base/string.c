/* What is aligned goes by blocks of eight words, the rest by bytes. */
#include "base/string.h"

#include <stdint.h>

/* Without this the compiler turns the loops below into calls of themselves. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

typedef uint64_t __attribute__((may_alias)) word_t;

enum { WORD = sizeof(word_t), BLOCK = 8 * WORD, PAGE = 4096 };

static inline void
copy_block(void *dst, const void *src)
{
    word_t *d = dst;
    const word_t *s = src;

#pragma GCC unroll 8
    for (int i = 0; i < BLOCK / WORD; i++)
        d[i] = s[i];
}

static inline void
set_block(void *dst, word_t value)
{
    word_t *d = dst;

#pragma GCC unroll 8
    for (int i = 0; i < BLOCK / WORD; i++)
        d[i] = value;
}

void *
memcpy(void *dst, const void *src, size_t n)
{
    char *d = dst, *end = d + n, *stop;
    const char *s = src;

    if (((uintptr_t)d | (uintptr_t)s) % WORD == 0) {
        stop = d + n / BLOCK * BLOCK;
        for (; d != stop; d += BLOCK, s += BLOCK)
            copy_block(d, s);
        if (d == end)
            return dst; /* messages are often of whole blocks */
        for (stop = end - n % WORD; d != stop; d += WORD, s += WORD)
            *(word_t *)d = *(const word_t *)s;
    }
    while (d != end)
        *d++ = *s++;
    return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
    if ((uintptr_t)dst - (uintptr_t)src >= n) /* not inside src, or below */
        return memcpy(dst, src, n);
    while (n-- > 0)
        ((char *)dst)[n] = ((const char *)src)[n];
    return dst;
}

void *
memset(void *dst, int byte, size_t n)
{
    word_t value = (unsigned char)byte * 0x0101010101010101ul;
    char *d = dst;

    for (; n > 0 && (uintptr_t)d % WORD; n--)
        *d++ = (char)byte;
    for (; n >= BLOCK; n -= BLOCK, d += BLOCK)
        set_block(d, value);
    for (; n > 0; n--)
        *d++ = (char)byte;
    return dst;
}

void
page_clear(void *page)
{
#pragma GCC unroll 4
    for (size_t at = 0; at < PAGE; at += BLOCK)
        set_block((char *)page + at, 0);
}

void
page_copy(void *dst, const void *src)
{
#pragma GCC unroll 4
    for (size_t at = 0; at < PAGE; at += BLOCK)
        copy_block((char *)dst + at, (const char *)src + at);
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

void
strlcpy(char *dst, const char *src, size_t size)
{
    while (--size > 0 && *src)
        *dst++ = *src++;
    *dst = '\0';
}
