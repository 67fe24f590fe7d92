/* Slabs: slots with a generation, cleared when they are freed. */
#include "region.h"

#define PROT_RW (PROT_READ | PROT_WRITE)

static uint64_t take_slot(handle_t r)
{
    long slot = slot_alloc(r);

    CHECK(slot > 0);
    CHECK((uint64_t)slot >> 32 >= 1);
    return (uint64_t)slot;
}

/* All calls on a slot value answer E_STALE, and write nothing. */
static void is_stale(handle_t r, uint64_t slot)
{
    uint64_t word = 0x1234;

    CHECK_ERR(slot_read(r, slot, &word, 8), E_STALE);
    CHECK_EQ(word, 0x1234);
    CHECK_ERR(slot_write(r, slot, &word, 8), E_STALE);
    CHECK_ERR(slot_free(r, slot), E_STALE);
}

// K1: slot sizes are rounded up to 8, and reported so.
TEST(geometry)
{
    static const uint64_t asked[] = {1, 7, 8, 9, 10, 100, 4096, 4097};

    for (uint32_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        handle_t r = slab(asked[i], 4);
        struct region_info info = info_of(r);
        uint64_t want = (asked[i] + 7) / 8 * 8;

        CHECK_EQ(info.slot_size, want);
        CHECK_EQ(info.slot_count, 4);
        CHECK_EQ(info.pages, (4 * want + PAGE_SIZE - 1) / PAGE_SIZE);
        CHECK_EQ(handle_close(r), 0);
    }
}

// K2: as many distinct slots as there are, then E_NOSPC; a freed one can be
// had again.
TEST(all_slots)
{
    bool had[100] = {false};
    uint64_t slot[100];
    handle_t r = slab(24, 100);

    for (uint64_t i = 0; i < 100; i++) {
        slot[i] = take_slot(r);
        CHECK(SLOT_INDEX(slot[i]) < 100);
        CHECK(!had[SLOT_INDEX(slot[i])]);
        had[SLOT_INDEX(slot[i])] = true;
        CHECK_EQ(info_of(r).slots_used, i + 1);
    }
    CHECK_ERR(slot_alloc(r), E_NOSPC);
    CHECK_EQ(info_of(r).slots_used, 100);
    CHECK_EQ(slot_free(r, slot[37]), 0);
    CHECK_EQ(info_of(r).slots_used, 99);
    CHECK_EQ(SLOT_INDEX(take_slot(r)), SLOT_INDEX(slot[37]));
    CHECK_ERR(slot_alloc(r), E_NOSPC);
}

// K3: a freed slot's value is stale for read, write and free; the slot's next
// owner is not touched by it.
TEST(stale)
{
    uint64_t word = 0;
    handle_t r = slab(8, 1);
    uint64_t first = take_slot(r), second;

    CHECK_EQ(slot_free(r, first), 0);
    is_stale(r, first);
    second = take_slot(r);
    CHECK(second != first);
    CHECK_EQ(SLOT_INDEX(second), SLOT_INDEX(first));
    CHECK_EQ(slot_write(r, second, "new one!", 8), 0);
    is_stale(r, first);
    CHECK_EQ(slot_read(r, second, &word, 8), 8);
    CHECK_EQ(memcmp(&word, "new one!", 8), 0);
    CHECK_EQ(info_of(r).slots_used, 1);
}

// K4: before anything is allocated each value is a forgery, the last slot's
// and those behind it too.
TEST(forged_before)
{
    handle_t r = slab(8, 5);

    for (uint64_t index = 0; index < 7; index++)
        for (uint64_t generation = 0; generation < 4; generation++)
            is_stale(r, generation << 32 | index);
    is_stale(r, UINT64_MAX);
    is_stale(r, 1ull << 32 | UINT32_MAX);
    is_stale(r, UINT64_MAX << 32);
    is_stale(r, 1ull << 63);
    CHECK_EQ(info_of(r).slots_used, 0);
    CHECK(all_are(shown(r, PROT_READ), 40, 0));
}

