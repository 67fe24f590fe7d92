/* region_create and region_info: what a region is when it is new. */
#include "region.h"

// H1: whatever memory held before, a new region's bytes are 0.
TEST(fresh_is_zero)
{
    const uint64_t size = 1 << 20;
    handle_t made[3];

    JOIN(SPAWN({
        long heap = sbrk(8 << 20);

        CHECK(heap > 0);
        memset((void *)heap, 0xee, 8 << 20);
    }));
    made[0] = immutable(size);
    made[1] = append_only(size);
    made[2] = slab(64, size / 64);
    for (int i = 0; i < 3; i++)
        CHECK(all_are(shown(made[i], PROT_READ), size, 0));
}

// H2 ABI: who creates a region has all rights but EXECUTE.
TEST(creator_rights)
{
    struct handle_info info;
    handle_t r = append_only(10);

    CHECK_EQ(handle_info(r, &info), 0);
    CHECK_EQ(info.type, OBJ_REGION);
    CHECK_EQ(info.rights, RIGHTS_FULL);
    CHECK_EQ(info.depth, 0);
    CHECK_EQ(info.refs, 1);
}

// H2: what region_info says of an Immutable region, before and after the seal.
TEST(info_immutable)
{
    handle_t r = immutable(10000);
    struct region_info info = info_of(r);

    CHECK_EQ(info.policy, REGION_IMMUTABLE);
    CHECK_EQ(info.sealed, 0);
    CHECK_EQ(info.size, 10000);
    CHECK_EQ(info.pages, 3);
    CHECK_EQ(info.cursor, 0);
    CHECK_EQ(info.slot_size, 0);
    CHECK_EQ(info.slot_count, 0);
    CHECK_EQ(info.slots_used, 0);
    CHECK(info.refs >= 1);
    CHECK(info.first_frame > 0);
    CHECK_EQ(region_seal(r), 0);
    CHECK_EQ(info_of(r).sealed, 1);
    CHECK_EQ(info_of(r).first_frame, info.first_frame);
}

// H2: of an AppendOnly region: its cursor is what has been appended.
TEST(info_append)
{
    handle_t r = append_only(5000);
    struct region_info info;

    CHECK_EQ(region_append(r, "abc", 3), 0);
    info = info_of(r);
    CHECK_EQ(info.policy, REGION_APPEND);
    CHECK_EQ(info.sealed, 0);
    CHECK_EQ(info.size, 5000);
    CHECK_EQ(info.cursor, 3);
    CHECK_EQ(info.pages, 2);
    CHECK_EQ(info.slot_count, 0);
}

// H2 K1: of a Slab: slots have a multiple of 8 bytes, and used ones count.
TEST(info_slab)
{
    handle_t r = slab(10, 4);
    struct region_info info;

    CHECK(slot_alloc(r) > 0);
    info = info_of(r);
    CHECK_EQ(info.policy, REGION_SLAB);
    CHECK_EQ(info.sealed, 0);
    CHECK_EQ(info.slot_size, 16);
    CHECK_EQ(info.slot_count, 4);
    CHECK_EQ(info.slots_used, 1);
    CHECK_EQ(info.cursor, 0);
    CHECK_EQ(info.pages, 1);
}

// H2: more handles are more references, and mapping leaves the frames alone.
TEST(info_refs)
{
    handle_t r = immutable(4096);
    struct region_info before = info_of(r), after;
    long more = handle_dup(r, RIGHT_READ, 0);

    shown(r, PROT_READ);
    after = info_of(r);
    CHECK(after.refs > before.refs);
    CHECK_EQ(after.first_frame, before.first_frame);
    CHECK_EQ(info_of((handle_t)more).first_frame, before.first_frame);
    CHECK_EQ(handle_close(more), 0);
    CHECK_EQ(handle_close(r), 0);
}

/* What each policy answers to a call of another. */
static void refuses(handle_t r, bool write, bool append, bool slots, bool seal)
{
    char byte = 'x';

    if (write)
        CHECK_ERR(region_write(r, 0, &byte, 1), E_PERM);
    if (append)
        CHECK_ERR(region_append(r, &byte, 1), E_PERM);
    if (seal)
        CHECK_ERR(region_seal(r), E_PERM);
    if (slots) {
        CHECK_ERR(slot_alloc(r), E_PERM);
        CHECK_ERR(slot_free(r, 1ull << 32), E_PERM);
        CHECK_ERR(slot_read(r, 1ull << 32, &byte, 1), E_PERM);
        CHECK_ERR(slot_write(r, 1ull << 32, &byte, 1), E_PERM);
    } else {
        CHECK_ERR(region_read(r, 0, &byte, 1), E_PERM);
    }
}

