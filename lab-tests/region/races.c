/*
 * Calls that take long, with others in the middle of them. A revoke and a seal
 * go from process to process; what they have promised when they return must
 * hold for each, also for one that forks or looks meanwhile. To make them long,
 * many processes sleep that have a large region mapped.
 */
#include "region.h"

#define PROT_RW  (PROT_READ | PROT_WRITE)
#define SLEEPERS 24
#define PAGES    8192 /* of the large region */

static struct {
    handle_t hold; /* a queue on which they wait */
    long pid[SLEEPERS];
} sleepers;

/* From here on the handles and mappings of now are also theirs. */
static void send_to_sleep(void)
{
    sleepers.hold = (handle_t)queue_create(1, 8, 0);
    for (int i = 0; i < SLEEPERS; i++) {
        uint64_t none;

        sleepers.pid[i] = SPAWN(
            CHECK_ERR(queue_recv(sleepers.hold, &none, 8, 0, FOREVER), E_PIPE));
        CHECK(sleepers.pid[i] > 0);
    }
    await_receivers(sleepers.hold, SLEEPERS);
}

static void wake_up(void)
{
    CHECK_EQ(handle_shutdown(sleepers.hold), 0);
    for (int i = 0; i < SLEEPERS; i++)
        CHECK_EQ(JOIN(sleepers.pid[i]), 0);
    CHECK_EQ(handle_close(sleepers.hold), 0);
}

/* A word that processes forked from here on share. */
static volatile uint64_t *shared_word(void)
{
    return (volatile uint64_t *)shown(slab(8, 1), PROT_RW);
}

static void await_word(const volatile uint64_t *word, uint64_t value)
{
    while (*word != value)
        yield();
}

/* Stopped by a permission that was taken away. */
static void check_stopped(long child)
{
    struct exit_info end = {0};

    CHECK_EQ(wait(child, &end, MS(SETTLE_MS)), child);
    CHECK_EQ(end.reason, EXIT_FAULT);
    CHECK(end.cause == CAUSE_LOAD || end.cause == CAUSE_STORE);
}

/* On one hart nobody comes into the middle of a call. */
static uint32_t tries(void)
{
    return hart_count() == 1 ? 4 : 12;
}

static bool is_live(handle_t h)
{
    struct handle_info info;

    return handle_info(h, &info) == 0;
}

// H11 H8: a process finds its handle revoked, fills the slot again and forks
// while the revoke is under way: when that has returned, the child has no
// mapping.
TEST(fork_with_refilled_slot)
{
    volatile uint64_t *ready = shared_word();
    handle_t q = (handle_t)queue_create(1, 8, 0);
    handle_t r = slab(PAGE_SIZE, PAGES);
    uint64_t seed = test_seed();

    for (uint64_t round = 1; round <= tries(); round++) {
        handle_t given = (handle_t)handle_dup(r, RW, 0);
        volatile uint8_t *at = shown(given, PROT_RW);
        long forker;

        send_to_sleep();
        forker = SPAWN({
            long grandchild;

            *ready = round;
            while (is_live(given))
                continue;
            CHECK(queue_create(1, 8, 0) >= 0);
            grandchild = SPAWN({
                take(q);
                *at = 1;
            });
            check_faulted(grandchild, CAUSE_STORE, at);
        });
        await_word(ready, round);
        BUSY_US(random_below(&seed, 50));
        CHECK_EQ(handle_revoke(r), SLEEPERS + 2);
        CHECK_EQ(put(q, 0), 0);
        CHECK_EQ(JOIN(forker), 0);
        wake_up();
    }
}

/* Maps small regions behind the large one: a fork has more to do. */
static void map_many(void)
{
    for (int i = 0; i < 180; i++)
        shown(append_only(16 * PAGE_SIZE), PROT_READ);
}

/* How many pages a child has more than it shares. */
static uint64_t fork_cost(void)
{
    handle_t hold = (handle_t)queue_create(1, 8, 0);
    uint64_t before = free_pages(), during;
    long child = SPAWN(take(hold));

    CHECK(child > 0);
    await_receivers(hold, 1);
    during = free_pages();
    put(hold, 0);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(handle_close(hold), 0);
    return before - during;
}

