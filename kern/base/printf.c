/* The kernel's lines. Their lock is the last: nothing is taken under it. */
#include "base/printf.h"
#include "base/spinlock.h"
#include "hw/uart.h"

#define SEIZE_TRIES 1000000

struct spinlock console_lock = SPINLOCK(RANK_CONSOLE);
static const struct hart *owner; /* [a] the hart that seized the console */

static void put(char c)
{
    uart_putc_sync(c >= ' ' && c <= '~' ? c : '?');
}

void vkprintf(const char *format, va_list args) NO_LOCK_CHECK
{
    bool seized = load_relaxed(&owner) == this_hart();

    if (!seized)
        spin_lock(&console_lock);
    uart_putc_sync(CONSOLE_FRAME);
    format_text(put, format, args);
    uart_putc_sync('\n');
    if (!seized)
        spin_unlock(&console_lock);
}

void kprintf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vkprintf(format, args);
    va_end(args);
}

void kprintf_seize(void)
{
    uint32_t tries = SEIZE_TRIES;

    /* The holder may be amid a line, or may be this very hart. */
    while (swap_acquire(&console_lock.locked, 1) && tries-- > 0)
        cpu_relax();
    store_relaxed(&owner, this_hart());
}
