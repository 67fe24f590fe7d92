/*
 * Messages of all kinds, a known number of each, for the test of traces. Prints
 * `COUNT what object messages` lines.
 */
#include <weir.h>
#include <ring.h>

#define QUEUE_MESSAGES 40 /* more than the queue has places: senders wait */
#define ELEMENTS       24
#define ONE_WAY        18 /* more than a port's places */
#define CALLS          9
#define ENTRIES        8
#define DROPPED        3

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    dprintf(STDERR, "traffic: %s: %s\n", what, err_name(result));
    exit(1);
}

static void count(const char *what, handle_t h, int messages)
{
    struct handle_info info;

    must(handle_info(h, &info), "handle_info");
    printf("COUNT %s %lu %d\n", what, info.object_id, messages);
}

static handle_t new_queue(uint32_t places)
{
    long q = queue_create(places, 64, 0);

    must(q, "queue_create");
    return (handle_t)q;
}

static void send(handle_t q, int n)
{
    for (uint64_t i = 0; i < (uint64_t)n; i++)
        must(queue_send(q, &i, sizeof(i), MSG_OPT(PRIO_NORMAL, 0),
                        TIMEOUT_FOREVER),
             "queue_send");
}

static void receive(handle_t q, int n)
{
    char buf[64];

    while (n--)
        must(queue_recv(q, buf, sizeof(buf), 0, TIMEOUT_FOREVER), "queue_recv");
}

static void through_queue(void)
{
    handle_t q = new_queue(2);
    long pid = SPAWN(receive(q, QUEUE_MESSAGES));

    send(q, QUEUE_MESSAGES);
    JOIN(pid);
    count("queue", q, QUEUE_MESSAGES);
}

/* A handle, and a descriptor. */
static void through_carrier(void)
{
    static const char text[] = "described";
    handle_t q = new_queue(1);
    long r =
        region_create(REGION_IMMUTABLE, sizeof(text), 0, text, sizeof(text));
    struct msg_desc desc = {.region = (handle_t)r, .length = sizeof(text)};
    long pid = SPAWN(receive(q, 2));

    must(r, "region_create");
    must(queue_send_desc(q, &desc, MSG_OPT(PRIO_NORMAL, 0), TIMEOUT_FOREVER),
         "queue_send_desc");
    must(queue_send_handle(q, (handle_t)r, RIGHT_READ, MSG_OPT(PRIO_NORMAL, 0),
                           TIMEOUT_FOREVER),
         "queue_send_handle");
    JOIN(pid);
    count("queue", q, 2);
}

static void through_channel(void)
{
    handle_t ends[2];
    uint64_t element = 0;
    long pid;

    must(chan_create(2, sizeof(element), ends), "chan_create");
    pid = SPAWN(for (int i = 0; i < ELEMENTS; i++) must(
        chan_recv(ends[1], &element, TIMEOUT_FOREVER), "chan_recv"));
    for (int i = 0; i < ELEMENTS; i++)
        must(chan_send(ends[0], &element, TIMEOUT_FOREVER), "chan_send");
    JOIN(pid);
    count("channel", ends[0], ELEMENTS);
}

/* The first answers by port_reply, the others by port_reply_recv. */
static void serve(handle_t p)
{
    struct ipc_msg m;
    long reply = port_recv(p, &m, TIMEOUT_FOREVER);
    int calls = 0;

    for (;;) {
        must(reply, "port_recv");
        calls += reply > 0;
        if (calls == CALLS)
            break;
        if (calls == 1 && reply) {
            must(port_reply((handle_t)reply, &m), "port_reply");
            reply = 0;
        }
        reply = port_reply_recv((handle_t)reply, p, &m, TIMEOUT_FOREVER);
    }
    must(port_reply((handle_t)reply, &m), "port_reply");
}

static void through_port(void)
{
    handle_t p = (handle_t)port_create();
    struct ipc_msg m = {0};
    long pid = SPAWN(serve(p));

    for (int i = 0; i < ONE_WAY; i++)
        must(port_send(p, &m, TIMEOUT_FOREVER), "port_send");
    for (int i = 0; i < CALLS; i++)
        must(port_call(p, &m, TIMEOUT_FOREVER), "port_call");
    JOIN(pid);
    count("port", p, ONE_WAY);
    printf("COUNT call 0 %d\nCOUNT reply 0 %d\n", CALLS, CALLS);
}

/* Receives that park, then sends that end them. */
static void through_ring(uint32_t polled)
{
    handle_t q = new_queue(2);
    struct ring_completion done;
    static char room[ENTRIES][64];
    struct sring ring;

    must(sring_open(&ring, 2 * ENTRIES | polled), "ring_setup");
    for (uint64_t i = 0; i < ENTRIES; i++)
        sring_add(&ring, i, queue_recv, q, room[i], 64, 0, TIMEOUT_FOREVER);
    must(sring_submit(&ring), "ring_submit");
    for (uint64_t i = 0; i < ENTRIES; i++)
        sring_add(&ring, i, queue_send, q, room[i], 8, MSG_OPT(PRIO_LOW, 0),
                  TIMEOUT_FOREVER);
    for (int i = 0; i < 2 * ENTRIES; i++) {
        must(sring_wait(&ring, &done, TIMEOUT_FOREVER), "ring");
        must(done.result, "entry");
    }
    must(sring_close(&ring), "ring_close");
    count("queue", q, ENTRIES);
    printf("COUNT entries 0 %d\n", 2 * ENTRIES);
}

static void to_nobody(void)
{
    handle_t q = new_queue(4);

    send(q, DROPPED);
    handle_close(q);
    printf("COUNT dropped 0 %d\n", DROPPED);
}

int main(void)
{
    through_queue();
    through_carrier();
    through_channel();
    through_port();
    through_ring(0);
    through_ring(RING_KERNEL_POLL);
    to_nobody();
    return 0;
}
