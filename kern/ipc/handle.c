/* Handles: see handle.h for the rules H1 to H4. Lab: handle */
#include "ipc/handle.h"

#include "base/string.h"
#include "ipc/event.h"
#include "mem/kalloc.h"

/* --- the derivation tree of an object ------------------------------------- */

/* O2: one node with these rights more, or less (-1u). Returns: the rights that
 * nobody holds. */
static uint32_t
count_locked(struct kobj *obj, uint32_t rights, uint32_t by)
{
    obj->handles += by;
    if (rights & RIGHT_READ)
        obj->readers += by;
    if (rights & RIGHT_WRITE)
        obj->writers += by;
    return (obj->readers ? 0 : RIGHT_READ) | (obj->writers ? 0 : RIGHT_WRITE);
}

/* What a node has that is not in a place; it is in no table yet. */
static void
begin_in_table(struct hnode *node)
{
    list_init(&node->children);
    node->owner = NULL;
}

static bool
in_table(const struct hnode *node)
{
    return !node->in_place && node->owner;
}

/* A new node of obj in flight. With the depth of `from` (noted) it becomes its
 * copy, with the next one it is derived from it; a first node has no `from`. */
static long
make_node(struct kobj *obj, struct hnode *from, uint32_t depth, uint32_t rights,
          uint64_t badge, struct hnode **out)
{
    struct hnode *node = *out ? *out : kmalloc(sizeof(*node));
    bool revoked;

    if (!node)
        return -E_NOMEM;
    node->obj = obj;
    node->kind = HNODE_KIND(obj->type, rights);
    node->depth = (uint8_t)depth;
    node->in_place = node == *out;
    node->dead = false;
    node->badge = badge;
    node->parent = from;
    list_init(&node->siblings);
    if (!node->in_place)
        begin_in_table(node);
    spin_lock(&obj->tree);
    revoked = from && from->dead;
    if (!revoked) {
        if (from && from->depth == depth)
            node->parent = from->parent;
        if (node->parent)
            list_push_back(&node->parent->children, &node->siblings);
        count_locked(obj, rights, 1);
        kobj_get(obj);
    }
    spin_unlock(&obj->tree);
    if (revoked && !node->in_place)
        kfree(node, sizeof(*node));
    *out = node;
    return revoked ? -E_BADH : 0;
}

/* Take a node out of its tree; its children become its parent's (H1).
 * Returns: the rights of which it was the object's last holder. */
static uint32_t
unlink_locked(struct hnode *node)
{
    uint32_t rights = hnode_rights(node);
    struct list *link;

    while (!node->in_place && (link = list_pop_front(&node->children))) {
        list_entry(link, struct hnode, siblings)->parent = node->parent;
        if (node->parent)
            list_push_back(&node->parent->children, link);
    }
    list_remove(&node->siblings);
    node->dead = true;
    return rights & count_locked(node->obj, rights, -1u);
}

/* Free a node that is out of its tree and nobody looks at, and tell its
 * object. */
