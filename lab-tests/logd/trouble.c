/* Writers and readers of the log that flood, lie or die; and its own end. */
#include "log.h"

// What is dropped is counted, and the next message says how many.
TEST(drops_reported)
{
    struct service s = {open_lobby(), 0};
    handle_t queue = (handle_t)queue_create(4, LOG_TEXT_MAX, 0);
    struct msg_meta meta;
    char text[8];
    struct log log;

    CHECK_EQ(lobby_leave(LOG_NAME, queue), 0); // the test is logd
    log = open_log();
    for (int i = 0; i < 4; i++)
        CHECK_EQ(log_send(&log, "text", 4, NOW), 0);
    CHECK_ERR(log_send(&log, "lost", 4, NOW), E_AGAIN);
    CHECK_ERR(log_send(&log, "lost", 4, MS(1)), E_TIMEDOUT);
    CHECK_EQ(queue_recv(queue, text, 8, &meta, NOW), 4);
    CHECK_EQ(meta.tag, 0);
    CHECK_EQ(log_send(&log, "text", 4, NOW), 0);
    CHECK_EQ(log.lost, 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(queue_recv(queue, text, 8, &meta, NOW), 4);
    CHECK_EQ(meta.tag, 2);
    handle_close(queue);
    CHECK_ERR(log_send(&log, "text", 4, NOW), E_PIPE);
    close_lobby(s.lobby);
}

// A flood does not stop others, and its own drops add up.
TEST(flooded)
{
    struct service s = collect("1024");
    struct log_reader r = join();
    struct log_line line = next_line(&r);
    long flooder, honest;
    uint64_t floods = 0, calm = 0;

    flooder = SPAWN({
        struct log log = open_log();

        for (uint32_t i = 0; i < 3000; i++) {
            long error = log_send(&log, "flood", 5, NOW);

            CHECK(error == 0 || error == -E_AGAIN);
        }
        CHECK_EQ(log_send(&log, "ebbed", 5, FOREVER), 0);
    });
    honest = SPAWN({
        struct log log = open_log();

        for (int i = 0; i < 100; i++)
            CHECK_EQ(say(&log, "calm"), 0);
    });
    for (bool ebbed = false; !ebbed || calm < 100;) {
        line = next_line(&r);
        calm += is_text(&line, "calm");
        floods += is_text(&line, "flood") + line.record.lost;
        ebbed |= is_text(&line, "ebbed");
    }
    CHECK_EQ(floods, 3000);
    CHECK_EQ(JOIN(flooder), 0);
    CHECK_EQ(JOIN(honest), 0);
    log_leave(&r);
    end_service(&s);
}

// Writers and readers are killed at random: the log goes on, whole.
TEST(killed)
{
    enum { ROUNDS = 150 };
    struct service s = collect("16");
    struct log log = open_log();
    struct log_reader r;
    struct log_line line;
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < rounds(ROUNDS); i++) {
        bool writes = i % 2;
        long pid = SPAWN({
            struct log_reader mine = join();

            if (writes)
                send_numbers(&log, UINT32_MAX);
            while (log_next(&mine, &line, FOREVER) != -E_PROTOTYPE)
                continue;
        });

        CHECK_EQ(say(&log, "still here"), 0);
        BUSY_US(random_below(&seed, 3000));
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(JOIN(pid), -1);
    }
    CHECK_EQ(say(&log, "the end"), 0);
    r = join();
    do
        line = next_line(&r);
    while (!is_text(&line, "the end"));
    log_leave(&r);
    end_service(&s);
}

