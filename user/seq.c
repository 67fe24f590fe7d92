/* seq [FIRST] LAST: the numbers from FIRST (or 1) to LAST, one a line. */
#include <weir.h>

int main(int argc, char **argv)
{
    long first = argc > 2 ? strtol(argv[1], 0, 10) : 1;
    long last = argc > 1 ? strtol(argv[argc - 1], 0, 10) : 0;

    if (argc < 2 || argc > 3) {
        dprintf(STDERR, "usage: seq [FIRST] LAST\n");
        return 1;
    }
    for (long n = first; n <= last; n++)
        if (printf("%ld\n", n) < 0)
            return 1;
    return 0;
}
