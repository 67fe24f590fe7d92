/* Starting a program image in an address space. */
#pragma once

#include "mem/vm.h"

struct region;

/* Map an ELF program and a stack into an empty address space, which the caller
 * destroys after an error. Locks: none. Sleeps: no; lets interrupts in.
 * Returns: 0; -E_NOEXEC when the file is no valid program; -E_NOMEM. */
long exec_load(struct vm *vm, const struct region *file, uint64_t *entry,
               uint64_t *stack_low) MUST_CHECK;
