/*
 * How costs grow: with the messages in a queue, with the processes that wait
 * for one, with what else is alive, and with the elements of a typed message.
 */
#include "bench.h"

#define MAX_PAIRS 4

/* Instructions since power-on: finer than the clock, which ticks every 100. */
static uint64_t instructions(void)
{
    static struct sys_info info;

    must(sys_info(&info), "sys_info");
    return info.instret;
}

/* What a pair of readings counts of itself. */
static uint64_t reading_cost(void)
{
    uint64_t start = instructions();

    return instructions() - start;
}

/* --- messages queued ------------------------------------------------------ */

/* The sends, or the receives, of pairs on a queue that holds `depth` messages
 * between the two. */
static uint64_t at_depth(uint64_t rounds, uint64_t depth, bool sends)
{
    handle_t q = new_queue(1024, SMALL);
    uint64_t sum = 0, between, end, start;

    for (uint64_t i = 1; i < depth; i++)
        send(q, SMALL);
    for (uint64_t i = 0; i < rounds; i++) {
        start = instructions();
        send(q, SMALL);
        between = instructions();
        receive(q);
        end = instructions();
        sum += sends ? between - start : end - between;
    }
    handle_close(q);
    return sum - rounds * reading_cost();
}

static uint64_t send_at(uint64_t rounds, uint64_t depth)
{
    return at_depth(rounds, depth, true);
}

static uint64_t receive_at(uint64_t rounds, uint64_t depth)
{
    return at_depth(rounds, depth, false);
}

/* --- processes waiting ---------------------------------------------------- */

/* Sends that wake the first of `waiters` receivers; the time until it waits
 * again does not count. */
static uint64_t wake_receiver(uint64_t rounds, uint64_t waiters)
{
    struct ends e = new_ends(SMALL);
    uint64_t sum = 0, start;

    for (uint64_t i = 0; i < waiters; i++)
        must(SPAWN({
                 handle_close(e.write);
                 while (queue_recv(e.read, bench_buffer, SMALL, 0,
                                   TIMEOUT_FOREVER) >= 0)
                     continue;
             }),
             "fork");
    for (uint64_t i = 0; i < rounds; i++) {
        await_line(e.read, waiters);
        start = instructions();
        send(e.write, SMALL);
        sum += instructions() - start;
    }
    crowd_wake(&e);
    crowd_end(&e, waiters);
    return sum - rounds * reading_cost();
}

/* Receives that wake the first of `waiters` senders. */
static uint64_t wake_sender(uint64_t rounds, uint64_t waiters)
{
    struct ends e = new_ends(SMALL);
    uint64_t sum = 0, start;

    send(e.write, SMALL);
    for (uint64_t i = 0; i < waiters; i++)
        must(SPAWN({
                 handle_close(e.read);
                 while (queue_send(e.write, bench_buffer, SMALL, 0,
                                   TIMEOUT_FOREVER) >= 0)
                     continue;
             }),
             "fork");
    for (uint64_t i = 0; i < rounds; i++) {
        await_line(e.read, waiters);
        start = instructions();
        receive(e.read);
        sum += instructions() - start;
    }
    handle_close(e.read); /* wakes them all */
    for (uint64_t i = 0; i < waiters; i++)
        must(wait(-1, 0, TIMEOUT_FOREVER), "wait");
    handle_close(e.write);
    return sum - rounds * reading_cost();
}

/* --- alive ---------------------------------------------------------------- */

/* Between two processes, while `others` more are asleep. */
static uint64_t among_processes(uint64_t rounds, uint64_t others)
{
    struct ends e = new_ends(1);
    uint64_t spent;

    for (uint64_t i = 0; i < others; i++)
        must(SPAWN(crowd_wait(&e)), "fork");
    await_line(e.read, others);
    spent = bench_ping_pong(rounds, SMALL);
    crowd_wake(&e);
    crowd_end(&e, others);
    return spent;
}

/* In one process, while `others` more queues hold a message each: processes
 * asleep have 200 of them each. */
static uint64_t among_queues(uint64_t rounds, uint64_t others)
{
    struct ends e = new_ends(1);
    uint64_t spent, holders = (others + MANY - 1) / MANY;

    for (uint64_t i = 0; i < holders; i++)
        must(SPAWN({
                 for (uint64_t k = i; k < others; k += holders)
                     send(new_queue(1, SMALL), SMALL);
                 crowd_wait(&e);
             }),
             "fork");
    await_line(e.read, holders);
    spent = bench_copy(rounds, SMALL);
    crowd_wake(&e);
    crowd_end(&e, holders);
    return spent;
}

/* In a process with `others` more handles. */
static uint64_t among_handles(uint64_t rounds, uint64_t others)
{
    static handle_t h[HANDLE_SLOTS];
    uint64_t spent;

    for (uint64_t i = 0; i < others; i++)
        h[i] = (handle_t)must(handle_dup(STDOUT, RIGHT_WRITE, 0), "handle_dup");
    spent = bench_copy(rounds, SMALL);
    for (uint64_t i = 0; i < others; i++)
        must(handle_close(h[i]), "handle_close");
    return spent;
}

/* So many pairs of processes at once, each with a queue of its own, until one
 * of them is through: per message, of all that went from one to the other. */
