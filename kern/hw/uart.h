/*
 * The serial port, a 16550. No function takes a lock or sleeps: base/printf.h
 * has the lock. Before uart_init what is put goes out through the SBI.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* FIFOs on, interrupts off; the line's speed stays the firmware's. */
void uart_init(uint64_t base_pa);

/* Send one byte, waiting for room. Works in any state of the kernel. */
void uart_putc_sync(int c);

/* Send what fits without waiting. Returns: how many of the n bytes did. */
uint32_t uart_write(const char *p, uint32_t n);

/* Returns: the next received byte, -1 if there is none. */
int uart_getc(void);

/* Returns: whether uart_write would take anything now. */
bool uart_tx_ready(void);

/* Wait until all sent bytes have left the device. */
void uart_flush(void);

/* Interrupt when the transmitter is empty; when a byte was received. */
void uart_tx_irq(bool on);
void uart_rx_irq(bool on);
