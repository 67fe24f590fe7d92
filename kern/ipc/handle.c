/* Handles: see handle.h for the rules H1 to H4. Lab: handle */
#include "ipc/handle.h"

#include "base/string.h"
#include "ipc/event.h"
#include "mem/kalloc.h"

#define LAST_GENERATION ((uint32_t)INT32_MAX / HANDLE_SLOTS)
#define NO_SLOT         HANDLE_SLOTS

/* --- nodes ---------------------------------------------------------------- */

static void
count(struct kobj *obj, const struct hnode *node, uint32_t by)
{
    obj->handles += by;
    if (hnode_rights(node) & RIGHT_READ)
        obj->readers += by;
    if (hnode_rights(node) & RIGHT_WRITE)
        obj->writers += by;
}

/* Make a node and link it under parent (NULL: a root). The tree lock is held;
 * memory is the caller's. */
static void
link_node(struct hnode *node, struct kobj *obj, struct hnode *parent,
          uint32_t depth, uint32_t rights, uint64_t badge)
{
    node->obj = obj;
    node->kind = HNODE_KIND(obj->type, rights);
    node->badge = badge;
    node->parent = parent;
    node->depth = (uint8_t)depth;
    node->owner = NULL;
    node->dead = false;
    list_init(&node->children);
    list_init(&node->siblings);
    if (parent)
        list_push_back(&parent->children, &node->siblings);
    count(obj, node, 1);
    kobj_get(obj);
}

/*
 * Take a node out of its tree; its children become its parent's (H1).
 * Returns: the rights of which it was the object's last holder.
 */
static uint32_t
unlink_node(struct hnode *node)
{
    struct kobj *obj = node->obj;
    uint32_t gone = 0;

    while (!list_empty(&node->children)) {
        struct list *link = list_pop_front(&node->children);
        struct hnode *child = list_entry(link, struct hnode, siblings);

        child->parent = node->parent;
        if (node->parent)
            list_push_back(&node->parent->children, link);
    }
    list_remove(&node->siblings);
    node->dead = true;
    count(obj, node, -1u);
    if ((hnode_rights(node) & RIGHT_READ) && obj->readers == 0)
        gone |= RIGHT_READ;
    if ((hnode_rights(node) & RIGHT_WRITE) && obj->writers == 0)
        gone |= RIGHT_WRITE;
    return gone;
}

/* H4: until no other hart is in a call that noted this node. */
static void
wait_for_readers(const struct hnode *node)
{
    assert(this_hart()->held == 0);
    fence_full(); /* pairs with the one in handle_look() */
    for (uint32_t i = 0; i < hart_count; i++) {
        if (&harts[i] == this_hart())
            continue;
        for (int j = 0; j < HART_HAZARDS; j++)
            /* [HAZARD] acquire; pairs with the release in handle_done(). */
            while (load_acquire(&harts[i].hazard[j]) == node)
                cpu_relax();
    }
}

/* The last of a node that is out of its tree: tell the object. */
static void
finish_node(struct hnode *node, uint32_t gone)
{
    struct kobj *obj = node->obj;

    if (gone && obj->ops->side_gone)
        obj->ops->side_gone(obj, gone);
    kobj_put(obj);
}

/* --- tables --------------------------------------------------------------- */

void
handle_table_init(struct proc *p)
{
    struct handle_table *t = p->handles;

    for (uint32_t i = 0; i < HANDLE_SLOTS; i++) {
        t->entry[i].value = i;
        t->entry[i].next_free = i + 1;
    }
    p->handles_free = HANDLE_FIXED;
    p->handles_used = 0;
    p->handles_closed = false;
}

/* A free slot for one more handle, NO_SLOT if there is none. Locked. */
static uint32_t
take_slot(struct proc *p)
{
    uint32_t slot = p->handles_free;

    if (slot != NO_SLOT)
        p->handles_free = p->handles->entry[slot].next_free;
    return slot;
}

