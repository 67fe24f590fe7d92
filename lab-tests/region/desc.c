/* Descriptors: messages that say where bytes are instead of carrying them. */
#include "region.h"

#define PROT_RW (PROT_READ | PROT_WRITE)

static long describe(handle_t q, handle_t r, uint64_t offset, uint64_t length)
{
    struct msg_desc d = {r, 0, offset, length};

    return queue_send_desc(q, &d, 0, NOW);
}

/* Receives a descriptor; fails the case if the message is something else. */
static struct msg_desc take_desc(handle_t q)
{
    struct msg_desc d = {-1, 77, 0, 0};
    struct msg_meta meta = {0};

    CHECK_EQ(queue_recv(q, &d, sizeof(d), &meta, MS(SETTLE_MS)), sizeof(d));
    CHECK_EQ(meta.kind, MSG_DESC);
    CHECK_EQ(meta.len, sizeof(d));
    return d;
}

static handle_t small_queue(void)
{
    return (handle_t)queue_create(4, 64, 0);
}

static struct handle_info handle_of(handle_t h)
{
    struct handle_info info = {0};

    CHECK_EQ(handle_info(h, &info), 0);
    return info;
}

// G1: an Immutable region is described once it is sealed.
TEST(immutable_when_sealed)
{
    handle_t q = small_queue(), r = immutable(100);

    CHECK_ERR(describe(q, r, 0, 100), E_NOTSUP);
    CHECK_ERR(describe(q, r, 0, 101), E_NOTSUP);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(region_seal(r), 0);
    CHECK_EQ(describe(q, r, 0, 100), 0);
    CHECK_EQ(describe(q, sealed("abc", 3, 3), 2, 1), 0);
    CHECK_EQ(describe(q, (handle_t)region_open("echo"), 0, 4), 0);
    CHECK_EQ(stat_of(q).len, 3);
}

// G2: an AppendOnly region is described up to its cursor.
TEST(append_up_to_cursor)
{
    static const char hundred[100];
    handle_t q = small_queue(), r = append_only(1000);

    CHECK_ERR(describe(q, r, 0, 1), E_INVAL);
    CHECK_EQ(region_append(r, hundred, 100), 0);
    CHECK_EQ(describe(q, r, 0, 100), 0);
    CHECK_ERR(describe(q, r, 0, 101), E_INVAL);
    CHECK_ERR(describe(q, r, 100, 1), E_INVAL);
    CHECK_ERR(describe(q, r, 0, 1000), E_INVAL);
    CHECK_EQ(region_append(r, "x", 1), 100);
    CHECK_EQ(describe(q, r, 0, 101), 0);
    CHECK_EQ(describe(q, r, 100, 1), 0);
    CHECK_EQ(stat_of(q).len, 3);
}

// G3: a Slab is refused, whatever the bounds.
TEST(slab_refused)
{
    handle_t q = small_queue(), r = slab(64, 4);

    CHECK(slot_alloc(r) > 0);
    CHECK_ERR(describe(q, r, 0, 64), E_NOTSUP);
    CHECK_ERR(describe(q, r, 0, 1), E_NOTSUP);
    CHECK_ERR(describe(q, r, 1000, 1000), E_NOTSUP);
    CHECK_ERR(describe(q, r, UINT64_MAX, UINT64_MAX), E_NOTSUP);
    CHECK_EQ(stat_of(q).len, 0);
}

// G4: offset and length lie inside, by arithmetic that does not wrap.
TEST(bounds)
{
    static const struct {
        uint64_t offset, length;
        bool inside;
    } cases[] = {
        {0, 1, true},
        {0, 356, true},
        {100, 256, true},
        {355, 1, true},
        {101, 256, false},
        {0, 357, false},
        {356, 1, false},
        {357, 1, false},
        {0, 1ull << 32, false},
        {1ull << 32, 1, false},
        {1ull << 63, 1ull << 63, false},
        {UINT64_MAX - 9, 100, false},
        {UINT64_MAX, 1, false},
        {100, UINT64_MAX - 99, false},
        {1, UINT64_MAX, false},
        {UINT64_MAX, UINT64_MAX, false},
        {0, 0, false},
        {356, 0, false},
        {UINT64_MAX, 0, false},
    };
    handle_t q = small_queue(), r = sealed("x", 1, 356);

    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_EQ(describe(q, r, cases[i].offset, cases[i].length),
                 cases[i].inside ? 0 : -E_INVAL);
        if (cases[i].inside)
            take_desc(q);
    }
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_ERR(describe(q, sealed("x", 1, 355), 100, 256), E_INVAL);
}

