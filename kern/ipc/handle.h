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

#include "base/kobj.h"
#include "proc/proc.h"

/* Type and rights of a node in one word, to check both at a time: a bit for
 * each type and right that it is not and has not. */
#define HNODE_KIND(type, rights) (~(1u << (type) | (uint32_t)(rights) << 8))

/* [I] immutable, [v] the object's tree lock, [h] the owner's table lock. */
struct hnode {
    struct kobj *obj;     /* [I] */
    uint32_t kind;        /* [I] HNODE_KIND(obj's type, rights) */
    uint8_t depth;        /* [I] */
    bool in_place;        /* [I] it stands in a queue's place, in flight */
    bool dead;            /* [v] */
    bool moves;           /* [a] it is a reply handle, and being sent */
    uint64_t badge;       /* [I] */
    struct hnode *parent; /* [v] */
    struct list siblings; /* [v] in parent's children */
    /* From here on not in a place, where nothing derives from it. */
    struct list children; /* [v] */
    struct proc *owner;   /* [v] whose table it is in, NULL in flight */
    int32_t value;        /* [v] the handle's there */
    bool kept;            /* [I] its memory is its object's */
    bool watched;         /* [a] subscriptions go through it */
    struct hnode *same;   /* [h] of a region: next in owner->regions[] */
};
#define HNODE_IN_PLACE    offsetof(struct hnode, children)
#define HNODE_PLACE_BYTES 64 /* room in a place, for a descriptor's range too */
_Static_assert(HNODE_IN_PLACE + 16 <= HNODE_PLACE_BYTES, "room");

/* It gets what it has not in a place. */
static inline void hnode_leave_place(struct hnode *node)
{
    node->in_place = node->moves = false;
    node->kept = node->watched = false;
    list_init(&node->children);
    node->owner = NULL;
}

static inline uint32_t hnode_slot(const struct hnode *node)
{
    return (uint32_t)node->value % HANDLE_SLOTS;
}

static inline bool hnode_in_table(const struct hnode *node)
{
    return !node->in_place && node->owner;
}

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
static inline long MUST_CHECK handle_look_in(struct handle_table *table,
                                             uint64_t value, int i,
                                             struct hnode **out)
{
    struct hentry *e = &table->entry[value % HANDLE_SLOTS];
    struct hnode *node = load_relaxed(&e->node);

    if (!node)
        return -E_BADH;
    store_relaxed(&this_hart()->hazard[i], node);
    fence_full(); /* pairs with the one in wait_for_readers() */
    /* Another value: this one was never issued, or is stale. Only now, since a
     * revoked node's memory may come back in the slot's next handle. Another
     * node: revoked just now. */
    if ((uint64_t)load_relaxed(&e->value) != value ||
        load_relaxed(&e->node) != node) {
        store_relaxed(&this_hart()->hazard[i], NULL);
        return -E_BADH;
    }
    *out = node;
    return 0;
}

/* The same in the running process's table. handle_done() ends the use. */
static inline long MUST_CHECK handle_look(uint64_t value, int i,
                                          struct hnode **out)
{
    return handle_look_in(this_proc()->handles, value, i, out);
}

static inline uint32_t hnode_rights(const struct hnode *node)
{
    return ~node->kind >> 8;
}

/* The same, and check type and right; on failure nothing is noted.
 * Returns: 0; -E_BADH; -E_WRONGTYPE; -E_ACCES. */
static inline long MUST_CHECK handle_use(uint64_t value, int i, uint32_t type,
                                         uint32_t right, struct hnode **out)
{
    long error;

    TRY(handle_look(value, i, out));
    if (likely(!((*out)->kind & ~HNODE_KIND(type, right))))
        return 0;
    error = (*out)->kind >> type & 1 ? -E_WRONGTYPE : -E_ACCES;
    store_relaxed(&this_hart()->hazard[i], NULL);
    return error;
}

/* The call is through with the one node that it noted, as hazard 0. */
static inline void handle_done_one(void)
{
    store_release(&this_hart()->hazard[0], NULL); /* [HAZARD] */
}

/* The same with all of them. */
static inline void handle_done(void)
{
    handle_done_one();
    store_relaxed(&this_hart()->hazard[1], NULL); /* behind the same fence */
}

/* On the declaration of a node that is looked up: handle_done() where its scope
 * ends. */
#define NOTED __attribute__((cleanup(handle_done_with)))

static inline void handle_done_with(struct hnode **node)
{
    (void)node;
    handle_done();
}

