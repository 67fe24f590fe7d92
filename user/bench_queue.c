/* What the common operations of processes and queues cost. */
#include "bench.h"

#define PASSES   20000ull        /* ns: a timeout that passes */
#define FAR_AWAY 100000000000ull /* one that does not */

static uint64_t ask_pid(uint64_t rounds, NO_ARG)
{
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++)
        getpid();
    return now() - start;
}

/* Send and receive in one process. */
uint64_t bench_copy(uint64_t rounds, uint64_t len)
{
    handle_t q = new_queue(16, len ? (uint32_t)len : 1);
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++) {
        send(q, len);
        receive(q);
    }
    start = now() - start;
    handle_close(q);
    return start;
}

/* One process sends, the other receives: per message. */
uint64_t bench_stream(uint64_t rounds, uint64_t len)
{
    handle_t q = new_queue(64, len ? (uint32_t)len : 1);
    uint64_t start;
    long pid = SPAWN(for (uint64_t i = 0; i <= rounds; i++) receive(q));

    must(pid, "fork");
    send(q, len);
    yield();
    start = now();
    for (uint64_t i = 0; i < rounds; i++)
        send(q, len);
    JOIN(pid);
    start = now() - start;
    handle_close(q);
    return start;
}

/* There and back, between two processes. */
uint64_t bench_ping_pong(uint64_t rounds, uint64_t len)
{
    handle_t there = new_queue(1, (uint32_t)len);
    handle_t back = new_queue(1, (uint32_t)len);
    uint64_t start;
    long pid = SPAWN(for (uint64_t i = 0; i <= rounds; i++) {
        receive(there);
        send(back, len);
    });

    must(pid, "fork");
    send(there, len);
    receive(back);
    start = now();
    for (uint64_t i = 0; i < rounds; i++) {
        send(there, len);
        receive(back);
    }
    start = now() - start;
    JOIN(pid);
    handle_close(there);
    handle_close(back);
    return start;
}

/* Two processes yield to each other: two switches a round. */
static uint64_t give_way(uint64_t rounds, NO_ARG)
{
    uint64_t start;
    long pid = SPAWN(for (uint64_t i = 0; i < rounds / 2 + 50; i++) yield());

    must(pid, "fork");
    yield();
    start = now();
    for (uint64_t i = 0; i < rounds / 2; i++)
        yield();
    start = now() - start;
    JOIN(pid);
    return start;
}

static uint64_t have_child(uint64_t rounds, uint64_t runs_program)
{
    char name[] = "true";
    char *argv[] = {name, 0};
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++)
        must(JOIN(SPAWN(if (runs_program) {
                 exec(name, argv);
                 exit(1);
             })),
             "fork");
    return now() - start;
}

/*
 * Ask and be answered, waiting no longer than the timeout, then work past a
 * timeout of 20 us.
 */
static uint64_t ask_and_work(uint64_t rounds, uint64_t timeout)
{
    handle_t there = new_queue(1, SMALL), back = new_queue(1, SMALL);
    uint64_t start;
    long pid = SPAWN(for (uint64_t i = 0; i < rounds; i++) {
        receive(there);
        send(back, SMALL);
    });

    must(pid, "fork");
    start = now();
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t count = PASSES; /* two instructions each */

        send(there, SMALL);
        must(queue_recv(back, bench_buffer, SMALL, 0, timeout), "receive");
        asm volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(count));
    }
    start = now() - start;
    JOIN(pid);
    handle_close(there);
    handle_close(back);
    return start;
}

/*
 * A timer interrupt after which the same process goes on: the clock of a wait
 * that has ended before its timeout. The difference between a timeout that
 * passes while the process works and one that is far away is one interrupt a
 * round, with the setting of the clock.
 */
static uint64_t be_interrupted(uint64_t rounds, NO_ARG)
{
    uint64_t without = ask_and_work(rounds, FAR_AWAY);
    uint64_t with = ask_and_work(rounds, PASSES);

    return with > without ? with - without : 0;
}

static uint64_t boot(uint64_t rounds, NO_ARG)
{
    return (bench_started_ns - bench_entered_ns) * rounds;
}

const struct row bench_queue_rows[] = {
    {"P1", "getpid", ask_pid, 0, 10000},
    {"P2", "send + receive 64 B, one process", bench_copy, SMALL, 10000},
    {"P3", "send + receive 512 B", bench_copy, 512, 10000},
    {"P4", "send + receive 3072 B", bench_copy, 3072, 2000},
    {"P5", "one way 64 B, two processes", bench_stream, SMALL, 10000},
    {"P6", "one way 3072 B", bench_stream, 3072, 2000},
    {"P8", "ping-pong 64 B, round trip", bench_ping_pong, SMALL, 5000},
    {"P10", "yield, one switch", give_way, 0, 10000},
    {"P17", "timer interrupt, same goes on", be_interrupted, 0, 500},
    {"P18", "fork + exit + wait", have_child, false, 200},
    {"P19", "fork + exec + exit + wait", have_child, true, 200},
    {"P20", "power-on to first program", boot, 0, 1},
    {0, 0, 0, 0, 0},
};
