/* Typed messages: WIT types compiled by the library, checked at send. */
#include "../lab.h"

/* A queue of messages of this type; fails the case if it cannot be had. */
static long typed_queue(const char *text)
{
    uint8_t form[WIT_MAX_FORM];
    long len = wit_compile(text, form, sizeof(form));
    long q = queue_create(4, 4096, 0);

    CHECK(len > 0);
    CHECK_EQ(queue_set_type(q, form, (uint64_t)len), 0);
    return q;
}

static long offer(long q, const void *message, uint64_t len)
{
    long r = queue_send(q, message, len, 0, NOW);

    if (r == 0)
        queue_recv(q, &(uint8_t[64]){0}, 64, 0, NOW);
    return r;
}

struct layout {
    const char *text;
    uint32_t size;
};

// O1: sizes are those of WIT's canonical ABI.
TEST(sizes)
{
    static const struct layout types[] = {
        {"bool", 1},
        {"u8", 1},
        {"s16", 2},
        {"u32", 4},
        {"s64", 8},
        {"f32", 4},
        {"f64", 8},
        {"char", 4},
        {"enum { a, b, c }", 1},
        {"flags { a, b, c }", 1},
        {"flags { a, b, c, d, e, f, g, h, i }", 2},
        {"record { a: u8, b: u32 }", 8},
        {"record { a: u8, b: u64, c: u8 }", 24},
        {"record { a: u8, b: u8, c: u16 }", 4},
        {"tuple<u8, u16, u8>", 6},
        {"option<u8>", 2},
        {"option<u64>", 16},
        {"result<u32, u8>", 8},
        {"variant { a, b(u16), c(u64) }", 16},
        {"list<u16, 7>", 14},
        {"list<record { a: u8, b: u32 }, 3>", 24},
        {"record { id: u32, kind: enum { put, get }, v: list<f32, 4> }", 24},
    };
    static uint8_t zero[64];

    for (uint32_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        long q = typed_queue(types[i].text);

        CHECK_EQ(offer(q, zero, types[i].size), 0);
        CHECK_ERR(offer(q, zero, types[i].size - 1), E_PROTOTYPE);
        CHECK_ERR(offer(q, zero, types[i].size + 1), E_PROTOTYPE);
        CHECK_ERR(offer(q, zero, 0), E_PROTOTYPE);
        CHECK_EQ(handle_close((handle_t)q), 0);
    }
}

// O1: fields lie where the canonical ABI puts them.
TEST(offsets)
{
    static const struct layout types[] = {
        {"record { a: u8, b: bool }", 1},
        {"record { a: u16, b: bool }", 2},
        {"record { a: u64, b: u8, c: bool }", 9},
        {"record { a: u8, b: record { c: u32, d: bool } }", 8},
        {"tuple<u8, u32, bool>", 8},
        {"list<tuple<u16, bool>, 4>", 14},
        {"record { a: list<u16, 3>, b: bool }", 6},
        {"record { a: option<u64>, b: bool }", 16},
    };
    static uint8_t m[64];

    for (uint32_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        long q = typed_queue(types[i].text);
        uint32_t len = 1;

        memset(m, 0, sizeof(m));
        while (len < 64 && offer(q, m, len) != 0)
            len++;
        m[types[i].size] = 1;
        CHECK_EQ(offer(q, m, len), 0);
        m[types[i].size] = 2;
        CHECK_ERR(offer(q, m, len), E_PROTOTYPE);
        CHECK_EQ(handle_close((handle_t)q), 0);
    }
}

// O1: what is no WIT type is refused, wherever the mistake is.
TEST(bad_text)
{
    static const char *const bad[] = {
        "",
        "u7",
        "record",
        "record {",
        "record { a }",
        "record { a: }",
        "record { a: u8, a: u8 ",
        "enum { }",
        "list<u8>",
        "list<u8, 0>",
        "list<u8, -1>",
        "list<u8, 5",
        "option<>",
        "tuple<u8,,u8>",
        "u8 u8",
        "string",
        "list<u8, 99999999999999999999>",
    };
    uint8_t form[WIT_MAX_FORM];

    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(wit_compile(bad[i], form, sizeof(form)) < 0);
    CHECK(wit_compile("record { a: u8, b: u16 }", form, 1) < 0);
}

