/*
 * Formatted output. One formatter writes into a sink: a buffer that is either
 * sent off to a handle whenever it is full, or is the caller's own, with a
 * count of what did not fit any more.
 */
#include "weir.h"

#define CHUNK_BYTES 512

struct sink {
    char *buf;
    size_t cap;   /* bytes of buf that may be used */
    size_t fill;  /* bytes of buf in use */
    size_t total; /* bytes formatted so far */
    handle_t out; /* where a full buffer goes, -1: nowhere */
    long error;   /* of the first failed send, else 0 */
};

struct spec {
    bool left, zero, plus, space, alt, upper;
    int width;
    int precision; /* -1: none given */
    int base;
};

static void flush(struct sink *s)
{
    if (s->out >= 0 && s->fill > 0 && s->error == 0)
        s->error = write_out(s->out, s->buf, s->fill);
    s->fill = 0;
}

static void put(struct sink *s, char c)
{
    s->total++;
    if (s->fill == s->cap && s->out >= 0)
        flush(s);
    if (s->fill < s->cap)
        s->buf[s->fill++] = c;
}

static void pad(struct sink *s, char c, int n)
{
    while (n-- > 0)
        put(s, c);
}

/* Text with its field: what a prefix is for numbers, "" is for strings. */
static void put_field(struct sink *s, const struct spec *spec,
                      const char *prefix, int zeros, const char *text, int len)
{
    int blank = spec->width - (int)strlen(prefix) - zeros - len;

    if (!spec->left)
        pad(s, ' ', blank);
    while (*prefix)
        put(s, *prefix++);
    pad(s, '0', zeros);
    for (int i = 0; i < len; i++)
        put(s, text[i]);
    if (spec->left)
        pad(s, ' ', blank);
}

static void put_number(struct sink *s, const struct spec *spec, uint64_t value,
                       const char *prefix)
{
    const char *digits = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24]; /* 2^64 in octal has 22 digits */
    int at = sizeof(text), len, zeros = 0;
    uint64_t base = (uint64_t)spec->base;

    // A precision of 0 prints the value 0 as nothing at all.
    if (value == 0 && spec->precision != 0)
        text[--at] = '0';
    for (; value > 0; value /= base)
        text[--at] = digits[value % base];
    len = (int)sizeof(text) - at;
    if (spec->precision > len)
        zeros = spec->precision - len;
    else if (spec->precision < 0 && spec->zero && !spec->left)
        zeros = spec->width - len - (int)strlen(prefix);
    if (spec->base == 8 && spec->alt && zeros <= 0 &&
        (len == 0 || text[at] != '0'))
        zeros = 1;
    put_field(s, spec, prefix, zeros > 0 ? zeros : 0, text + at, len);
}

static void put_string(struct sink *s, const struct spec *spec,
                       const char *text)
{
    size_t max = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;

    if (!text)
        text = "(null)";
    put_field(s, spec, "", 0, text, (int)strnlen(text, max));
}

static const char *parse_flags(const char *f, struct spec *spec)
{
    for (;; f++) {
        if (*f == '-')
            spec->left = true;
        else if (*f == '0')
            spec->zero = true;
        else if (*f == '+')
            spec->plus = true;
        else if (*f == ' ')
            spec->space = true;
        else if (*f == '#')
            spec->alt = true;
        else
            return f;
    }
}

static const char *parse_count(const char *f, int *count)
{
    *count = 0;
    for (; isdigit(*f); f++)
        *count = *count * 10 + (*f - '0');
    return f;
}

/* An integer argument of `size` bytes, sign-extended or zero-extended. */
static int64_t narrow(int64_t value, int size, bool is_signed)
{
    int shift = 64 - 8 * size;

    if (is_signed)
        return (int64_t)((uint64_t)value << shift) >> shift;
    return (int64_t)((uint64_t)value << shift >> shift);
}

static void put_signed(struct sink *s, const struct spec *spec, int64_t value)
{
    const char *sign = spec->plus ? "+" : spec->space ? " " : "";

    if (value < 0)
        put_number(s, spec, -(uint64_t)value, "-");
    else
        put_number(s, spec, (uint64_t)value, sign);
}

