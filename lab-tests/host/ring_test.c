// SANITIZE: thread address,undefined
/*
 * Ring core (BEHAVIOUR R1): eight threads on rings between two and on one
 * between many, every element once and in order, with plain element accesses,
 * so that ThreadSanitizer sees a missing acquire or release. Indices begin
 * just below 2^32.
 */
#include "check.h"
#include "abi/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAIRS = 4, COUNT = 50000, SIZE = 8 };

#define NEAR_WRAP (UINT32_MAX - 1000)

/* --- between two ---------------------------------------------------------- */

struct pair {
    struct ring_words words;
    struct ring_end producer, consumer;
    uint32_t place[SIZE];
};

static struct pair pairs[PAIRS];

static void *produce(void *arg)
{
    struct pair *pair = arg;

    for (uint32_t next = 0; next < COUNT;) {
        uint32_t n = ring_free(&pair->producer);

        CHECK(n <= SIZE);
        if (!n)
            sched_yield();
        if (n > COUNT - next)
            n = COUNT - next;
        for (uint32_t i = 0; i < n; i++)
            pair->place[ring_place(&pair->producer, i)] = next++;
        ring_pass(&pair->producer, n);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct pair *pair = arg;

    for (uint32_t next = 0; next < COUNT;) {
        uint32_t n = ring_filled(&pair->consumer);

        CHECK(n <= SIZE);
        if (!n)
            sched_yield();
        for (uint32_t i = 0; i < n; i++)
            CHECK(pair->place[ring_place(&pair->consumer, i)] == next++);
        ring_pass(&pair->consumer, n);
    }
    return NULL;
}

static void between_two(void)
{
    pthread_t threads[2 * PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        struct pair *pair = &pairs[i];

        pair->words = (struct ring_words){NEAR_WRAP, NEAR_WRAP};
        pair->producer =
            ring_attach(&pair->words.prod, &pair->words.cons, SIZE);
        pair->consumer =
            ring_attach(&pair->words.cons, &pair->words.prod, SIZE);
        pthread_create(&threads[2 * i], NULL, produce, pair);
        pthread_create(&threads[2 * i + 1], NULL, consume, pair);
    }
    for (int i = 0; i < 2 * PAIRS; i++)
        pthread_join(threads[i], NULL);
}

/* What a liar writes is seen as more than the ring holds, or harms nobody. */
static void a_lying_peer_is_seen(void)
{
    struct ring_words words = {0, 0};
    struct ring_end consumer = ring_attach(&words.cons, &words.prod, SIZE);
    struct ring_end producer = ring_attach(&words.prod, &words.cons, SIZE);

    words.prod = SIZE + 1;
    CHECK(ring_filled(&consumer) > SIZE);
    words.prod = UINT32_MAX; /* backwards */
    CHECK(ring_filled(&consumer) > SIZE);
    words.cons = 1; /* ahead of the producer */
    CHECK(ring_free(&producer) > SIZE);
    words.cons = -(uint32_t)1;
    CHECK(ring_free(&producer) < SIZE);
    words.cons = 77; /* one's own word in the wrong hands: not looked at */
    words.prod = 3;
    CHECK(ring_filled(&consumer) == 3 && ring_place(&consumer, 0) == 0);
}

static void full_and_empty(void)
{
    struct ring_words words = {NEAR_WRAP, NEAR_WRAP};
    struct ring_end consumer = ring_attach(&words.cons, &words.prod, SIZE);
    struct ring_end producer = ring_attach(&words.prod, &words.cons, SIZE);

    _Static_assert(offsetof(struct ring_words, cons) == 64, "own lines");
    CHECK(ring_filled(&consumer) == 0 && ring_free(&producer) == SIZE);
    ring_pass(&producer, SIZE);
    CHECK(ring_filled(&consumer) == SIZE && ring_free(&producer) == 0);
    ring_pass(&consumer, 1);
    CHECK(ring_filled(&consumer) == SIZE - 1 && ring_free(&producer) == 1);
    CHECK(ring_place(&producer, 0) == NEAR_WRAP % SIZE);
}

/* --- many to many --------------------------------------------------------- */

static struct mpmc many;
static uint32_t turns[SIZE], element[SIZE];
static uint32_t taken; /* [a] */
static uint8_t seen[PAIRS * COUNT];

static void *put_many(void *arg)
{
    uint32_t base = (uint32_t)(uintptr_t)arg * COUNT;

    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t at;

        while (!mpmc_begin(&many, MPMC_PUT, &at))
            sched_yield();
        element[at & (SIZE - 1)] = base + i;
        mpmc_end(&many, MPMC_PUT, at);
    }
    return NULL;
}

static void *take_many(void *arg)
{
    uint32_t last[PAIRS] = {0}; /* of each producer: 1 + its number */

    (void)arg;
    while (load_relaxed(&taken) < PAIRS * COUNT) {
        uint32_t at, value;

        if (!mpmc_begin(&many, MPMC_TAKE, &at)) {
            sched_yield();
            continue;
        }
        value = element[at & (SIZE - 1)];
        mpmc_end(&many, MPMC_TAKE, at);
        CHECK(value < PAIRS * COUNT && !seen[value]);
        seen[value] = 1;
        CHECK(value % COUNT >= last[value / COUNT]); /* in order */
        last[value / COUNT] = value % COUNT + 1;
        add_relaxed(&taken, 1);
    }
    return NULL;
}

static void many_to_many(void)
{
    pthread_t threads[2 * PAIRS];

    mpmc_init(&many, turns, SIZE, NEAR_WRAP);
    for (uintptr_t i = 0; i < PAIRS; i++) {
        pthread_create(&threads[2 * i], NULL, put_many, (void *)i);
        pthread_create(&threads[2 * i + 1], NULL, take_many, NULL);
    }
    for (int i = 0; i < 2 * PAIRS; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < PAIRS * COUNT; i++)
        CHECK(seen[i]);
}

static void many_full_and_empty(void)
{
    struct mpmc ring;
    uint32_t turn[2], at;

    mpmc_init(&ring, turn, 2, UINT32_MAX);
    for (uint32_t round = 0; round < 5; round++) {
        CHECK(!mpmc_begin(&ring, MPMC_TAKE, &at));
        for (uint32_t i = 0; i < 2; i++) {
            CHECK(mpmc_begin(&ring, MPMC_PUT, &at));
            CHECK(at == UINT32_MAX + 2 * round + i);
            CHECK(i ||
                  !mpmc_begin(&ring, MPMC_TAKE, &at)); /* claimed, not put */
            mpmc_end(&ring, MPMC_PUT, UINT32_MAX + 2 * round + i);
        }
        CHECK(!mpmc_begin(&ring, MPMC_PUT, &at));
        for (uint32_t i = 0; i < 2; i++) {
            CHECK(mpmc_begin(&ring, MPMC_TAKE, &at));
            CHECK(at == UINT32_MAX + 2 * round + i);
            mpmc_end(&ring, MPMC_TAKE, at);
        }
    }
}

int main(void)
{
    full_and_empty();
    a_lying_peer_is_seen();
    between_two();
    many_full_and_empty();
    many_to_many();
    return 0;
}
