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
#include <weir.h>

#define LINE_BYTES   4096
#define WORDS_MAX    256
#define COMMANDS_MAX 16
#define PIPE_RING    16
#define PIPE_BYTES   1024
#define PROCS_MAX    512

#define STATUS_USAGE     2
#define STATUS_NOT_RUN   126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL    128 /* plus what signal a Unix would have used */

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

struct pipeline {
    char *words[WORDS_MAX + COMMANDS_MAX]; /* each command's end in a null */
    char **commands[COMMANDS_MAX];
    int count;
    bool background;
    const char *source; /* where in the line it began */
    size_t source_len;
    char text[LINE_BYTES]; /* what the words point to */
};

static handle_t power = -1; /* the SYSTEM object, for poweroff */
static bool interactive;
static int last_status;
static int32_t last_background;
static struct job *jobs;

/* --- parsing --- */

struct parser {
    const char *at;
    char *to;  /* the next free byte of the pipeline's text */
    char *end; /* and the first that is not the text's any more */
    const char *error;
};

static bool
is_end_of_word(char c)
{
    return c == 0 || isspace(c) || c == '|' || c == ';' || c == '&';
}

static void
skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
        p->at++;
    if (*p->at == '#')
        while (*p->at && *p->at != '\n')
            p->at++;
}

static void
put(struct parser *p, char c)
{
    if (p->to < p->end)
        *p->to++ = c;
    else
        p->error = "too long";
}

/* `$?` and `$!`; any other dollar stands for itself. */
static void
expand(struct parser *p)
{
    char digits[16];
    char what = p->at[1];

    p->at++;
    if (what != '?' && what != '!') {
        put(p, '$');
        return;
    }
    p->at++;
    snprintf(digits, sizeof(digits), "%d",
             what == '?' ? last_status : last_background);
    for (char *d = digits; *d; d++)
        put(p, *d);
}

/* What is between two quotes; p->at is at the first. */
static void
parse_quoted(struct parser *p)
{
    char quote = *p->at++;

    while (*p->at && *p->at != quote) {
        if (quote == '"' && *p->at == '$') {
            expand(p);
            continue;
        }
        if (quote == '"' && *p->at == '\\' && p->at[1] &&
            strchr("\"\\$", p->at[1]))
            p->at++;
        put(p, *p->at++);
    }
    if (*p->at == quote)
        p->at++;
    else
        p->error = "quote without an end";
}

static char *
parse_word(struct parser *p)
{
    char *word = p->to;

    while (!is_end_of_word(*p->at) && !p->error) {
        if (*p->at == '\'' || *p->at == '"') {
            parse_quoted(p);
        } else if (*p->at == '$') {
            expand(p);
        } else if (*p->at == '<' || *p->at == '>') {
            p->error = "there are no files to read from or write to";
        } else {
            if (*p->at == '\\' && p->at[1])
                p->at++;
            put(p, *p->at++);
        }
    }
    put(p, 0);
    return word;
}

/* The words of one command, with a null behind them; false if there are none.*/
static bool
parse_command(struct parser *p, struct pipeline *line, int *word_count)
{
    int first = *word_count;

    for (;;) {
        skip_blanks(p);
        if (p->error || is_end_of_word(*p->at))
            break;
        if (*word_count >= WORDS_MAX) {
            p->error = "too many words";
            break;
        }
        line->words[(*word_count)++] = parse_word(p);
    }
    if (p->error || *word_count == first)
        return false;
    line->commands[line->count++] = line->words + first;
    line->words[(*word_count)++] = 0;
    return true;
}

/*
 * One pipeline and what ends it. An empty one has no commands: that is right
 * between two newlines, and wrong before `|` and `&`.
 */
static void
parse_pipeline(struct parser *p, struct pipeline *line)
{
    int word_count = 0;

    line->count = 0;
    line->background = false;
    p->to = line->text;
    p->end = line->text + sizeof(line->text);
    skip_blanks(p);
    line->source = p->at;
    while (parse_command(p, line, &word_count) && *p->at == '|') {
        p->at++;
        if (line->count == COMMANDS_MAX)
            p->error = "too many commands";
        skip_blanks(p);
        if (is_end_of_word(*p->at))
            p->error = "a command is missing";
    }
    line->source_len = (size_t)(p->at - line->source);
    if ((*p->at == '|' || *p->at == '&') && line->count == 0)
        p->error = "a command is missing";
    if (*p->at == '&' && p->at[1] == '&')
        p->error = "there is no &&";
    line->background = *p->at == '&';
    if (*p->at)
        p->at++;
}

/* --- jobs --- */

static struct job *
new_job(const struct pipeline *line)
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

static void
drop_job(struct job *job)
{
    struct job **link = &jobs;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    free(job);
}

static int
status_of(const struct exit_info *info)
{
    if (info->reason == EXIT_FAULT)
        return STATUS_SIGNAL + 11;
    if (info->reason == EXIT_KILLED)
        return STATUS_SIGNAL + 9;
    return (int)info->code;
}

