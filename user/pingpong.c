/*
 * pingpong [ROUNDS]: two processes and two queues with room for one message
 * each. One sends a number, the other sends back its successor; a send or a
 * receive that has to wait hands the hart to the other process. Prints the
 * first rounds and what a round has cost.
 */
#include <weir.h>

#define SHOWN 3 /* rounds that are printed */

struct ball {
    uint64_t number;
    char note[56];
};

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "pingpong: %s: %s\n", what, err_name(result));
    exit(1);
}

/* The other process: until the first one closes its end. */
static void pong(handle_t from, handle_t to)
{
    struct ball ball;

    while (queue_recv(from, &ball, sizeof(ball), 0, TIMEOUT_FOREVER) > 0) {
        ball.number++;
        snprintf(ball.note, sizeof(ball.note), "pong from %ld", getpid());
        must(queue_send(to, &ball, sizeof(ball), MSG_OPT(PRIO_NORMAL, 0),
                        TIMEOUT_FOREVER),
             "send");
    }
}

static void ping(handle_t to, handle_t from, uint64_t rounds)
{
    struct ball ball = {.note = "ping"};
    struct msg_meta meta;

    for (uint64_t i = 0; i < rounds; i++) {
        must(queue_send(to, &ball, sizeof(ball), MSG_OPT(PRIO_NORMAL, 0),
                        TIMEOUT_FOREVER),
             "send");
        must(queue_recv(from, &ball, sizeof(ball), &meta, TIMEOUT_FOREVER),
             "receive");
        if (i < SHOWN)
            printf("round %lu: sent %lu, process %d answered %lu, \"%s\"\n", i,
                   2 * i, meta.sender, ball.number, ball.note);
        ball.number++;
    }
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoul(argv[1], 0, 10) : 10000;
    handle_t there = (handle_t)queue_create(1, sizeof(struct ball), 0);
    handle_t back = (handle_t)queue_create(1, sizeof(struct ball), 0);
    struct sys_info before, after;
    uint64_t start, ns;
    long pid;

    must(there, "queue_create");
    must(back, "queue_create");
    pid = fork();
    must(pid, "fork");
    if (pid == 0) {
        // The other end is gone for pong only if it does not hold it itself.
        handle_t in = (handle_t)handle_dup(there, RIGHT_READ, 0);

        must(in, "dup");
        handle_close(there);
        pong(in, back);
        return 0;
    }
    sys_info(&before);
    start = (uint64_t)clock_ns();
    ping(there, back, rounds);
    ns = (uint64_t)clock_ns() - start;
    sys_info(&after);
    handle_close(there);
    wait(pid, 0, TIMEOUT_FOREVER);
    if (rounds == 0)
        return 0;
    printf("%lu rounds of %lu bytes there and back: %lu ns a round", rounds,
           sizeof(struct ball), ns / rounds);
    if (after.instret > before.instret)
        printf(", instret %lu", (after.instret - before.instret) / rounds);
    printf("\n");
    return 0;
}
