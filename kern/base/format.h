/*
 * Text from values. The conversions: %d %i %u %x %p %s %c %%, with l, ll or z,
 * a width, '0' or '-' before it, and a precision for %s; '*' takes either from
 * the arguments. Anything else is copied as it stands.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#define FORMAT(string, first) __attribute__((format(printf, string, first)))

/*
 * Format into buf, cut so that the text and its NUL fit in `size` bytes.
 * Locks: none. Sleeps: no.
 * Returns: the length of the whole text; it was cut if that is >= size.
 */
int snprintf(char *buf, size_t size, const char *format, ...) FORMAT(3, 4);
int vsnprintf(char *buf, size_t size, const char *format, va_list args)
    FORMAT(3, 0);
