/*
 * bench [ROW]... [rounds=N] [entered=NS] [--system=N]: what operations cost, a
 * line for each row: its name, what it is, and how much, separated by tabs.
 * Meant for the instruction clock (make bench): there one instruction takes one
 * nanosecond, and the difference of two clock readings over many rounds is an
 * exact count, with user and kernel of all processes that take part, the loop
 * included. entered= says what the clock showed when the firmware was done,
 * --system= is init's, when bench is a driver.
 */
#include "bench.h"

uint8_t bench_buffer[4096] __attribute__((aligned(64)));
uint64_t bench_entered_ns, bench_started_ns;
static uint64_t fixed_rounds; /* instead of each row's; 0: no */

void bench_failed(long result, const char *what)
{
    dprintf(STDERR, "bench: %s: %s\n", what, err_name(result));
    exit(1);
}

uint64_t now(void)
{
    return (uint64_t)clock_ns();
}

handle_t new_queue(uint32_t ring, uint32_t max)
{
    return (handle_t)must(queue_create(ring, max, 0), "queue_create");
}

struct ends new_ends(uint32_t max)
{
    handle_t q = new_queue(1, max);
    struct ends e = {
        (handle_t)must(handle_dup(q, RIGHT_READ, 0), "handle_dup"),
        (handle_t)must(handle_dup(q, RIGHT_WRITE, 0), "handle_dup"),
    };

    handle_close(q);
    return e;
}

void await_line(handle_t q, uint64_t n)
{
    struct queue_stat s;

    do {
        yield();
        must(queue_stat(q, &s), "queue_stat");
    } while (s.waiting_receivers + s.waiting_senders < n);
}

void crowd_wait(const struct ends *e)
{
    handle_close(e->write);
    (void)queue_recv(e->read, 0, 0, 0, TIMEOUT_FOREVER);
}

void crowd_wake(const struct ends *e)
{
    handle_close(e->write);
}

void crowd_end(const struct ends *e, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        must(wait(-1, 0, TIMEOUT_FOREVER), "wait");
    handle_close(e->read);
}

static bool wanted(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

static void run(const struct row *row)
{
    uint64_t rounds = fixed_rounds ? fixed_rounds : row->rounds;

    if (row->rounds > 1)
        row->run(rounds / 100 + 1, row->arg); /* the first time costs more */
    else
        rounds = 1;
    printf("%s\t%s\t%lu\n", row->name, row->what,
           row->run(rounds, row->arg) / rounds);
}

/* The number after `prefix` in the last argument, which is taken away. */
static bool option(const char *prefix, int *count, char **argv, uint64_t *out)
{
    size_t len = strlen(prefix);

    if (*count < 1 || strncmp(argv[*count], prefix, len) != 0)
        return false;
    *out = strtoul(argv[(*count)--] + len, NULL, 10);
    return true;
}

int main(int argc, char **argv)
{
    static const struct row *const files[] = {
        bench_irq_rows,    bench_queue_rows, bench_size_rows,
        bench_region_rows, bench_ring_rows,  bench_ipc_rows,
        bench_scale_rows,  bench_call_rows,  bench_memory_rows};
    int names = argc - 1;
    uint64_t system;

    bench_started_ns = now();
    if (option("--system=", &names, argv, &system))
        bench_system = (handle_t)system;
    (void)option("entered=", &names, argv, &bench_entered_ns);
    (void)option("rounds=", &names, argv, &fixed_rounds);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        for (const struct row *row = files[i]; row->name; row++)
            if (wanted(row->name, argv + 1, names))
                run(row);
        if (i == 0)
            handle_close(bench_system); /* the others fork without it */
    }
    return 0;
}
