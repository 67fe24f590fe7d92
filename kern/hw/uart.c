/* Registers and bits: National Semiconductor's PC16550D data sheet, 8. */
#include "hw/uart.h"
#include "hw/memlayout.h"
#include "hw/sbi.h"

/* Received or sent byte, interrupt enable, FIFO and line control, status. */
enum { DATA = 0, IER = 1, FCR = 2, LCR = 3, LSR = 5 };
enum { FCR_ENABLE_AND_CLEAR = 7, LCR_8_BITS = 3 };
enum { LSR_RECEIVED = 1, LSR_FIFO_EMPTY = 32, LSR_IDLE = 64 };

#define FIFO_SIZE 16

static volatile uint8_t *uart;

void
uart_init(uint64_t base_pa)
{
    uart = DIRECT(base_pa);
    uart[IER] = 0;
    uart_flush(); /* clearing the FIFO would lose the firmware's last bytes */
    uart[LCR] = LCR_8_BITS;
    uart[FCR] = FCR_ENABLE_AND_CLEAR;
}

void
uart_putc_sync(int c)
{
    char byte = (char)c;

    if (!uart)
        sbi_console_putchar(c);
    else
        while (!uart_write(&byte, 1))
            ;
}

uint32_t
uart_write(const char *p, uint32_t n)
{
    uint32_t room = uart[LSR] & LSR_FIFO_EMPTY ? FIFO_SIZE : 0, i;

    for (i = 0; i < n && i < room; i++)
        uart[DATA] = (uint8_t)p[i];
    return i;
}

int
uart_getc(void)
{
    return uart[LSR] & LSR_RECEIVED ? uart[DATA] : -1;
}

void
uart_flush(void)
{
    while (uart && !(uart[LSR] & LSR_IDLE))
        ;
}

void
uart_irq(uint8_t which, bool on)
{
    uart[IER] = on ? uart[IER] | which : uart[IER] & ~which;
}
