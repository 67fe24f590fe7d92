/*
 * init: the first process. The kernel starts it with the console as handles 0,
 * 1, 2 and the SYSTEM object as handle 3.
 *
 * With `run=NAME ARG...` at the end of the boot arguments it runs that program
 * and ends the machine with its exit status; else it runs the shell, and ends
 * the machine when the shell ends.
 */
#include <weir.h>

#define SYSTEM    3
#define ARGS_MAX  64
#define NOT_FOUND 127 /* what shells say of a program that does not start */

/* Statuses that lab-tests/run has for itself; see ABI.md, section 9. */
#define FIRST_RESERVED 124
#define LAST_RESERVED  126
#define PROGRAMS_OWN   123

/* What follows `run=` in the boot arguments, or null. */
static char *find_command(char *args)
{
    for (char *at = args; (at = strstr(at, "run=")) != 0; at++)
        if (at == args || isspace(at[-1]))
            return at + 4;
    return 0;
}

/*
 * Cuts a line into words, in place. Single and double quotes group what is in
 * them and vanish, also in the middle of a word.
 *
 * Returns: the number of words, or -E_2BIG.
 */
static int split(char *line, char **words)
{
    char *to = line;
    int count = 0;

    for (;;) {
        char quote = 0;

        while (isspace(*line))
            line++;
        if (!*line)
            break;
        if (count == ARGS_MAX)
            return -E_2BIG;
        words[count++] = to;
        for (; *line && (quote || !isspace(*line)); line++) {
            if (*line == quote)
                quote = 0;
            else if (!quote && (*line == '\'' || *line == '"'))
                quote = *line;
            else
                *to++ = *line;
        }
        // The 0 may land on the blank: step over it first.
        if (*line)
            line++;
        *to++ = 0;
    }
    words[count] = 0;
    return count;
}

/* In the child: becomes that program, with no SYSTEM handle. */
static void become(char **argv)
{
    long error;

    handle_close(SYSTEM);
    error = exec(argv[0], argv);
    dprintf(STDERR, "init: %s: %s\n", argv[0], err_name(error));
    exit(NOT_FOUND);
}

/* Waits for one child; those that came here as orphans pass by. */
static int status_of(long child)
{
    struct exit_info info;
    long pid;

    do
        pid = wait(-1, &info, TIMEOUT_FOREVER);
    while (pid >= 0 && pid != child);
    if (pid < 0)
        return NOT_FOUND;
    if (info.reason == EXIT_FAULT)
        return 128 + 11;
    if (info.reason == EXIT_KILLED)
        return 128 + 9;
    if (info.code >= FIRST_RESERVED && info.code <= LAST_RESERVED)
        return PROGRAMS_OWN;
    return (int)info.code;
}

static int run_program(char *command)
{
    char *words[ARGS_MAX + 1];
    long pid;

    if (split(command, words) <= 0) {
        dprintf(STDERR, "init: run=: no command, or too many words\n");
        return NOT_FOUND;
    }
    pid = fork();
    if (pid == 0)
        become(words);
    return status_of(pid);
}

/* The shell gets a handle of its own with which it can end the machine. */
static int run_shell(void)
{
    char option[32];
    char name[] = "sh";
    char *words[] = {name, option, 0};
    handle_t power = (handle_t)handle_dup(SYSTEM, RIGHT_WRITE, 0);
    long pid;

    snprintf(option, sizeof(option), "--system=%d", power);
    pid = fork();
    if (pid == 0)
        become(words);
    handle_close(power);
    return status_of(pid);
}

int main(void)
{
    struct sys_info info;
    char *command;
    int status;

    if (sys_info(&info) < 0)
        return 1;
    info.args[sizeof(info.args) - 1] = 0;
    command = find_command(info.args);
    status = command ? run_program(command) : run_shell();
    shutdown(SYSTEM, status);
    return status;
}
