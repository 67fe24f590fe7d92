/*
 * Text from values, and the kernel's lines on the console. The conversions: %d
 * %u %x %p %c %s %%, with l, ll or z, and a width, with '0' in front or not.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#define FORMAT(string, first) __attribute__((format(printf, string, first)))

/*
 * Format into buf, cut so that the text and its NUL fit in `size` bytes.
 * Locks: none. Sleeps: no. Returns: the length of the whole text.
 */
int vsnprintf(char *buf, size_t size, const char *format, va_list args)
    FORMAT(3, 0);

/*
 * Write one kernel line, framed as 0x01 text '\n', before returning. What is
 * not printable ASCII becomes '?', so that no name a program chose can forge
 * a line; more than 255 bytes are cut. Give no '\n' yourself.
 * Locks: console_lock. Sleeps: no.
 */
void kprintf(const char *format, ...) FORMAT(1, 2);

/* Whoever writes to the UART holds it: a kernel line must not land inside a
 * program's doubled 0x01. */
extern struct spinlock console_lock;

/* For panic alone: this hart's kprintf does without the lock from now on, and
 * all others wait for it in vain. */
void console_seize(void);
