/*
 * The boot archive (POSIX.1-1988 ustar). Nothing in it is believed: a header
 * must have its magic and the right sum, and a file must lie inside.
 */
#include "proc/bootfs.h"

#include "base/string.h"
#include "mem/kalloc.h"
#include "mem/region.h"

#define BLOCK 512u

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
    char type, link[100], magic[6], version[2], user[32], group[32];
    char major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "ustar header");

struct file {
    struct file *next;
    struct region *region;
    char name[sizeof(((struct boot_file *)0)->name)];
};

static struct file *first; /* [I] after boot */

/* An octal number in a field, -1 if it is none. */
static long
octal(const char *field, uint32_t n)
{
    long value = 0;
    uint32_t i = 0;

    while (i < n && field[i] == ' ')
        i++;
    if (i == n || field[i] < '0' || field[i] > '7')
        return -1;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        value = value * 8 + (field[i] - '0');
    return value;
}

/* The sum of all bytes, those of the sum itself taken as spaces. */
static bool
sum_is_right(const struct header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    long sum = 0;

    for (uint32_t i = 0; i < BLOCK; i++)
        sum +=
            i - offsetof(struct header, sum) < sizeof(h->sum) ? ' ' : bytes[i];
    return sum == octal(h->sum, sizeof(h->sum));
}

static bool
is_zero_block(const char *block)
{
    for (uint32_t i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

static long
add_file(struct file ***end, const char *name, const void *bytes, long size)
{
    struct file *f = kzalloc(sizeof(*f));
    long error = f ? 0 : -E_NOMEM;

    if (!error)
        error = region_new_sealed(bytes, (uint64_t)size, &f->region);
    if (error)
        return error;
    strlcpy(f->name, name, sizeof(f->name));
    **end = f;
    *end = &f->next;
    return 0;
}

/* The name without a leading "./", NULL if it is too long or empty. */
static const char *
plain_name(const struct header *h)
{
    const char *name = h->name;

    if (name[0] == '.' && name[1] == '/')
        name += 2;
    for (uint32_t i = 0; i < sizeof(((struct file *)0)->name); i++)
        if (!name[i])
            return i && !h->prefix[0] ? name : NULL;
    return NULL;
}

long
bootfs_load(const char *start, const char *end, const char **why)
{
    struct file **tail = &first;
    const char *at = start;

    while (end - at >= (long)BLOCK && !is_zero_block(at)) {
        const struct header *h = (const struct header *)at;
        long size = octal(h->size, sizeof(h->size)), error = 0;
        const char *name = plain_name(h);

        *why = "a header is damaged";
        if (memcmp(h->magic, "ustar", 5) || !sum_is_right(h) || size < 0)
            return -E_INVAL;
        at += BLOCK;
        *why = "a file is longer than the archive";
        if (size > end - at)
            return -E_INVAL;
        *why = "a file's name is too long";
        if (!name)
            return -E_INVAL;
        *why = "no memory for a file";
        if (h->type == '0' || h->type == '\0')
            error = add_file(&tail, name, at, size);
        if (error)
            return error;
        at += ROUND_UP(size, (long)BLOCK);
    }
    *why = "it does not end with a block of zeros";
    return end - at >= (long)BLOCK ? 0 : -E_INVAL;
}

struct region *
bootfs_find(const char *name)
{
    for (struct file *f = first; f; f = f->next)
        if (!strcmp(f->name, name))
            return f->region;
    return NULL;
}

long
bootfs_describe(uint32_t index, struct boot_file *out)
{
    struct file *f = first;

    while (f && index--)
        f = f->next;
    if (!f)
        return -E_NOENT;
    out->size = f->region->size;
    memcpy(out->name, f->name, sizeof(out->name));
    return 0;
}
