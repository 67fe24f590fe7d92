// FLAGS: -O1 -fno-builtin
/*
 * The kernel's memory and string functions against the host's, for all small
 * lengths and alignments, with guard bytes and, by the sanitizers, bounds.
 */
#include "check.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define memcpy  weir_memcpy
#define memset  weir_memset
#define memcmp  weir_memcmp
#define strcmp  weir_strcmp
#define strlcpy weir_strlcpy
#include "base/string.c"
#undef memcpy
#undef memset
#undef memcmp
#undef strcmp
#undef strlcpy

#define ROOM    512
#define LONGEST 210

static unsigned char ours[ROOM], theirs[ROOM], start[ROOM];

static void reset(void)
{
    memcpy(ours, start, ROOM);
    memcpy(theirs, start, ROOM);
}

static void test_set(size_t n, size_t to)
{
    reset();
    CHECK(weir_memset(ours + to, (int)(n + 0x180), n) == ours + to);
    memset(theirs + to, (int)(n + 0x180), n);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
}

static void test_copy(size_t n, size_t to, size_t from)
{
    reset();
    CHECK(weir_memcpy(ours + to, ours + 256 + from, n) == ours + to);
    memcpy(theirs + to, theirs + 256 + from, n);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
}

static void test_memory(void)
{
    size_t n, to, from;

    for (size_t i = 0; i < ROOM; i++)
        start[i] = (unsigned char)(i * 7 + i / 256);
    for (n = 0; n < LONGEST; n++)
        for (to = 0; to < 9; to++) {
            test_set(n, to);
            for (from = 0; from < 9; from++)
                test_copy(n, to, from);
        }
}

/* Exact allocations: a read past either end is the sanitizer's. */
static void test_bounds(void)
{
    for (size_t n = 0; n < 100; n++) {
        unsigned char *a = malloc(n + !n), *b = malloc(n + !n);

        weir_memset(a, 'a', n);
        weir_memcpy(b, a, n);
        CHECK(weir_memcmp(a, b, n) == 0);
        free(a);
        free(b);
    }
}

static void test_strings(void)
{
    char *exact = malloc(4), cut[4] = "zzz";

    memcpy(exact, "abc", 4);
    CHECK(weir_strcmp(exact, "abc") == 0 && weir_strcmp(exact, "abd") < 0);
    CHECK(weir_strcmp("ab", exact) < 0 && weir_strcmp("\xff", "a") > 0);
    CHECK(weir_strcmp("abc", exact) == 0 && weir_strcmp("", "") == 0);
    CHECK(weir_memcmp("a\0b", "a\0c", 3) < 0);
    CHECK(weir_memcmp("\xff", "\1", 1) > 0 && weir_memcmp("a", "b", 0) == 0);
    weir_strlcpy(cut, exact, 1);
    CHECK(cut[0] == '\0' && cut[1] == 'z');
    weir_strlcpy(cut, exact, 3);
    CHECK(strcmp(cut, "ab") == 0 && cut[3] == '\0');
    weir_strlcpy(cut, exact, 4);
    CHECK(strcmp(cut, "abc") == 0);
    free(exact);
}

int main(void)
{
    test_memory();
    test_bounds();
    test_strings();
    return 0;
}
