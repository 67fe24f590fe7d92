/* word_wait and word_wake: sleeping on memory that processes share. */
#include "../region/region.h"

/* A slab of words that is mapped here, and in children. */
static uint32_t *shared_words(handle_t *out)
{
    handle_t r = slab(4096, 2);

    if (out)
        *out = r;
    return (uint32_t *)(uintptr_t)shown(r, PROT_READ | PROT_WRITE);
}

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static long sleeper(const uint32_t *word, uint32_t expected, long result)
{
    long pid = SPAWN(CHECK_EQ(word_wait(word, expected, FOREVER), result));

    await_state(pid, PROC_WAITING);
    return pid;
}

// M9: a word that is not as expected is E_AGAIN at once, whatever the timeout.
TEST(not_expected)
{
    uint32_t word = 5;

    CHECK_ERR(word_wait(&word, 4, FOREVER), E_AGAIN);
    CHECK_ERR(word_wait(&word, 4, NOW), E_AGAIN);
    CHECK_ERR(word_wait(&word, 5, NOW), E_AGAIN);
    CHECK_ERR(raw_call(CALL_word_wait, (uint64_t)&word, 4, MS(1), 0, 0),
              E_AGAIN);
    CHECK_EQ(raw_call(CALL_word_wait, (uint64_t)&word, 5ull | 1ull << 32, MS(1),
                      0, 0),
             -E_TIMEDOUT);
}

