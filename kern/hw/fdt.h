/*
 * What the kernel wants to know of the machine, from the flattened device
 * tree (Devicetree Specification 0.4, chapters 2, 3 and 5).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FDT_MAX_HARTS    8
#define FDT_MAX_RESERVED 8
#define FDT_MAX_ARGS     256
#define FDT_MAX_SIZE     (2u << 20) /* a larger tree is taken for damaged */

/* Written once at boot. Addresses are physical, sizes in bytes; 0 where an
 * optional thing (clint, rtc, initrd) is not there. */
struct machine {
    uint64_t hart_ids[FDT_MAX_HARTS]; /* the boot hart is among them */
    uint32_t nharts;
    uint32_t uart_irq;
    uint64_t mem_base, mem_size; /* the bank that holds the kernel */
    uint64_t fdt_pa, fdt_size;
    uint64_t timebase_hz;
    uint64_t uart_pa;
    uint64_t plic_pa, plic_size;
    uint64_t clint_pa, clint_size;
    uint64_t finisher_pa;
    uint64_t rtc_pa;
    uint64_t initrd_start, initrd_end;
    uint64_t reserved[FDT_MAX_RESERVED][2]; /* base and size; firmware's */
    uint32_t nreserved;
    uint32_t rtc_irq;
    bool sstc;               /* all harts used have stimecmp */
    char args[FDT_MAX_ARGS]; /* boot arguments, "" if none */
    const char *error;       /* why fdt_read failed */
};

/*
 * Read the tree at `fdt` into *m. Harts beyond the eighth are left out, but
 * never boot_hart. No length or offset in the tree is believed.
 * Locks: none. Sleeps: no.
 * Returns: 0; -E_INVAL when the tree is damaged, -E_NOENT when it lacks
 * something needed. Then m->error says what, for a person.
 */
int fdt_read(const void *fdt, uint64_t boot_hart, struct machine *m);
