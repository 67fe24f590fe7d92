// FLAGS: -Wno-format-zero-length -Wno-format-truncation -Wno-format-overflow
/* The kernel's formatter against the host's, where both know a conversion. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define strlcpy   weir_strlcpy /* newer C libraries have one, too */
#define vsnprintf weir_vsnprintf
#include "base/format.c"
#undef vsnprintf
#undef strlcpy

static int failed;

static int FORMAT(3, 4)
    weir_snprintf(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = weir_vsnprintf(buf, size, format, args);
    va_end(args);
    return n;
}

static void
same(int ours, const char *our_text, int theirs, const char *their_text,
     const char *what)
{
    if (ours == theirs && strcmp(our_text, their_text) == 0)
        return;
    printf("%s: %d '%s', not %d '%s'\n", what, ours, our_text, theirs,
           their_text);
    failed = 1;
}

/* In an exact allocation of `size` bytes, for the sanitizer. */
#define TRY(size, ...)                                                         \
    do {                                                                       \
        char *a = malloc(size), *b = malloc(size);                             \
        int n = weir_snprintf(a, size, __VA_ARGS__);                           \
        int m = snprintf(b, size, __VA_ARGS__);                                \
        same(n, a, m, b, #__VA_ARGS__);                                        \
        free(a);                                                               \
        free(b);                                                               \
    } while (0)

static void
test_numbers(void)
{
    static const long values[] = {0,       1,       -1,       42,
                                  INT_MAX, INT_MIN, LONG_MAX, LONG_MIN};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        TRY(64, "%d %u %x", (int)values[i], (unsigned)values[i],
            (unsigned)values[i]);
        TRY(99, "%ld %lu %lx %zu", values[i], values[i], values[i],
            (size_t)values[i]);
        TRY(99, "%lld %llu", (long long)values[i], (long long)values[i]);
        TRY(4, "%ld", values[i]);
    }
}

static void
test_text(void)
{
    TRY(64, "%s|%c", "some", 'c');
    TRY(64, "100%% %p", (void *)0x1234abcd);
    TRY(64, "");
    TRY(1, "nothing fits");
    TRY(5, "1234");
    TRY(5, "12345");
}

/* What the host leaves undefined or does otherwise. */
static void
test_own(void)
{
    char text[32];
    const char *odd = "%q %"; /* not a literal: the compiler would object */

    weir_snprintf(text, sizeof(text), odd);
    same(0, text, 0, "q ", "odd conversions");
    weir_snprintf(text, sizeof(text), "%s", (char *)NULL);
    same(0, text, 0, "(null)", "no string");
    same(weir_snprintf(NULL, 0, "%d", 1234), "", 4, "", "no buffer");
}

int
main(void)
{
    test_numbers();
    test_text();
    test_own();
    return failed;
}