/* An empty slot, with the next generation, or retired (H2). Locked. */
static void
free_slot(struct proc *p, uint32_t slot)
{
    struct hentry *e = &p->handles->entry[slot];

    if (e->value / (int32_t)HANDLE_SLOTS >= (int32_t)LAST_GENERATION)
        return;
    e->value += HANDLE_SLOTS;
    e->next_free = p->handles_free;
    p->handles_free = slot;
}

static void
put_node(struct proc *p, uint32_t slot, struct hnode *node)
{
    node->owner = p;
    node->slot = (uint16_t)slot;
    p->handles_used++;
    /* The owner may look while another process grants: node last. */
    store_release(&p->handles->entry[slot].node, node);
}

/* Take a node out of its table. The tree lock is held, so it is there. */
static void
clear_slot(struct hnode *node)
{
    struct proc *p = node->owner;
    struct hentry *e = &p->handles->entry[node->slot];

    spin_lock(&p->handles_lock);
    assert(e->node == node);
    store_relaxed(&e->node, NULL);
    p->handles_used--;
    if (node->slot >= HANDLE_FIXED)
        free_slot(p, node->slot);
    spin_unlock(&p->handles_lock);
}

/* Install in the next free slot of p's table. Tree lock held.
 * Returns: the handle's value; -E_MFILE; -E_SRCH when p is ending. */
static long
install(struct proc *p, struct hnode *node)
{
    uint32_t slot;
    long value = -E_MFILE;

    spin_lock(&p->handles_lock);
    slot = p->handles_closed ? NO_SLOT : take_slot(p);
    if (slot != NO_SLOT) {
        put_node(p, slot, node);
        value = (handle_t)p->handles->entry[slot].value;
    } else if (p->handles_closed) {
        value = -E_SRCH;
    }
    spin_unlock(&p->handles_lock);
    return value;
}

/*
 * Close the node that was looked up, out of this process's own table.
 * Returns: 0; -E_BADH when it was revoked meanwhile.
 */
static long
close_node(struct hnode *node)
{
    struct kobj *obj = node->obj;
    uint32_t gone = 0;
    bool dead;

    spin_lock(&obj->tree);
    dead = node->dead;
    if (!dead) {
        clear_slot(node);
        gone = unlink_node(node);
    }
    spin_unlock(&obj->tree);
    handle_done();
    if (dead)
        return -E_BADH;
    wait_for_readers(node);
    finish_node(node, gone);
    kfree(node, sizeof(*node));
    return 0;
}

/* --- derivation ----------------------------------------------------------- */

/* What may be asked for when these rights are held (H3). */
static uint32_t
grantable(uint32_t held)
{
    return held & RIGHT_GRANT ? held | RIGHT_GRANT_ONCE : held;
}

/* Checks common to all derivations, in the order of the ABI's section 2. */
static long
may_derive(const struct hnode *node, uint32_t rights, uint64_t badge)
{
    if (badge && badge != node->badge && !(hnode_rights(node) & RIGHT_REVOKE))
        return -E_ACCES;
    if (rights & RIGHT_ALL & ~grantable(hnode_rights(node)))
        return -E_ACCES;
    if (node->depth >= HANDLE_MAX_DEPTH)
        return -E_LOOP;
    return rights & ~RIGHT_ALL ? -E_INVAL : 0;
}

long
hnode_may_hand(const struct hnode *node, uint32_t *rights)
{
    long error;

    if (!(hnode_rights(node) & (RIGHT_GRANT | RIGHT_GRANT_ONCE)))
        return -E_ACCES;
    error = may_derive(node, *rights, 0);
    if (!(hnode_rights(node) & RIGHT_GRANT))
        *rights &= ~(RIGHT_GRANT | RIGHT_GRANT_ONCE);
    return error;
}

long
hnode_derive(struct hnode *from, uint32_t rights, uint64_t badge,
             struct hnode **out)
{
    struct kobj *obj = from->obj;
    struct hnode *node = kmalloc(sizeof(*node));
    bool dead;

