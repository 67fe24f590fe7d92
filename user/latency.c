/*
 * latency [ROUNDS]: how long a message takes there and back between two
 * processes, by the calls that every program makes: percentiles of ROUNDS round
 * trips for each size, the message by copy and by descriptor, the answer empty.
 * Then the size from which on a descriptor is faster. The clock ticks, on an
 * emulator with the host's time, every 100 ns; each round includes one reading.
 */
#include <weir.h>

#define LARGEST 4096
#define FINE    64 /* steps of a factor of two */
#define STEPS   (40 * FINE)

static const uint32_t sizes[] = {0, 64, 256, 512, 1024, 2048, 3072, LARGEST};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static handle_t there, back, region;
static char bytes[LARGEST];
static uint32_t times[STEPS]; /* how many rounds took so long */

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "latency: %s: %s\n", what, err_name(result));
    exit(1);
}

/* The other process: until the queue is shut down. It keeps the first handle
 * of the region, and gets that one again with each further descriptor. */
static void answer(void)
{
    while (queue_recv(there, bytes, sizeof(bytes), 0, TIMEOUT_FOREVER) >= 0)
        must(queue_send(back, 0, 0, 0, TIMEOUT_FOREVER), "answer");
}

/* FINE equal steps for each factor of two; below FINE ns one for each. */
static uint32_t step_of(uint64_t ns)
{
    uint32_t shift = 0, step;

    while (ns >> shift >= 2 * FINE)
        shift++;
    step = shift * FINE + (uint32_t)(ns >> shift);
    return step < STEPS ? step : STEPS - 1;
}

static uint64_t ns_of(uint32_t step)
{
    uint32_t shift = step < 2 * FINE ? 0 : step / FINE - 1;

    return (uint64_t)(step - shift * FINE) << shift;
}

static void measure(uint32_t size, bool copies, uint64_t rounds)
{
    struct msg_desc desc = {.region = region, .length = size};

    memset(times, 0, sizeof(times));
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t start = (uint64_t)clock_ns();

        must(copies ? queue_send(there, bytes, size, 0, TIMEOUT_FOREVER)
                    : queue_send_desc(there, &desc, 0, TIMEOUT_FOREVER),
             "send");
        must(queue_recv(back, 0, 0, 0, TIMEOUT_FOREVER), "receive");
        times[step_of((uint64_t)clock_ns() - start)]++;
    }
}

/* So many ns at least did all but one round in `part` last. */
static uint64_t beyond(uint64_t rounds, uint64_t part)
{
    uint64_t left = rounds / part;
    uint32_t step = STEPS;

    while (step > 0 && times[step - 1] <= left)
        left -= times[--step];
    return ns_of(step ? step - 1 : 0);
}

static uint64_t show(uint32_t size, bool copies, uint64_t rounds)
{
    uint64_t median;

    measure(size, copies, rounds);
    median = beyond(rounds, 2);
    printf("%6u %-10s %8lu %8lu %8lu %8lu\n", size,
           copies ? "copy" : "descriptor", median, beyond(rounds, 10),
           beyond(rounds, 100), beyond(rounds, rounds + 1));
    return median;
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoul(argv[1], 0, 10) : 100000;
    uint32_t crossover = 0;
    long pid;

    if (rounds == 0)
        must(-E_INVAL, "rounds");
    must(there = (handle_t)queue_create(1, LARGEST, 0), "queue_create");
    must(back = (handle_t)queue_create(1, 1, 0), "queue_create");
    must(region = (handle_t)region_create(REGION_IMMUTABLE, LARGEST, 0, 0, 0),
         "region_create");
    must(region_seal(region), "region_seal");
    must(pid = fork(), "fork");
    if (pid == 0) {
        answer();
        return 0;
    }
    printf("there and back, ns, of %lu rounds each\n", rounds);
    printf("%6s %-10s %8s %8s %8s %8s\n", "bytes", "by", "median", "90 %",
           "99 %", "longest");
    for (uint32_t i = 0; i < SIZES; i++) {
        uint64_t copy = show(sizes[i], true, rounds);

        if (sizes[i] && show(sizes[i], false, rounds) < copy && !crossover)
            crossover = sizes[i];
    }
    if (crossover)
        printf("a descriptor is faster from %u bytes on\n", crossover);
    else
        printf("no descriptor is faster\n");
    handle_shutdown(there);
    return wait(pid, 0, TIMEOUT_FOREVER) == pid ? 0 : 1;
}
