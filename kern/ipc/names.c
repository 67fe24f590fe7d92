/*
 * Names of ports, and who can still send to one: see port.h.
 *
 *   NM1  a port is among the names exactly while it has one, and then it has a
 *        reader: the last one's end takes the name away, with both locks.
 */
#include "base/string.h"
#include "ipc/event.h"
#include "ipc/handle.h"
#include "ipc/line.h"
#include "ipc/port.h"

static struct spinlock names_lock = SPINLOCK(RANK_FLIGHT);
static struct list names = {&names, &names}; /* [n] */

/* A name or a writer has come or gone: without both nobody can send. */
static void look_for_writers(struct port *p)
{
    spin_lock(&p->obj.tree);
    kobj_lock(&p->obj);
    if (p->obj.writers || p->name[0]) {
        p->closed &= ~PORT_NO_WRITERS;
    } else {
        p->closed |= PORT_NO_WRITERS;
        line_end(&p->receivers, -E_PIPE);
        event_changed(&p->obj, SIG_CLOSED);
    }
    kobj_unlock(&p->obj);
    spin_unlock(&p->obj.tree);
}

static struct port *find(const char *name) REQUIRES(&names_lock)
{
    list_for_each (link, &names) {
        struct port *p = list_entry(link, struct port, named);

        if (!strcmp(p->name, name))
            return p;
    }
    return NULL;
}

long port_bind(struct port *p, const char *name)
{
    long error = 0;

    spin_lock(&names_lock);
    kobj_lock(&p->obj);
    if (find(name) || p->name[0]) {
        error = -E_EXIST;
    } else if (p->closed & (PORT_SHUT | PORT_NO_READERS)) {
        error = -E_PIPE;
    } else {
        strlcpy(p->name, name, sizeof(p->name));
        list_push_back(&names, &p->named);
    }
    kobj_unlock(&p->obj);
    spin_unlock(&names_lock);
    look_for_writers(p);
    return error;
}

static bool unname_locked(struct port *p) REQUIRES(&names_lock, &p->obj.lock)
{
    bool had = p->name[0];

    p->name[0] = 0;
    list_remove(&p->named);
    return had;
}

long port_unbind(struct port *p)
{
    bool had;

    spin_lock(&names_lock);
    kobj_lock(&p->obj);
    had = unname_locked(p);
    kobj_unlock(&p->obj);
    spin_unlock(&names_lock);
    look_for_writers(p);
    return had ? 0 : -E_NOENT;
}

long port_connect(const char *name)
{
    struct port *p;
    long value;

    spin_lock(&names_lock);
    p = find(name);
    if (p)
        kobj_get(&p->obj); /* it has a reader, since it has its name */
    spin_unlock(&names_lock);
    if (!p)
        return -E_NOENT;
    kobj_get(&p->obj);
    value = handle_create(&p->obj, RIGHT_WRITE | RIGHT_GRANT);
    look_for_writers(p);
    kobj_put(&p->obj);
    return value;
}

void port_side_gone(struct kobj *obj, uint32_t rights)
{
    struct port *p = port_of(obj);

    if (rights & RIGHT_READ) {
        spin_lock(&names_lock);
        kobj_lock(&p->obj);
        port_close_locked(p, PORT_NO_READERS);
        unname_locked(p);
        kobj_unlock(&p->obj);
        spin_unlock(&names_lock);
    }
    look_for_writers(p);
}
