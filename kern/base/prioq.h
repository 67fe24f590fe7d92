/*
 * A queue of four priorities: the highest first, first in first out among
 * equals, in constant time. The caller's lock guards it.
 *
 *   PQ1  last[l] is NULL exactly when level l is empty.
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
    struct link *last[PRIO_LEVELS]; /* PQ1, PQ2 */
};

/* Puts back what was taken from there: elements that are linked, first to end.
 * Lab: prio */
static inline void prioq_push_front(struct prioq *pq, struct link *first,
                                    struct link *end, uint32_t priority)
{
    struct link *last = pq->last[priority];

    if (last) {
        end->next = last->next;
        last->next = first;
    } else {
        pq->last[priority] = end;
        end->next = first;
    }
}

/* Lab: prio */
static inline void prioq_push(struct prioq *pq, struct link *node,
                              uint32_t priority)
{
    prioq_push_front(pq, node, node, priority);
    pq->last[priority] = node;
}

/* Where the highest level that is not empty has its last element, which is
 * followed by the one that is next; or NULL. Lab: prio */
static inline struct link **prioq_top(struct prioq *pq)
{
#pragma GCC unroll 4
    for (struct link **top = &pq->last[PRIO_LEVELS]; top-- != pq->last;)
        if (*top)
            return top;
    return NULL;
}

/* Takes the elements of the level that prioq_top() said, from the next one to
 * `end`, out; they stay linked. Lab: prio */
static inline void prioq_pop(struct link **top, struct link *end)
{
    struct link *last = *top;

    if (end == last)
        *top = NULL;
    else
        last->next = end->next;
}
