/* region_seal: from then on no byte changes, whoever tries on whatever hart. */
#include "region.h"

#define PROT_RW (PROT_READ | PROT_WRITE)

/* What a child does that stores until it is stopped: by the seal. */
static void store_for_ever(volatile uint64_t *at, uint64_t words)
{
    for (;;)
        for (uint64_t i = 0; i < words; i++)
            ++at[i];
}

static void end_by_store(long child)
{
    struct exit_info end = {0};

    CHECK_EQ(wait(child, &end, MS(SETTLE_MS)), child);
    CHECK_EQ(end.reason, EXIT_FAULT);
    CHECK_EQ(end.cause, CAUSE_STORE);
}

// I3: created without contents it can be built, by call and by store, and is
// sealed once.
TEST(build_then_seal)
{
    char text[16];
    handle_t r = immutable(16);
    volatile uint8_t *at = shown(r, PROT_RW);

    CHECK_EQ(region_write(r, 0, "0123456789", 10), 0);
    at[10] = 'x';
    CHECK_EQ(region_seal(r), 0);
    CHECK_EQ(info_of(r).sealed, 1);
    CHECK_EQ(region_read(r, 0, text, 16), 16);
    CHECK_EQ(memcmp(text, "0123456789x\0\0\0\0", 16), 0);
    CHECK_EQ(memcmp((const void *)(uintptr_t)at, text, 16), 0);
    store_faults(at);
    CHECK_ERR(region_seal(r), E_ALREADY);
}

// I3: what was created with contents is sealed already.
TEST(already_sealed)
{
    CHECK_ERR(region_seal(sealed("x", 1, 10)), E_ALREADY);
}

// I3 I4: after the seal there is no way to write: no call, no new mapping.
TEST(no_back_door)
{
    handle_t r = immutable(PAGE_SIZE);
    long other = handle_dup(r, RW, 0);

    CHECK_EQ(region_write(r, 5, "five", 4), 0);
    CHECK_EQ(region_seal((handle_t)other), 0);
    CHECK_ERR(region_write(r, 0, "x", 1), E_PERM);
    CHECK_ERR(region_write(r, 0, 0, 0), E_PERM);
    CHECK_ERR(region_write((handle_t)other, PAGE_SIZE, "x", 1), E_PERM);
    CHECK_ERR(region_append(r, "x", 1), E_PERM);
    CHECK_ERR(region_append(r, 0, 0), E_PERM);
    CHECK_ERR(region_map(r, 0, PROT_RW), E_ACCES);
    CHECK_ERR(region_map((handle_t)other, 0, PROT_RW), E_ACCES);
    CHECK_EQ(
        memcmp((const void *)(uintptr_t)(shown(r, PROT_READ) + 5), "five", 4),
        0);
}

// I3: the seal needs WRITE; any handle with it may build and seal.
TEST(rights)
{
    handle_t r = immutable(8);
    long reader = handle_dup(r, RIGHT_READ, 0);
    long writer = handle_dup(r, RIGHT_WRITE, 0);

    CHECK_ERR(region_seal((handle_t)reader), E_ACCES);
    CHECK_ERR(region_write((handle_t)reader, 0, "x", 1), E_ACCES);
    CHECK_EQ(region_write((handle_t)writer, 0, "x", 1), 0);
    CHECK_EQ(region_seal((handle_t)writer), 0);
    CHECK_ERR(region_seal((handle_t)reader), E_ACCES);
    CHECK_EQ(info_of((handle_t)reader).sealed, 1);
}

// I3 H5: who has stored and then seals cannot store again.
TEST(own_store)
{
    volatile uint8_t *at = (volatile uint8_t *)(1ull << 35);
    long child = SPAWN({
        handle_t r = immutable(2 * PAGE_SIZE);

        CHECK_EQ(region_map(r, (uint64_t)at, PROT_RW), (uint64_t)at);
        at[PAGE_SIZE] = 1;
        CHECK_EQ(region_seal(r), 0);
        CHECK_EQ(at[PAGE_SIZE], 1);
        at[PAGE_SIZE] = 2;
    });

    check_faulted(child, CAUSE_STORE, at + PAGE_SIZE);
}

