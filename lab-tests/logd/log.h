/* What the tests of the log share. */
#pragma once

#include "../service.h"
#include <log.h>

struct service {
    handle_t lobby;
    long server;
};

/* A logd with pages of so many KiB. */
static inline struct service collect(const char *kib)
{
    const char *args[] = {"logd", kib, 0};
    struct service s = {open_lobby(), 0};

    s.server = start(args);
    return s;
}

static inline void end_service(struct service *s)
{
    kill_server(s->server);
    close_lobby(s->lobby);
}

/* Its patience is no longer than a user's: a busy host may take more. */
static inline struct log open_log(void)
{
    struct log log;
    long error = -E_NOENT;

    for (int i = 0; i < SETTLE_MS / 1000 && error == -E_NOENT; i++)
        error = log_open(&log);
    CHECK_EQ(error, 0);
    return log;
}

static inline struct log_reader join(void)
{
    struct log_reader r = LOG_READER;
    long error = -E_NOENT;

    for (int i = 0; i < SETTLE_MS / 1000 && error == -E_NOENT; i++)
        error = log_join(&r);
    CHECK_EQ(error, 0);
    return r;
}

/* The next record; who is sent away comes again. */
static inline struct log_line next_line(struct log_reader *r)
{
    struct log_line line;
    long error;

    while ((error = log_next(r, &line, MS(SETTLE_MS))) == -E_PIPE)
        CHECK_EQ(log_join(r), 0);
    CHECK_EQ(error, 0);
    return line;
}

static inline long say(struct log *log, const char *text)
{
    return log_send(log, text, strlen(text), FOREVER);
}

static inline bool is_text(const struct log_line *line, const char *text)
{
    return line->record.length == strlen(text) &&
           memcmp(line->text, text, line->record.length) == 0;
}

/* Waits until this is the last line of the log. */
static inline void await_text(const char *text)
{
    struct log_line line = {0};

    while (!is_text(&line, text)) {
        struct log_reader r = join();

        while (log_next(&r, &line, NOW) == 0)
            continue;
        log_leave(&r);
    }
}

/* Sends lines `count` times: their number, and bytes that it tells. */
static inline void send_numbers(struct log *log, uint32_t count)
{
    uint64_t line[LOG_TEXT_MAX / 8];

    for (uint32_t i = 0; i < count; i++) {
        uint64_t length = 8 + i % (LOG_TEXT_MAX - 7);

        memset(line, (int)(i % 251), sizeof(line));
        line[0] = i;
        CHECK_EQ(log_send(log, (char *)line, length, FOREVER), 0);
    }
}

/* The number of such a line; -1 for another one. A spoilt one fails. */
static inline long number_in(const struct log_line *line)
{
    uint64_t i;

    if (line->record.number == 0)
        return -1; // logd's own
    memcpy(&i, line->text, 8);
    CHECK_EQ(line->record.length, 8 + i % (LOG_TEXT_MAX - 7));
    for (uint32_t n = 8; n < line->record.length; n++)
        CHECK_EQ((uint8_t)line->text[n], i % 251);
    return (long)i;
}
