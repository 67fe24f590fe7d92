/* Registers and bits: National Semiconductor's PC16550D data sheet, 8. The
 * firmware has set the line and the FIFOs up. */
#include "hw/uart.h"
#include "hw/fdt.h"
#include "hw/memlayout.h"
#include "hw/sbi.h"

/* Received or sent byte, interrupt enable, line status. */
enum { DATA = 0, IER = 1, LSR = 5 };
enum { LSR_RECEIVED = 1, LSR_FIFO_EMPTY = 32, LSR_IDLE = 64 };

#define FIFO_SIZE 16

#define uart ((volatile uint8_t *)DIRECT(machine.uart_pa))

void uart_putc_sync(int c)
{
    char byte = (char)c;

    if (!machine.uart_pa)
        sbi_console_putchar(c);
    else
        while (!uart_write(&byte, 1))
            ;
}

uint32_t uart_write(const char *p, uint32_t n)
{
    uint32_t room = uart[LSR] & LSR_FIFO_EMPTY ? FIFO_SIZE : 0, i;

    for (i = 0; i < n && i < room; i++)
        uart[DATA] = (uint8_t)p[i];
    return i;
}

int uart_getc(void)
{
    return uart[LSR] & LSR_RECEIVED ? uart[DATA] : -1;
}

void uart_flush(void)
{
    while (machine.uart_pa && !(uart[LSR] & LSR_IDLE))
        ;
}

void uart_irq(uint8_t which, bool on)
{
    uart[IER] = on ? uart[IER] | which : uart[IER] & ~which;
}
