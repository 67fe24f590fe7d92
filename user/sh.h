/* What the files of the shell share. */
#pragma once

#include <weir.h>

#define LINE_BYTES   4096
#define WORDS_MAX    256
#define COMMANDS_MAX 16

#define STATUS_USAGE     2
#define STATUS_NOT_RUN   126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL    128 /* plus what signal a Unix would have used */

/* What `$?` and `$!` stand for. */
extern int last_status;
extern int32_t last_background;

/* --- sh_parse.c --- */

struct parser {
    const char *at;
    char *to;  /* the next free byte of the pipeline's text */
    char *end; /* and the first that is not the text's any more */
    const char *error;
};

struct pipeline {
    char *words[WORDS_MAX + COMMANDS_MAX]; /* each command's end in a null */
    char **commands[COMMANDS_MAX];
    int count;
    bool background;
    const char *source; /* where in the line it began */
    size_t source_len;
    char text[LINE_BYTES]; /* what the words point to */
};

/*
 * Takes the next pipeline and what ends it off the text; p->error says what is
 * wrong with it. An empty one has no commands: that is right between two
 * newlines, and wrong before `|` and `&`.
 */
void parse_pipeline(struct parser *p, struct pipeline *line);

/* --- sh_jobs.c --- */

struct job {
    struct job *next;
    int number;
    int count;                  /* members */
    int running;                /* of them */
    int32_t pids[COMMANDS_MAX]; /* 0: ended and reaped */
    int32_t first;              /* pid of the first member */
    int32_t last; /* pid of the last member, whose status counts */
    int status;
    bool killed; /* one of the members was */
    char text[64];
};

extern struct job *jobs; /* the youngest first */

/* A job without members for this pipeline; null without memory. */
struct job *new_job(const struct pipeline *line);
void drop_job(struct job *job);

/* "%2" is job 2, "17" the job in which process 17 is; null if there is none. */
struct job *find_job(const char *word);

/* Reaps whatever has ended, without waiting. */
void reap(void);

/* Waits until all members have ended. */
void await_job(struct job *job);

void kill_members(const struct job *job);

/*
 * Kills all that descends from children with a pid of at least `first`: the
 * pipeline that began with it, what its members have started, and what came to
 * this shell when they died.
 */
void kill_strays(int32_t first);

/* Tells which jobs have ended and were reaped, and forgets them. */
void report_ended(void);