// K4: with some allocated, guesses do not reach the others, and no slot is
// handed out twice for them.
TEST(forged_after)
{
    bool had[8] = {false};
    handle_t r = slab(16, 8);
    uint64_t mine[4];

    for (int i = 0; i < 4; i++) {
        mine[i] = take_slot(r);
        had[SLOT_INDEX(mine[i])] = true;
    }
    for (uint64_t index = 0; index < 8; index++)
        for (uint64_t generation = 0; generation < 4; generation++)
            if (!had[index] || generation != mine[0] >> 32)
                is_stale(r, generation << 32 | index);
    for (int i = 0; i < 4; i++) {
        uint32_t index = SLOT_INDEX(take_slot(r));

        CHECK(!had[index]);
        had[index] = true;
    }
    CHECK_ERR(slot_alloc(r), E_NOSPC);
}

// K4: another bit anywhere in a value makes it a forgery.
TEST(each_bit_counts)
{
    handle_t r = slab(8, 1024);
    uint64_t slot = take_slot(r), word;

    for (int bit = 0; bit < 64; bit++)
        is_stale(r, slot ^ 1ull << bit);
    CHECK_EQ(slot_read(r, slot, &word, 8), 8);
}

// K4: a value belongs to one region.
TEST(other_slab)
{
    handle_t a = slab(8, 4), b = slab(8, 4);
    uint64_t first = take_slot(a), word;

    is_stale(b, first);
    take_slot(b);
    CHECK_EQ(slot_free(a, first), 0);
    is_stale(a, first);
    CHECK_EQ(info_of(b).slots_used, 1);
    CHECK_EQ(slot_read(b, first, &word, 8), 8);
}

// K5: whoever gets a slot reads zeros, however it was written before.
TEST(zero_on_free)
{
    const uint64_t size = 3 * PAGE_SIZE / 2;
    uint8_t *bytes = malloc(size);
    handle_t r = slab(size, 4);
    volatile uint8_t *at = shown(r, PROT_RW);

    for (int i = 0; i < 12; i++) {
        uint64_t slot = take_slot(r);
        uint64_t off = SLOT_INDEX(slot) * size;

        CHECK_EQ(slot_read(r, slot, bytes, size), size);
        CHECK(all_are(bytes, size, 0));
        if (i % 2) {
            memset(bytes, 0x77, size);
            CHECK_EQ(slot_write(r, slot, bytes, size), 0);
        } else {
            for (uint64_t n = 0; n < size; n++)
                at[off + n] = 0x88;
        }
        CHECK_EQ(slot_free(r, slot), 0);
        CHECK(all_are(at + off, size, 0));
    }
}

// K6: a write is as long as it is, the rest of the slot stays; longer than the
// slot is E_MSGSIZE, and nothing is written.
TEST(write_lengths)
{
    char back[24];
    handle_t r = slab(20, 3);
    uint64_t slot = take_slot(r);

    CHECK_EQ(slot_write(r, slot, "abcdefghijklmnopqrstuvwx", 24), 0);
    CHECK_EQ(slot_write(r, slot, "12345", 5), 0);
    CHECK_EQ(slot_write(r, slot, 0, 0), 0);
    CHECK_ERR(slot_write(r, slot, back, 25), E_MSGSIZE);
    CHECK_ERR(slot_write(r, slot, back, UINT64_MAX), E_MSGSIZE);
    CHECK_EQ(slot_read(r, slot, back, 24), 24);
    CHECK_EQ(memcmp(back, "12345fghijklmnopqrstuvwx", 24), 0);
    CHECK_EQ(slot_read(r, slot, back, 3), 3);
    CHECK_EQ(slot_read(r, slot, back, 0), 0);
}

// K6: a read gives at most the slot.
TEST(read_lengths)
{
    uint8_t back[64];
    handle_t r = slab(16, 3);
    uint64_t slot = take_slot(r);

    memset(back, 0x5a, sizeof(back));
    CHECK_EQ(slot_read(r, slot, back, 64), 16);
    CHECK(all_are(back, 16, 0));
    CHECK(all_are(back + 16, 48, 0x5a));
}

// K6: neighbours are not touched, also where a slot lies on two pages.
TEST(neighbours)
{
    const uint64_t size = 3000;
    static uint8_t mine[3000], back[3000];
    handle_t r = slab(size, 7);
    uint64_t slot[7];

    for (int i = 0; i < 7; i++) {
        slot[i] = take_slot(r);
        memset(mine, i + 1, size);
        CHECK_EQ(slot_write(r, slot[i], mine, size), 0);
    }
    for (int i = 1; i < 7; i += 2) {
        memset(mine, 0xf0 + i, size);
        CHECK_EQ(slot_write(r, slot[i], mine, size), 0);
    }
    CHECK_EQ(slot_free(r, slot[3]), 0);
    for (int i = 0; i < 7; i++) {
        if (i == 3)
            continue;
        CHECK_EQ(slot_read(r, slot[i], back, size), size);
        CHECK(all_are(back, size, (uint8_t)(i % 2 ? 0xf0 + i : i + 1)));
    }
}

