/*
 * uecho [CLIENTS [MESSAGES]]: a server that waits on many queues with one ring.
 *
 * The server has a receive parked in each client's queue. It sleeps in one
 * place until some of them have completed; then it puts an answer and the next
 * receive into the ring for each, and goes back to sleep: all with one trap. No
 * process for each client, and nothing is asked in vain.
 *
 * The clients are built in: each sends its messages, and checks that what comes
 * back is what it has sent. When all of them have ended, so does the server,
 * with status 0 if every answer was right.
 */
#include <weir.h>

enum { MOST_CLIENTS = 32, ENTRIES = 64 };
enum { RECEIVED = 0, SENT = 1 }; /* in user_data: 2 * client + what was done */

struct note {
    uint64_t client, number;
    char text[48];
};

static struct {
    handle_t in, out;
    struct note note;
} clients[MOST_CLIENTS];
static struct sring ring;

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "uecho: %s: %s\n", what, err_name(result));
    exit(1);
}

/* --- a client ------------------------------------------------------------- */

static int ask(uint64_t me, handle_t to, handle_t from, uint64_t messages)
{
    for (uint64_t i = 0; i < messages; i++) {
        struct note asked = {.client = me, .number = i}, answer = {0};

        snprintf(asked.text, sizeof(asked.text), "message %lu of client %lu", i,
                 me);
        must(queue_send(to, &asked, sizeof(asked), 0, TIMEOUT_FOREVER),
             "client: send");
        must(queue_recv(from, &answer, sizeof(answer), 0, TIMEOUT_FOREVER),
             "client: receive");
        if (memcmp(&asked, &answer, sizeof(asked)) != 0) {
            dprintf(STDERR, "uecho: client %lu: answer %lu is wrong\n", me, i);
            return 1;
        }
    }
    return 0;
}

/* A client with a queue for each direction. The server keeps just one end of
 * each, so that it is told when the client has gone. */
static void start_client(uint64_t i, uint64_t messages)
{
    handle_t to = (handle_t)queue_create(4, sizeof(struct note), 0);
    handle_t from = (handle_t)queue_create(4, sizeof(struct note), 0);

    must(to, "queue_create");
    must(from, "queue_create");
    clients[i].in = (handle_t)handle_dup(to, RIGHT_READ, 0);
    clients[i].out = (handle_t)handle_dup(from, RIGHT_WRITE, 0);
    must(SPAWN(exit(ask(i, to, from, messages))), "fork");
    handle_close(to);
    handle_close(from);
}

/* --- the server ----------------------------------------------------------- */

static void receive(uint64_t i)
{
    sring_add(&ring, 2 * i + RECEIVED, queue_recv, clients[i].in,
              &clients[i].note, sizeof(struct note), 0, TIMEOUT_FOREVER);
}

/* Without waiting: the note has been read when the receive behind it begins.
 * No completion, unless it fails: a client that does not read its answers loses
 * them. */
static void send_back(uint64_t i, uint64_t len)
{
    sring_add(&ring, 2 * i + SENT, queue_send, clients[i].out, &clients[i].note,
              len, 0, 0)
        ->flags = 0;
}

/* Until the last client has gone. */
static void serve(uint64_t count)
{
    const struct ring_completion *done;
    uint64_t echoed = 0, traps = 0, left = count;

    for (uint64_t i = 0; i < count; i++)
        receive(i);
    while (left > 0) {
        must(sring_submit_wait(&ring, 1, TIMEOUT_FOREVER), "submit");
        traps++;
        while ((done = sring_reap(&ring)) != 0) {
            uint64_t i = done->user_data / 2;

            if (done->user_data % 2 == SENT) {
                echoed--;
            } else if (done->result < 0) {
                left--; // -E_PIPE: the client has ended
            } else {
                send_back(i, (uint64_t)done->result);
                receive(i);
                echoed++;
            }
        }
    }
    printf("uecho: %lu messages of %lu clients echoed with %lu traps\n", echoed,
           count, traps);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoul(argv[1], 0, 10) : 16;
    uint64_t messages = argc > 2 ? strtoul(argv[2], 0, 10) : 100;
    struct exit_info info;
    int wrong = 0;

    if (count < 1 || count > MOST_CLIENTS) {
        dprintf(STDERR, "usage: uecho [CLIENTS, up to %d [MESSAGES]]\n",
                MOST_CLIENTS);
        return 2;
    }
    must(sring_open(&ring, ENTRIES), "ring_setup");
    for (uint64_t i = 0; i < count; i++)
        start_client(i, messages);
    serve(count);
    while (wait(-1, &info, TIMEOUT_FOREVER) > 0)
        wrong += info.reason != EXIT_NORMAL || info.code != 0;
    printf("uecho: %lu clients were answered right, %d were not\n",
           count - (uint64_t)wrong, wrong);
    return wrong > 0;
}