// G4: no descriptor at all, or one that cannot be read.
TEST(wild_descriptor)
{
    handle_t q = small_queue();
    uint8_t *tail = heap_tail(8);
    long error = queue_send_desc(q, 0, 0, NOW);

    CHECK(error == -E_INVAL || error == -E_FAULT);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(queue_send_desc(q, wild_pointers[i], 0, NOW), E_FAULT);
    CHECK_ERR(queue_send_desc(q, (struct msg_desc *)tail, 0, NOW), E_FAULT);
    CHECK_EQ(stat_of(q).len, 0);
}

// G4: flags are the kernel's to set: 0 in what is sent.
TEST(flags_are_zero)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);

    for (uint32_t bit = 0; bit < 32; bit++) {
        struct msg_desc d = {r, 1u << bit, 0, 8};

        CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_INVAL);
    }
}

// G5: the handle is looked up in the sender's table.
TEST(bogus_handles)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);

    CHECK_EQ(handle_close(r), 0);
    CHECK_ERR(describe(q, r, 0, 8), E_BADH);
    CHECK_ERR(describe(q, 777, 0, 8), E_BADH);
    CHECK_ERR(describe(q, -1, 0, 8), E_BADH);
    CHECK_ERR(describe(q, INT32_MAX, 0, 8), E_BADH);
    CHECK_ERR(describe(q, q, 0, 8), E_WRONGTYPE);
    CHECK_ERR(describe(q, 1, 0, 8), E_WRONGTYPE);
}

// G5: sending a descriptor hands out read access: it takes READ, and GRANT or
// GRANT_ONCE.
TEST(rights_needed)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);

    for (uint32_t rights = 0; rights < 128; rights++) {
        long h = handle_dup(r, rights, 0);
        bool may = (rights & RIGHT_READ) &&
                   (rights & (RIGHT_GRANT | RIGHT_GRANT_ONCE));

        if (h < 0)
            continue;
        CHECK_EQ(describe(q, (handle_t)h, 0, 8), may ? 0 : -E_ACCES);
        if (may)
            take_desc(q);
        CHECK_EQ(handle_close((handle_t)h), 0);
    }
}

// G5 F11: a descriptor is a link of a chain: the ninth is E_LOOP.
TEST(depth)
{
    handle_t q = small_queue(), h = sealed("x", 1, 8);

    for (uint32_t i = 0; i < HANDLE_MAX_DEPTH; i++) {
        CHECK_EQ(describe(q, h, 0, 1), 0);
        take_desc(q);
        h = (handle_t)handle_dup(h, RIGHT_READ | RIGHT_GRANT, 0);
        CHECK_EQ(handle_of(h).depth, i + 1);
    }
    CHECK_ERR(queue_send_desc(q, &(struct msg_desc){h, 0, 0, 1}, 0, NOW),
              E_LOOP);
}

// G6: of several faults the first in the ABI's order: queue, options, the
// descriptor's bytes, region, length, policy, bounds, closed, full.
TEST(error_order)
{
    handle_t q = (handle_t)queue_create(1, 8, 0), r = sealed("x", 1, 8);
    handle_t blind = (handle_t)handle_dup(r, RIGHT_READ, 0), built;
    handle_t reader = (handle_t)handle_dup(q, RIGHT_READ, 0);
    struct msg_desc d = {777, 1, 9, 0};

    built = immutable(8);
    CHECK_ERR(queue_send_desc(-1, wild_pointers[1], 4, NOW), E_BADH);
    CHECK_ERR(queue_send_desc(r, wild_pointers[1], 4, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_send_desc(reader, wild_pointers[1], 4, NOW), E_ACCES);
    CHECK_ERR(queue_send_desc(q, wild_pointers[1], 4, NOW), E_INVAL);
    CHECK_ERR(queue_send_desc(q, wild_pointers[1], 0, NOW), E_FAULT);
    CHECK_ERR(queue_send_desc(q, &d, 4, NOW), E_INVAL);
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_BADH);
    d.region = q;
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_WRONGTYPE);
    d.region = blind;
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_ACCES);
    d = (struct msg_desc){built, 0, 99, 0};
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_INVAL);
    d.length = 1;
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_NOTSUP);
    d.region = r;
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_INVAL);
    d.offset = 0;
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_AGAIN);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_PIPE);
    d.offset = 99;
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_INVAL);
}

