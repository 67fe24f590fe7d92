/* Many processes at once, and many operations against a model. */
#include "../lab.h"

#define PRODUCERS 4
#define CONSUMERS 3
#define ITEM      48

/* A message: producer, number, and bytes that all derive from both. */
static void make_item(uint8_t *item, uint32_t producer, uint32_t number)
{
    memset(item, (int)(producer * 59 + number), ITEM);
    memcpy(item, &producer, 4);
    memcpy(item + 4, &number, 4);
}

static void produce(handle_t q, uint32_t producer, uint32_t count)
{
    uint8_t item[ITEM];

    for (uint32_t i = 0; i < count; i++) {
        make_item(item, producer, i);
        CHECK_EQ(queue_send(q, item, ITEM, MSG_OPT(PRIO_NORMAL, 0), FOREVER),
                 0);
    }
}

/* What a consumer saw of one producer. */
struct tally {
    uint32_t count, last;
    uint64_t sum;
};

/* Receives until E_PIPE, checks every byte and each producer's order, and
 * reports the tallies. */
static void consume(handle_t q, handle_t report)
{
    struct tally seen[PRODUCERS] = {0};
    uint8_t item[ITEM], want[ITEM];
    uint32_t producer, number;
    long r;

    while ((r = queue_recv(q, item, ITEM, 0, FOREVER)) == ITEM) {
        memcpy(&producer, item, 4);
        memcpy(&number, item + 4, 4);
        CHECK(producer < PRODUCERS);
        make_item(want, producer, number);
        CHECK_EQ(memcmp(item, want, ITEM), 0);
        CHECK(seen[producer].count == 0 || number > seen[producer].last);
        seen[producer].last = number;
        seen[producer].count++;
        seen[producer].sum += number;
    }
    CHECK_ERR(r, E_PIPE);
    CHECK_EQ(queue_send(report, seen, sizeof(seen), 0, FOREVER), 0);
}

/* Adds up what all consumers report: each producer's numbers 0..n-1, each
 * exactly once. Returns n of the last producer; the others sent `count`. */
static uint32_t check_tallies(handle_t report, uint32_t count)
{
    struct tally total[PRODUCERS] = {0}, seen[PRODUCERS];

    for (int i = 0; i < CONSUMERS; i++) {
        CHECK_EQ(queue_recv(report, seen, sizeof(seen), 0, FOREVER),
                 sizeof(seen));
        for (int p = 0; p < PRODUCERS; p++) {
            total[p].count += seen[p].count;
            total[p].sum += seen[p].sum;
        }
    }
    for (int p = 0; p < PRODUCERS; p++) {
        uint64_t n = total[p].count;

        CHECK_EQ(total[p].sum, n * (n - 1) / 2 * (n > 0));
        if (p < PRODUCERS - 1)
            CHECK_EQ(n, count);
    }
    return total[PRODUCERS - 1].count;
}

