// FLAGS: -Ikern/abi -fno-builtin -Wno-format -Wno-unknown-pragmas
/*
 * The user library against the host's: formats, numbers, memory and string
 * functions at all small lengths and alignments, and malloc under random use.
 */
#include "user_lib.h"

/* --- what the library calls ------------------------------------------- */

static char sent[1 << 16];
static size_t sent_len;

long write_out(handle_t h, const void *buf, size_t len)
{
    CHECK(h == 1 && len > 0 && len <= 512);
    CHECK(sent_len + len <= sizeof(sent));
    memcpy(sent + sent_len, buf, len);
    sent_len += len;
    return 0;
}

static char heap[1 << 20] __attribute__((aligned(16)));
static size_t heap_end = 3; /* odd, as after someone's sbrk(3) */

long sbrk(long delta)
{
    long old = (long)(heap + heap_end);

    if (heap_end + (size_t)delta > sizeof(heap))
        return -E_NOMEM;
    heap_end += (size_t)delta;
    return old;
}

/* --- formats ---------------------------------------------------------- */

#define SAME(size, ...)                                                        \
    do {                                                                       \
        char ours[256], theirs[256];                                           \
        memset(ours, '#', sizeof(ours));                                       \
        memset(theirs, '#', sizeof(theirs));                                   \
        int a = weir_snprintf(ours, size, __VA_ARGS__);                        \
        int b = snprintf(theirs, size, __VA_ARGS__);                           \
        if (a != b || memcmp(ours, theirs, sizeof(ours)) != 0) {               \
            printf("%d: %d '%s', host %d '%s'\n", __LINE__, a, ours, b,        \
                   theirs);                                                    \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static void test_number(const char *flags, const char *width,
                        const char *precision, long value)
{
    static const char kinds[] = "diuxXo";
    static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z", "j"};
    char format[64];

    for (size_t k = 0; kinds[k]; k++) {
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            snprintf(format, sizeof(format), "<%%%s%s%s%s%c>", flags, width,
                     precision, lengths[l], kinds[k]);
            if (l < 3)
                SAME(200, format, (int)value);
            else
                SAME(200, format, value);
        }
    }
}

static void test_formats(void)
{
    static const char *const flags[] = {"",   "-",  "0",  "+",  " ", "#",
                                        "#0", "+0", "-0", "-#", "+ "};
    static const char *const widths[] = {"", "1", "8", "25"};
    static const char *const precisions[] = {"", ".", ".0", ".1", ".12"};
    static const long values[] = {
        0,         1,         -1,        9,         255,
        INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 0x123456789abcdef};

    for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++)
        for (size_t w = 0; w < sizeof(widths) / sizeof(*widths); w++)
            for (size_t p = 0; p < 5; p++)
                for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++)
                    test_number(flags[f], widths[w], precisions[p], values[v]);
    for (size_t size = 0; size < 20; size++)
        SAME(size, "%s-%d-%c%%", "string", 12345, 'x');
    SAME(200, "%.3s|%10.2s|%-10s|%s", "abcdef", "abcdef", "ab", "");
    SAME(200, "%c%c%5c%-5c|", 'a', 0, 'b', 'c');
    SAME(200, "%*d|%-*d|%.*d|%*s", 7, 1, 7, 2, 3, 4, -6, "x");
    SAME(200, "%p", (void *)0x1234);
}

static void test_chunks(void)
{
    char text[1500];

    memset(text, 'x', sizeof(text));
    text[1499] = 0;
    sent_len = 0;
    CHECK(weir_printf("%s|%d\n", text, 5) == 1502);
    CHECK(sent_len == 1502 && memcmp(sent, text, 1499) == 0);
    CHECK(memcmp(sent + 1499, "|5\n", 3) == 0);
    sent_len = 0;
    CHECK(weir_printf("%s", "") == 0 && sent_len == 0);
    CHECK(weir_puts("ab") == 3 && weir_putchar('c') == 'c');
    CHECK(sent_len == 4 && memcmp(sent, "ab\nc", 4) == 0);
}

/* --- memory and strings ------------------------------------------------- */

#define ROOM 256

