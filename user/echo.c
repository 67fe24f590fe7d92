/*
 * echo [-n] [WORD]...: prints its arguments. They go out as one line, so that
 * two programs writing at the same time do not mix their words.
 */
#include <weir.h>

int main(int argc, char **argv)
{
    char line[ARG_MAX_BYTES + 1];
    bool newline = argc < 2 || strcmp(argv[1], "-n") != 0;
    size_t len = 0;

    for (int i = newline ? 1 : 2; i < argc; i++) {
        size_t n = strlen(argv[i]);

        // Fits: exec takes no more than ARG_MAX_BYTES, ends included.
        memcpy(line + len, argv[i], n);
        len += n;
        if (i + 1 < argc)
            line[len++] = ' ';
    }
    if (newline)
        line[len++] = '\n';
    return write_out(STDOUT, line, len) < 0;
}
