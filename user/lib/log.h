/*
 * The log, as its writers and readers see it. `logd` has a queue, its door in
 * the lobby: a message in there is a line of the log, and a handle in there is
 * a reader's box. The log itself is an AppendOnly region that readers share.
 *
 * A writer never waits longer than it wants to: what finds the queue full is
 * dropped and counted, and its next message says so, in its tag.
 *
 * A reader is sent descriptors of what is appended. They say that there is
 * something new, and in which region; what is there, the region says: all up to
 * its cursor. So none is needed when the box is full.
 */
#pragma once

#include "weir.h"

#define LOG_NAME     "log"
#define LOG_TEXT_MAX 256u
#define LOG_MORE     1u /* tag of a descriptor: another region follows */

struct log_record {  /* in the region, the text behind it */
    uint64_t number; /* of the message, since logd has begun */
    uint64_t ns;     /* when it was sent */
    int32_t pid;     /* who has sent it */
    uint32_t lost;   /* so many before it were dropped by who has sent it */
    uint32_t length; /* of the text */
    uint32_t size;   /* of the record with its text, a multiple of 8 */
};

_Static_assert(sizeof(struct log_record) == 32, "");

struct log_line {
    struct log_record record;
    char text[LOG_TEXT_MAX]; /* no 0 at its end */
};

/* --- writing -------------------------------------------------------------- */

struct log {
    handle_t queue;
    uint32_t lost; /* dropped since the last that was sent */
};

/* Returns: 0; -E_NOENT: nobody collects, for a second; -E_code. */
long log_open(struct log *log);
void log_close(struct log *log);

/* Returns: 0; -E_MSGSIZE: above LOG_TEXT_MAX; -E_AGAIN, -E_TIMEDOUT: dropped
 * and counted; -E_PIPE: logd is gone. */
long log_send(struct log *log, const char *text, uint64_t length,
              uint64_t timeout);

/* --- reading -------------------------------------------------------------- */

struct log_reader {
    handle_t box;
    handle_t region, next; /* that is read, that will be; -1: none */
    uint64_t offset;       /* in the region */
    uint64_t number;       /* of the next record */
    uint64_t missed;       /* records that were gone before they were read */
    bool more;             /* than this region, from before it joined */
};

#define LOG_READER ((struct log_reader){-1, -1, -1, 0, 0, 0, true})

/* Sends a box to logd; again after -E_PIPE, and what was read stays so.
 * Returns: 0; -E_NOENT; -E_code. */
long log_join(struct log_reader *reader);
void log_leave(struct log_reader *reader);

/* The next record. With timeout 0 it waits for what was there when it joined,
 * and for nothing else. Returns: 0; -E_AGAIN, -E_TIMEDOUT: no more so far;
 * -E_PIPE: logd is gone, or has had enough of a slow reader. */
long log_next(struct log_reader *reader, struct log_line *out,
              uint64_t timeout);
