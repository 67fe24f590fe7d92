/* What the kernel wants to know of the machine, from the device tree. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FDT_MAX_HARTS 8
#define FDT_MAX_KEPT  16

struct range {
    uint64_t base, end;
};

/* Written once, at boot. Addresses are physical. */
extern struct machine {
    uint64_t hart_ids[FDT_MAX_HARTS]; /* the boot hart's first */
    uint32_t nharts, uart_irq;
    uint32_t irqs, nkept;            /* the PLIC's sources: 1 to irqs */
    struct range kept[FDT_MAX_KEPT]; /* not for drivers: see fdt.c */
    bool sstc;                       /* all harts have stimecmp */
    struct range memory;             /* the bank that holds the kernel */
    struct range fdt, plic, initrd;
    uint64_t timebase_hz, uart_pa, finisher_pa;
    const char *args; /* boot arguments, in the tree; "" if none */
} machine;

/* Read the tree into `machine`; harts beyond the eighth are left out, but never
 * boot_hart. Returns: NULL, or what is wrong. */
const char *fdt_read(const void *fdt, uint64_t boot_hart);
