/* Sv39 page tables (privileged specification 1.12, section 4.4): the kernel's
 * own, and a program's, whose upper half is the kernel's. */
#pragma once

#include "abi/abi.h"
#include "abi/atomic.h"
#include "base/kern.h"
#include "hw/memlayout.h"

typedef uint64_t pte_t;

#define PTE_V     (1ul << 0)
#define PTE_R     (1ul << 1)
#define PTE_W     (1ul << 2)
#define PTE_X     (1ul << 3)
#define PTE_U     (1ul << 4)
#define PTE_G     (1ul << 5)
#define PTE_A     (1ul << 6)
#define PTE_D     (1ul << 7)
#define PTE_OWNED (1ul << 8) /* software: the frame is this space's alone */
#define PTE_SHOWN (1ul << 9) /* software: a mapping of sys/mapping.h */

#define PTE_PA(pte)    (((pte) >> 10) << 12)
#define PTE_MAKE(pa)   (((pa) >> 12) << 10)
#define PTE_FLAGS(pte) ((pte)&0x3ff)

/* Leaves; A and D are set beforehand (BEHAVIOUR H12). */
#define PTE_USER_R  (PTE_V | PTE_R | PTE_U | PTE_A)
#define PTE_USER_RX (PTE_USER_R | PTE_X)
#define PTE_USER_RW (PTE_USER_R | PTE_W | PTE_D)

/* A program's address space. Only its process changes it, but for the leaves of
 * mappings (sys/mapping.h). */
struct vm {
    pte_t *root;
    uint64_t satp;
    uint64_t pages;  /* private pages, tables not counted */
    uint64_t end;    /* no entries from this address on */
    uint64_t looked; /* [a] page << 36 | its leaf's physical address / 8 */
};

/* Build the kernel's page table and switch to it. Once, on the boot hart. */
void vm_init(void);

/* [I] satp for the kernel's table alone; entry.S reads it too. */
extern uint64_t kernel_satp;

/* Make the kernel stack of a slot. At boot only. Returns: its top. */
uint64_t vm_new_stack(uint32_t slot);

/* An address space without user pages. Returns: 0, -E_NOMEM. */
long vm_create(struct vm *vm, uint32_t asid) MUST_CHECK;

/* Free all user tables and owned frames. No hart may be running in it. */
void vm_destroy(struct vm *vm);

/* The leaf entry of a user address. With `make`, missing tables are added.
 * Returns: NULL when its table is missing, or memory for one. */
pte_t *vm_leaf(struct vm *vm, uint64_t va, bool make);

/* The same, only to look, and kept for vm_looked(). */
const pte_t *vm_look(struct vm *vm, uint64_t va);

/* Was the last vm_look() at this page? Then *leaf is what it said: tables stay
 * where they are as long as the address space. */
static inline bool vm_looked(const struct vm *vm, uint64_t va,
                             const pte_t **leaf)
{
    uint64_t looked = load_relaxed(&vm->looked);

    *leaf = DIRECT(looked << 28 >> 25);
    return looked >> 36 == va / PAGE_SIZE;
}

/* Where the kernel sees the byte at a mapped user address. */
void *vm_at(struct vm *vm, uint64_t va);

/* Map a page at va, where nothing may be mapped. Returns: 0, -E_NOMEM. */
long vm_map(struct vm *vm, uint64_t va, void *page, uint64_t flags) MUST_CHECK;

/* Map zeroed pages on [start, end), or none; lets interrupts in.
 * Returns: 0, -E_NOMEM. */
long vm_map_zero(struct vm *vm, uint64_t start, uint64_t end,
                 uint64_t flags) MUST_CHECK;

/* Free the owned pages of [start, end). The caller flushes. */
void vm_unmap_owned(struct vm *vm, uint64_t start, uint64_t end);

/* Add what tables n pages at va need. Returns: 0; -E_NOMEM. */
long vm_make_tables(struct vm *vm, uint64_t va, uint64_t n) MUST_CHECK;

/* Set the leaves of n pages at va, whose tables are there: they show these
 * frames; without flags they are empty. */
void vm_show(struct vm *vm, uint64_t va, void **frames, uint64_t n,
             uint64_t flags);

/* Copy `from`'s user pages: owned frames are copied, a program's text is
 * shared, what vm_show() shows is left out.
 * Returns: 0, -E_NOMEM (then `to` holds a part; destroy it). */
long vm_copy(struct vm *to, struct vm *from, uint64_t end) MUST_CHECK;