// M9 E4: a wait ends when its time is over.
TEST(timeout)
{
    uint32_t word = 5;
    uint64_t start = (uint64_t)clock_ns();

    CHECK_ERR(word_wait(&word, 5, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(5));
    CHECK_EQ(word_wake(&word, 1), 0);
}

// M9 E4: a huge finite timeout does not wrap.
TEST(huge_timeout)
{
    uint32_t *words = shared_words(0);
    long pid = SPAWN({
        CHECK_EQ(word_wait(words, 0, 1ull << 63), 0);
        CHECK_EQ(word_wait(words, 0, UINT64_MAX - 1), 0);
    });

    for (int i = 0; i < 2; i++) {
        await_state(pid, PROC_WAITING);
        CHECK_EQ(word_wake(words, 1), 1);
    }
    CHECK_EQ(JOIN(pid), 0);
}

// E9: a waiter whose time was over takes nobody's wakeup.
TEST(timed_out_leaves)
{
    uint32_t *words = shared_words(0);
    long first = SPAWN(CHECK_ERR(word_wait(words, 0, MS(20)), E_TIMEDOUT));
    long second;

    nap_ms(5); /* most probably it is in line now, before the second */
    second = sleeper(words, 0, 0);
    CHECK_EQ(JOIN(first), 0);
    CHECK_EQ(word_wake(words, 1), 1);
    CHECK_EQ(JOIN(second), 0);
}

// M9: the address is 4-aligned and can be read.
TEST(refused)
{
    uint32_t words[2] = {0};
    const uint32_t *off = (const uint32_t *)((uintptr_t)words + 2);

    CHECK_ERR(word_wait(off, 0, NOW), E_INVAL);
    CHECK_ERR(word_wake(off, 1), E_INVAL);
    for (uint32_t i = 0; i < WILD_COUNT; i++) {
        CHECK_ERR(word_wait(wild_pointers[i], 0, MS(1)), E_FAULT);
        CHECK_ERR(word_wake(wild_pointers[i], 1), E_FAULT);
    }
    CHECK_ERR(word_wait((uint32_t *)(uintptr_t)heap_end(), 0, MS(1)), E_FAULT);
    CHECK_EQ(word_wake(words, 0), 0);
    CHECK_EQ(word_wake(words, UINT32_MAX), 0);
}

// M9: waiters on one word are woken in the order in which they came, as many as
// asked for.
TEST(fifo)
{
    uint32_t *words = shared_words(0);
    handle_t out = (handle_t)queue_create(8, 8, 0);
    long pid[5];

    for (uint64_t i = 0; i < 5; i++) {
        pid[i] = SPAWN({
            CHECK_EQ(word_wait(words, 0, FOREVER), 0);
            CHECK_EQ(put(out, i), 0);
        });
        await_state(pid[i], PROC_WAITING);
    }
    CHECK_EQ(word_wake(words, 0), 0);
    for (uint32_t i = 1; i < 2048; i++)
        CHECK_EQ(word_wake(words + i, 9), 0); /* other words */
    for (uint64_t i = 0; i < 2; i++) {
        CHECK_EQ(word_wake(words, 1), 1);
        CHECK_EQ(take(out), i);
    }
    CHECK_EQ(word_wake(words, 99), 3);
    CHECK_EQ(take(out) + take(out) + take(out), 9);
    CHECK_EQ(word_wake(words, 99), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M9: a word is its place in memory: at whatever address a process has it.
TEST(other_address)
{
    handle_t r;
    uint32_t *words = shared_words(&r);
    long pid = SPAWN({
        uint32_t *here;

        CHECK_EQ(region_unmap((uint64_t)words), 0);
        here = (uint32_t *)(uintptr_t)region_map(r, (uint64_t)words + (1 << 20),
                                                 PROT_READ);
        CHECK(here > words);
        CHECK_EQ(word_wait(here + 7, 0, FOREVER), 0);
    });

    await_state(pid, PROC_WAITING);
    CHECK_EQ(word_wake(words + 6, 1), 0);
    CHECK_EQ(word_wake(words + 7, 1), 1);
    CHECK_EQ(JOIN(pid), 0);
}

// M9: memory that is not shared is not the same word after a fork; constants of
// a program are, in all who run it.
TEST(private_and_constant)
{
    static uint32_t mine = 3;
    static const uint32_t everybodys = 4;
    long pid = sleeper(&mine, 3, 0);

    CHECK_EQ(word_wake(&mine, 1), 0);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
    pid = sleeper(&everybodys, 4, 0);
    CHECK_EQ(word_wake(&everybodys, 1), 1);
    CHECK_EQ(JOIN(pid), 0);
}

// M9: who can read a word can wait for it, and wake its waiters.
TEST(read_only)
{
    handle_t r = slab(4096, 1), copy = (handle_t)handle_dup(r, RIGHT_READ, 0);
    uint32_t *word = (uint32_t *)(uintptr_t)shown(copy, PROT_READ);
    long pid = sleeper(word, 0, 0);

    CHECK_EQ(word_wake(word, 1), 1);
    CHECK_EQ(JOIN(pid), 0);
}

// M9 E8: two hundred waiters on one word: one call wakes them all.
TEST(many)
{
    uint32_t *words = shared_words(0);
    uint32_t woken = 0;

    for (int i = 0; i < 200; i++)
        CHECK(SPAWN({
                  words[1 + i] = 1;
                  CHECK_EQ(word_wait(words, 0, FOREVER), 0);
              }) > 0);
    for (int i = 0; i < 200; i++)
        while (load(words + 1 + i) == 0)
            nap_ms(1);
    while (woken < 200) {
        woken += (uint32_t)word_wake(words, UINT32_MAX);
        nap_ms(1);
    }
    CHECK_EQ(woken, 200);
    for (int i = 0; i < 200; i++)
        CHECK(wait(-1, 0, FOREVER) > 0);
}

// M9: a waiter keeps its word's frame: nobody's new word is at the same place.
TEST(frame_stays)
{
    handle_t r;
    uint32_t *words = shared_words(&r);
    uint64_t frame = info_of(r).first_frame;
    long waits = sleeper(words, 0, 0), wakes;
    handle_t go = (handle_t)sem_create(0);

    wakes = SPAWN({
        CHECK_EQ(sem_wait(go, FOREVER), 0);
        CHECK_EQ(word_wake(words, 9), 1);
    });
    await_state(wakes, PROC_WAITING);
    CHECK_EQ(handle_close(r), 0);
    for (int i = 0; i < 100; i++) {
        uint32_t *other = shared_words(&r);

        CHECK(info_of(r).first_frame != frame);
        CHECK_EQ(word_wake(other, 9), 0);
        if (i % 2)
            CHECK_EQ(handle_close(r), 0);
    }
    CHECK_EQ(sem_post(go), 0);
    CHECK_EQ(JOIN(wakes), 0);
    CHECK_EQ(JOIN(waits), 0);
}

// M9: a wait whose mapping is revoked ends with E_FAULT; other waits of the
// word go on.
TEST(revoked)
{
    handle_t r = slab(4096, 1), second = (handle_t)handle_dup(r, RW, 0);
    long first, other;
    uint32_t *words;

    words = (uint32_t *)(uintptr_t)shown(second, PROT_READ);
    first = sleeper(words, 0, -E_FAULT);
    other = SPAWN({
        CHECK_EQ(region_unmap((uint64_t)words), 0);
        words = (uint32_t *)(uintptr_t)shown(r, PROT_READ);
        CHECK_EQ(word_wait(words, 0, FOREVER), 0);
    });
    await_state(other, PROC_WAITING);
    CHECK(handle_revoke(r) >= 2);
    CHECK_EQ(JOIN(first), 0);
    CHECK_ERR(word_wake(words, 1), E_FAULT); /* our own mapping went, too */
    words = (uint32_t *)(uintptr_t)shown(r, PROT_READ);
    CHECK_EQ(word_wake(words, 9), 1);
    CHECK_EQ(JOIN(other), 0);
}

// M9: revoking while processes go to sleep loses none: each wait ends.
TEST(revoke_races)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < 100; i++) {
        handle_t r = slab(4096, 1), second = (handle_t)handle_dup(r, RW, 0);
        uint32_t *word = (uint32_t *)(uintptr_t)shown(second, PROT_READ);
        long pid = SPAWN({ CHECK_ERR(word_wait(word, 0, FOREVER), E_FAULT); });

        BUSY_US(random_below(&seed, 200));
        CHECK(handle_revoke(r) >= 2);
        CHECK_EQ(JOIN(pid), 0);
        handle_close(r);
    }
}

// M9: a seal takes only the right to write away: who waits, waits on.
TEST(sealed_while_waiting)
{
    handle_t r = immutable(4096);
    uint32_t *word = (uint32_t *)(uintptr_t)shown(r, PROT_READ | PROT_WRITE);
    long pid = sleeper(word, 0, 0);

    CHECK_EQ(region_seal(r), 0);
    CHECK_EQ(word_wake(word, 1), 1);
    CHECK_EQ(JOIN(pid), 0);
}

// E7: a killed waiter leaves its line, and the next one is woken.
TEST(killed)
{
    uint32_t *words = shared_words(0);
    long first = sleeper(words, 0, 0), second = sleeper(words, 0, 0);

    CHECK_EQ(kill(first), 0);
    CHECK_EQ(wait(first, 0, FOREVER), first);
    CHECK_EQ(word_wake(words, 1), 1);
    CHECK_EQ(JOIN(second), 0);
}

// M9 E2: to look at the word and to go to sleep are one step: a number that two
// processes raise in turn is not missed.
TEST(in_turn)
{
    uint32_t *word = shared_words(0), n = rounds(100000);
    long pid = SPAWN(for (uint32_t i = 1; i < n; i += 2) {
        while (load(word) != i)
            CHECK(word_wait(word, i - 1, FOREVER) <= 0);
        store(word, i + 1);
        CHECK(word_wake(word, 1) <= 1);
    });

    for (uint32_t i = 0; i < n; i += 2) {
        while (load(word) != i)
            CHECK(word_wait(word, i - 1, FOREVER) <= 0);
        store(word, i + 1);
        CHECK(word_wake(word, 1) <= 1);
    }
    CHECK_EQ(JOIN(pid), 0);
}

/* A mutex: 0 free, 1 held, 2 held and somebody may wait. */
static void acquire(uint32_t *mutex)
{
    uint32_t seen = 0;

    if (__atomic_compare_exchange_n(mutex, &seen, 1, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return;
    while (__atomic_exchange_n(mutex, 2, __ATOMIC_SEQ_CST) != 0) {
        long r = word_wait(mutex, 2, FOREVER);

        CHECK(r == 0 || r == -E_AGAIN);
    }
}

static void release(uint32_t *mutex)
{
    if (__atomic_exchange_n(mutex, 0, __ATOMIC_SEQ_CST) == 2)
        CHECK(word_wake(mutex, 1) >= 0);
}

// M9: four processes share a mutex on a slab: 10^6 times in all one is inside,
// alone.
TEST(mutex)
{
    uint32_t *words = shared_words(0);
    volatile uint64_t *count = (volatile uint64_t *)(uintptr_t)(words + 64);
    uint32_t n = 250000;
    long pid[4];

    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN(for (uint32_t k = 0; k < n; k++) {
            acquire(words);
            *count = *count + 1;
            release(words);
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(*count, 4ull * n);
    CHECK_EQ(load(words), 0);
}

/* A queue of 8 numbers: a mutex, and the words to wait for room and for
 * something to take. */
struct ring {
    uint32_t mutex, changed_in, changed_out, head, tail;
    uint32_t value[8];
};

static void ring_put(struct ring *q, uint32_t value)
{
    for (;;) {
        uint32_t seen = load(&q->changed_out);

        acquire(&q->mutex);
        if (q->tail - q->head < 8)
            break;
        release(&q->mutex);
        word_wait(&q->changed_out, seen, FOREVER);
    }
    q->value[q->tail++ % 8] = value;
    store(&q->changed_in, q->changed_in + 1);
    release(&q->mutex);
    word_wake(&q->changed_in, UINT32_MAX);
}

static uint32_t ring_take(struct ring *q)
{
    uint32_t value;

    for (;;) {
        uint32_t seen = load(&q->changed_in);

        acquire(&q->mutex);
        if (q->tail != q->head)
            break;
        release(&q->mutex);
        word_wait(&q->changed_in, seen, FOREVER);
    }
    value = q->value[q->head++ % 8];
    store(&q->changed_out, q->changed_out + 1);
    release(&q->mutex);
    word_wake(&q->changed_out, UINT32_MAX);
    return value;
}

// M9: two producers and two consumers share a queue on a slab: of
// half a million operations nothing is lost; fewer with a drawn schedule.
TEST(queue)
{
    struct ring *q = (struct ring *)(uintptr_t)shared_words(0);
    handle_t sums = (handle_t)queue_create(4, 8, 0);
    uint32_t n = seeded() ? 6000 : 125000;
    uint64_t total = 0;
    long pid[4];

    for (uint32_t i = 0; i < 4; i++)
        pid[i] = SPAWN({
            uint64_t sum = 0;

            for (uint32_t k = 1; k <= n; k++)
                if (i < 2)
                    ring_put(q, k);
                else
                    sum += ring_take(q);
            CHECK_EQ(put(sums, sum), 0);
        });
    for (int i = 0; i < 4; i++)
        total += take(sums);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(total, (uint64_t)n * (n + 1));
    CHECK_EQ(q->head, q->tail);
}

TEST_MAIN()
