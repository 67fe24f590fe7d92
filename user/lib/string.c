/*
 * Strings and memory. Copies and fills go by words where both ends allow it:
 * a message of a page is moved as often as anything in this system.
 */
#include "weir.h"

// Without this the compiler turns these very loops into calls of themselves.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

/* A word that may alias anything. */
typedef uint64_t __attribute__((may_alias)) word_t;

#define WORD        sizeof(word_t)
#define BLOCK       (8 * WORD)
#define MISALIGN(p) ((uintptr_t)(p) & (WORD - 1))

/* Eight words at a time: loads first, so that none waits for its store. */
static void copy_block(word_t *d, const word_t *s)
{
    word_t a = s[0], b = s[1], c = s[2], e = s[3];
    word_t f = s[4], g = s[5], h = s[6], i = s[7];

    d[0] = a, d[1] = b, d[2] = c, d[3] = e;
    d[4] = f, d[5] = g, d[6] = h, d[7] = i;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    char *d = dst;
    const char *s = src;

    if (MISALIGN(d) == MISALIGN(s)) {
        for (; n > 0 && MISALIGN(d); n--)
            *d++ = *s++;
        for (; n >= BLOCK; n -= BLOCK, d += BLOCK, s += BLOCK)
            copy_block((word_t *)d, (const word_t *)s);
        for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
            *(word_t *)d = *(const word_t *)s;
    }
    for (; n > 0; n--)
        *d++ = *s++;
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    char *d = dst;
    const char *s = src;

    // Forward is right unless dst begins inside src.
    if ((uintptr_t)d - (uintptr_t)s >= n) {
        while (n-- > 0)
            *d++ = *s++;
        return dst;
    }
    while (n-- > 0)
        d[n] = s[n];
    return dst;
}

void *memset(void *dst, int byte, size_t n)
{
    char *d = dst;
    word_t word = (uint8_t)byte * 0x0101010101010101ull;

    for (; n > 0 && MISALIGN(d); n--)
        *d++ = (char)byte;
    for (; n >= BLOCK; n -= BLOCK, d += BLOCK)
        for (size_t i = 0; i < 8; i++)
            ((word_t *)d)[i] = word;
    for (; n >= WORD; n -= WORD, d += WORD)
        *(word_t *)d = word;
    for (; n > 0; n--)
        *d++ = (char)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
    const uint8_t *at = s;

    for (; n > 0; n--, at++)
        if (*at == (uint8_t)byte)
            return (void *)(uintptr_t)at;
    return 0;
}

size_t strlen(const char *s)
{
    return strnlen(s, SIZE_MAX);
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++)
        if (*a != *b || !*a)
            return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return 0;
    }
}

char *strrchr(const char *s, int c)
{
    const char *found = 0;

    do {
        if (*s == (char)c)
            found = s;
    } while (*s++);
    return (char *)(uintptr_t)found;
}

char *strstr(const char *s, const char *sub)
{
    size_t n = strlen(sub);

    for (;; s++) {
        if (strncmp(s, sub, n) == 0)
            return (char *)(uintptr_t)s;
        if (!*s)
            return 0;
    }
}

char *strcpy(char *dst, const char *src)
{
    memcpy(dst, src, strlen(src) + 1);
    return dst;
}

char *strncpy(char *dst, const char *src, size_t n)
{
    size_t len = strnlen(src, n);

    memcpy(dst, src, len);
    memset(dst + len, 0, n - len);
    return dst;
}

char *strcat(char *dst, const char *src)
{
    strcpy(dst + strlen(dst), src);
    return dst;
}

int isspace(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int isdigit(int c)
{
    return c >= '0' && c <= '9';
}

int isalpha(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int isalnum(int c)
{
    return isalpha(c) || isdigit(c);
}

int tolower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

int toupper(int c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

int abs(int n)
{
    return n < 0 ? -n : n;
}

static int digit_value(char c)
{
    if (isdigit(c))
        return c - '0';
    if (isalpha(c))
        return tolower(c) - 'a' + 10;
    return 99;
}

/* Whether s is "0x" and a digit: only then is the prefix one. */
static bool has_hex_prefix(const char *s)
{
    return s[0] == '0' && tolower(s[1]) == 'x' && digit_value(s[2]) < 16;
}

/* The digits at s; too large a number gives the largest one. */
static unsigned long parse_digits(const char *s, const char **end, int base,
                                  bool *overflow)
{
    unsigned long value = 0;
    const char *start;

    if ((base == 0 || base == 16) && has_hex_prefix(s)) {
        base = 16;
        s += 2;
    } else if (base == 0) {
        base = *s == '0' ? 8 : 10;
    }
    for (start = s; digit_value(*s) < base; s++)
        if (__builtin_mul_overflow(value, (unsigned long)base, &value) ||
            __builtin_add_overflow(value, (unsigned long)digit_value(*s),
                                   &value))
            *overflow = true;
    *end = s == start ? 0 : s;
    return *overflow ? UINT64_MAX : value;
}

static unsigned long parse(const char *s, char **end, int base, bool *negative,
                           bool *overflow)
{
    const char *at = s, *stop;
    unsigned long value;

    *overflow = false;
    while (isspace(*at))
        at++;
    *negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    value = parse_digits(at, &stop, base, overflow);
    if (end)
        *end = (char *)(uintptr_t)(stop ? stop : s);
    return value;
}

unsigned long strtoul(const char *s, char **end, int base)
{
    bool negative, overflow;
    unsigned long value = parse(s, end, base, &negative, &overflow);

    return negative && !overflow ? -value : value;
}

long strtol(const char *s, char **end, int base)
{
    bool negative, overflow;
    unsigned long value = parse(s, end, base, &negative, &overflow);

    if (negative)
        return value > INT64_MAX ? INT64_MIN : -(long)value;
    return value > INT64_MAX ? INT64_MAX : (long)value;
}

int atoi(const char *s)
{
    return (int)strtol(s, 0, 10);
}

static void swap(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = a[i];

        a[i] = b[i];
        b[i] = c;
    }
}

/* Lets element `at` sink to its place in the heap of `count` elements. */
static void sink(char *base, size_t at, size_t count, size_t size,
                 int (*compare)(const void *, const void *))
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= count)
            return;
        if (child + 1 < count &&
            compare(base + child * size, base + (child + 1) * size) < 0)
            child++;
        if (compare(base + at * size, base + child * size) >= 0)
            return;
        swap(base + at * size, base + child * size, size);
        at = child;
    }
}

/* Heap sort: no recursion on a 32 KiB stack, no bad case. */
void qsort(void *array, size_t count, size_t size,
           int (*compare)(const void *, const void *))
{
    char *base = array;

    for (size_t i = count / 2; i-- > 0;)
        sink(base, i, count, size, compare);
    for (size_t i = count; i-- > 1;) {
        swap(base, base + i * size, size);
        sink(base, 0, i, size, compare);
    }
}
