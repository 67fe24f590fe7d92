/*
 * init: the first process. The kernel starts it with the console as handles 0,
 * 1, 2 and the SYSTEM object as handle 3.
 *
 * With `run=NAME ARG...` at the end of the boot arguments it runs that program
 * and ends the machine with its exit status; else it runs the shell, and ends
 * the machine when the shell ends.
 *
 * Before, it starts drivers, and waits until each one serves: those named by
 * `drivers=NAME,NAME...` in the boot arguments; without that rtcd, for the
 * shell and for rtc. A driver gets a SYSTEM handle with RIGHT_EXECUTE alone;
 * nobody else gets that. If the program that is to run is named, it gets one,
 * too, in a last argument.
 */
#include <weir.h>

#define SYSTEM     3
#define ARGS_MAX   64
#define NOT_FOUND  127 /* what shells say of a program that does not start */
#define OPTION_MAX 32
#define READY_NS   10000000000ull /* how long a driver has to become ready */

/* Statuses that lab-tests/run has for itself; see ABI.md, section 9. */
#define FIRST_RESERVED 124
#define LAST_RESERVED  126
#define PROGRAMS_OWN   123

/* What follows `name` at the beginning of a boot argument, or null. */
static char *find_argument(char *args, const char *name)
{
    for (char *at = args; (at = strstr(at, name)) != 0; at++)
        if (at == args || isspace(at[-1]))
            return at + strlen(name);
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

/* Waits for one child and no other: Ctrl-C is not for drivers. */
static int status_of(long child)
{
    struct exit_info info;

    if (wait(child, &info, TIMEOUT_FOREVER) < 0)
        return NOT_FOUND;
    if (info.reason == EXIT_FAULT)
        return 128 + 11;
    if (info.reason == EXIT_KILLED)
        return 128 + 9;
    if (info.code >= FIRST_RESERVED && info.code <= LAST_RESERVED)
        return PROGRAMS_OWN;
    return (int)info.code;
}

/* A SYSTEM handle for a driver, and the option that tells it. */
static handle_t driver_handle(char option[OPTION_MAX])
{
    handle_t system = (handle_t)handle_dup(SYSTEM, RIGHT_EXECUTE, 0);

    snprintf(option, OPTION_MAX, "--system=%d", system);
    return system;
}

/* In a child, whose own child the driver is at first: starts it, and waits
 * until it has closed its end of a queue. */
static void be_starter(char *name)
{
    char option[OPTION_MAX], ready_option[OPTION_MAX];
    char *words[] = {name, option, ready_option, 0};
    handle_t q = (handle_t)queue_create(1, 1, 0);
    handle_t its_end = (handle_t)handle_dup(q, RIGHT_WRITE, 0);
    handle_t our_end = (handle_t)handle_dup(q, RIGHT_READ, 0);
    handle_t system = driver_handle(option);
    long pid, error;

    handle_close(q);
    snprintf(ready_option, sizeof(ready_option), "--ready=%d", its_end);
    pid = fork();
    if (pid == 0) {
        handle_close(our_end);
        handle_close(STDIN);
        become(words);
    }
    handle_close(system);
    handle_close(its_end);
    error = queue_recv(our_end, 0, 0, 0, READY_NS);
    if (pid < 0 || error != -E_PIPE)
        dprintf(STDERR, "init: %s: not ready\n", name);
    exit(0);
}

/* Returns when the driver serves, or never will. Our own table of handles,
 * which all programs inherit, stays as it is. */
static void start_driver(char *name)
{
    long pid = fork();

    if (pid == 0)
        be_starter(name);
    wait(pid, 0, TIMEOUT_FOREVER);
}

/* Takes the next name off a list that a blank ends, after which it is null. */
static char *next_name(char **list)
{
    char *name = *list, *end = name;

    while (*end && *end != ',' && !isspace(*end))
        end++;
    *list = *end == ',' ? end + 1 : 0;
    *end = 0;
    return end > name ? name : 0;
}

/* Starts all drivers but the program itself that is about to run; null is the
 * shell. Returns: whether that is one, too. */
static bool start_drivers(char *list, const char *program)
{
    bool is_driver = false;
    char *name;

    while (list && (name = next_name(&list)))
        if (program && strcmp(name, program) == 0)
            is_driver = true;
        else
            start_driver(name);
    return is_driver;
}

/* Looks without opening it, which takes a handle. */
static bool is_boot_file(const char *name)
{
    struct boot_file file;
    uint32_t i = 0;

    while (boot_file(i++, &file) == 0)
        if (strcmp(file.name, name) == 0)
            return true;
    return false;
}

static int run_program(char **words, bool is_driver)
{
    char option[OPTION_MAX];
    char **end = words;
    long pid = fork();

    if (pid == 0 && is_driver) {
        driver_handle(option);
        while (*end)
            end++;
        end[0] = option;
        end[1] = 0;
    }
    if (pid == 0)
        become(words);
    return status_of(pid);
}

/* The shell gets a handle of its own with which it can end the machine. */
static int run_shell(void)
{
    char option[OPTION_MAX];
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

static int run(char *args)
{
    char usual[] = "rtcd";
    char *words[ARGS_MAX + 2]; /* one for an option */
    char *command = find_argument(args, "run="), *list;
    bool is_driver;

    if (command && split(command, words) <= 0) {
        dprintf(STDERR, "init: run=: no command, or too many words\n");
        return NOT_FOUND;
    }
    if (command)
        command[-4] = 0; /* no argument of ours behind it */
    list = find_argument(args, "drivers=");
    if (!list && (!command || strcmp(words[0], "rtc") == 0) &&
        is_boot_file(usual))
        list = usual;
    is_driver = start_drivers(list, command ? words[0] : 0);
    return command ? run_program(words, is_driver) : run_shell();
}

int main(void)
{
    struct sys_info info;
    int status;

    if (sys_info(&info) < 0)
        return 1;
    info.args[sizeof(info.args) - 1] = 0;
    status = run(info.args);
    shutdown(SYSTEM, status);
    return status;
}
