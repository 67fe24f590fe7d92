/*
 * Reading a program's input from where its arguments say: standard input or a
 * boot file, with one set of functions.
 */
#include "weir.h"

#define FROM_STDIN (-1)

/*
 * Opens a boot file, or standard input if the name is "-" or null.
 *
 * Returns: 0; or what region_open or region_map fails with.
 */
long input_open(struct input *in, const char *name)
{
    struct region_info info;
    long result;

    *in = (struct input){.region = FROM_STDIN};
    if (!name || strcmp(name, "-") == 0)
        return 0;
    result = region_open(name);
    if (result < 0)
        return result;
    in->region = (handle_t)result;
    result = region_info(in->region, &info);
    in->size = info.size;
    if (result == 0 && in->size > 0) // an empty one cannot be mapped
        result = region_map(in->region, 0, PROT_READ);
    if (result > 0)
        in->mapped = (uint64_t)result;
    if (result < 0)
        input_close(in);
    return result < 0 ? result : 0;
}

/*
 * What there is of the input, without a copy: *at points to it until the next
 * read.
 *
 * Returns: the number of bytes; 0 at the end; or -E_code.
 */
long input_next(struct input *in, const char **at)
{
    uint64_t n = in->size - in->offset;

    if (in->region == FROM_STDIN)
        return next_in(at);
    *at = (const char *)in->mapped + in->offset;
    in->offset = in->size;
    return (long)n;
}

/*
 * Reads at least a byte and at most cap.
 *
 * Returns: the number of bytes; 0 at the end; or -E_code.
 */
long input_read(struct input *in, void *buf, uint64_t cap)
{
    uint64_t left = in->size - in->offset;

    if (in->region == FROM_STDIN)
        return read_in(buf, cap);
    if (cap > left)
        cap = left;
    memcpy(buf, (const char *)in->mapped + in->offset, cap);
    in->offset += cap;
    return (long)cap;
}

void input_close(struct input *in)
{
    if (in->region != FROM_STDIN)
        handle_close(in->region); // and so what was mapped through it
    in->region = FROM_STDIN;
}
