/*
 * Reply handles.
 *
 *   RE1  a reply is an object with one handle. It is in its process's memory,
 *        or, if that one is still in use, in a block of its own.
 *   RE2  it knows its caller and the turn of its wait; who ends that turn
 *        (waitq.h, W1) has the caller's request to write the answer to.
 *   RE3  while its process answers and waits for the next call, a reply may
 *        rest: it is no object then, and out of the table, but has its slot,
 *        and becomes the next call's reply without a lock. Whoever works for
 *        the process meanwhile (sys/poller.c) leaves it alone.
 */
#include "ipc/port.h"

#include "base/string.h"
#include "base/trace.h"
#include "mem/kalloc.h"

/* [I] immutable, [s] its process only, [a] atomic. */
struct reply {
    struct kobj obj;
    struct hnode node;
    struct waiter *caller; /* [I] */
    uint64_t turn;         /* [I] RE2; 0 once cancelled */
    bool block;            /* [I] */
    struct hentry *entry;  /* [s] its slot: where it may rest */
    uint32_t busy;         /* [a] */
};
_Static_assert(sizeof(struct reply) <= sizeof(((struct proc *)0)->reply), "");

static inline struct reply *reply_of(struct kobj *obj)
{
    return container_of(obj, struct reply, obj);
}

/* Its last handle went: if there was no answer, there will be none. */
static void reply_side_gone(struct kobj *obj, uint32_t rights)
{
    struct reply *r = reply_of(obj);

    if ((rights & RIGHT_WRITE) &&
        waiter_claim_turn(r->caller, r->turn, -E_PIPE))
        waiter_wake(r->caller);
}

static void reply_destroy(struct kobj *obj)
{
    struct reply *r = reply_of(obj);

    if (r->block)
        kfree(r, sizeof(*r));
    else
        store_release(&r->busy, false); /* [REPLY] */
}

static const struct kobj_ops reply_ops = {.side_gone = reply_side_gone,
                                          .destroy = reply_destroy};

/* A reply with one node, as new. NULL: memory is out. */
static NOINLINE struct reply *new_reply(void)
{
    struct reply *r = (void *)this_proc()->reply;
    /* [REPLY] acquire; pairs with the release in reply_destroy(). */
    bool block = swap_acq_rel(&r->busy, true);

    if (block)
        r = kmalloc(sizeof(*r));
    if (!r)
        return NULL;
    kobj_init(&r->obj, OBJ_REPLY, &reply_ops);
    r->obj.writers = r->obj.handles = 1;
    r->block = block;
    r->node = (struct hnode){.obj = &r->obj, .kept = true};
    r->node.kind = HNODE_KIND(OBJ_REPLY, RIGHT_WRITE | RIGHT_GRANT);
    list_init(&r->node.siblings);
    list_init(&r->node.children);
    return r;
}

typedef uint32_t __attribute__((may_alias)) half_t;

inline long reply_open(const struct port_recv *v, bool rests)
{
    struct proc *p = this_proc();
    struct reply *r = (void *)p->reply;
    long value;

    rests = rests && p->reply_rests;
    if (unlikely(!rests) && !(r = new_reply()))
        return -E_NOMEM;
    r->caller = v->caller;
    r->turn = v->turn;
    if (likely(rests)) {
        store_relaxed(&p->reply_rests, false);
        ((half_t *)&r->obj.id)[1]++; /* another object, whose number it is */
        value = handle_resume(&r->node, &r->entry);
    } else {
        value = handle_install(&r->node, &r->entry);
    }
    if (unlikely(value < 0))
        kobj_put(&r->obj);
    return value;
}

NOINLINE void reply_cancel(long handle)
{
    struct hnode *node;

    if (!handle_look((uint64_t)handle, 0, &node)) {
        reply_of(node->obj)->turn = 0;
        (void)hnode_end(node);
    }
    handle_done();
}

inline struct waiter *reply_send(struct hnode *node, const struct port_msg *msg,
                                 bool next)
{
    struct reply *r = reply_of(node->obj);
    struct waiter *w = r->caller;
    struct proc *p = this_proc();

    if (likely(waiter_claim_turn(w, r->turn, 0)))
        ((struct request *)w->want)->msg = *msg;
    else
        w = NULL;
    trace(TRACE_SEND, OBJ_REPLY, (uint64_t)r->caller->proc->pid, r->turn);
    if (likely(next && !p->polled && !load_relaxed(&node->moves) &&
               node == &((struct reply *)p->reply)->node &&
               load_relaxed(&r->obj.refs) == 1)) {
        store_relaxed(&r->entry->node, NULL); /* nobody else knows it */
        store_relaxed(&p->reply_rests, true);
    } else {
        (void)hnode_end(node);
    }
    return w;
}

NOINLINE void reply_no_next(void)
{
    struct proc *p = this_proc();
    struct reply *r = (void *)p->reply;

    if (!p->reply_rests)
        return;
    store_relaxed(&p->reply_rests, false);
    handle_release(&r->node);
    kobj_put(&r->obj);
}
