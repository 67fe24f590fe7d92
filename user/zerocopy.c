/*
 * zerocopy FILE: sends a boot file to `wc` twice, as a descriptor by `cat` and
 * byte by byte by `head`, and shows what the queue between them carried.
 */
#include <weir.h>

#define SOME_BYTES "1000000000" /* as many as there are */

/* Starts a program with this queue as its stream; gives its pid. */
static long start(handle_t q, int stream, char *const argv[])
{
    long pid = fork();

    if (pid != 0)
        return pid;
    if (handle_dup_at(q, stream) >= 0 && handle_close(q) == 0)
        exec(argv[0], argv);
    exit(127);
}

/* The bytes of the file that were copied into the queue. */
static uint64_t bytes_copied(const struct queue_stat *stat, uint8_t kind)
{
    if (kind == MSG_DESC)
        return stat->bytes_sent - stat->sent * sizeof(struct msg_desc);
    return stat->bytes_sent;
}

static int send_through_queue(char *const writer[])
{
    char *wc[] = {(char *)"wc", 0};
    long both = queue_create(64, 1024, 0);
    long end = handle_dup((handle_t)both, RIGHT_READ | RIGHT_GRANT, 0);
    struct wait_item item = {(handle_t)end, SIG_READABLE, 0};
    struct queue_stat stat;
    struct msg_meta meta;
    long pid;
    int status;

    if (both < 0 || end < 0)
        return 1;
    pid = start((handle_t)both, STDOUT, writer);
    handle_close((handle_t)both);
    // Look at the first message before somebody takes it.
    if (handle_wait(&item, 1, TIMEOUT_FOREVER) < 0 ||
        queue_peek((handle_t)end, &meta) < 0)
        return 1;
    status = JOIN(start((handle_t)end, STDIN, wc));
    status |= JOIN(pid);
    if (queue_stat((handle_t)end, &stat) < 0)
        return 1;
    printf("%s | wc: %lu %s%s, %lu bytes copied\n", writer[0], stat.sent,
           meta.kind == MSG_DESC ? "descriptor" : "message",
           stat.sent == 1 ? "" : "s", bytes_copied(&stat, meta.kind));
    return handle_close((handle_t)end) < 0 || status != 0;
}

int main(int argc, char **argv)
{
    char *cat[] = {(char *)"cat", argv[1], 0};
    char *head[] = {(char *)"head", (char *)"-c", (char *)SOME_BYTES, argv[1],
                    0};

    if (argc != 2) {
        dprintf(STDERR, "usage: zerocopy FILE\n");
        return 1;
    }
    return send_through_queue(cat) || send_through_queue(head);
}
