/*
 * From the text of a WIT type to the form that the kernel checks messages
 * with, in one pass; at the end of a block its names are compared. Sizes and
 * alignments are those of the canonical ABI.
 *
 * Bytes without rules are counted in `skip` until an operation follows; so a
 * type without rules leaves none, and a list of it is bytes again. What has to
 * stand before operations that are there already (the gap before an aligned
 * field, the head of a list or variant) is inserted: all distances in a form
 * are relative to an operation whose blocks lie behind it.
 */
#include "weir.h"
#include "wit_text.h"

#define MAX_DEPTH 15u /* the kernel takes 16 blocks in each other */
#define MAX_CASES 250u

struct compiler {
    struct wit_text text;
    uint32_t len, skip, depth;
    uint8_t form[WIT_MAX_FORM];
};

struct layout {
    uint32_t size, align;
};

static struct layout parse_type(struct compiler *c);

/* --- the form ------------------------------------------------------------- */

/* Make room for n bytes at `at`. */
static uint8_t *insert(struct compiler *c, uint32_t at, uint32_t n)
{
    if (c->len + n > WIT_MAX_FORM)
        c->text.bad = true;
    if (c->text.bad)
        return c->form;
    memmove(c->form + at + n, c->form + at, c->len - at);
    c->len += n;
    return c->form + at;
}

