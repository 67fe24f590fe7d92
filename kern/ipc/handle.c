/* Handles in tables: see handle.h for the rules H1 to H4. Lab: handle */
#include "ipc/handle.h"

#include "base/string.h"
#include "mem/kalloc.h"
#include "proc/inject.h"

void handle_table_init(struct proc *p)
{
    struct handle_table *t = p->handles;

    for (uint32_t i = 0; i < HANDLE_SLOTS; i++)
        t->entry[i] = (struct hentry){.value = i, .next_free = i + 1};
    p->handles_free = HANDLE_FIXED;
    store_relaxed(&p->handles_used, 0);
    p->handles_closed = false;
}

/* A free slot; ANY_SLOT: there is none. */
static uint32_t take_slot_locked(struct proc *p) REQUIRES(&p->handles_lock)
{
    uint32_t slot = p->handles_free;

    if (slot != ANY_SLOT)
        p->handles_free = p->handles->entry[slot].next_free;
    return slot;
}

/* The slot is empty: it gets its next generation, or is retired (H2). */
static void free_slot_locked(struct proc *p, uint32_t slot)
    REQUIRES(&p->handles_lock)
{
    struct hentry *e = &p->handles->entry[slot];

    if (slot < HANDLE_FIXED || e->value > INT32_MAX - HANDLE_SLOTS)
        return;
    e->value += HANDLE_SLOTS;
    e->next_free = p->handles_free;
    p->handles_free = slot;
}

/* Handles to regions stand in chains, by object id, in the order of their
 * slots. Where in p's a handle to obj in this slot stands, or would. */
static struct hnode **chain_locked(struct proc *p, const struct kobj *obj,
                                   uint32_t slot) REQUIRES(&p->handles_lock)
{
    struct hnode **link = &p->regions[obj->id % ARRAY_LEN(p->regions)];

    while (*link && hnode_slot(*link) < slot)
        link = &(*link)->same;
    return link;
}

/* Returns: the handle's value; -E_MFILE; -E_SRCH when p is ending. */
static long install_locked(struct hnode *node, struct proc *p, uint32_t slot)
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
        node->value = (int32_t)value;
        store_relaxed(&p->handles_used, p->handles_used + 1);
        if (node->obj->type == OBJ_REGION) {
            struct hnode **link = chain_locked(p, node->obj, slot);

            node->same = *link;
            *link = node;
        }
        /* The owner may look while another process grants: node last. */
        store_release(&p->handles->entry[slot].node, node);
    }
    spin_unlock(&p->handles_lock);
    return value;
}

/* Take a node that is not dead out of its table. */
static void remove_locked(struct hnode *node)
{
    struct proc *p = node->owner;
    struct hentry *e = &p->handles->entry[hnode_slot(node)];

    spin_lock(&p->handles_lock);
    assert(e->node == node);
    store_relaxed(&e->node, NULL);
    if (node->obj->type == OBJ_REGION)
        *chain_locked(p, node->obj, hnode_slot(node)) = node->same;
    store_relaxed(&p->handles_used, p->handles_used - 1);
    free_slot_locked(p, hnode_slot(node));
    spin_unlock(&p->handles_lock);
}

long handle_install(struct hnode *node, struct hentry **slot)
{
    long value = install_locked(node, this_proc(), ANY_SLOT);

    *slot = &this_proc()->handles->entry[(uint64_t)value % HANDLE_SLOTS];
    return value;
}

void handle_release(struct hnode *node)
{
    struct proc *p = this_proc();

    spin_lock(&p->handles_lock);
    store_relaxed(&p->handles_used, p->handles_used - 1);
    free_slot_locked(p, hnode_slot(node));
    spin_unlock(&p->handles_lock);
}

inline long handle_resume(struct hnode *node, struct hentry **slot)
{
    struct hentry *e = *slot;
    int32_t value = (int32_t)((uint32_t)e->value + HANDLE_SLOTS);

    if (unlikely(value < 0)) { /* H2 */
        handle_release(node);
        return handle_install(node, slot);
    }
    e->value = node->value = value;
    store_release(&e->node, node);
    return value;
}

long handle_to_region(const struct kobj *obj, uint32_t rights)
{
    struct proc *p = this_proc();
    struct hnode *node;
    long value;

    spin_lock_as(&p->handles_lock, RANK_HANDLES);
    node = *chain_locked(p, obj, 0);
    while (node && (node->obj != obj || (rights & ~hnode_rights(node))))
        node = node->same;
    value = node ? node->value : -E_BADH;
    spin_unlock_as(&p->handles_lock, RANK_HANDLES);
    return value;
}