// O2: bool is 0 or 1, an enum's case exists, flags have no unknown bit.
TEST(simple_values)
{
    long b = typed_queue("bool"), e = typed_queue("enum { x, y, z }");
    long f = typed_queue("flags { p, q, r }");

    for (uint32_t v = 0; v < 256; v++) {
        uint8_t byte = (uint8_t)v;

        CHECK_EQ(offer(b, &byte, 1), v < 2 ? 0 : -E_PROTOTYPE);
        CHECK_EQ(offer(e, &byte, 1), v < 3 ? 0 : -E_PROTOTYPE);
        CHECK_EQ(offer(f, &byte, 1), v < 8 ? 0 : -E_PROTOTYPE);
    }
}

// O2: char is a Unicode scalar value.
TEST(char_values)
{
    static const uint32_t good[] = {0, 'a', 0xd7ff, 0xe000, 0x10ffff};
    static const uint32_t bad[] = {0xd800, 0xdfff, 0x110000, UINT32_MAX};
    long q = typed_queue("char");

    for (int i = 0; i < 5; i++)
        CHECK_EQ(offer(q, &good[i], 4), 0);
    for (int i = 0; i < 4; i++)
        CHECK_ERR(offer(q, &bad[i], 4), E_PROTOTYPE);
}

// O2: discriminants are in range; only the chosen case's payload is looked at.
TEST(chosen_case)
{
    long v = typed_queue("variant { none, flag(bool), wide(u16) }");
    long o = typed_queue("option<bool>"), r = typed_queue("result<bool, u8>");
    uint8_t m[4] = {0, 0, 9, 9};

    CHECK_EQ(offer(v, m, 4), 0);
    m[0] = 1;
    CHECK_ERR(offer(v, m, 4), E_PROTOTYPE);
    m[2] = 1;
    CHECK_EQ(offer(v, m, 4), 0);
    m[0] = 2;
    CHECK_EQ(offer(v, m, 4), 0);
    m[0] = 3;
    CHECK_ERR(offer(v, m, 4), E_PROTOTYPE);
    CHECK_EQ(offer(o, "\0\7", 2), 0);
    CHECK_ERR(offer(o, "\1\7", 2), E_PROTOTYPE);
    CHECK_EQ(offer(o, "\1\1", 2), 0);
    CHECK_ERR(offer(o, "\2\1", 2), E_PROTOTYPE);
    CHECK_ERR(offer(r, "\0\7", 2), E_PROTOTYPE);
    CHECK_EQ(offer(r, "\1\7", 2), 0);
    CHECK_ERR(offer(r, "\2\0", 2), E_PROTOTYPE);
}

