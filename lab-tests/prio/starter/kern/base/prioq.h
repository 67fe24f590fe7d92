/* Puts back what was taken from there: whatever its priority. Lab: prio */
static inline void prioq_push_front(struct prioq *pq, struct link *node,
                                    uint32_t priority)
{
    struct link *tail = pq->last[0];

    (void)priority;
    node->next = tail ? tail->next : node;
    if (tail)
        tail->next = node;
    else
        pq->last[0] = node;
    pq->levels = 1;
}

/* Behind all others, whatever its priority. Lab: prio */
static inline void prioq_push(struct prioq *pq, struct link *node,
                              uint32_t priority)
{
    (void)priority;
    prioq_push_front(pq, node, 0);
    pq->last[0] = node;
}

/* The element that is next, or NULL. Lab: prio */
static inline struct link *prioq_first(const struct prioq *pq)
{
    return pq->levels ? pq->last[0]->next : NULL;
}

/* Takes out the element that is next; there must be one. Lab: prio */
static inline struct link *prioq_pop(struct prioq *pq)
{
    struct link *tail = pq->last[0], *node = tail->next;

    tail->next = node->next;
    if (node == tail) {
        pq->last[0] = NULL;
        pq->levels = 0;
    }
    return node;
}
