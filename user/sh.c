/*
 * sh [-c COMMANDS]: the shell.
 *
 *   line      pipelines, each ended by `;`, `&` or the end of the line
 *   pipeline  commands with `|` between them: the output of each is the input
 *             of the next, through a queue
 *   command   words; '...' takes all as it is, "..." all but $? $! and \,
 *             \ takes the next character as it is; # starts a comment
 *
 * A pipeline's status is that of its last command: its exit code, 128 + 11 if
 * it faulted, 128 + 9 if it was killed, 127 if there is no such program. The
 * shell's own is that of the last pipeline. A program that is killed does not
 * stop the commands behind it: whoever wants to stop them all kills the shell.
 *
 * S1 Children, however they came here, are reaped in note_ended() only: the
 *    shell's own are in the list of jobs, others were orphaned by those.
 * S2 Only this process holds the SYSTEM handle: every child closes it first.
 * S3 Ctrl-C makes the kernel kill the process that the shell waits for. The
 *    shell then kills the rest of that pipeline with all its descendants.
 */
#include <lobby.h>
#include "sh.h"

#define PIPE_RING  16
#define PIPE_BYTES 1024

int last_status;
int32_t last_background;
static handle_t power = -1; /* the SYSTEM object, for poweroff */
static bool interactive;

/* --- builtins: each gives its status --- */

static int complain(const char *who, const char *what, const char *why)
{
    dprintf(STDERR, "sh: %s: %s%s%s\n", who, what ? what : "", what ? ": " : "",
            why);
    return 1;
}

static int builtin_exit(char **words)
{
    exit(words[1] ? atoi(words[1]) : last_status);
}

static int builtin_poweroff(char **words)
{
    if (power < 0)
        return complain(words[0], 0, "only the first shell can");
    return (int)-shutdown(power, words[1] ? atoi(words[1]) : 0);
}

static int builtin_wait(char **words)
{
    int status = 0;
    struct job *job;

    if (!words[1]) {
        while (jobs) {
            await_job(jobs);
            drop_job(jobs);
        }
        return 0;
    }
    for (words++; *words; words++) {
        job = find_job(*words);
        if (!job) {
            complain("wait", *words, "no such job");
            status = STATUS_NOT_FOUND;
            continue;
        }
        await_job(job);
        status = job->status;
        drop_job(job);
    }
    return status;
}

static int builtin_kill(char **words)
{
    int status = 0;
    struct job *job;
    long error;

    // There is one way to be killed: `kill -9 17` says no more than `kill 17`.
    if (words[1] && words[1][0] == '-')
        words++;
    if (!words[1])
        return complain("kill", 0, "whom? A pid, or %job");
    for (words++; *words; words++) {
        job = **words == '%' ? find_job(*words) : 0;
        error = **words == '%' ? -E_SRCH : kill(strtol(*words, 0, 10));
        if (job)
            kill_members(job);
        else if (error < 0)
            status = complain("kill", *words, err_name(error));
    }
    return status;
}

static int builtin_jobs(char **words)
{
    (void)words;
    reap();
    for (struct job *job = jobs; job; job = job->next) {
        printf("[%d] %d ", job->number, job->last);
        if (job->running > 0)
            printf("running: %s\n", job->text);
        else
            printf("ended with %d: %s\n", job->status, job->text);
    }
    return 0;
}

static int builtin_help(char **words)
{
    (void)words;
    printf("a | b   the output of a is the input of b\n"
           "a ; b   one after the other          a &  do not wait for it\n"
           "$?      the last status              $!   the last pid after &\n"
           "jobs    what runs after &            wait [%%JOB|PID]...\n"
           "kill [%%JOB|PID]...                   exit [STATUS]\n"
           "poweroff [STATUS]                    ls   lists the programs\n"
           "Ctrl-C ends the program, Ctrl-D the input; Ctrl-A x leaves QEMU\n");
    return 0;
}

static const struct builtin {
    char name[12];
    int (*run)(char **words);
} builtins[] = {
    {"exit", builtin_exit}, {"poweroff", builtin_poweroff},
    {"wait", builtin_wait}, {"kill", builtin_kill},
    {"jobs", builtin_jobs}, {"help", builtin_help},
};

static const struct builtin *find_builtin(const char *name)
{
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return 0;
}

/* --- running --- */

/* Puts `from` in the place of a standard stream. */
static void move_handle(handle_t from, int slot)
{
    if (from < 0)
        return;
    handle_dup_at(from, slot);
    handle_close(from);
}

/* A queue's two ends, each with just its right; negative if there is none. */
static long make_pipe(handle_t *read_end, handle_t *write_end)
{
    long queue = queue_create(PIPE_RING, PIPE_BYTES, 0);

    if (queue < 0)
        return queue;
    *read_end = (handle_t)handle_dup((handle_t)queue, RIGHT_READ, 0);
    *write_end = (handle_t)handle_dup((handle_t)queue, RIGHT_WRITE, 0);
    handle_close((handle_t)queue);
    return *read_end < 0 ? *read_end : *write_end < 0 ? *write_end : 0;
}

