/*
 * A queue of four priorities: the highest first, first in first out among
 * equals, in constant time. The caller's lock guards it.
 *
 *   PQ1  bit l of levels is set exactly when level[l] is not empty.
 *   PQ2  the elements of a level stand in the order in which they came, except
 *        one given back by prioq_push_front(), which is the level's first.
 */
#pragma once

#include "base/list.h"

#include <stdint.h>

#define PRIO_LEVELS 4

struct prioq {
    struct list level[PRIO_LEVELS];
    uint64_t levels; /* PQ1 */
};

static inline void prioq_init(struct prioq *pq)
{
    pq->levels = 0;
    for (int i = 0; i < PRIO_LEVELS; i++)
        list_init(&pq->level[i]);
}

static inline bool prioq_empty(const struct prioq *pq)
{
    return pq->levels == 0;
}

/* Lab: prio */
static inline void prioq_push(struct prioq *pq, struct list *node,
                              uint32_t priority)
{
    list_push_back(&pq->level[priority], node);
    pq->levels |= 1ul << priority;
}

/* Puts back what was taken from there. Lab: prio */
static inline void prioq_push_front(struct prioq *pq, struct list *node,
                                    uint32_t priority)
{
    list_push_front(&pq->level[priority], node);
    pq->levels |= 1ul << priority;
}

/* The highest non-empty level; levels must not be 0. */
static inline uint32_t prioq_top(const struct prioq *pq)
{
    static const uint8_t top[1 << PRIO_LEVELS] = {0, 0, 1, 1, 2, 2, 2, 2,
                                                  3, 3, 3, 3, 3, 3, 3, 3};
    return top[pq->levels];
}

/* The element that is next, or NULL. Lab: prio */
static inline struct list *prioq_first(const struct prioq *pq)
{
    return pq->levels ? pq->level[prioq_top(pq)].next : NULL;
}

/* Takes out the element that is next; there must be one. Lab: prio */
static inline struct list *prioq_pop(struct prioq *pq)
{
    uint32_t priority = prioq_top(pq);
    struct list *head = &pq->level[priority], *node = head->next;

    list_unlink(node);
    if (head->next == head)
        pq->levels &= ~(1ul << priority);
    return node;
}

/* Takes out an element of the given priority, wherever it stands. Lab: prio */
static inline void prioq_remove(struct prioq *pq, struct list *node,
                                uint32_t priority)
{
    list_remove(node);
    if (list_empty(&pq->level[priority]))
        pq->levels &= ~(1ul << priority);
}
