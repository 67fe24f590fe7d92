/* Regions in address spaces: see mapping.h for the rules M1 to M3. */
#include "sys/mapping.h"

#include "base/string.h"
#include "ipc/handle.h"
#include "ipc/word.h"
#include "mem/kalloc.h"
#include "proc/sched.h"

#define RING_END (RING_VADDR + 3 * PAGE_SIZE)

static uint64_t end_of(const struct mapping *m)
{
    return m->va + m->region->pages * PAGE_SIZE;
}

/* The first mapping that ends behind va, or NULL. */
static struct mapping *first_behind(struct proc *p, uint64_t va)
    REQUIRES(&p->handles_lock)
{
    list_for_each (link, &p->mappings) {
        struct mapping *m = list_entry(link, struct mapping, link);

        if (end_of(m) > va)
            return m;
    }
    return NULL;
}

/* May a region be at [va, va + size), as far as other mappings go? */
static bool is_room(const struct proc *p, uint64_t va, uint64_t size)
{
    return va % PAGE_SIZE == 0 && va >= ROUND_UP(p->heap_end, PAGE_SIZE) &&
           va < USER_END && size <= USER_END - va &&
           (va >= RING_END || va + size <= RING_VADDR);
}

/* The lowest address from va on where nothing is mapped on as many bytes as r
 * has; 0 if r is mapped already. */
static uint64_t gap_locked(struct proc *p, uint64_t va, const struct region *r)
    REQUIRES(&p->handles_lock)
{
    list_for_each (link, &p->mappings) {
        struct mapping *m = list_entry(link, struct mapping, link);

        if (m->region == r)
            return 0;
        /* Mappings behind the gap do not move it. */
        if (m->va < va + r->pages * PAGE_SIZE && end_of(m) > va)
            va = end_of(m);
    }
    return va;
}

static bool may_be_written(const struct region *r)
{
    return r->policy == REGION_SLAB || r->policy == REGION_DEVICE ||
           (r->policy == REGION_IMMUTABLE && !load_relaxed(&r->sealed));
}

static void set_leaves(struct mapping *m, uint64_t flags)
{
    struct region *r = m->region;

    for (uint64_t i = 0, n; i < r->pages; i += n) {
        n = MIN(r->pages - i, FRAMES_PER_TABLE - i % FRAMES_PER_TABLE);
        vm_show(&m->proc->vm, m->va + i * PAGE_SIZE, region_frames(r, i), n,
                flags);
    }
    m->flags = flags;
}

/* Put m among the mappings of its process and of its region. A seal comes
 * before, or finds it. Returns: false if r may not be written any more. */
static bool link_mapping(struct mapping *m, uint64_t flags)
{
    struct region *r = m->region;
    struct proc *p = m->proc;
    struct mapping *next;
    bool writes = flags & PTE_W, allowed;

    spin_lock(&p->handles_lock);
    spin_lock(&r->obj.lock);
    allowed = !writes || may_be_written(r);
    if (allowed) {
        next = first_behind(p, m->va);
        set_leaves(m, flags);
        list_push_back(writes ? r->mappings.next : &r->mappings, &m->sharers);
        list_push_back(next ? &next->link : &p->mappings, &m->link);
        kobj_get(&r->obj);
    }
    spin_unlock(&r->obj.lock);
    spin_unlock(&p->handles_lock);
    return allowed;
}

static struct mapping *new_mapping(struct proc *p, struct region *r,
                                   const struct hnode *node, uint64_t va)
{
    struct mapping *m = kmalloc(sizeof(*m));

    if (m)
        *m = (struct mapping){.proc = p,
                              .region = r,
                              .node = node,
                              .slot = hnode_slot(node),
                              .va = va};
    if (m && vm_make_tables(&p->vm, va, r->pages)) {
        kfree(m, sizeof(*m));
        m = NULL;
    }
    return m;
}

long mapping_make(struct region *r, const struct hnode *node, uint64_t hint,
                  uint64_t flags)
{
    struct proc *p = this_proc();
    uint64_t size = r->pages * PAGE_SIZE, va;
    struct mapping *m;

    if (!size || (hint && !is_room(p, hint, size)))
        return -E_INVAL;
    if ((flags & PTE_W) && !may_be_written(r))
        return -E_ACCES;
    spin_lock(&p->handles_lock);
    va = gap_locked(p, hint ? hint : HEAP_LIMIT, r);
    spin_unlock(&p->handles_lock);
    if (!va)
        return -E_EXIST;
    if (hint && va != hint)
        return -E_INVAL;
    /* Only the process itself adds mappings: the gap stays one. */
    m = is_room(p, va, size) ? new_mapping(p, r, node, va) : NULL;
    if (!m)
        return -E_NOMEM;
    if (!link_mapping(m, flags)) {
        kfree(m, sizeof(*m));
        return -E_ACCES;
    }
    sched_forget(p); /* hardware may remember that nothing was there (4.2.1) */
    return (long)va;
}