// H3: an operation of another policy is E_PERM, and changes nothing.
TEST(policy_matrix)
{
    handle_t built = immutable(64), done = sealed("s", 1, 64);
    handle_t log = append_only(64), slots = slab(8, 8);

    CHECK_EQ(region_append(log, "a", 1), 0);
    CHECK_EQ(SLOT_INDEX(slot_alloc(slots)), 0);
    refuses(built, false, true, true, false);
    refuses(done, true, true, true, false);
    refuses(log, true, false, true, true);
    refuses(slots, true, true, false, true);
    CHECK_EQ(info_of(built).sealed, 0);
    CHECK_EQ(info_of(log).cursor, 1);
    CHECK_EQ(info_of(slots).slots_used, 1);
    CHECK(all_are(shown(slots, PROT_READ), 64, 0));
}

// H3 I5: a boot file is a sealed Immutable region, whose handle has no WRITE.
TEST(policy_of_boot_file)
{
    char byte;
    handle_t r = (handle_t)region_open("echo");

    CHECK_EQ(info_of(r).policy, REGION_IMMUTABLE);
    CHECK_EQ(info_of(r).sealed, 1);
    CHECK_ERR(region_write(r, 0, "x", 1), E_ACCES);
    CHECK_ERR(region_seal(r), E_ACCES);
    CHECK_ERR(region_append(r, "x", 1), E_ACCES);
    CHECK_ERR(slot_alloc(r), E_ACCES);
    CHECK_ERR(slot_read(r, 1ull << 32, &byte, 1), E_PERM);
}

// H10 K1: sizes and policies that are none.
TEST(sizes_refused)
{
    static const uint64_t bad[] = {0, REGION_MAX_BYTES + 1, 1ull << 32,
                                   1ull << 63, UINT64_MAX};

    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_ERR(region_create(REGION_IMMUTABLE, bad[i], 0, 0, 0), E_INVAL);
        CHECK_ERR(region_create(REGION_APPEND, bad[i], 0, 0, 0), E_INVAL);
        CHECK_ERR(region_create(REGION_SLAB, bad[i], 1, 0, 0), E_INVAL);
        CHECK_ERR(region_create(REGION_SLAB, 8, bad[i], 0, 0), E_INVAL);
    }
    CHECK_ERR(region_create(REGION_IMMUTABLE, 64, 1, 0, 0), E_INVAL);
    CHECK_ERR(region_create(REGION_APPEND, 64, 1, 0, 0), E_INVAL);
    CHECK_ERR(region_create(0, 64, 0, 0, 0), E_INVAL);
    CHECK_ERR(region_create(REGION_DEVICE, 64, 0, 0, 0), E_INVAL);
    CHECK_ERR(region_create(UINT32_MAX, 64, 0, 0, 0), E_INVAL);
}

// H10 K1: slot size times slot count does not wrap around.
TEST(slab_overflow)
{
    CHECK_ERR(region_create(REGION_SLAB, 1ull << 63, 2, 0, 0), E_INVAL);
    CHECK_ERR(region_create(REGION_SLAB, 1ull << 32, 1ull << 32, 0, 0),
              E_INVAL);
    CHECK_ERR(region_create(REGION_SLAB, (1ull << 32) + 8, 1ull << 32, 0, 0),
              E_INVAL);
    CHECK_ERR(region_create(REGION_SLAB, UINT64_MAX, 1, 0, 0), E_INVAL);
    CHECK_ERR(region_create(REGION_SLAB, UINT64_MAX - 6, 1, 0, 0), E_INVAL);
    CHECK_ERR(region_create(REGION_SLAB, 8, (1ull << 61) + 1, 0, 0), E_INVAL);
    CHECK_ERR(
        region_create(REGION_SLAB, 4096, REGION_MAX_BYTES / 4096 + 1, 0, 0),
        E_INVAL);
}

// H10: the upper halves of a policy's register are nobody's business.
TEST(upper_half_ignored)
{
    long r =
        raw_call(CALL_region_create, REGION_APPEND | 7ull << 32, 64, 0, 0, 0);

    CHECK(r > 2);
    CHECK_EQ(info_of((handle_t)r).policy, REGION_APPEND);
}

