/* The kernel's lines. Their lock is the last: nothing is taken under it. */
#include "base/printf.h"
#include "base/spinlock.h"
#include "hw/uart.h"

#define LINE_MAX    256
#define FRAME       1 /* begins a kernel line */
#define SEIZE_TRIES 1000000

struct spinlock console_lock = SPINLOCK(RANK_CONSOLE);
static const struct hart *owner; /* [a] the hart that seized the console */

void
console_seize(void)
{
    uint32_t tries = SEIZE_TRIES;

    /* The holder may be amid a line, or may be this very hart. */
    while (swap_acquire(&console_lock.locked, 1) && tries-- > 0)
        cpu_relax();
    store_relaxed(&owner, this_hart());
}

void
kprintf(const char *format, ...) NO_LOCK_CHECK
{
    bool seized = load_relaxed(&owner) == this_hart();
    char line[LINE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (!seized)
        spin_lock(&console_lock);
    uart_putc_sync(FRAME);
    for (const char *p = line; *p; p++)
        uart_putc_sync(*p >= ' ' && *p <= '~' ? *p : '?');
    uart_putc_sync('\n');
    if (!seized)
        spin_unlock(&console_lock);
}
