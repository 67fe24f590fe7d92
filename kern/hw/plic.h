/* The interrupt controller: RISC-V PLIC specification 1.0, chapter 3. `hart` is
 * a hart id of the device tree; of its two contexts the second is S-mode's. The
 * firmware leaves all sources disabled. */
#pragma once

#include "hw/fdt.h"
#include "hw/memlayout.h"

#define PLIC_REG(offset)                                                       \
    (*(volatile uint32_t *)(VIRT(machine.plic.base) + (offset)))

/* Read: take a pending interrupt over, the source or 0. Write: complete it. */
#define PLIC_CLAIM(hart) PLIC_REG(0x201004 + 0x2000 * (hart))

/* Let source `irq` interrupt a hart. Not twice at a time. Masked, it has its
 * pending interrupt wait; it stays enabled, since the completion of a source
 * that is not would be ignored ("Interrupt Completion"). */
static inline void plic_enable(uint64_t hart, uint32_t irq)
{
    PLIC_REG(0x201000 + 0x2000 * hart) = 0; /* threshold */
    PLIC_REG(0x2080 + 0x100 * hart + 4ul * (irq / 32)) |= 1u << irq % 32;
    /* Priority; 0 means never. The last, since QEMU looks at what is pending
     * when this is written, not when the bit above is. */
    PLIC_REG(4ul * irq) = 1;
}

static inline void plic_mask(uint32_t irq)
{
    PLIC_REG(4ul * irq) = 0;
}
