/*
 * Test macros, part of <weir.h>. A test program is a file of TEST(name) { ... }
 * cases and one TEST_MAIN().
 *
 * Each case runs in a process of its own. When it has ended, every descendant
 * that it left behind is waited for; free pages and live objects must be what
 * they were before. No handle, page or object of the case belongs to the
 * harness: what it learns, it learns from exit statuses.
 *
 * A failed check prints `# file:line: ...` and ends its process, whichever
 * function or child it is in; that fails the case. Every macro evaluates its
 * arguments once.
 */
#pragma once

/*
 * The macros below are expanded in other people's files: a comparison of a
 * counter with a plain 5 is meant as it stands there.
 */
#pragma GCC system_header

struct test_case {
    const char *name;
    void (*run)(void);
};

#define TEST(name)                                                             \
    static void test_case_##name(void);                                        \
    static const struct test_case test_info_##name = {#name,                   \
                                                      test_case_##name};       \
    static const struct test_case *const test_entry_##name                     \
        __attribute__((section(".tests"), used)) = &test_info_##name;          \
    static void test_case_##name(void)

#define TEST_MAIN()                                                            \
    int main(int argc, char **argv)                                            \
    {                                                                          \
        return test_main(argc, argv);                                          \
    }

/* Fails unless `cond` holds. */
#define CHECK(cond)                                                            \
    ((cond) ? (void)0 : test_fail_check(__FILE__, __LINE__, #cond))

/* Fails unless a == b, compared as C compares them: got a, want b. */
#define CHECK_EQ(a, b)                                                         \
    do {                                                                       \
        __auto_type check_got_ = (a);                                          \
        __auto_type check_want_ = (b);                                         \
        if (!(check_got_ == check_want_))                                      \
            test_fail_eq(__FILE__, __LINE__, #a, (long)check_got_,             \
                         (long)check_want_);                                   \
    } while (0)

/* Fails unless the call returns -error. */
#define CHECK_ERR(call, error)                                                 \
    test_check_err(__FILE__, __LINE__, #call, (long)(call), (long)(error))

/* Fails unless the statement, run in a child, ends it with that scause. */
#define CHECK_FAULT(statement, cause)                                          \
    do {                                                                       \
        if (test_fork() == 0) {                                                \
            statement;                                                         \
            exit(0);                                                           \
        }                                                                      \
        test_check_fault(__FILE__, __LINE__, #statement, cause);               \
    } while (0)

/* Runs the statements in a child, then exit(0); gives its pid, or -E_code. */
#define SPAWN(...)                                                             \
    ({                                                                         \
        if (test_fork() == 0) {                                                \
            __VA_ARGS__;                                                       \
            exit(0);                                                           \
        }                                                                      \
        test_forked();                                                         \
    })

/* Waits for a child: its exit code, or -1 if it did not exit normally. */
#define JOIN(pid) test_join(pid)

/* Keeps the hart busy for n microseconds. */
#define BUSY_US(n) test_busy_us(n)

/* The number of the boot argument seed=N, 1 without one. */
uint64_t test_seed(void);

/* Fills a buffer with bytes that depend on the seed only. */
void test_fill(void *buf, size_t len, uint64_t seed);

int test_main(int argc, char **argv);
long test_fork(void);
long test_forked(void);
long test_join(long pid);
void test_busy_us(uint64_t us);
void test_fail_check(const char *file, int line, const char *text)
    __attribute__((noreturn));
void test_fail_eq(const char *file, int line, const char *text, long got,
                  long want) __attribute__((noreturn));
void test_check_err(const char *file, int line, const char *text, long got,
                    long error);
void test_check_fault(const char *file, int line, const char *text,
                      uint64_t cause);
