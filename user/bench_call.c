/*
 * What each call costs that no other row is about, as a program makes it: with
 * its stub, in a loop. A call that makes something is counted with the one that
 * takes it away.
 */
#include "bench.h"

/* What the calls are about; the same in every row. */
static struct {
    handle_t queue, region, slab, sem, port, named, chan[2];
    uint64_t slot;
} it;

static void set_up(void)
{
    it.queue = new_queue(4, SMALL);
    send(it.queue, SMALL);
    it.region = (handle_t)must(
        region_create(REGION_IMMUTABLE, PAGE_SIZE, 0, 0, 0), "region_create");
    it.slab = (handle_t)must(region_create(REGION_SLAB, SMALL, 4, 0, 0),
                             "region_create");
    it.slot = (uint64_t)must(slot_alloc(it.slab), "slot_alloc");
    it.sem = (handle_t)must(sem_create(1), "sem_create");
    it.port = (handle_t)must(port_create(), "port_create");
    it.named = (handle_t)must(port_create(), "port_create");
    must(port_bind(it.named, "bench.named"), "port_bind");
    must(chan_create(4, 8, it.chan), "chan_create");
}

static void take_down(void)
{
    const handle_t all[] = {it.queue, it.region, it.slab,    it.sem,
                            it.port,  it.named,  it.chan[0], it.chan[1]};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        must(handle_close(all[i]), "handle_close");
}

/* A function that makes so many rounds of a statement. */
#define CALL(name, ...)                                                        \
    static uint64_t do_##name(uint64_t rounds, NO_ARG)                         \
    {                                                                          \
        uint64_t start;                                                        \
                                                                               \
        set_up();                                                              \
        start = now();                                                         \
        for (uint64_t i = 0; i < rounds; i++)                                  \
            __VA_ARGS__;                                                       \
        start = now() - start;                                                 \
        take_down();                                                           \
        return start;                                                          \
    }

