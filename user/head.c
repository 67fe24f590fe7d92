/*
 * head [-n LINES] [-c BYTES] [FILE]...: the first 10 lines, or so many lines or
 * bytes, of each file or of standard input.
 */
#include <weir.h>

static long lines = 10;
static long bytes = -1; /* when >= 0 it counts, not lines */

/* How much of the n bytes is wanted; what is still wanted goes down. */
static long take(const char *buf, long n, long *lines_left, long *bytes_left)
{
    long i;

    if (*bytes_left >= 0) {
        if (n > *bytes_left)
            n = *bytes_left;
        *bytes_left -= n;
        return n;
    }
    for (i = 0; i<n && * lines_left> 0; i++)
        if (buf[i] == '\n')
            --*lines_left;
    return i;
}

static int copy(const char *name)
{
    char buf[QUEUE_MAX_MSG];
    struct input in;
    long lines_left = lines, bytes_left = bytes;
    long n = input_open(&in, name);

    while (n >= 0 && (bytes_left >= 0 ? bytes_left : lines_left) > 0) {
        n = input_read(&in, buf, sizeof(buf));
        if (n <= 0)
            break;
        n = take(buf, n, &lines_left, &bytes_left);
        n = write_out(STDOUT, buf, (size_t)n);
    }
    input_close(&in);
    if (n < 0 && n != -E_PIPE)
        dprintf(STDERR, "head: %s: %s\n", name, err_name(n));
    return n < 0;
}

/* Takes `-n 5`, `-n5` and `-5` alike; returns the arguments used up, or 0. */
static int parse_option(char **arg)
{
    const char *value = *arg + 2;
    char kind = arg[0][1];
    char *end;
    int used = 1;
    long count;

    if (isdigit(kind)) {
        value = *arg + 1;
        kind = 'n';
    } else if (!*value) {
        value = arg[1];
        used = 2;
    }
    if (!value || (kind != 'n' && kind != 'c'))
        return 0;
    count = strtol(value, &end, 10);
    if (*end || count < 0 || end == value)
        return 0;
    if (kind == 'n')
        lines = count, bytes = -1;
    else
        bytes = count;
    return used;
}

int main(int argc, char **argv)
{
    int at = 1, failed = 0;

    while (at < argc && argv[at][0] == '-' && argv[at][1]) {
        int used = parse_option(argv + at);

        if (used == 0) {
            dprintf(STDERR, "usage: head [-n LINES] [-c BYTES] [FILE]...\n");
            return 1;
        }
        at += used;
    }
    if (at == argc)
        return copy("-");
    for (int i = at; i < argc; i++) {
        if (argc - at > 1)
            printf("%s==> %s <==\n", i > at ? "\n" : "", argv[i]);
        failed |= copy(argv[i]);
    }
    return failed;
}
