/*
 * wc [-lwc] [FILE]...: counts lines, words and bytes, in the columns of GNU
 * wc: as wide as the number of bytes in all files needs, at least 7 when some
 * input's size is not known beforehand.
 */
#include <weir.h>

struct counts {
    uint64_t lines, words, bytes;
};

static bool show_lines, show_words, show_bytes;
static int width;

/* Control characters neither begin nor end a word. */
static bool in_word_after(bool in_word, uint8_t c)
{
    if (isspace(c))
        return false;
    return in_word || (c > ' ' && c != 0x7f);
}

static long count(const char *name, struct counts *sum)
{
    const char *at;
    bool in_word = false;
    struct input in;
    long n = input_open(&in, name);

    if (n < 0)
        return n;
    while ((n = input_next(&in, &at)) > 0) {
        sum->bytes += (uint64_t)n;
        for (long i = 0; i < n; i++) {
            bool was = in_word;

            in_word = in_word_after(was, (uint8_t)at[i]);
            sum->words += in_word && !was;
            sum->lines += at[i] == '\n';
        }
    }
    input_close(&in);
    return n;
}

static void print(const struct counts *c, const char *name)
{
    const struct {
        bool show;
        uint64_t value;
    } columns[] = {
        {show_lines, c->lines},
        {show_words, c->words},
        {show_bytes, c->bytes},
    };
    char line[128];
    int at = 0;

    for (int i = 0; i < 3; i++)
        if (columns[i].show)
            at += snprintf(line + at, sizeof(line) - (size_t)at, "%s%*lu",
                           at ? " " : "", width, columns[i].value);
    printf("%s%s%s\n", line, name ? " " : "", name ? name : "");
}

/* The size of a boot file; 0 if there is none of this name. */
static uint64_t file_size(const char *name)
{
    struct boot_file f;

    for (uint32_t i = 0; boot_file(i, &f) == 0; i++)
        if (strcmp(f.name, name) == 0)
            return f.size;
    return 0;
}

static int column_width(char **names)
{
    char digits[24];
    uint64_t total = 0;
    int min = 1, len;

    // A single number stands alone, unless there are several lines of it.
    if (show_lines + show_words + show_bytes == 1 && (!names[0] || !names[1]))
        return 1;
    if (!names[0])
        min = 7;
    for (; *names; names++) {
        if (strcmp(*names, "-") == 0)
            min = 7;
        else
            total += file_size(*names);
    }
    len = snprintf(digits, sizeof(digits), "%lu", total);
    return len > min ? len : min;
}

static int parse_option(const char *option)
{
    while (*++option) {
        if (*option == 'l')
            show_lines = true;
        else if (*option == 'w')
            show_words = true;
        else if (*option == 'c')
            show_bytes = true;
        else
            return -1;
    }
    return 0;
}

static int count_file(const char *name, const char *label, struct counts *total)
{
    struct counts c = {0};
    long error = count(name, &c);

    if (error < 0) {
        dprintf(STDERR, "wc: %s: %s\n", name, err_name(error));
        return 1;
    }
    print(&c, label);
    total->lines += c.lines;
    total->words += c.words;
    total->bytes += c.bytes;
    return 0;
}

int main(int argc, char **argv)
{
    struct counts total = {0};
    char **names = argv + (argc > 0);
    int failed = 0;

    for (; *names && names[0][0] == '-' && names[0][1]; names++) {
        if (parse_option(*names) < 0) {
            dprintf(STDERR, "usage: wc [-lwc] [FILE]...\n");
            return 1;
        }
    }
    if (!show_lines && !show_words && !show_bytes)
        show_lines = show_words = show_bytes = true;
    width = column_width(names);
    if (!*names)
        return count_file("-", 0, &total);
    for (int i = 0; names[i]; i++)
        failed |= count_file(names[i], names[i], &total);
    if (names[1])
        print(&total, "total");
    return failed;
}