/* What a child does that leaves as many pages free as it is told, until it is
 * told 0. */
static void leave_pages(handle_t told, handle_t tell)
{
    uint64_t n;

    eat_memory();
    while ((n = take(told)) > 0) {
        uint64_t now = free_pages();

        if (now > n)
            sbrk((long)((now - n) * PAGE_SIZE)); /* and tables: too many */
        while ((now = free_pages()) < n)
            sbrk(-(long)((n - now) * PAGE_SIZE));
        put(tell, 0);
    }
}

/* Forks until the handle is gone. */
static void fork_while(handle_t given)
{
    while (is_live(given)) {
        long child = fork();

        if (child == 0)
            exit(0);
        CHECK(child > 0 || child == -E_NOMEM);
        if (child > 0)
            CHECK_EQ(wait(child, 0, FOREVER), child);
    }
}

// H11 N5: forks run out of memory when they have copied nearly all mappings,
// while the handle of one is revoked: the child that never was leaves nothing.
TEST(fork_without_memory)
{
    volatile uint64_t *ready = shared_word();
    handle_t q = (handle_t)queue_create(1, 8, 0);
    handle_t told = (handle_t)queue_create(1, 8, 0);
    handle_t r = slab(PAGE_SIZE, PAGES);
    uint64_t seed = test_seed();
    long eater = SPAWN(leave_pages(told, q));

    for (uint64_t round = 1; round <= tries() / 2; round++) {
        handle_t given = (handle_t)handle_dup(r, RW, 0);
        uint64_t cost;
        long forker;

        put(told, 6000); /* enough for what comes here */
        take(q);
        shown(given, PROT_RW);
        send_to_sleep();
        forker = SPAWN({
            map_many();
            put(q, fork_cost());
            await_word(ready, round);
            *ready = 0;
            fork_while(given);
        });
        cost = take(q);
        put(told, cost - 1 - random_below(&seed, 8));
        take(q);
        *ready = round;
        await_word(ready, 0);
        BUSY_US(random_below(&seed, 2000));
        CHECK(handle_revoke(r) >= SLEEPERS + 1);
        CHECK_EQ(JOIN(forker), 0);
        wake_up();
    }
    put(told, 0);
    CHECK_EQ(JOIN(eater), 0);
}

/* The owner's part: revokes what it has given to many, of whom one stores, and
 * to whoever receives from q. */
static void revoke_given(handle_t given, handle_t q,
                         const volatile uint64_t *ready, uint64_t round)
{
    handle_t own = (handle_t)handle_dup(given, RIGHTS_FULL, 0);
    volatile uint64_t *at = (volatile uint64_t *)shown(own, PROT_RW);
    uint64_t before = *at;
    long storer;

    send_to_sleep();
    storer = SPAWN(for (;;)++ * at);
    while (*at == before)
        yield();
    CHECK_EQ(queue_send_handle(q, own, RIGHT_READ, 0, NOW), 0);
    await_word(ready, round);
    CHECK_EQ(handle_revoke(given), SLEEPERS + 3);
    check_stopped(storer);
    wake_up();
}

// F12 H11: of two revokes at a time, one below the other, the upper one does
// not return before what the lower one has taken is gone.
TEST(revoke_under_revoke)
{
    volatile uint64_t *ready = shared_word();
    handle_t q = (handle_t)queue_create(1, 8, 0);
    handle_t r = slab(PAGE_SIZE, PAGES);
    volatile uint64_t *mine = (volatile uint64_t *)shown(r, PROT_RW);
    uint64_t seed = test_seed();

    for (uint64_t round = 1; round <= tries(); round++) {
        long given = handle_dup(r, RIGHTS_FULL, 0), owner;
        struct msg_handle m;
        uint64_t last;

        owner = SPAWN({
            CHECK_EQ(region_unmap((uint64_t)mine), 0);
            revoke_given((handle_t)given, q, ready, round);
        });
        CHECK_EQ(queue_recv(q, &m, sizeof(m), 0, MS(SETTLE_MS)), sizeof(m));
        *ready = round;
        while (is_live(m.handle))
            continue;
        BUSY_US(random_below(&seed, 20));
        CHECK(handle_revoke(r) >= 1);
        last = *mine;
        CHECK_EQ(JOIN(owner), 0);
        CHECK_EQ(*mine, last);
    }
}

