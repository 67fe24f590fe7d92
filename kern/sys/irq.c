/*
 * The calls 0xa0 to 0xa2, for drivers: interrupts and registers of devices.
 *
 *   I1  a line goes to the subscription that it is bound to, and to none when
 *       that ends; then it is masked, and its next interrupt waits in the PLIC.
 *   I2  from its claim until irq_ack() an interrupt is not completed: that
 *       long the PLIC's gateway lets no other one of the line through.
 *
 * All lines interrupt the boot hart, as the console's does; who acknowledges
 * completes there, from whichever hart.
 */
#include "sys/irq.h"

#include "hw/plic.h"
#include "ipc/event.h"
#include "ipc/handle.h"
#include "mem/region.h"
#include "sys/console.h"
#include "sys/syscall.h"

#define LINES     128u        /* the virt machine has 96 */
#define PA_END    (1ul << 56) /* Sv39 reaches no further (4.4) */
#define boot_hart machine.hart_ids[0]

/* [e] event_interrupts. */
static struct line {
    struct subscription *bound; /* [e] also read without; no reference: I1 */
    bool unacked;               /* [e] I2 */
} lines[LINES];

static void complete(uint32_t irq) REQUIRES(&event_interrupts)
{
    if (lines[irq].unacked)
        PLIC_CLAIM(boot_hart) = irq;
    lines[irq].unacked = false;
}

static void interrupt(uint32_t irq)
{
    spin_lock(&event_interrupts);
    lines[irq].unacked = true;
    if (lines[irq].bound)
        event_interrupt(lines[irq].bound);
    else
        complete(irq); /* unbound since the claim */
    spin_unlock(&event_interrupts);
}

NOINLINE void irq_interrupts(void)
{
    uint32_t irq;

    while ((irq = PLIC_CLAIM(boot_hart)))
        if (irq == machine.uart_irq) {
            console_interrupt();
            PLIC_CLAIM(boot_hart) = irq;
        } else {
            interrupt(irq);
        }
}

static long bind(struct subscription *s, uint32_t irq)
    REQUIRES(&event_interrupts)
{
    if (lines[irq].bound)
        return -E_EXIST;
    store_relaxed(&lines[irq].bound, s);
    plic_enable(boot_hart, irq);
    return 0;
}

static void unbind(struct subscription *s, uint32_t irq)
    REQUIRES(&event_interrupts)
{
    if (lines[irq].bound != s)
        return;
    store_relaxed(&lines[irq].bound, NULL);
    plic_mask(irq);
    complete(irq);
}

/* It is never closed for good. */
const struct kobj_ops system_ops = {.bind = bind, .unbind = unbind};

SYSCALL(irq_bind, uint64_t system, uint64_t irq64, uint64_t q, uint64_t token)
{
    uint32_t irq = (uint32_t)irq64;
    NOTED struct hnode *node;
    struct hnode *queue;

    TRY(handle_use(system, 0, OBJ_SYSTEM, RIGHT_EXECUTE, &node));
    TRY(handle_use(q, 1, OBJ_QUEUE, RIGHT_WRITE, &queue));
    TRY(irq == 0 || irq > machine.irqs || irq >= LINES ? -E_INVAL : 0);
    if (irq == machine.uart_irq || load_relaxed(&lines[irq].bound))
        return -E_EXIST;
    return event_bind(node, queue, irq, token);
}

SYSCALL(irq_ack, uint64_t system, uint64_t irq64)
{
    uint32_t irq = (uint32_t)irq64;
    NOTED struct hnode *node;
    bool bound;

    TRY(handle_use(system, 0, OBJ_SYSTEM, RIGHT_EXECUTE, &node));
    TRY(irq >= LINES ? -E_INVAL : 0);
    spin_lock(&event_interrupts);
    bound = lines[irq].bound;
    if (bound)
        complete(irq);
    spin_unlock(&event_interrupts);
    return bound ? 0 : -E_INVAL;
}

SYSCALL(device_region, uint64_t system, uint64_t pa, uint64_t size)
{
    struct hnode *node;
    struct region *r;
    long error = handle_use(system, 0, OBJ_SYSTEM, RIGHT_EXECUTE, &node);

    handle_done();
    TRY(error);
    if (!size || size > REGION_MAX_BYTES || (pa | size) % PAGE_SIZE ||
        pa > PA_END - size)
        return -E_INVAL;
    for (uint32_t i = 0; i < machine.nkept; i++)
        if (pa < machine.kept[i].end && machine.kept[i].base < pa + size)
            return -E_ACCES;
    TRY(region_new_device(pa, size, &r));
    return handle_create(&r->obj, RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT);
}
