#include "base/printf.h"

#include <stdbool.h>
#include <stdint.h>

static void
put_text(void (*put)(char), const char *text)
{
    while (*text)
        put(*text++);
}

/* As deep as the number has digits, 20 at most. */
static void
put_number(void (*put)(char), uint64_t value, unsigned base)
{
    if (value >= base)
        put_number(put, value / base, base);
    put("0123456789abcdef"[value % base]);
}

void
format_text(void (*put)(char), const char *format, va_list args)
{
    for (; *format; format++) {
        bool wide = false;
        const char *text;
        int64_t value;

        if (*format != '%') {
            put(*format);
            continue;
        }
        while (*++format == 'l' || *format == 'z')
            wide = true;
        switch (*format) {
        case 'd':
            value = wide ? va_arg(args, int64_t) : va_arg(args, int);
            if (value < 0)
                put('-');
            put_number(put, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
            break;
        case 'u':
        case 'x':
            put_number(put,
                       wide ? va_arg(args, uint64_t) : va_arg(args, uint32_t),
                       *format == 'u' ? 10 : 16);
            break;
        case 'p':
            put_text(put, "0x");
            put_number(put, va_arg(args, uintptr_t), 16);
            break;
        case 's':
            text = va_arg(args, const char *);
            put_text(put, text ? text : "(null)");
            break;
        case 'c':
            put((char)va_arg(args, int));
            break;
        case '\0':
            return; /* a lone % at the end: nothing */
        default:
            put(*format);
        }
    }
}
