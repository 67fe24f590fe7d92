/* Text from values (%s %d %u %x %ld %lu %lx), and the kernel's lines. */
#pragma once

#include <stdarg.h>

#define FORMAT(string, first) __attribute__((format(printf, string, first)))

/* Give the text to put(), a character at a time. */
void format_text(void (*put)(char), const char *format, va_list args)
    FORMAT(2, 0);

#define CONSOLE_FRAME 1 /* begins a kernel line, which '\n' ends */

/* Write one kernel line. What is not printable ASCII becomes '?': no name that
 * a program chose can forge a line. Locks: console_lock. Sleeps: no. */
void kprintf(const char *format, ...) FORMAT(1, 2);
void vkprintf(const char *format, va_list args) FORMAT(1, 0);

/* Whoever writes to the UART holds it: a kernel line must not land inside a
 * program's doubled CONSOLE_FRAME. */
extern struct spinlock console_lock;

/* For panic, once: only this hart's lines come out from now on. */
void kprintf_seize(void);
