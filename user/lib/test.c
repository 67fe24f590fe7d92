/*
 * The harness behind TEST and TEST_MAIN, and the functions that the macros
 * call.
 *
 * T1 A case and its children hold nothing for the harness: no handle, no page,
 *    no object. All is told by how processes end (test_internal.h).
 * T2 The harness allocates nothing, so what free pages and objects it sees
 *    before and after a case differ only by what the case has leaked.
 * T3 When a case has ended, its descendants are children of the harness: that
 *    is how the kernel hands them on. wait(-1) until E_CHILD meets them all.
 */
#include "test_internal.h"

#define SECOND       1000000000ull
#define CASE_TIMEOUT (120 * SECOND)
#define GRACE        (SECOND / 5) /* for children that are just about to end */

/* From the linker script: the addresses of all cases. */
extern const struct test_case *const __tests_start[];
extern const struct test_case *const __tests_end[];

bool test_running;
static long case_pid;
static long last_fork;

bool test_check_failed(const struct exit_info *info)
{
    return info->reason == EXIT_FAULT && info->cause == CAUSE_STORE_FAULT &&
           info->addr == TEST_FAILED_ADDR;
}

void test_end_failed(void)
{
    // The harness itself waits for the case: there an exit code will do.
    if (test_running && getpid() != case_pid)
        *(volatile char *)TEST_FAILED_ADDR = 0;
    exit(1);
}

/* A line of diagnostics; to stderr where the case has lost its stdout. */
static void say(const char *format, ...)
{
    char line[320];
    va_list ap;
    int len;

    va_start(ap, format);
    len = vsnprintf(line, sizeof(line) - 1, format, ap);
    va_end(ap);
    if (len > (int)sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len++] = '\n';
    if (write_out(STDOUT, line, (size_t)len) < 0)
        write_out(STDERR, line, (size_t)len);
}

static const char *describe(char *buf, size_t cap, long value)
{
    if (value < 0 && value >= -E_CANCELED)
        snprintf(buf, cap, "%ld (-%s)", value, err_name(value));
    else if (value < -4096 || value > 4096)
        snprintf(buf, cap, "%ld (0x%lx)", value, value);
    else
        snprintf(buf, cap, "%ld", value);
    return buf;
}

void test_fail_check(const char *file, int line, const char *text)
{
    say("# %s:%d: does not hold: %s", file, line, text);
    test_end_failed();
}

void test_fail_eq(const char *file, int line, const char *text, long got,
                  long want)
{
    char g[64], w[64];

    say("# %s:%d: want %s, got %s: %s", file, line,
        describe(w, sizeof(w), want), describe(g, sizeof(g), got), text);
    test_end_failed();
}

void test_check_err(const char *file, int line, const char *text, long got,
                    long error)
{
    if (got != -error)
        test_fail_eq(file, line, text, got, -error);
}

void test_check_fault(const char *file, int line, const char *text,
                      uint64_t cause)
{
    struct exit_info info;
    long pid = last_fork;

    if (pid < 0)
        test_fail_eq(file, line, "fork", pid, 0);
    if (weir_wait(pid, &info, TIMEOUT_FOREVER) != pid)
        test_fail_check(file, line, "wait for the child that shall fault");
    if (info.reason == EXIT_FAULT && info.cause == cause)
        return;
    if (info.reason == EXIT_FAULT)
        say("# %s:%d: want a fault of cause %lu, got cause %lu at 0x%lx: %s",
            file, line, cause, info.cause, info.addr, text);
    else
        say("# %s:%d: want a fault of cause %lu, got none (%s %ld): %s", file,
            line, cause, info.reason == EXIT_KILLED ? "killed" : "exit",
            info.code, text);
    test_end_failed();
}

long test_fork(void)
{
    last_fork = fork();
    return last_fork;
}

long test_forked(void)
{
    return last_fork;
}

long test_join(long pid)
{
    struct exit_info info;

    if (wait(pid, &info, TIMEOUT_FOREVER) < 0 || info.reason != EXIT_NORMAL)
        return -1;
    return info.code;
}

void test_busy_us(uint64_t us)
{
    long end = clock_ns() + (long)(us * 1000);

    while (clock_ns() < end)
        for (volatile int i = 0; i < 100; i++)
            ;
}

/* What follows `key` in the boot arguments in `info`, or null. */
static const char *boot_word(struct sys_info *info, const char *key)
{
    if (sys_info(info) < 0)
        return 0;
    for (const char *at = info->args; (at = strstr(at, key)) != 0; at++)
        if (at == info->args || at[-1] == ' ')
            return at + strlen(key);
    return 0;
}