// G8 E4: a descriptor for which no place becomes free in time does not leave.
TEST(times_out)
{
    handle_t q = (handle_t)queue_create(1, 8, 0), r = sealed("x", 1, 8);
    struct msg_desc d = {r, 0, 0, 8};

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_send_desc(q, &d, 0, MS(2)), E_TIMEDOUT);
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_AGAIN);
    CHECK_EQ(stat_of(q).rejected, 2);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(stat_of(q).len, 0);
    CHECK_EQ(handle_revoke(r), 0);
}

// G7 N7: without memory for the new handle a receive is E_NOMEM and the message
// stays; sending needs none.
TEST(no_memory)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);
    long child;

    CHECK_EQ(describe(q, r, 1, 7), 0);
    child = SPAWN({
        struct msg_desc d = {(handle_t)region_open("echo"), 0, 0, 4};
        long h, last = -1;

        CHECK_EQ(handle_close(r), 0);
        eat_memory();
        while ((h = handle_dup(q, RIGHT_READ, 0)) >= 0)
            last = h;
        CHECK_EQ(h, -E_NOMEM);
        CHECK_EQ(queue_send_desc(q, &d, 0, NOW), 0);
        CHECK_ERR(queue_recv(q, &d, sizeof(d), 0, NOW), E_NOMEM);
        CHECK_EQ(stat_of(q).len, 2);
        CHECK_EQ(handle_close((handle_t)last), 0);
        CHECK_EQ(take_desc(q).flags, DESC_NEW_HANDLE);
        CHECK_EQ(take_desc(q).flags, 0);
    });
    CHECK_EQ(JOIN(child), 0);
}

// G7: a receiver without a handle of the region gets one: it maps and reads.
TEST(new_handle)
{
    handle_t q = small_queue(), r, stay = small_queue();
    long child = SPAWN({
        struct msg_desc d = take_desc(q);
        volatile uint8_t *at;

        CHECK_EQ(d.flags, DESC_NEW_HANDLE);
        CHECK(d.region > 2);
        CHECK_EQ(d.offset, 6);
        CHECK_EQ(d.length, 5);
        CHECK_EQ(handle_of(d.region).rights, RIGHT_READ | RIGHT_GRANT);
        CHECK_EQ(handle_of(d.region).depth, 1);
        at = shown(d.region, PROT_READ);
        CHECK_EQ(memcmp((const void *)(uintptr_t)(at + 6), "World", 5), 0);
        CHECK_EQ(at[0], 'H');
        CHECK_ERR(region_map(d.region, 0, PROT_RW), E_ACCES);
        CHECK_EQ(handle_close(d.region), 0);
        put(stay, 0);
    });

    await_receivers(q, 1);
    r = sealed("Hello World!", 12, 12);
    CHECK_EQ(describe(q, r, 6, 5), 0);
    take(stay);
    CHECK_EQ(JOIN(child), 0);
    CHECK_EQ(handle_revoke(r), 0);
}

// G7: with GRANT_ONCE the receiver can read, and not hand it on.
TEST(grant_once)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8), h;
    handle_t once = (handle_t)handle_dup(r, RIGHT_READ | RIGHT_GRANT_ONCE, 0);
    struct msg_desc d;

    CHECK_EQ(describe(q, once, 0, 8), 0);
    CHECK_EQ(JOIN(SPAWN({
                 CHECK_EQ(handle_close(once), 0);
                 CHECK_EQ(handle_close(r), 0);
                 d = take_desc(q);
                 h = d.region;
                 CHECK_EQ(d.flags, DESC_NEW_HANDLE);
                 CHECK_EQ(handle_of(h).rights, RIGHT_READ);
                 CHECK_ERR(describe(q, h, 0, 8), E_ACCES);
             })),
             0);
}

