/*
 * Waiting for signals: an observer in each object's list, all of one waiter.
 *
 *   V1  an observer stands in its object's list only during event_wait(), which
 *       holds a reference to the object.
 *
 * No wakeup is lost: joining is one critical section with looking at the
 * signals, and who fires sets `fired` before it tries to claim the waiter, who
 * becomes PENDING before it looks at `fired`. It must not be PENDING while it
 * joins: who claims it holds an object's lock until it sleeps, and it may
 * need that lock to join. Signals are levels: after a wakeup they are looked at
 * again, so one that went down meanwhile sends the process back to wait.
 */
#include "ipc/event.h"

#include "ipc/handle.h"

/* One item of a wait; they stand in the process's own page. */
struct watch {
    struct observer observer;
    struct kobj *obj;
    uint64_t handle;
    struct waiter *waiter;
    uint32_t fired; /* [a] */
};
_Static_assert(sizeof(struct watch) * HANDLE_WAIT_MAX <= PAGE_SIZE, "page");

NOINLINE void event_tell(struct kobj *obj, uint32_t rose)
{
    if (list_empty(&obj->observers))
        obj->state &= ~OBSERVED;
    list_for_each (link, &obj->observers) {
        struct observer *o = list_entry(link, struct observer, link);

        uint32_t up = obj->ops->signals(obj, o->rights) & o->wanted;

        if (up)
            o->fire(o, up & rose);
    }
}

static void wake_waiter(struct observer *o, uint32_t rose)
{
    struct watch *watch = container_of(o, struct watch, observer);

    (void)rose; /* signals are levels here */
    store_relaxed(&watch->fired, 1);
    fence_full(); /* pairs with the one in sleep_once() */
    waiter_end(watch->waiter, 0);
}

/* Look one item's handle up and take a reference to its object. */
static long open_item(const struct wait_item *item, struct watch *watch)
{
    NOTED struct hnode *node;
    uint64_t handle = (uint64_t)(int64_t)item->handle;
    uint32_t needed = (item->wanted & SIG_READABLE ? RIGHT_READ : 0) |
                      (item->wanted & SIG_WRITABLE ? RIGHT_WRITE : 0);

    TRY(handle_look(handle, 0, &node));
    TRY(node->obj->ops->signals ? 0 : -E_WRONGTYPE);
    TRY(needed & ~hnode_rights(node) ? -E_ACCES : 0);
    *watch = (struct watch){.obj = node->obj,
                            .handle = handle,
                            .waiter = &this_proc()->wait,
                            .observer = {.wanted = item->wanted | SIG_CLOSED,
                                         .rights = hnode_rights(node),
                                         .fire = wake_waiter}};
    list_init(&watch->observer.link);
    kobj_get(watch->obj);
    return 0;
}

/* Look at each item, and observe it if nothing is up. Returns: items with
 * something up. */
static long join(struct wait_item *items, struct watch *watches, uint32_t n)
{
    long ready = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct observer *o = &watches[i].observer;
        struct kobj *obj = watches[i].obj;

        watches[i].fired = 0;
        kobj_lock(obj);
        items[i].seen = obj->ops->signals(obj, o->rights) & o->wanted;
        if (items[i].seen) {
            ready++;
        } else {
            list_push_back(&obj->observers, &o->link);
            obj->state |= OBSERVED;
        }
        kobj_unlock(obj);
    }
    return ready;
}

/* Why not to sleep: 1, a signal came up; -E_BADH, a handle was revoked. */
static int news(const struct watch *watches, uint32_t n)
{
    struct hnode *node;
    int why = 0;

    for (uint32_t i = 0; i < n && why >= 0; i++)
        if (handle_look(watches[i].handle, 0, &node))
            why = -E_BADH;
        else if (load_relaxed(&watches[i].fired))
            why = 1;
    handle_done();
    return why;
}

/* Sleep until something changes. Returns: 0: look again; why the wait ended. */
static long sleep_once(struct watch *watches, uint32_t n, uint64_t deadline)
{
    struct waiter *w = waiter_begin(watches);
    long why;

    fence_full(); /* pairs with those in wake_waiter(), hnode_revoke() */
    why = news(watches, n);
    if (why) /* no need to sleep: we end the wait ourselves */
        waiter_end(w, MIN(why, 0));
    why = waiter_sleep(w, deadline);
    /* Whatever handle of ours is revoked ends the wait: one of these? */
    return why == -E_BADH && news(watches, n) >= 0 ? 0 : why;
}

long event_wait(struct wait_item *items, uint32_t n, uint64_t timeout)
{
    struct watch *watches = this_thread()->page;
    uint64_t deadline = deadline_after(timeout);
    uint32_t opened = 0, signals = 0;
    long result = 0;

    for (; opened < n && !result; opened += !result) {
        signals |= items[opened].wanted;
        result = open_item(&items[opened], &watches[opened]);
    }
    if (!result && (signals & ~SIG_ALL))
        result = -E_INVAL;
    while (!result) {
        result = join(items, watches, n);
        if (!result)
            result = timeout ? sleep_once(watches, n, deadline) : -E_AGAIN;
        for (struct watch *w = watches; w < watches + n; w++) {
            kobj_lock(w->obj);
            list_remove(&w->observer.link);
            kobj_unlock(w->obj);
        }
    }
    for (uint32_t i = 0; i < opened; i++)
        kobj_put(watches[i].obj);
    return result;
}
