/* printf and snprintf. */
#include "../lab.h"

static char out[128];

#define CHECK_PRINTS(want, ...)                                                \
    do {                                                                       \
        memset(out, '#', sizeof(out));                                         \
        CHECK_EQ(snprintf(out, sizeof(out), __VA_ARGS__), strlen(want));       \
        CHECK_EQ(strcmp(out, want), 0);                                        \
    } while (0)

// ABI: integers of every size, decimal and hexadecimal.
TEST(integers)
{
    CHECK_PRINTS("0 1 -1", "%d %d %d", 0, 1, -1);
    CHECK_PRINTS("-2147483648", "%d", INT32_MIN);
    CHECK_PRINTS("4294967295", "%u", UINT32_MAX);
    CHECK_PRINTS("-9223372036854775808", "%ld", INT64_MIN);
    CHECK_PRINTS("18446744073709551615", "%lu", UINT64_MAX);
    CHECK_PRINTS("deadbeef", "%x", 0xdeadbeef);
    CHECK_PRINTS("ffffffffffffffff", "%lx", UINT64_MAX);
    CHECK_PRINTS("5000000000", "%llu", 5000000000ull);
}

// ABI: characters, strings, percent.
TEST(text)
{
    CHECK_PRINTS("a b %", "%c %s %%", 'a', "b");
    CHECK_PRINTS("", "%s", "");
    CHECK_PRINTS("plain", "plain");
}

// ABI: width, left, zeros.
TEST(width)
{
    CHECK_PRINTS("   42|", "%5d|", 42);
    CHECK_PRINTS("42   |", "%-5d|", 42);
    CHECK_PRINTS("00042|", "%05d|", 42);
    CHECK_PRINTS("-0042|", "%05d|", -42);
    CHECK_PRINTS("   ab|", "%5s|", "ab");
    CHECK_PRINTS("ab   |", "%-5s|", "ab");
    CHECK_PRINTS("0000beef", "%08x", 0xbeef);
    CHECK_PRINTS("abcdefg", "%3s", "abcdefg");
}

// ABI: snprintf never writes beyond its size, and tells the length needed.
TEST(bounded)
{
    for (uint32_t size = 0; size < 10; size++) {
        memset(out, '#', sizeof(out));
        CHECK_EQ(snprintf(out, size, "%d", 1234567), 7);
        for (uint32_t i = size; i < 20; i++)
            CHECK_EQ(out[i], '#');
        if (size > 0)
            CHECK_EQ(strlen(out), size <= 7 ? size - 1 : 7);
    }
}

// ABI: printf sends to handle 1, in order and whole, also through a queue of
// small messages.
TEST(to_handle_one)
{
    static char got[2048];
    long q = queue_create(4, 64, 0), r, len = 0;
    long rd = handle_dup(q, RIGHT_READ, 0);
    long child = SPAWN({
        handle_dup_at(q, 1);
        handle_close(q);
        handle_close(rd);
        for (int i = 0; i < 100; i++)
            printf("line %d of text\n", 1000 + i);
    });

    handle_close(q);
    while ((r = queue_recv(rd, got + len, sizeof(got) - len, 0, FOREVER)) >= 0)
        len += r;
    CHECK_ERR(r, E_PIPE);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(len, 1800);
    for (int i = 0; i < 100; i++) {
        snprintf(out, sizeof(out), "line %d of text\n", 1000 + i);
        CHECK_EQ(memcmp(got + 18 * i, out, 18), 0);
    }
}

// ABI: getline gives line after line from handle 0, then 0 at the end.
TEST(getline_lines)
{
    char line[32];
    long q = queue_create(8, 64, 0);
    long rd = handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(handle_dup_at(rd, 0), 0);
    CHECK_EQ(queue_send(q, "one\ntw", 6, 0, NOW), 0);
    CHECK_EQ(queue_send(q, "o\nthree\n\nfi", 11, 0, NOW), 0);
    CHECK_EQ(queue_send(q, "ve", 2, 0, NOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(getline(line, sizeof(line)), 4);
    CHECK_EQ(memcmp(line, "one\n", 4), 0);
    CHECK_EQ(getline(line, sizeof(line)), 4);
    CHECK_EQ(memcmp(line, "two\n", 4), 0);
    CHECK_EQ(getline(line, sizeof(line)), 6);
    CHECK_EQ(memcmp(line, "three\n", 6), 0);
    CHECK_EQ(getline(line, sizeof(line)), 1);
    CHECK_EQ(getline(line, sizeof(line)), 4);
    CHECK_EQ(memcmp(line, "five", 4), 0);
    CHECK_EQ(getline(line, sizeof(line)), 0);
    CHECK_EQ(getline(line, sizeof(line)), 0);
}

// ABI: an empty message is the end of the input, too.
TEST(getline_empty_message)
{
    char line[32];
    long q = queue_create(8, 64, 0);

    CHECK_EQ(handle_dup_at(q, 0), 0);
    CHECK_EQ(queue_send(q, "last\n", 5, 0, NOW), 0);
    CHECK_EQ(queue_send(q, 0, 0, 0, NOW), 0);
    CHECK_EQ(getline(line, sizeof(line)), 5);
    CHECK_EQ(getline(line, sizeof(line)), 0);
}

TEST_MAIN()
