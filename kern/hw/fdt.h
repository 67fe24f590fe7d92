/* What the kernel wants to know of the machine, from the device tree. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FDT_MAX_HARTS    8
#define FDT_MAX_RESERVED 8
#define FDT_MAX_ARGS     256
#define FDT_MAX_SIZE     (2u << 20) /* a larger tree is taken for damaged */

struct range {
    uint64_t base, end;
};

/* Written once, at boot. Addresses are physical; no initrd: its end is 0. */
struct machine {
    uint64_t hart_ids[FDT_MAX_HARTS]; /* all below 64, the boot hart's first */
    uint32_t nharts, nreserved, uart_irq;
    bool boot_hart_found, sstc; /* sstc: all harts have stimecmp */
    struct range memory;        /* the bank that holds the kernel */
    struct range reserved[FDT_MAX_RESERVED]; /* the firmware's */
    struct range fdt, plic, initrd;
    uint64_t timebase_hz, uart_pa, finisher_pa;
    char args[FDT_MAX_ARGS]; /* boot arguments, "" if none */
    const char *error;       /* what is wrong with the tree, or NULL */
};

extern struct machine machine; /* this one */

/* Read the tree at fdt into *m. Harts beyond the eighth are left out, but never
 * boot_hart. Returns: 0; -E_INVAL and m->error when it is damaged or lacks
 * something. */
int fdt_read(const void *fdt, uint64_t boot_hart, struct machine *m);