// K6 B5: wild and half-wild buffers: E_FAULT, and the slot is what it was.
TEST(wild_buffers)
{
    uint64_t back[8];
    uint8_t *tail = heap_tail(8);
    handle_t r = slab(64, 2);
    uint64_t slot = take_slot(r);

    memset(tail, 0xee, 8);
    for (uint32_t i = 0; i < WILD_COUNT; i++) {
        CHECK_ERR(slot_write(r, slot, wild_pointers[i], 64), E_FAULT);
        CHECK_ERR(slot_read(r, slot, wild_pointers[i], 64), E_FAULT);
    }
    CHECK_ERR(slot_write(r, slot, tail, 9), E_FAULT);
    CHECK_EQ(slot_read(r, slot, back, 64), 64);
    CHECK(all_are((uint8_t *)back, 64, 0));
    CHECK_ERR(slot_read(r, slot, tail, 9), E_FAULT);
    CHECK_EQ(slot_write(r, slot, tail, 8), 0);
}

// K7: slot i of a mapping is at base + i times the slot size; stores show in
// slot_read, and slot_write in the mapping.
TEST(mapping)
{
    handle_t r = slab(100, 90);
    volatile uint8_t *at = shown(r, PROT_RW);
    uint64_t size = info_of(r).slot_size;

    CHECK_EQ(size, 104);
    for (uint64_t i = 0; i < 90; i++) {
        uint64_t slot = take_slot(r), word = i * 3 + 1, back;
        volatile uint64_t *p =
            (volatile uint64_t *)(at + SLOT_INDEX(slot) * size);

        CHECK_EQ(slot_write(r, slot, &word, 8), 0);
        CHECK_EQ(*p, word);
        p[1] = ~word;
        CHECK_EQ(slot_read(r, slot, &back, 8), 8);
        CHECK_EQ(back, word);
    }
}

