/* AppendOnly regions: offsets without gaps, whole records, a live view. */
#include "region.h"

#define WRITERS 4
#define EACH    1000

/*
 * A record of the tests with several writers: a multiple of 8 bytes, and the
 * sum of all its words is 0.
 */
struct record {
    uint32_t writer, number;
    uint64_t words; /* with these three */
    uint64_t sum;
    uint64_t rest[12];
};

static uint64_t sum_of(const volatile void *record, uint64_t words)
{
    const volatile uint64_t *p = record;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < words; i++)
        sum += p[i];
    return sum;
}

static uint64_t make_record(struct record *r, uint32_t writer, uint32_t number,
                            uint64_t *seed)
{
    test_fill(r, sizeof(*r), rand_next(seed));
    r->writer = writer;
    r->number = number;
    r->words = 3 + random_below(seed, 13);
    r->sum = 0;
    r->sum = -sum_of(r, r->words);
    return r->words * 8;
}

/* Looks at all records from *at on, up to end; counts each writer's. */
static void verify(const volatile uint8_t *base, uint64_t *at, uint64_t end,
                   uint32_t *next)
{
    while (*at < end) {
        const volatile struct record *r =
            (const volatile struct record *)(base + *at);

        CHECK(r->writer < WRITERS);
        CHECK(r->words >= 3 && r->words < 16);
        CHECK(*at + r->words * 8 <= end);
        CHECK_EQ(sum_of(r, r->words), 0);
        CHECK_EQ(r->number, next[r->writer]);
        next[r->writer]++;
        *at += r->words * 8;
    }
}

static void write_records(handle_t log, uint32_t writer, uint32_t count)
{
    uint64_t seed = test_seed() * 100 + writer, last = 0;
    static struct record r;

    for (uint32_t n = 0; n < count; n++) {
        uint64_t bytes = make_record(&r, writer, n, &seed);
        long at = region_append(log, &r, bytes);

        CHECK(at >= 0);
        CHECK(n == 0 || (uint64_t)at > last);
        last = (uint64_t)at;
    }
}

// J1: each append returns where its bytes are.
TEST(offsets)
{
    char text[32];
    handle_t r = append_only(100);

    CHECK_EQ(region_append(r, "First", 5), 0);
    CHECK_EQ(region_append(r, "Second", 6), 5);
    CHECK_EQ(region_append(r, "Third", 5), 11);
    CHECK_EQ(info_of(r).cursor, 16);
    CHECK_EQ(region_read(r, 0, text, 32), 16);
    CHECK_EQ(memcmp(text, "FirstSecondThird", 16), 0);
}

// J2: what does not fit is refused whole, and the cursor stays.
TEST(all_or_nothing)
{
    char bytes[64], back[64];
    handle_t r = append_only(64);

    test_fill(bytes, 64, 3);
    CHECK_EQ(region_append(r, bytes, 32), 0);
    CHECK_ERR(region_append(r, bytes, 48), E_NOSPC);
    CHECK_ERR(region_append(r, bytes, 33), E_NOSPC);
    CHECK_EQ(info_of(r).cursor, 32);
    CHECK_EQ(region_append(r, bytes + 32, 32), 32);
    CHECK_EQ(region_read(r, 0, back, 64), 64);
    CHECK_EQ(memcmp(bytes, back, 64), 0);
}

// J2: filled to the last byte, it takes empty appends only.
TEST(exactly_full)
{
    handle_t r = append_only(5);

    CHECK_EQ(region_append(r, 0, 0), 0);
    CHECK_EQ(region_append(r, "12345", 5), 0);
    CHECK_ERR(region_append(r, "6", 1), E_NOSPC);
    CHECK_EQ(region_append(r, 0, 0), 5);
    CHECK_EQ(region_append(r, "6", 0), 5);
    CHECK_EQ(info_of(r).cursor, 5);
}

// J2: a buffer that ends in nothing: E_FAULT, the cursor stays, and the next
// append begins there.
TEST(half_a_buffer)
{
    char back[16];
    uint8_t *tail = heap_tail(8);
    handle_t r = append_only(2 * PAGE_SIZE);

    memcpy(tail, "tailtail", 8);
    CHECK_EQ(region_append(r, "abc", 3), 0);
    for (uint64_t len = 9; len < 5000; len += 499)
        CHECK_ERR(region_append(r, tail, len), E_FAULT);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(region_append(r, wild_pointers[i], 16), E_FAULT);
    CHECK_ERR(region_append(r, tail, 1ull << 63), E_FAULT);
    CHECK_EQ(info_of(r).cursor, 3);
    CHECK_EQ(region_append(r, tail, 8), 3);
    CHECK_EQ(region_read(r, 0, back, 16), 11);
    CHECK_EQ(memcmp(back, "abctailtail", 11), 0);
}

