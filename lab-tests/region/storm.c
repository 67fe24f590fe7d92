/* Everything at once: random calls on shared regions, with processes killed in
 * the middle of them. What must hold in the end is that nothing is lost. */
#include "region.h"

#define PROT_RW (PROT_READ | PROT_WRITE)
#define ACTORS  4
#define SHARED  4
#define OWN     6

/* What an actor has to play with; the shared ones are everybody's. */
struct stage {
    handle_t q;
    handle_t shared[SHARED];
    handle_t own[OWN];
    uint64_t slot;
    uint64_t seed;
};

static uint8_t buffer[3 * PAGE_SIZE];

static handle_t make_any(uint64_t *seed)
{
    uint64_t size = 1 + random_below(seed, sizeof(buffer));
    long r;

    switch (random_below(seed, 4)) {
    case 0:
        r = region_create(REGION_IMMUTABLE, size, 0, 0, 0);
        break;
    case 1:
        r = region_create(REGION_IMMUTABLE, size, 0, buffer, size);
        break;
    case 2:
        r = region_create(REGION_APPEND, size, 0, 0, 0);
        break;
    default:
        r = region_create(REGION_SLAB, 1 + size % 300, 20, 0, 0);
    }
    return (handle_t)r;
}

static void make_stage(struct stage *s)
{
    s->q = (handle_t)queue_create(8, 8, 0);
    s->shared[0] = immutable(5000);
    s->shared[1] = append_only(50000);
    s->shared[2] = slab(200, 30);
    s->shared[3] = sealed("shared", 6, 9000);
    for (int i = 0; i < OWN; i++)
        s->own[i] = -1;
}

/* Maps to read, or to write; touches what it got, and perhaps keeps it. */
static void use_mapping(handle_t r, uint64_t *seed, bool writable)
{
    long at = region_map(r, 0, writable ? PROT_RW : PROT_READ);

    if (at < 0)
        return;
    if (info_of(r).policy == REGION_SLAB && writable)
        *(volatile uint8_t *)at = 1;
    (void)*(volatile uint8_t *)at;
    if (random_below(seed, 3))
        CHECK_EQ(region_unmap((uint64_t)at), 0);
}

static void pass_on(struct stage *s, handle_t r)
{
    struct msg_desc d = {r, 0, 0, 1};

    if (random_below(&s->seed, 2)) {
        queue_send_desc(s->q, &d, 0, NOW);
    } else if (queue_recv(s->q, &d, sizeof(d), 0, NOW) >= 0 && d.region >= 0) {
        region_read(d.region, 0, buffer, 10);
        if (d.flags)
            handle_close(d.region); /* unless it was revoked meanwhile */
    }
}

/* One random call; any answer will do. */
static void act(struct stage *s)
{
    uint64_t len = random_below(&s->seed, sizeof(buffer));
    uint32_t n = random_below(&s->seed, OWN);
    handle_t r = random_below(&s->seed, 2) ? s->own[n] : s->shared[n % SHARED];

    switch (random_below(&s->seed, 12)) {
    case 0:
        handle_close(s->own[n]);
        s->own[n] = make_any(&s->seed);
        break;
    case 1:
        use_mapping(r, &s->seed, true);
        break;
    case 2:
        use_mapping(r, &s->seed, false);
        break;
    case 3:
        region_append(r, buffer, len / 20);
        break;
    case 4:
        region_write(r, len / 2, buffer, len / 2);
        break;
    case 5:
        region_read(r, len / 2, buffer, len);
        break;
    case 6:
        s->slot = (uint64_t)slot_alloc(r);
        break;
    case 7:
        slot_write(r, s->slot, buffer, 100);
        slot_read(r, s->slot, buffer, 100);
        break;
    case 8:
        slot_free(r, s->slot);
        break;
    case 9:
        if (len % 16 == 0)
            region_seal(r);
        break;
    case 10:
        pass_on(s, r);
        break;
    default:
        if (len % 16 == 0)
            handle_revoke(r);
    }
}

