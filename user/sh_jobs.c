/*
 * The pipelines that were started and not yet forgotten, and their ends (S1,
 * S3).
 */
#include "sh.h"

#define PROCS_MAX 512

struct job *jobs;

struct job *new_job(const struct pipeline *line)
{
    struct job *job = calloc(1, sizeof(*job));
    size_t len = line->source_len;

    if (!job)
        return 0;
    if (len > sizeof(job->text) - 1)
        len = sizeof(job->text) - 1;
    memcpy(job->text, line->source, len);
    while (len > 0 && isspace(job->text[len - 1]))
        job->text[--len] = 0;
    for (struct job *j = jobs; j; j = j->next)
        if (j->number > job->number)
            job->number = j->number;
    job->number++;
    job->next = jobs;
    jobs = job;
    return job;
}

void drop_job(struct job *job)
{
    struct job **link = &jobs;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    free(job);
}

static int status_of(const struct exit_info *info)
{
    if (info->reason == EXIT_FAULT)
        return STATUS_SIGNAL + 11;
    if (info->reason == EXIT_KILLED)
        return STATUS_SIGNAL + 9;
    return (int)info->code;
}

static void note_member(struct job *job, int member,
                        const struct exit_info *info)
{
    job->pids[member] = 0;
    job->running--;
    job->killed |= info->reason == EXIT_KILLED;
    if (info->pid == job->last)
        job->status = status_of(info);
}

/* Writes down that a child has ended; others' orphans are nobody's (S1). */
static void note_ended(const struct exit_info *info)
{
    for (struct job *job = jobs; job; job = job->next)
        for (int i = 0; i < job->count; i++)
            if (job->pids[i] == info->pid)
                note_member(job, i, info);
}

void reap(void)
{
    struct exit_info info;

    while (wait(-1, &info, 0) > 0)
        note_ended(&info);
}

void kill_members(const struct job *job)
{
    for (int i = 0; i < job->count; i++)
        if (job->pids[i])
            kill(job->pids[i]);
}

/* What the hunt for strays wants to know of a process. */
struct kin {
    int32_t pid, parent;
};

/* The living processes, in the order of their pids; returns how many. */
static int list_living(struct kin *kin, int max)
{
    struct proc_info info = {.pid = 0};
    int count = 0;

    while (count < max && proc_info(-((long)info.pid + 1), &info) >= 0)
        if (info.state != PROC_ENDED)
            kin[count++] = (struct kin){info.pid, info.parent};
    return count;
}

/* The child of ours that this process descends from, or is; else 0. */
static int32_t our_child_above(const struct kin *kin, int count, int at)
{
    int32_t self = (int32_t)getpid();

    // The list may be torn: whoever goes up `count` times goes in a circle.
    for (int steps = 0; steps < count; steps++) {
        int up = 0;

        if (kin[at].parent == self)
            return kin[at].pid;
        while (up < count && kin[up].pid != kin[at].parent)
            up++;
        if (up == count)
            return 0;
        at = up;
    }
    return 0;
}

/* Some of them may fork before they are killed, so it goes on until none is
 * left, or for a while. */
void kill_strays(int32_t first)
{
    struct kin kin[PROCS_MAX];
    bool found = true;

    for (int round = 0; found && round < 1000; round++) {
        int count = list_living(kin, PROCS_MAX);

        found = false;
        for (int i = 0; i < count; i++) {
            if (our_child_above(kin, count, i) >= first) {
                kill(kin[i].pid);
                found = true;
            }
        }
        reap();
        if (found)
            yield();
    }
}

/*
 * Waits until all members have ended. The last one comes first: its end is
 * what the user waits for, and the one that Ctrl-C kills (S3).
 */
void await_job(struct job *job)
{
    struct exit_info info;

    for (int i = job->count - 1; i >= 0; i--) {
        while (job->pids[i]) {
            if (wait(job->pids[i], &info, TIMEOUT_FOREVER) < 0)
                break;
            note_ended(&info);
            if (job->killed)
                kill_members(job);
        }
    }
}

struct job *find_job(const char *word)
{
    int number = atoi(*word == '%' ? word + 1 : word);

    for (struct job *job = jobs; job; job = job->next) {
        if (*word == '%' ? job->number == number : job->last == number)
            return job;
        for (int i = 0; *word != '%' && i < job->count; i++)
            if (job->pids[i] == number)
                return job;
    }
    return 0;
}

void report_ended(void)
{
    struct job *next;

    for (struct job *job = jobs; job; job = next) {
        next = job->next;
        if (job->running > 0)
            continue;
        printf("[%d] ended with %d: %s\n", job->number, job->status, job->text);
        drop_job(job);
    }
}