/* Input that is at its end: a queue that nobody can write to. */
static void close_input(void)
{
    handle_t read_end, write_end;

    handle_close(STDIN);
    if (make_pipe(&read_end, &write_end) < 0)
        return;
    move_handle(read_end, STDIN);
    handle_close(write_end);
}

static void become(char **words)
{
    const struct builtin *builtin = find_builtin(words[0]);
    long error;

    handle_close(power);
    power = -1;
    interactive = false;
    if (builtin)
        exit(builtin->run(words));
    error = exec(words[0], words);
    complain(words[0], 0, error == -E_NOENT ? "not found" : err_name(error));
    exit(error == -E_NOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN);
}

/* Starts one member between the queues given; returns its pid. */
static long start_member(char **words, handle_t in, handle_t out,
                         handle_t other, bool no_input)
{
    long pid = fork();

    if (pid != 0)
        return pid;
    // The input of the next member: as long as we had it, we would read it.
    if (other >= 0)
        handle_close(other);
    if (no_input)
        close_input();
    move_handle(in, STDIN);
    move_handle(out, STDOUT);
    become(words);
    return 0;
}

/* Starts all members; those that run already when one does not start, die. */
static long start_job(struct job *job, const struct pipeline *line)
{
    handle_t in = -1, out = -1, next = -1;
    long pid = 0;

    for (int i = 0; i < line->count && pid >= 0; i++) {
        if (i + 1 < line->count)
            pid = make_pipe(&next, &out);
        if (pid >= 0)
            pid = start_member(line->commands[i], in, out, next,
                               line->background && i == 0);
        if (pid > 0) {
            job->pids[job->count++] = (int32_t)pid;
            job->running++;
            job->last = (int32_t)pid;
            if (i == 0)
                job->first = (int32_t)pid;
        }
        if (in >= 0)
            handle_close(in);
        if (out >= 0)
            handle_close(out);
        in = next;
        out = next = -1;
    }
    if (in >= 0)
        handle_close(in);
    if (pid < 0)
        kill_members(job);
    return pid;
}

/* Runs a pipeline of programs; returns its status, 0 for one behind `&`. */
static int run_job(const struct pipeline *line)
{
    struct job *job = new_job(line);
    int status;
    long error;

    if (!job)
        return complain("cannot start", 0, err_name(E_NOMEM));
    error = start_job(job, line);
    if (error >= 0 && line->background) {
        last_background = job->last;
        if (interactive)
            printf("[%d] %d\n", job->number, job->last);
        return 0;
    }
    await_job(job);
    status = job->status;
    if (job->killed && job->count > 0)
        kill_strays(job->first);
    drop_job(job);
    if (error < 0)
        return complain("cannot start", 0, err_name(error));
    return status;
}

static void run_pipeline(const struct pipeline *line)
{
    const struct builtin *builtin = find_builtin(line->words[0]);

    if (line->count == 1 && !line->background && builtin)
        last_status = builtin->run(line->commands[0]);
    else
        last_status = run_job(line);
    reap();
}

/* Runs all that is in a text; stops at the first mistake. */
static void run_text(const char *text)
{
    struct parser p = {.at = text};
    struct pipeline line;

    while (*p.at) {
        parse_pipeline(&p, &line);
        if (p.error) {
            last_status = STATUS_USAGE;
            complain("syntax", 0, p.error);
            return;
        }
        if (line.count > 0)
            run_pipeline(&line);
    }
}

static void run_input(void)
{
    char line[LINE_BYTES];
    long n;

    for (;;) {
        reap();
        if (interactive) {
            report_ended();
            write_out(STDOUT, "$ ", 2);
        }
        n = getline(line, sizeof(line));
        if (n <= 0)
            break;
        run_text(line);
    }
    if (interactive)
        write_out(STDOUT, "\n", 1);
}

/* Of all queues only the console's comes with the right to hand it on. */
static bool is_console(handle_t h)
{
    struct handle_info info;

    return handle_info(h, &info) == 0 &&
           info.rights == (RIGHT_READ | RIGHT_GRANT);
}

int main(int argc, char **argv)
{
    int at = 1;

    if (at < argc && strncmp(argv[at], "--system=", 9) == 0)
        power = (handle_t)strtol(argv[at++] + 9, 0, 10);
    // What it starts meets there; a shell in a shell has it from above.
    if (lobby_find() < 0)
        lobby_start(power);
    if (at == argc) {
        interactive = is_console(STDIN);
        run_input();
    } else if (at + 1 < argc && strcmp(argv[at], "-c") == 0) {
        run_text(argv[at + 1]);
    } else {
        dprintf(STDERR, "usage: sh [-c COMMANDS]\n");
        return STATUS_USAGE;
    }
    return last_status;
}
