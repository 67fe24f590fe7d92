/*
 * Lock-free rings of a power of two of places: indices and order only, the
 * elements stand wherever the owner wants. For kernel, programs, host tests.
 *
 *   K1  an index runs freely over 32 bits; its low bits name a place. Indices
 *       are compared by their difference.
 *   K2  one producer, one consumer (ring_end): 0 <= prod - cons <= size; the
 *       places in [cons, prod) are the consumer's, the others the producer's.
 *   K3  many to many (mpmc): place i takes its k-th element when its turn is
 *       k * size + i, and gives it back when its turn is one more. Who moves an
 *       index over a place owns it until he sets its turn.
 *
 * Each shared word is read once, and an end keeps its own index to itself.
 */
#pragma once

#include "atomic.h"

/* The shared words of a ring between two, a cache line each. */
struct ring_words {
    _Alignas(64) uint32_t prod;
    _Alignas(64) uint32_t cons;
};

/* One end of a ring between two. */
struct ring_end {
    uint32_t *mine;         /* [a] the index that this end publishes */
    const uint32_t *theirs; /* [a] the other end's */
    uint32_t at;            /* what *mine is; nobody else's word counts */
    uint32_t size;          /* places, a power of two */
};

/* An end that begins at what *mine holds. */
static inline struct ring_end ring_attach(uint32_t *mine,
                                          const uint32_t *theirs, uint32_t size)
{
    return (struct ring_end){mine, theirs, load_relaxed(mine), size};
}

/* The place of the i-th element that this end may fill or look at. */
static inline uint32_t ring_place(const struct ring_end *end, uint32_t i)
{
    return (end->at + i) & (end->size - 1);
}

/* Elements to take. More than `size`: the producer lies. */
static inline uint32_t ring_filled(const struct ring_end *consumer)
{
    /* [RING-PROD] acquire; pairs with the release in the producer's
     * ring_pass(): its elements precede our reads. */
    return load_acquire(consumer->theirs) - consumer->at;
}

/* Elements that may be put. More than `size`: the consumer lies. */
static inline uint32_t ring_free(const struct ring_end *producer)
{
    /* [RING-CONS] acquire; pairs with the release in the consumer's
     * ring_pass(): its reads precede our writes. */
    return producer->size - (producer->at - load_acquire(producer->theirs));
}

/* Give the next n places, filled or emptied, to the other end. */
static inline void ring_pass(struct ring_end *end, uint32_t n)
{
    end->at += n;
    store_release(end->mine, end->at); /* [RING-PROD] or [RING-CONS] */
}

/* Many to many: turn[i] is the turn of place i. */
struct mpmc {
    _Alignas(64) uint32_t prod; /* [a] */
    _Alignas(64) uint32_t cons; /* [a] */
    _Alignas(64) uint32_t *turn;
    uint32_t size; /* [I] a power of two, at least 2 */
};

static inline void mpmc_init(struct mpmc *ring, uint32_t *turn, uint32_t size,
                             uint32_t first)
{
    *ring = (struct mpmc){.prod = first, .cons = first, turn, size};
    for (uint32_t i = 0; i < size; i++)
        turn[(first + i) & (size - 1)] = first + i;
}

/* The two sides: how far a place's turn is ahead when it is theirs. */
enum mpmc_side { MPMC_PUT = 0, MPMC_TAKE = 1 };

/* Claim a place to fill or to empty; its elements' index is *at & (size - 1).
 * Returns: false if the ring is full or empty. */
static inline bool mpmc_begin(struct mpmc *ring, enum mpmc_side side,
                              uint32_t *at)
{
    uint32_t *index = side == MPMC_PUT ? &ring->prod : &ring->cons;

    for (;;) {
        uint32_t i = load_relaxed(index);
        /* [TURN] acquire; pairs with the release in mpmc_end(). */
        uint32_t turn = load_acquire(&ring->turn[i & (ring->size - 1)]);
        int32_t late = (int32_t)(turn - (i + side));

        if (late < 0)
            return false;
        if (late == 0 && cas(index, i, i + 1)) {
            *at = i;
            return true;
        }
    }
}

/* Give the place to the other side. */
static inline void mpmc_end(struct mpmc *ring, enum mpmc_side side, uint32_t at)
{
    uint32_t turn = at + (side == MPMC_PUT ? 1 : ring->size);

    /* [TURN] release; pairs with the acquire in mpmc_begin(): our writes
     * precede the consumer's reads, our reads the next producer's writes. */
    store_release(&ring->turn[at & (ring->size - 1)], turn);
}