long handle_reserve(struct hnode **home)
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

void handle_unreserve(struct proc *p, uint32_t slot, struct hnode *home)
{
    spin_lock(&p->handles_lock);
    free_slot_locked(p, slot);
    spin_unlock(&p->handles_lock);
    kfree(home, sizeof(*home));
}

/* Nobody derives from a node in a place: it has no children. */
static struct hnode *move_locked(struct hnode *place, struct hnode *home)
{
    memcpy(home, place, offsetof(struct hnode, children));
    hnode_leave_place(home);
    list_push_back(&place->siblings, &home->siblings);
    list_unlink(&place->siblings);
    return home;
}

long hnode_arrive(struct hnode *node, struct hnode *home, struct proc *p,
                  uint32_t slot)
{
    struct kobj *obj = node->obj;
    long value = -E_BADH;

    spin_lock(&obj->tree);
    if (!node->dead)
        value = install_locked(home ? move_locked(node, home) : node, p, slot);
    spin_unlock(&obj->tree);
    if (value >= 0 && home && !node->in_place)
        kfree(node, sizeof(*node)); /* it waited for its place apart */
    if (value >= 0)
        return value;
    assert(!home || value == -E_BADH); /* its slot was reserved */
    if (slot != ANY_SLOT)
        handle_unreserve(p, slot, home);
    hnode_end(node);
    return value;
}

long hnode_install_in(long pid, struct hnode *node)
{
    struct proc *target;
    long value;

    /* The tree lock is held until the target has it: so it stays. */
    spin_lock(&tree_lock);
    value = proc_find_descendant(pid, &target);
    if (!value && node)
        value = install_locked(node, target, ANY_SLOT);
    spin_unlock(&tree_lock);
    return value;
}

long hnode_grant(struct hnode *node, long pid)
{
    struct kobj *obj = node->obj;
    long value;

    spin_lock(&obj->tree);
    value = node->dead ? -E_BADH : hnode_install_in(pid, node);
    spin_unlock(&obj->tree);
    if (value < 0)
        hnode_end(node);
    return value;
}

/* H4: until no other hart is in a call that noted this node. */
static void wait_for_readers(const struct hnode *node)
{
    assert(this_hart()->held == 0);
    fence_full(); /* pairs with the one in handle_look_in() */
    for (uint32_t i = 0; i < hart_count; i++)
        for (int j = 0; j < HART_HAZARDS; j++)
            /* [HAZARD] acquire; pairs with the release in handle_done_one(). */
            while (&harts[i] != this_hart() &&
                   load_acquire(&harts[i].hazard[j]) == node)
                cpu_relax();
    while (inject_noted(node))
        inject_wait();
}

/* The node is out of its table, and no call notes it: its owner waits through
 * it no more. event_wait() looks which handle it was. */
static void end_waits(const struct hnode *node)
{
    struct proc *p = node->owner;
    uint64_t turn = load_acquire(&p->wait.claim); /* [WAIT] */
    const void *through = load_relaxed(&p->wait.node);

    if ((through == node || (through && through == p->page)) &&
        waiter_claim_turn(&p->wait, turn, -E_BADH))
        waiter_wake(&p->wait);
    parked_end(p, node, NULL, -E_BADH);
}

/* The node is out of its table. By H4 only its owner, this process, could look
 * at it, which does not wait now; and who runs as the owner, too. */
static NOINLINE void end_uses(struct hnode *node)
{
    if (load_relaxed(&node->owner->polled)) {
        wait_for_readers(node);
        end_waits(node);
    } else {
        parked_end(node->owner, node, NULL, -E_BADH);
    }
}

long hnode_end(struct hnode *node)
{
    struct kobj *obj = node->obj;
    uint32_t last = 0;
    bool dead, in_table;

    spin_lock_as(&obj->tree, RANK_REVOKE);
    dead = node->dead;
    in_table = hnode_in_table(node);
    if (!dead) {
        if (in_table)
            remove_locked(node);
        last = hnode_unlink_locked(node);
    }
    spin_unlock_as(&obj->tree, RANK_REVOKE);
    if (in_table) {
        if (dead)
            return -E_BADH; /* who revoked it frees it */
        end_uses(node);
    }
    hnode_free(node, last);
    return 0;
}

