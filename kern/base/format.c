/* Text from values; what does not fit is counted, too. */
#include "base/printf.h"

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
put_text(struct out *out, const char *text)
{
    while (*text)
        put(out, *text++);
}

/* As deep as the number has digits, 20 at most. */
static void
put_number(struct out *out, uint64_t value, unsigned base)
{
    if (value >= base)
        put_number(out, value / base, base);
    put(out, "0123456789abcdef"[value % base]);
}

int
vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
    struct out out = {buf, size, 0};

    for (; *format; format++) {
        bool wide = false;
        const char *text;
        int64_t value;

        if (*format != '%') {
            put(&out, *format);
            continue;
        }
        while (*++format == 'l' || *format == 'z')
            wide = true;
        switch (*format) {
        case 'd':
            value = wide ? va_arg(args, int64_t) : va_arg(args, int);
            if (value < 0)
                put(&out, '-');
            put_number(&out, value < 0 ? -(uint64_t)value : (uint64_t)value,
                       10);
            break;
        case 'u':
        case 'x':
            put_number(&out,
                       wide ? va_arg(args, uint64_t) : va_arg(args, uint32_t),
                       *format == 'u' ? 10 : 16);
            break;
        case 'p':
            put_text(&out, "0x");
            put_number(&out, va_arg(args, uintptr_t), 16);
            break;
        case 's':
            text = va_arg(args, const char *);
            put_text(&out, text ? text : "(null)");
            break;
        case 'c':
            put(&out, (char)va_arg(args, int));
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