// I3 H5: all mappings lose W: in the sealing process, its children, and those
// whose handle is another; what they read is the same.
TEST(all_mappings)
{
    long q = queue_create(4, 8, 0), go = queue_create(4, 8, 0), child[3];
    handle_t r = immutable(3 * PAGE_SIZE);
    long other = handle_dup(r, RW, 0);
    volatile uint8_t *at = shown(r, PROT_RW);

    for (int i = 0; i < 3; i++)
        child[i] = SPAWN({
            volatile uint8_t *mine = at;

            if (i == 1) {
                CHECK_EQ(region_unmap((uint64_t)at), 0);
                mine = shown((handle_t)other, PROT_RW);
            }
            mine[(uint64_t)i * PAGE_SIZE] = 7;
            put(q, 0);
            take(go);
            CHECK_EQ(mine[(uint64_t)i * PAGE_SIZE], 7);
            mine[(uint64_t)i * PAGE_SIZE] = 8;
        });
    for (int i = 0; i < 3; i++)
        take(q);
    CHECK_EQ(region_seal(r), 0);
    for (int i = 0; i < 3; i++)
        put(go, 0);
    for (int i = 0; i < 3; i++)
        end_by_store(child[i]);
    for (uint64_t i = 0; i < 3; i++) {
        store_faults(at + i * PAGE_SIZE);
        CHECK_EQ(at[i * PAGE_SIZE], 7);
    }
}

// H5: twenty times: a child on another hart stores in a loop; when region_seal
// has returned, not a byte changes, and the child ends by its store.
TEST(against_a_storing_child)
{
    uint64_t seed = test_seed();

    for (int round = 0; round < 20; round++) {
        handle_t r = immutable(PAGE_SIZE);
        volatile uint64_t *at = (volatile uint64_t *)shown(r, PROT_RW);
        long child = SPAWN(store_for_ever(at, 8));
        uint64_t last[8];

        while (at[7] < 2)
            yield();
        BUSY_US(random_below(&seed, 300));
        CHECK_EQ(region_seal(r), 0);
        for (int i = 0; i < 8; i++)
            last[i] = at[i];
        BUSY_US(200);
        nap_ms(1);
        for (int i = 0; i < 8; i++)
            CHECK_EQ(at[i], last[i]);
        end_by_store(child);
        CHECK_EQ(handle_close(r), 0);
    }
}

// H5: the same with a storing child for each hart and one more, each on pages
// of its own, in a region of many pages.
TEST(against_many_children)
{
    uint32_t n = hart_count() + 1;
    uint64_t seed = test_seed();

    for (int round = 0; round < 20; round++) {
        handle_t r = immutable(64 * PAGE_SIZE);
        volatile uint8_t *at = shown(r, PROT_RW);
        long child[9];
        uint64_t last[9];

        for (uint32_t i = 0; i < n; i++) {
            volatile uint8_t *mine = at + (i * 5 + 20) * PAGE_SIZE;

            child[i] = SPAWN(store_for_ever((volatile uint64_t *)mine, 2));
        }
        for (uint32_t i = 0; i < n; i++)
            while (at[(i * 5 + 20) * PAGE_SIZE] == 0)
                yield();
        BUSY_US(random_below(&seed, 100));
        CHECK_EQ(region_seal(r), 0);
        for (uint32_t i = 0; i < n; i++)
            last[i] = *(volatile uint64_t *)(at + (i * 5 + 20) * PAGE_SIZE);
        nap_ms(1);
        for (uint32_t i = 0; i < n; i++)
            CHECK_EQ(*(volatile uint64_t *)(at + (i * 5 + 20) * PAGE_SIZE),
                     last[i]);
        for (uint32_t i = 0; i < n; i++)
            end_by_store(child[i]);
        CHECK_EQ(handle_close(r), 0);
    }
}

// H5 H6: the same with a child for which the kernel stores: it receives into
// the region until that is E_FAULT.
TEST(against_receives)
{
    uint64_t seed = test_seed();

    for (int round = 0; round < 20; round++) {
        handle_t r = immutable(PAGE_SIZE);
        volatile uint64_t *at = (volatile uint64_t *)shown(r, PROT_RW);
        handle_t q = (handle_t)queue_create(1, 8, 0);
        uint64_t last;
        long child = SPAWN({
            void *to = (void *)(uintptr_t)at;
            uint64_t n = 0;
            long got;

            do {
                CHECK_EQ(put_now(q, ++n, PRIO_LOW), 0);
                got = queue_recv(q, to, 8, 0, NOW);
            } while (got == 8);
            CHECK_EQ(got, -E_FAULT);
            CHECK_EQ(*at, n - 1);
        });

        while (*at < 2)
            yield();
        BUSY_US(random_below(&seed, 300));
        CHECK_EQ(region_seal(r), 0);
        last = *at;
        CHECK_EQ(JOIN(child), 0);
        CHECK_EQ(*at, last);
        CHECK_EQ(take_now(q), last + 1);
        CHECK_EQ(handle_close(r), 0);
        CHECK_EQ(handle_close(q), 0);
    }
}

