/*
 * Handles: how a process names an object and what it may do with it.
 *
 * A handle's value is generation << 8 | slot. A slot of the table points to a
 * node; the nodes of one object form its derivation tree, under the object's
 * tree lock. A node is in one process's table, or in flight in a message.
 *
 *   H1  a node is linked in its object's tree from derivation until it dies
 *       (closed, revoked, dropped); then its children are its parent's, with
 *       their depth unchanged, or have died before it.
 *   H2  a slot's generation rises when it is freed, so a value that was closed
 *       or revoked never reaches the slot's next owner; a slot whose
 *       generation would wrap is not used again. Slots 0, 1 and 2 are outside
 *       of this: their generation is always 0.
 *   H3  rights only shrink along a derivation.
 *   H4  a call looks its process's handles up without a lock: it notes the node
 *       in its hart's hazard, then looks whether the table still has it. Who
 *       takes a node out of another process's table waits, before freeing it,
 *       until no hart notes it. A node holds a reference to its object, so both
 *       stay while they are noted. Calls run with interrupts off and clear
 *       their notes before they sleep, so the wait is short.
 */
#pragma once

#include "abi/abi.h"
#include "base/kobj.h"
#include "proc/proc.h"

/* Type and rights of a node in one word, to check both at a time. */
#define HNODE_KIND(type, rights) ((type) | (rights) << 3)

/* [I] immutable, [v] the object's tree lock, [h] the owner's table lock. */
struct hnode {
    struct kobj *obj;     /* [I] */
    uint32_t kind;        /* [I] HNODE_KIND(obj's type, rights) */
    uint8_t depth;        /* [I] */
    bool in_place;        /* [I] it stands in a queue's place, in flight */
    bool dead;            /* [v] */
    uint64_t badge;       /* [I] */
    struct hnode *parent; /* [v] */
    struct list siblings; /* [v] in parent's children */
    /* From here on not in a place, where nothing derives from it. */
    struct list children; /* [v] */
    struct proc *owner;   /* [v] whose table it is in, NULL in flight */
    uint16_t slot;        /* [v] where there */
};
#define HNODE_PLACE_BYTES 64 /* what a place has room for */
_Static_assert(offsetof(struct hnode, children) <= HNODE_PLACE_BYTES, "room");

struct hentry {
    struct hnode *node; /* [a] written under the table's lock */
    int32_t value;      /* [h] of the handle in this slot, or of the next one:
                         * read by the owner only when node is set */
    uint32_t next_free; /* [h] */
};

struct handle_table {
    struct hentry entry[HANDLE_SLOTS];
};
_Static_assert(sizeof(struct handle_table) == PAGE_SIZE, "one page");

#define HANDLE_FIXED 3u /* slots 0..2: standard streams */
#define ANY_SLOT     HANDLE_SLOTS

/* Look up a value in a table, the running process's or one that no process
 * runs with yet, and note the node as hazard i. Returns: 0, *out; -E_BADH. */
static inline long MUST_CHECK
handle_look_in(struct handle_table *table, uint64_t value, int i,
               struct hnode **out)
{
    struct hart *h = this_hart();
    struct hentry *e = &table->entry[value % HANDLE_SLOTS];
    struct hnode *node = load_relaxed(&e->node);

    if (!node)
        return -E_BADH;
    store_relaxed(&h->hazard[i], node);
    fence_full(); /* pairs with the one in wait_for_readers() */
    /* Another value: this one was never issued, or is stale. Only now, since a
     * revoked node's memory may come back in the slot's next handle. Another
     * node: revoked just now. */
    if ((uint64_t)load_relaxed(&e->value) != value ||
        load_relaxed(&e->node) != node) {
        store_relaxed(&h->hazard[i], NULL);
        return -E_BADH;
    }
    *out = node;
    return 0;
}

/* The same in the running process's table. handle_done() ends the use. */
static inline long MUST_CHECK
handle_look(uint64_t value, int i, struct hnode **out)
{
    return handle_look_in(this_proc()->handles, value, i, out);
}

static inline uint32_t
hnode_rights(const struct hnode *node)
{
    return node->kind >> 3;
}