// G7: a receiver that has handles of the region is given the one with the
// lowest slot that can read (and grant, if that is given); nothing to close.
TEST(lowest_handle)
{
    handle_t q = small_queue(), r = append_only(8), h[4];
    struct msg_desc d;

    h[0] = (handle_t)handle_dup(r, RIGHT_WRITE | RIGHT_GRANT, 0);
    h[1] = (handle_t)handle_dup(r, RIGHT_READ, 0);
    h[2] = (handle_t)handle_dup(r, RIGHT_READ | RIGHT_GRANT, 0);
    h[3] = (handle_t)handle_dup(r, RW | RIGHT_GRANT, 0);
    CHECK_EQ(region_append(r, "12345678", 8), 0);
    CHECK_EQ(describe(q, h[3], 0, 8), 0);
    d = take_desc(q);
    CHECK_EQ(d.region, r);
    CHECK_EQ(d.flags, 0);
    CHECK_EQ(describe(q, h[3], 0, 8), 0);
    CHECK_EQ(handle_close(r), 0);
    d = take_desc(q);
    CHECK_EQ(d.region, h[2]);
    CHECK_EQ(d.flags, 0);
}

// G7: a lower slot that is filled later is the lowest one.
TEST(lowest_slot_not_oldest)
{
    handle_t q = small_queue(), gap = small_queue();
    handle_t r = sealed("x", 1, 8), other;

    CHECK(gap < r);
    CHECK_EQ(handle_close(gap), 0);
    other = (handle_t)handle_dup(r, RIGHT_READ | RIGHT_GRANT, 0);
    CHECK((other & 255) < (r & 255));
    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_EQ(take_desc(q).region, other);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_EQ(handle_close(other), 0);
    CHECK_EQ(take_desc(q).region, r);
}

// G7: handles that cannot do what is given do not count.
TEST(too_weak_handles)
{
    handle_t q = small_queue(), r = append_only(8);
    long child;

    CHECK_EQ(region_append(r, "12345678", 8), 0);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    child = SPAWN({
        handle_t writer = (handle_t)handle_dup(r, RIGHT_WRITE, 0);
        handle_t reader = (handle_t)handle_dup(r, RIGHT_READ, 0);
        struct msg_desc d;

        CHECK_EQ(handle_close(r), 0);
        d = take_desc(q);
        CHECK(d.region != writer && d.region != reader);
        CHECK_EQ(d.flags, DESC_NEW_HANDLE);
        CHECK_EQ(handle_of(d.region).rights, RIGHT_READ | RIGHT_GRANT);
    });
    CHECK_EQ(JOIN(child), 0);
}

// G7: a hundred descriptors of one region fill no table: the first brings a
// handle, the others find it.
TEST(one_handle_for_many)
{
    handle_t q = small_queue(), r;
    long child = SPAWN({
        handle_t mine = -1;

        for (uint64_t i = 0; i < 100; i++) {
            struct msg_desc d = take_desc(q);

            CHECK_EQ(d.flags, i ? 0 : DESC_NEW_HANDLE);
            CHECK(i == 0 || d.region == mine);
            CHECK_EQ(d.offset, i);
            mine = d.region;
        }
    });

    await_receivers(q, 1);
    r = sealed("x", 1, 100);
    for (uint64_t i = 0; i < 100; i++) {
        struct msg_desc d = {r, 0, i, 1};

        CHECK_EQ(queue_send_desc(q, &d, 0, FOREVER), 0);
    }
    CHECK_EQ(JOIN(child), 0);
}

// G7: a full table is E_MFILE, and the message stays, unless the receiver has
// a handle already.
TEST(full_table)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);
    long child;

    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_EQ(describe(q, r, 1, 7), 0);
    child = SPAWN({
        struct msg_desc d;
        long h, last = -1;

        CHECK_EQ(handle_close(r), 0);
        while ((h = handle_dup(q, RIGHT_READ, 0)) >= 0)
            last = h;
        CHECK_ERR(queue_recv(q, &d, sizeof(d), 0, NOW), E_MFILE);
        CHECK_ERR(queue_recv(q, &d, sizeof(d), 0, FOREVER), E_MFILE);
        CHECK_EQ(stat_of(q).len, 2);
        CHECK_EQ(handle_close((handle_t)last), 0);
        d = take_desc(q);
        CHECK_EQ(d.flags, DESC_NEW_HANDLE);
        CHECK_EQ(take_desc(q).region, d.region);
    });
    CHECK_EQ(JOIN(child), 0);
}

