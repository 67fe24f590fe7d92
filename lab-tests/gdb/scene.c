/*
 * What the debugger's commands are tried on: processes that sleep in all kinds
 * of waits, and objects in known states. When all of it stands, the program
 * calls scene_ready(); some times, since the other hart may have something to
 * finish in the firmware.
 */
#include <weir.h>

#define FOREVER TIMEOUT_FOREVER

static handle_t three, full, left, right, sealed, shut_in;
long mapped, the_port, sem, parcels, slab;

__attribute__((noinline)) void scene_ready(long pid)
{
    __asm__ volatile("" : : "r"(pid) : "memory");
}

static void must(long result)
{
    if (result < 0)
        exit(2);
}

/* Two processes, each of which waits for what the other one would send. */
static __attribute__((noinline)) void knot(handle_t from, handle_t to)
{
    char byte;

    if (queue_recv(from, &byte, 1, 0, FOREVER) == 1)
        queue_send(to, &byte, 1, 0, FOREVER);
    exit(1);
}

static void use_ring(void)
{
    struct sring ring;
    char byte;

    must(sring_open(&ring, 8));
    sring_add(&ring, 0x77, queue_recv, shut_in, &byte, 1, 0, FOREVER);
    sring_submit_wait(&ring, 1, FOREVER);
    exit(1);
}

static void call_port(void)
{
    static struct ipc_msg m = {.type = 5};
    long port = port_connect("scene");

    must(port);
    port_call((handle_t)port, &m, FOREVER);
    exit(1);
}

static void fill_full(void)
{
    queue_send(full, "second", 6, MSG_OPT(PRIO_HIGH, 0), FOREVER);
    exit(1);
}

static void wait_sem(void)
{
    sem_wait((handle_t)sem, FOREVER);
    exit(1);
}

static void wait_word(void)
{
    const uint32_t *word = (const uint32_t *)mapped;

    word_wait(word, *word, FOREVER);
    exit(1);
}

static void wait_signals(void)
{
    struct wait_item items[2] = {{shut_in, SIG_READABLE, 0},
                                 {full, SIG_WRITABLE, 0}};

    handle_wait(items, 2, FOREVER);
    exit(1);
}

static void wait_long(void)
{
    timer_wait(TIMER_REL, FOREVER / 2);
    exit(1);
}

static long start(void (*body)(void))
{
    struct proc_info p;
    long pid = fork();

    if (pid == 0)
        body();
    do {
        timer_wait(TIMER_REL, 1000000);
        must(proc_info(pid, &p));
    } while (p.state != PROC_WAITING);
    return pid;
}

static void left_one(void)
{
    knot(left, right);
}

static void right_one(void)
{
    knot(right, left);
}

static handle_t queue(uint32_t places)
{
    return (handle_t)queue_create(places, 64, 0);
}

int main(void)
{
    struct msg_desc part = {.offset = 1, .length = 2};
    long last;

    the_port = port_create();
    three = queue(8);
    must(queue_send(three, "slow", 4, MSG_OPT(PRIO_LOW, 1), 0));
    must(queue_send(three, "first", 5, MSG_OPT(PRIO_URGENT, 2), 0));
    must(queue_send(three, "then", 4, MSG_OPT(PRIO_URGENT, 3), 0));
    sealed =
        (handle_t)region_create(REGION_IMMUTABLE, 2 * PAGE_SIZE, 0, "abc", 3);
    mapped = region_map(sealed, 0, PROT_READ);
    must(mapped);
    part.region = sealed;
    must(port_bind((handle_t)the_port, "scene"));
    full = queue(1);
    must(queue_send(full, "only", 4, 0, 0));
    shut_in = queue(1);
    start(use_ring);
    start(call_port);
    start(fill_full);
    left = queue(1);
    right = queue(1);
    start(left_one);
    last = start(right_one);
    must(handle_close(left));
    must(handle_close(right));
    sem = sem_create(0);
    parcels = queue(4);
    must(queue_send_handle((handle_t)parcels, three, RIGHT_READ, 0, 0));
    must(queue_send_desc((handle_t)parcels, &part, 0, 0));
    start(wait_sem);
    start(wait_word);
    start(wait_signals);
    start(wait_long);
    for (int i = 0; i < 100; i++) {
        scene_ready(last);
        for (volatile uint32_t n = 0; n < 100000; n++)
            continue;
    }
    slab = region_create(REGION_SLAB, 64, 4, 0, 0);
    must(slab);
    must(slot_alloc((handle_t)slab));
    return 0;
}