/* The same, and check type and right. Returns: 0; -E_BADH; -E_WRONGTYPE;
 * -E_ACCES. */
static inline long MUST_CHECK
handle_use(uint64_t value, int i, uint32_t type, uint32_t right,
           struct hnode **out)
{
    long error = handle_look(value, i, out);

    if (unlikely(error))
        return error;
    if (likely(((*out)->kind & HNODE_KIND(7, right)) ==
               HNODE_KIND(type, right)))
        return 0;
    return (*out)->kind % 8 != type ? -E_WRONGTYPE : -E_ACCES;
}

/* The call is through with the node that it noted as hazard 0, or 1. */
static inline void
handle_done(void)
{
    store_release(&this_hart()->hazard[0], NULL); /* [HAZARD] */
}

static inline void
handle_done_second(void)
{
    store_release(&this_hart()->hazard[1], NULL); /* [HAZARD] */
}

/* Empty the table of a new process. */
void handle_table_init(struct proc *p);

/* Close all handles of p, the running process or one that never ran; nothing
 * can be granted to it any more. Locks: none held. */
void handle_close_all(struct proc *p);

/* Give child, a new process, the same handles. Returns: 0, -E_NOMEM. */
long handle_fork(struct proc *child) MUST_CHECK;

/* Give the running process the first handle of an object, taking over the
 * caller's reference: a failure destroys it.
 * Returns: the handle; -E_MFILE; -E_NOMEM. */
long handle_create(struct kobj *obj, uint32_t rights) MUST_CHECK;

/* Put a first handle in a slot of p's table, at boot. */
void handle_create_at(struct proc *p, uint32_t slot, struct kobj *obj,
                      uint32_t rights);

/* Set a slot of the running process's table aside, and memory for a node, for
 * hnode_move(); or give them back.
 * Returns: the value of the slot's next handle; -E_MFILE; -E_NOMEM. */
long handle_reserve(struct hnode **home) MUST_CHECK;
void handle_unreserve(struct proc *p, uint32_t slot, struct hnode *home);

/* May a handle with these rights and this badge be derived from node?
 * Returns: 0; -E_ACCES; -E_LOOP. */
long hnode_may_derive(const struct hnode *node, uint32_t rights,
                      uint64_t badge) MUST_CHECK;

/* The same, to be handed to another process. *rights becomes what arrives. */
long hnode_may_hand(const struct hnode *node, uint32_t *rights,
                    uint64_t badge) MUST_CHECK;

/* A node in flight, derived from `from` (noted), or its copy: same parent,
 * depth, rights, badge; at *out in a queue's place, or if that is NULL in
 * memory of its own. Returns: 0 and *out; -E_BADH when `from` was revoked
 * meanwhile; -E_NOMEM. */
long hnode_derive(struct hnode *from, uint32_t rights, uint64_t badge,
                  struct hnode **out) MUST_CHECK;
long hnode_copy(struct hnode *from, struct hnode **out) MUST_CHECK;

/* A node in flight goes into p's table, where a slot is free (ANY_SLOT) or into
 * an empty or reserved one; or into that of a descendant. If it cannot, it and
 * the reservation end. Locks: none held.
 * Returns: the handle; -E_MFILE; -E_BADH: it was revoked in flight; of
 * hnode_grant() also -E_SRCH, -E_ACCES. */
long hnode_arrive(struct hnode *node, struct proc *p, uint32_t slot);
long hnode_grant(struct hnode *node, long pid) MUST_CHECK;

/* Move a node in a place to what handle_reserve() gave. If it was revoked all
 * end, and the value is stale already. Locks: none held. */
void hnode_move(struct hnode *place, struct hnode *home, uint32_t slot);

/* Is this process there (or -E_SRCH) and a descendant (or -E_ACCES)? */
long hnode_may_grant(long pid) MUST_CHECK;

/* End a node that was looked up (noted), or is in flight. Locks: none held.
 * Returns: 0; -E_BADH when it was revoked meanwhile and is no more. */
long hnode_end(struct hnode *node);

/* Destroy all that derives from node (noted). Locks: none held.
 * Returns: how many; -E_BADH. */
long hnode_revoke(struct hnode *node);