// G8: the bytes stay for the receiver when the sender has closed and ended.
TEST(sender_gone)
{
    uint64_t before, after;
    handle_t q = small_queue();
    struct msg_desc d;
    long child = SPAWN({
        static uint8_t bytes[3 * PAGE_SIZE];
        handle_t r;

        test_fill(bytes, sizeof(bytes), 5);
        r = sealed(bytes, sizeof(bytes), sizeof(bytes));
        CHECK_EQ(describe(q, r, 10, sizeof(bytes) - 10), 0);
        CHECK_EQ(handle_close(r), 0);
    });
    uint8_t *want = malloc(3 * PAGE_SIZE);

    CHECK_EQ(JOIN(child), 0);
    test_fill(want, 3 * PAGE_SIZE, 5);
    d = take_desc(q);
    CHECK_EQ(d.flags, DESC_NEW_HANDLE);
    CHECK_EQ(memcmp((const void *)(uintptr_t)shown(d.region, PROT_READ), want,
                    3 * PAGE_SIZE),
             0);
    before = free_pages();
    CHECK_EQ(handle_close(d.region), 0);
    after = free_pages();
    CHECK(after >= before + 3);
}

// G8: a sender that is killed while its descriptor is on the way.
TEST(sender_killed)
{
    handle_t q = small_queue(), done = small_queue();
    long child = SPAWN({
        CHECK_EQ(describe(q, sealed("killed", 6, 6), 0, 6), 0);
        put(done, 0);
        timer_wait(TIMER_REL, MS(SETTLE_MS) * 6);
    });
    char text[6];

    take(done);
    CHECK_EQ(kill(child), 0);
    CHECK_EQ(wait(child, 0, FOREVER), child);
    CHECK_EQ(region_read(take_desc(q).region, 0, text, 6), 6);
    CHECK_EQ(memcmp(text, "killed", 6), 0);
}

// G8 F12: revoking above the handle that it was sent with leaves the message
// without a region; revoking that handle itself does, too.
TEST(revoked_in_flight)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);
    handle_t sent = (handle_t)handle_dup(r, RIGHTS_FULL, 0);
    struct msg_desc d;

    CHECK_EQ(describe(q, sent, 3, 4), 0);
    CHECK_EQ(handle_revoke(r), 2);
    d = take_desc(q);
    CHECK_EQ(d.region, -E_BADH);
    CHECK_EQ(d.flags, 0);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_EQ(handle_revoke(r), 1);
    CHECK_EQ(take_desc(q).region, -E_BADH);
    CHECK_EQ(handle_revoke(r), 0);
}

// G8 F12: when its revoked descriptor has been received, a region is freed.
TEST(revoked_is_freed)
{
    static struct sys_info before, after;
    handle_t q = small_queue(), r;

    CHECK_EQ(sys_info(&before), 0);
    r = sealed("x", 1, 20 * PAGE_SIZE);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_EQ(handle_revoke(r), 1);
    CHECK_EQ(handle_close(r), 0);
    CHECK_EQ(take_desc(q).region, -E_BADH);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
}

// G8 F12: a handle that came with a descriptor, and its mapping, go with a
// revoke above.
TEST(revoked_after_receive)
{
    handle_t q = small_queue(), go = small_queue(), r;
    long child = SPAWN({
        struct msg_desc d = take_desc(q);
        volatile uint8_t *at = shown(d.region, PROT_READ);

        CHECK_EQ(at[0], 'x');
        put(go, (uint64_t)at);
        take(q);
        CHECK_ERR(region_read(d.region, 0, &(char){0}, 1), E_BADH);
        (void)*at;
    });
    uint64_t at;

    await_receivers(q, 1);
    r = sealed("x", 1, 8);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    at = take(go);
    CHECK_EQ(handle_revoke(r), 1);
    put(q, 0);
    check_faulted(child, CAUSE_LOAD, (volatile void *)at);
}

// G8: a region lives in a message alone, and goes when the queue goes.
TEST(dropped_with_queue)
{
    static struct sys_info before, after;
    handle_t q, r;

    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 100; i++) {
        q = small_queue();
        r = sealed("x", 1, 10 * PAGE_SIZE);
        for (uint64_t n = 0; n < 4; n++)
            CHECK_EQ(describe(q, r, n, 1), 0);
        CHECK_EQ(handle_close(r), 0);
        CHECK_EQ(handle_close(take_desc(q).region), 0);
        CHECK_EQ(handle_close(q), 0);
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.free_pages, before.free_pages);
}