static handle_t mail;

static bool is_described(handle_t r)
{
    struct msg_desc d = {.region = r, .length = 8};
    long error = queue_send_desc(mail, &d, 0, NOW);

    CHECK(error == 0 || error == -E_NOTSUP);
    return error == 0;
}

static bool is_sealed(handle_t r)
{
    return info_of(r).sealed;
}

/* Who learns by this call that a region is sealed, while the seal is under way
 * and another process stores: the bytes are the last ones from then on. */
static void look_when(bool (*knows)(handle_t r))
{
    uint64_t seed = test_seed();

    for (uint32_t round = 0; round < tries(); round++) {
        handle_t r = immutable((uint64_t)PAGES / 2 * PAGE_SIZE);
        volatile uint64_t *at = (volatile uint64_t *)shown(r, PROT_RW);
        handle_t q = (handle_t)queue_create(1, 8, 0);
        long storer = SPAWN(for (;;)++ * at), watcher;

        mail = (handle_t)queue_create(1, 8, 0);
        send_to_sleep();
        watcher = SPAWN({
            uint64_t first;

            at[1] = 1;
            while (!knows(r))
                continue;
            CHECK_EQ(region_read(r, 0, &first, 8), 8);
            put(q, first);
        });
        while (*at < 2 || !at[1])
            yield();
        BUSY_US(random_below(&seed, 300));
        CHECK_EQ(region_seal(r), 0);
        CHECK_EQ(take(q), *at);
        check_stopped(storer);
        CHECK_EQ(JOIN(watcher), 0);
        wake_up();
        CHECK_EQ(handle_close(mail), 0);
        CHECK_EQ(handle_close(q), 0);
        CHECK_EQ(handle_close(r), 0);
    }
}

// G1 G9: a descriptor of a region that is being sealed is accepted when nobody
// can store there any more.
TEST(described_when_sealed)
{
    look_when(is_described);
}

// H2 H5: region_info says that a region is sealed when nobody can store there
// any more.
TEST(said_when_sealed)
{
    look_when(is_sealed);
}

// H10 I3: what was stored behind the last byte of a region that is being built
// is 0 after the seal, in each mapping, whoever stores meanwhile.
TEST(tail_after_seal)
{
    const uint64_t size = PAGE_SIZE + 10;
    uint64_t seed = test_seed();

    for (int round = 0; round < 20; round++) {
        handle_t r = immutable(size);
        volatile uint8_t *at = shown(r, PROT_RW);
        volatile uint8_t *tail = at + size, *last = at + 2 * PAGE_SIZE - 1;
        long storer;

        at[size - 1] = 'x';
        storer = SPAWN(for (;;) {
            ++*tail;
            ++*last;
        });
        while (*tail < 2)
            yield();
        BUSY_US(random_below(&seed, 300));
        CHECK_EQ(region_seal(r), 0);
        CHECK(all_are(tail, PAGE_SIZE - 10, 0));
        check_stopped(storer);
        CHECK(all_are(tail, PAGE_SIZE - 10, 0));
        CHECK_EQ(at[size - 1], 'x');
        CHECK_EQ(handle_close(r), 0);
    }
}

// H8: page tables of mappings that are gone are not copied: a fork takes no
// more pages than before them.
TEST(fork_copies_no_empty_tables)
{
    handle_t r = append_only(PAGE_SIZE);
    uint64_t before = fork_cost();

    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t at = (1ull << 36) + i * (2 << 20);

        CHECK_EQ(region_map(r, at, PROT_READ), at);
        CHECK_EQ(region_unmap(at), 0);
    }
    CHECK(fork_cost() <= before + 8);
}

TEST_MAIN()
