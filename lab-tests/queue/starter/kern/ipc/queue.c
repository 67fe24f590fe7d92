/* The sender that is next, out of its line. Lab: queue */
static struct waiter *next_sender(struct queue *q) REQUIRES(&q->obj.lock)
{
    (void)q;
    return NULL;
}

/* Give a message to a receiver in line. Returns: whether somebody has it.
 * Lab: queue */
static bool give_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock)
{
    (void)q;
    (void)slot;
    return false;
}

/* Give a free place to an event that is kept (it comes before all senders), or
 * to the first sender in line. Returns: whether one took it. Lab: queue */
static bool grant_locked(struct queue *q, struct qslot *slot)
    REQUIRES(&q->obj.lock)
{
    bool event = q->kept;

    if (event)
        event_place_locked(q, slot);
    return event;
}

/* Wait for a while, in line (what is an entry of a ring may not); then the
 * caller looks again. Nobody is served in line. Gives up the lock and the noted
 * nodes. Returns: -E_AGAIN: look; -E_TIMEDOUT once `end` has passed; what else
 * ended the wait. */
static long nap_in_line(struct queue *q, struct list *line, const void *node,
                        uint64_t end) RELEASES(&q->obj.lock)
{
    struct kobj *obj = &q->obj;
    uint64_t nap = deadline_after(1000000ull /* a millisecond */);
    struct waiter *me = waiter_begin(node);
    long result;

    list_push_back(line, &me->link);
    kobj_unlock(obj);
    handle_done();
    result = line_waited(obj, me, waiter_sleep(me, MIN(nap, end)));
    return result == -E_TIMEDOUT && nap < end ? -E_AGAIN : result;
}

/* Send at once. Returns: 0; why not. */
static long send_locked(struct queue *q, struct queue_send *s)
    REQUIRES(&q->obj.lock)
{
    struct qslot *place;

    if (s->type != q->type && s->meta.kind == MSG_INLINE)
        return -E_ALREADY;
    if (CLOSED_SEND & q->obj.state)
        return -E_PIPE;
    place = queue_reserve_locked(q);
    if (!place)
        return -E_AGAIN;
    use_place_locked(q, place, s);
    return 0;
}

/* Lab: queue */
long queue_send_wait(struct queue *q, struct queue_send *s, const void *node,
                     uint64_t timeout)
{
    struct kobj *obj = &q->obj;
    uint64_t end = deadline_after(timeout);
    long result;

    do {
        kobj_lock(obj);
        result = send_locked(q, s);
        if (result != -E_AGAIN || !timeout || waiter_parks()) {
            kobj_unlock(obj);
            break;
        }
        result = nap_in_line(q, &q->senders[s->meta.priority], node, end);
    } while (result == -E_AGAIN);
    return count_miss(&q->stat.rejected, result);
}

/* Take the message that is next. Returns: 0; why not. */
static long receive_locked(struct queue *q, struct queue_recv *r)
    REQUIRES(&q->obj.lock)
{
    struct link **best = prioq_top(&q->ready);
    struct qslot *next = best ? slot_of((*best)->next) : NULL;

    if (!next && !r->in_range)
        return -E_FAULT;
    if (!next)
        return q->obj.state & CLOSED_RECV ? -E_PIPE : -E_AGAIN;
    if (next->meta.len > r->cap) {
        queue_header(next, &r->header);
        return -E_MSGSIZE;
    }
    r->slot = next;
    prioq_pop(best, &next->link);
    return 0;
}

/* Lab: queue */
long queue_take_wait(struct queue *q, struct queue_recv *r, const void *node,
                     uint64_t timeout)
{
    struct kobj *obj = &q->obj;
    uint64_t end = deadline_after(timeout);
    bool again;
    long result;

    do { /* it is locked */
        result = receive_locked(q, r);
        if (result != -E_AGAIN || !timeout || waiter_parks()) {
            kobj_unlock(obj);
            break;
        }
        result = nap_in_line(q, &q->receivers, node, end);
        again = result == -E_AGAIN;
        if (again)
            kobj_lock(obj);
    } while (again);
    handle_done();
    return count_miss(&q->stat.empty, result);
}

/* Those in line notice when they look. Lab: queue */
static void close_queue(struct queue *q, uint32_t how)
{
    struct kobj *obj = &q->obj;

    kobj_lock(obj);
    q->obj.state = q->obj.state | how;
    event_changed(obj, SIG_CLOSED);
    kobj_unlock(obj);
}
