/* getline: lines out of messages. */
#include "../lab.h"

/* Makes a queue standard input, filled with these messages; the sending side
 * is closed unless `keep`. */
static handle_t feed(const char *const *texts, bool keep)
{
    long q = queue_create(16, 64, 0);
    long rd = handle_dup((handle_t)q, RIGHT_READ, 0);

    for (; *texts; texts++)
        CHECK_EQ(queue_send((handle_t)q, *texts, strlen(*texts), 0, NOW), 0);
    CHECK_EQ(handle_dup_at((handle_t)rd, 0), 0);
    handle_close((handle_t)rd);
    if (!keep)
        handle_close((handle_t)q);
    return (handle_t)q;
}

static void expect_line(const char *want)
{
    char line[32];

    CHECK_EQ(getline(line, sizeof(line)), strlen(want));
    CHECK_EQ(strcmp(line, want), 0);
}

// ABI 8: a line may come in several messages, and a message hold many lines.
TEST(lines_and_messages)
{
    static const char *const texts[] = {"on", "e\ntwo\nth", "ree\n\n", 0};

    feed(texts, false);
    expect_line("one\n");
    expect_line("two\n");
    expect_line("three\n");
    expect_line("\n");
    expect_line("");
    expect_line("");
}

// ABI 8: a line that does not fit comes in pieces.
TEST(long_line)
{
    static const char *const texts[] = {"abcdefgh\nij\n", 0};
    char small[5];

    feed(texts, false);
    CHECK_EQ(getline(small, sizeof(small)), 4);
    CHECK_EQ(strcmp(small, "abcd"), 0);
    CHECK_EQ(getline(small, sizeof(small)), 4);
    CHECK_EQ(strcmp(small, "efgh"), 0);
    expect_line("\n");
    expect_line("ij\n");
}

// ABI 8: an empty message is end of file, once; what comes later is read.
TEST(empty_message_ends)
{
    static const char *const texts[] = {"a\n", "", "b\n", 0};

    feed(texts, true);
    expect_line("a\n");
    expect_line("");
    expect_line("b\n");
}

// ABI 8: the last line may lack its newline; the end comes after it.
TEST(unfinished_last_line)
{
    static const char *const texts[] = {"a\nlast", "", 0};

    feed(texts, true);
    expect_line("a\n");
    expect_line("last");
    expect_line("");
}

TEST_MAIN()
