/* Register map: PLIC specification 1.0, chapter 3. All are 32 bits wide. */
#include "hw/plic.h"
#include "hw/memlayout.h"

#define PRIORITY(irq)         (0x4ul * (irq))
#define ENABLE(context, word) (0x2000ul + 0x80 * (context) + 0x4 * (word))
#define THRESHOLD(context)    (0x200000ul + 0x1000 * (context))
#define CLAIM(context)        (0x200004ul + 0x1000 * (context))

#define ENABLE_WORDS 32 /* 1,024 sources, a bit each */

static uint64_t plic;

static volatile uint32_t *
reg(uint64_t offset)
{
    return (volatile uint32_t *)(plic + offset);
}

/* Each hart has two contexts here, that of M-mode first. */
static uint64_t
context(uint64_t hart)
{
    return 2 * hart + 1;
}

void
plic_init(uint64_t base_pa)
{
    plic = VIRT(base_pa);
}

void
plic_hart_init(uint64_t hart)
{
    uint32_t i;

    for (i = 0; i < ENABLE_WORDS; i++)
        *reg(ENABLE(context(hart), i)) = 0;
    *reg(THRESHOLD(context(hart))) = 0;
}

void
plic_enable(uint64_t hart, uint32_t irq)
{
    *reg(PRIORITY(irq)) = 1; /* 0 would mean never */
    *reg(ENABLE(context(hart), irq / 32)) |= 1u << irq % 32;
}

void
plic_disable(uint64_t hart, uint32_t irq)
{
    *reg(ENABLE(context(hart), irq / 32)) &= ~(1u << irq % 32);
}

uint32_t
plic_claim(uint64_t hart)
{
    return *reg(CLAIM(context(hart)));
}

void
plic_complete(uint64_t hart, uint32_t irq)
{
    *reg(CLAIM(context(hart))) = irq;
}
