/*
 * Reading a program's input from where its arguments say: standard input or a
 * boot file, with one set of functions.
 */
#include "weir.h"

/*
 * Shows bytes of a region, through a handle of its own: a mapping goes with its
 * handle.
 *
 * Returns: 0; or what region_read fails with; -E_NOMEM.
 */
long view_open(struct view *v, handle_t region, uint64_t offset,
               uint64_t length)
{
    long own = handle_dup(region, RIGHT_READ, 0), n;

    *v = (struct view){.handle = (handle_t)own};
    n = own < 0 ? own : region_map((handle_t)own, 0, PROT_READ);
    if (n >= 0) {
        v->at = (const char *)n + offset;
        return 0;
    }
    if (own >= 0)
        handle_close((handle_t)own);
    *v = (struct view){.copy = malloc(length)};
    v->at = v->copy;
    n = v->copy ? region_read(region, offset, v->copy, length) : -E_NOMEM;
    if (n < 0)
        view_close(v);
    return n < 0 ? n : 0;
}

void view_close(struct view *v)
{
    if (v->at && !v->copy)
        handle_close(v->handle);
    free(v->copy);
    *v = (struct view){0};
}

/*
 * Opens a boot file, or standard input if the name is "-" or null.
 *
 * Returns: 0; or what region_open or view_open fails with.
 */
long input_open(struct input *in, const char *name)
{
    struct region_info info;
    long region, error;

    *in = (struct input){0};
    if (!name || strcmp(name, "-") == 0)
        return 0;
    region = region_open(name);
    if (region < 0)
        return region;
    error = region_info((handle_t)region, &info);
    if (error == 0 && info.size > 0) // an empty one cannot be mapped
        error = view_open(&in->view, (handle_t)region, 0, info.size);
    handle_close((handle_t)region);
    in->size = error == 0 ? info.size : 0;
    in->is_file = true;
    return error;
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

    if (!in->is_file)
        return next_in(at);
    *at = in->view.at + in->offset;
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

    if (!in->is_file)
        return read_in(buf, cap);
    if (cap > left)
        cap = left;
    memcpy(buf, in->view.at + in->offset, cap);
    in->offset += cap;
    return (long)cap;
}

void input_close(struct input *in)
{
    view_close(&in->view);
    in->size = in->offset = 0;
}
