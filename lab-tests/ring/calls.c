/*
 * L4: a call does the same as an entry and as a trap. Two processes make every
 * call of a table, with every value of every argument, and with random ones,
 * each time in a world made anew: one by trap, one by ring. Results and what
 * has changed must be the same.
 */
#include "world.h"

/* A call: its arguments by kind, and the object that is good for it. */
struct row {
    uint16_t number;
    const char *kinds;
    uint8_t object, second;
};

static const struct row queue_rows[] = {
    {CALL_queue_send, "hplot", EMPTY, 0},
    {CALL_queue_send_desc, "hdot", EMPTY, 0},
    {CALL_queue_send_handle, "hhrot", EMPTY, ROOMY},
    {CALL_queue_recv, "hplmt", ROOMY, 0},
    {CALL_queue_peek, "hm", ROOMY, 0},
    {CALL_queue_stat, "hp", ROOMY, 0},
};
static const struct row handle_rows[] = {
    {CALL_nop, "", 0, 0},
    {CALL_kill, "i", 0, 0},
    {CALL_getpid, "", 0, 0},
    {CALL_clock_ns, "", 0, 0},
    {CALL_timer_wait, "fn", 0, 0},
    {CALL_handle_close, "h", ROOMY, 0},
    {CALL_handle_dup, "hrb", ROOMY, 0},
    {CALL_handle_grant, "hirb", ROOMY, 0},
    {CALL_handle_revoke, "h", ROOMY, 0},
    {CALL_handle_subscribe, "hhxb", ROOMY, EMPTY},
    {CALL_handle_unsubscribe, "hh", ROOMY, EMPTY},
    {CALL_handle_shutdown, "h", ROOMY, 0},
    {CALL_ring_cancel, "b", 0, 0},
};
static const struct row region_rows[] = {
    {CALL_region_seal, "h", GROWING, 0},
    {CALL_region_append, "hpl", APPEND, 0},
    {CALL_region_read, "hxpl", FILE, 0},
    {CALL_region_write, "hxpl", GROWING, 0},
    {CALL_slot_alloc, "h", SLAB, 0},
    {CALL_slot_free, "hk", SLAB, 0},
    {CALL_slot_read, "hkpl", SLAB, 0},
    {CALL_slot_write, "hkpl", SLAB, 0},
    {CALL_region_info, "hp", FILE, 0},
};
static const struct row other_rows[] = {
    {CALL_port_send, "hgt", PORT, 0},     {CALL_port_recv, "hgt", PORT, 0},
    {CALL_port_reply, "hg", PORT, 0},     {CALL_chan_send, "hpt", CHAN_IN, 0},
    {CALL_chan_recv, "hpt", CHAN_OUT, 0}, {CALL_chan_len, "h", CHAN_OUT, 0},
    {CALL_sem_wait, "ht", SEM, 0},        {CALL_sem_post, "h", SEM, 0},
    {CALL_sem_value, "h", SEM, 0},        {CALL_word_wake, "px", 0, 0},
    {CALL_irq_ack, "hx", NEVER, 0},
};

/* One attempt: a row, and which value each argument has. */
struct attempt {
    const struct row *row;
    uint8_t choice[5];
};

/* What came of it. */
struct outcome {
    int64_t result;
    uint64_t digest;
};

static bool has_child(const struct row *row)
{
    return strchr(row->kinds, 'i') != 0;
}

/* By trap or by ring, with the same words. */
static long make_call(bool by_ring, uint64_t number, const uint64_t *args)
{
    static uint64_t name;

    if (!by_ring)
        return raw_call(number, args[0], args[1], args[2], args[3], args[4]);
    raw_put((uint16_t)number, NEED, ++name, args);
    CHECK_EQ(ring_submit(1, 1, FOREVER), 1);
    CHECK_EQ(ready(), 1);
    CHECK_EQ(look_at(0).user_data, name);
    return reap().result;
}

/* Results that differ from call to call become the same number. */
static long normal(uint64_t number, long result)
{
    if (number == CALL_getpid)
        return result == getpid();
    if (number == CALL_clock_ns)
        return result > 0;
    return result;
}

static struct outcome try(bool by_ring, const struct attempt *attempt)
{
    const struct row *row = attempt->row;
    uint64_t args[5] = {0};
    struct outcome outcome;
    struct world w;

    make_world(&w, has_child(row));
    for (int i = 0; row->kinds[i]; i++)
        args[i] = value_of(&w, row->kinds[i], attempt->choice[i]);
    outcome.result = normal(row->number, make_call(by_ring, row->number, args));
    if (w.child > 0) {
        kill(w.child);
        wait(w.child, 0, FOREVER);
    }
    forget_what_differs(row->number);
    outcome.digest = digest_of(&w);
    // A handle that the call has made.
    if (outcome.result > 2 &&
        (row->number == CALL_handle_dup || row->number == CALL_port_recv)) {
        mix_handle(&outcome.digest, outcome.result);
        handle_close((handle_t)outcome.result);
    }
    close_world(&w);
    return outcome;
}

/* --- all attempts --------------------------------------------------------- */

typedef void (*each_attempt)(void *context, const struct attempt *attempt);

static struct attempt usual(const struct row *row)
{
    struct attempt a = {.row = row};

