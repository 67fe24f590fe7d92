/* Mappings: what they allow, where they are, and when they end. */
#include "region.h"

#define PROT_RW (PROT_READ | PROT_WRITE)
#define PROT_RX (PROT_READ | PROT_EXEC)

/* What region_map has to answer; 0 for an address. */
static long want(uint32_t rights, bool writable, uint32_t prot)
{
    if (!(rights & RIGHT_READ) ||
        ((prot & PROT_WRITE) && !(rights & RIGHT_WRITE)) ||
        ((prot & PROT_EXEC) && !(rights & RIGHT_EXECUTE)))
        return -E_ACCES;
    if (!(prot & PROT_READ) || prot > 7)
        return -E_INVAL;
    if ((prot & PROT_WRITE) && ((prot & PROT_EXEC) || !writable))
        return -E_ACCES;
    return 0;
}

static void try_all(handle_t r, uint32_t held, bool writable)
{
    static const uint32_t prots[] = {0, 1, 2, 3,  4,          5,
                                     6, 7, 8, 15, 0x80000001, UINT32_MAX};

    for (uint32_t rights = 0; rights < 32; rights++) {
        long h = rights & ~held ? -1 : handle_dup(r, rights, 0);

        if (h < 0)
            continue;
        for (uint32_t i = 0; i < sizeof(prots) / sizeof(prots[0]); i++) {
            long at = region_map((handle_t)h, 0, prots[i]);

            CHECK_EQ(at < 0 ? at : 0, want(rights, writable, prots[i]));
            if (at >= 0)
                CHECK_EQ(region_unmap((uint64_t)at), 0);
        }
        CHECK_EQ(handle_close((handle_t)h), 0);
    }
}

// H4 H9: rights, policy and protection: what may be mapped, and which error
// tells that it may not.
TEST(rights_and_protection)
{
    handle_t built = immutable(8);

    try_all(built, RIGHTS_FULL, true);
    CHECK_EQ(region_seal(built), 0);
    try_all(built, RIGHTS_FULL, false);
    try_all(append_only(8), RIGHTS_FULL, false);
    try_all(slab(8, 1), RIGHTS_FULL, true);
    try_all((handle_t)region_open("echo"),
            RIGHT_READ | RIGHT_EXECUTE | RIGHT_GRANT, false);
}

/* The pages of a mapping: readable, writable or not, never executable. */
static void probe(volatile uint8_t *at, uint64_t pages, bool writable)
{
    for (uint64_t i = 0; i < pages; i++) {
        volatile uint8_t *p = at + i * PAGE_SIZE + i;

        CHECK_EQ(*p, 0);
        if (writable)
            store_works(p);
        else
            store_faults(p);
    }
    fetch_faults(at);
    fetch_faults(at + (pages - 1) * PAGE_SIZE);
}

// H4 I3: an unsealed Immutable region, mapped to read, and to read and write.
TEST(probe_unsealed)
{
    handle_t r = immutable(3 * PAGE_SIZE);
    volatile uint8_t *at = shown(r, PROT_READ);

    probe(at, 3, false);
    CHECK_EQ(region_unmap((uint64_t)at), 0);
    probe(shown(r, PROT_RW), 3, true);
}

// H4 I2: a store to any page of a sealed region faults, for the creator too.
TEST(probe_sealed)
{
    handle_t r = sealed("\0", 1, 5 * PAGE_SIZE);

    probe(shown(r, PROT_READ), 5, false);
    CHECK_ERR(region_map(r, 0, PROT_RW), E_ACCES);
}

// H4 J4: nobody stores into an AppendOnly region: creator, child, grantee.
TEST(probe_append)
{
    handle_t r = append_only(2 * PAGE_SIZE);
    long mine = handle_dup(r, RW, 0);

    probe(shown(r, PROT_READ), 2, false);
    CHECK_EQ(JOIN(SPAWN({
                 CHECK_EQ(handle_close(r), 0);
                 probe(shown((handle_t)mine, PROT_READ), 2, false);
                 CHECK_ERR(region_map((handle_t)mine, 0, PROT_RW), E_ACCES);
             })),
             0);
}