// Descriptors, handles that are no boxes, and boxes that are full or gone.
TEST(lies)
{
    struct service s = collect("16");
    struct log log = open_log();
    handle_t r = (handle_t)region_create(REGION_APPEND, 4096, 0, 0, 0);
    handle_t q = (handle_t)queue_create(1, 8, 0);
    struct msg_desc d = {r, 0, 0, 4};
    struct log_reader reader = join();
    struct log_line line = next_line(&reader);
    struct handle_info info;
    const uint64_t normal = MSG_OPT(PRIO_NORMAL, 0);

    CHECK_EQ(region_append(r, "text", 4), 0);
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(queue_send_desc(log.queue, &d, normal, FOREVER), 0);
        CHECK_EQ(queue_send_handle(log.queue, r, RW, normal, FOREVER), 0);
        CHECK_EQ(queue_send_handle(log.queue, q, RIGHT_READ, normal, FOREVER),
                 0);
    }
    CHECK_EQ(
        queue_send_handle(log.queue, s.lobby, RIGHT_WRITE, normal, FOREVER), 0);
    CHECK_EQ(say(&log, "now"), 0);
    line = next_line(&reader);
    CHECK(is_text(&line, "now"));
    CHECK_EQ(handle_info(r, &info), 0);
    CHECK_EQ(info.refs, 1);
    CHECK_EQ(handle_info(q, &info), 0);
    CHECK_EQ(info.refs, 1);
    CHECK_EQ(queue_send_handle(log.queue, q, RIGHT_WRITE, normal, FOREVER), 0);
    CHECK_EQ(say(&log, "a full box"), 0);
    line = next_line(&reader);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_EQ(say(&log, "a box that is gone"), 0);
    line = next_line(&reader);
    CHECK(is_text(&line, "a box that is gone"));
    log_leave(&reader);
    end_service(&s);
}

// One reader too many is sent away; when one has gone, there is room.
TEST(too_many_readers)
{
    enum { READERS = 15 };
    struct service s = collect("16");
    struct log_reader readers[READERS], more;
    struct log_line line;

    for (int i = 0; i < READERS; i++) {
        readers[i] = join();
        line = next_line(&readers[i]);
    }
    more = join();
    CHECK_ERR(log_next(&more, &line, FOREVER), E_PIPE);
    log_leave(&readers[3]);
    CHECK_EQ(log_join(&more), 0);
    CHECK_EQ(log_next(&more, &line, FOREVER), 0);
    CHECK_EQ(line.record.number, 0);
    log_leave(&more);
    for (int i = 0; i < READERS; i++)
        log_leave(&readers[i]);
    end_service(&s);
}

// M1's like for queues: logd's death is seen by all; the last word is read.
TEST(logd_gone)
{
    struct service s = collect("16");
    const char *args[] = {"logd", 0};
    struct log log = open_log();
    struct log_reader r = join();
    struct log_line line = next_line(&r);
    long second = start(args);

    CHECK_EQ(JOIN(second), 1); // the name is taken
    CHECK_EQ(say(&log, "last"), 0);
    await_text("last");
    kill_server(s.server);
    CHECK_ERR(say(&log, "too late"), E_PIPE);
    log_close(&log);
    CHECK_EQ(log_next(&r, &line, FOREVER), 0);
    CHECK(is_text(&line, "last"));
    CHECK_ERR(log_next(&r, &line, FOREVER), E_PIPE);
    CHECK_ERR(log_join(&r), E_NOENT);
    s.server = start(args);
    log = open_log();
    CHECK_EQ(say(&log, "new"), 0);
    CHECK_EQ(log_join(&r), 0);
    line = next_line(&r);
    CHECK_EQ(line.record.number, 0);
    line = next_line(&r);
    CHECK(is_text(&line, "new"));
    log_leave(&r);
    end_service(&s);
}

// When nobody is left who could write, logd ends by itself, whatever it was
// sent before.
TEST(ends_with_the_lobby)
{
    struct service s = collect("16");
    struct log log = open_log();
    const uint64_t normal = MSG_OPT(PRIO_NORMAL, 0);
    handle_t q = (handle_t)queue_create(1, 8, 0);

    CHECK_EQ(
        queue_send_handle(log.queue, s.lobby, RIGHT_WRITE, normal, FOREVER), 0);
    CHECK_EQ(queue_send_handle(q, s.lobby, RIGHT_WRITE, normal, NOW), 0);
    CHECK_EQ(queue_send_handle(log.queue, q, RW, normal, FOREVER), 0);
    CHECK_EQ(say(&log, "a line"), 0);
    log_close(&log);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(handle_close(s.lobby), 0);
    CHECK_EQ(JOIN(s.server), 0);
    while (wait(-1, 0, FOREVER) > 0)
        continue;
}

TEST_MAIN()
