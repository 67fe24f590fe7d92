/*
 * cat [FILE]...: copies boot files, or standard input, to standard output, as
 * they are.
 */
#include <weir.h>

static int copy(const char *name)
{
    char buf[QUEUE_MAX_MSG];
    struct input in;
    long n = input_open(&in, name);

    while (n == 0) {
        n = input_read(&in, buf, sizeof(buf));
        if (n > 0)
            n = write_out(STDOUT, buf, (size_t)n);
        else if (n == 0)
            break;
    }
    input_close(&in);
    if (n < 0 && n != -E_PIPE)
        dprintf(STDERR, "cat: %s: %s\n", name, err_name(n));
    return n < 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc < 2)
        return copy("-");
    for (int i = 1; i < argc; i++)
        failed |= copy(argv[i]);
    return failed;
}
