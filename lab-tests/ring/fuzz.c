/*
 * Random entries. Each process has a ring, plain or polled, and writes entries
 * at random: of known calls and of none, with handles, addresses and numbers
 * that make sense, and with others. Whatever they are, each is completed at
 * most once, and when the processes have ended the machine is as before.
 *
 * The boot argument entries=N says how many entries in all; `make soak` asks
 * for a million.
 */
#include "raw.h"

static const uint16_t ring_calls[] = {
#define NUMBER(number, name, ring, params) ring == RING_YES ? number : CALL_nop,
    WEIR_CALLS(NUMBER)
#undef NUMBER
};
#define CALLS (sizeof(ring_calls) / sizeof(ring_calls[0]))

enum { HANDLES = 16, PROCESSES = 4 };

/* What one process fuzzes with. */
struct fuzzer {
    uint64_t seed;
    uint32_t size;    /* entries of its ring, RING_KERNEL_POLL ored in or not */
    bool tame;        /* leaves the ring's own pages alone */
    uint64_t next;    /* user_data of the next entry */
    uint64_t open[4]; /* bit for user_data % 256: not completed */
    handle_t handles[HANDLES];
};

/* What entries may write to; the longest output is a boot file, README.md. */
static uint64_t scratch[4096] __attribute__((aligned(64)));

static uint32_t entries_wanted(uint32_t usual)
{
    static struct sys_info info;
    const char *at;

    CHECK_EQ(sys_info(&info), 0);
    at = strstr(info.args, "entries=");
    return at ? (uint32_t)strtoul(at + 8, 0, 10) : usual;
}

static uint32_t pick(struct fuzzer *f, uint32_t limit)
{
    return random_below(&f->seed, limit);
}

static uint64_t random_argument(struct fuzzer *f)
{
    static const uint64_t edges[] = {
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        15,
        16,
        63,
        64,
        65,
        256,
        4095,
        4096,
        0x10000,
        0x7fffffff,
        0xffffffff,
        1ull << 32,
        MSG_OPT(1, 0),
        MSG_OPT(3, 9),
        1ull << 38,
        1ull << 63,
        UINT64_MAX,
    };

    switch (pick(f, 8)) {
    case 0:
    case 1:
    case 2:
        return (uint64_t)f->handles[pick(f, HANDLES)];
    case 3:
    case 4:
        return (uint64_t)&scratch[pick(f, 600)];
    case 5:
        if (!f->tame && pick(f, 4) == 0)
            return RAW_USER + 8 * pick(f, 1536);
        return (uint64_t)wild_pointers[pick(f, WILD_COUNT)];
    case 6:
        return pick(f, 4) ? pick(f, 100) : rand_next(&f->seed);
    default:
        return edges[pick(f, sizeof(edges) / sizeof(edges[0]))];
    }
}

/* The place of a call's timeout among its arguments, or -1. */
static int timeout_of(uint16_t number)
{
    switch (number) {
    case CALL_timer_wait:
    case CALL_sem_wait:
        return 1;
    case CALL_port_send:
    case CALL_port_recv:
    case CALL_chan_send:
    case CALL_chan_recv:
        return 2;
    case CALL_queue_send_desc:
        return 3;
    case CALL_queue_send:
    case CALL_queue_send_handle:
    case CALL_queue_recv:
        return 4;
    default:
        return -1;
    }
}

/* Most entries make some sense, or few would get past the first check. */
static void make_sense(struct fuzzer *f, uint16_t *number, uint64_t *args)
{
    int at = timeout_of(*number);

    if ((*number == CALL_handle_close || *number == CALL_handle_shutdown ||
         *number == CALL_handle_revoke || pick(f, 3) == 0) &&
        pick(f, 20))
        *number = pick(f, 2) ? CALL_queue_send : CALL_queue_recv;
    if (*number >= CALL_handle_close && pick(f, 8))
        args[0] = (uint64_t)f->handles[3 + pick(f, HANDLES - 3)];
    if (pick(f, 2))
        args[1] = (uint64_t)&scratch[pick(f, 600)];
    if (pick(f, 2))
        args[2] = pick(f, 65);
    if (pick(f, 2))
        args[3] = MSG_OPT(pick(f, 4), 0);
    if (at >= 0 && pick(f, 8))
        args[at] = pick(f, 3) ? 0 : US(pick(f, 50));
}

static void put_random(struct fuzzer *f)
{
    uint8_t *entry = raw_entry(SQ_PROD);
    uint16_t number = ring_calls[pick(f, CALLS)], flags;
    uint64_t args[5];

    for (int i = 0; i < 5; i++)
        args[i] = random_argument(f);
    if (pick(f, 8))
        make_sense(f, &number, args);
    if (pick(f, 20) == 0)
        number = (uint16_t)(rand_next(&f->seed) >> pick(f, 16));
    // That would be the end; tests of their own have it.
    if (number == CALL_exit)
        number = CALL_queue_send;
    flags = (uint16_t)pick(f, 2) * NEED;
    if (pick(f, 12) == 0)
        flags |= BARRIER;
    if (pick(f, 40) == 0)
        flags = (uint16_t)rand_next(&f->seed);
    raw_write(entry, number, flags, f->next, args);
    if (pick(f, 50) == 0)
        entry[pick(f, 2) ? 4 + pick(f, 4) : 56 + pick(f, 8)] = 1;
    f->open[f->next / 64 % 4] |= 1ull << f->next % 64;
    f->next++;
    raw_fence();
    SQ_PROD = SQ_PROD + 1;
}

/* Takes what has completed. Of a tame process each is one of its own, that has
 * not completed before. */