    for (int i = 0; row->kinds[i]; i++)
        if (row->kinds[i] == 'h')
            a.choice[i] = i == 0 ? row->object : row->second;
    return a;
}

/* A good call would wait for ever where it cannot go on. */
static bool may_hang(const struct attempt *a)
{
    const char *at = strchr(a->row->kinds, 't');

    return at && timeouts[a->choice[at - a->row->kinds]] == FOREVER;
}

static void each_of_row(const struct row *row, uint64_t *seed, void *context,
                        each_attempt call)
{
    struct attempt a = usual(row);
    int args = (int)strlen(row->kinds);

    call(context, &a);
    for (int i = 0; i < args; i++) {
        uint8_t kept = a.choice[i];

        for (uint32_t v = 0; v < choices(row->kinds[i]); v++) {
            a.choice[i] = (uint8_t)v;
            call(context, &a);
        }
        a.choice[i] = kept;
    }
    for (int n = 0; args > 1 && n < 40; n++) {
        for (int i = 0; i < args; i++)
            a.choice[i] = (uint8_t)random_below(seed, choices(row->kinds[i]));
        if (may_hang(&a))
            continue;
        if (row->kinds[0] == 'h' && random_below(seed, 2))
            a.choice[0] = row->object;
        call(context, &a);
    }
}

struct rows {
    const struct row *rows;
    size_t count;
};

static void each_of(const struct rows *rows, void *context, each_attempt call)
{
    uint64_t seed = test_seed();

    for (size_t i = 0; i < rows->count; i++)
        each_of_row(&rows->rows[i], &seed, context, call);
}

/* One of the two processes: makes all calls, sends what came of them. */
struct maker {
    bool by_ring;
    handle_t answers;
};

static void make_one(void *context, const struct attempt *attempt)
{
    struct maker *maker = context;
    struct outcome outcome = try(maker->by_ring, attempt);

    CHECK_EQ(queue_send(maker->answers, &outcome, sizeof(outcome), 0, FOREVER),
             0);
}

static long start(const struct rows *rows, bool by_ring, long answers)
{
    struct maker maker = {by_ring, (handle_t)answers};

    return SPAWN({
        raw_open(8);
        edge = heap_tail(8);
        each_of(rows, &maker, make_one);
    });
}

/* The judge: takes the outcomes of both. */
struct judge {
    handle_t by_trap, by_ring;
    uint32_t count;
};

static struct outcome outcome_of(handle_t q)
{
    struct outcome outcome;

    CHECK_EQ(queue_recv(q, &outcome, sizeof(outcome), 0, MS(SETTLE_MS)),
             sizeof(outcome));
    return outcome;
}

static void compare(void *context, const struct attempt *attempt)
{
    struct judge *judge = context;
    struct outcome trap = outcome_of(judge->by_trap);
    struct outcome ring = outcome_of(judge->by_ring);

    if (trap.result != ring.result || trap.digest != ring.digest) {
        printf("# call 0x%x %s:", attempt->row->number, attempt->row->kinds);
        for (int i = 0; attempt->row->kinds[i]; i++)
            printf(" %d", attempt->choice[i]);
        printf("\n");
    }
    CHECK_EQ(ring.result, trap.result);
    CHECK_EQ(ring.digest, trap.digest);
    judge->count++;
}

static void both_ways(const struct row *first, size_t count)
{
    struct rows rows = {first, count};
    struct judge judge = {(handle_t)queue_create(64, 64, 0),
                          (handle_t)queue_create(64, 64, 0), 0};
    long by_trap = start(&rows, false, judge.by_trap);
    long by_ring = start(&rows, true, judge.by_ring);

    each_of(&rows, &judge, compare);
    CHECK_EQ(JOIN(by_trap) | JOIN(by_ring), 0);
    CHECK(judge.count > 50);
}

#define BOTH_WAYS(rows) both_ways(rows, sizeof(rows) / sizeof((rows)[0]))

// L4 L18: sending, receiving, looking into queues.
TEST(queue_calls)
{
    BOTH_WAYS(queue_rows);
}

// L4 L18: handles, processes, time.
TEST(handle_calls)
{
    BOTH_WAYS(handle_rows);
}

// L4 L18: regions and slots.
TEST(region_calls)
{
    BOTH_WAYS(region_rows);
}

// L4 L18: ports, channels, semaphores, words, interrupts.
TEST(other_calls)
{
    BOTH_WAYS(other_rows);
}

// L18: each call that the ABI marks "ring" is in one of the tables, or exit.
TEST(tables_are_complete)
{
    static const struct rows tables[] = {
        {queue_rows, sizeof(queue_rows) / sizeof(queue_rows[0])},
        {handle_rows, sizeof(handle_rows) / sizeof(handle_rows[0])},
        {region_rows, sizeof(region_rows) / sizeof(region_rows[0])},
        {other_rows, sizeof(other_rows) / sizeof(other_rows[0])},
    };
    uint32_t marked = 0, there = 0;

#define COUNT(number, name, ring, params) marked += ring == RING_YES;
    WEIR_CALLS(COUNT)
#undef COUNT
    for (int t = 0; t < 4; t++)
        there += (uint32_t)tables[t].count;
    CHECK_EQ(there + 1, marked);
}

TEST_MAIN()
