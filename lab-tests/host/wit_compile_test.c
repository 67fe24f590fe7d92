// FLAGS: -Ikern/abi -fno-builtin -Wno-format -Wno-unknown-pragmas
// SOURCES: kern/ipc/wit.c
/*
 * wit_compile: sizes of random types against a model, names that occur twice,
 * and damaged texts, whose forms the kernel's own check must accept.
 */
#include "user_lib.h"

/* What other files of the library call the same. */
#define put   wit_put
#define flush wit_flush
#include "../../user/lib/wit.c"
#include "../../user/lib/wit_text.c"
#include "ipc/wit.h"

/* The library's output and heap, which are not used here. */
long write_out(handle_t h, const void *buf, size_t len)
{
    (void)h, (void)buf, (void)len;
    abort();
}

long sbrk(long delta)
{
    (void)delta;
    abort();
}

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* A text that grows, and with it what the model knows of the type. */
static char text[1 << 16];
static size_t text_len;

static void say(const char *s)
{
    CHECK(text_len + strlen(s) < sizeof(text));
    strcpy(text + text_len, s);
    text_len += strlen(s);
}

static struct layout random_type(uint32_t deep);

static struct layout with_field(struct layout record, struct layout field)
{
    record.size = align_up(record.size, field.align) + field.size;
    if (field.align > record.align)
        record.align = field.align;
    return record;
}

/* Names a, b, c...; some of them in upper case, some behind a `%`. */
static void say_name(uint32_t i)
{
    char name[3] = {'%', (char)((below(4) ? 'a' : 'A') + i), 0};

    say(name + (below(4) > 0));
}

static struct layout random_record(uint32_t deep)
{
    struct layout record = {0, 1};
    uint32_t n = 1 + below(4);

    say("record { ");
    for (uint32_t i = 0; i < n; i++) {
        say_name(i);
        say(": ");
        record = with_field(record, random_type(deep));
        say(i + 1 < n ? ", " : below(2) ? " }" : ", }");
    }
    record.size = align_up(record.size, record.align);
    return record;
}

static struct layout random_variant(uint32_t deep)
{
    struct layout best = {0, 1};
    uint32_t n = 1 + below(4);

    say("variant{");
    for (uint32_t i = 0; i < n; i++) {
        say_name(i);
        if (below(2)) {
            struct layout one;

            say("(");
            one = random_type(deep);
            say(")");
            best.size = one.size > best.size ? one.size : best.size;
            best.align = one.align > best.align ? one.align : best.align;
        }
        say(i + 1 < n ? "," : "}");
    }
    best.size = align_up(align_up(1, best.align) + best.size, best.align);
    return best;
}

static struct layout random_type(uint32_t deep)
{
    static const struct {
        const char *name;
        struct layout layout;
    } plain[] = {
        {"bool", {1, 1}},
        {"u8", {1, 1}},
        {"s16", {2, 2}},
        {"u32", {4, 4}},
        {"f32", {4, 4}},
        {"s64", {8, 8}},
        {"f64", {8, 8}},
        {"char", {4, 4}},
        {"enum { x, y, z }", {1, 1}},
        {"flags {p,q}", {1, 1}},
        {"option<u16>", {4, 2}},
        {"result<_, u64>", {16, 8}},
        {"list<bool, 3>", {3, 1}},
        {"tuple<u8, u32>", {8, 4}},
    };
    uint32_t i = below(sizeof(plain) / sizeof(plain[0]));

    if (deep > 0 && below(3) == 0)
        return below(2) ? random_record(deep - 1) : random_variant(deep - 1);
    say(plain[i].name);
    return plain[i].layout;
}

/* Compiles the text. Returns what wit_compile does; the kernel accepts what
 * has compiled, and a mistake lies in the text. */
static long compile(struct wit_type *type)
{
    long len = wit_compile(text, type->form, WIT_MAX_FORM);

    if (len < 0) {
        CHECK(-len - 1 <= (long)strlen(text));
    } else {
        type->len = (uint32_t)len;
        type->size = (uint32_t)wit_verify(type->form, type->len);
        CHECK(type->size >= 1 && type->size <= QUEUE_MAX_MSG);
    }
    return len;
}

static void sizes(struct wit_type *type)
{
    uint32_t good = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        struct layout want;

        text_len = 0;
        want = random_type(4);
        if (compile(type) < 0)
            continue; /* too large a form */
        CHECK(type->size == want.size);
        good++;
    }
    CHECK(good > 15000);
}

/* Some bytes replaced, taken out or doubled: anything may come out, but
 * nothing that the kernel refuses. */
static void damaged(struct wit_type *type)
{
    for (uint32_t i = 0; i < 20000; i++) {
        static const char bytes[] = "{}<>(),:% a9-_xu8";

        text_len = 0;
        random_type(4);
        for (uint32_t n = below(3) + 1; n > 0; n--)
            text[below((uint32_t)text_len)] = bytes[below(sizeof(bytes))];
        compile(type);
    }
}

struct mistake {
    const char *text;
    long offset; /* -1: none */
};

static void names(struct wit_type *type)
{
    static const struct mistake known[] = {
        {"record { a: u8, a: u8 }", 16},
        {"record { a: u8, b: u8, a: u8, b: u8 }", 23},
        {"record { a: u8, b: record { a: u8 } }", -1},
        {"record { a: record { x: u8, x: u8 }, a: u8 }", 28},
        {"record { a: tuple<u8, u8>, b: list<u8, 2>, b: u8, }", 43},
        {"record { list: u8, record: u8 }", -1},
        {"record { a: variant { b, c(u8) }, b: u8, c: u8 }", -1},
        {"record { ab: u8, a: u8, b: u8 }", -1},
        {"record { field-1: u8, Field-1: u8 }", 22},
        {"record { %a: u8, a: u8 }", 17},
        {"record { a: u8, %a: u8 }", 17},
        {"enum { put, get, put }", 17},
        {"enum { put, get, puts, }", -1},
        {"flags { r, w, x, w }", 17},
        {"variant { none, some(u8), none }", 26},
        {"variant { a(enum { a, b }), b(bool) }", -1},
        {"variant { a(enum { a, b, b }), b }", 25},
        {"list<record { a: u8, a: u8 }, 2>", 21},
        {"tuple<enum { a }, enum { a }>", -1},
    };

    for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        long want = -known[i].offset - 1, got;

        strcpy(text, known[i].text);
        got = compile(type);
        if (known[i].offset < 0 ? got < 0 : got != want)
            printf("%s: %ld\n", text, got);
        CHECK(known[i].offset < 0 ? got > 0 : got == want);
    }
}

/* As many names as an enum may have, and then one that was there before. */
static void many_names(void)
{
    static char all[1 << 20];
    uint8_t form[WIT_MAX_FORM];
    size_t len = 0, last = 0;

    len += (size_t)sprintf(all, "enum {");
    for (uint32_t i = 0; i < 65535; i++)
        len += (size_t)sprintf(all + len, "n%x,", i);
    last = len;
    sprintf(all + len, "N}");
    CHECK(wit_compile(all, form, sizeof(form)) == 4);
    sprintf(all + len, "nabcd}");
    CHECK(wit_compile(all, form, sizeof(form)) == -(long)last - 1);
    sprintf(all + len, "x,y}");
    CHECK(wit_compile(all, form, sizeof(form)) < 0);
}

int main(void)
{
    struct wit_type *type = malloc(wit_bytes(WIT_MAX_FORM));

    names(type);
    many_names();
    sizes(type);
    damaged(type);
    free(type);
    return 0;
}