// H4 K7: a Slab is written by who holds WRITE, and read by the rest.
TEST(probe_slab)
{
    handle_t r = slab(PAGE_SIZE, 2);
    long reader = handle_dup(r, RIGHT_READ, 0);
    volatile uint8_t *at = shown(r, PROT_READ);

    probe(at, 2, false);
    CHECK_EQ(region_unmap((uint64_t)at), 0);
    CHECK_ERR(region_map((handle_t)reader, 0, PROT_RW), E_ACCES);
    at = shown((handle_t)reader, PROT_READ);
    probe(at, 2, false);
    CHECK_EQ(region_unmap((uint64_t)at), 0);
    probe(shown(r, PROT_RW), 2, true);
}

#define HERE ((volatile uint8_t *)(1ull << 35))

static void map_here(handle_t r, uint32_t prot)
{
    CHECK_EQ(region_map(r, (uint64_t)HERE, prot), (uint64_t)HERE);
    CHECK_EQ(*HERE, 0);
}

// H4 I2 J4: the creator itself, not a child of it, faults when it stores to
// what it has made.
TEST(creator_stores)
{
    long child = SPAWN({
        map_here(sealed("\0", 1, 8), PROT_READ);
        *HERE = 1;
    });

    check_faulted(child, CAUSE_STORE, HERE);
    child = SPAWN({
        map_here(append_only(8), PROT_READ);
        *HERE = 1;
    });
    check_faulted(child, CAUSE_STORE, HERE);
    child = SPAWN({
        map_here(slab(8, 1), PROT_READ);
        *HERE = 1;
    });
    check_faulted(child, CAUSE_STORE, HERE);
    child = SPAWN({
        map_here(immutable(8), PROT_RW);
        *HERE = 1;
        ((void (*)(void))(uintptr_t)HERE)();
    });
    check_faulted(child, CAUSE_FETCH, HERE);
}

// H8 H11: what a process has just used is gone for it at once when it unmaps,
// closes or revokes.
TEST(own_use_afterwards)
{
    for (int way = 0; way < 4; way++) {
        long child = SPAWN({
            handle_t r = slab(8, 1);
            handle_t mine = (handle_t)handle_dup(r, RW, 0);

            map_here(mine, PROT_RW);
            *HERE = 1;
            if (way == 0)
                CHECK_EQ(region_unmap((uint64_t)HERE), 0);
            if (way == 1)
                CHECK_EQ(handle_close(mine), 0);
            if (way == 2)
                CHECK_EQ(handle_revoke(r), 1);
            if (way == 3) {
                CHECK_EQ(region_unmap((uint64_t)HERE), 0);
                map_here(immutable(8), PROT_READ);
            }
            *HERE = 2;
        });

        check_faulted(child, CAUSE_STORE, HERE);
    }
}

// H8: a standard stream that is a region goes when another takes its place.
TEST(replaced_stream)
{
    long child = SPAWN({
        handle_t r = slab(8, 1);

        CHECK_EQ(handle_dup_at(r, 0), 0);
        CHECK_EQ(handle_close(r), 0);
        map_here(0, PROT_RW);
        CHECK_EQ(handle_dup_at(2, 0), 0);
        (void)*HERE;
    });

    check_faulted(child, CAUSE_LOAD, HERE);
}

// H4: before and behind a mapping, there is nothing.
TEST(probe_outside)
{
    handle_t r = immutable(PAGE_SIZE + 1);
    volatile uint8_t *at = shown(r, PROT_RW);

    is_gone(at - 1);
    store_faults(at - 1);
    is_gone(at + 2 * PAGE_SIZE);
    store_faults(at + 2 * PAGE_SIZE);
    fetch_faults(at + 2 * PAGE_SIZE);
}

// H12: bits of use are set beforehand: every page of a large mapping is
// touched once for reading, once for writing, without a fault.
TEST(no_fault_on_first_use)
{
    const uint64_t pages = 600;
    handle_t r = slab(PAGE_SIZE, pages);
    volatile uint8_t *at = shown(r, PROT_RW);

    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(at[i * PAGE_SIZE], 0);
    for (uint64_t i = 0; i < pages; i++)
        at[i * PAGE_SIZE + 8] = (uint8_t)i;
    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(at[i * PAGE_SIZE + 8], (uint8_t)i);
}

