// FLAGS: -Wno-format-zero-length -Wno-format-truncation -Wno-format-overflow
/* The kernel's formatter against the host's. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.c"

static char ours[256];
static int nours, failed;

static void put_ours(char c)
{
    ours[nours++] = c;
    ours[nours] = '\0';
}

static int FORMAT(1, 2) weir_format(const char *format, ...)
{
    va_list args;

    nours = 0;
    ours[0] = '\0';
    va_start(args, format);
    format_text(put_ours, format, args);
    va_end(args);
    return nours;
}

static void same(int ours, const char *our_text, int theirs,
                 const char *their_text, const char *what)
{
    if (ours == theirs && strcmp(our_text, their_text) == 0)
        return;
    printf("%s: %d '%s', not %d '%s'\n", what, ours, our_text, theirs,
           their_text);
    failed = 1;
}

#define TRY(...)                                                               \
    do {                                                                       \
        char theirs[256];                                                      \
        int n = weir_format(__VA_ARGS__);                                      \
        int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                 \
        same(n, ours, m, theirs, #__VA_ARGS__);                                \
    } while (0)

static void test_numbers(void)
{
    static const long values[] = {0,       1,       -1,       42,
                                  INT_MAX, INT_MIN, LONG_MAX, LONG_MIN};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        TRY("%d %u %x", (int)values[i], (unsigned)values[i],
            (unsigned)values[i]);
        TRY("%ld %lu %lx", values[i], values[i], values[i]);
    }
}

static void test_text(void)
{
    TRY("%s|%s", "some", "more");
    TRY("");
    TRY("plain");
}

int main(void)
{
    test_numbers();
    test_text();
    return failed;
}
