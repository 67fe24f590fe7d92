/* What semaphores, channels, ports and words cost. */
#include "bench.h"

static uint64_t bench_sem(uint64_t rounds, NO_ARG)
{
    handle_t s = (handle_t)sem_create(0);
    uint64_t start;

    must(s, "sem_create");
    start = now();
    for (uint64_t i = 0; i < rounds; i++) {
        must(sem_post(s), "sem_post");
        must(sem_wait(s, TIMEOUT_FOREVER), "sem_wait");
    }
    start = now() - start;
    handle_close(s);
    return start;
}

static uint64_t bench_chan(uint64_t rounds, NO_ARG)
{
    handle_t ends[2];
    uint64_t start, element = 0;

    must(chan_create(16, sizeof(element), ends), "chan_create");
    start = now();
    for (uint64_t i = 0; i < rounds; i++) {
        must(chan_send(ends[0], &element, TIMEOUT_FOREVER), "chan_send");
        must(chan_recv(ends[1], &element, TIMEOUT_FOREVER), "chan_recv");
    }
    start = now() - start;
    handle_close(ends[0]);
    handle_close(ends[1]);
    return start;
}

/* A server that answers with port_reply_recv, and a caller. */
static uint64_t bench_call(uint64_t rounds, NO_ARG)
{
    struct ipc_msg m = {.type = 1};
    handle_t p = (handle_t)port_create();
    uint64_t start;
    long pid, reply = 0;

    must(p, "port_create");
    pid = SPAWN(for (uint64_t i = 0; i <= rounds; i++) {
        reply = must(port_reply_recv((handle_t)reply, p, &m, TIMEOUT_FOREVER),
                     "port_reply_recv");
    } port_reply((handle_t)reply, &m););
    must(pid, "fork");
    must(port_call(p, &m, TIMEOUT_FOREVER), "port_call");
    start = now();
    for (uint64_t i = 0; i < rounds; i++)
        must(port_call(p, &m, TIMEOUT_FOREVER), "port_call");
    start = now() - start;
    JOIN(pid);
    handle_close(p);
    return start;
}

static uint64_t bench_word(uint64_t rounds, NO_ARG)
{
    static uint32_t word;
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++)
        must(word_wake(&word, 1), "word_wake");
    return now() - start;
}

/* Both ends in one process, 512 messages at a time, so that none waits: of a
 * message one side. */
static uint64_t bench_shmring(uint64_t rounds, NO_ARG)
{
    struct shmring out, in;
    uint64_t start;

    must(shmring_create(&out, 65536, SHMRING_SENDER), "shmring_create");
    in = out;
    shmring_turn(&in);
    start = now();
    for (uint64_t i = 0; i < rounds / 1024; i++) {
        for (int k = 0; k < 512; k++)
            if (shmring_send(&out, bench_buffer, SMALL, 0))
                must(-1, "shmring_send");
        for (int k = 0; k < 512; k++)
            if (shmring_recv(&in, bench_buffer, SMALL, 0) != SMALL)
                must(-1, "shmring_recv");
    }
    start = now() - start;
    must(-(long)(out.calls + in.calls), "shmring without calls");
    must(shmring_close(&out), "shmring_close");
    return start;
}

const struct row bench_ipc_rows[] = {
    {"P9", "call/reply 64 B, round trip", bench_call, 0, 5000},
    {"P14", "semaphore post + wait, uncontended", bench_sem, 0, 10000},
    {"P15", "word_wake, nobody waiting", bench_word, 0, 10000},
    {"P16", "shmring 64 B, a message and side", bench_shmring, 0, 102400},
    {"P21", "channel send + receive 8 B", bench_chan, 0, 10000},
    {0, 0, 0, 0, 0},
};
