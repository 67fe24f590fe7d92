/*
 * shmpair [MESSAGES]: two processes and a ring in memory that both have. Prints
 * the first messages, and how many calls all of them have taken.
 */
#include <weir.h>

#define SHOWN 2 /* messages that are printed */

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "shmpair: %s: %s\n", what, err_name(result));
    exit(1);
}

static void report(const char *who, uint64_t messages, const struct shmring *r)
{
    printf("%s: %lu messages, %lu calls: waited %lu times, woke %lu times\n",
           who, messages, r->calls, r->waits, r->wakes);
}

static void sender(struct shmring *ring, uint64_t messages)
{
    long self = getpid();
    char text[64];

    for (uint64_t i = 0; i < messages; i++) {
        int len =
            snprintf(text, sizeof(text), "message %lu of process %ld", i, self);

        must(shmring_send(ring, text, (uint64_t)len, TIMEOUT_FOREVER), "send");
    }
    report("sender", messages, ring);
    must(shmring_close(ring), "close");
}

int main(int argc, char **argv)
{
    uint64_t messages = argc > 1 ? strtoul(argv[1], 0, 10) : 100000;
    struct shmring ring;
    uint64_t n = 0;
    char text[64];
    long len, pid;

    must(shmring_create(&ring, 65536, SHMRING_RECEIVER), "create");
    pid = fork();
    must(pid, "fork");
    if (pid == 0) {
        shmring_turn(&ring); // the other end
        sender(&ring, messages);
        return 0;
    }
    while ((len = shmring_recv(&ring, text, sizeof(text), TIMEOUT_FOREVER)) >=
           0)
        if (n++ < SHOWN)
            printf("%.*s\n", (int)len, text);
    if (len != -E_PIPE)
        must(len, "receive");
    must(wait(pid, 0, TIMEOUT_FOREVER), "wait");
    report("receiver", n, &ring);
    return 0;
}