static void
free_node(struct hnode *node, uint32_t last)
{
    struct kobj *obj = node->obj;

    if (!node->in_place)
        kfree(node, sizeof(*node));
    if (last && obj->ops->side_gone)
        obj->ops->side_gone(obj, last);
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

/* A free slot; ANY_SLOT: there is none. */
static uint32_t
take_slot_locked(struct proc *p) REQUIRES(&p->handles_lock)
{
    uint32_t slot = p->handles_free;

    if (slot != ANY_SLOT)
        p->handles_free = p->handles->entry[slot].next_free;
    return slot;
}

/* The slot is empty: it gets its next generation, or is retired (H2). */
static void
free_slot_locked(struct proc *p, uint32_t slot) REQUIRES(&p->handles_lock)
{
    struct hentry *e = &p->handles->entry[slot];

    if (slot < HANDLE_FIXED || e->value > INT32_MAX - HANDLE_SLOTS)
        return;
    e->value += HANDLE_SLOTS;
    e->next_free = p->handles_free;
    p->handles_free = slot;
}

/* Returns: the handle's value; -E_MFILE; -E_SRCH when p is ending. */
static long
install_locked(struct hnode *node, struct proc *p, uint32_t slot)
{
    long value = -E_MFILE;

    spin_lock(&p->handles_lock);
    if (slot == ANY_SLOT)
        slot = take_slot_locked(p);
    if (p->handles_closed) {
        value = -E_SRCH;
    } else if (slot != ANY_SLOT) {
        value = p->handles->entry[slot].value;
        node->owner = p;
        node->slot = (uint16_t)slot;
        p->handles_used++;
        /* The owner may look while another process grants: node last. */
        store_release(&p->handles->entry[slot].node, node);
    }
    spin_unlock(&p->handles_lock);
    return value;
}

/* Take a node that is not dead out of its table. */
static void
remove_locked(struct hnode *node)
{
    struct proc *p = node->owner;
    struct hentry *e = &p->handles->entry[node->slot];

    spin_lock(&p->handles_lock);
    assert(e->node == node);
    store_relaxed(&e->node, NULL);
    p->handles_used--;
    free_slot_locked(p, node->slot);
    spin_unlock(&p->handles_lock);
}

long
handle_reserve(struct hnode **home)
{
    struct proc *p = this_proc();
    uint32_t slot;

    spin_lock(&p->handles_lock);
    slot = take_slot_locked(p);
    spin_unlock(&p->handles_lock);
    if (slot == ANY_SLOT)
        return -E_MFILE;
    *home = kmalloc(sizeof(**home));
    if (*home)
        return p->handles->entry[slot].value;
    handle_unreserve(p, slot, NULL);
    return -E_NOMEM;
}

void
handle_unreserve(struct proc *p, uint32_t slot, struct hnode *home)
{
    spin_lock(&p->handles_lock);
    free_slot_locked(p, slot);
    spin_unlock(&p->handles_lock);
    kfree(home, sizeof(*home));
}

/* --- nodes on their way --------------------------------------------------- */

/* Rights shrink only (H3); errors in the order of the ABI's section 2. */
long
hnode_may_derive(const struct hnode *node, uint32_t rights, uint64_t badge)
{
    uint32_t held = hnode_rights(node);

    if (badge && badge != node->badge && !(held & RIGHT_REVOKE))
        return -E_ACCES;
    if (held & RIGHT_GRANT)
        held |= RIGHT_GRANT_ONCE;
    if (rights & RIGHT_ALL & ~held)
        return -E_ACCES;
    return node->depth >= HANDLE_MAX_DEPTH ? -E_LOOP : 0;
}

long
hnode_may_hand(const struct hnode *node, uint32_t *rights, uint64_t badge)
{
    long error = hnode_may_derive(node, *rights, badge);

    if (!(hnode_rights(node) & (RIGHT_GRANT | RIGHT_GRANT_ONCE)))
        return -E_ACCES;
    if (!(hnode_rights(node) & RIGHT_GRANT))
        *rights &= ~(RIGHT_GRANT | RIGHT_GRANT_ONCE);
    return error;
}

long
hnode_derive(struct hnode *from, uint32_t rights, uint64_t badge,
             struct hnode **out)
{
    return make_node(from->obj, from, from->depth + 1u, rights,
                     badge ? badge : from->badge, out);
}

long
hnode_copy(struct hnode *from, struct hnode **out)
{
    return make_node(from->obj, from, from->depth, hnode_rights(from),
                     from->badge, out);
}

long
hnode_arrive(struct hnode *node, struct proc *p, uint32_t slot)
{
    struct kobj *obj = node->obj;
    long value = -E_BADH;

    spin_lock(&obj->tree);
    if (!node->dead)
        value = install_locked(node, p, slot);
    spin_unlock(&obj->tree);
    if (value >= 0)
        return value;
    if (slot != ANY_SLOT)
        handle_unreserve(p, slot, NULL);
    hnode_end(node);
    return value;
}

void
hnode_move(struct hnode *place, struct hnode *home, uint32_t slot)
{
    struct kobj *obj = place->obj;
    bool revoked;

    spin_lock(&obj->tree);
    revoked = place->dead;
    if (!revoked) {
        memcpy(home, place, offsetof(struct hnode, children));
        home->in_place = false;
        begin_in_table(home);
        list_push_back(&place->siblings, &home->siblings);
        list_unlink(&place->siblings);
        assert(install_locked(home, this_proc(), slot) >= 0);
    }
    spin_unlock(&obj->tree);
    if (revoked) {
        handle_unreserve(this_proc(), slot, home);
        hnode_end(place);
    }
}

/* Install node in the table of a descendant; NULL: would it be found? */
static long
grant_locked(struct hnode *node, long pid)
{
    struct proc *target;
    long value;

    /* The tree lock is held until the target has it: so it stays. */
    spin_lock(&tree_lock);
    target = proc_find(pid);
    if (!target)
        value = -E_SRCH;
    else if (!proc_is_descendant(target, this_proc()))
        value = -E_ACCES;
    else
        value = node ? install_locked(node, target, ANY_SLOT) : 0;
    spin_unlock(&tree_lock);
    return value;
}

long
hnode_may_grant(long pid)
{
    return grant_locked(NULL, pid);
}

long
hnode_grant(struct hnode *node, long pid)
{
    struct kobj *obj = node->obj;
    long value;

    spin_lock(&obj->tree);
    value = node->dead ? -E_BADH : grant_locked(node, pid);
    spin_unlock(&obj->tree);
    if (value < 0)
        hnode_end(node);
    return value;
}

long
hnode_end(struct hnode *node)
{
    struct kobj *obj = node->obj;
    uint32_t last = 0;
    bool revoked;

    spin_lock(&obj->tree);
    revoked = node->dead && in_table(node);
    if (!node->dead) {
        if (in_table(node))
            remove_locked(node);
        last = unlink_locked(node);
    }
    spin_unlock(&obj->tree);
    if (revoked)
        return -E_BADH;    /* who revoked it frees it */
    free_node(node, last); /* by H4 only its owner could look at it */
    return 0;
}

/* --- revocation ----------------------------------------------------------- */

/* H4: until no other hart is in a call that noted this node. */
static void
wait_for_readers(const struct hnode *node)
{
    assert(this_hart()->held == 0);
    fence_full(); /* pairs with the one in handle_look_in() */
    for (uint32_t i = 0; i < hart_count; i++) {
        if (&harts[i] == this_hart())
            continue;
        for (int j = 0; j < HART_HAZARDS; j++)
            /* [HAZARD] acquire; pairs with the release in handle_done(). */
            while (load_acquire(&harts[i].hazard[j]) == node)
                cpu_relax();
    }
}

long
hnode_revoke(struct hnode *node)
{
    struct kobj *obj = node->obj;
    struct list taken, *link;
    long n = 0;

    list_init(&taken);
    kobj_get(obj);
    spin_lock(&obj->tree);
    if (node->dead)
        n = -E_BADH; /* and it has no children */
    while (!list_empty(&node->children)) {
        struct hnode *child =
            list_entry(node->children.next, struct hnode, siblings);

        (void)unlink_locked(child); /* node holds its rights, too */
        if (in_table(child)) {      /* one in flight stays there, dead */
            remove_locked(child);
            list_push_back(&taken, &child->siblings);
        }
        n++;
    }
    spin_unlock(&obj->tree);
    handle_done();
    while ((link = list_pop_front(&taken))) {
        struct hnode *dead = list_entry(link, struct hnode, siblings);
        struct waiter *w = &dead->owner->wait;
        const void *through;
        uint32_t turn;

        wait_for_readers(dead);
        /* Its owner, if it waits through it, waits no more. */
        turn = load_acquire(&w->claim); /* [WAIT] */
        through = load_relaxed(&w->node);
        if ((through == dead || event_watches(dead->owner, through, dead)) &&
            waiter_claim_turn(w, turn, -E_BADH))
            waiter_wake(w);
        free_node(dead, 0);
    }
    kobj_put(obj);
    return n;
}

/* --- objects and processes ------------------------------------------------ */

long
handle_create(struct kobj *obj, uint32_t rights)
{
    struct hnode *node = NULL;
    long value = make_node(obj, NULL, 0, rights, 0, &node);

    if (!value)
        value = hnode_arrive(node, this_proc(), ANY_SLOT);
    kobj_put(obj); /* the node has its own reference */
    return value;
}

void
handle_create_at(struct proc *p, uint32_t slot, struct kobj *obj,
                 uint32_t rights)
{
    struct hnode *node = NULL;

    assert(make_node(obj, NULL, 0, rights, 0, &node) == 0);
    assert(hnode_arrive(node, p, slot < HANDLE_FIXED ? slot : ANY_SLOT) ==
           (long)slot);
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
        struct hentry *e = &child->handles->entry[i];
        struct hnode *node, *copy = NULL;

        if (!e->node)
            continue;
        e->node = NULL;
        if (error == -E_NOMEM)
            continue;
        error = handle_look((uint64_t)e->value, 0, &node);
        if (!error)
            error = hnode_copy(node, &copy);
        handle_done();
        if (!error)
            error = hnode_arrive(copy, child, i);
        else
            handle_unreserve(child, i,
                             NULL); /* revoked since we copied the table */
    }
    if (error != -E_NOMEM)
        return 0;
    handle_close_all(child);
    return error;
}

void
handle_close_all(struct proc *p)
{
    struct handle_table *t = p->handles;
    struct hnode *node;

    spin_lock(&p->handles_lock);
    p->handles_closed = true; /* no grant reaches us from here on */
    spin_unlock(&p->handles_lock);
    for (struct hentry *e = t->entry; e < t->entry + HANDLE_SLOTS; e++)
        if (load_relaxed(&e->node) &&
            !handle_look_in(t, (uint64_t)e->value, 0, &node)) {
            hnode_end(node);
            handle_done();
        }
    /* Who revokes one of our handles right now found it before we took it out,
     * and may still be writing to the table, which the caller frees. */
    spin_lock(&p->handles_lock);
    spin_unlock(&p->handles_lock);
}