long hnode_revoke(struct hnode *node)
{
    struct kobj *obj = node->obj;
    struct list taken, *link;
    uint32_t place;
    long n = 0;

    list_init(&taken);
    kobj_get(obj);
    spin_lock(&obj->tree);
    if (node->dead)
        n = -E_BADH; /* and it has no children */
    while ((link = list_pop_front(&node->children))) {
        struct hnode *child = list_entry(link, struct hnode, siblings);

        (void)hnode_unlink_locked(child); /* node holds its rights, too */
        if (hnode_in_table(child)) {      /* one in flight stays there, dead */
            remove_locked(child);
            list_push_back(&taken, &child->siblings);
        }
        n++;
    }
    place = obj->revokes++;
    spin_unlock(&obj->tree);
    handle_done();
    while ((link = list_pop_front(&taken))) {
        struct hnode *dead = list_entry(link, struct hnode, siblings);

        wait_for_readers(dead);
        end_waits(dead);
        hnode_free(dead, 0);
        interrupt_window();
    }
    /* What an earlier one took is gone, too, when we return. It runs: it has
     * its hart until it ends. [REVOKED] acquire; pairs with the release of it:
     * what it did precedes. */
    while (load_acquire(&obj->revoked) != place) {
        interrupt_window();
        inject_wait();
    }
    store_release(&obj->revoked, place + 1);
    kobj_put(obj);
    return n;
}

long handle_create(struct kobj *obj, uint32_t rights)
{
    struct hnode *node;
    long value = hnode_new(obj, NULL, 0, rights, 0, &node);

    if (!value)
        value = hnode_arrive(node, NULL, this_proc(), ANY_SLOT);
    kobj_put(obj); /* the node has its own reference */
    return value;
}

void handle_create_at(struct proc *p, uint32_t slot, struct kobj *obj,
                      uint32_t rights)
{
    struct hnode *node;

    assert(hnode_new(obj, NULL, 0, rights, 0, &node) == 0);
    assert(hnode_arrive(node, NULL, p, slot < HANDLE_FIXED ? slot : ANY_SLOT) ==
           (long)slot);
}

long handle_fork(struct proc *child)
{
    struct proc *p = this_proc();
    uint32_t left;
    long error = 0;

    spin_lock(&p->handles_lock);
    left = p->handles_used;
    memcpy(child->handles, p->handles, PAGE_SIZE);
    child->handles_free = p->handles_free;
    spin_unlock(&p->handles_lock);
    child->handles_used = 0;
    child->handles_closed = false;
    if (load_relaxed(&p->polled)) { /* the poller may have set some aside */
        child->handles_free = ANY_SLOT;
        for (uint32_t i = HANDLE_SLOTS; i-- > 0;)
            if (!child->handles->entry[i].node)
                handle_unreserve(child, i, NULL);
    }
    for (uint32_t i = 0; i < HANDLE_SLOTS && left; i++) {
        struct hentry *e = &child->handles->entry[i];
        struct hnode *node, *copy;

        if (!e->node)
            continue;
        left--;
        e->node = NULL;
        if (error == -E_NOMEM)
            continue;
        error = handle_look((uint64_t)e->value, 0, &node);
        if (!error && node->obj->type == OBJ_REPLY)
            error = -E_BADH; /* there is only one */
        if (!error)
            error = hnode_new(node->obj, node, node->depth, hnode_rights(node),
                              0, &copy);
        handle_done();
        if (!error)
            error = hnode_arrive(copy, NULL, child, i);
        else
            handle_unreserve(child, i, NULL); /* or revoked meanwhile */
    }
    if (error != -E_NOMEM)
        return 0;
    handle_close_all(child);
    return error;
}

void handle_close_all(struct proc *p)
{
    struct handle_table *t = p->handles;
    struct hnode *node;

    spin_lock(&p->handles_lock);
    p->handles_closed = true; /* no grant reaches us from here on */
    spin_unlock(&p->handles_lock);
    for (struct hentry *e = t->entry;
         e < t->entry + HANDLE_SLOTS && load_relaxed(&p->handles_used); e++)
        if (load_relaxed(&e->node) &&
            !handle_look_in(t, (uint64_t)e->value, 0, &node)) {
            hnode_end(node);
            handle_done();
            interrupt_window();
        }
    /* Who revokes one of our handles right now found it before we took it out,
     * and may still be writing to the table, which the caller frees. */
    spin_lock(&p->handles_lock);
    spin_unlock(&p->handles_lock);
}
