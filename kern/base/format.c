#include "base/printf.h"

#include <stdbool.h>
#include <stdint.h>

/* As deep as the number has digits, 20 at most. */
static void put_number(void (*put)(char), uint64_t value, unsigned base)
{
    if (value >= base)
        put_number(put, value / base, base);
    put("0123456789abcdef"[value % base]);
}

void format_text(void (*put)(char), const char *format, va_list args)
{
    for (; *format; format++) {
        int64_t value;
        bool wide;

        if (*format != '%') {
            put(*format);
            continue;
        }
        wide = *++format == 'l';
        format += wide;
        if (*format == 's') {
            for (const char *s = va_arg(args, const char *); *s; s++)
                put(*s);
        } else if (*format == 'd') {
            value = wide ? va_arg(args, int64_t) : va_arg(args, int);
            if (value < 0)
                put('-');
            put_number(put, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
        } else {
            put_number(put,
                       wide ? va_arg(args, uint64_t) : va_arg(args, uint32_t),
                       *format == 'x' ? 16 : 10);
        }
    }
}