static void put(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

/* `bytes` bytes without rules, at `at` in the form. */
static void put_skip(struct compiler *c, uint32_t at, uint32_t bytes)
{
    uint8_t *p;

    if (bytes == 0)
        return;
    p = insert(c, at, 3);
    p[0] = WIT_SKIP;
    put(p + 1, bytes);
}

static void flush(struct compiler *c)
{
    put_skip(c, c->len, c->skip);
    c->skip = 0;
}

static void end_block(struct compiler *c)
{
    flush(c);
    *insert(c, c->len, 1) = WIT_END;
}

/* An operation with a number of one or two bytes. */
static void put_op(struct compiler *c, uint8_t op, uint32_t value,
                   uint32_t bytes)
{
    uint8_t *p, number[2];

    flush(c);
    put(number, value);
    p = insert(c, c->len, 1 + bytes);
    p[0] = op;
    memcpy(p + 1, number, bytes);
}

static uint32_t align_up(uint32_t n, uint32_t align)
{
    return (n + align - 1) / align * align;
}

static void check_size(struct compiler *c, uint64_t size)
{
    if (size > QUEUE_MAX_MSG)
        c->text.bad = true;
}

/* --- types ---------------------------------------------------------------- */

/* The next field of a record whose fields so far are in `record`. */
static void add_field(struct compiler *c, struct layout *record)
{
    uint32_t at = c->len, skip = c->skip, gap;
    struct layout field;

    c->skip = 0;
    field = parse_type(c);
    if (c->text.bad)
        return;
    gap = align_up(record->size, field.align) - record->size;
    if (c->len == at)
        c->skip += skip + gap;
    else
        put_skip(c, at, skip + gap);
    record->size += gap + field.size;
    if (field.align > record->align)
        record->align = field.align;
    check_size(c, record->size);
}

static struct layout parse_record(struct compiler *c, bool named)
{
    struct layout record = {0, 1};
    char end = named ? '}' : '>';
    const char *block;
    uint32_t size;

    wit_need(&c->text, named ? '{' : '<');
    block = c->text.at;
    do {
        if (named) {
            wit_need_name(&c->text);
            wit_need(&c->text, ':');
        }
        add_field(c, &record);
    } while (wit_more(&c->text, end));
    if (named)
        wit_check_names(&c->text, block);
    size = align_up(record.size, record.align);
    c->skip += size - record.size;
    record.size = size;
    return record;
}

static struct layout parse_names(struct compiler *c, bool flags)
{
    uint32_t n = 0, bytes;
    const char *block;

    wit_need(&c->text, '{');
    block = c->text.at;
    do {
        wit_need_name(&c->text);
        n++;
    } while (wit_more(&c->text, '}'));
    wit_check_names(&c->text, block);
    if (n > (flags ? 32 : 65536))
        c->text.bad = true;
    bytes = flags ? WIT_FLAG_BYTES(n) : n <= 256 ? 1 : 2;
    if (flags)
        put_op(c, WIT_FLAGS, n, 1);
    else
        put_op(c, bytes == 1 ? WIT_ENUM8 : WIT_ENUM16, n - 1, bytes);
    return (struct layout){bytes, bytes};
}

static struct layout parse_list(struct compiler *c)
{
    uint32_t skip = c->skip, at, n = 0;
    struct layout one;
    const char *digit;
    uint8_t *p;

    c->skip = 0;
    at = c->len;
    wit_need(&c->text, '<');
    one = parse_type(c);
    wit_need(&c->text, ',');
    wit_take(&c->text, ' ');
    for (digit = c->text.at; !c->text.bad && isdigit(*c->text.at); c->text.at++)
        n = n > QUEUE_MAX_MSG ? n : n * 10 + (uint32_t)(*c->text.at - '0');
    if (c->text.at == digit || n == 0 || n > QUEUE_MAX_MSG)
        c->text.bad = true;
    check_size(c, (uint64_t)n * one.size);
    wit_need(&c->text, '>');
    if (c->text.bad)
        return one;
    if (c->len == at) {
        c->skip = skip + n * one.size;
    } else if (n == 1) {
        put_skip(c, at, skip);
    } else {
        end_block(c);
        p = insert(c, at, 3);
        p[0] = WIT_REPEAT;
        put(p + 1, n);
        put_skip(c, at, skip);
    }
    one.size *= n;
    return one;
}

/* Variants, options and results: what they have in common. */
struct variant {
    uint32_t at, skip; /* of the form, where it begins */
    uint32_t n, size, align;
    uint8_t block[MAX_CASES]; /* from `at`, plus 1; 0: no rules */
};

static void begin_variant(struct compiler *c, struct variant *v)
{
    v->at = c->len;
    v->skip = c->skip;
    v->n = v->size = 0;
    v->align = 1;
    c->skip = 0;
}

static void add_case(struct compiler *c, struct variant *v, bool payload)
{
    uint32_t at = c->len;
    struct layout one = {0, 1};

    if (v->n == MAX_CASES)
        c->text.bad = true;
    if (payload)
        one = parse_type(c);
    if (c->text.bad)
        return;
    v->block[v->n] = 0;
    if (c->len > at) {
        v->block[v->n] = (uint8_t)(at - v->at + 1);
        end_block(c);
    }
    v->n++;
    c->skip = 0;
    v->size = one.size > v->size ? one.size : v->size;
    v->align = one.align > v->align ? one.align : v->align;
}

static struct layout end_variant(struct compiler *c, struct variant *v)
{
    uint32_t size = align_up(v->align + v->size, v->align), head = 6 + v->n;
    uint8_t *p;

    check_size(c, size);
    if (c->text.bad)
        return (struct layout){1, 1};
    if (c->len == v->at) { /* no rules in any case */
        c->skip = v->skip;
        put_op(c, WIT_ENUM8, v->n - 1, 1);
        c->skip = size - 1;
        return (struct layout){size, v->align};
    }
    p = insert(c, v->at, head);
    if (c->text.bad)
        return (struct layout){1, 1};
    p[0] = WIT_VARIANT;
    p[1] = (uint8_t)v->n;
    p[2] = (uint8_t)v->align;
    put(p + 3, size);
    p[5] = (uint8_t)(c->len - v->at);
    for (uint32_t i = 0; i < v->n; i++)
        p[6 + i] = v->block[i] ? (uint8_t)(v->block[i] - 1 + head) : 0;
    if (c->len - v->at >= WIT_MAX_FORM)
        c->text.bad = true;
    put_skip(c, v->at, v->skip);
    return (struct layout){size, v->align};
}

static struct layout parse_variant(struct compiler *c)
{
    struct variant v;
    const char *block;

    begin_variant(c, &v);
    wit_need(&c->text, '{');
    block = c->text.at;
    do {
        bool payload;

        wit_need_name(&c->text);
        payload = wit_take(&c->text, '(');
        add_case(c, &v, payload);
        if (payload)
            wit_need(&c->text, ')');
    } while (wit_more(&c->text, '}'));
    wit_check_names(&c->text, block);
    return end_variant(c, &v);
}

static struct layout parse_option(struct compiler *c)
{
    struct variant v;

    begin_variant(c, &v);
    add_case(c, &v, false);
    wit_need(&c->text, '<');
    add_case(c, &v, true);
    wit_need(&c->text, '>');
    return end_variant(c, &v);
}

/* result, result<T>, result<T, E>, result<_, E> */
static struct layout parse_result(struct compiler *c)
{
    bool some = wit_take(&c->text, '<'), none = some && wit_take(&c->text, '_');
    struct variant v;

    begin_variant(c, &v);
    add_case(c, &v, some && !none);
    if (none)
        wit_need(&c->text, ',');
    none = some && !none && !wit_take(&c->text, ',');
    add_case(c, &v, some && !none);
    if (some)
        wit_need(&c->text, '>');
    return end_variant(c, &v);
}

static struct layout parse_named(struct compiler *c, const char *name,
                                 size_t len)
{
#define IS(s) (len == sizeof(s) - 1 && memcmp(name, s, len) == 0)
    static const char scalars[] = "u8 u16u32u64s8 s16s32s64f32f64";

    for (uint32_t i = 0; i < sizeof(scalars) - 1; i += 3) {
        uint32_t bytes = i < 24 ? 1u << i / 3 % 4 : i < 27 ? 4 : 8;

        if (len == (scalars[i + 2] == ' ' ? 2 : 3) &&
            memcmp(name, scalars + i, len) == 0) {
            c->skip += bytes;
            return (struct layout){bytes, bytes};
        }
    }
    if (IS("bool")) {
        put_op(c, WIT_ENUM8, 1, 1);
        return (struct layout){1, 1};
    }
    if (IS("char")) {
        put_op(c, WIT_CHAR, 0, 0);
        return (struct layout){4, 4};
    }
    if (IS("enum") || IS("flags"))
        return parse_names(c, len == 5);
    if (IS("record") || IS("tuple"))
        return parse_record(c, len == 6);
    if (IS("list"))
        return parse_list(c);
    if (IS("variant"))
        return parse_variant(c);
    if (IS("option"))
        return parse_option(c);
    if (IS("result"))
        return parse_result(c);
#undef IS
    c->text.at = name;
    c->text.bad = true;
    return (struct layout){1, 1};
}

static struct layout parse_type(struct compiler *c)
{
    struct layout type = {1, 1};
    const char *name;
    size_t len = wit_word(&c->text, &name);

    if (c->depth++ == MAX_DEPTH)
        c->text.bad = true;
    if (!c->text.bad)
        type = parse_named(c, name, len);
    c->depth--;
    return type;
}

long wit_compile(const char *text, void *out, uint64_t cap)
{
    struct compiler c = {.text.at = text};

    check_size(&c, parse_type(&c).size);
    end_block(&c);
    wit_take(&c.text, ' '); /* passes over all white space */
    if (c.text.bad || *c.text.at || c.len > cap)
        return -(c.text.at - text) - 1;
    memcpy(out, c.form, c.len);
    return c.len;
}