// H9: with a hint of 0 the kernel finds room, each time elsewhere.
TEST(kernel_picks)
{
    volatile uint8_t *at[8];
    handle_t r[8];

    for (int i = 0; i < 8; i++) {
        r[i] = slab(PAGE_SIZE, (uint64_t)i + 1);
        at[i] = shown(r[i], PROT_RW);
        CHECK((uint64_t)at[i] + (uint64_t)(i + 1) * PAGE_SIZE <= USER_END);
        for (int page = 0; page <= i; page++)
            at[i][(uint64_t)page * PAGE_SIZE] = (uint8_t)(i * 16 + page);
    }
    for (int i = 0; i < 8; i++)
        for (int page = 0; page <= i; page++)
            CHECK_EQ(at[i][(uint64_t)page * PAGE_SIZE], i * 16 + page);
}

// H9: a hint with room is where the region appears.
TEST(hint_is_kept)
{
    static const uint64_t hints[] = {
        1ull << 30, (1ull << 37) + 5 * PAGE_SIZE, USER_END - 2 * PAGE_SIZE,
        RING_VADDR - 2 * PAGE_SIZE, RING_VADDR + 3 * PAGE_SIZE};
    handle_t r = sealed("mark", 4, 2 * PAGE_SIZE);

    for (uint32_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        CHECK_EQ(region_map(r, hints[i], PROT_READ), hints[i]);
        CHECK_EQ(memcmp((const void *)hints[i], "mark", 4), 0);
        CHECK_EQ(region_unmap(hints[i]), 0);
    }
}

static void refused(handle_t r, uint64_t hint)
{
    CHECK_ERR(region_map(r, hint, PROT_READ), E_INVAL);
}

// H9: hints that are E_INVAL: not aligned, beyond the end, the program, its
// heap and stack, the submit ring.
TEST(hint_refused)
{
    handle_t r = immutable(2 * PAGE_SIZE);
    uint64_t page = ~(uint64_t)(PAGE_SIZE - 1);
    uint64_t here = (uint64_t)&r & page, heap;

    sbrk(2 * PAGE_SIZE);
    heap = (uint64_t)heap_end();
    refused(r, (1ull << 30) + 1);
    refused(r, (1ull << 30) + 2048);
    refused(r, USER_END);
    refused(r, USER_END - PAGE_SIZE);
    refused(r, 1ull << 63);
    refused(r, UINT64_MAX & page);
    refused(r, UINT64_MAX - 2 * PAGE_SIZE + 1);
    refused(r, 0xffffffc080200000ull);
    refused(r, here);
    refused(r, here - PAGE_SIZE);
    refused(r, (uint64_t)&refused & page);
    refused(r, (uint64_t)wild_pointers & page);
    refused(r, heap - PAGE_SIZE);
    for (int i = -1; i < 3; i++)
        refused(r, RING_VADDR + (uint64_t)i * PAGE_SIZE);
    CHECK(region_map(r, 0, PROT_READ) > 0);
}

// H9: a place with another region, or a part of one, is taken; the pages on
// both sides of it are not.
TEST(hint_overlaps)
{
    const uint64_t at = 1ull << 31;
    handle_t first = immutable(3 * PAGE_SIZE), r = immutable(2 * PAGE_SIZE);
    handle_t behind = immutable(PAGE_SIZE);

    CHECK_EQ(region_map(first, at, PROT_READ), at);
    for (int i = -1; i < 3; i++)
        refused(r, at + (uint64_t)(i * (int)PAGE_SIZE));
    CHECK_EQ(region_map(r, at - 2 * PAGE_SIZE, PROT_READ), at - 2 * PAGE_SIZE);
    CHECK_EQ(region_map(behind, at + 3 * PAGE_SIZE, PROT_READ),
             at + 3 * PAGE_SIZE);
}

