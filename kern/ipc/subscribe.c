/*
 * Subscriptions: a signal of an object that comes up becomes an event in a
 * queue.
 *
 *   SU1  `signals` came up and were not read. Who makes them from 0 to
 *        something sees to it that an event is posted, when it has given up
 *        the object's lock: until then it is among a process's events, only
 *        once (`posting`): who posts it unsets that, then looks at `signals`.
 *   SU2  a subscription has at most one event in its queue, `slot`. What it
 *        says is decided when it is read, so that all that comes up until then
 *        is in it.
 *   SU3  one without a place is among the queue's kept ones. It gets the next
 *        place that is freed, before any sender, and no other.
 *   SU4  a subscription ends with the first of its two handles. It holds both
 *        objects, and is freed when nobody is about to post for it any more.
 *        One that has `ended` has no observer again.
 *   SU5  an interrupt line bound to a queue is a subscription, too; what comes
 *        up is INTERRUPT. Its handler posts at once what it makes come up, with
 *        event_interrupts held, which processes hold with interrupts off only.
 *        Who ends a subscription takes that lock before it lets go: so a
 *        handler never has the last reference to anything.
 */
#include "ipc/event.h"
#include "ipc/handle.h"
#include "ipc/queue.h"
#include "mem/kalloc.h"

#define INTERRUPT (SIG_ALL + 1)

struct spinlock event_interrupts = SPINLOCK(RANK_FLIGHT);

/* [I] immutable, [o] the source's lock, [q] the queue's, [h] the owner's table
 * lock, [a] atomic. */
struct subscription {
    struct observer observer;              /* [o] */
    struct kobj *source;                   /* [I] */
    struct queue *queue;                   /* [I] */
    const struct hnode *node, *queue_node; /* [I] compared only */
    struct proc *owner;                    /* [I] */
    struct list link;                      /* [h] in owner->subscriptions */
    struct list pending;                   /* [s] of who posts: SU1 */
    struct link kept;                      /* [q] SU3 */
    struct qslot *slot;                    /* [q] SU2 */
    uint64_t token;                        /* [q] */
    uint32_t signals;                      /* [a] SU1 */
    uint32_t told;                         /* [o] CLOSED comes up once */
    uint32_t refs;                         /* [a] */
    uint32_t posting;                      /* [a] SU1 */
    uint32_t irq;                          /* [I] 0: none */
    bool waits;                            /* [q] SU3 */
    bool ended;                            /* [o] SU4 */
};

/* What an event's place holds. */
struct event {
    struct msg_event message;  /* valid once it is read, or ended; until then */
                               /* without signals */
    struct subscription *from; /* [q] NULL once that has ended */
};
_Static_assert(sizeof(struct event) <= HNODE_IN_PLACE, "room");

static struct event *event_in(const struct qslot *slot)
{
    return queue_cargo_place(slot);
}

static void put(struct subscription *s)
{
    if (add_acq_rel(&s->refs, -1u) != 1)
        return;
    kobj_put(s->source);
    kobj_put(&s->queue->obj);
    kfree(s, sizeof(*s));
}

/* Returns: whether there were none. */
static bool add_signals(struct subscription *s, uint32_t signals)
{
    if (!signals || or_relaxed(&s->signals, signals))
        return false;
    add_relaxed(&s->owner->events_unread, 1);
    return true;
}

static uint32_t take_signals(struct subscription *s)
{
    uint32_t signals = (uint32_t)swap_acq_rel(&s->signals, 0);

    if (signals)
        add_relaxed(&s->owner->events_unread, -1u);
    return signals;
}

/* What its event says when it is read. */
static struct msg_event take_message(struct subscription *s)
{
    return (struct msg_event){s->token, take_signals(s), s->irq};
}

/* --- posting -------------------------------------------------------------- */

static void place_locked(struct subscription *s, struct qslot *slot)
    NO_LOCK_CHECK /* it is held, by another name */
{
    slot->meta = (struct msg_meta){.len = sizeof(struct msg_event),
                                   .priority = PRIO_HIGH,
                                   .kind = MSG_EVENT};
    assert(!s->slot); /* SU2 */
    *event_in(slot) = (struct event){.from = s};
    s->slot = slot;
    queue_accept_locked(s->queue, slot);
}

