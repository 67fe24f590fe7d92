/*
 * batch: what an operation costs by itself, and in batches of a submit ring.
 *
 * A call by trap enters the kernel once for each operation. By ring, 64
 * operations are one trap: what a trap costs is shared among them. Under the
 * instruction clock (make run ICOUNT=1 CMD=batch) the numbers are instructions,
 * user and kernel together, the same in every run; else nanoseconds.
 */
#include <weir.h>

enum { OPERATIONS = 64 * 200, MOST = 64, BYTES = 64, COLUMNS = 40 };

static struct sring ring;
static handle_t queue;
static char message[BYTES];

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "batch: %s: %s\n", what, err_name(result));
    exit(1);
}

static uint64_t now(void)
{
    return (uint64_t)clock_ns();
}

/* One trap, and the completions of all that was added. */
static void submit_and_reap(void)
{
    const struct ring_completion *done;

    must(sring_submit(&ring), "submit");
    while ((done = sring_reap(&ring)) != 0)
        must(done->result, "operation");
}

static void nops(uint32_t batch)
{
    for (uint32_t i = 0; batch == 0 && i < OPERATIONS; i++)
        nop();
    for (uint32_t i = 0; batch > 0 && i < OPERATIONS; i += batch) {
        for (uint32_t k = 0; k < batch; k++)
            sring_add(&ring, k, nop);
        submit_and_reap();
    }
}

/* Send and receive MOST messages by trap. */
static void by_trap(void)
{
    for (uint32_t i = 0; i < MOST; i++)
        must(queue_send(queue, message, BYTES, 0, 0), "send");
    for (uint32_t i = 0; i < MOST; i++)
        must(queue_recv(queue, message, BYTES, 0, 0), "receive");
}

/* The same by ring. */
static void by_ring(uint32_t batch)
{
    for (uint32_t i = 0; i < MOST; i += batch) {
        for (uint32_t k = 0; k < batch; k++)
            sring_add(&ring, k, queue_send, queue, message, BYTES, 0, 0);
        submit_and_reap();
    }
    for (uint32_t i = 0; i < MOST; i += batch) {
        for (uint32_t k = 0; k < batch; k++)
            sring_add(&ring, k, queue_recv, queue, message, BYTES, 0, 0);
        submit_and_reap();
    }
}

static void messages(uint32_t batch)
{
    for (uint32_t i = 0; i < OPERATIONS; i += 2 * MOST) {
        if (batch == 0)
            by_trap();
        else
            by_ring(batch);
    }
}

/* Whether a million instructions take a millisecond. */
static bool instruction_clock(void)
{
    uint64_t start = now(), count = 500000;

    asm volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(count));
    start = now() - start;
    return start > 999000 && start < 1010000;
}

static void measure(const char *what, void (*run)(uint32_t batch))
{
    static const uint32_t batches[] = {0, 1, 8, 64};
    uint64_t cost[4], most = 1;

    for (int i = 0; i < 4; i++) {
        uint64_t start;

        run(batches[i]); // once to warm up
        start = now();
        run(batches[i]);
        cost[i] = (now() - start) / OPERATIONS;
        if (cost[i] > most)
            most = cost[i];
    }
    printf("\n%s\n", what);
    for (int i = 0; i < 4; i++) {
        if (batches[i] == 0)
            printf("  by trap     ");
        else
            printf("  batch of %-3u", batches[i]);
        printf("%6lu  ", cost[i]);
        for (uint64_t bar = 0; bar < cost[i] * COLUMNS / most; bar++)
            putchar('#');
        printf("\n");
    }
}

int main(void)
{
    queue = (handle_t)queue_create(MOST, BYTES, 0);
    must(queue, "queue_create");
    must(sring_open(&ring, MOST), "ring_setup");
    printf("one operation, in %s\n",
           instruction_clock() ? "instructions" : "nanoseconds");
    measure("nop", nops);
    measure("send or receive 64 bytes", messages);
    return 0;
}
