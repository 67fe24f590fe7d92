/*
 * Formatting: a format is walked once; each conversion is parsed into a spec
 * and put into the output, which counts on past the end of the buffer.
 */
#include "base/format.h"
#include "base/string.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
    char *buf;
    size_t size;
    size_t length; /* of the whole text, past `size` too */
};

/* One conversion of a format. */
struct spec {
    bool left;
    bool zero;
    int longs; /* how many l; z is one */
    int width;
    int precision; /* -1: none */
};

static void
put(struct out *out, char c)
{
    if (out->length + 1 < out->size)
        out->buf[out->length] = c;
    out->length++;
}

static void
put_padded(struct out *out, const struct spec *spec, const char *sign,
           const char *text, size_t n)
{
    int pad = spec->width - (int)(n + strlen(sign));
    bool zero = spec->zero && !spec->left;

    for (; !spec->left && !zero && pad > 0; pad--)
        put(out, ' ');
    while (*sign)
        put(out, *sign++);
    for (; zero && pad > 0; pad--)
        put(out, '0');
    while (n-- > 0)
        put(out, *text++);
    for (; pad > 0; pad--)
        put(out, ' ');
}

static void
put_number(struct out *out, const struct spec *spec, const char *sign,
           uint64_t value, unsigned base)
{
    char digits[20]; /* 2^64 has as many */
    size_t n = sizeof(digits);

    do {
        digits[--n] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put_padded(out, spec, sign, digits + n, sizeof(digits) - n);
}

static void
put_string(struct out *out, struct spec *spec, const char *s)
{
    size_t n = 0;

    if (!s)
        s = "(null)";
    while ((spec->precision < 0 || n < (size_t)spec->precision) && s[n])
        n++;
    spec->zero = false;
    put_padded(out, spec, "", s, n);
}

static int
parse_number(const char **format, va_list *args)
{
    int n = 0;

    if (**format == '*') {
        (*format)++;
        return va_arg(*args, int);
    }
    while (**format >= '0' && **format <= '9')
        n = n * 10 + (*(*format)++ - '0');
    return n;
}

static struct spec
parse_spec(const char **format, va_list *args)
{
    struct spec spec = {.precision = -1};

    for (;; (*format)++) {
        if (**format == '-')
            spec.left = true;
        else if (**format == '0')
            spec.zero = true;
        else
            break;
    }
    spec.width = parse_number(format, args);
    if (**format == '.') {
        (*format)++;
        spec.precision = parse_number(format, args);
    }
    for (; **format == 'l' || **format == 'z'; (*format)++)
        spec.longs++;
    return spec;
}

static void
put_conversion(struct out *out, char c, struct spec *spec, va_list *args)
{
    char byte;
    int64_t value;

    switch (c) {
    case 'd':
    case 'i':
        value = spec->longs ? va_arg(*args, long) : va_arg(*args, int);
        put_number(out, spec, value < 0 ? "-" : "",
                   value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
        break;
    case 'u':
    case 'x':
        put_number(out, spec, "",
                   spec->longs ? va_arg(*args, unsigned long)
                               : va_arg(*args, unsigned),
                   c == 'u' ? 10 : 16);
        break;
    case 'p':
        put_number(out, spec, "0x", (uintptr_t)va_arg(*args, void *), 16);
        break;
    case 's':
        put_string(out, spec, va_arg(*args, const char *));
        break;
    case 'c':
        byte = (char)va_arg(*args, int);
        put_padded(out, spec, "", &byte, 1);
        break;
    default:
        put(out, '%');
        if (c != '%')
            put(out, c);
    }
}

int
vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
    struct out out = {buf, size, 0};
    struct spec spec;
    va_list rest; /* an array on some machines: only a copy has an address */

    va_copy(rest, args);
    while (*format) {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format++;
        spec = parse_spec(&format, &rest);
        if (!*format)
            break;
        put_conversion(&out, *format++, &spec, &rest);
    }
    va_end(rest);
    if (size > 0)
        buf[out.length < size ? out.length : size - 1] = '\0';
    return (int)out.length;
}

int
snprintf(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(buf, size, format, args);
    va_end(args);
    return n;
}
