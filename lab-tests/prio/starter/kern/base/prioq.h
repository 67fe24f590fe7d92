/* Puts back what was taken from there: whatever its priority. Lab: prio */
static inline void prioq_push_front(struct prioq *pq, struct link *first,
                                    struct link *end, uint32_t priority)
{
    struct link *tail = pq->last[0];

    (void)priority;
    end->next = tail ? tail->next : first;
    if (tail)
        tail->next = first;
    else
        pq->last[0] = end;
}

/* Behind all others, whatever its priority. Lab: prio */
static inline void prioq_push(struct prioq *pq, struct link *node,
                              uint32_t priority)
{
    (void)priority;
    prioq_push_front(pq, node, node, 0);
    pq->last[0] = node;
}

/* Where the last one stands, which the next one follows; or NULL. Lab: prio */
static inline struct link **prioq_top(struct prioq *pq)
{
    return pq->last[0] ? &pq->last[0] : NULL;
}

/* Takes the elements from the next one to `end` out. Lab: prio */
static inline void prioq_pop(struct link **top, struct link *end)
{
    if (end != *top)
        (*top)->next = end->next;
    else
        *top = NULL;
}
