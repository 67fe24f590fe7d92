/*
 * bench [ROW]... [entered=NS] [--system=N]: what operations cost. Meant for the
 * instruction clock (make bench): there one instruction takes one nanosecond,
 * and the difference of two clock readings over many rounds is an exact count,
 * with user and kernel of all processes that take part, the loop included.
 * entered= says what the clock showed when the firmware was done, --system= is
 * init's, when bench is a driver.
 */
#include "bench.h"

#define PASSES   20000ull        /* ns: a timeout that passes */
#define FAR_AWAY 100000000000ull /* one that does not */

uint8_t bench_buffer[4096] __attribute__((aligned(64)));
static struct msg_meta *const no_meta = 0;

void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "bench: %s: %s\n", what, err_name(result));
    exit(1);
}

uint64_t now(void)
{
    return (uint64_t)clock_ns();
}

handle_t new_queue(uint32_t ring, uint32_t max)
{
    handle_t q = (handle_t)queue_create(ring, max, 0);

    must(q, "queue_create");
    return q;
}

void send(handle_t q, size_t len)
{
    must(queue_send(q, bench_buffer, len, MSG_OPT(PRIO_NORMAL, 0),
                    TIMEOUT_FOREVER),
         "send");
}

void receive(handle_t q)
{
    must(queue_recv(q, bench_buffer, sizeof(bench_buffer), no_meta,
                    TIMEOUT_FOREVER),
         "receive");
}

static uint64_t bench_getpid(uint64_t rounds)
{
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++)
        getpid();
    return now() - start;
}

/* Send and receive in one process. */
static uint64_t copy_through(uint64_t rounds, size_t len)
{
    handle_t q = new_queue(16, (uint32_t)len);
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++) {
        send(q, len);
        receive(q);
    }
    start = now() - start;
    handle_close(q);
    return start;
}

static uint64_t bench_copy_64(uint64_t rounds)
{
    return copy_through(rounds, SMALL);
}

static uint64_t bench_copy_512(uint64_t rounds)
{
    return copy_through(rounds, 512);
}

static uint64_t bench_copy_3072(uint64_t rounds)
{
    return copy_through(rounds, 3072);
}

/* One process sends, the other receives: per message. */
static uint64_t stream(uint64_t rounds, size_t len)
{
    handle_t q = new_queue(64, (uint32_t)len);
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

static uint64_t bench_stream_64(uint64_t rounds)
{
    return stream(rounds, SMALL);
}

static uint64_t bench_stream_3072(uint64_t rounds)
{
    return stream(rounds, 3072);
}

static uint64_t bench_ping_pong(uint64_t rounds)
{
    handle_t there = new_queue(1, SMALL), back = new_queue(1, SMALL);
    uint64_t start;
    long pid = SPAWN(for (uint64_t i = 0; i <= rounds; i++) {
        receive(there);
        send(back, SMALL);
    });

    must(pid, "fork");
    send(there, SMALL);
    receive(back);
    start = now();
    for (uint64_t i = 0; i < rounds; i++) {
        send(there, SMALL);
        receive(back);
    }
    start = now() - start;
    JOIN(pid);
    handle_close(there);
    handle_close(back);
    return start;
}

/* Two processes yield to each other: two switches a round. */
static uint64_t bench_yield(uint64_t rounds)
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

static uint64_t bench_fork(uint64_t rounds)
{
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++)
        must(JOIN(SPAWN()), "fork");
    return now() - start;
}

static uint64_t bench_fork_exec(uint64_t rounds)
{
    char name[] = "true";
    char *argv[] = {name, 0};
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++)
        must(JOIN(SPAWN(exec(name, argv); exit(1))), "fork");
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
        must(queue_recv(back, bench_buffer, SMALL, no_meta, timeout),
             "receive");
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
static uint64_t bench_timer(uint64_t rounds)
{
    uint64_t without = ask_and_work(rounds, FAR_AWAY);
    uint64_t with = ask_and_work(rounds, PASSES);

    return with > without ? with - without : 0;
}

static uint64_t started_ns; /* when main() began */
static uint64_t entered_ns; /* when the kernel was entered */

static uint64_t bench_boot(uint64_t rounds)
{
    return (started_ns - entered_ns) * rounds;
}