// H5 I3: a seal against region_write of whole pages: each write is done before
// the seal, whole, or is E_PERM and has changed nothing.
TEST(against_writes)
{
    static uint8_t page[2 * PAGE_SIZE];
    uint64_t seed = test_seed();

    for (int round = 0; round < 20; round++) {
        long q = queue_create(1, 8, 0);
        handle_t r = immutable(sizeof(page));
        volatile uint8_t *at = shown(r, PROT_READ);
        long child = SPAWN({
            uint64_t n = 1;
            long error;

            for (;; n++) {
                memset(page, (int)(n & 0xff), sizeof(page));
                error = region_write(r, 0, page, sizeof(page));
                if (error)
                    break;
            }
            CHECK_EQ(error, -E_PERM);
            put(q, n - 1);
        });

        while (at[0] == 0)
            yield();
        BUSY_US(random_below(&seed, 300));
        CHECK_EQ(region_seal(r), 0);
        memcpy(page, (const void *)(uintptr_t)at, sizeof(page));
        CHECK(all_are(at, sizeof(page), (uint8_t)take(q)));
        CHECK_EQ(memcmp((const void *)(uintptr_t)at, page, sizeof(page)), 0);
        CHECK_EQ(JOIN(child), 0);
        CHECK_EQ(handle_close(r), 0);
        CHECK_EQ(handle_close((handle_t)q), 0);
    }
}

// H5 I3: a seal against a child that maps the region writable, stores and
// unmaps it, over and over: after the seal it can do none of that.
TEST(against_mapping)
{
    for (int round = 0; round < 20; round++) {
        handle_t r = immutable(PAGE_SIZE);
        volatile uint64_t *at = (volatile uint64_t *)shown(r, PROT_READ);
        struct exit_info end = {0};
        uint64_t last;
        long child = SPAWN({
            long mine;

            CHECK_EQ(region_unmap((uint64_t)at), 0);
            while ((mine = region_map(r, 0, PROT_RW)) > 0) {
                ++*(volatile uint64_t *)mine;
                CHECK_EQ(region_unmap((uint64_t)mine), 0);
            }
            CHECK_EQ(mine, -E_ACCES);
        });

        while (*at < 3)
            yield();
        CHECK_EQ(region_seal(r), 0);
        last = *at;
        CHECK_EQ(wait(child, &end, MS(SETTLE_MS)), child);
        CHECK(end.reason == EXIT_NORMAL || end.cause == CAUSE_STORE);
        CHECK_EQ(*at, last);
        CHECK_EQ(handle_close(r), 0);
    }
}

// H5 H7: a seal against a process that forks all the time: no child has kept
// a writable mapping.
TEST(against_fork)
{
    uint64_t seed = test_seed();

    for (int round = 0; round < 60; round++) {
        handle_t r = immutable(16 << 20);
        volatile uint64_t *at = (volatile uint64_t *)shown(r, PROT_RW);
        struct exit_info end = {0};
        uint64_t last;
        long child = SPAWN({
            do {
                long grandchild = SPAWN({
                    ++*at;
                    exit(1);
                });

                CHECK_EQ(wait(grandchild, &end, FOREVER), grandchild);
            } while (end.reason == EXIT_NORMAL);
            CHECK_EQ(end.cause, CAUSE_STORE);
        });

        while (*at < 2)
            yield();
        BUSY_US(random_below(&seed, 300));
        CHECK_EQ(region_seal(r), 0);
        last = *at;
        CHECK_EQ(JOIN(child), 0);
        CHECK_EQ(*at, last);
        CHECK_EQ(handle_close(r), 0);
    }
}

// I3: of many that seal at once, one succeeds.
TEST(one_seals)
{
    for (int round = 0; round < 20; round++) {
        long go = queue_create(4, 8, 0), child[4], sum = 0;
        handle_t r = immutable(4 * PAGE_SIZE);

        for (int i = 0; i < 4; i++)
            child[i] = SPAWN({
                long error;

                take(go);
                error = region_seal(r);
                CHECK(error == 0 || error == -E_ALREADY);
                exit(error == 0);
            });
        await_receivers((handle_t)go, 4);
        for (int i = 0; i < 4; i++)
            put((handle_t)go, 0);
        for (int i = 0; i < 4; i++)
            sum += JOIN(child[i]);
        CHECK_EQ(sum, 1);
        CHECK_EQ(handle_close(r), 0);
        CHECK_EQ(handle_close((handle_t)go), 0);
    }
}

// H5: a process that sleeps during the seal finds it when it goes on.
TEST(sleeper)
{
    long q = queue_create(1, 8, 0);
    handle_t r = immutable(PAGE_SIZE);
    volatile uint8_t *at = shown(r, PROT_RW);
    long child = SPAWN({
        at[0] = 1;
        take(q);
        at[0] = 2;
    });

    await_receivers((handle_t)q, 1);
    CHECK_EQ(region_seal(r), 0);
    put((handle_t)q, 0);
    end_by_store(child);
    CHECK_EQ(at[0], 1);
}

TEST_MAIN()