static void test_move(size_t from, size_t to, size_t n)
{
    uint8_t ours[ROOM], theirs[ROOM], plain[ROOM];

    for (size_t i = 0; i < ROOM; i++)
        ours[i] = theirs[i] = plain[i] = (uint8_t)(i * 7);
    CHECK(weir_memmove(ours + to, ours + from, n) == ours + to);
    memmove(theirs + to, theirs + from, n);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
    memcpy(ours, plain, ROOM);
    memcpy(theirs, plain, ROOM);
    CHECK(weir_memset(ours + to, (int)n, n) == ours + to);
    memset(theirs + to, (int)n, n);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
    weir_memcpy(ours + to, plain + from, n);
    memcpy(theirs + to, plain + from, n);
    CHECK(memcmp(ours, theirs, ROOM) == 0);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void test_strings(void)
{
    static const char *const words[] = {"",   "a",    "b",   "ab",    "abc",
                                        "ba", "\xff", "aab", "aabab", "abab"};
    size_t n = sizeof(words) / sizeof(*words);

    for (size_t i = 0; i < n * n; i++) {
        const char *a = words[i / n], *b = words[i % n];

        CHECK(sign(weir_strcmp(a, b)) == sign(strcmp(a, b)));
        CHECK(sign(weir_strncmp(a, b, 2)) == sign(strncmp(a, b, 2)));
        CHECK(weir_strstr(a, b) == strstr(a, b));
        CHECK(weir_strchr(a, *b) == strchr(a, *b));
        CHECK(weir_strrchr(a, *b) == strrchr(a, *b));
        CHECK(weir_strlen(a) == strlen(a));
    }
}

static void test_numbers(void)
{
    static const char *const words[] = {"",
                                        "0",
                                        "-0",
                                        "42",
                                        " \t-17x",
                                        "+5",
                                        "0x1f",
                                        "0x",
                                        "-0x",
                                        "017",
                                        "08",
                                        "zz",
                                        "ff",
                                        "- 1",
                                        "0xg",
                                        "  ",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "-9223372036854775808",
                                        "-9223372036854775809",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "-18446744073709551615",
                                        "1e5"};
    static const int bases[] = {0, 2, 8, 10, 16, 36};
    char *ours, *theirs;

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        for (size_t b = 0; b < 6; b++) {
            CHECK(weir_strtol(words[i], &ours, bases[b]) ==
                  strtol(words[i], &theirs, bases[b]));
            CHECK(ours == theirs);
            CHECK(weir_strtoul(words[i], &ours, bases[b]) ==
                  strtoul(words[i], &theirs, bases[b]));
            CHECK(ours == theirs);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

static void test_sort(void)
{
    int ours[100], theirs[100];

    for (size_t n = 0; n <= 100; n++) {
        for (size_t i = 0; i < n; i++)
            ours[i] = theirs[i] = rand() % 50;
        weir_qsort(ours, n, sizeof(int), by_value);
        qsort(theirs, n, sizeof(int), by_value);
        CHECK(memcmp(ours, theirs, n * sizeof(int)) == 0);
    }
}

/* --- malloc ------------------------------------------------------------ */

#define BLOCKS 64

static void check_filled(const uint8_t *p, size_t n, int with)
{
    for (size_t i = 0; i < n; i++)
        CHECK(p[i] == with);
}

static void test_malloc(void)
{
    uint8_t *blocks[BLOCKS] = {0};
    size_t sizes[BLOCKS] = {0};

    for (int round = 0; round < 100000; round++) {
        int i = rand() % BLOCKS;
        size_t size = (size_t)(rand() % 2000);

        check_filled(blocks[i], sizes[i], i);
        if (rand() % 4 == 0) {
            blocks[i] = weir_realloc(blocks[i], size);
            check_filled(blocks[i], size < sizes[i] ? size : sizes[i], i);
        } else {
            weir_free(blocks[i]);
            blocks[i] = weir_malloc(size);
        }
        CHECK(blocks[i] && ((uintptr_t)blocks[i] & 15) == 0);
        memset(blocks[i], i, size);
        sizes[i] = size;
    }
    for (int i = 0; i < BLOCKS; i++)
        weir_free(blocks[i]);
    // All of it is one block again, and can be had in one piece.
    size_t whole = free_list->size - 16;
    CHECK(!free_list->next);
    CHECK(weir_malloc(whole) && !free_list);
    CHECK(!weir_malloc(sizeof(heap)) && !weir_malloc(SIZE_MAX));
    CHECK(!weir_calloc(1ul << 33, 1ul << 33));
}

int main(void)
{
    test_formats();
    test_chunks();
    for (size_t n = 0; n < 100; n++)
        for (size_t from = 60; from < 76; from++)
            for (size_t to = 60; to < 76; to++)
                test_move(from, to, n);
    test_strings();
    test_numbers();
    test_sort();
    test_malloc();
    return 0;
}