// H9: a process maps a region once, whichever handle it uses.
TEST(mapped_once)
{
    handle_t r = slab(64, 64);
    long other = handle_dup(r, RW, 0);
    volatile uint8_t *at = shown(r, PROT_READ);

    CHECK_ERR(region_map(r, 0, PROT_READ), E_EXIST);
    CHECK_ERR(region_map(r, 0, PROT_RW), E_EXIST);
    CHECK_ERR(region_map((handle_t)other, 1ull << 30, PROT_READ), E_EXIST);
    CHECK_EQ(JOIN(SPAWN(CHECK_ERR(region_map(r, 0, PROT_READ), E_EXIST))), 0);
    CHECK_EQ(region_unmap((uint64_t)at), 0);
    at = shown((handle_t)other, PROT_RW);
    CHECK_ERR(region_map(r, 0, PROT_READ), E_EXIST);
    CHECK_EQ(handle_close((handle_t)other), 0);
    shown(r, PROT_READ);
}

// H9: the text that runs is the boot file's, and can be mapped all the same.
TEST(own_text)
{
    handle_t r = (handle_t)region_open("region-map");
    volatile uint8_t *at = shown(r, PROT_RX);

    CHECK_EQ(memcmp((const void *)(uintptr_t)at, "\177ELF", 4), 0);
    CHECK_ERR(region_map(r, 0, PROT_READ), E_EXIST);
    CHECK_EQ(region_unmap((uint64_t)at), 0);
}

// H9: the heap grows up to a mapping and not into it.
TEST(heap_meets_mapping)
{
    handle_t r = sealed("stays", 5, PAGE_SIZE);
    uint64_t at = (uint64_t)heap_end() + 4 * PAGE_SIZE;
    long old = sbrk(0);

    CHECK_EQ(region_map(r, at, PROT_READ), at);
    CHECK_ERR(sbrk(8 * PAGE_SIZE), E_NOMEM);
    CHECK_EQ(sbrk(0), old);
    CHECK_EQ(sbrk((long)(at - (uint64_t)old)), old);
    CHECK_ERR(sbrk(1), E_NOMEM);
    CHECK_EQ(memcmp((const void *)at, "stays", 5), 0);
    *(volatile uint8_t *)(at - 1) = 1;
    refused(immutable(8), at - PAGE_SIZE);
}

// H8: unmapping takes exactly the address that mapping gave.
TEST(unmap_address)
{
    handle_t r = immutable(3 * PAGE_SIZE);
    volatile uint8_t *at = shown(r, PROT_RW);

    CHECK_ERR(region_unmap(0), E_INVAL);
    CHECK_ERR(region_unmap((uint64_t)at + 1), E_INVAL);
    CHECK_ERR(region_unmap((uint64_t)at + PAGE_SIZE), E_INVAL);
    CHECK_ERR(region_unmap((uint64_t)at - PAGE_SIZE), E_INVAL);
    CHECK_ERR(region_unmap((uint64_t)&refused & ~(PAGE_SIZE - 1)), E_INVAL);
    CHECK_ERR(region_unmap((uint64_t)&r & ~(PAGE_SIZE - 1)), E_INVAL);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(region_unmap((uint64_t)wild_pointers[i]), E_INVAL);
    at[2 * PAGE_SIZE] = 9;
    CHECK_EQ(region_unmap((uint64_t)at), 0);
    CHECK_ERR(region_unmap((uint64_t)at), E_INVAL);
    for (uint64_t i = 0; i < 3; i++)
        is_gone(at + i * PAGE_SIZE);
    CHECK_EQ(shown(r, PROT_READ)[2 * PAGE_SIZE], 9);
}

// H8: in the middle of three, the neighbours stay.
TEST(unmap_middle)
{
    const uint64_t at = 1ull << 32;
    handle_t r[3];

    for (uint64_t i = 0; i < 3; i++) {
        r[i] = sealed("012" + i, 1, PAGE_SIZE);
        CHECK_EQ(region_map(r[i], at + i * PAGE_SIZE, PROT_READ),
                 at + i * PAGE_SIZE);
    }
    CHECK_EQ(region_unmap(at + PAGE_SIZE), 0);
    CHECK_EQ(*(volatile char *)at, '0');
    CHECK_EQ(*(volatile char *)(at + 2 * PAGE_SIZE), '2');
    is_gone((volatile uint8_t *)at + PAGE_SIZE);
    CHECK_EQ(region_map(r[1], 0, PROT_READ) > 0, 1);
}

