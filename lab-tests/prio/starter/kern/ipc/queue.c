/* A sender in line leaves it, whatever its priority; or NULL. Lab: prio */
static inline struct waiter *next_sender(struct queue *q) REQUIRES(&q->obj.lock)
{
    for (uint32_t i = 0; i < PRIO_LEVELS; i++)
        if (!list_empty(&q->senders[i]))
            return waiter_of(list_pop_front(&q->senders[i]));
    return NULL;
}
