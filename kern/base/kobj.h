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
struct proc;
struct hnode;
struct subscription;

/* Called without locks, but for signals(). NULL: not for this type. */
struct kobj_ops {
    /* The last handle with these rights is gone. */
    void (*side_gone)(struct kobj *obj, uint32_t rights);
    /* E_PIPE for everyone from now on. */
    void (*shutdown)(struct kobj *obj);
    /* The signals that are up for a holder of these rights; the object's lock
     * is held. */
    uint32_t (*signals)(const struct kobj *obj, uint32_t rights);
    /* A handle of owner is gone; its node is compared, not looked at. */
    void (*handle_gone)(struct kobj *obj, struct proc *owner,
                        const struct hnode *node);
    /* The SYSTEM object's: an interrupt becomes events of s, or ceases to. The
     * lock of ipc/event.h is held. Returns: 0; -E_EXIST. */
    long (*bind)(struct subscription *s, uint32_t irq);
    void (*unbind)(struct subscription *s, uint32_t irq);
    /* Free it and what it holds. Never NULL. */
    void (*destroy)(struct kobj *obj);
};

/* [I] immutable, [a] atomic, [v] the tree lock, [o] the object's lock. */
struct kobj {
    struct spinlock lock;       /* o: what the object guards with it */
    uint32_t type;              /* [I] OBJ_x */
    uint32_t refs;              /* [a] O1 */
    const struct kobj_ops *ops; /* [I] */
    uint64_t id;                /* [I] a counter's value, never an address */
    struct spinlock tree;       /* v: the derivation tree of its handles */
    uint32_t readers, writers;  /* [v] O2 */
    uint32_t handles;           /* [v] live nodes */
    uint32_t revokes;           /* [v] how many have begun, */
    uint32_t revoked;           /* [a] and ended: they do so in that order */
    uint32_t state;             /* [o] 0: a change concerns nobody else; or
                                 * bits of its type, and this one: */
    struct list observers;      /* [o] see ipc/event.h */
};
#define OBSERVED (1u << 31) /* there may be observers */

/* A new object with one reference, the caller's. */
void kobj_init(struct kobj *obj, uint32_t type, const struct kobj_ops *ops);

static ALWAYS_INLINE void kobj_lock(struct kobj *obj) ACQUIRES(&obj->lock)
{
    spin_lock_as(&obj->lock, RANK_OBJECT);
}

static ALWAYS_INLINE void kobj_unlock(struct kobj *obj) RELEASES(&obj->lock)
{
    spin_unlock_as(&obj->lock, RANK_OBJECT);
}

/* The same for who holds no other lock. */
#define kobj_lock_only(obj)   spin_lock_only(&(obj)->lock, RANK_OBJECT)
#define kobj_unlock_only(obj) spin_unlock_to(&(obj)->lock, 0)

/* Once more in the same call, which does not look again what is held. */
#define kobj_lock_again(obj) spin_lock_from(&(obj)->lock, RANK_OBJECT, 0)

extern uint32_t kobj_count; /* [a] objects of all types that exist */

static inline void kobj_get(struct kobj *obj)
{
    add_relaxed(&obj->refs, 1);
}

void kobj_destroy(struct kobj *obj);

/* Locks: none. */
static inline void kobj_put(struct kobj *obj)
{
    /* Acquire and release: the destroyer sees what all others did to it. */
    if (unlikely(add_acq_rel(&obj->refs, -1u) == 1))
        kobj_destroy(obj);
}