// H8: closing the handle that it was mapped through ends a mapping; closing
// another one does not.
TEST(close_unmaps)
{
    handle_t r = slab(8, 8);
    long other = handle_dup(r, RW, 0);
    volatile uint8_t *at = shown((handle_t)other, PROT_RW);

    at[0] = 5;
    CHECK_EQ(handle_close(r), 0);
    CHECK_EQ(at[0], 5);
    CHECK_EQ(handle_close((handle_t)other), 0);
    is_gone(at);
    CHECK_ERR(region_unmap((uint64_t)at), E_INVAL);
}

// H8: of two handles the one not mapped through is left, and maps anew.
TEST(close_keeps_region)
{
    handle_t r = slab(8, 8);
    long other = handle_dup(r, RW, 0);
    volatile uint8_t *at = shown(r, PROT_RW);

    at[3] = 33;
    CHECK_EQ(handle_close(r), 0);
    is_gone(at);
    at = shown((handle_t)other, PROT_READ);
    CHECK_EQ(at[3], 33);
}

// H8 H7: a child's mapping belongs to the child's copy of the handle.
TEST(close_in_child)
{
    handle_t r = slab(8, 8);
    volatile uint8_t *at = shown(r, PROT_RW);
    long child = SPAWN({
        at[1] = 11;
        CHECK_EQ(handle_close(r), 0);
        is_gone(at);
    });

    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(at[1], 11);
    at[1] = 12;
    child = SPAWN({
        CHECK_EQ(region_unmap((uint64_t)at), 0);
        CHECK_EQ(shown(r, PROT_READ)[1], 12);
    });
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(at[1], 12);
}

// H7 H8: what the parent closes after fork stays mapped in the child.
TEST(close_in_parent)
{
    long q = queue_create(1, 8, 0);
    handle_t r = slab(8, 8);
    volatile uint8_t *at = shown(r, PROT_RW);
    long child = SPAWN({
        take(q);
        CHECK_EQ(at[0], 1);
        at[0] = 2;
        CHECK_EQ(info_of(r).slot_count, 8);
    });

    at[0] = 1;
    CHECK_EQ(handle_close(r), 0);
    put(q, 0);
    CHECK_EQ(JOIN(child), 0);
}

// H7: parent and child see one frame, both ways, at one address; the child's
// end leaves it to the parent.
TEST(fork_shares)
{
    handle_t r = slab(PAGE_SIZE, 2);
    volatile uint8_t *at = shown(r, PROT_RW);
    uint64_t frame = info_of(r).first_frame;
    long child;

    at[0] = 1;
    child = SPAWN({
        CHECK_EQ(at[0], 1);
        CHECK_EQ(info_of(r).first_frame, frame);
        at[PAGE_SIZE] = 2;
        CHECK_EQ(JOIN(SPAWN(at[PAGE_SIZE + 1] = 3)), 0);
    });
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(at[PAGE_SIZE], 2);
    CHECK_EQ(at[PAGE_SIZE + 1], 3);
    CHECK_EQ(info_of(r).first_frame, frame);
}

// H7: what a child appends, its parent reads, mapped or not.
TEST(fork_shares_append)
{
    char text[8];
    handle_t r = append_only(100);
    volatile uint8_t *at = shown(r, PROT_READ);

    CHECK_EQ(JOIN(SPAWN(CHECK_EQ(region_append(r, "child", 5), 0))), 0);
    CHECK_EQ(region_append(r, "!", 1), 5);
    CHECK_EQ(region_read(r, 0, text, 8), 6);
    CHECK_EQ(memcmp(text, "child!", 6), 0);
    CHECK_EQ(at[5], '!');
}

// H7: fork copies no page of a region.
TEST(fork_copies_nothing)
{
    const uint64_t pages = 512;
    long q = queue_create(1, 8, 0), child;
    uint64_t before, during;

    shown(slab(PAGE_SIZE, pages), PROT_RW);
    before = free_pages();
    child = SPAWN(take(q));
    during = free_pages();
    CHECK(before - during < pages / 4);
    put(q, 0);
    CHECK_EQ(JOIN(child), 0);
}

