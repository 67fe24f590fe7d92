/*
 * grep [-vicnq] TEXT [FILE]...: prints the lines in which TEXT occurs, as it is
 * written: there are no patterns. Exit status 0 if there was such a line, 1 if
 * not, 2 after an error.
 */
#include <weir.h>

/* A line as it comes in: bytes, zeros too, without the '\n'. */
struct line {
    char *text;
    size_t len, room;
};

static bool invert, fold, only_count, number, quiet;
static const char *needle;
static size_t needle_len;
static bool several; /* files: say which one a line is from */
static long found;   /* lines, in all files */

static bool same(char a, char b)
{
    return a == b || (fold && tolower(a) == tolower(b));
}

static bool starts(const char *text)
{
    for (size_t i = 0; i < needle_len; i++)
        if (!same(text[i], needle[i]))
            return false;
    return true;
}

static bool occurs(const struct line *line)
{
    for (size_t i = 0; i + needle_len <= line->len; i++)
        if (starts(line->text + i))
            return true;
    return false;
}

static bool append(struct line *line, char c)
{
    if (line->len == line->room) {
        size_t room = line->room ? 2 * line->room : 256;
        char *text = realloc(line->text, room);

        if (!text)
            return false;
        line->text = text;
        line->room = room;
    }
    line->text[line->len++] = c;
    return true;
}

/* Room for the '\n' is made as for any byte, so that a line goes out whole. */
static long print(struct line *line, const char *name, long line_number)
{
    char prefix[96] = "";
    int n = 0;

    if (several)
        n = snprintf(prefix, sizeof(prefix), "%s:", name);
    if (number)
        snprintf(prefix + n, sizeof(prefix) - (size_t)n, "%ld:", line_number);
    if (!append(line, '\n'))
        return -E_NOMEM;
    if (prefix[0] && write_out(STDOUT, prefix, strlen(prefix)) < 0)
        return -E_PIPE;
    return write_out(STDOUT, line->text, line->len);
}

/* Looks at one line; counts it if it is wanted. */
static long check(struct line *line, const char *name, long line_number,
                  long *count)
{
    if (occurs(line) == invert)
        return 0;
    ++*count;
    if (only_count || quiet)
        return 0;
    return print(line, name, line_number);
}

static long search(struct input *in, const char *name, struct line *line,
                   long *count)
{
    char buf[QUEUE_MAX_MSG];
    long n, error = 0, line_number = 0;

    while ((n = input_read(in, buf, sizeof(buf))) > 0) {
        for (long i = 0; i < n && error >= 0; i++) {
            if (buf[i] != '\n') {
                error = append(line, buf[i]) ? 0 : -E_NOMEM;
                continue;
            }
            error = check(line, name, ++line_number, count);
            line->len = 0;
        }
        if (error < 0)
            return error;
    }
    // The last line need not end in '\n'.
    if (n == 0 && line->len > 0)
        return check(line, name, ++line_number, count);
    return n;
}

static int search_file(const char *name)
{
    struct line line = {0};
    struct input in;
    long count = 0;
    long error = input_open(&in, name);

    if (error == 0)
        error = search(&in, name, &line, &count);
    input_close(&in);
    free(line.text);
    if (error == -E_PIPE)
        exit(2);
    if (error < 0) {
        dprintf(STDERR, "grep: %s: %s\n", name, err_name(error));
        return 2;
    }
    if (only_count && several)
        printf("%s:%ld\n", name, count);
    else if (only_count)
        printf("%ld\n", count);
    found += count;
    return 0;
}

static bool parse_option(const char *option)
{
    while (*++option) {
        if (*option == 'v')
            invert = true;
        else if (*option == 'i')
            fold = true;
        else if (*option == 'c')
            only_count = true;
        else if (*option == 'n')
            number = true;
        else if (*option == 'q')
            quiet = true;
        else if (*option != 'F')
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    int at = 1, status = 0;
    bool good = true;

    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++)
        good = parse_option(argv[at]) && good;
    if (!good || at == argc) {
        dprintf(STDERR, "usage: grep [-vicnq] TEXT [FILE]...\n");
        return 2;
    }
    needle = argv[at++];
    needle_len = strlen(needle);
    several = argc - at > 1;
    if (at == argc)
        status = search_file("-");
    for (; at < argc; at++)
        status |= search_file(argv[at]);
    if (status)
        return status;
    return found == 0;
}