static void put_unsigned(struct sink *s, struct spec *spec, char kind,
                         uint64_t value)
{
    const char *prefix = "";

    spec->upper = kind == 'X';
    spec->base = kind == 'u' ? 10 : kind == 'o' ? 8 : 16;
    if (kind == 'p' || (spec->alt && spec->base == 16 && value != 0))
        prefix = spec->upper ? "0X" : "0x";
    put_number(s, spec, value, prefix);
}

static const char *parse_length(const char *f, int *size)
{
    *size = sizeof(int);
    for (; *f == 'h'; f++)
        *size /= 2;
    for (; *f == 'l' || *f == 'z' || *f == 't' || *f == 'j'; f++)
        *size = sizeof(long);
    return f;
}

static const char *parse_spec(const char *f, struct spec *spec, va_list *ap)
{
    f = parse_flags(f, spec);
    if (*f == '*') {
        spec->width = va_arg(*ap, int);
        if (spec->width < 0) {
            spec->left = true;
            spec->width = -spec->width;
        }
        f++;
    } else {
        f = parse_count(f, &spec->width);
    }
    if (*f != '.')
        return f;
    if (f[1] == '*') {
        spec->precision = va_arg(*ap, int);
        return f + 2;
    }
    return parse_count(f + 1, &spec->precision);
}

/* One conversion, from behind its '%'; returns what follows it. */
static const char *convert(struct sink *s, const char *f, va_list *ap)
{
    struct spec spec = {.precision = -1, .base = 10};
    const char *start = f;
    int size;
    char c;

    f = parse_length(parse_spec(f, &spec, ap), &size);
    switch (*f) {
    case 'd':
    case 'i':
        put_signed(s, &spec,
                   narrow(size == 8 ? va_arg(*ap, long) : va_arg(*ap, int),
                          size, true));
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_unsigned(
            s, &spec, *f,
            (uint64_t)narrow(size == 8 ? va_arg(*ap, long) : va_arg(*ap, int),
                             size, false));
        break;
    case 'p':
        put_unsigned(s, &spec, 'p', (uint64_t)va_arg(*ap, void *));
        break;
    case 'c':
        c = (char)va_arg(*ap, int);
        put_field(s, &spec, "", 0, &c, 1);
        break;
    case 's':
        put_string(s, &spec, va_arg(*ap, const char *));
        break;
    case '%':
        put(s, '%');
        break;
    default:
        // Not a conversion: print it as it stands, so that it is seen.
        put(s, '%');
        return start;
    }
    return f + 1;
}

static void format_into(struct sink *s, const char *format, va_list ap)
{
    va_list args;

    va_copy(args, ap);
    while (*format) {
        if (*format == '%')
            format = convert(s, format + 1, &args);
        else
            put(s, *format++);
    }
    va_end(args);
}

int vsnprintf(char *buf, size_t cap, const char *format, va_list ap)
{
    struct sink s = {.buf = buf, .cap = cap ? cap - 1 : 0, .out = -1};

    format_into(&s, format, ap);
    if (cap > 0)
        buf[s.fill] = 0;
    return (int)s.total;
}

int snprintf(char *buf, size_t cap, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(buf, cap, format, ap);
    va_end(ap);
    return n;
}

int vdprintf(handle_t h, const char *format, va_list ap)
{
    char chunk[CHUNK_BYTES];
    struct sink s = {.buf = chunk, .cap = sizeof(chunk), .out = h};

    format_into(&s, format, ap);
    flush(&s);
    return s.error < 0 ? (int)s.error : (int)s.total;
}

int dprintf(handle_t h, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vdprintf(h, format, ap);
    va_end(ap);
    return n;
}

int printf(const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vdprintf(STDOUT, format, ap);
    va_end(ap);
    return n;
}

int puts(const char *s)
{
    return printf("%s\n", s);
}

int putchar(int c)
{
    char byte = (char)c;
    long error = write_out(STDOUT, &byte, 1);

    return error < 0 ? (int)error : (unsigned char)byte;
}