// H8: a process that ends with a region mapped, or is killed, gives all back.
TEST(exit_and_kill)
{
    long q = queue_create(1, 8, 0);
    uint64_t before = free_pages(), after;

    for (int i = 0; i < 20; i++) {
        long child = SPAWN({
            handle_t r = slab(PAGE_SIZE, 40);

            shown(r, PROT_RW)[0] = 1;
            put(q, 1);
            if (i % 2)
                timer_wait(TIMER_REL, MS(SETTLE_MS));
        });

        CHECK_EQ(take(q), 1);
        if (i % 2)
            CHECK_EQ(kill(child), 0);
        CHECK_EQ(wait(child, 0, FOREVER), child);
    }
    after = free_pages();
    CHECK_EQ(after, before);
}

// H8: a thousand processes map a region, some unmap it, all end: not a page is
// lost or freed twice.
TEST(a_thousand_cycles)
{
    handle_t r = slab(PAGE_SIZE, 3);
    volatile uint8_t *at = shown(r, PROT_RW);
    uint64_t before;

    JOIN(SPAWN(region_unmap((uint64_t)at)));
    before = free_pages();
    for (uint64_t i = 0; i < 1000; i++) {
        long child = SPAWN({
            at[i % 3 * PAGE_SIZE] = (uint8_t)i;
            if (i % 4 == 1)
                CHECK_EQ(region_unmap((uint64_t)at), 0);
            if (i % 4 == 2)
                CHECK_EQ(handle_close(r), 0);
            if (i % 4 == 3)
                shown(immutable(PAGE_SIZE), PROT_RW)[0] = 1;
        });
        uint64_t after;

        CHECK_EQ(JOIN(child), 0);
        CHECK_EQ(at[i % 3 * PAGE_SIZE], (uint8_t)i);
        after = free_pages();
        CHECK_EQ(after, before);
    }
}

// H8: mapping and unmapping over and over in one process.
TEST(cycles_in_one)
{
    handle_t r = immutable(20 * PAGE_SIZE);
    uint64_t before, after;

    CHECK_EQ(region_unmap((uint64_t)shown(r, PROT_READ)), 0);
    before = free_pages();
    for (int i = 0; i < 1000; i++) {
        volatile uint8_t *at = shown(r, i % 2 ? PROT_READ : PROT_RW);

        CHECK_EQ(at[19 * PAGE_SIZE], 0);
        CHECK_EQ(region_unmap((uint64_t)at), 0);
    }
    after = free_pages();
    CHECK_EQ(after, before);
}

// H11 H8: revoking a handle of another process ends what it mapped there.
TEST(revoke_unmaps)
{
    long q = queue_create(1, 8, 0), child;
    handle_t r = slab(8, 8);
    long given = handle_dup(r, RW, 0);
    volatile uint8_t *mine = shown(r, PROT_RW);
    static struct exit_info end;

    child = SPAWN({
        volatile uint8_t *at;

        CHECK_EQ(region_unmap((uint64_t)mine), 0);
        at = shown((handle_t)given, PROT_RW);
        put(q, (uint64_t)at);
        for (;;)
            at[1]++;
    });
    uint64_t there = take(q);
    CHECK_EQ(handle_revoke(r), 2);
    CHECK_EQ(wait(child, &end, MS(SETTLE_MS)), child);
    CHECK_EQ(end.reason, EXIT_FAULT);
    CHECK(end.cause == CAUSE_LOAD || end.cause == CAUSE_STORE);
    CHECK_EQ(end.addr, there + 1);
    mine[0] = 1;
}