static long start_actor(struct stage *s, uint64_t seed, uint32_t count)
{
    return SPAWN({
        s->seed = seed;
        for (uint32_t n = 0; n < count; n++)
            act(s);
    });
}

// H8 J6 K2 N4: four processes with random calls on four regions and their own:
// no page and no object is lost.
TEST(random_calls)
{
    static struct stage s;
    long actor[ACTORS];

    make_stage(&s);
    for (uint32_t i = 0; i < ACTORS; i++)
        actor[i] = start_actor(&s, test_seed() * 10 + i, rounds(3000));
    for (uint32_t i = 0; i < ACTORS; i++)
        CHECK_EQ(JOIN(actor[i]), 0);
    CHECK(info_of(s.shared[2]).slots_used <= 30);
    CHECK(info_of(s.shared[1]).cursor <= 50000);
}

// N4 H8 J6: the same, killed at any moment: no lock is left held, and nothing
// is lost.
TEST(killed_at_random)
{
    static struct stage s;
    uint64_t seed = test_seed();
    long actor[ACTORS], slot;

    make_stage(&s);
    for (int round = 0; round < 100; round++) {
        for (uint32_t i = 0; i < ACTORS; i++)
            actor[i] = start_actor(&s, rand_next(&seed), UINT32_MAX);
        BUSY_US(random_below(&seed, 200));
        nap_ms(random_below(&seed, 2));
        for (uint32_t i = 0; i < ACTORS; i++) {
            CHECK_EQ(kill(actor[i]), 0);
            CHECK_EQ(wait(actor[i], 0, MS(SETTLE_MS)), actor[i]);
        }
        slot = slot_alloc(s.shared[2]);
        if (slot >= 0)
            CHECK_EQ(slot_free(s.shared[2], (uint64_t)slot), 0);
        CHECK(region_append(s.shared[1], 0, 0) >= 0);
    }
}

// H1 N5: with any number of pages left, a create succeeds or is E_NOMEM, and
// then nothing is missing.
TEST(create_with_few_pages)
{
    long child = SPAWN({
        uint64_t before = 0, after = 0;
        long r = -1;
        int k;

        eat_memory();
        for (k = 0; k < 60 && r < 0; k++) {
            before = free_pages();
            r = region_create(REGION_SLAB, PAGE_SIZE, 20, 0, 0);
            after = free_pages();
            CHECK(r >= 0 || r == -E_NOMEM);
            if (r < 0) {
                CHECK_EQ(after, before);
                sbrk(-(long)PAGE_SIZE);
            }
        }
        CHECK(r >= 0);
        CHECK(k >= 20);
    });

    CHECK_EQ(JOIN(child), 0);
}

// H8 N5: so it is with a mapping, and with a fork that has one.
TEST(map_with_few_pages)
{
    handle_t r = slab(PAGE_SIZE, 5);
    long child = SPAWN({
        uint64_t before = 0, after = 0;
        long at = -1, forked = -1;
        int k;

        eat_memory();
        while (region_create(REGION_APPEND, 1, 0, 0, 0) >= 0)
            continue;
        for (k = 0; k < 40 && at < 0; k++) {
            before = free_pages();
            at = region_map(r, 1ull << 37, PROT_RW);
            after = free_pages();
            CHECK(at >= 0 || at == -E_NOMEM);
            if (at < 0)
                sbrk(-(long)PAGE_SIZE);
        }
        CHECK_EQ(at, 1l << 37);
        for (k = 0; k < 60 && forked < 0; k++) {
            before = free_pages();
            forked = fork();
            if (forked == 0)
                exit(*(volatile uint8_t *)at);
            after = free_pages();
            CHECK(forked > 0 || forked == -E_NOMEM);
            if (forked < 0) {
                CHECK_EQ(after, before);
                sbrk(-(long)PAGE_SIZE * 4096);
                sbrk(-(long)PAGE_SIZE);
            }
        }
        CHECK_EQ(JOIN(forked), 0);
    });

    CHECK_EQ(JOIN(child), 0);
}

TEST_MAIN()
