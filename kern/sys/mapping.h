/*
 * Regions in address spaces.
 *
 *   M1  a mapping belongs to the handle that it was made through, and ends with
 *       it; it holds a reference to its region.
 *   M2  its leaf entries are written by its process while it is made, and from
 *       then on under the region's lock only, until it is out of the region's
 *       list; so its table must stay until then.
 *   M3  who takes a permission away goes on only when no hart can use it any
 *       more (sched_forget()).
 */
#pragma once

#include "mem/region.h"
#include "proc/proc.h"

#define HEAP_LIMIT (1ull << 36) /* program and heap lie below */

/* [I] immutable, [h] its process's table lock, [o] the region's lock. */
struct mapping {
    struct list link;         /* [h] in proc->mappings, by address */
    struct list sharers;      /* [o] in region->mappings */
    struct proc *proc;        /* [I] */
    struct region *region;    /* [I] */
    const struct hnode *node; /* [I] M1 */
    uint32_t slot;            /* [I] the handle's */
    uint64_t va;              /* [I] */
    uint64_t flags;           /* [o] of its leaf entries */
};

/*
 * Show r in the running process at `hint`, or where there is room if that is 0.
 * `flags` are those of leaf entries. The caller has noted node.
 * Returns: the address; -E_INVAL; -E_ACCES: r is sealed; -E_EXIST; -E_NOMEM.
 */
long mapping_make(struct region *r, const struct hnode *node, uint64_t hint,
                  uint64_t flags) MUST_CHECK;

/* End the running process's mapping at va; all of p's, when its address space
 * is about to go, before its handles do. Returns: 0; -E_INVAL. */
long mapping_end(uint64_t va) MUST_CHECK;
void mapping_end_all(struct proc *p);

/* Give child, whose handles are in place, the running process's mappings.
 * Returns: 0; -E_NOMEM. */
long mapping_fork(struct proc *child) MUST_CHECK;

/* Seal an Immutable region, the mutex held. Returns: 0; -E_ALREADY. */
long mapping_seal(struct region *r) MUST_CHECK;

/* The lowest address that p has mapped from va on; USER_END if none. */
uint64_t mapping_next(struct proc *p, uint64_t va);

/* What p has mapped at va, in words, and the object's id; NULL if nothing. */
const char *mapping_describe(struct proc *p, uint64_t va, uint64_t *id);