static const struct row rows[] = {
    {"P1", "getpid", bench_getpid, 10000, 120, 70, 0},
    {"P2", "send + receive 64 B, one process", bench_copy_64, 10000, 450, 320,
     0},
    {"P3", "send + receive 512 B", bench_copy_512, 10000, 720, 600, 0},
    {"P4", "send + receive 3072 B", bench_copy_3072, 2000, 2350, 2250, 0},
    {"P5", "one way 64 B, two processes", bench_stream_64, 10000, 550, 420, 0},
    {"P6", "one way 3072 B", bench_stream_3072, 2000, 2450, 2300, 0},
    {"P8", "ping-pong 64 B, round trip", bench_ping_pong, 5000, 1300, 900, 0},
    {"P10", "yield, one switch", bench_yield, 10000, 250, 180, 0},
    {"P17", "timer interrupt, same goes on", bench_timer, 500, 300, 150, 0},
    {"P18", "fork + exit + wait", bench_fork, 200, 50000, 25000, 0},
    {"P19", "fork + exec + exit + wait", bench_fork_exec, 200, 100000, 60000,
     0},
    {"P20", "power-on to first program", bench_boot, 1, 40000000, 10000000, 0},
};

/* Whether a million instructions take a millisecond. */
static bool instruction_clock(void)
{
    uint64_t start = now(), count = 500000;

    asm volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(count));
    start = now() - start;
    return start > 999000 && start < 1010000;
}

static bool wanted(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

/* The results of rows that others are compared with. */
static struct {
    const char *name;
    uint64_t each;
} results[64];
static size_t result_count;

/* What the row may cost: 5 % more than the one that it is compared with. */
static uint64_t limit_of(const struct row *row)
{
    for (size_t i = 0; row->near && i < result_count; i++)
        if (strcmp(results[i].name, row->near) == 0)
            return results[i].each + results[i].each / 20;
    return row->must;
}

static void run(const struct row *row)
{
    uint64_t each, limit = limit_of(row), aim = row->near ? limit : row->aim;

    if (row->rounds > 1)
        row->run(row->rounds / 100 + 1); /* the first time costs more */
    each = row->run(row->rounds) / row->rounds;
    printf("%-4s %-34s %12lu", row->name, row->what, each);
    if (limit > 0)
        printf(" %8lu %8lu %s\n", limit, aim,
               each > limit ? "over"
               : each > aim ? "must"
                            : "aim");
    else
        printf(" %8s %8s\n", "-", "-");
    if (result_count < sizeof(results) / sizeof(results[0])) {
        results[result_count].name = row->name;
        results[result_count++].each = each;
    }
}

int main(int argc, char **argv)
{
    static const char prefix[] = "entered=", system[] = "--system=";
    int names = argc - 1;

    started_ns = now();
    if (names > 0 && strncmp(argv[names], system, sizeof(system) - 1) == 0)
        bench_system = atoi(argv[names--] + sizeof(system) - 1);
    if (names > 0 && strncmp(argv[names], prefix, sizeof(prefix) - 1) == 0)
        entered_ns = strtoul(argv[names--] + sizeof(prefix) - 1, NULL, 10);
    if (!instruction_clock())
        printf("# not under the instruction clock: these are nanoseconds\n");
    printf("%-4s %-34s %12s %8s %8s\n", "row", "operation", "instructions",
           "must", "aim");
    for (const struct row *row = bench_irq_rows; row->name; row++)
        if (wanted(row->name, argv + 1, names))
            run(row);
    handle_close(bench_system); /* the other rows fork without it */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (wanted(rows[i].name, argv + 1, names))
            run(&rows[i]);
    for (const struct row *row = bench_region_rows; row->name; row++)
        if (wanted(row->name, argv + 1, names))
            run(row);
    for (const struct row *row = bench_ring_rows; row->name; row++)
        if (wanted(row->name, argv + 1, names))
            run(row);
    for (const struct row *row = bench_ipc_rows; row->name; row++)
        if (wanted(row->name, argv + 1, names))
            run(row);
    for (const struct row *row = bench_scale_rows; row->name; row++)
        if (wanted(row->name, argv + 1, names))
            run(row);
    return 0;
}
