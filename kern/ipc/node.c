/* The derivation tree of an object: see handle.h for H1 to H4. Lab: handle */
#include "ipc/handle.h"

#include "ipc/event.h"
#include "mem/kalloc.h"

#define GRANTS (RIGHT_GRANT | RIGHT_GRANT_ONCE)

/* O2: one node with these rights more, or less (-1u). Returns: the rights that
 * nobody holds. */
static uint32_t count_locked(struct kobj *obj, uint32_t rights, uint32_t by)
{
    obj->handles += by;
    obj->readers += rights & RIGHT_READ ? by : 0;
    obj->writers += rights & RIGHT_WRITE ? by : 0;
    return (obj->readers ? 0 : RIGHT_READ) | (obj->writers ? 0 : RIGHT_WRITE);
}

inline void hnode_link_locked(struct hnode *node, struct kobj *obj,
                              struct hnode *parent, uint32_t depth,
                              uint32_t rights, uint64_t badge)
{
    node->obj = obj;
    node->kind = HNODE_KIND(obj->type, rights);
    node->depth = (uint8_t)depth;
    node->dead = false;
    node->badge = badge;
    node->parent = parent;
    if (parent) {
        list_push_back(&parent->children, &node->siblings);
        store_relaxed(&parent->moves, obj->type == OBJ_REPLY);
    } else {
        list_init(&node->siblings);
    }
    count_locked(obj, rights, 1);
    kobj_get(obj);
}

long hnode_new(struct kobj *obj, struct hnode *from, uint32_t depth,
               uint32_t rights, uint64_t badge, struct hnode **out)
{
    struct hnode *node = kmalloc(sizeof(*node));
    bool copy = from && from->depth == depth && obj->type != OBJ_REPLY, gone;

    if (!node)
        return -E_NOMEM;
    hnode_leave_place(node);
    spin_lock(&obj->tree);
    gone = from && (from->dead || load_relaxed(&from->moves));
    if (!gone)
        hnode_link_locked(node, obj, copy ? from->parent : from, depth, rights,
                          from && !badge ? from->badge : badge);
    spin_unlock(&obj->tree);
    *out = node;
    if (gone)
        kfree(node, sizeof(*node));
    return gone ? -E_BADH : 0;
}

inline uint32_t hnode_unlink_locked(struct hnode *node)
{
    uint32_t rights = hnode_rights(node);
    struct list *link;

    while (!node->in_place && (link = list_pop_front(&node->children))) {
        list_entry(link, struct hnode, siblings)->parent = node->parent;
        if (node->parent)
            list_push_back(&node->parent->children, link);
    }
    list_unlink(&node->siblings);
    node->dead = true;
    return rights & count_locked(node->obj, rights, -1u);
}

inline void hnode_free(struct hnode *node, uint32_t last)
{
    struct kobj *obj = node->obj;

    if (!node->in_place && unlikely(node->watched))
        event_handle_gone(node);
    if (hnode_in_table(node) && obj->ops->handle_gone)
        obj->ops->handle_gone(obj, node->owner, node);
    if (!node->in_place && !node->kept)
        kfree(node, sizeof(*node));
    if (last && obj->ops->side_gone)
        obj->ops->side_gone(obj, last);
    kobj_put(obj);
}

/* Rights shrink only (H3); errors in the order of the ABI's section 2. */
inline long hnode_may_derive(const struct hnode *node, uint32_t *rights,
                             uint64_t badge, bool hand)
{
    uint32_t held = hnode_rights(node);

    if ((hand && !(held & GRANTS)) ||
        (badge && badge != node->badge && !(held & RIGHT_REVOKE)))
        return -E_ACCES;
    if (held & RIGHT_GRANT)
        held |= RIGHT_GRANT_ONCE;
    if (*rights & RIGHT_ALL & ~held)
        return -E_ACCES;
    if (hand && !(held & RIGHT_GRANT))
        *rights &= ~GRANTS;
    return node->depth >= HANDLE_MAX_DEPTH ? -E_LOOP : 0;
}