/* One call; or two, the second with the result of the first. */
#define ONE(name, ...) CALL(name, must(name(__VA_ARGS__), #name))
#define TWO(name, args, undo, ...)                                             \
    CALL(name, {                                                               \
        long made = must(name args, #name);                                    \
                                                                               \
        (void)made;                                                            \
        must(undo(__VA_ARGS__), #undo);                                        \
    })

#define B bench_buffer

static long receive_handle(handle_t q)
{
    struct msg_handle m;

    must(queue_recv(q, &m, sizeof(m), 0, 0), "queue_recv");
    return handle_close(m.handle);
}

/* Children that sleep for ever cost a fork and a wait besides. */
static long child_asleep(void)
{
    return must(SPAWN(timer_wait(TIMER_REL, TIMEOUT_FOREVER / 4)), "fork");
}

ONE(nop)
ONE(clock_ns)
ONE(sys_info, (void *)B)
ONE(proc_info, getpid(), (void *)B)
TWO(sbrk, (PAGE_SIZE), sbrk, -(long)PAGE_SIZE)
ONE(timer_wait, TIMER_ABS, 0)
TWO(handle_dup, (it.queue, RIGHT_READ, 0), handle_close, (handle_t)made)
ONE(handle_dup_at, STDIN, STDIN)
ONE(handle_info, it.queue, (void *)B)
ONE(handle_revoke, it.queue)
TWO(handle_subscribe, (it.sem, it.queue, SIG_CLOSED, 0), handle_unsubscribe,
    it.sem, it.queue)
TWO(queue_create, (4, SMALL, 0), handle_close, (handle_t)made)
ONE(queue_peek, it.queue, (void *)B)
ONE(queue_stat, it.queue, (void *)B)
TWO(queue_send_handle, (it.queue, it.sem, RIGHT_WRITE, PRIO_URGENT, 0),
    receive_handle, it.queue)
TWO(region_create, (REGION_IMMUTABLE, SMALL, 0, 0, 0), handle_close,
    (handle_t)made)
TWO(region_open, ("true"), handle_close, (handle_t)made)
TWO(region_map, (it.region, 0, PROT_READ), region_unmap, (uint64_t)made)
ONE(region_read, it.region, 0, B, SMALL)
ONE(region_write, it.region, 0, B, SMALL)
ONE(region_info, it.region, (void *)B)
ONE(slot_read, it.slab, it.slot, B, SMALL)
ONE(slot_write, it.slab, it.slot, B, SMALL)
ONE(boot_file, 0, (void *)B)
TWO(port_create, (), handle_close, (handle_t)made)
TWO(port_bind, (it.port, "bench"), port_unbind, it.port)
TWO(port_send, (it.port, (void *)B, 0), port_recv, it.port, (void *)B, 0)
TWO(sem_create, (0), handle_close, (handle_t)made)
ONE(sem_value, it.sem)
ONE(chan_len, it.chan[1])
ONE(handle_wait, &(struct wait_item){it.queue, SIG_READABLE, 0}, 1, 0)
CALL(handle_shutdown, {
    handle_t q = new_queue(4, SMALL);

    must(handle_shutdown(q), "handle_shutdown");
    must(handle_close(q), "handle_close");
})
CALL(kill, {
    long pid = child_asleep();

    must(kill(pid), "kill");
    must(wait(pid, 0, TIMEOUT_FOREVER), "wait");
})
TWO(port_connect, ("bench.named"), handle_close, (handle_t)made)
TWO(ring_setup, (4, (void *)B), ring_close)
CALL(ring_cancel, (void)ring_cancel(1))
CALL(word_wait, (void)word_wait((const uint32_t *)(void *)B, ~0u, 0))

static uint64_t do_handle_grant(uint64_t rounds, NO_ARG)
{
    long pid = child_asleep();
    uint64_t start;

    set_up();
    start = now();
    for (uint64_t i = 0; i < rounds; i++)
        must(handle_grant(it.queue, pid, RIGHT_READ, 0), "handle_grant");
    start = now() - start;
    must(kill(pid), "kill");
    must(wait(pid, 0, TIMEOUT_FOREVER), "wait");
    take_down();
    return start;
}

#define ROW(name, what)                                                        \
    {                                                                          \
        "call." #name, what, do_##name, 0, 1000                                \
    }
#define RARE(name, what)                                                       \
    {                                                                          \
        "call." #name, what, do_##name, 0, 200                                 \
    }

const struct row bench_call_rows[] = {
    ROW(nop, "nothing"),
    RARE(kill, "fork + kill + wait"),
    RARE(sbrk, "a page more + a page less"),
    ROW(proc_info, "of the process itself"),
    ROW(clock_ns, "the clock"),
    ROW(timer_wait, "for what has passed"),
    ROW(sys_info, "of the system"),
    ROW(handle_dup, "and close"),
    ROW(handle_dup_at, "where it is"),
    RARE(handle_grant, "to a child"),
    ROW(handle_revoke, "with nothing derived"),
    ROW(handle_info, "of a queue"),
    ROW(handle_wait, "for one that is ready"),
    ROW(handle_subscribe, "and unsubscribe"),
    RARE(handle_shutdown, "queue: create, shut down, close"),
    RARE(queue_create, "4 x 64 B, and close"),
    ROW(queue_peek, "at a message"),
    ROW(queue_stat, "of a queue"),
    ROW(queue_send_handle, "receive, close"),
    RARE(region_create, "64 B, and close"),
    ROW(region_open, "and close"),
    RARE(region_map, "4 KiB, and unmap"),
    ROW(region_read, "64 B"),
    ROW(region_write, "64 B"),
    ROW(region_info, "of a region"),
    ROW(slot_read, "64 B"),
    ROW(slot_write, "64 B"),
    ROW(boot_file, "the first"),
    RARE(port_create, "and close"),
    ROW(port_bind, "and unbind"),
    ROW(port_connect, "and close"),
    ROW(port_send, "and receive"),
    ROW(sem_create, "and close"),
    ROW(sem_value, "of a semaphore"),
    ROW(chan_len, "of a channel"),
    RARE(ring_setup, "4 entries, and close"),
    ROW(ring_cancel, "of nothing"),
    ROW(word_wait, "for what is not so"),
    {0, 0, 0, 0, 0},
};