// G9: what is described does not change, whatever its owner does meanwhile.
TEST(owner_attacks)
{
    handle_t q = small_queue(), other = small_queue(), r = immutable(64);
    volatile uint8_t *at = shown(r, PROT_RW);
    char text[8];

    memcpy((void *)(uintptr_t)at, "original", 8);
    CHECK_EQ(region_seal(r), 0);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    store_faults(at);
    CHECK_ERR(region_write(r, 0, "attacked", 8), E_PERM);
    CHECK_ERR(region_append(r, "attacked", 8), E_PERM);
    CHECK_ERR(slot_write(r, 1ull << 32, "attacked", 8), E_PERM);
    CHECK_EQ(queue_send(other, "attacked", 8, 0, NOW), 0);
    CHECK_ERR(queue_recv(other, (void *)(uintptr_t)at, 8, 0, NOW), E_FAULT);
    CHECK_ERR(region_map(r, 0, PROT_RW), E_ACCES);
    CHECK_EQ(region_read(take_desc(q).region, 0, text, 8), 8);
    CHECK_EQ(memcmp(text, "original", 8), 0);
}

// G9 G2: appending behind what is described leaves it alone.
TEST(append_behind)
{
    handle_t q = small_queue(), r = append_only(64);
    struct msg_desc d;
    char text[8];

    CHECK_EQ(region_append(r, "original", 8), 0);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    while (region_append(r, "attacked", 8) >= 0)
        continue;
    d = take_desc(q);
    CHECK_EQ(region_read(d.region, d.offset, text, d.length), 8);
    CHECK_EQ(memcmp(text, "original", 8), 0);
}

// G10 C9: it fits the smallest queue, and needs a buffer of 24 bytes.
TEST(smallest_queue)
{
    handle_t q = (handle_t)queue_create(1, 1, 0), r = sealed("x", 1, 8);
    struct msg_desc d;
    struct msg_meta meta;
    char small[23];

    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_ERR(describe(q, r, 0, 8), E_AGAIN);
    CHECK_ERR(queue_recv(q, small, 23, &meta, NOW), E_MSGSIZE);
    CHECK_EQ(meta.len, 24);
    CHECK_EQ(queue_peek(q, &meta), 0);
    CHECK_EQ(meta.kind, MSG_DESC);
    CHECK_EQ(meta.len, 24);
    d = take_desc(q);
    CHECK_EQ(d.length, 8);
    CHECK_EQ(stat_of(q).received, 1);
}

// G10: the bytes may be far more than the queue's messages.
TEST(larger_than_queue)
{
    const uint64_t size = 64 << 10;
    uint8_t *bytes = malloc(size);
    handle_t q = small_queue(), r;
    struct msg_desc d;

    test_fill(bytes, size, test_seed());
    r = sealed(bytes, size, size);
    CHECK_EQ(describe(q, r, 0, size), 0);
    CHECK_EQ(handle_close(r), 0);
    d = take_desc(q);
    CHECK_EQ(d.length, size);
    CHECK_EQ(memcmp((const void *)(uintptr_t)shown(d.region, PROT_READ), bytes,
                    size),
             0);
}

// G11: sender and receiver have the same frame, and sending takes no page for
// the bytes.
TEST(same_frame)
{
    const uint64_t pages = 1024;
    handle_t q = small_queue(), ready = small_queue(), r;
    uint64_t before, after, frame;
    long child = SPAWN({
        struct msg_desc d = take_desc(q);

        put(ready, info_of(d.region).first_frame);
        take(q);
        CHECK_EQ(shown(d.region, PROT_READ)[pages * PAGE_SIZE - 1], 0);
    });

    await_receivers(q, 1);
    r = sealed("x", 1, pages * PAGE_SIZE);
    frame = info_of(r).first_frame;
    before = free_pages();
    CHECK_EQ(describe(q, r, 0, pages * PAGE_SIZE), 0);
    CHECK_EQ(take(ready), frame);
    after = free_pages();
    CHECK(before - after < 8 || after >= before);
    put(q, 0);
    CHECK_EQ(JOIN(child), 0);
}

// G10 D1 B7: priority, tag, number and badge are those of any message.
TEST(carries_options)
{
    handle_t q = (handle_t)queue_create(2, 8, 5), r = sealed("x", 1, 8);
    handle_t w = (handle_t)handle_dup(q, RIGHT_WRITE, 31);
    struct msg_desc d = {r, 0, 0, 8};
    struct msg_meta meta;

    CHECK_EQ(queue_send(q, "a", 1, MSG_OPT(PRIO_NORMAL, 5), NOW), 0);
    CHECK_EQ(queue_send_desc(w, &d, MSG_OPT(PRIO_HIGH, 12), NOW), 0);
    CHECK_EQ(queue_recv(q, &d, sizeof(d), &meta, NOW), sizeof(d));
    CHECK_EQ(meta.kind, MSG_DESC);
    CHECK_EQ(meta.priority, PRIO_HIGH);
    CHECK_EQ(meta.tag, 12);
    CHECK_EQ(meta.seq, 1);
    CHECK_EQ(meta.badge, 31);
    CHECK_EQ(meta.sender, getpid());
    CHECK_EQ(meta.reserved, 0);
}

