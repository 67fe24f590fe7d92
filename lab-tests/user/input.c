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

/* A boot file that is there in all runs. */
#define A_FILE "init"

static struct input opened(void)
{
    struct input in;

    CHECK_EQ(input_open(&in, A_FILE), 0);
    return in;
}

/* The next bytes of the input are those of the file from `offset` on. */
static void expect_bytes(struct input *in, uint64_t offset)
{
    long file = region_open(A_FILE);
    char want[100], got[100];

    CHECK_EQ(region_read((handle_t)file, offset, want, sizeof(want)),
             sizeof(want));
    CHECK_EQ(handle_close((handle_t)file), 0);
    CHECK_EQ(input_read(in, got, sizeof(got)), sizeof(got));
    CHECK_EQ(memcmp(got, want, sizeof(want)), 0);
}

// A boot file can be open twice. Each reads from its own place; closing one
// leaves the other, and then it can be opened again.
TEST(same_file_twice)
{
    struct input one = opened(), two = opened();

    expect_bytes(&one, 0);
    expect_bytes(&one, 100);
    expect_bytes(&two, 0);
    input_close(&one);
    expect_bytes(&two, 100);
    one = opened();
    expect_bytes(&one, 0);
    input_close(&two);
    expect_bytes(&one, 100);
    input_close(&one);
}

/* Standard input becomes a queue with two descriptors of the file. */
static void feed_file(void)
{
    struct msg_desc d = {.region = (handle_t)region_open(A_FILE)};
    handle_t q = feed((const char *const[]){0}, true);

    d.length = 200;
    CHECK_EQ(queue_send_desc(q, &d, 0, NOW), 0);
    d.offset = 200;
    CHECK_EQ(queue_send_desc(q, &d, 0, NOW), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(handle_close(d.region), 0);
}

// A boot file that is open can come as a descriptor on standard input, and the
// other way round.
TEST(file_and_described)
{
    struct input in, file;
    char c;

    feed_file();
    CHECK_EQ(input_open(&in, "-"), 0);
    expect_bytes(&in, 0);
    file = opened();
    expect_bytes(&file, 0);
    expect_bytes(&in, 100);
    expect_bytes(&in, 200);
    input_close(&file);
    expect_bytes(&in, 300);
    file = opened();
    expect_bytes(&file, 0);
    CHECK_EQ(input_read(&in, &c, 1), 0);
    input_close(&in);
    expect_bytes(&file, 100);
    input_close(&file);
}

TEST_MAIN()