// J2: bytes over several pages, at any offset.
TEST(large_appends)
{
    const uint64_t size = 10 * PAGE_SIZE;
    uint8_t *bytes = malloc(size), *back = malloc(size);
    uint64_t seed = test_seed(), at = 0;
    handle_t r = append_only(size);

    test_fill(bytes, size, seed);
    while (at < size) {
        uint64_t n = 1 + random_below(&seed, 3 * PAGE_SIZE);

        if (n > size - at)
            n = size - at;
        CHECK_EQ(region_append(r, bytes + at, n), at);
        at += n;
    }
    CHECK_EQ(region_read(r, 0, back, size), size);
    CHECK_EQ(memcmp(bytes, back, size), 0);
    CHECK_EQ(memcmp((const void *)(uintptr_t)shown(r, PROT_READ), bytes, size),
             0);
}

// J3: a read ends at the cursor, and from there on is E_INVAL.
TEST(reads_end_at_cursor)
{
    char back[16];
    handle_t r = append_only(100);

    CHECK_ERR(region_read(r, 0, back, 1), E_INVAL);
    CHECK_ERR(region_read(r, 0, back, 0), E_INVAL);
    CHECK_EQ(region_append(r, "0123456789", 10), 0);
    CHECK_EQ(region_read(r, 7, back, 16), 3);
    CHECK_EQ(memcmp(back, "789", 3), 0);
    CHECK_EQ(region_read(r, 9, back, 0), 0);
    CHECK_ERR(region_read(r, 10, back, 1), E_INVAL);
    CHECK_ERR(region_read(r, 50, back, 1), E_INVAL);
    CHECK_ERR(region_read(r, 100, back, 1), E_INVAL);
    CHECK_EQ(region_append(r, "x", 1), 10);
    CHECK_EQ(region_read(r, 10, back, 16), 1);
}

// J1: whoever appends needs WRITE, whoever reads READ.
TEST(rights)
{
    char byte;
    handle_t r = append_only(100);
    long reader = handle_dup(r, RIGHT_READ, 0);
    long writer = handle_dup(r, RIGHT_WRITE, 0);

    CHECK_ERR(region_append((handle_t)reader, "x", 1), E_ACCES);
    CHECK_EQ(region_append((handle_t)writer, "x", 1), 0);
    CHECK_ERR(region_read((handle_t)writer, 0, &byte, 1), E_ACCES);
    CHECK_ERR(region_map((handle_t)writer, 0, PROT_READ), E_ACCES);
    CHECK_EQ(region_read((handle_t)reader, 0, &byte, 1), 1);
    CHECK_EQ(byte, 'x');
}

// J4 J5: what is appended shows in mappings made before, in all processes.
TEST(mapped_view)
{
    long q = queue_create(1, 8, 0), answer = queue_create(1, 8, 0), child;
    handle_t r = append_only(2 * PAGE_SIZE);
    volatile uint8_t *at = shown(r, PROT_READ);

    child = SPAWN({
        for (uint64_t n = 0; n < 100; n++) {
            uint64_t off = take((handle_t)q);

            CHECK_EQ(at[off], (uint8_t)(n + 1));
            put((handle_t)answer, n);
        }
    });
    for (uint64_t n = 0; n < 100; n++) {
        uint8_t bytes[50];
        long off;

        memset(bytes, (int)n + 1, sizeof(bytes));
        off = region_append(r, bytes, sizeof(bytes));
        CHECK_EQ(at[off + 49], (uint8_t)(n + 1));
        put((handle_t)q, (uint64_t)off);
        CHECK_EQ(take((handle_t)answer), n);
    }
    CHECK_EQ(JOIN(child), 0);
}