// H10: reads end with the last byte, mapped or not, whatever the page holds.
TEST(size_is_exact)
{
    static const uint64_t sizes[] = {1, 7, 4095, 4096, 4097, 12287};
    char two[2];

    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t n = sizes[i];
        handle_t r = immutable(n);

        CHECK_EQ(info_of(r).size, n);
        CHECK_EQ(info_of(r).pages, (n + PAGE_SIZE - 1) / PAGE_SIZE);
        CHECK_EQ(region_write(r, n - 1, "z", 1), 0);
        CHECK_ERR(region_write(r, n - 1, "zz", 2), E_INVAL);
        CHECK_EQ(region_read(r, n - 1, two, 2), 1);
        CHECK_EQ(two[0], 'z');
        CHECK_ERR(region_read(r, n, two, 1), E_INVAL);
        CHECK_EQ(handle_close(r), 0);
    }
}

// H10: a mapping is whole pages; behind the last byte it reads 0, and behind
// the last page nothing is mapped.
TEST(mapping_tail)
{
    handle_t r = immutable(5000);
    volatile uint8_t *at = shown(r, PROT_READ | PROT_WRITE);

    for (int i = 0; i < 5000; i++)
        at[i] = 1;
    CHECK(all_are(at, 5000, 1));
    CHECK(all_are(at + 5000, 8192 - 5000, 0));
    load_faults(at + 8192);
    CHECK_EQ(handle_close(r), 0);
    r = sealed("abc", 3, 3);
    at = shown(r, PROT_READ);
    CHECK_EQ(at[2], 'c');
    CHECK(all_are(at + 3, PAGE_SIZE - 3, 0));
}

// H1 H10: larger than what is left is E_NOMEM at create, and nothing is lost.
TEST(too_large_for_memory)
{
    uint64_t before, after;
    int made = 0;
    long r;

    while ((r = region_create(REGION_SLAB, 64, REGION_MAX_BYTES / 64, 0, 0)) >=
           0)
        CHECK(++made < 16);
    CHECK_EQ(r, -E_NOMEM);
    before = free_pages();
    CHECK_ERR(region_create(REGION_IMMUTABLE, REGION_MAX_BYTES, 0, 0, 0),
              E_NOMEM);
    CHECK_ERR(region_create(REGION_APPEND, REGION_MAX_BYTES, 0, 0, 0), E_NOMEM);
    after = free_pages();
    CHECK_EQ(after, before);
}

// H1: a region takes its pages when it is made, and a little more, not when it
// is used; the last close gives them back.
TEST(committed_at_create)
{
    const uint64_t pages = 256;
    uint64_t before = free_pages(), made, used;
    handle_t r = immutable(pages * PAGE_SIZE);
    volatile uint8_t *at;

    made = free_pages();
    CHECK(before - made >= pages);
    CHECK(before - made < pages + 8);
    at = shown(r, PROT_READ | PROT_WRITE);
    made = free_pages();
    for (uint64_t i = 0; i < pages; i++)
        at[i * PAGE_SIZE] = 1;
    used = free_pages();
    CHECK_EQ(used, made);
    CHECK_EQ(handle_close(r), 0);
    CHECK(free_pages() + 4 >= before);
}

// H1: with memory eaten up, small regions come to an end cleanly; those there
// are can be filled.
TEST(memory_exhausted)
{
    handle_t old = append_only(3 * PAGE_SIZE);
    static char page[PAGE_SIZE];
    long child = SPAWN({
        uint64_t before, after;
        long r, last = -1;

        eat_memory();
        while ((r = region_create(REGION_APPEND, 1, 0, 0, 0)) >= 0)
            last = r;
        CHECK(r == -E_NOMEM || r == -E_MFILE);
        (void)last;
        before = free_pages();
        CHECK(region_create(REGION_IMMUTABLE, 8 * PAGE_SIZE, 0, page, 1) < 0);
        after = free_pages();
        CHECK_EQ(after, before);
        for (int i = 0; i < 3; i++)
            CHECK_EQ(region_append(old, page, PAGE_SIZE), i * (long)PAGE_SIZE);
    });

    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(info_of(old).cursor, 3 * PAGE_SIZE);
}

// I1: initial bytes, then zeros; sealed from the start.
TEST(initial_content)
{
    char text[32];
    handle_t r = sealed("Hello World!", 12, 20);

    CHECK_EQ(info_of(r).sealed, 1);
    CHECK_EQ(info_of(r).size, 20);
    CHECK_EQ(region_read(r, 6, text, 32), 14);
    CHECK_EQ(memcmp(text, "World!\0\0\0\0\0\0\0\0", 14), 0);
    CHECK_EQ(region_read(r, 0, text, 5), 5);
    CHECK_EQ(memcmp(text, "Hello", 5), 0);
    CHECK_EQ(region_read(r, 19, text, 0), 0);
    CHECK_ERR(region_read(r, 20, text, 0), E_INVAL);
    CHECK_ERR(region_read(r, UINT64_MAX, text, 1), E_INVAL);
}

