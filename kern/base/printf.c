/* The kernel's lines. Their lock is the last: nothing is taken under it. */
#include "base/printf.h"
#include "base/spinlock.h"
#include "hw/uart.h"

#define FRAME       1 /* begins a kernel line */
#define SEIZE_TRIES 1000000

struct spinlock console_lock = SPINLOCK(RANK_CONSOLE);
static const struct hart *owner; /* [a] the hart that seized the console */

static void
put(char c)
{
    uart_putc_sync(c >= ' ' && c <= '~' ? c : '?');
}

static void
put_line(const char *format, va_list args)
{
    uart_putc_sync(FRAME);
    format_text(put, format, args);
    uart_putc_sync('\n');
}

void
kprintf(const char *format, ...) NO_LOCK_CHECK
{
    bool seized = load_relaxed(&owner) == this_hart();
    va_list args;

    if (!seized)
        spin_lock(&console_lock);
    va_start(args, format);
    put_line(format, args);
    va_end(args);
    if (!seized)
        spin_unlock(&console_lock);
}

void
kprintf_panic(const char *format, va_list args)
{
    uint32_t tries = SEIZE_TRIES;

    /* The holder may be amid a line, or may be this very hart. */
    if (load_relaxed(&owner) != this_hart())
        while (swap_acquire(&console_lock.locked, 1) && tries-- > 0)
            cpu_relax();
    store_relaxed(&owner, this_hart());
    put_line(format, args);
}