// J6: four writers with a thousand records each: no gap, no overlap, each
// record whole, each writer's in order.
TEST(many_writers)
{
    const uint64_t size = WRITERS * EACH * sizeof(struct record);
    handle_t log = append_only(size);
    volatile uint8_t *at = shown(log, PROT_READ);
    uint32_t next[WRITERS] = {0};
    uint64_t done = 0;
    long child[WRITERS];

    for (uint32_t i = 0; i < WRITERS; i++)
        child[i] = SPAWN(write_records(log, i, EACH));
    for (uint32_t i = 0; i < WRITERS; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    verify(at, &done, info_of(log).cursor, next);
    for (uint32_t i = 0; i < WRITERS; i++)
        CHECK_EQ(next[i], EACH);
}

// J5: a reader that follows the cursor, with writers on other harts: whatever
// the cursor covers is there, whole, each time it looks.
TEST(live_reader)
{
    const uint64_t size = WRITERS * EACH * sizeof(struct record);
    handle_t log = append_only(size);
    const volatile uint8_t *at = shown(log, PROT_READ);
    uint32_t next[WRITERS] = {0}, looks = 0;
    uint64_t done = 0;
    long child[WRITERS];

    for (uint32_t i = 0; i < WRITERS; i++)
        child[i] = SPAWN(write_records(log, i, EACH));
    while (next[0] + next[1] + next[2] + next[3] < WRITERS * EACH) {
        uint64_t cursor = info_of(log).cursor;

        CHECK(cursor >= done);
        verify(at, &done, cursor, next);
        CHECK_EQ(done, cursor);
        if (looks++ % 8 == 0)
            yield();
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// J5 J3: the same, through region_read, which ends at the cursor.
TEST(live_reader_by_call)
{
    static uint8_t copy[WRITERS * 200 * sizeof(struct record)];
    handle_t log = append_only(sizeof(copy));
    uint32_t next[WRITERS] = {0};
    uint64_t done = 0;
    long child[WRITERS];

    for (uint32_t i = 0; i < WRITERS; i++)
        child[i] = SPAWN(write_records(log, i, 200));
    while (next[0] + next[1] + next[2] + next[3] < WRITERS * 200) {
        long got = region_read(log, done, copy + done, sizeof(copy) - done);

        if (got == -E_INVAL) {
            yield();
            continue;
        }
        CHECK(got > 0);
        verify(copy, &done, done + (uint64_t)got, next);
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

// J6 J2: when room runs out, the last bytes that fit go to somebody, nobody's
// record is split, and the sum of what was accepted is the cursor.
TEST(writers_fill_it)
{
    handle_t log = append_only(20000);
    long child[WRITERS], all = 0;

    for (uint64_t i = 0; i < WRITERS; i++)
        child[i] = SPAWN({
            uint8_t bytes[40];
            long at, count = 0;

            memset(bytes, (int)i + 1, sizeof(bytes));
            while ((at = region_append(log, bytes, 24 + i * 4)) >= 0)
                count++;
            CHECK_EQ(at, -E_NOSPC);
            CHECK(count < 834);
            exit((int)(count * (long)(24 + i * 4) / 4 % 251));
        });
    for (uint32_t i = 0; i < WRITERS; i++)
        all += JOIN(child[i]);
    CHECK(20000 - info_of(log).cursor < 24);
    CHECK_EQ(all % 251, (long)(info_of(log).cursor / 4 % 251));
}

// J6: a writer that is killed leaves whole records only, and no lock behind.
TEST(writer_killed)
{
    uint64_t seed = test_seed();

    for (int round = 0; round < 20; round++) {
        handle_t log = append_only(4 << 20);
        const volatile uint8_t *at = shown(log, PROT_READ);
        static uint8_t bytes[8 * PAGE_SIZE];
        uint64_t cursor;
        long child[2];

        memset(bytes, 9, sizeof(bytes));
        for (int i = 0; i < 2; i++)
            child[i] = SPAWN(
                while (region_append(log, bytes, sizeof(bytes)) >= 0) continue;
                timer_wait(TIMER_REL, MS(SETTLE_MS)););
        BUSY_US(random_below(&seed, 300));
        nap_ms(1);
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(kill(child[i]), 0);
            CHECK_EQ(wait(child[i], 0, MS(SETTLE_MS)), child[i]);
        }
        cursor = info_of(log).cursor;
        CHECK_EQ(cursor % sizeof(bytes), 0);
        CHECK(all_are(at, cursor, 9));
        if (cursor < 4 << 20)
            CHECK_EQ(region_append(log, "end", 3), cursor);
        CHECK_EQ(handle_close(log), 0);
    }
}

// J1: the cursor beyond 16 bits, byte by byte.
TEST(seventy_thousand)
{
    handle_t r = append_only(70000);

    for (long i = 0; i < 70000; i++)
        CHECK_EQ(region_append(r, "x", 1), i);
    CHECK_ERR(region_append(r, "x", 1), E_NOSPC);
    CHECK(all_are(shown(r, PROT_READ), 70000, 'x'));
}

TEST_MAIN()