static void keep_locked(struct subscription *s, bool waits)
{
    struct link **at = &s->queue->kept;

    if (s->waits == waits)
        return;
    while (*at && *at != &s->kept)
        at = &(*at)->next;
    if (waits)
        s->kept.next = NULL;
    *at = waits ? &s->kept : s->kept.next;
    s->waits = waits;
    s->queue->obj.state |= PLACE_WANTED;
}

NOINLINE void event_place_locked(struct queue *q, struct qslot *slot)
{
    struct subscription *s = list_entry(q->kept, struct subscription, kept);

    keep_locked(s, false);
    place_locked(s, slot);
}

static void post(struct subscription *s)
{
    struct queue *q = s->queue;
    bool news;

    kobj_lock(&q->obj);
    news = !s->slot && !s->waits && load_relaxed(&s->signals);
    if (q->obj.state & CLOSED_SEND)
        (void)take_signals(s);
    else if (news && q->free)
        place_locked(s, queue_reserve_locked(q));
    else if (news)
        keep_locked(s, true);
    kobj_unlock(&q->obj);
}

static void post_pending(struct subscription *s)
{
    (void)swap_acq_rel(&s->posting, false);
    post(s);
    put(s);
}

NOINLINE void event_flush(void)
{
    struct list *link;

    while ((link = list_pop_front(&this_thread()->events)))
        post_pending(list_entry(link, struct subscription, pending));
}

static void fire(struct observer *o, uint32_t up)
{
    struct subscription *s = container_of(o, struct subscription, observer);
    struct proc *p = this_thread();

    up &= ~s->told;
    s->told |= up & SIG_CLOSED;
    if (!add_signals(s, up) || swap_acq_rel(&s->posting, true))
        return;
    add_relaxed(&s->refs, 1);
    list_push_back(&p->events, &s->pending);
    or_relaxed(&p->work, WORK_EVENTS);
}

/* A subscription to the queue may come up in turn: ours are those behind the
 * interrupted process's own. */
void event_interrupt(struct subscription *s)
{
    struct list *events = &this_thread()->events, *own = events->prev;

    (void)add_signals(s, INTERRUPT);
    post(s);
    while (events->prev != own) {
        s = list_entry(events->prev, struct subscription, pending);
        list_remove(&s->pending);
        post_pending(s); /* does not put the last reference: SU5 */
    }
}

/* --- receiving ------------------------------------------------------------ */

void event_read(struct queue *q, struct qslot *slot, struct msg_event *out)
{
    struct event *e = event_in(slot);

    kobj_lock(&q->obj);
    if (e->from)
        e->message = take_message(e->from);
    *out = e->message;
    out->signals &= SIG_ALL;
    kobj_unlock(&q->obj);
}

void event_read_done(struct queue *q, struct qslot *slot, bool arrived)
{
    struct subscription *s;

    kobj_lock(&q->obj);
    s = event_in(slot)->from;
    if (s && !arrived) {
        (void)add_signals(s, event_in(slot)->message.signals);
        event_in(slot)->message.signals = 0;
    }
    if (s && arrived)
        s->slot = NULL;
    if (s && arrived && (q->obj.state & CLOSED_SEND))
        (void)take_signals(s); /* as in post(); it may be dropped, unread */
    else if (s && arrived && load_relaxed(&s->signals)) /* meanwhile */
        keep_locked(s, true); /* with the place that is about to be free */
    kobj_unlock(&q->obj);
}

/* --- beginning and end ---------------------------------------------------- */

/* One of p's that goes through this node, or with two through both. */
static struct subscription *find_locked(struct proc *p,
                                        const struct hnode *node,
                                        const struct hnode *queue_node)
    REQUIRES(&p->handles_lock)
{
    struct subscription *found = NULL;

    list_for_each (link, &p->subscriptions) {
        struct subscription *s = list_entry(link, struct subscription, link);

        if (queue_node ? s->node == node && s->queue_node == queue_node
                       : s->node == node || s->queue_node == node)
            found = s;
    }
    if (found)
        add_relaxed(&found->refs, 1);
    return found;
}

static struct subscription *find(struct proc *p, const struct hnode *node,
                                 const struct hnode *queue_node)
{
    struct subscription *found;

    spin_lock(&p->handles_lock);
    found = find_locked(p, node, queue_node);
    spin_unlock(&p->handles_lock);
    return found;
}