// H11 F12: when handle_revoke returns, no hart stores there any more.
TEST(revoke_stops_stores)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < 20; i++) {
        handle_t r = slab(PAGE_SIZE, 1);
        volatile uint64_t *mine = (volatile uint64_t *)shown(r, PROT_RW);
        long given = handle_dup(r, RW, 0), child;
        uint64_t last;

        child = SPAWN({
            volatile uint64_t *at;

            CHECK_EQ(region_unmap((uint64_t)mine), 0);
            at = (volatile uint64_t *)shown((handle_t)given, PROT_RW);
            for (;;)
                ++*at;
        });
        while (*mine == 0)
            yield();
        BUSY_US(random_below(&seed, 200));
        CHECK_EQ(handle_revoke(r), 2);
        last = *mine;
        nap_ms(2);
        CHECK_EQ(*mine, last);
        CHECK_EQ(wait(child, 0, MS(SETTLE_MS)), child);
        CHECK_EQ(handle_close(r), 0);
    }
}

// H11: a revoke in the same process, and what does not derive stays.
TEST(revoke_own)
{
    handle_t r = slab(8, 8), other = slab(8, 8);
    long derived = handle_dup(r, RW, 0);
    volatile uint8_t *at = shown((handle_t)derived, PROT_RW);
    volatile uint8_t *stays = shown(other, PROT_RW);

    CHECK_EQ(handle_revoke(r), 1);
    is_gone(at);
    stays[0] = 1;
    at = shown(r, PROT_RW);
    CHECK_EQ(handle_revoke(r), 0);
    at[0] = 2;
}

// H11: a granted handle, revoked while its owner sleeps.
TEST(revoke_of_sleeper)
{
    long q = queue_create(1, 8, 0), child;
    handle_t r = sealed("text", 4, 4);
    static struct exit_info end;

    child = SPAWN({
        handle_t mine = (handle_t)take(q);
        volatile uint8_t *at;

        CHECK_EQ(handle_close(r), 0);
        at = shown(mine, PROT_READ);
        CHECK_EQ(at[0], 't');
        take(q);
        (void)*at;
    });
    await_receivers(q, 1);
    put(q, (uint64_t)handle_grant(r, child, RIGHT_READ, 0));
    await_receivers(q, 1);
    CHECK_EQ(handle_revoke(r), 1);
    put(q, 0);
    CHECK_EQ(wait(child, &end, MS(SETTLE_MS)), child);
    CHECK_EQ(end.reason, EXIT_FAULT);
    CHECK_EQ(end.cause, CAUSE_LOAD);
}

/* What exec starts: is the region of handle argv[2] mapped at argv[3]? */
static int after_exec(char **argv)
{
    handle_t r = (handle_t)atoi(argv[2]);
    volatile uint8_t *at = (volatile uint8_t *)strtoul(argv[3], 0, 0);

    CHECK_EQ(info_of(r).slot_count, 8);
    shown(r, PROT_READ);
    (void)*at;
    return 0;
}

// H8 F7: exec keeps the handle and drops the mapping.
TEST(exec_unmaps)
{
    const uint64_t at = 1ull << 33;
    handle_t r = slab(8, 8);
    char number[16], address[24];
    const char *args[] = {"region-map", "--after-exec", number, address, 0};
    long child;

    snprintf(number, sizeof(number), "%d", r);
    snprintf(address, sizeof(address), "0x%lx", at);
    CHECK_EQ(region_map(r, at, PROT_RW), at);
    child = SPAWN({
        *(volatile uint8_t *)at = 1;
        exec_list(args);
    });
    check_faulted(child, CAUSE_LOAD, (volatile void *)at);
    CHECK_EQ(*(volatile uint8_t *)at, 1);
}

// H8 N7: without memory for its tables a mapping is E_NOMEM, and nothing stays.
TEST(no_memory)
{
    const uint64_t at = 1ull << 37;
    handle_t r = immutable(PAGE_SIZE);
    long child = SPAWN({
        eat_memory();
        while (region_create(REGION_IMMUTABLE, 1, 0, 0, 0) >= 0)
            continue;
        CHECK_ERR(region_map(r, at, PROT_READ), E_NOMEM);
        CHECK_ERR(region_unmap(at), E_INVAL);
        sbrk(-4 * (long)PAGE_SIZE);
        CHECK_EQ(region_map(r, at, PROT_READ), at);
        CHECK_EQ(*(volatile uint8_t *)at, 0);
    });

    CHECK_EQ(JOIN(child), 0);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--after-exec") == 0)
        return after_exec(argv);
    return test_main(argc, argv);
}