// I1: initial bytes are copied: the buffer may change afterwards.
TEST(initial_content_is_copied)
{
    const uint64_t size = 3 * PAGE_SIZE + 100;
    uint8_t *mine = malloc(size), *back = malloc(size);
    handle_t r;

    test_fill(mine, size, test_seed());
    r = sealed(mine, size, size);
    memset(mine, 0, size);
    CHECK_EQ(region_read(r, 0, back, size), size);
    test_fill(mine, size, test_seed());
    CHECK_EQ(memcmp(mine, back, size), 0);
    CHECK_EQ(memcmp((const void *)(uintptr_t)shown(r, PROT_READ), mine, size),
             0);
}

// I1: more initial bytes than the region has, or any for another policy.
TEST(initial_content_refused)
{
    CHECK_ERR(region_create(REGION_IMMUTABLE, 4, 0, "12345", 5), E_INVAL);
    CHECK_ERR(region_create(REGION_IMMUTABLE, 4, 0, "1", UINT64_MAX), E_INVAL);
    CHECK_ERR(region_create(REGION_APPEND, 4, 0, "1", 1), E_INVAL);
    CHECK_ERR(region_create(REGION_SLAB, 8, 1, "1", 1), E_INVAL);
}

// I1 B5: initial bytes that cannot be read: E_FAULT, and nothing is made.
TEST(initial_content_wild)
{
    static struct sys_info before, after;
    uint8_t *tail = heap_tail(8);

    CHECK_EQ(sys_info(&before), 0);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(
            region_create(REGION_IMMUTABLE, PAGE_SIZE, 0, wild_pointers[i], 16),
            E_FAULT);
    CHECK_ERR(region_create(REGION_IMMUTABLE, PAGE_SIZE, 0, tail, 9), E_FAULT);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.free_pages, before.free_pages);
}

// J2 K6: a null pointer with a length of 0 is not touched.
TEST(null_with_no_bytes)
{
    handle_t r = immutable(8), log = append_only(8), slots = slab(8, 1);
    long slot = slot_alloc(slots);

    CHECK_EQ(region_read(r, 0, 0, 0), 0);
    CHECK_EQ(region_write(r, 0, 0, 0), 0);
    CHECK_EQ(region_append(log, 0, 0), 0);
    CHECK_EQ(slot_read(slots, (uint64_t)slot, 0, 0), 0);
    CHECK_EQ(slot_write(slots, (uint64_t)slot, 0, 0), 0);
}

// H2 A5: a full handle table: E_MFILE, and no region is left behind.
TEST(table_full)
{
    static struct sys_info before, after;
    handle_t r = immutable(8);

    while (handle_dup(r, RIGHT_READ, 0) >= 0)
        continue;
    CHECK_EQ(sys_info(&before), 0);
    CHECK_ERR(region_create(REGION_SLAB, 8, 100, 0, 0), E_MFILE);
    CHECK_ERR(region_open("echo"), E_MFILE);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.free_pages, before.free_pages);
}

// H1: a thousand regions exist side by side.
TEST(a_thousand)
{
    long q = queue_create(8, 8, 0);
    static struct sys_info info;
    uint64_t before;

    CHECK_EQ(sys_info(&info), 0);
    before = info.objects;
    for (int i = 0; i < 5; i++)
        SPAWN({
            for (int n = 0; n < 200; n++)
                slab(8, 1);
            put(q, 1);
            timer_wait(TIMER_REL, MS(SETTLE_MS) * 6);
        });
    for (int i = 0; i < 5; i++)
        CHECK_EQ(take(q), 1);
    CHECK_EQ(sys_info(&info), 0);
    CHECK_EQ(info.objects, before + 1000);
    for (struct proc_info p = {.pid = 0};
         proc_info(-((long)p.pid + 1), &p) >= 0;)
        if (p.parent == getpid())
            CHECK_EQ(kill(p.pid), 0);
    while (wait(-1, 0, FOREVER) >= 0)
        continue;
    CHECK_EQ(sys_info(&info), 0);
    CHECK_EQ(info.objects, before);
}

TEST_MAIN()