/* End one that was found. Others may find it, too, and do the same. */
static void end(struct subscription *s)
{
    struct proc *p = s->owner;
    struct msg_event message;
    bool first;

    kobj_lock(s->source);
    s->ended = true;
    list_remove(&s->observer.link);
    kobj_unlock(s->source);
    spin_lock(&event_interrupts); /* SU5 */
    if (s->irq)
        s->source->ops->unbind(s, s->irq);
    spin_unlock(&event_interrupts);
    kobj_lock(&s->queue->obj);
    keep_locked(s, false);
    message = take_message(s);
    if (s->slot) { /* what is in a message stays there */
        struct event *e = event_in(s->slot);

        /* Those that were read perhaps do not arrive. */
        message.signals |= e->message.signals;
        *e = (struct event){.message = message};
    }
    s->slot = NULL;
    kobj_unlock(&s->queue->obj);
    spin_lock(&p->handles_lock);
    first = !list_empty(&s->link);
    list_remove(&s->link);
    p->subscription_count -= first;
    spin_unlock(&p->handles_lock);
    if (first)
        put(s);
    put(s);
}

NOINLINE void event_handle_gone(const struct hnode *node)
{
    struct subscription *s;

    while ((s = find(node->owner, node, NULL)))
        end(s);
}

/* Make one, unless it is there: another thread of the running process may have
 * made it. Returns: 0 and *out, with a reference for the caller; -E_MFILE;
 * -E_NOMEM. */
static long add(struct hnode *node, struct hnode *queue_node, uint32_t irq,
                uint64_t token, struct subscription **out)
{
    struct proc *p = this_proc();
    struct subscription *s = kmalloc(sizeof(*s));

    if (!s)
        return -E_NOMEM;
    *s = (struct subscription){
        .observer = {.rights = hnode_rights(node), .fire = fire},
        .source = node->obj,
        .queue = queue_of(queue_node->obj),
        .node = node,
        .queue_node = queue_node,
        .owner = p,
        .token = token,
        .refs = 2,
        .irq = irq,
    };
    list_init(&s->observer.link);
    kobj_get(s->source);
    kobj_get(&s->queue->obj);
    node->watched = queue_node->watched = true;
    spin_lock(&p->handles_lock);
    *out = irq ? NULL : find_locked(p, node, queue_node);
    if (!*out && p->subscription_count < SUBSCRIPTION_MAX) {
        list_push_back(&p->subscriptions, &s->link);
        p->subscription_count++;
        *out = s;
    }
    spin_unlock(&p->handles_lock);
    if (*out == s)
        return 0;
    put(s);
    put(s);
    return *out ? 0 : -E_MFILE;
}

long event_subscribe(struct hnode *node, struct hnode *queue_node,
                     uint32_t signals, uint64_t token)
{
    struct kobj *source = node->obj;
    struct subscription *s;
    bool ended;

    do { /* again if another thread just ends it */
        s = find(this_proc(), node, queue_node);
        if (!s)
            TRY(add(node, queue_node, 0, token, &s));
        kobj_lock(&s->queue->obj);
        s->token = token;
        kobj_unlock(&s->queue->obj);
        kobj_lock(source);
        ended = s->ended;
        if (!ended) {
            s->observer.wanted = signals;
            s->told = 0;
            list_remove(&s->observer.link);
            list_push_back(&source->observers, &s->observer.link);
            source->state |= OBSERVED;
            fire(&s->observer,
                 source->ops->signals(source, s->observer.rights) & signals);
        }
        kobj_unlock(source);
        put(s);
    } while (ended);
    return 0;
}

long event_bind(struct hnode *node, struct hnode *queue_node, uint32_t irq,
                uint64_t token)
{
    struct subscription *s;
    long error;

    TRY(add(node, queue_node, irq, token, &s));
    spin_lock(&event_interrupts);
    error = node->obj->ops->bind(s, irq);
    spin_unlock(&event_interrupts);
    if (error)
        end(s);
    else
        put(s);
    return error;
}

long event_unsubscribe(struct hnode *node, struct hnode *queue_node)
{
    struct subscription *s = find(this_proc(), node, queue_node);

    if (!s)
        return -E_NOENT;
    end(s);
    return 0;
}
