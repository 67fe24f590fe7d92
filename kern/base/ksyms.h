/*
 * The kernel's own symbols and where its functions keep their return address,
 * by tables that kern/mksyms.py makes of the linked kernel. They are empty in
 * the first link. Nothing here takes a lock or sleeps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A moment in a function. */
struct frame {
    uint64_t pc;
    uint64_t sp;
    uint64_t ra;
    bool innermost; /* pc is being executed and ra is the register; else pc is
                       where a call returns to and ra is not known */
};

/*
 * Returns: the name of the function that holds pc, and in *offset how far
 * inside pc is; NULL outside of the kernel.
 */
const char *symbol_at(uint64_t pc, uint64_t *offset);

/* Go out to the caller. Returns: false, if it cannot be known. Touches only
 * memory that is mapped. */
bool frame_out(struct frame *frame);
