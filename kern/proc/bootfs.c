/* The boot archive (POSIX.1-1988 ustar). A damaged one stops the boot: a header
 * must have its magic and the right sum, and a file must lie inside. */
#include "proc/bootfs.h"

#include "base/string.h"
#include "mem/kalloc.h"
#include "mem/region.h"

#define BLOCK 512u

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
    char type, link[100], magic[6], owner[82], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "ustar header");

struct file {
    struct file *next;
    struct region *region;
    char name[BOOT_NAME_BYTES];
};

static struct file *first, **end = &first; /* [I] after boot */

static uint64_t octal(const char *field, uint32_t n)
{
    uint64_t value = 0;

    for (; n && *field >= '0' && *field <= '7'; n--)
        value = value * 8 + (uint64_t)(*field++ - '0');
    return value;
}

/* The sum is of all bytes, those of the sum itself taken as spaces. */
static bool is_sound(const struct header *h)
{
    uint64_t sum = sizeof(h->sum) * ' ';

    for (uint32_t i = 0; i < BLOCK; i++)
        if (i - offsetof(struct header, sum) >= sizeof(h->sum))
            sum += ((const uint8_t *)h)[i];
    return !memcmp(h->magic, "ustar", 5) && sum == octal(h->sum, 8);
}

/* Returns: NULL, or what is wrong. */
static const char *add_file(const struct header *h, uint64_t size)
{
    const char *name = h->name + 2 * !memcmp(h->name, "./", 2);
    struct file *f = kzalloc(sizeof(*f));

    if (!f || region_new(REGION_IMMUTABLE, size, 0, &f->region))
        return "no memory for a file, or too long for a region";
    region_copy(f->region, 0, (void *)(h + 1), size, true);
    f->region->sealed = SEALED;
    memcpy(f->name, name, sizeof(f->name));
    if (!name[0] || f->name[sizeof(f->name) - 1] || h->prefix[0])
        return "a file's name is empty or too long";
    *end = f;
    end = &f->next;
    return NULL;
}

const char *bootfs_load(const char *at, const char *limit)
{
    while (limit - at >= (long)BLOCK) {
        const struct header *h = (const struct header *)at;
        uint64_t size = octal(h->size, sizeof(h->size));
        const char *error;

        if (!h->name[0])
            return NULL; /* the block of zeros behind the last file */
        if (!is_sound(h))
            return "a header is damaged";
        if (size > (uint64_t)(limit - at) - BLOCK)
            return "a file is longer than the archive";
        if ((h->type == '0' || h->type == '\0') && (error = add_file(h, size)))
            return error;
        at += BLOCK + ROUND_UP(size, BLOCK);
    }
    return "it does not end with a block of zeros";
}

struct region *bootfs_find(const char *name)
{
    struct file *f = first;

    while (f && strcmp(f->name, name))
        f = f->next;
    return f ? f->region : NULL;
}

long bootfs_describe(uint32_t index, struct boot_file *out)
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
