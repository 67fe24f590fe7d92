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

#define MAX_DEPTH 15u /* the kernel takes 16 blocks in each other */
#define MAX_CASES 250u

struct compiler {
    const char *at;
    uint32_t len, skip, depth;
    bool bad; /* `at` is where */
    uint8_t form[WIT_MAX_FORM];
};

struct layout {
    uint32_t size, align;
};

static struct layout parse_type(struct compiler *c);

/* --- words ---------------------------------------------------------------- */

static bool take(struct compiler *c, char wanted)
{
    while (!c->bad && isspace(*c->at))
        c->at++;
    if (c->bad || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static void need(struct compiler *c, char wanted)
{
    if (!take(c, wanted))
        c->bad = true;
}

/* The next word; its length, or 0. */
static size_t word(struct compiler *c, const char **start)
{
    take(c, '%'); /* a name may be written so */
    *start = c->at;
    while (!c->bad && (isalnum(*c->at) || (*c->at == '-' && c->at > *start)))
        c->at++;
    return (size_t)(c->at - *start);
}

static void need_name(struct compiler *c)
{
    const char *name;

    if (word(c, &name) == 0 || !isalpha(*name) || c->at[-1] == '-') {
        c->at = name;
        c->bad = true;
    }
}

/* A name in the text; upper and lower case are the same. */
struct name {
    const char *at;
    size_t len;
};

static int compare_text(const struct name *a, const struct name *b)
{
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    for (size_t i = 0; i < a->len; i++)
        if (tolower(a->at[i]) != tolower(b->at[i]))
            return tolower(a->at[i]) - tolower(b->at[i]);
    return 0;
}

/* The same names in the order of the text. */
static int compare_names(const void *a, const void *b)
{
    const struct name *first = a, *second = b;
    int differ = compare_text(first, second);

    return differ ? differ : first->at < second->at ? -1 : 1;
}

/* Goes through a block that is sound, from behind its `{` to its `}`, and
 * writes its names, but for those in its types, to `names` unless that is
 * null. Returns how many there are. */
static uint32_t list_names(const char *at, const char *end, struct name *names)
{
    bool expected = true; /* a name is the next word */
    uint32_t n = 0, depth = 0;

    for (; at < end; at++) {
        const char *start = at;

        while (expected && (isalnum(*at) || *at == '-'))
            at++;
        if (at > start) {
            if (names)
                names[n] = (struct name){start, (size_t)(at - start)};
            n++;
            expected = false;
        }
        depth += *at == '{' || *at == '<' || *at == '(';
        depth -= at < end && (*at == '}' || *at == '>' || *at == ')');
        expected |= *at == ',' && depth == 0;
    }
    return n;
}

/* No two names are the same between `block`, behind a `{`, and its `}`, which
 * was just taken. The first that another one had before is the mistake. */
static void check_names(struct compiler *c, const char *block)
{
    const char *end = c->at - 1;
    struct name *names;
    uint32_t n;

    if (c->bad)
        return;
    n = list_names(block, end, NULL);
    names = malloc(n * sizeof(*names));
    c->bad = !names;
    if (c->bad)
        return;
    list_names(block, end, names);
    qsort(names, n, sizeof(*names), compare_names);
    for (uint32_t i = 1; i < n; i++)
        if (compare_text(&names[i - 1], &names[i]) == 0 &&
            (!c->bad || names[i].at < c->at)) {
            c->at = names[i].at;
            c->bad = true;
        }
    free(names);
}

/* After an element of a list: is there another one? Takes the end. */
static bool more(struct compiler *c, char end)
{
    if (take(c, ','))
        return !take(c, end) && !c->bad;
    need(c, end);
    return false;
}

/* --- the form ------------------------------------------------------------- */

/* Make room for n bytes at `at`. */
static uint8_t *insert(struct compiler *c, uint32_t at, uint32_t n)
{
    if (c->len + n > WIT_MAX_FORM)
        c->bad = true;
    if (c->bad)
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
        c->bad = true;
}

/* --- types ---------------------------------------------------------------- */

/* The next field of a record whose fields so far are in `record`. */
static void add_field(struct compiler *c, struct layout *record)
{
    uint32_t at = c->len, skip = c->skip, gap;
    struct layout field;

    c->skip = 0;
    field = parse_type(c);
    if (c->bad)
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

    need(c, named ? '{' : '<');
    block = c->at;
    do {
        if (named) {
            need_name(c);
            need(c, ':');
        }
        add_field(c, &record);
    } while (more(c, end));
    if (named)
        check_names(c, block);
    size = align_up(record.size, record.align);
    c->skip += size - record.size;
    record.size = size;
    return record;
}

static struct layout parse_names(struct compiler *c, bool flags)
{
    uint32_t n = 0, bytes;
    const char *block;

    need(c, '{');
    block = c->at;
    do {
        need_name(c);
        n++;
    } while (more(c, '}'));
    check_names(c, block);
    if (n > (flags ? 32 : 65536))
        c->bad = true;
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
    need(c, '<');
    one = parse_type(c);
    need(c, ',');
    take(c, ' ');
    for (digit = c->at; !c->bad && isdigit(*c->at); c->at++)
        n = n > QUEUE_MAX_MSG ? n : n * 10 + (uint32_t)(*c->at - '0');
    if (c->at == digit || n == 0 || n > QUEUE_MAX_MSG)
        c->bad = true;
    check_size(c, (uint64_t)n * one.size);
    need(c, '>');
    if (c->bad)
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
        c->bad = true;
    if (payload)
        one = parse_type(c);
    if (c->bad)
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
    if (c->bad)
        return (struct layout){1, 1};
    if (c->len == v->at) { /* no rules in any case */
        c->skip = v->skip;
        put_op(c, WIT_ENUM8, v->n - 1, 1);
        c->skip = size - 1;
        return (struct layout){size, v->align};
    }
    p = insert(c, v->at, head);
    if (c->bad)
        return (struct layout){1, 1};
    p[0] = WIT_VARIANT;
    p[1] = (uint8_t)v->n;
    p[2] = (uint8_t)v->align;
    put(p + 3, size);
    p[5] = (uint8_t)(c->len - v->at);
    for (uint32_t i = 0; i < v->n; i++)
        p[6 + i] = v->block[i] ? (uint8_t)(v->block[i] - 1 + head) : 0;
    if (c->len - v->at >= WIT_MAX_FORM)
        c->bad = true;
    put_skip(c, v->at, v->skip);
    return (struct layout){size, v->align};
}

static struct layout parse_variant(struct compiler *c)
{
    struct variant v;
    const char *block;

    begin_variant(c, &v);
    need(c, '{');
    block = c->at;
    do {
        bool payload;

        need_name(c);
        payload = take(c, '(');
        add_case(c, &v, payload);
        if (payload)
            need(c, ')');
    } while (more(c, '}'));
    check_names(c, block);
    return end_variant(c, &v);
}

static struct layout parse_option(struct compiler *c)
{
    struct variant v;

    begin_variant(c, &v);
    add_case(c, &v, false);
    need(c, '<');
    add_case(c, &v, true);
    need(c, '>');
    return end_variant(c, &v);
}

/* result, result<T>, result<T, E>, result<_, E> */
static struct layout parse_result(struct compiler *c)
{
    bool some = take(c, '<'), none = some && take(c, '_');
    struct variant v;

    begin_variant(c, &v);
    add_case(c, &v, some && !none);
    if (none)
        need(c, ',');
    none = some && !none && !take(c, ',');
    add_case(c, &v, some && !none);
    if (some)
        need(c, '>');
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
    c->at = name;
    c->bad = true;
    return (struct layout){1, 1};
}

static struct layout parse_type(struct compiler *c)
{
    struct layout type = {1, 1};
    const char *name;
    size_t len = word(c, &name);

    if (c->depth++ == MAX_DEPTH)
        c->bad = true;
    if (!c->bad)
        type = parse_named(c, name, len);
    c->depth--;
    return type;
}

long wit_compile(const char *text, void *out, uint64_t cap)
{
    struct compiler c = {.at = text};

    check_size(&c, parse_type(&c).size);
    end_block(&c);
    take(&c, ' '); /* passes over all white space */
    if (c.bad || *c.at || c.len > cap)
        return -(c.at - text) - 1;
    memcpy(out, c.form, c.len);
    return c.len;
}
