// FLAGS: -Ikern/abi -Iuser/lib -fno-builtin -Wno-format -Wno-unused
/*
 * How the shell and init take lines apart: known ones, and many random ones,
 * where the sanitizers see any step beyond a buffer.
 */
#include "user_lib.h"

/* Calls under names that do not replace the host's; none is made here. */
#define fork     weir_fork
#define kill     weir_kill
#define wait     weir_wait
#define yield    weir_yield
#define getpid   weir_getpid
#define shutdown weir_shutdown
#define exec     weir_exec
#define exit     weir_exit

#define FAKE(number, name, ring, params)                                       \
    long name params                                                           \
    {                                                                          \
        abort();                                                               \
    }
WEIR_CALLS(FAKE)

long write_out(handle_t h, const void *buf, size_t len)
{
    (void)h;
    return (long)fwrite(buf, 0, len, stdout);
}

long weir_getline(char *buf, uint64_t cap)
{
    (void)buf;
    return (long)cap;
}

const char *err_name(long error)
{
    return error ? "error" : "";
}

#define printf  weir_printf
#define dprintf weir_dprintf
#define calloc  weir_calloc
#define free    weir_free
#define getline weir_getline
#define put     sh_put
#include "../../user/sh_parse.c"
int last_status;
int32_t last_background;
#define main      init_main
#define status_of init_status_of
#define become    init_become
#include "../../user/init.c"
#undef main
#undef printf
#undef dprintf
#undef calloc
#undef free
#undef getline
#undef exit

/*
 * A text as the shell takes it apart: words between [ and ], then what ended
 * the pipeline; an error ends all.
 */
static void show(const char *text, char *out, size_t cap)
{
    struct parser p = {.at = text};
    struct pipeline *line = malloc(sizeof(*line));
    size_t n = 0;

    out[0] = 0;
    while (*p.at && !p.error) {
        parse_pipeline(&p, line);
        if (p.error)
            break;
        for (int i = 0; i < line->count; i++) {
            if (i > 0)
                n += (size_t)snprintf(out + n, cap - n, "|");
            for (char **w = line->commands[i]; *w; w++)
                n += (size_t)snprintf(out + n, cap - n, "[%s]", *w);
        }
        if (line->count > 0)
            n += (size_t)snprintf(out + n, cap - n, "%s",
                                  line->background ? "&" : ";");
    }
    if (p.error)
        snprintf(out + n, cap - n, "!%s", p.error);
    free(line);
}

static void expect(const char *text, const char *want)
{
    char got[512];

    show(text, got, sizeof(got));
    if (strcmp(got, want) == 0)
        return;
    printf("%s\n  gives %s\n  want  %s\n", text, got, want);
    exit(1);
}

static void test_lines(void)
{
    last_status = 7;
    last_background = 31;
    expect("ls\n", "[ls];");
    expect("", "");
    expect(" \n\n ; # nothing | here\n", "");
    expect("a b|c d | e\n", "[a][b]|[c][d]|[e];");
    expect("a;b&c", "[a];[b]&[c];");
    expect("sleep 5 & wait $!", "[sleep][5]&[wait][31];");
    expect("echo 'a  b' \"c  d\" e\\ f", "[echo][a  b][c  d][e f];");
    expect("echo a'b'\"c\"\\d ''", "[echo][abcd][];");
    expect("echo '$?' \"$?\" $? $x \\$?", "[echo][$?][7][7][$x][$?];");
    expect("echo \"a\\\"b\\\\c\\d\" 'x\\'", "[echo][a\"b\\c\\d][x\\];");
    expect("echo a#b #c", "[echo][a#b];");
    expect("echo 'a\nb'\nc", "[echo][a\nb];[c];");
    expect("echo 'a", "!quote without an end");
    expect("a; | b", "[a];!a command is missing");
    expect("a | | b", "!a command is missing");
    expect("a |", "!a command is missing");
    expect("& a", "!a command is missing");
    expect("a && b", "!there is no &&");
    expect("a > b", "!there are no files to read from or write to");
    expect("a || b", "!a command is missing");
    expect("a\r\nb\\", "[a];[b\\];");
}

/* The longest things there are, in exact allocations. */
static void test_limits(void)
{
    char out[64];
    char *text = malloc(20001);

    memset(text, 'x', 20000);
    text[20000] = 0;
    show(text, out, sizeof(out));
    CHECK(strcmp(out, "!too long") == 0);
    for (int i = 0; i < 20000; i += 2)
        text[i] = ' ';
    show(text, out, sizeof(out));
    CHECK(strcmp(out, "!too many words") == 0);
    for (int i = 0; i < 20000; i += 2)
        text[i] = '|';
    show(text + 1, out, sizeof(out));
    CHECK(strcmp(out, "!too many commands") == 0);
    free(text);
}

static void test_random(void)
{
    static const char letters[] = "aab  ||;&'\"\\$?!#\n<\t";
    static char out[40000];
    char *text, *words[ARGS_MAX + 1];

    for (int round = 0; round < 200000; round++) {
        size_t n = (size_t)(rand() % (round % 100 ? 24 : 3000));

        text = malloc(n + 1);
        for (size_t i = 0; i < n; i++)
            text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
        text[n] = 0;
        show(text, out, sizeof(out));
        split(text, words);
        free(text);
    }
}

static void expect_split(const char *text, const char *want)
{
    char line[256], got[256] = "";
    char *words[ARGS_MAX + 1];
    int count;

    strcpy(line, text);
    count = split(line, words);
    CHECK(count >= 0 && !words[count]);
    for (int i = 0; i < count; i++) {
        strcat(got, words[i]);
        strcat(got, "|");
    }
    if (strcmp(got, want) == 0)
        return;
    printf("init: %s\n  gives %s\n  want  %s\n", text, got, want);
    exit(1);
}

static void expect_names(const char *text, const char *want)
{
    char line[64], got[64] = "", *list = line, *name;

    strcpy(line, text);
    while (list && (name = next_name(&list)))
        strcat(strcat(got, name), "|");
    CHECK(strcmp(got, want) == 0);
}

static void test_init(void)
{
    char args[] = "seed=4 norun=1 run=ls -l run=x";
    char many[300] = "", copy[300];
    char *words[ARGS_MAX + 1];

    CHECK(strcmp(find_argument(args, "run="), "ls -l run=x") == 0);
    strcpy(args, "seed=4 rerun=ls");
    CHECK(!find_argument(args, "run="));
    expect_names("", "");
    expect_names(" run=x", "");
    expect_names("a", "a|");
    expect_names("a,bc,d seed=1", "a|bc|d|");
    expect_names("a,,b", "a|");
    expect_split("", "");
    expect_split("  echo  a b ", "echo|a|b|");
    expect_split("sh -c 'echo \"a  b\" | wc'", "sh|-c|echo \"a  b\" | wc|");
    expect_split("a\"b c\"d '' e'f'", "ab cd||ef|");
    expect_split("\"it's\" 'a\\b'", "it's|a\\b|");
    expect_split("'no end", "no end|");
    for (int i = 0; i < ARGS_MAX; i++)
        strcat(many, "a ");
    CHECK(split(strcpy(copy, many), words) == ARGS_MAX);
    strcat(many, "a");
    CHECK(split(strcpy(copy, many), words) == -E_2BIG);
}

int main(void)
{
    test_lines();
    test_limits();
    test_random();
    test_init();
    return 0;
}