static uint64_t pairs_with(uint64_t rounds, uint64_t count, uint32_t places,
                           void (*end)(bool sends, handle_t q, uint64_t n))
{
    struct ends e = new_ends(1);
    handle_t q[MAX_PAIRS];
    uint64_t start, steps = 0;
    struct queue_stat s;

    for (uint64_t i = 0; i < count; i++) {
        q[i] = new_queue(places, SMALL);
        must(SPAWN(crowd_wait(&e); end(true, q[i], rounds)), "fork");
        must(SPAWN(crowd_wait(&e); end(false, q[i], rounds)), "fork");
    }
    await_line(e.read, 2 * count);
    start = now();
    crowd_wake(&e);
    must(wait(-1, 0, TIMEOUT_FOREVER), "wait");
    start = now() - start;
    for (uint64_t i = 0; i < count; i++) {
        must(queue_stat(q[i], &s), "queue_stat");
        steps += s.sent + s.received;
    }
    crowd_end(&e, 2 * count - 1);
    for (uint64_t i = 0; i < count; i++)
        handle_close(q[i]);
    return start * rounds * 2 / steps;
}

static void trap_end(bool sends, handle_t q, uint64_t n)
{
    while (n-- > 0)
        if (sends)
            send(q, SMALL);
        else
            receive(q);
}

static uint64_t pairs(uint64_t rounds, uint64_t count)
{
    return pairs_with(rounds, count, 64, trap_end);
}

static uint64_t ring_pairs(uint64_t rounds, uint64_t count)
{
    return pairs_with(rounds, count, 1024, bench_ring_end);
}

/* --- elements checked ----------------------------------------------------- */

/* What the check of a message adds to so many sends. */
static uint64_t check(uint64_t rounds, uint64_t which)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } types[] = {
        {"record { id: u32, kind: enum { put, get }, v: list<f32, 768> }",
         8 + 768 * 4},
        {"list<u8, 1000>", 1000},
        {"list<bool, 1000>", 1000},
        {"list<char, 1000>", 4000},
        {"list<variant { a, b(u8) }, 1000>", 2000},
        {"list<variant { a(bool), b(u8) }, 1000>", 2000},
    };
    const char *text = types[which].text;
    uint64_t len = types[which].bytes;
    uint8_t form[WIT_MAX_FORM];
    long form_len = wit_compile(text, form, sizeof(form));
    handle_t plain = new_queue(1, (uint32_t)len);
    handle_t typed = new_queue(1, (uint32_t)len);
    uint64_t with = 0, without = 0, start;

    must(form_len, "wit_compile");
    must(queue_set_type(typed, form, (uint64_t)form_len), "queue_set_type");
    memset(bench_buffer, 0, len);
    for (uint64_t i = 0; i < rounds; i++) {
        start = instructions();
        send(plain, len);
        without += instructions() - start;
        receive(plain);
        start = instructions();
        send(typed, len);
        with += instructions() - start;
        receive(typed);
    }
    handle_close(plain);
    handle_close(typed);
    return with - without;
}

const struct row bench_scale_rows[] = {
    {"D1", "send 64 B, 1 queued", send_at, 1, 5000},
    {"D2", "send 64 B, 1,000 queued", send_at, 1000, 5000},
    {"D3", "receive 64 B, 1 queued", receive_at, 1, 5000},
    {"D4", "receive 64 B, 1,000 queued", receive_at, 1000, 5000},
    {"W1", "send, 1 receiver waits", wake_receiver, 1, 500},
    {"W2", "send, 20 receivers wait", wake_receiver, 20, 500},
    {"W3", "send, 200 receivers wait", wake_receiver, MANY, 500},
    {"W4", "receive, 1 sender waits", wake_sender, 1, 500},
    {"W5", "receive, 20 senders wait", wake_sender, 20, 500},
    {"W6", "receive, 200 senders wait", wake_sender, MANY, 500},
    {"A1", "ping-pong 64 B, no other process", among_processes, 0, 5000},
    {"A2", "ping-pong 64 B, 200 others asleep", among_processes, MANY, 5000},
    {"A3", "send + receive 64 B, 1 queue", among_queues, 0, 5000},
    {"A4", "send + receive 64 B, 1,000 queues", among_queues, 1000, 5000},
    {"A5", "send + receive 64 B, 5 handles", among_handles, 0, 5000},
    {"A6", "send + receive 64 B, 250 handles", among_handles, 245, 5000},
    {"X1", "a pair: one way 64 B", pairs, 1, 5000},
    {"X2", "two pairs at once, of both", pairs, 2, 5000},
    {"X4", "four pairs at once, of all", pairs, 4, 5000},
    {"C0", "check record with list<f32, 768>", check, 0, 200},
    {"C1", "check list<u8, 1000>", check, 1, 200},
    {"C2", "check list<bool, 1000>", check, 2, 200},
    {"C3", "check list<char, 1000>", check, 3, 200},
    {"C4", "check list<variant, 1000>, no rules", check, 4, 200},
    {"C5", "check list<variant, 1000>, a bool", check, 5, 200},
    {"Y1", "a pair by rings: one way, batch 64", ring_pairs, 1, 6400},
    {"Y2", "two pairs at once, of both", ring_pairs, 2, 6400},
    {"Y4", "four pairs at once, of all", ring_pairs, 4, 6400},
    {0, 0, 0, 0, 0},
};