    if (!node)
        return -E_NOMEM;
    spin_lock(&obj->tree);
    dead = from->dead;
    if (!dead)
        link_node(node, obj, from, from->depth + 1u, rights,
                  badge ? badge : from->badge);
    spin_unlock(&obj->tree);
    if (dead) {
        kfree(node, sizeof(*node));
        return -E_BADH;
    }
    *out = node;
    return 0;
}

void
hnode_drop(struct hnode *node)
{
    struct kobj *obj = node->obj;
    uint32_t gone = 0;

    spin_lock(&obj->tree);
    if (!node->dead)
        gone = unlink_node(node);
    spin_unlock(&obj->tree);
    finish_node(node, gone);
    kfree(node, sizeof(*node));
}

long
hnode_arrive(struct hnode *node)
{
    struct kobj *obj = node->obj;
    long value = -E_BADH;

    spin_lock(&obj->tree);
    if (!node->dead)
        value = install(this_proc(), node);
    spin_unlock(&obj->tree);
    return value;
}

bool
hnode_depart(uint64_t h, struct hnode *node)
{
    struct hnode *found;
    bool back = false;

    if (handle_look(h, 1, &found))
        return false;
    assert(found == node);
    spin_lock(&node->obj->tree);
    if (!node->dead) {
        clear_slot(node);
        node->owner = NULL;
        back = true;
    }
    spin_unlock(&node->obj->tree);
    store_release(&this_hart()->hazard[1], NULL);
    return back;
}

/* --- calls ---------------------------------------------------------------- */

long
handle_create(struct kobj *obj, uint32_t rights)
{
    struct hnode *node = kmalloc(sizeof(*node));
    long value;

    if (!node) {
        kobj_put(obj);
        return -E_NOMEM;
    }
    spin_lock(&obj->tree);
    link_node(node, obj, NULL, 0, rights, 0);
    value = install(this_proc(), node);
    spin_unlock(&obj->tree);
    if (value < 0)
        hnode_drop(node);
    kobj_put(obj); /* the node has its own reference */
    return value;
}

void
handle_create_at(struct proc *p, uint32_t slot, struct kobj *obj,
                 uint32_t rights)
{
    struct hnode *node = kmalloc(sizeof(*node));

    assert(node);
    spin_lock(&obj->tree);
    link_node(node, obj, NULL, 0, rights, 0);
    if (slot < HANDLE_FIXED)
        put_node(p, slot, node);
    else
        assert(install(p, node) == (long)slot);
    spin_unlock(&obj->tree);
}

long
handle_close(uint64_t h)
{
    struct hnode *node;
    long error = handle_look(h, 0, &node);

    return error ? error : close_node(node);
}

long
handle_dup(uint64_t h, uint32_t rights, uint64_t badge)
{
    struct hnode *node, *derived;
    long error = handle_look(h, 0, &node);

    if (!error)
        error = may_derive(node, rights, badge);
    if (!error)
        error = hnode_derive(node, rights, badge, &derived);
    handle_done();
    if (error)
        return error;
    error = hnode_arrive(derived);
    if (error < 0)
        hnode_drop(derived);
    return error;
}

/* Link `copy` as a sibling of node: same parent, depth, rights, badge. */
static long
link_copy(struct hnode *copy, struct hnode *node)
{
    link_node(copy, node->obj, node->parent, node->depth, hnode_rights(node),
              node->badge);
    return 0;
}

long
handle_dup_at(uint64_t h, uint32_t slot)
{
    struct proc *p = this_proc();
    struct hnode *node, *copy, *old;
    struct kobj *obj;
    long error = handle_look(h, 0, &node);

    if (!error && slot >= HANDLE_FIXED)
        error = -E_INVAL;
    copy = error || h == slot ? NULL : kmalloc(sizeof(*copy));
    if (!copy) {
        handle_done();
        return error ? error : h == slot ? (long)slot : -E_NOMEM;
    }
    obj = node->obj;
    kobj_get(obj);
    spin_lock(&obj->tree);
    error = node->dead ? -E_BADH : link_copy(copy, node);
    spin_unlock(&obj->tree);
    handle_done();
    if (error)
        kfree(copy, sizeof(*copy));
    if (!error && handle_look(slot, 0, &old) == 0)
        (void)close_node(old);
    if (!error) {
        spin_lock(&obj->tree);
        if (copy->dead) {
            error = -E_BADH;
        } else {
            spin_lock(&p->handles_lock);
            put_node(p, slot, copy);
            spin_unlock(&p->handles_lock);
        }
        spin_unlock(&obj->tree);
        if (error)
            hnode_drop(copy);
    }
    kobj_put(obj);
    return error ? error : (long)slot;
}