/* No function from here on is called with a lock held, or sleeps. */

void handle_table_init(struct proc *p); /* of a new process: empty */

/* Close all handles of p, the running process or one that never ran; nothing
 * can be granted to it any more. */
void handle_close_all(struct proc *p);

/* Give child, a new process, the same handles. Returns: 0, -E_NOMEM. */
long handle_fork(struct proc *child) MUST_CHECK;

/* Put a node that nobody else knows into the running process's table. Returns:
 * the handle and *slot; -E_MFILE. A slot that is neither free nor has a node is
 * its owner's to change: who takes the node out again keeps it, until the node
 * comes back with another value (resume), or handle_release(). */
long handle_install(struct hnode *node, struct hentry **slot) MUST_CHECK;
long handle_resume(struct hnode *node, struct hentry **slot) MUST_CHECK;
void handle_release(struct hnode *node);

/* Give the running process the first handle of an object, taking over the
 * caller's reference: a failure destroys it.
 * Returns: the handle; -E_MFILE; -E_NOMEM. */
long handle_create(struct kobj *obj, uint32_t rights) MUST_CHECK;

/* Put a first handle in a slot of p's table, at boot. */
void handle_create_at(struct proc *p, uint32_t slot, struct kobj *obj,
                      uint32_t rights);

/* The running process's handle to a region with these rights that stands in the
 * lowest slot. Returns: its value; -E_BADH when there is none. */
long handle_to_region(const struct kobj *obj, uint32_t rights) MUST_CHECK;

/* Set a slot of the running process's table aside, and memory for a node, for
 * hnode_arrive(); or give them back.
 * Returns: the value of the slot's next handle; -E_MFILE; -E_NOMEM. */
long handle_reserve(struct hnode **home) MUST_CHECK;
void handle_unreserve(struct proc *p, uint32_t slot, struct hnode *home);

/* Fill a node in, its in_place apart, and link it in the tree of obj, locked. A
 * first node has no parent. */
void hnode_link_locked(struct hnode *node, struct kobj *obj,
                       struct hnode *parent, uint32_t depth, uint32_t rights,
                       uint64_t badge);

/* A new node of obj in flight. With the depth of `from` (noted) it becomes its
 * copy, with the next one it is derived from it, and badge 0 keeps its badge; a
 * first node has no `from`. What derives from a reply handle takes its stead.
 * Returns: 0 and *out; -E_BADH when `from` was revoked meanwhile, or moves;
 * -E_NOMEM. */
long hnode_new(struct kobj *obj, struct hnode *from, uint32_t depth,
               uint32_t rights, uint64_t badge, struct hnode **out) MUST_CHECK;

/* Take a node out of its tree, locked; its children become its parent's (H1).
 * Returns: the rights of which it was the object's last holder. */
uint32_t hnode_unlink_locked(struct hnode *node);

/* Free a node that is unlinked and nobody looks at, and tell its object. */
void hnode_free(struct hnode *node, uint32_t last);

/* May a handle with these rights and this badge be derived from node? With
 * `hand`, for another process: *rights becomes what arrives.
 * Returns: 0; -E_ACCES; -E_LOOP. */
long hnode_may_derive(const struct hnode *node, uint32_t *rights,
                      uint64_t badge, bool hand) MUST_CHECK;

/* A node in flight goes into p's table, where a slot is free (ANY_SLOT) or into
 * an empty or reserved one; one in a place moves to `home`, too, which is NULL
 * for others. Or into the table of a descendant. If it cannot, it and the
 * reservation end.
 * Returns: the handle; -E_MFILE; -E_BADH: it was revoked in flight; of
 * hnode_grant() also -E_SRCH, -E_ACCES. */
long hnode_arrive(struct hnode *node, struct hnode *home, struct proc *p,
                  uint32_t slot);
long hnode_grant(struct hnode *node, long pid) MUST_CHECK;

/* Install a node, its object's tree locked, in the table of a descendant; NULL:
 * would one be found? Returns: 0 or more; -E_SRCH; -E_ACCES; -E_MFILE. */
long hnode_install_in(long pid, struct hnode *node) MUST_CHECK;

/* End a node that was looked up (noted), or is in flight.
 * Returns: 0; -E_BADH when it was revoked meanwhile and is no more. */
long hnode_end(struct hnode *node);

/* Destroy all that derives from node (noted). Returns: how many; -E_BADH. */
long hnode_revoke(struct hnode *node);
