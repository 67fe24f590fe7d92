/* Text from values; what does not fit is counted, too. */
#include "base/printf.h"
#include "base/string.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
    char *buf;
    size_t size;
    size_t length; /* of the whole text, past `size` too */
};

static void
put(struct out *out, char c)
{
    if (out->length + 1 < out->size)
        out->buf[out->length] = c;
    out->length++;
}

static void
put_text(struct out *out, size_t width, const char *text, size_t n)
{
    for (; width > n; width--)
        put(out, ' ');
    while (n-- > 0)
        put(out, *text++);
}

static void
put_number(struct out *out, size_t width, bool zeros, bool negative,
           uint64_t value, unsigned base)
{
    char text[32]; /* 2^64 has 20 digits */
    size_t n = sizeof(text);

    do {
        text[--n] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value || (zeros && sizeof(text) - n + negative < width && n > 1));
    if (negative)
        text[--n] = '-';
    put_text(out, width, text + n, sizeof(text) - n);
}

int
vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
    struct out out = {buf, size, 0};

    for (; *format; format++) {
        size_t width = 0;
        bool zeros, wide = false, negative;
        const char *text;
        int64_t value;
        char c;

        if (*format != '%') {
            put(&out, *format);
            continue;
        }
        zeros = *++format == '0';
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (size_t)(*format - '0');
        for (; *format == 'l' || *format == 'z'; format++)
            wide = true;
        switch (*format) {
        case 'p':
            put_text(&out, 0, "0x", 2);
            wide = true;
            __attribute__((fallthrough));
        case 'd':
        case 'u':
        case 'x':
            value = wide ? va_arg(args, long) : va_arg(args, int);
            negative = *format == 'd' && value < 0;
            if (*format != 'd' && !wide)
                value = (uint32_t)value;
            put_number(&out, width, zeros, negative,
                       negative ? -(uint64_t)value : (uint64_t)value,
                       *format == 'x' || *format == 'p' ? 16 : 10);
            break;
        case 's':
            text = va_arg(args, const char *);
            text = text ? text : "(null)";
            put_text(&out, width, text, strlen(text));
            break;
        case 'c':
            c = (char)va_arg(args, int);
            put_text(&out, width, &c, 1);
            break;
        case '\0':
            format--; /* a lone % at the end: nothing */
            break;
        default:
            put(&out, *format);
        }
    }
    if (size > 0)
        buf[out.length < size ? out.length : size - 1] = '\0';
    return (int)out.length;
}