// G7 E10: an output buffer that cannot be written: E_FAULT, the message stays,
// and no handle has appeared.
TEST(wild_buffer)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);

    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_EQ(JOIN(SPAWN({
                 struct proc_info before, after;
                 uint8_t *tail = heap_tail(8);

                 CHECK_EQ(handle_close(r), 0);
                 CHECK_EQ(proc_info(getpid(), &before), 0);
                 for (uint32_t i = 0; i < WILD_COUNT; i++)
                     CHECK_ERR(queue_recv(q, wild_pointers[i], 24, 0, NOW),
                               E_FAULT);
                 CHECK_ERR(queue_recv(q, tail, 24, 0, NOW), E_FAULT);
                 CHECK_EQ(proc_info(getpid(), &after), 0);
                 CHECK_EQ(after.handles, before.handles);
                 CHECK_EQ(take_desc(q).flags, DESC_NEW_HANDLE);
             })),
             0);
}

// G8 D4: a descriptor whose sender waits for a place arrives when there is one.
TEST(blocked_sender)
{
    handle_t q = (handle_t)queue_create(1, 8, 0);
    struct msg_desc got;
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = SPAWN({
        struct msg_desc d = {sealed("abcdef", 6, 6), 0, 2, 3};

        CHECK_EQ(queue_send_desc(q, &d, 0, FOREVER), 0);
    });
    await_senders(q, 1);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(JOIN(child), 0);
    got = take_desc(q);
    CHECK_EQ(got.offset, 2);
    CHECK_EQ(got.length, 3);
    CHECK_EQ(info_of(got.region).size, 6);
}

// G8 E7: a blocked sender that is killed takes its region with it.
TEST(blocked_sender_killed)
{
    static struct sys_info before, after;
    handle_t q = (handle_t)queue_create(1, 8, 0);
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(sys_info(&before), 0);
    child = SPAWN({
        struct msg_desc d = {sealed("x", 1, 9 * PAGE_SIZE), 0, 0, 1};

        queue_send_desc(q, &d, 0, FOREVER);
    });
    await_senders(q, 1);
    CHECK_EQ(kill(child), 0);
    CHECK_EQ(wait(child, 0, FOREVER), child);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(stat_of(q).len, 0);
}

// G8 F12: a blocked sender whose handle is revoked: it is told so, or what
// arrives has no region.
TEST(blocked_sender_revoked)
{
    handle_t q = (handle_t)queue_create(1, 8, 0), r = sealed("x", 1, 8);
    handle_t given = (handle_t)handle_dup(r, RIGHT_READ | RIGHT_GRANT, 0);
    long child;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    child = SPAWN({
        struct msg_desc d = {given, 0, 0, 1};
        long error = queue_send_desc(q, &d, 0, FOREVER);

        CHECK(error == 0 || error == -E_BADH);
        exit(error == 0);
    });
    await_senders(q, 1);
    CHECK(handle_revoke(r) >= 2);
    CHECK_EQ(take_now(q), 1);
    if (JOIN(child))
        CHECK_EQ(take_desc(q).region, -E_BADH);
    CHECK_EQ(stat_of(q).len, 0);
}

// D4 G8: a place that becomes free goes to a blocked sender message and all:
// what it describes can be received at once.
TEST(blocked_sender_at_once)
{
    handle_t q = (handle_t)queue_create(1, 8, 0), r = sealed("abc", 3, 3);
    struct msg_desc d;

    for (int round = 0; round < 20; round++) {
        long child;

        CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
        child = SPAWN({
            struct msg_desc mine = {r, 0, 1, 2};

            CHECK_EQ(queue_send_desc(q, &mine, 0, FOREVER), 0);
        });
        await_senders(q, 1);
        CHECK_EQ(take_now(q), 1);
        CHECK_EQ(queue_recv(q, &d, sizeof(d), 0, NOW), sizeof(d));
        CHECK_EQ(d.offset, 1);
        CHECK_EQ(JOIN(child), 0);
    }
}

