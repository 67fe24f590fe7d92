/* Starting a program image in an address space. */
#pragma once

#include "base/kern.h"
#include "mem/vm.h"

struct region;

/* Where things are in a new address space. */
struct image {
    uint64_t entry, stack_low, stack_top, heap_start;
};

/*
 * Map an ELF program and a stack into an empty address space: text and
 * constants from the file's own frames, data copied.
 * Locks: none. Sleeps: no; lets interrupts in.
 * Returns: 0; -E_NOEXEC when the file is no valid program; -E_NOMEM. The
 * caller destroys the address space then.
 */
long exec_load(struct vm *vm, const struct region *file,
               struct image *image) MUST_CHECK;
