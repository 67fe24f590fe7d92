/*
 * The kernel's way to the console.
 *
 *   C1  one hart at a time writes to the UART, the holder of `locked`; after
 *       console_seize(), the seizing hart and no other.
 */
#include "base/printf.h"
#include "abi/atomic.h"
#include "base/hart.h"
#include "hw/riscv.h"
#include "hw/uart.h"

#define LINE_MAX    256
#define FRAME       1 /* begins a kernel line */
#define SEIZE_TRIES 1000000

static uint32_t locked;          /* [a] */
static const struct hart *owner; /* [a] the hart that seized it, or NULL */

static bool
try_take(void)
{
    /* [CON] acquire; pairs with the release in console_unlock(). */
    return swap_acquire(&locked, 1) == 0;
}

uint64_t
console_lock(void)
{
    uint64_t interrupts = csr_read(sstatus) & SSTATUS_SIE;

    interrupts_off();
    if (load_relaxed(&owner) == this_hart())
        return interrupts; /* by C1 */
    while (!try_take())
        cpu_relax();
    return interrupts;
}

void
console_unlock(uint64_t interrupts)
{
    /* A seized lock is never released: the others stay out. */
    if (!load_relaxed(&owner))
        /* [CON] release; pairs with the acquire in try_take(). */
        store_release(&locked, 0);
    csr_set(sstatus, interrupts);
}

void
console_seize(void)
{
    uint32_t tries = SEIZE_TRIES;

    /* The holder may be amid a line, or may be this very hart. */
    while (!try_take() && tries-- > 0)
        cpu_relax();
    store_relaxed(&owner, this_hart());
}

void
vkprintf(const char *format, va_list args)
{
    char line[LINE_MAX];
    uint64_t interrupts;
    const char *p;

    vsnprintf(line, sizeof(line), format, args);
    interrupts = console_lock();
    uart_putc_sync(FRAME);
    for (p = line; *p; p++)
        uart_putc_sync(*p >= ' ' && *p <= '~' ? *p : '?');
    uart_putc_sync('\n');
    console_unlock(interrupts);
}

void
kprintf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vkprintf(format, args);
    va_end(args);
}