// G7 F6: what a child receives is the child's: its end takes nothing from the
// parent, and the parent's handles do not grow.
TEST(received_in_child)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);
    uint32_t refs = handle_of(r).refs;

    for (int i = 0; i < 50; i++) {
        CHECK_EQ(describe(q, r, 0, 8), 0);
        CHECK_EQ(JOIN(SPAWN({
                     handle_close(r);
                     CHECK_EQ(take_desc(q).flags, DESC_NEW_HANDLE);
                 })),
                 0);
    }
    CHECK_EQ(handle_of(r).refs, refs);
}

// G7 G11: each of several receivers reads what it is told of, while others
// receive from the same region.
TEST(many_receivers)
{
    enum { READERS = 3, PARTS = 120 };
    handle_t q = small_queue(), r = append_only(PARTS * 8);
    long child[READERS], sum = 0;

    for (int i = 0; i < READERS; i++)
        child[i] = SPAWN({
            uint64_t word;
            int count = 0;

            handle_close(r);
            for (;;) {
                struct msg_desc d = take_desc(q);

                if (d.length == 1)
                    break;
                CHECK_EQ(region_read(d.region, d.offset, &word, 8), 8);
                CHECK_EQ(word, d.offset * 3);
                count++;
            }
            exit(count);
        });
    for (uint64_t i = 0; i < PARTS + READERS; i++) {
        uint64_t word = i * 8 * 3;
        struct msg_desc d = {r, 0, i * 8, 8};

        if (i < PARTS)
            CHECK_EQ(region_append(r, &word, 8), i * 8);
        else
            d = (struct msg_desc){r, 0, 0, 1};
        CHECK_EQ(queue_send_desc(q, &d, 0, FOREVER), 0);
    }
    for (int i = 0; i < READERS; i++)
        sum += JOIN(child[i]);
    CHECK_EQ(sum, PARTS);
}

// G8 F4: when the readers go, what is on the way is given back, and senders
// get E_PIPE with nothing sent.
TEST(readers_gone)
{
    static struct sys_info before, after;
    handle_t q = small_queue(), w = (handle_t)handle_dup(q, RIGHT_WRITE, 0);
    handle_t r;

    CHECK_EQ(sys_info(&before), 0);
    r = sealed("x", 1, 8);
    CHECK_EQ(describe(w, r, 0, 8), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(describe(w, r, 0, 8), E_PIPE);
    CHECK_EQ(handle_revoke(r), 0);
    CHECK_EQ(handle_close(r), 0);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
}

// G7: slots 0 to 2 count like others: a region there is the lowest handle.
TEST(lowest_is_a_stream)
{
    handle_t q = small_queue(), r = sealed("x", 1, 8);

    CHECK_EQ(handle_dup_at(r, 0), 0);
    CHECK_EQ(describe(q, r, 0, 8), 0);
    CHECK_EQ(take_desc(q).region, 0);
}

/* Instructions, with the instruction clock, of a descriptor's way to the same
 * process. */
static long cost_of(handle_t q, handle_t r, uint64_t length)
{
    struct msg_desc d = {r, 0, 0, length}, got;
    long best = INT64_MAX;

    for (int i = 0; i < 20; i++) {
        long begin = clock_ns(), cost;

        CHECK_EQ(queue_send_desc(q, &d, 0, NOW), 0);
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), sizeof(got));
        cost = clock_ns() - begin;
        if (cost < best)
            best = cost;
    }
    return best;
}

// G10 G11: what it costs does not depend on how much is described.
TEST(cost_of_length)
{
    const uint64_t large = 16 << 20;
    handle_t q = small_queue();
    long one = cost_of(q, sealed("x", 1, 64), 64);
    long other = cost_of(q, sealed("x", 1, large), large);

    CHECK(one * 100 <= other * 102);
    CHECK(other * 100 <= one * 102);
}

// G7: what it costs does not depend on how many handles the receiver has.
TEST(cost_of_lookup)
{
    handle_t q = small_queue(), r = sealed("x", 1, 64);
    long few = cost_of(q, r, 64), many;

    for (int i = 0; i < 200; i++)
        CHECK(handle_dup(q, RIGHT_READ, 0) > 0);
    for (int i = 0; i < 40; i++)
        slab(8, 1);
    many = cost_of(q, r, 64);
    CHECK(many * 2 < few * 3);
}

TEST_MAIN()
