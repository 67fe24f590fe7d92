/*
 * Runs every boot file whose name begins with "elf-" and prints what became
 * of it, one line each: "NAME error N", "NAME code N", "NAME cause N" or
 * "NAME killed". proc/elf.py puts the files there and knows what to expect.
 */
#include <weir.h>

static void try(char *name)
{
    char *args[] = {name, 0};
    struct exit_info info;
    long child = fork();

    if (child == 0)
        exit(128 - (int)exec(name, args));
    if (wait(child, &info, 500 * 1000000ull) < 0) {
        kill(child);
        wait(child, &info, TIMEOUT_FOREVER);
    }
    if (info.reason == EXIT_KILLED)
        printf("%s killed\n", name);
    else if (info.reason == EXIT_FAULT)
        printf("%s cause %d\n", name, (int)info.cause);
    else if (info.code >= 128)
        printf("%s error %d\n", name, (int)info.code - 128);
    else
        printf("%s code %d\n", name, (int)info.code);
}

int main(void)
{
    static struct sys_info before, after;
    static struct boot_file file;

    try((char *)(uintptr_t) "elf-good");
    sys_info(&before);
    for (uint32_t i = 0; boot_file(i, &file) == 0; i++)
        if (strncmp(file.name, "elf-", 4) == 0)
            try(file.name);
    sys_info(&after);
    printf("leaked %d\n", (int)(before.free_pages - after.free_pages));
    return 0;
}