uint64_t test_seed(void)
{
    struct sys_info info;
    const char *word = boot_word(&info, "seed=");

    return word ? strtoul(word, 0, 0) : 1;
}

void test_fill(void *buf, size_t len, uint64_t seed)
{
    uint8_t *bytes = buf;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(rand_next(&seed) >> 24);
}

/* Kills every process whose parent is the harness. */
static void kill_children(void)
{
    struct proc_info p = {.pid = 0};
    long self = getpid();

    while (proc_info(-((long)p.pid + 1), &p) >= 0)
        if (p.parent == self)
            kill(p.pid);
}

/* Waits for all that the case left behind, by T3; true if nothing was amiss. */
static bool sweep(void)
{
    struct exit_info info;
    bool clean = true;
    uint64_t patience = GRACE;
    long got;

    while ((got = weir_wait(-1, &info, patience)) != -E_CHILD) {
        if (got >= 0 && test_check_failed(&info)) {
            say("# a check failed in process %ld, which nobody waited for",
                got);
            clean = false;
        } else if (got == -E_TIMEDOUT) {
            if (patience == GRACE)
                say("# the case has ended, children of it run on");
            clean = false;
            patience = SECOND / 100;
            kill_children();
        } else if (got < 0) {
            say("# wait: %s", err_name(got));
            return false;
        }
    }
    return clean;
}

/* Waits for the case itself; true if it ended as a case that passes. */
static bool await(long pid)
{
    struct exit_info info;
    long got = weir_wait(pid, &info, CASE_TIMEOUT);

    if (got == -E_TIMEDOUT) {
        say("# still running after %lu s, killed", CASE_TIMEOUT / SECOND);
        kill(pid);
        got = weir_wait(pid, &info, TIMEOUT_FOREVER);
    }
    if (got != pid) {
        say("# wait for the case: %ld (%s)", got, err_name(got));
        return false;
    }
    if (info.reason == EXIT_FAULT)
        say("# ended by a fault: cause %lu, address 0x%lx", info.cause,
            info.addr);
    else if (info.reason == EXIT_KILLED)
        say("# killed");
    return info.reason == EXIT_NORMAL && info.code == 0;
}

static bool run_case(const struct test_case *c)
{
    struct sys_info before, after;
    bool passed;
    long pid;

    sys_info(&before);
    pid = fork();
    if (pid == 0) {
        test_running = true;
        case_pid = getpid();
        c->run();
        exit(0);
    }
    if (pid < 0) {
        say("# fork: %s", err_name(pid));
        return false;
    }
    passed = await(pid);
    passed = sweep() && passed;
    sys_info(&after);
    if (after.free_pages == before.free_pages &&
        after.objects == before.objects)
        return passed;
    say("# leak: %ld pages and %d objects are missing",
        (long)(before.free_pages - after.free_pages),
        (int)(after.objects - before.objects));
    return false;
}

static const struct test_case *find_case(const char *name)
{
    for (size_t i = 0; __tests_start + i < __tests_end; i++)
        if (strcmp(__tests_start[i]->name, name) == 0)
            return __tests_start[i];
    return 0;
}

static uint64_t hash(uint64_t value, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        value = (value ^ (uint8_t)text[i]) * 0x100000001b3ull;
    return value;
}

/* To whoever has put a nonce into the boot arguments: this case has passed in
 * this very run (lab-tests/judging.py). */
static void prove(const char *name)
{
    struct sys_info info;
    const char *nonce = boot_word(&info, "nonce=");
    uint64_t value = 0xcbf29ce484222325ull;
    size_t len = 0;

    if (!nonce)
        return;
    while (nonce[len] && nonce[len] != ' ')
        len++;
    value = hash(value, nonce, len);
    value = hash(value, ":", 1);
    value = hash(value, name, strlen(name));
    say("# proof %016lx", hash(value, ":ok", 3));
}

static int list_cases(void)
{
    for (size_t i = 0; __tests_start + i < __tests_end; i++)
        printf("%s\n", __tests_start[i]->name);
    return 0;
}

int test_main(int argc, char **argv)
{
    int all = (int)(__tests_end - __tests_start);
    int count = argc > 1 ? argc - 1 : all;
    int failed = 0;

    if (argc > 1 && strcmp(argv[1], "--list") == 0)
        return list_cases();
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        const struct test_case *c =
            argc > 1 ? find_case(argv[1 + i]) : __tests_start[i];
        bool passed = c && run_case(c);

        if (!c)
            say("# there is no case of this name");
        failed += !passed;
        printf("%s %d - %s\n", passed ? "ok" : "not ok", i + 1,
               c ? c->name : argv[1 + i]);
        if (passed)
            prove(c->name);
    }
    return failed > 0;
}
