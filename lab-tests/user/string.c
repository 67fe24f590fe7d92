/* The library's memory and string functions, at every alignment. */
#include "../lab.h"

static uint8_t a[512], b[512];

static void fill(uint8_t *p, uint32_t seed)
{
    for (uint32_t i = 0; i < sizeof(a); i++)
        p[i] = (uint8_t)(i * 7 + seed);
}

// ABI: memcpy copies exactly n bytes, whatever the alignment.
TEST(memcpy_exact)
{
    for (uint32_t to = 0; to < 9; to++)
        for (uint32_t from = 0; from < 9; from++)
            for (uint32_t n = 0; n < 140; n += n < 40 ? 1 : 13) {
                fill(a, 1);
                fill(b, 99);
                CHECK(memcpy(b + to, a + from, n) == b + to);
                for (uint32_t i = 0; i < 200; i++) {
                    bool in = i >= to && i < to + n;
                    uint8_t old = (uint8_t)(i * 7 + 99);

                    CHECK_EQ(b[i], in ? a[from + i - to] : old);
                }
            }
}

// ABI: memmove is right where the two overlap, both ways.
TEST(memmove_overlap)
{
    for (uint32_t to = 0; to < 20; to++)
        for (uint32_t from = 0; from < 20; from++)
            for (uint32_t n = 0; n < 100; n += 11) {
                fill(a, 5);
                CHECK(memmove(a + to, a + from, n) == a + to);
                for (uint32_t i = 0; i < n; i++)
                    CHECK_EQ(a[to + i], (uint8_t)((from + i) * 7 + 5));
            }
}

// ABI: memset fills exactly n bytes.
TEST(memset_exact)
{
    for (uint32_t at = 0; at < 9; at++)
        for (uint32_t n = 0; n < 100; n++) {
            fill(a, 3);
            CHECK(memset(a + at, 0xe5, n) == a + at);
            for (uint32_t i = 0; i < 120; i++) {
                bool in = i >= at && i < at + n;

                CHECK_EQ(a[i], in ? 0xe5 : (uint8_t)(i * 7 + 3));
            }
        }
}

// ABI: memcmp orders by the first differing byte, as unsigned.
TEST(memcmp_order)
{
    fill(a, 1);
    for (uint32_t n = 0; n < 64; n++) {
        memcpy(b, a, sizeof(b));
        b[n] = (uint8_t)~a[n];
        CHECK_EQ(memcmp(a, b, n), 0);
        CHECK((memcmp(a, b, n + 1) < 0) == (a[n] < b[n]));
        CHECK((memcmp(b, a, 64) < 0) == (b[n] < a[n]));
    }
}

// ABI: strlen, strcmp, strncmp, strchr do what C says.
TEST(strings)
{
    const char *text = "a text with words";

    CHECK_EQ(strlen(""), 0);
    CHECK_EQ(strlen(text), 17);
    CHECK_EQ(strcmp("", ""), 0);
    CHECK(strcmp("a", "b") < 0);
    CHECK(strcmp("ab", "a") > 0);
    CHECK(strcmp("\x80", "a") > 0);
    CHECK_EQ(strncmp("abc", "abd", 2), 0);
    CHECK(strncmp("abc", "abd", 3) < 0);
    CHECK_EQ(strncmp("abc", "xyz", 0), 0);
    CHECK_EQ(strncmp("ab", "ab", 100), 0);
    CHECK(strchr(text, 't') == text + 2);
    CHECK(strchr(text, 0) == text + 17);
    CHECK(strchr(text, 'q') == 0);
}

// ABI: numbers in text.
TEST(numbers)
{
    CHECK_EQ(atoi("0"), 0);
    CHECK_EQ(atoi("12345"), 12345);
    CHECK_EQ(atoi("-17x"), -17);
    CHECK_EQ(atoi("  8"), 8);
    CHECK_EQ(atoi("x"), 0);
}

TEST_MAIN()
