/*
 * cat [FILE]...: copies boot files, or standard input, to standard output, as
 * they are. Of a file only a descriptor is sent.
 */
#include <weir.h>

static long copy_input(void)
{
    const char *at;
    long n;

    while ((n = next_in(&at)) > 0) {
        n = write_out(STDOUT, at, (size_t)n);
        if (n < 0)
            break;
    }
    return n;
}

static long describe(const char *name)
{
    struct region_info info;
    struct msg_desc d = {0};
    long n = region_open(name);

    if (n < 0)
        return n;
    d.region = (handle_t)n;
    n = region_info(d.region, &info);
    d.length = info.size;
    if (n == 0 && d.length > 0)
        n = queue_send_desc(STDOUT, &d, MSG_OPT(PRIO_NORMAL, 0),
                            TIMEOUT_FOREVER);
    handle_close(d.region);
    return n;
}

static int copy(const char *name)
{
    long error = strcmp(name, "-") ? describe(name) : copy_input();

    if (error < 0 && error != -E_PIPE)
        dprintf(STDERR, "cat: %s: %s\n", name, err_name(error));
    return error < 0;
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
