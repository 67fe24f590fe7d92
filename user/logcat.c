/*
 * logcat [-f]: prints the log: when, who, what. With -f it goes on, line by
 * line as they come, until logd ends.
 */
#include <log.h>

/* Returns: negative when nobody reads. */
static long print(const struct log_line *line, uint64_t missed)
{
    const struct log_record *r = &line->record;
    uint64_t us = r->ns / 1000;

    if (missed > 0)
        printf("(%lu messages are missing)\n", missed);
    if (r->lost > 0)
        printf("(process %d has dropped %u messages)\n", r->pid, r->lost);
    return printf("%5lu.%06lu %d: %.*s\n", us / 1000000, us % 1000000, r->pid,
                  (int)r->length, line->text);
}

/* Returns: why there is no more. */
static long print_all(struct log_reader *reader, uint64_t timeout)
{
    uint64_t missed = reader->missed;
    struct log_line line;
    long error;

    while ((error = log_next(reader, &line, timeout)) == 0) {
        if (print(&line, reader->missed - missed) < 0)
            exit(0);
        missed = reader->missed;
    }
    return error;
}

int main(int argc, char **argv)
{
    bool follow = argc == 2 && strcmp(argv[1], "-f") == 0;
    struct log_reader reader = LOG_READER;
    uint64_t number;
    long error;

    if (argc > 1 && !follow) {
        dprintf(STDERR, "usage: logcat [-f]\n");
        return 2;
    }
    do {
        number = reader.number;
        error = log_join(&reader);
        if (error == 0)
            error = print_all(&reader, follow ? TIMEOUT_FOREVER : 0);
        // Sent away: comes again, unless it was for nothing.
    } while (error == -E_PIPE && reader.number != number);
    if (error == -E_AGAIN)
        return 0;
    dprintf(STDERR, "logcat: %s\n",
            error == -E_NOENT  ? "there is no logd"
            : error == -E_PIPE ? "logd does not answer"
                               : err_name(error));
    return 1;
}
