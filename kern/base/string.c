/* What is aligned goes by blocks of eight words, the rest by bytes. */
#include "base/string.h"

#include <stdint.h>

/* Without this the compiler turns the loops below into calls of themselves. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

typedef uint64_t __attribute__((may_alias)) word_t;

enum { WORD = sizeof(word_t), BLOCK = 8 * WORD };

void *memcpy(void *dst, const void *src, size_t n)
{
    char *d = dst, *end = d + n, *stop;
    const char *s = src;

    if (((uintptr_t)d | (uintptr_t)s) % WORD == 0) {
        stop = d + n / BLOCK * BLOCK;
        for (; d != stop; d += BLOCK, s += BLOCK)
#pragma GCC unroll 8
            for (int i = 0; i < BLOCK / WORD; i++)
                ((word_t *)d)[i] = ((const word_t *)s)[i];
        if (d == end)
            return dst; /* messages are often of whole blocks */
        for (stop = end - n % WORD; d != stop; d += WORD, s += WORD)
            *(word_t *)d = *(const word_t *)s;
    }
    while (d != end)
        *d++ = *s++;
    return dst;
}

void *memset(void *dst, int byte, size_t n)
{
    word_t value = (unsigned char)byte * 0x0101010101010101ul;
    char *d = dst;

    for (; n > 0 && (uintptr_t)d % WORD; n--)
        *d++ = (char)byte;
    for (char *stop = d + n / BLOCK * BLOCK; d != stop; d += BLOCK)
#pragma GCC unroll 8
        for (int i = 0; i < BLOCK / WORD; i++)
            ((word_t *)d)[i] = value;
    for (n %= BLOCK; n > 0; n--)
        *d++ = (char)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;

    for (; n > 0; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (unsigned char)*a - (unsigned char)*b;
}

void strlcpy(char *dst, const char *src, size_t size)
{
    while (--size > 0 && *src)
        *dst++ = *src++;
    *dst = '\0';
}
