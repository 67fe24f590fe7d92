/* The serial port, a 16550. Nothing locks (base/printf.h does) or sleeps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Send one byte, waiting for room; through the SBI until it is found. */
void uart_putc_sync(int c);

/* Send what fits without waiting. Returns: how many of the n bytes did. */
uint32_t uart_write(const char *p, uint32_t n);

/* Returns: the next received byte, -1 if there is none. */
int uart_getc(void);

/* Wait until all sent bytes have left the device. */
void uart_flush(void);

/* Interrupt when a byte was received; while all has been sent. */
enum { UART_RECEIVED = 1, UART_SENT = 2 };
void uart_irq(uint8_t which, bool on);
