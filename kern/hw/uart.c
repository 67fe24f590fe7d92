/* Registers and bits: National Semiconductor's PC16550D data sheet, 8. */
#include "hw/uart.h"
#include "hw/memlayout.h"
#include "hw/sbi.h"

enum {
    RBR = 0, /* read: received byte */
    THR = 0, /* write: byte to transmit */
    IER = 1, /* interrupt enable */
    FCR = 2, /* write: FIFO control */
    LCR = 3, /* line control */
    LSR = 5, /* line status */

    IER_RECEIVED = 1 << 0,
    IER_THR_EMPTY = 1 << 1,
    FCR_ENABLE_AND_CLEAR = 7,
    LCR_8_BITS = 3,
    LSR_RECEIVED = 1 << 0,
    LSR_THR_EMPTY = 1 << 5, /* the whole transmit FIFO is */
    LSR_IDLE = 1 << 6,      /* and the shift register too */
};

#define FIFO_SIZE 16

static volatile uint8_t *uart;
static uint8_t enabled; /* the interrupts in IER */

static void
set_irq(uint8_t bit, bool on)
{
    enabled = on ? enabled | bit : enabled & ~bit;
    uart[IER] = enabled;
}

void
uart_init(uint64_t base_pa)
{
    uart = DIRECT(base_pa);
    enabled = 0;
    uart[IER] = 0;
    /* Clearing the FIFO would lose the firmware's last characters. */
    uart_flush();
    uart[LCR] = LCR_8_BITS;
    uart[FCR] = FCR_ENABLE_AND_CLEAR;
}

bool
uart_tx_ready(void)
{
    return uart[LSR] & LSR_THR_EMPTY;
}

void
uart_putc_sync(int c)
{
    if (!uart) {
        sbi_console_putchar(c);
        return;
    }
    while (!uart_tx_ready())
        ;
    uart[THR] = (uint8_t)c;
}

uint32_t
uart_write(const char *p, uint32_t n)
{
    uint32_t i;

    if (!uart_tx_ready())
        return 0;
    for (i = 0; i < n && i < FIFO_SIZE; i++)
        uart[THR] = (uint8_t)p[i];
    return i;
}

int
uart_getc(void)
{
    return uart[LSR] & LSR_RECEIVED ? uart[RBR] : -1;
}

void
uart_flush(void)
{
    while (uart && !(uart[LSR] & LSR_IDLE))
        ;
}

void
uart_tx_irq(bool on)
{
    set_irq(IER_THR_EMPTY, on);
}

void
uart_rx_irq(bool on)
{
    set_irq(IER_RECEIVED, on);
}