/* End p's first mapping that matches: that at va, or made through node, or with
 * neither any. `table_goes`: nobody will look at its leaf entries again.
 * Returns: whether there was one. */
static bool end_mapping(struct proc *p, uint64_t va, const struct hnode *node,
                        bool table_goes)
{
    struct mapping *found = NULL;

    spin_lock(&p->handles_lock);
    list_for_each (link, &p->mappings) {
        struct mapping *m = list_entry(link, struct mapping, link);

        if (!found && (!va || m->va == va) && (!node || m->node == node))
            found = m;
    }
    if (found) {
        list_unlink(&found->link);
        spin_lock(&found->region->obj.lock);
        list_unlink(&found->sharers);
        if (!table_goes)
            set_leaves(found, 0);
        spin_unlock(&found->region->obj.lock);
    }
    spin_unlock(&p->handles_lock);
    if (!found)
        return false;
    if (!table_goes) {
        sched_forget(p); /* M3 */
        word_unmapped(p, found->va, end_of(found) - found->va);
    }
    kobj_put(&found->region->obj);
    kfree(found, sizeof(*found));
    return true;
}

long mapping_end(uint64_t va)
{
    return va && end_mapping(this_proc(), va, NULL, false) ? 0 : -E_INVAL;
}

void mapping_end_all(struct proc *p)
{
    while (end_mapping(p, 0, NULL, true))
        ;
}

static void handle_gone(struct kobj *obj, struct proc *owner,
                        const struct hnode *node)
{
    (void)obj;
    end_mapping(owner, 0, node, false);
}

const struct kobj_ops region_ops = {.destroy = region_destroy,
                                    .handle_gone = handle_gone};

/* Give child a copy of its parent's mapping m, whose region the caller holds,
 * unless the handle that it belongs to was revoked. */
static long fork_one(struct proc *child, const struct mapping *m)
{
    int32_t value = child->handles->entry[m->slot].value;
    NOTED struct hnode *node;
    struct mapping *copy;
    bool linked;

    if (handle_look_in(child->handles, (uint64_t)value, 0, &node))
        return 0;
    copy = new_mapping(child, m->region, node, m->va);
    if (copy && !link_mapping(copy, m->flags)) { /* sealed meanwhile */
        linked = link_mapping(copy, m->flags & ~(PTE_W | PTE_D));
        assert(linked);
    }
    return copy ? 0 : -E_NOMEM;
}

long mapping_fork(struct proc *child)
{
    struct proc *p = this_proc();
    uint64_t va = 0;
    long error = 0;

    while (!error) {
        struct mapping *m, copy = {0};
        bool live = false;

        spin_lock(&p->handles_lock);
        m = first_behind(p, va);
        if (m) {
            copy = *m;
            /* Else who revokes its handle is about to end it. */
            live = p->handles->entry[m->slot].node == m->node;
            kobj_get(&m->region->obj);
        }
        spin_unlock(&p->handles_lock);
        if (!m)
            break;
        if (live)
            error = fork_one(child, &copy);
        va = end_of(&copy);
        kobj_put(&copy.region->obj);
    }
    return error;
}

long mapping_seal(struct region *r)
{
    uint64_t used = (r->size - 1) % PAGE_SIZE + 1;
    char *last = *region_frames(r, r->pages - 1);
    struct mapping *m;
    bool writes;

    if (r->sealed)
        return -E_ALREADY;
    do {
        spin_lock(&r->obj.lock);
        store_relaxed(&r->sealed, SEALING);
        m = list_entry(r->mappings.next, struct mapping, sharers);
        writes = !list_empty(&r->mappings) && (m->flags & PTE_W);
        if (writes) {
            set_leaves(m, m->flags & ~(PTE_W | PTE_D));
            list_remove(&m->sharers);
            list_push_back(&r->mappings, &m->sharers);
            sched_forget(m->proc); /* M3 */
        }
        spin_unlock(&r->obj.lock);
        interrupt_window();
    } while (writes);
    memset(last + used, 0, PAGE_SIZE - used); /* what was stored behind it */
    /* [SEALED] release; pairs with the acquire in may_describe() and of
     * region_info: no store comes after it. */
    store_release(&r->sealed, SEALED);
    return 0;
}

uint64_t mapping_next(struct proc *p, uint64_t va)
{
    struct mapping *m;
    uint64_t next;

    spin_lock(&p->handles_lock);
    m = first_behind(p, va);
    next = m ? m->va : USER_END;
    spin_unlock(&p->handles_lock);
    return next;
}

const char *mapping_describe(struct proc *p, uint64_t va, uint64_t *id)
{
    /* By policy; the first: sealed. */
    static const char *const words[] = {"Immutable, sealed",
                                        "Immutable, not sealed", "AppendOnly",
                                        "Slab", "Device"};
    const char *found = NULL;
    struct mapping *m;

    spin_lock(&p->handles_lock);
    m = first_behind(p, va);
    if (m && m->va <= va) {
        *id = m->region->obj.id;
        found = words[m->region->sealed ? 0 : m->region->policy];
    }
    spin_unlock(&p->handles_lock);
    return found;
}
