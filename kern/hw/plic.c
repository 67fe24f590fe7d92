/* Register map: chapter 3. Each hart has two contexts, that of M-mode first.
 * The firmware leaves all sources disabled. */
#include "hw/plic.h"
#include "hw/fdt.h"
#include "hw/memlayout.h"

#define PLIC               VIRT(machine.plic.base)
#define REG(offset)        (*(volatile uint32_t *)(PLIC + (offset)))
#define PRIORITY(irq)      REG(4ul * (irq))
#define ENABLE(hart, word) REG(0x2080 + 0x100 * (hart) + 4ul * (word))
#define THRESHOLD(hart)    REG(0x201000 + 0x2000 * (hart))
#define CLAIM(hart)        REG(0x201004 + 0x2000 * (hart))

void plic_enable(uint64_t hart, uint32_t irq)
{
    PRIORITY(irq) = 1; /* 0 would mean never */
    THRESHOLD(hart) = 0;
    ENABLE(hart, irq / 32) |= 1u << irq % 32;
}

uint32_t plic_claim(uint64_t hart)
{
    return CLAIM(hart);
}

void plic_complete(uint64_t hart, uint32_t irq)
{
    CLAIM(hart) = irq;
}
