/*
 * How costs grow: with the messages in a queue, with the processes that wait
 * for one, with the size of a queue, and with the elements of a typed message.
 */
#include "bench.h"

#define DEEP    1000
#define WAITERS 200

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

/* The sends, or the receives, of so many pairs on a queue that holds `depth`
 * messages between the two. */
static uint64_t at_depth(uint64_t rounds, uint32_t depth, bool sends)
{
    handle_t q = new_queue(1024, SMALL);
    uint64_t sum = 0, between, end, start;

    for (uint32_t i = 1; i < depth; i++)
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

static uint64_t send_at_1(uint64_t rounds)
{
    return at_depth(rounds, 1, true);
}

static uint64_t send_at_1000(uint64_t rounds)
{
    return at_depth(rounds, DEEP, true);
}

static uint64_t receive_at_1(uint64_t rounds)
{
    return at_depth(rounds, 1, false);
}

static uint64_t receive_at_1000(uint64_t rounds)
{
    return at_depth(rounds, DEEP, false);
}

/* --- processes waiting ---------------------------------------------------- */

static void await_line(handle_t q, uint32_t n)
{
    struct queue_stat s;

    do {
        yield();
        must(queue_stat(q, &s), "queue_stat");
    } while (s.waiting_receivers + s.waiting_senders < n);
}

/* Sends that wake the first of `waiters` receivers; the time until it waits
 * again does not count. */
static uint64_t wake_receiver(uint64_t rounds, uint32_t waiters)
{
    handle_t q = new_queue(1, SMALL), r, w;
    uint64_t sum = 0, start;

    must(r = (handle_t)handle_dup(q, RIGHT_READ, 0), "handle_dup");
    must(w = (handle_t)handle_dup(q, RIGHT_WRITE, 0), "handle_dup");
    handle_close(q);
    for (uint32_t i = 0; i < waiters; i++)
        must(SPAWN({
                 handle_close(w);
                 while (queue_recv(r, bench_buffer, SMALL, 0,
                                   TIMEOUT_FOREVER) >= 0)
                     continue;
             }),
             "fork");
    for (uint64_t i = 0; i < rounds; i++) {
        await_line(r, waiters);
        start = instructions();
        send(w, SMALL);
        sum += instructions() - start;
    }
    handle_close(w);
    while (wait(-1, 0, TIMEOUT_FOREVER) > 0)
        continue;
    handle_close(r);
    return sum - rounds * reading_cost();
}

/* Receives that wake the first of `waiters` senders. */
static uint64_t wake_sender(uint64_t rounds, uint32_t waiters)
{
    handle_t q = new_queue(1, SMALL), r, w;
    uint64_t sum = 0, start;

    must(r = (handle_t)handle_dup(q, RIGHT_READ, 0), "handle_dup");
    must(w = (handle_t)handle_dup(q, RIGHT_WRITE, 0), "handle_dup");
    handle_close(q);
    send(w, SMALL);
    for (uint32_t i = 0; i < waiters; i++)
        must(SPAWN({
                 handle_close(r);
                 while (queue_send(w, bench_buffer, SMALL, 0,
                                   TIMEOUT_FOREVER) >= 0)
                     continue;
             }),
             "fork");
    for (uint64_t i = 0; i < rounds; i++) {
        await_line(r, waiters);
        start = instructions();
        receive(r);
        sum += instructions() - start;
    }
    handle_close(r);
    while (wait(-1, 0, TIMEOUT_FOREVER) > 0)
        continue;
    handle_close(w);
    return sum - rounds * reading_cost();
}

static uint64_t wake_only_receiver(uint64_t rounds)
{
    return wake_receiver(rounds, 1);
}

static uint64_t wake_one_receiver(uint64_t rounds)
{
    return wake_receiver(rounds, WAITERS);
}

static uint64_t wake_only_sender(uint64_t rounds)
{
    return wake_sender(rounds, 1);
}

static uint64_t wake_one_sender(uint64_t rounds)
{
    return wake_sender(rounds, WAITERS);
}

/* --- bytes of a queue ----------------------------------------------------- */

static uint64_t free_bytes(void)
{
    static struct sys_info info;

    must(sys_info(&info), "sys_info");
    return info.free_pages * PAGE_SIZE;
}

/* Bytes that `count` more handles of one queue take. */
static uint64_t bytes_of_handles(uint64_t count)
{
    static long h[200];
    handle_t q = new_queue(1, 1);
    uint64_t bytes = free_bytes();

    for (uint64_t i = 0; i < count; i++)
        must(h[i] = handle_dup(q, RIGHT_READ, 0), "handle_dup");
    bytes -= free_bytes();
    for (uint64_t i = 0; i < count; i++)
        handle_close((handle_t)h[i]);
    handle_close(q);
    return bytes;
}

/* Each place has room for a handle in flight, however small the messages. */
#define CARGO 64

/* Bytes that `count` queues take beyond their handles, and beyond the ring and
 * messages of each: 64 bytes a place and the largest message, in words. */
static uint64_t bytes_beyond(uint64_t count, uint32_t ring, uint32_t max)
{
    static handle_t q[200];
    uint64_t words = (max + 7u) / 8 * 8;
    uint64_t need = count * ring * (64 + (words > CARGO ? words : CARGO));
    uint64_t bytes = free_bytes();

    for (uint64_t i = 0; i < count; i++)
        q[i] = new_queue(ring, max);
    bytes -= free_bytes();
    for (uint64_t i = 0; i < count; i++)
        handle_close(q[i]);
    need += bytes_of_handles(count);
    return bytes > need ? bytes - need : 0;
}

/* One function for each shape. */
#define SHAPE(ring, max)                                                       \
    static uint64_t bytes_##ring##_##max(uint64_t count)                       \
    {                                                                          \
        return bytes_beyond(count, ring, max);                                 \
    }
SHAPE(1, 1)
SHAPE(1, 64)
SHAPE(1, 2048)
SHAPE(1, 4096)
SHAPE(16, 64)
SHAPE(16, 512)
SHAPE(32, 4096)
SHAPE(64, 1)
SHAPE(64, 100)
SHAPE(64, 1024)
SHAPE(256, 4096)
SHAPE(1024, 1)
SHAPE(1024, 64)
SHAPE(1024, 1024)

/* --- elements checked ----------------------------------------------------- */

#define RECORD_BYTES (8 + 768 * 4)

/* What the check of a message adds to so many sends. */
static uint64_t check_cost(uint64_t rounds, const char *text, size_t len)
{
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

static uint64_t check_record(uint64_t rounds)
{
    return check_cost(rounds,
                      "record { id: u32, kind: enum { put, get }, "
                      "v: list<f32, 768> }",
                      RECORD_BYTES);
}

static uint64_t check_numbers(uint64_t rounds)
{
    return check_cost(rounds, "list<u8, 1000>", 1000);
}

static uint64_t check_bools(uint64_t rounds)
{
    return check_cost(rounds, "list<bool, 1000>", 1000);
}

static uint64_t check_chars(uint64_t rounds)
{
    return check_cost(rounds, "list<char, 1000>", 4000);
}

static uint64_t check_plain_variants(uint64_t rounds)
{
    return check_cost(rounds, "list<variant { a, b(u8) }, 1000>", 2000);
}

static uint64_t check_variants(uint64_t rounds)
{
    return check_cost(rounds, "list<variant { a(bool), b(u8) }, 1000>", 2000);
}

const struct row bench_scale_rows[] = {
    {"D1", "send 64 B, 1 queued", send_at_1, 5000, 0, 0, 0},
    {"D2", "send 64 B, 1,000 queued", send_at_1000, 5000, 0, 0, "D1"},
    {"D3", "receive 64 B, 1 queued", receive_at_1, 5000, 0, 0, 0},
    {"D4", "receive 64 B, 1,000 queued", receive_at_1000, 5000, 0, 0, "D3"},
    {"W1", "send, 1 receiver waits", wake_only_receiver, 1000, 0, 0, 0},
    {"W2", "send, 200 receivers wait", wake_one_receiver, 1000, 0, 0, "W1"},
    {"W3", "receive, 1 sender waits", wake_only_sender, 1000, 0, 0, 0},
    {"W4", "receive, 200 senders wait", wake_one_sender, 1000, 0, 0, "W3"},
    {"M0", "bytes of a handle", bytes_of_handles, 200, 0, 0, 0},
    {"M1", "bytes beyond 1 x (64 + 1)", bytes_1_1, 200, 512, 512, 0},
    {"M2", "bytes beyond 1 x (64 + 64)", bytes_1_64, 200, 512, 512, 0},
    {"M3", "bytes beyond 1 x (64 + 2048)", bytes_1_2048, 200, 512, 512, 0},
    {"M4", "bytes beyond 1 x (64 + 4096)", bytes_1_4096, 200, 512, 512, 0},
    {"M5", "bytes beyond 16 x (64 + 64)", bytes_16_64, 200, 512, 512, 0},
    {"M6", "bytes beyond 16 x (64 + 512)", bytes_16_512, 200, 512, 512, 0},
    {"M7", "bytes beyond 32 x (64 + 4096)", bytes_32_4096, 100, 512, 512, 0},
    {"M8", "bytes beyond 64 x (64 + 1)", bytes_64_1, 200, 512, 512, 0},
    {"M9", "bytes beyond 64 x (64 + 100)", bytes_64_100, 200, 512, 512, 0},
    {"M10", "bytes beyond 64 x (64 + 1024)", bytes_64_1024, 200, 512, 512, 0},
    {"M11", "bytes beyond 256 x (64 + 4096)", bytes_256_4096, 64, 512, 512, 0},
    {"M12", "bytes beyond 1024 x (64 + 1)", bytes_1024_1, 200, 512, 512, 0},
    {"M13", "bytes beyond 1024 x (64 + 64)", bytes_1024_64, 200, 512, 512, 0},
    {"M14", "bytes beyond 1024 x (64 + 1024)", bytes_1024_1024, 64, 512, 512,
     0},
    {"C0", "check record with list<f32, 768>", check_record, 200,
     3 * RECORD_BYTES, RECORD_BYTES, 0},
    {"C1", "check list<u8, 1000>", check_numbers, 200, 0, 0, 0},
    {"C2", "check list<bool, 1000>", check_bools, 200, 0, 0, 0},
    {"C3", "check list<char, 1000>", check_chars, 200, 0, 0, 0},
    {"C4", "check list<variant, 1000>, no rules", check_plain_variants, 200, 0,
     0, 0},
    {"C5", "check list<variant, 1000>, a bool", check_variants, 200, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 0},
};
