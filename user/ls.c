/* ls [-l] [NAME]...: lists the boot files; with -l their sizes, too. */
#include <weir.h>

static bool sizes;

static void show(const struct boot_file *f)
{
    if (sizes)
        printf("%8lu %s\n", f->size, f->name);
    else
        printf("%s\n", f->name);
}

static int show_named(const char *name)
{
    struct boot_file f;

    for (uint32_t i = 0; boot_file(i, &f) == 0; i++) {
        if (strcmp(f.name, name) == 0) {
            show(&f);
            return 0;
        }
    }
    dprintf(STDERR, "ls: %s: %s\n", name, err_name(E_NOENT));
    return 1;
}

int main(int argc, char **argv)
{
    struct boot_file f;
    int at = 1, failed = 0;

    if (argc > 1 && strcmp(argv[1], "-l") == 0) {
        sizes = true;
        at++;
    }
    if (at == argc)
        for (uint32_t i = 0; boot_file(i, &f) == 0; i++)
            show(&f);
    for (; at < argc; at++)
        failed |= show_named(argv[at]);
    return failed;
}