// K7: one slab, mapped in four processes that allocate from it: none gets a
// slot that another has, and a slot's bytes are its owner's.
TEST(shared)
{
    enum { SLOTS = 12, OWNERS = 4 };
    handle_t r = slab(64, SLOTS);
    volatile uint8_t *at = shown(r, PROT_RW);
    long child[OWNERS];
    uint32_t n = rounds(2000);

    for (int i = 0; i < OWNERS; i++)
        child[i] = SPAWN({
            for (uint32_t round = 0; round < n; round++) {
                long got = slot_alloc(r);
                volatile uint64_t *p;

                if (got == -E_NOSPC)
                    continue;
                p = (volatile uint64_t *)(at + SLOT_INDEX(got) * 64);
                for (int word = 0; word < 8; word++) {
                    CHECK_EQ(p[word], 0);
                    p[word] = (uint64_t)i + 1;
                }
                if (round % 16 == 0)
                    yield();
                for (int word = 0; word < 8; word++)
                    CHECK_EQ(p[word], (uint64_t)i + 1);
                CHECK_EQ(slot_free(r, (uint64_t)got), 0);
            }
        });
    for (int i = 0; i < OWNERS; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    CHECK_EQ(info_of(r).slots_used, 0);
    CHECK(all_are(at, 64 * SLOTS, 0));
}

// K3 K7: a slot that its owner shares by value is another process's to free;
// then it is stale for the owner.
TEST(freed_elsewhere)
{
    handle_t r = slab(8, 2);
    uint64_t slot = take_slot(r);

    CHECK_EQ(JOIN(SPAWN({
                 uint64_t word = 5;

                 CHECK_EQ(slot_write(r, slot, &word, 8), 0);
                 CHECK_EQ(slot_free(r, slot), 0);
             })),
             0);
    is_stale(r, slot);
    CHECK_EQ(info_of(r).slots_used, 0);
}

// K2: the end of a process leaves its slots allocated: they are the region's.
TEST(outlives_owner)
{
    handle_t r = slab(8, 3);

    CHECK_EQ(JOIN(SPAWN(take_slot(r))), 0);
    CHECK_EQ(info_of(r).slots_used, 1);
    take_slot(r);
    take_slot(r);
    CHECK_ERR(slot_alloc(r), E_NOSPC);
}

// K7 K3: three hundred values of one slot: all different, all but the last
// stale.
TEST(three_hundred)
{
    static uint64_t had[300];
    handle_t r = slab(8, 1);

    for (int i = 0; i < 300; i++) {
        had[i] = take_slot(r);
        for (int n = 0; n < i; n++)
            CHECK(had[n] != had[i]);
        if (i % 10 == 9)
            for (int n = 0; n < i; n++)
                is_stale(r, had[n]);
        CHECK_EQ(slot_free(r, had[i]), 0);
    }
}

// K7 K3: seventy thousand: no value comes again after 2^16 of them.
TEST(seventy_thousand)
{
    handle_t r = slab(8, 2);
    uint64_t first = take_slot(r), last = 0;

    CHECK_EQ(slot_free(r, first), 0);
    for (int i = 0; i < 70000; i++) {
        uint64_t slot = take_slot(r);

        CHECK(slot != first);
        CHECK(SLOT_INDEX(slot) != SLOT_INDEX(first) || slot > first);
        CHECK(slot != last);
        last = slot;
        CHECK_EQ(slot_free(r, slot), 0);
    }
    is_stale(r, first);
    is_stale(r, last);
}

// K2 K4: ten thousand random operations agree with a list of who has what.
TEST(random_against_model)
{
    enum { SLOTS = 20 };
    uint64_t held[SLOTS] = {0}, old[SLOTS] = {0}, word, used = 0;
    uint64_t seed = test_seed();
    handle_t r = slab(8, SLOTS);

    for (int i = 0; i < 10000; i++) {
        uint32_t n = random_below(&seed, SLOTS);

        switch (random_below(&seed, 4)) {
        case 0: {
            long got = slot_alloc(r);

            CHECK_EQ(got < 0, used == SLOTS);
            if (got < 0)
                break;
            CHECK_EQ(held[SLOT_INDEX(got)], 0);
            held[SLOT_INDEX(got)] = (uint64_t)got;
            used++;
            break;
        }
        case 1:
            CHECK_EQ(slot_free(r, held[n]), held[n] ? 0 : -E_STALE);
            if (held[n]) {
                old[n] = held[n];
                used--;
            }
            held[n] = 0;
            break;
        case 2:
            CHECK_EQ(slot_write(r, held[n], &held[n], 8),
                     held[n] ? 0 : -E_STALE);
            break;
        default:
            CHECK_EQ(slot_read(r, held[n], &word, 8), held[n] ? 8 : -E_STALE);
            CHECK(!held[n] || word == 0 || word == held[n]);
            is_stale(r, old[n]);
        }
        CHECK_EQ(info_of(r).slots_used, used);
    }
}

// K2: slot calls need their right.
TEST(rights)
{
    uint64_t word;
    handle_t r = slab(8, 2);
    handle_t reader = (handle_t)handle_dup(r, RIGHT_READ, 0);
    handle_t writer = (handle_t)handle_dup(r, RIGHT_WRITE, 0);
    uint64_t slot = take_slot(writer);

    CHECK_ERR(slot_alloc(reader), E_ACCES);
    CHECK_ERR(slot_free(reader, slot), E_ACCES);
    CHECK_ERR(slot_write(reader, slot, "x", 1), E_ACCES);
    CHECK_ERR(slot_read(writer, slot, &word, 8), E_ACCES);
    CHECK_EQ(slot_write(writer, slot, "12345678", 8), 0);
    CHECK_EQ(slot_read(reader, slot, &word, 8), 8);
    CHECK_EQ(slot_free(writer, slot), 0);
}

// K1: a hundred thousand slots, the last one as good as the first.
TEST(many_slots)
{
    const uint64_t count = 100000;
    handle_t r = slab(8, count);
    uint64_t first = take_slot(r), slot = first;

    for (uint64_t i = 1; i < count; i++)
        slot = take_slot(r);
    CHECK_ERR(slot_alloc(r), E_NOSPC);
    CHECK_EQ(info_of(r).slots_used, count);
    CHECK_EQ(slot_write(r, slot, "last one", 8), 0);
    CHECK_EQ(slot_free(r, first), 0);
    CHECK_EQ(slot_free(r, slot), 0);
    CHECK_EQ(info_of(r).slots_used, count - 2);
}

TEST_MAIN()