static void
note_member(struct job *job, int member, const struct exit_info *info)
{
    job->pids[member] = 0;
    job->running--;
    job->killed |= info->reason == EXIT_KILLED;
    if (info->pid == job->last)
        job->status = status_of(info);
}

/* Writes down that a child has ended; others' orphans are nobody's (S1). */
static void
note_ended(const struct exit_info *info)
{
    for (struct job *job = jobs; job; job = job->next)
        for (int i = 0; i < job->count; i++)
            if (job->pids[i] == info->pid)
                note_member(job, i, info);
}

/* Reaps whatever has ended, without waiting. */
static void
reap(void)
{
    struct exit_info info;

    while (wait(-1, &info, 0) > 0)
        note_ended(&info);
}

static void
kill_members(const struct job *job)
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
static int
list_living(struct kin *kin, int max)
{
    struct proc_info info = {.pid = 0};
    int count = 0;

    while (count < max && proc_info(-((long)info.pid + 1), &info) >= 0)
        if (info.state != PROC_ENDED)
            kin[count++] = (struct kin){info.pid, info.parent};
    return count;
}

/* The child of ours that this process descends from, or is; else 0. */
static int32_t
our_child_above(const struct kin *kin, int count, int at)
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

/*
 * Kills all that descends from children with a pid of at least `first`: the
 * pipeline that began with it, what its members have started, and what came to
 * this shell when they died. Some may have forked before they were killed, so
 * it goes on until none is left, or for a while.
 */
static void
kill_strays(int32_t first)
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
static void
await_job(struct job *job)
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

/* "%2" is job 2, "17" the job in which process 17 is. */
static struct job *
find_job(const char *word)
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

/* Before a prompt: tells which jobs have ended, and forgets them. */
static void
report_ended(void)
{
    struct job *next;

    reap();
    for (struct job *job = jobs; interactive && job; job = next) {
        next = job->next;
        if (job->running > 0)
            continue;
        printf("[%d] ended with %d: %s\n", job->number, job->status, job->text);
        drop_job(job);
    }
}

/* --- builtins: each gives its status --- */

static int
complain(const char *who, const char *what, const char *why)
{
    dprintf(STDERR, "sh: %s: %s%s%s\n", who, what ? what : "", what ? ": " : "",
            why);
    return 1;
}

static int
builtin_exit(char **words)
{
    exit(words[1] ? atoi(words[1]) : last_status);
}

static int
builtin_poweroff(char **words)
{
    if (power < 0)
        return complain(words[0], 0, "only the first shell can");
    return (int)-shutdown(power, words[1] ? atoi(words[1]) : 0);
}

static int
builtin_wait(char **words)
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

static int
builtin_kill(char **words)
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

static int
builtin_jobs(char **words)
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

static int
builtin_help(char **words)
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

static const struct builtin *
find_builtin(const char *name)
{
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return 0;
}

/* --- running --- */

/* Puts `from` in the place of a standard stream. */
static void
move_handle(handle_t from, int slot)
{
    if (from < 0)
        return;
    handle_dup_at(from, slot);
    handle_close(from);
}

/* A queue's two ends, each with just its right; negative if there is none. */
static long
make_pipe(handle_t *read_end, handle_t *write_end)
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
static void
close_input(void)
{
    handle_t read_end, write_end;

    handle_close(STDIN);
    if (make_pipe(&read_end, &write_end) < 0)
        return;
    move_handle(read_end, STDIN);
    handle_close(write_end);
}

static void
become(char **words)
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
static long
start_member(char **words, handle_t in, handle_t out, handle_t other,
             bool no_input)
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
static long
start_job(struct job *job, const struct pipeline *line)
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
static int
run_job(const struct pipeline *line)
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

static void
run_pipeline(const struct pipeline *line)
{
    const struct builtin *builtin = find_builtin(line->words[0]);

    if (line->count == 1 && !line->background && builtin)
        last_status = builtin->run(line->commands[0]);
    else
        last_status = run_job(line);
    reap();
}

/* Runs all that is in a text; stops at the first mistake. */
static void
run_text(const char *text)
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

static void
run_input(void)
{
    char line[LINE_BYTES];
    long n;

    for (;;) {
        report_ended();
        if (interactive)
            write_out(STDOUT, "$ ", 2);
        n = getline(line, sizeof(line));
        if (n <= 0)
            break;
        run_text(line);
    }
    if (interactive)
        write_out(STDOUT, "\n", 1);
}

/* Of all queues only the console's comes with the right to hand it on. */
static bool
is_console(handle_t h)
{
    struct handle_info info;

    return handle_info(h, &info) == 0 &&
           info.rights == (RIGHT_READ | RIGHT_GRANT);
}

int
main(int argc, char **argv)
{
    int at = 1;

    if (at < argc && strncmp(argv[at], "--system=", 9) == 0)
        power = (handle_t)strtol(argv[at++] + 9, 0, 10);
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