/* Starts the processes; the caller keeps no handle to the data queue. */
static void start_all(handle_t q, handle_t report, uint32_t count, long *pids)
{
    long w = handle_dup(q, RIGHT_WRITE, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    handle_close(q);
    for (uint32_t i = 0; i < CONSUMERS; i++)
        *pids++ = SPAWN(handle_close(w); consume(r, report));
    for (uint32_t i = 0; i < PRODUCERS; i++)
        *pids++ = SPAWN(handle_close(r); produce(w, i, count));
    handle_close(r);
    handle_close(w);
}

// B10: four producers, three consumers: every message exactly once, whole,
// and each producer's in order.
TEST(many_to_many)
{
    long pids[CONSUMERS + PRODUCERS];
    long report = queue_create(4, 256, 0);
    uint32_t count = seeded() ? 800 : 10000;
    long q = queue_create(16, ITEM, 0);
    long watch = handle_dup(q, RIGHT_READ, 0);
    struct queue_stat s;

    start_all(q, report, count, pids);
    CHECK_EQ(check_tallies(report, count), count);
    s = stat_of(watch);
    CHECK(s.max_depth <= 16);
    CHECK_EQ(s.sent, PRODUCERS * count);
    CHECK_EQ(s.received, PRODUCERS * count);
    CHECK_EQ(s.len, 0);
    for (int i = 0; i < CONSUMERS + PRODUCERS; i++)
        CHECK_EQ(JOIN(pids[i]), 0);
}

// B10 E2: the same through a queue of one place.
TEST(many_to_many_size_one)
{
    long pids[CONSUMERS + PRODUCERS];
    long report = queue_create(4, 256, 0);
    uint32_t count = seeded() ? 400 : 2500;

    start_all(queue_create(1, ITEM, 0), report, count, pids);
    CHECK_EQ(check_tallies(report, count), count);
    for (int i = 0; i < CONSUMERS + PRODUCERS; i++)
        CHECK_EQ(JOIN(pids[i]), 0);
}

// B10 F5: a producer killed on the way: what it got accepted arrives exactly
// once, from its first message on without a gap.
TEST(producer_killed)
{
    uint64_t seed = test_seed();
    long pids[CONSUMERS + PRODUCERS];
    long report = queue_create(4, 256, 0);
    uint32_t count = seeded() ? 150 : 500;

    for (int round = 0; round < 5; round++) {
        long victim;

        start_all(queue_create(4, ITEM, 0), report, count, pids);
        victim = pids[CONSUMERS + PRODUCERS - 1];
        BUSY_US(random_below(&seed, 2000));
        CHECK_EQ(kill(victim), 0);
        CHECK(check_tallies(report, count) <= count);
        for (int i = 0; i < CONSUMERS + PRODUCERS; i++)
            CHECK_EQ(wait(pids[i], 0, FOREVER), pids[i]);
    }
}

/* The model: four lists of numbers, one a priority. */
struct model {
    uint64_t list[4][16];
    uint32_t len[4], total;
    uint64_t next, accepted;
};

static void model_send(struct model *m, handle_t q, uint32_t priority)
{
    long want = m->total == 16 ? -E_AGAIN : 0;

    CHECK_EQ(put_now(q, m->next, priority), want);
    if (want == 0) {
        m->list[priority][m->len[priority]++] = m->next;
        m->total++;
        m->accepted++;
    }
    m->next++;
}

static void model_recv(struct model *m, handle_t q)
{
    struct msg_meta meta;
    uint64_t value;
    int p = 3;

    while (p >= 0 && m->len[p] == 0)
        p--;
    if (p < 0) {
        CHECK_ERR(queue_recv(q, &value, 8, &meta, NOW), E_AGAIN);
        return;
    }
    CHECK_EQ(queue_peek(q, &meta), 0);
    CHECK_EQ(meta.priority, p);
    CHECK_EQ(queue_recv(q, &value, 8, &meta, NOW), 8);
    CHECK_EQ(value, m->list[p][0]);
    CHECK_EQ(meta.priority, p);
    m->len[p]--;
    m->total--;
    memmove(m->list[p], m->list[p] + 1, m->len[p] * 8);
}

// D1 D2 D3 B8: 100,000 random operations agree with four first-in-first-out
// lists.
TEST(random_against_model)
{
    static struct model m;
    uint64_t seed = test_seed();
    long q = queue_create(16, 8, 0);

    for (uint32_t i = 0, n = seeded() ? 20000 : 100000; i < n; i++) {
        // Long phases of mostly sending and mostly receiving.
        uint32_t bias = i / 500 % 2 == 0 ? 6 : 4;

        if (random_below(&seed, 10) < bias)
            model_send(&m, q, random_below(&seed, 4));
        else
            model_recv(&m, q);
        if (i % 100 == 0) {
            CHECK_EQ(stat_of(q).len, m.total);
            CHECK_EQ(stat_of(q).available, 16 - m.total);
            CHECK_EQ(stat_of(q).sent, m.accepted);
        }
    }
}

/* Answers each number with its successor, `count` times. */
static void pong(handle_t in, handle_t out, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        CHECK_EQ(put(out, take(in) + 1), 0);
}

static void ping(uint64_t count)
{
    long there = queue_create(1, 8, 0), back = queue_create(1, 8, 0);
    long child = SPAWN(pong(there, back, count));

    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ(put(there, i), 0);
        CHECK_EQ(take(back), i + 1);
    }
    CHECK_EQ(JOIN(child), 0);
}

// E2: 100,000 ping-pongs through queues of one place lose no wakeup; fewer with
// a drawn schedule.
TEST(ping_pong)
{
    ping(seeded() ? 2000 : 100000);
}

// E2: several pairs at once.
TEST(ping_pong_pairs)
{
    uint64_t count = seeded() ? 300 : 5000;
    long pair[4];

    for (int i = 0; i < 4; i++)
        pair[i] = SPAWN(ping(count));
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pair[i]), 0);
}

/* Sleeps for moments, over and over, until `gate` closes. */
static void sleep_in_moments(handle_t gate, uint64_t seed)
{
    while (queue_recv(gate, 0, 0, 0, US(random_below(&seed, 200))) != -E_PIPE)
        timer_wait(TIMER_REL, US(random_below(&seed, 200)));
}

// R2 B10: timers that go off all the time lose and double no message.
TEST(timer_storm)
{
    long pids[CONSUMERS + PRODUCERS], sleeper[6];
    long report = queue_create(4, 256, 0), gate = queue_create(1, 8, 0);
    long rd = handle_dup(gate, RIGHT_READ, 0);
    uint32_t count = 2000;

    for (uint64_t i = 0; i < 6; i++)
        sleeper[i] =
            SPAWN(handle_close(gate); sleep_in_moments(rd, test_seed() + i));
    start_all(queue_create(4, ITEM, 0), report, count, pids);
    CHECK_EQ(check_tallies(report, count), count);
    for (int i = 0; i < CONSUMERS + PRODUCERS; i++)
        CHECK_EQ(JOIN(pids[i]), 0);
    CHECK_EQ(handle_close(gate), 0);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(JOIN(sleeper[i]), 0);
}

/* Answers each number with its successor; waits in handle_wait only. */
static void watching_pong(handle_t in, handle_t out, uint64_t count)
{
    struct wait_item item = {in, SIG_READABLE, 0};

    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
        CHECK_EQ(put_now(out, take_now(in) + 1, PRIO_LOW), 0);
    }
}

// E2 C7: ping-pong with handle_wait on both sides loses no wakeup.
TEST(ping_pong_watching)
{
    long there = queue_create(1, 8, 0), back = queue_create(1, 8, 0);
    uint64_t count = 20000;
    long child = SPAWN(watching_pong(there, back, count));
    struct wait_item item = {(handle_t)back, SIG_READABLE, 0};

    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ(put_now(there, i, PRIO_LOW), 0);
        CHECK_EQ(handle_wait(&item, 1, FOREVER), 1);
        CHECK_EQ(take_now(back), i + 1);
    }
    CHECK_EQ(JOIN(child), 0);
}

TEST_MAIN()
