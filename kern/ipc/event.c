/*
 * Waiting for signals: an observer in each object's list, all of one waiter.
 *
 *   V1  an observer stands in its object's list only during event_wait(), which
 *       holds a reference to the object.
 *
 * No wakeup is lost: the waiter is PENDING before it joins the first list, and
 * joining is one critical section with looking at the signals. Signals are
 * levels: after a wakeup they are looked at again, so one that went down
 * meanwhile sends the process back to wait.
 */
#include "ipc/event.h"

#include "base/string.h"
#include "ipc/handle.h"
#include "proc/waitq.h"

#define ALL_SIGNALS (SIG_READABLE | SIG_WRITABLE | SIG_CLOSED)

/* One item of a wait; they stand in the process's own page. */
struct watch {
    struct observer observer;
    struct kobj *obj;
    const struct hnode *node; /* compared only */
    struct waiter *waiter;
    bool joined;
};
_Static_assert(sizeof(struct watch) * HANDLE_WAIT_MAX <= PAGE_SIZE, "page");

static void
wake_waiter(struct observer *o, uint32_t signals)
{
    struct watch *watch = container_of(o, struct watch, observer);

    (void)signals;
    if (waiter_claim(watch->waiter, 0))
        waiter_wake(watch->waiter);
}

/* Look one item's handle up and take a reference to its object. */
static long
open_item(const struct wait_item *item, struct watch *watch)
{
    struct hnode *node;
    uint32_t wanted = item->wanted;
    long error = handle_look((uint64_t)(int64_t)item->handle, 0, &node);

    if (!error && !node->obj->ops->observe)
        error = -E_WRONGTYPE;
    if (!error &&
        (((wanted & SIG_READABLE) && !(hnode_rights(node) & RIGHT_READ)) ||
         ((wanted & SIG_WRITABLE) && !(hnode_rights(node) & RIGHT_WRITE))))
        error = -E_ACCES;
    if (!error) {
        *watch = (struct watch){
            .observer = {.wanted = wanted | SIG_CLOSED,
                         .rights = hnode_rights(node),
                         .fire = wake_waiter},
            .obj = node->obj,
            .node = node,
            .waiter = &this_proc()->wait,
        };
        kobj_get(watch->obj);
    }
    handle_done();
    return error;
}

/* Join all lists, or as many until a signal is up. Returns: items ready. */
static long
join(struct wait_item *items, struct watch *watches, uint32_t n)
{
    long ready = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct watch *watch = &watches[i];
        uint32_t up = watch->obj->ops->observe(watch->obj, &watch->observer);

        up &= watch->observer.wanted;
        watch->joined = !up;
        items[i].seen = (uint16_t)up;
        ready += up != 0;
    }
    return ready;
}

static void
leave(struct watch *watches, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (watches[i].joined)
            watches[i].obj->ops->unobserve(watches[i].obj,
                                           &watches[i].observer);
        watches[i].joined = false;
    }
}

/* One round: look, and sleep until something changes. */
static long
wait_once(struct wait_item *items, struct watch *watches, uint32_t n,
          uint64_t deadline)
{
    struct waiter *w = waiter_begin(watches);
    long ready, error;

    ready = join(items, watches, n);
    if (ready && waiter_claim(w, 0))
        waiter_wake(w); /* no need to sleep: end the wait ourselves */
    error = waiter_sleep(w, deadline);
    leave(watches, n);
    return ready ? ready : error;
}

long
event_wait(struct wait_item *items, uint32_t n, uint64_t timeout)
{
    struct watch *watches = this_proc()->page;
    uint64_t deadline = deadline_after(timeout);
    uint32_t opened = 0;
    long result = 0;

    for (; opened < n && !result; opened += !result)
        result = open_item(&items[opened], &watches[opened]);
    for (uint32_t i = 0; i < n && !result; i++)
        if (items[i].wanted & ~ALL_SIGNALS)
            result = -E_INVAL;
    if (!result && timeout == 0) {
        result = join(items, watches, n);
        leave(watches, n);
        result = result ? result : -E_AGAIN;
    }
    while (!result)
        result = wait_once(items, watches, n, deadline);
    for (uint32_t i = 0; i < opened; i++)
        kobj_put(watches[i].obj);
    return result;
}
