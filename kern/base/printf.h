/* Text from values, and the kernel's lines on the console. The conversions: %d
 * %u %x %p %c %s %%, with l, ll or z. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#define FORMAT(string, first) __attribute__((format(printf, string, first)))

/* Format into buf, cut so that the text and its NUL fit in `size` bytes.
 * Returns: the length of the whole text. */
int vsnprintf(char *buf, size_t size, const char *format, va_list args)
    FORMAT(3, 0);

/* Write one kernel line of up to 255 bytes, framed as 0x01 text '\n'. What is
 * not printable ASCII becomes '?': no name a program chose can forge a line.
 * Locks: console_lock. Sleeps: no. */
void kprintf(const char *format, ...) FORMAT(1, 2);

/* Whoever writes to the UART holds it: a kernel line must not land inside a
 * program's doubled 0x01. */
extern struct spinlock console_lock;

/* For panic: only this hart's kprintf works from now on, without the lock. */
void console_seize(void);
