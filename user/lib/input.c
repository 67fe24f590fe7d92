/*
 * Reading a program's input from where its arguments say: standard input or a
 * boot file, with one set of functions.
 */
#include "weir.h"

#define FROM_STDIN (-1)

/*
 * Opens a boot file, or standard input if the name is "-" or null.
 *
 * Returns: 0; or what region_open fails with.
 */
long input_open(struct input *in, const char *name)
{
    long region = FROM_STDIN;

    if (name && strcmp(name, "-") != 0)
        region = region_open(name);
    in->region = (handle_t)region;
    in->offset = 0;
    return region < FROM_STDIN ? region : 0;
}

/*
 * Reads at least a byte and at most cap.
 *
 * Returns: the number of bytes; 0 at the end; or -E_code.
 */
long input_read(struct input *in, void *buf, uint64_t cap)
{
    long n;

    if (in->region == FROM_STDIN)
        return read_in(buf, cap);
    n = region_read(in->region, in->offset, buf, cap);
    // That is what a region says to an offset at its end.
    if (n == -E_INVAL)
        return 0;
    if (n > 0)
        in->offset += (uint64_t)n;
    return n;
}

void input_close(struct input *in)
{
    if (in->region != FROM_STDIN)
        handle_close(in->region);
    in->region = FROM_STDIN;
}