/* The target of a grant. tree_lock held. Returns: 0; -E_SRCH; -E_ACCES. */
static long
find_descendant(long pid, struct proc **target) REQUIRES(&tree_lock)
{
    *target = proc_find(pid);
    if (!*target)
        return -E_SRCH;
    return proc_is_descendant(*target, this_proc()) ? 0 : -E_ACCES;
}

/* Link node under from and install it in the descendant's table, or neither. */
static long
grant_to(long pid, struct hnode *from, struct hnode *node, uint32_t rights,
         uint64_t badge)
{
    struct kobj *obj = from->obj;
    struct proc *target;
    long value = -E_BADH;

    spin_lock(&obj->tree);
    if (!from->dead) {
        link_node(node, obj, from, from->depth + 1u, rights,
                  badge ? badge : from->badge);
        /* Under the tree lock, so that the target stays until it has it. */
        spin_lock(&tree_lock);
        value = find_descendant(pid, &target);
        if (!value)
            value = install(target, node);
        spin_unlock(&tree_lock);
        if (value < 0) {
            (void)unlink_node(node);      /* `from` has at least its rights */
            add_relaxed(&obj->refs, -1u); /* and a reference */
        }
    }
    spin_unlock(&obj->tree);
    return value;
}

long
handle_grant(uint64_t h, long pid, uint32_t rights, uint64_t badge)
{
    struct hnode *from, *node = NULL;
    struct proc *target;
    long value = handle_look(h, 0, &from);

    if (!value && badge && badge != from->badge &&
        !(hnode_rights(from) & RIGHT_REVOKE))
        value = -E_ACCES;
    if (!value)
        value = hnode_may_hand(from, &rights);
    if (!value) {
        spin_lock(&tree_lock);
        value = find_descendant(pid, &target);
        spin_unlock(&tree_lock);
    }
    if (!value) {
        node = kmalloc(sizeof(*node));
        value = node ? grant_to(pid, from, node, rights, badge) : -E_NOMEM;
    }
    handle_done();
    if (value < 0)
        kfree(node, sizeof(*node));
    return value;
}

/*
 * Kill all that derives from node. Those in tables end up in *taken; those in
 * flight stay where they are, dead. Returns: how many.
 */
static long
kill_descendants(struct hnode *node, struct list *taken)
{
    struct list *link;
    long n = 0;

    while ((link = list_pop_front(&node->children))) {
        struct hnode *child = list_entry(link, struct hnode, siblings);

        list_splice(&node->children, &child->children);
        child->dead = true;
        child->parent = NULL;
        count(child->obj, child, -1u);
        if (child->owner) {
            clear_slot(child);
            list_push_back(taken, &child->siblings);
        }
        n++;
    }
    return n;
}

/* A process that waits through the revoked node waits no more. */
static void
wake_waiter_on(const struct hnode *node)
{
    struct waiter *w = &node->owner->wait;

    const void *through = load_relaxed(&w->node);

    if ((through == node || event_watches(node->owner, through, node)) &&
        waiter_claim(w, -E_BADH))
        waiter_wake(w);
}

