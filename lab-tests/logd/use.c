/* The log: its writers and readers. */
#include "log.h"

// Lines of several programs are read in their order, with who sent them when.
TEST(collected)
{
    struct service s = collect("256");
    struct log log = open_log();
    struct log_reader r = join();
    uint64_t start_ns = (uint64_t)clock_ns();
    struct log_line line = next_line(&r);
    long other;

    CHECK_EQ(line.record.pid, s.server);
    CHECK_EQ(say(&log, "first"), 0);
    other = SPAWN(CHECK_EQ(say(&log, "from a child"), 0));
    CHECK_EQ(JOIN(other), 0);
    CHECK_EQ(say(&log, ""), 0);
    line = next_line(&r);
    CHECK(is_text(&line, "first"));
    CHECK_EQ(line.record.pid, getpid());
    CHECK_EQ(line.record.number, 1);
    CHECK(line.record.ns >= start_ns);
    line = next_line(&r);
    CHECK(is_text(&line, "from a child"));
    CHECK_EQ(line.record.pid, other);
    line = next_line(&r);
    CHECK_EQ(line.record.length, 0);
    CHECK_ERR(log_next(&r, &line, NOW), E_AGAIN);
    CHECK_ERR(log_next(&r, &line, MS(1)), E_TIMEDOUT);
    CHECK_ERR(log_send(&log, "x", LOG_TEXT_MAX + 1, FOREVER), E_MSGSIZE);
    log_leave(&r);
    end_service(&s);
}

// J5: who reads while others write sees whole records, all of them, in order.
TEST(read_live)
{
    enum { LINES = 2000 };
    struct service s = collect("1024");
    long readers[2], writer;

    for (int i = 0; i < 2; i++)
        readers[i] = SPAWN({
            struct log_reader r = join();

            for (long want = -1; want < LINES; want++) {
                struct log_line line = next_line(&r);

                CHECK_EQ(number_in(&line), want);
            }
            CHECK_EQ(r.missed, 0);
            log_leave(&r);
        });
    writer = SPAWN({
        struct log log = open_log();

        send_numbers(&log, LINES);
    });
    CHECK_EQ(JOIN(writer), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(JOIN(readers[i]), 0);
    end_service(&s);
}

// A reader sleeps until there is something new; a message wakes it.
TEST(reader_woken)
{
    struct service s = collect("256");
    struct log log = open_log();
    handle_t read_one = (handle_t)queue_create(1, 8, 0);
    long reader = SPAWN({
        struct log_reader r = join();
        struct log_line line = next_line(&r);

        for (int i = 0; i < 10; i++) {
            put(read_one, 1);
            CHECK_EQ(log_next(&r, &line, FOREVER), 0);
            CHECK(is_text(&line, "wake up"));
        }
        log_leave(&r);
    });

    for (int i = 0; i < 10; i++) {
        take(read_one);
        await_state(reader, PROC_WAITING);
        CHECK_EQ(say(&log, "wake up"), 0);
    }
    CHECK_EQ(JOIN(reader), 0);
    end_service(&s);
}

// A full page is followed by a new one; a reader that keeps up misses nothing.
TEST(pages_turn)
{
    enum { LINES = 500 };
    struct service s = collect("8");
    struct log log = open_log();
    struct log_reader r = join();
    uint64_t line[LOG_TEXT_MAX / 8] = {0};

    next_line(&r);
    for (uint32_t i = 0; i < LINES; i++) {
        struct log_line got;

        line[0] = i;
        CHECK_EQ(log_send(&log, (char *)line, 200, FOREVER), 0);
        got = next_line(&r);
        CHECK_EQ(got.record.number, i + 1);
        CHECK(memcmp(got.text, &line[0], 8) == 0);
    }
    CHECK_EQ(r.missed, 0);
    log_leave(&r);
    end_service(&s);
}

// One that comes late finds at most two pages, and is told what it missed.
TEST(late_reader)
{
    struct service s = collect("8");
    struct log log = open_log();
    struct log_reader r;
    struct log_line line;
    uint64_t count = 0;

    send_numbers(&log, 300);
    CHECK_EQ(say(&log, "the last one"), 0);
    await_text("the last one");
    r = join();
    while (log_next(&r, &line, NOW) == 0)
        count++;
    CHECK(is_text(&line, "the last one"));
    CHECK_EQ(line.record.number, 301);
    CHECK_EQ(r.missed + count, 302);
    CHECK(r.missed > 100);
    CHECK(count * sizeof(line) > 8192); // more than a page
    log_leave(&r);
    end_service(&s);
}

// F12: one that keeps up no more loses pages, not the log. It reads on behind.
TEST(slow_reader)
{
    struct service s = collect("8");
    struct log log = open_log();
    struct log_reader r = join();
    struct log_line line = next_line(&r);

    send_numbers(&log, 300);
    CHECK_EQ(say(&log, "the last one"), 0);
    await_text("the last one");
    do
        line = next_line(&r);
    while (!is_text(&line, "the last one"));
    CHECK(r.missed > 100);
    CHECK_EQ(r.number, 302);
    log_leave(&r);
    end_service(&s);
}

TEST_MAIN()