static void reap_all(struct fuzzer *f)
{
    while (ready() > 0 && ready() <= raw_mask + 1) {
        struct ring_completion c = reap();
        uint64_t bit = 1ull << c.user_data % 64;

        CHECK((c.flags & ~3) == 0);
        CHECK(c.result >= -4094);
        if (f->tame) {
            CHECK(f->next - c.user_data <= 256);
            CHECK(f->open[c.user_data / 64 % 4] & bit);
            f->open[c.user_data / 64 % 4] &= ~bit;
        }
        if (c.result > 2 && c.result <= INT32_MAX && pick(f, 4) == 0)
            f->handles[3 + pick(f, HANDLES - 3)] = (handle_t)c.result;
    }
}

/* A new ring, new objects, and nothing open. */
static void start_anew(struct fuzzer *f)
{
    ring_close();
    for (int i = 0; i < HANDLES; i++)
        handle_close(f->handles[i]);
    memset(f->open, 0, sizeof(f->open));
    f->handles[3] = (handle_t)queue_create(4, 64, 0);
    f->handles[4] = (handle_t)queue_create(1, 64, 0);
    f->handles[5] = (handle_t)queue_create(64, 8, 9);
    f->handles[6] = (handle_t)handle_dup(f->handles[3], RIGHT_READ, 0);
    f->handles[7] = (handle_t)handle_dup(f->handles[4], RIGHT_WRITE, 0);
    f->handles[8] = (handle_t)region_open("README.md");
    f->handles[9] = (handle_t)region_create(REGION_APPEND, 4096, 0, 0, 0);
    f->handles[10] = (handle_t)region_create(REGION_SLAB, 64, 8, 0, 0);
    f->handles[11] = (handle_t)port_create();
    f->handles[12] = (handle_t)sem_create(1);
    chan_create(4, 16, &f->handles[13]);
    raw_open(f->size);
}

/* Now and then the owner of a wild ring writes over what it shares. */
static void disturb(struct fuzzer *f)
{
    for (uint32_t n = pick(f, 8); n > 0; n--)
        ((volatile uint64_t *)RAW_ENTRIES)[pick(f, 512)] = random_argument(f);
    if (pick(f, 8) == 0)
        SQ_PROD = SQ_CONS + pick(f, raw_mask + 4);
    if (pick(f, 16) == 0)
        SQ_PROD = (uint32_t)rand_next(&f->seed);
    if (pick(f, 16) == 0)
        CQ_CONS = (uint32_t)rand_next(&f->seed);
}

/* Until the kernel has taken `count` entries; a ring that is stuck, full of
 * what waits for ever, is closed, and another one made. */
static void fuzz(struct fuzzer *f, uint32_t count)
{
    uint32_t stuck = 0;

    for (int i = 0; i < 3; i++)
        handle_close(i);
    start_anew(f);
    for (uint32_t done = 0; done < count;) {
        uint32_t taken = SQ_CONS, room = raw_mask + 1 - (SQ_PROD - taken);
        uint32_t some = room <= raw_mask + 1 ? pick(f, room + 1) : 0;

        for (; some > 0; some--)
            put_random(f);
        if (!f->tame)
            disturb(f);
        if (!(f->size & RING_KERNEL_POLL) || WAKEUP || pick(f, 16) == 0)
            ring_submit(pick(f, 80), pick(f, 3), pick(f, 2) * US(20));
        if (pick(f, 16) == 0)
            ring_cancel(f->next - pick(f, 64));
        reap_all(f);
        stuck = SQ_CONS == taken ? stuck + 1 : 0;
        done += SQ_CONS - taken;
        if (stuck > 20 || pick(f, f->tame ? 300 : 100) == 0) {
            start_anew(f);
            stuck = 0;
        }
    }
}

/* A tame process does all. A wild one may happen to write `exit`, so it is a
 * process again and again. */
static void fuzz_in_parts(struct fuzzer *f, uint32_t count)
{
    const uint32_t part = 1000;

    if (f->tame) {
        fuzz(f, count);
        return;
    }
    for (uint32_t done = 0; done < count; done += part) {
        struct exit_info info;
        long child;

        f->seed = rand_next(&f->seed);
        child = SPAWN(fuzz(f, part));
        CHECK_EQ(wait(child, &info, FOREVER), child);
        CHECK_EQ(info.reason, EXIT_NORMAL);
    }
}

/* Fuzzes with some processes at once. */
static void run(uint32_t size, uint32_t processes)
{
    uint32_t each = entries_wanted(12000) / processes;
    uint64_t seed = test_seed();
    long child[PROCESSES];

    for (uint32_t i = 0; i < processes; i++) {
        struct fuzzer f = {.seed = rand_next(&seed), .size = size};

        f.tame = i % 2 == 0;
        f.handles[0] = -1;
        child[i] = SPAWN(fuzz_in_parts(&f, each));
    }
    for (uint32_t i = 0; i < processes; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// L13 L14 L15 N1: entries by ring_submit.
TEST(random_entries)
{
    run(64, PROCESSES);
}

// L8 L13: the same with a small ring, which is full all the time.
TEST(random_small_ring)
{
    run(4, 2);
}

// L13 L14 L15 N1: entries that the kernel polls.
TEST(random_polled)
{
    run(64 | RING_KERNEL_POLL, PROCESSES);
}

// N4: killed at any time.
TEST(random_and_killed_race)
{
    uint64_t seed = test_seed() + 5;

    for (int round = 0; round < 30; round++) {
        struct fuzzer f = {.seed = rand_next(&seed), .size = 16};
        long child;

        f.size |= round % 2 ? RING_KERNEL_POLL : 0;
        child = SPAWN(fuzz(&f, 1000000));
        BUSY_US(random_below(&seed, 5000));
        CHECK_EQ(kill(child), 0);
        CHECK_EQ(wait(child, 0, FOREVER), child);
    }
}

TEST_MAIN()
