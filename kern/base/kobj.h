/*
 * What all objects behind handles have in common.
 *
 *   O1  refs counts the nodes of handles (those in messages too) and the calls
 *       that sleep on the object; the last one to go destroys it.
 *   O2  readers and writers count the live nodes with RIGHT_READ, RIGHT_WRITE.
 *       When one falls to 0, ops->side_gone says so to the object, once.
 */
#pragma once

#include "base/list.h"
#include "base/spinlock.h"

struct kobj;

/* Somebody who wants to know when an object's signals come up. */
struct observer {
    struct list link; /* [o] in the object's list, under its lock */
    uint32_t wanted;  /* [I] SIG_x */
    uint32_t rights;  /* [I] of the handle looked through */
    /* One of `wanted` is up. Under the object's lock. */
    void (*fire)(struct observer *o, uint32_t signals);
};

/* Called without locks. NULL: not for this type. */
struct kobj_ops {
    /* The last handle with these rights is gone. */
    void (*side_gone)(struct kobj *obj, uint32_t rights);
    /* E_PIPE for everyone from now on. */
    void (*shutdown)(struct kobj *obj);
    /* The signals that are up for a holder of o->rights. If none of o->wanted
     * is, o joins the observers. */
    uint32_t (*observe)(struct kobj *obj, struct observer *o);
    void (*unobserve)(struct kobj *obj, struct observer *o);
    /* Free it and what it holds; never NULL. */
    void (*destroy)(struct kobj *obj);
};

/* [I] immutable, [a] atomic, [v] the tree lock. */
struct kobj {
    uint32_t type;              /* [I] OBJ_x */
    uint32_t refs;              /* [a] O1 */
    const struct kobj_ops *ops; /* [I] */
    uint64_t id;                /* [I] a counter's value, never an address */
    struct spinlock tree;       /* v: the derivation tree of its handles */
    uint32_t readers, writers;  /* [v] O2 */
    uint32_t handles;           /* [v] live nodes */
};

/* A new object with one reference, the caller's. */
void kobj_init(struct kobj *obj, uint32_t type, const struct kobj_ops *ops);

uint32_t kobj_count(void); /* objects of all types that exist */

static inline void
kobj_get(struct kobj *obj)
{
    add_relaxed(&obj->refs, 1);
}

/* Locks: none. */
void kobj_put(struct kobj *obj);
