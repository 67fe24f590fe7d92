/*
 * A queue of four priorities: the highest first, first in first out among
 * equals, in constant time. The caller's lock guards it.
 *
 *   PQ1  bit l of levels is set exactly when last[l] is not NULL.
 *   PQ2  the elements of a level are a circle in the order in which they came,
 *        except one given back by prioq_push_front(), which is the level's
 *        first. The first one follows the last.
 */
#pragma once

#include "abi/atomic.h"

#include <stddef.h>
#include <stdint.h>

#define PRIO_LEVELS 4

struct link {
    struct link *next;
};

/* All zero: empty. */
struct prioq {
    struct link *last[PRIO_LEVELS]; /* PQ2; NULL: none */
    uint64_t levels; /* PQ1; whether it is 0: also read without the lock */
};

/* Puts back what was taken from there. Lab: prio */
static inline void prioq_push_front(struct prioq *pq, struct link *node,
                                    uint32_t priority)
{
    struct link *last = pq->last[priority];

    if (last) {
        node->next = last->next;
        last->next = node;
    } else {
        pq->last[priority] = node->next = node;
        store_relaxed(&pq->levels, pq->levels | 1ul << priority);
    }
}

/* Lab: prio */
static inline void prioq_push(struct prioq *pq, struct link *node,
                              uint32_t priority)
{
    prioq_push_front(pq, node, priority);
    pq->last[priority] = node;
}

/* The highest of a set of levels, which must not be empty. */
static inline uint32_t level_top(uint64_t levels)
{
    static const uint8_t top[1 << PRIO_LEVELS] = {0, 0, 1, 1, 2, 2, 2, 2,
                                                  3, 3, 3, 3, 3, 3, 3, 3};
    return top[levels];
}

/* The element that is next, or NULL. Lab: prio */
static inline struct link *prioq_first(const struct prioq *pq)
{
    return pq->levels ? pq->last[level_top(pq->levels)]->next : NULL;
}

/* Takes out the element that is next; there must be one. Lab: prio */
static inline struct link *prioq_pop(struct prioq *pq)
{
    uint32_t priority = level_top(pq->levels);
    struct link *last = pq->last[priority], *node = last->next;

    last->next = node->next;
    if (node == last) {
        pq->last[priority] = NULL;
        store_relaxed(&pq->levels, pq->levels & ~(1ul << priority));
    }
    return node;
}