long
handle_revoke(uint64_t h)
{
    struct hnode *node;
    struct kobj *obj;
    struct list taken, *link;
    long n = handle_look(h, 0, &node);

    if (!n && !(hnode_rights(node) & RIGHT_REVOKE))
        n = -E_ACCES;
    if (n) {
        handle_done();
        return n;
    }
    list_init(&taken);
    obj = node->obj;
    kobj_get(obj);
    spin_lock(&obj->tree);
    n = node->dead ? -E_BADH : kill_descendants(node, &taken);
    spin_unlock(&obj->tree);
    handle_done();
    while ((link = list_pop_front(&taken))) {
        struct hnode *dead = list_entry(link, struct hnode, siblings);

        wait_for_readers(dead);
        wake_waiter_on(dead);
        kfree(dead, sizeof(*dead));
        kobj_put(obj);
    }
    kobj_put(obj);
    return n;
}

long
handle_describe(uint64_t h, struct handle_info *out)
{
    struct hnode *node;
    long error = handle_look(h, 0, &node);

    if (!error)
        *out = (struct handle_info){
            .type = node->obj->type,
            .rights = hnode_rights(node),
            .depth = node->depth,
            .refs = load_relaxed(&node->obj->handles),
            .badge = node->badge,
            .object_id = node->obj->id,
        };
    handle_done();
    return error;
}

/* --- processes ------------------------------------------------------------ */

/* Copy what slot i held when the table was copied; it may be revoked since. */
static long
fork_slot(struct proc *child, uint32_t i)
{
    struct hart *h = this_hart();
    struct hentry *mine = &h->proc->handles->entry[i];
    struct hentry *its = &child->handles->entry[i];
    struct hnode *node = its->node, *copy = kmalloc(sizeof(*copy));
    bool linked = false;

    its->node = NULL;
    if (!copy)
        return -E_NOMEM;
    store_relaxed(&h->hazard[0], node);
    fence_full(); /* as in handle_look() */
    if (load_relaxed(&mine->node) == node && mine->value == its->value) {
        spin_lock(&node->obj->tree);
        linked = !node->dead;
        if (linked) {
            link_copy(copy, node);
            spin_lock(&child->handles_lock);
            put_node(child, i, copy);
            spin_unlock(&child->handles_lock);
        }
        spin_unlock(&node->obj->tree);
    }
    handle_done();
    if (linked)
        return 0;
    kfree(copy, sizeof(*copy));
    if (i >= HANDLE_FIXED)
        free_slot(child, i);
    return 0;
}

/* Wait for whoever revokes one of p's handles right now: he found the node
 * before we took it out, and may still be writing to its slot. */
static void
wait_for_revokers(struct proc *p)
{
    spin_lock(&p->handles_lock);
    spin_unlock(&p->handles_lock);
}

/* Close slot i of p's table; it may be revoked meanwhile. */
static void
drop_slot(struct proc *p, uint32_t i)
{
    struct hentry *e = &p->handles->entry[i];
    struct hnode *node = load_relaxed(&e->node);

    if (!node)
        return;
    store_relaxed(&this_hart()->hazard[0], node);
    fence_full(); /* as in handle_look() */
    if (load_relaxed(&e->node) == node)
        (void)close_node(node);
    else
        handle_done();
}

long
handle_fork(struct proc *child)
{
    struct proc *p = this_proc();
    long error = 0;

    spin_lock(&p->handles_lock);
    page_copy(child->handles, p->handles);
    child->handles_free = p->handles_free;
    spin_unlock(&p->handles_lock);
    child->handles_used = 0;
    child->handles_closed = false;
    for (uint32_t i = 0; i < HANDLE_SLOTS; i++) {
        if (!child->handles->entry[i].node)
            continue;
        if (error)
            child->handles->entry[i].node = NULL;
        else
            error = fork_slot(child, i);
    }
    for (uint32_t i = 0; error && i < HANDLE_SLOTS; i++)
        drop_slot(child, i);
    if (error)
        wait_for_revokers(child); /* the caller frees the table */
    return error;
}

void
handle_close_all(void)
{
    struct proc *p = this_proc();

    spin_lock(&p->handles_lock);
    p->handles_closed = true; /* no grant reaches us from here on */
    spin_unlock(&p->handles_lock);
    for (uint32_t i = 0; i < HANDLE_SLOTS; i++)
        drop_slot(p, i);
    wait_for_revokers(p); /* the caller frees the table */
}
