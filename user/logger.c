/*
 * logger [TEXT...]: sends a message to the log; without words each line of
 * standard input is one. Longer ones are cut into several.
 */
#include <log.h>

static long send_text(struct log *log, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t n = left < LOG_TEXT_MAX ? left : LOG_TEXT_MAX;
        long error = log_send(log, text, n, TIMEOUT_FOREVER);

        if (error)
            return error;
        text += n;
        left -= n;
    }
    return 0;
}

static long send_words(struct log *log, char **words)
{
    size_t bytes = 1;
    char *text;
    long error;

    for (char **w = words; *w; w++)
        bytes += strlen(*w) + 1;
    text = calloc(1, bytes);
    if (!text)
        return -E_NOMEM;
    for (char **w = words; *w; w++) {
        strcat(text, *w);
        if (w[1])
            strcat(text, " ");
    }
    error = send_text(log, text);
    free(text);
    return error;
}

static long send_lines(struct log *log)
{
    char line[LOG_TEXT_MAX + 1];
    long n;

    while ((n = getline(line, sizeof(line))) > 0) {
        if (line[n - 1] == '\n')
            line[n - 1] = 0;
        n = send_text(log, line);
        if (n < 0)
            break;
    }
    return n;
}

int main(int argc, char **argv)
{
    struct log log;
    long error = log_open(&log);

    if (error == 0)
        error = argc > 1 ? send_words(&log, argv + 1) : send_lines(&log);
    if (error)
        dprintf(STDERR, "logger: %s\n",
                error == -E_NOENT || error == -E_PIPE ? "there is no logd"
                                                      : err_name(error));
    return error != 0;
}