// O2: a refused message is not enqueued, and counts as rejected.
TEST(refused_not_enqueued)
{
    long q = typed_queue("record { a: bool, b: u32 }");

    CHECK_ERR(queue_send(q, "\2\0\0\0\0\0\0\0", 8, 0, NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(q, "\0\0\0\0\0\0\0\0", 7, 0, FOREVER), E_PROTOTYPE);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(stat_of(q).sent, 0);
    CHECK_EQ(stat_of(q).rejected, 2);
}

// O2 B12: size before type, bad pointer before typed contents, contents
// before full.
TEST(error_order)
{
    static uint8_t wide[8192];
    long q = typed_queue("bool");

    CHECK_ERR(queue_send(q, wide, 5000, 0, NOW), E_MSGSIZE);
    CHECK_ERR(queue_send(q, wild_pointers[0], 2, 0, NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(q, wild_pointers[0], 1, 0, NOW), E_FAULT);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(queue_send(q, "\1", 1, 0, NOW), 0);
    CHECK_ERR(queue_send(q, "\2", 1, 0, NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(q, "\1", 1, 0, NOW), E_AGAIN);
}

// O3: a type is set once, before the first message, with REVOKE.
TEST(set_once)
{
    uint8_t form[WIT_MAX_FORM];
    long len = wit_compile("u32", form, sizeof(form));
    long q = queue_create(2, 8, 0), used = queue_create(2, 8, 0);
    long plain = handle_dup(q, RW | RIGHT_GRANT, 0);

    CHECK_ERR(queue_set_type(plain, form, (uint64_t)len), E_ACCES);
    CHECK_ERR(queue_set_type(-1, form, (uint64_t)len), E_BADH);
    CHECK_ERR(queue_set_type(q, wild_pointers[0], (uint64_t)len), E_FAULT);
    CHECK_EQ(queue_set_type(q, form, (uint64_t)len), 0);
    CHECK_ERR(queue_set_type(q, form, (uint64_t)len), E_ALREADY);
    CHECK_EQ(put_now(used, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_set_type(used, form, (uint64_t)len), E_BUSY);
    take_now(used);
    CHECK_ERR(queue_set_type(used, form, (uint64_t)len), E_BUSY);
}

// O3: any bytes as a type: refused, or accepted and then harmless.
TEST(random_types)
{
    static uint8_t message[256];
    uint64_t seed = test_seed();
    uint8_t form[WIT_MAX_FORM];

    for (uint32_t i = 0; i < 10000; i++) {
        uint64_t len = random_below(&seed, 2) ? random_below(&seed, 12)
                                              : random_below(&seed, 257);
        long q = queue_create(1, 256, 0), r;

        for (uint32_t n = 0; n < len; n++)
            form[n] = (uint8_t)(rand_next(&seed) >> 30);
        r = queue_set_type(q, form, len);
        CHECK(r == 0 || r == -E_INVAL);
        r = queue_send(q, message, random_below(&seed, 257), 0, NOW);
        CHECK(r == 0 || r == -E_PROTOTYPE);
        CHECK_EQ(handle_close((handle_t)q), 0);
    }
    CHECK_ERR(queue_set_type(queue_create(1, 8, 0), form, 257), E_INVAL);
}

// O3: damaged forms of a real type.
TEST(damaged_types)
{
    static uint8_t message[512];
    uint64_t seed = test_seed();
    uint8_t good[WIT_MAX_FORM], form[WIT_MAX_FORM];
    long fresh = queue_create(1, 8, 0);
    long len = wit_compile("record { a: option<u32>, b: list<variant { x, "
                           "y(bool) }, 9>, c: tuple<char, flags { p, q }> }",
                           good, sizeof(good));

    CHECK(len > 0);
    for (uint32_t i = 0; i < 5000; i++) {
        long q = queue_create(1, 512, 0), r;

        memcpy(form, good, sizeof(form));
        form[random_below(&seed, (uint32_t)len)] = (uint8_t)rand_next(&seed);
        r = queue_set_type(q, form, (uint64_t)len);
        CHECK(r == 0 || r == -E_INVAL);
        queue_send(q, message, random_below(&seed, 513), 0, NOW);
        CHECK_EQ(handle_close((handle_t)q), 0);
    }
    for (uint64_t cut = 0; cut < (uint64_t)len; cut++)
        CHECK_ERR(queue_set_type(fresh, good, cut), E_INVAL);
}

// O1 O2: the example of the ABI, with 768 numbers.
TEST(large_record)
{
    static uint8_t message[3080];
    long q = typed_queue("record { id: u32, kind: enum { put, get }, "
                         "v: list<f32, 768> }");

    message[4] = 1;
    CHECK_EQ(queue_send(q, message, sizeof(message), 0, NOW), 0);
    message[4] = 2;
    CHECK_ERR(queue_send(q, message, sizeof(message), 0, NOW), E_PROTOTYPE);
}

struct mistake {
    const char *text;
    long offset;
};

// O1: the offset of a mistake is told.
TEST(mistake_offset)
{
    static const struct mistake mistakes[] = {
        {"", 0},
        {"u7", 0},
        {"tuple<u8, u7>", 10},
        {"record { a u8 }", 11},
        {"record { a: u8, 9: u8 }", 16},
        {"list<bool, 0>", 12},
        {"u8 u8", 3},
        {"option<string>", 7},
        {"variant { a(, b }", 12},
    };
    uint8_t form[WIT_MAX_FORM];

    for (uint32_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
        CHECK_EQ(wit_compile(mistakes[i].text, form, sizeof(form)),
                 -1 - mistakes[i].offset);
}

// O2: in a message of many kinds each field is spoilt in turn; only that is
// refused.
TEST(each_field_spoilt)
{
    static const struct {
        uint8_t at, bad, good;
    } fields[] = {
        {0, 2, 1},  /* bool */
        {1, 3, 2},  /* enum */
        {2, 8, 7},  /* flags */
        {6, 17, 1}, /* char: above 0x10ffff */
        {8, 2, 1},  /* option's case */
        {9, 2, 1},  /* its payload */
        {10, 2, 1}, /* result's case */
        {12, 3, 2}, /* variant's case */
        {16, 2, 1}, /* the last bool of the list */
    };
    uint8_t m[20] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    long q = typed_queue("record { a: bool, b: enum { x, y, z }, "
                         "c: flags { p, q, r }, d: char, e: option<bool>, "
                         "f: result<u8, u8>, g: variant { k, l(u8), m(u8) }, "
                         "h: list<bool, 3> }");

    CHECK_EQ(offer(q, m, 20), 0);
    for (uint32_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        uint8_t was = m[fields[i].at];

        m[fields[i].at] = fields[i].bad;
        CHECK_ERR(offer(q, m, 20), E_PROTOTYPE);
        m[fields[i].at] = fields[i].good;
        CHECK_EQ(offer(q, m, 20), 0);
        m[fields[i].at] = was;
    }
}

// O2: numbers take any bytes, and gaps are not looked at.
TEST(numbers_are_free)
{
    uint64_t seed = test_seed();
    long q = typed_queue("record { a: u8, b: s64, c: f32, d: bool }");
    uint8_t m[24];

    for (int i = 0; i < 1000; i++) {
        test_fill(m, sizeof(m), rand_next(&seed));
        m[20] = (uint8_t)(i % 2);
        CHECK_EQ(offer(q, m, sizeof(m)), 0);
    }
}

// O2: a message that waits for a place is checked before it waits.
TEST(checked_before_waiting)
{
    long q = typed_queue("bool"), child;

    for (int i = 0; i < 4; i++)
        CHECK_EQ(queue_send(q, "\1", 1, 0, NOW), 0);
    CHECK_ERR(queue_send(q, "\2", 1, 0, FOREVER), E_PROTOTYPE);
    child = SPAWN(CHECK_EQ(queue_send(q, "\0", 1, 0, FOREVER), 0));
    await_senders(q, 1);
    CHECK_EQ(queue_recv(q, &(uint8_t){0}, 1, 0, NOW), 1);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(stat_of(q).len, 4);
}

// O2: the type is for inline messages; handles pass.
TEST(handles_pass)
{
    struct msg_handle m;
    long q = typed_queue("bool"), cargo = queue_create(1, 8, 0);

    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    CHECK_EQ(queue_recv(q, &m, sizeof(m), 0, NOW), sizeof(m));
    CHECK_EQ(put_now(m.handle, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(cargo), 1);
}

// O2 B11: a queue may have a schema and a type; the tag comes first.
TEST(schema_and_type)
{
    uint8_t form[WIT_MAX_FORM];
    long len = wit_compile("bool", form, sizeof(form));
    long q = queue_create(2, 8, 6);

    CHECK_EQ(queue_set_type(q, form, (uint64_t)len), 0);
    CHECK_ERR(queue_send(q, "\1", 1, MSG_OPT(0, 7), NOW), E_PROTOTYPE);
    CHECK_ERR(queue_send(q, "\2", 1, MSG_OPT(0, 6), NOW), E_PROTOTYPE);
    CHECK_EQ(queue_send(q, "\1", 1, MSG_OPT(0, 6), NOW), 0);
    CHECK_EQ(stat_of(q).rejected, 2);
}

// O3 B12: what is wrong with setting a type, in the ABI's order.
TEST(set_error_order)
{
    uint8_t form[WIT_MAX_FORM + 1] = {255};
    long len = wit_compile("u32", form, sizeof(form));
    long q = queue_create(2, 8, 0), used = queue_create(2, 8, 0);
    long plain = handle_dup(q, RW | RIGHT_GRANT, 0);

    CHECK_ERR(queue_set_type(-1, wild_pointers[0], 0), E_BADH);
    CHECK_ERR(queue_set_type(plain, wild_pointers[0], 0), E_ACCES);
    CHECK_ERR(queue_set_type(q, wild_pointers[0], 0), E_INVAL);
    CHECK_ERR(queue_set_type(q, wild_pointers[0], 257), E_INVAL);
    CHECK_ERR(queue_set_type(q, wild_pointers[0], 9), E_FAULT);
    CHECK_EQ(put_now(used, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_set_type(used, "\377", 1), E_INVAL);
    CHECK_ERR(queue_set_type(used, form, (uint64_t)len), E_BUSY);
    CHECK_EQ(queue_set_type(q, form, (uint64_t)len), 0);
    CHECK_ERR(queue_set_type(q, "\377", 1), E_INVAL);
    CHECK_ERR(queue_set_type(q, form, (uint64_t)len), E_ALREADY);
}

// O3: a type that does not fit in memory is E_NOMEM, and the queue has none.
TEST(set_no_memory)
{
    enum { QUEUES = 200 };
    static handle_t q[QUEUES];
    uint8_t form[WIT_MAX_FORM];
    int at = 0;

    memset(form, WIT_CHAR, sizeof(form));
    form[sizeof(form) - 1] = WIT_END;
    for (int i = 0; i < QUEUES; i++)
        q[i] = (handle_t)queue_create(1, 8, 0);
    eat_memory();
    while (at < QUEUES - 1 && queue_set_type(q[at], form, sizeof(form)) == 0)
        at++;
    CHECK_ERR(queue_set_type(q[at], form, sizeof(form)), E_NOMEM);
    CHECK_EQ(put_now(q[at], 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(q[at]), 1);
}

// O1: a name that a record, enum, variant or flags has already is a mistake,
// at the place where it comes again; types inside have names of their own.
TEST(duplicate_names)
{
    static const struct mistake mistakes[] = {
        {"record { a: u8, b: u8, a: u8 }", 23},
        {"record { a: u8, A: u8 }", 16},
        {"enum { x, y, %x }", 14},
        {"flags { p, q, q }", 14},
        {"variant { a, b(record { a: u8 }), a(bool) }", 34},
        {"list<record { a: u8, a: u8 }, 2>", 21},
    };
    uint8_t form[WIT_MAX_FORM];

    for (uint32_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
        CHECK_EQ(wit_compile(mistakes[i].text, form, sizeof(form)),
                 -1 - mistakes[i].offset);
    CHECK(wit_compile("record { a: record { a: u8 }, b: enum { a, b } }", form,
                      sizeof(form)) > 0);
}

struct form {
    uint8_t len, bytes[16];
};

// O3: forms that would make the kernel run in circles, look beyond a message or
// read beyond the form are no types.
TEST(hostile_forms)
{
    static const struct form bad[] = {
        {1, {WIT_END}},
        {1, {255}},
        {2, {8, WIT_END}},
        {2, {WIT_ENUM8, 1}},               /* no end */
        {4, {WIT_ENUM8, 1, WIT_END, 0}},   /* and on behind it */
        {2, {WIT_SKIP, 1}},                /* cut short */
        {4, {WIT_SKIP, 0, 0, WIT_END}},    /* about no byte */
        {4, {WIT_SKIP, 1, 0x10, WIT_END}}, /* 4097 bytes */
        {3, {WIT_FLAGS, 0, WIT_END}},
        {3, {WIT_FLAGS, 33, WIT_END}},
        {5, {WIT_REPEAT, 255, 255, WIT_END, WIT_END}}, /* nothing, often */
        {6, {WIT_REPEAT, 0, 0, WIT_CHAR, WIT_END, WIT_END}},
        {6, {WIT_REPEAT, 1, 4, WIT_CHAR, WIT_END, WIT_END}}, /* 4100 bytes */
        /* variants: no case; a payload that begins before or behind it */
        {8, {WIT_VARIANT, 0, 1, 4, 0, 6, WIT_END}},
        {11, {WIT_VARIANT, 1, 0, 4, 0, 10, 7, WIT_ENUM8, 1, WIT_END, WIT_END}},
        {11, {WIT_VARIANT, 1, 5, 4, 0, 10, 7, WIT_ENUM8, 1, WIT_END, WIT_END}},
        /* a case that is the variant, lies outside, or is larger */
        {11, {WIT_VARIANT, 1, 1, 4, 0, 10, 1, WIT_ENUM8, 1, WIT_END, WIT_END}},
        {11, {WIT_VARIANT, 1, 1, 4, 0, 10, 99, WIT_ENUM8, 1, WIT_END, WIT_END}},
        {11, {WIT_VARIANT, 1, 1, 1, 0, 10, 7, WIT_ENUM8, 1, WIT_END, WIT_END}},
        /* an end that is another; cases that share a block */
        {11, {WIT_VARIANT, 1, 1, 4, 0, 9, 7, WIT_ENUM8, 1, WIT_END, WIT_END}},
        {12,
         {WIT_VARIANT, 2, 1, 4, 0, 11, 8, 8, WIT_ENUM8, 1, WIT_END, WIT_END}},
    };
    static const struct form good = {
        12,
        {WIT_VARIANT, 2, 1, 4, 0, 11, 8, 0, WIT_ENUM8, 1, WIT_END, WIT_END}};
    long q = queue_create(2, 4096, 0);

    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_ERR(queue_set_type(q, bad[i].bytes, bad[i].len), E_INVAL);
    CHECK_EQ(queue_set_type(q, good.bytes, good.len), 0);
    CHECK_EQ(offer(q, "\1\2\3\4", 4), 0);
    CHECK_ERR(offer(q, "\0\2\3\4", 4), E_PROTOTYPE);
}

// O3: the deepest type that compiles is checked down to its last bool, and one
// that is deeper does not compile.
TEST(deepest_type)
{
    char text[256] = "bool";
    uint8_t form[WIT_MAX_FORM], m[32] = {0};
    long q, len;

    for (int i = 0; i < 14; i++) {
        char inner[256];

        strcpy(inner, text);
        snprintf(text, sizeof(text), "option<%s>", inner);
    }
    memset(m, 1, 15);
    q = typed_queue(text);
    CHECK_EQ(offer(q, m, 15), 0);
    m[14] = 2;
    CHECK_ERR(offer(q, m, 15), E_PROTOTYPE);
    m[13] = 0; /* now nobody looks at it */
    CHECK_EQ(offer(q, m, 15), 0);
    len = (long)strlen(text);
    memmove(text + 7, text, (size_t)len);
    memcpy(text, "option<", 7);
    strcpy(text + len + 7, ">");
    CHECK(wit_compile(text, form, sizeof(form)) < 0);
}

TEST_MAIN()
