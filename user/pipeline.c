/*
 * pipeline: producer -> filter -> consumer, three processes and two queues.
 *
 * The producer sends the numbers 1 to 20, the filter lets the odd ones pass,
 * squared, the consumer prints them. Nobody sends an "end" message: when the
 * producer ends, its handle closes with it, the filter drains its queue and
 * gets E_PIPE, ends, and so does the consumer. That works only because each
 * process keeps just the handles that it uses.
 */
#include <weir.h>

#define RING 4

struct item {
    uint64_t value;
    int32_t maker;
};

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "pipeline: %s: %s\n", what, err_name(result));
    exit(1);
}

static void send_item(handle_t to, uint64_t value)
{
    struct item item = {.value = value, .maker = (int32_t)getpid()};

    must(queue_send(to, &item, sizeof(item), MSG_OPT(PRIO_NORMAL, 0),
                    TIMEOUT_FOREVER),
         "send");
}

static bool receive_item(handle_t from, struct item *item)
{
    long n = queue_recv(from, item, sizeof(*item), 0, TIMEOUT_FOREVER);

    if (n == -E_PIPE)
        return false;
    must(n, "receive");
    return true;
}

static void producer(handle_t to)
{
    for (uint64_t n = 1; n <= 20; n++)
        send_item(to, n);
    printf("producer %ld: sent 20 numbers, done\n", getpid());
}

static void filter(handle_t from, handle_t to)
{
    struct item item;

    while (receive_item(from, &item))
        if (item.value % 2 == 1)
            send_item(to, item.value * item.value);
    printf("filter   %ld: the producer is gone, done\n", getpid());
}

static void consumer(handle_t from)
{
    struct item item;
    uint64_t sum = 0;

    while (receive_item(from, &item)) {
        printf("consumer %ld: %lu from process %d\n", getpid(), item.value,
               item.maker);
        sum += item.value;
    }
    printf("consumer %ld: the filter is gone, the sum is %lu\n", getpid(), sum);
}

/* A handle with just this right, in place of the one that may do all. */
static handle_t end_of(handle_t queue, uint32_t right)
{
    handle_t end = (handle_t)handle_dup(queue, right, 0);

    must(end, "dup");
    return end;
}

int main(void)
{
    handle_t first = (handle_t)queue_create(RING, sizeof(struct item), 0);
    handle_t second = (handle_t)queue_create(RING, sizeof(struct item), 0);
    handle_t in1, out1, in2, out2;

    must(first, "queue_create");
    must(second, "queue_create");
    in1 = end_of(first, RIGHT_READ);
    out1 = end_of(first, RIGHT_WRITE);
    in2 = end_of(second, RIGHT_READ);
    out2 = end_of(second, RIGHT_WRITE);
    handle_close(first);
    handle_close(second);
    must(SPAWN(handle_close(in1); handle_close(in2); handle_close(out2);
               producer(out1)),
         "fork");
    must(SPAWN(handle_close(out1); handle_close(in2); filter(in1, out2)),
         "fork");
    must(SPAWN(handle_close(in1); handle_close(out1); handle_close(out2);
               consumer(in2)),
         "fork");
    handle_close(in1);
    handle_close(out1);
    handle_close(in2);
    handle_close(out2);
    while (wait(-1, 0, TIMEOUT_FOREVER) > 0)
        ;
    return 0;
}
