/*
 * Circular doubly linked lists, with the links inside the elements. Their
 * owner's lock guards them; list_looks_empty() may be called without, and all
 * stores that it can see are whole.
 */
#pragma once

#include "abi/atomic.h"
#include "base/kern.h"

struct list {
    struct list *next, *prev; /* of a head: first, last; empty: itself */
};

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_looks_empty(const struct list *head)
{
    return load_relaxed(&head->next) == head;
}

/* Also: put node before the element `head`; push_front: behind it. */
static inline void list_push_back(struct list *head, struct list *node)
{
    node->next = head;
    node->prev = head->prev;
    store_relaxed(&head->prev->next, node);
    head->prev = node;
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_push_back(head->next, node);
}

/* Takes node out; its links keep their old values. */
static inline void list_unlink(struct list *node)
{
    store_relaxed(&node->prev->next, node->next);
    node->next->prev = node->prev;
}

/* Takes node out, if it is in a list, and leaves it empty. */
static inline void list_remove(struct list *node)
{
    list_unlink(node);
    list_init(node);
}

static inline struct list *list_pop_front(struct list *head)
{
    struct list *node = head->next;

    if (node == head)
        return NULL;
    list_remove(node);
    return node;
}

#define list_entry container_of

#define list_for_each(node, head)                                              \
    for (struct list *node = (head)->next; node != (head); node = node->next)
