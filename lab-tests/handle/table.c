/* The handle table: values, generations, copies. */
#include "../lab.h"

/* Every call that takes a handle first, with this one: E_BADH from all. */
static void check_dead(uint64_t h)
{
    static const uint16_t calls[] = {
        CALL_handle_close, CALL_handle_dup, CALL_handle_dup_at,
        CALL_handle_info,  CALL_queue_send, CALL_queue_recv,
        CALL_queue_peek,   CALL_queue_stat, CALL_shutdown,
    };
    static uint64_t out[16];

    for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        CHECK_ERR(raw_call(calls[i], h, (uint64_t)out, 0, 0, 0), E_BADH);
}

// A5: values never issued are E_BADH in every call.
TEST(never_issued)
{
    static const int32_t values[] = {-1,  -2,  INT32_MIN, INT32_MAX, 200,
                                     255, 256, 1 << 20,   0x7fffff00};

    for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        check_dead((uint64_t)(int64_t)values[i]);
}

// A5: random values are E_BADH too.
TEST(random_values)
{
    uint64_t seed = test_seed();
    struct handle_info info;
    long q = queue_create(1, 8, 0);

    for (int i = 0; i < 20000; i++) {
        int32_t h = (int32_t)(rand_next(&seed) >> 20);

        // The streams, our queue and the harness's own are alive.
        if (h >= 0 && handle_info(h, &info) == 0)
            CHECK(h <= 2 || h == q || info.type == OBJ_QUEUE);
        else
            CHECK_ERR(handle_close(h), E_BADH);
    }
    CHECK_EQ(handle_close(q), 0);
}

// A5: all 64 bits of a handle count, unlike other 32-bit arguments.
TEST(upper_half_counts)
{
    uint64_t q = (uint64_t)queue_create(1, 8, 0);

    check_dead(q | 1ull << 32);
    check_dead(q | 1ull << 63);
    check_dead(q | 0xffffffffull << 32);
    CHECK_EQ(handle_close((handle_t)q), 0);
}

// A5: a closed value is dead, also when its slot has a new owner.
TEST(stale_value)
{
    long old = queue_create(1, 8, 0), fresh;

    CHECK_EQ(handle_close((handle_t)old), 0);
    check_dead((uint64_t)old);
    fresh = queue_create(1, 8, 0);
    CHECK(fresh != old);
    check_dead((uint64_t)old);
    CHECK_EQ(put_now(fresh, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(fresh), 1);
}

// A5: in 20,000 reuses no value comes back, and all are >= 3.
TEST(values_not_reused)
{
    static handle_t recent[512];

    for (uint32_t i = 0; i < 20000; i++) {
        handle_t h = (handle_t)queue_create(1, 8, 0);

        CHECK(h > 2);
        for (uint32_t n = 0; n < 512; n += 7)
            CHECK(recent[n] != h);
        recent[i % 512] = h;
        CHECK_EQ(handle_close(h), 0);
    }
    for (uint32_t n = 0; n < 512; n++)
        CHECK_ERR(handle_close(recent[n]), E_BADH);
}

// A6: a call for one kind of object refuses another kind.
TEST(wrong_type)
{
    long q = queue_create(1, 8, 0);

    CHECK_ERR(shutdown(q, 0), E_WRONGTYPE);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
}

// F2: a duplicate is a handle of its own to the same object.
TEST(dup_same_object)
{
    struct handle_info a, b;
    long q = queue_create(2, 8, 0);
    long copy = handle_dup(q, RIGHT_READ, 0);

    CHECK(copy >= 0);
    CHECK(copy != q);
    CHECK_EQ(handle_info(q, &a), 0);
    CHECK_EQ(handle_info(copy, &b), 0);
    CHECK_EQ(a.object_id, b.object_id);
    CHECK_EQ(b.type, OBJ_QUEUE);
    CHECK_EQ(b.rights, RIGHT_READ);
    CHECK_EQ(b.depth, a.depth + 1);
    CHECK_EQ(put_now(q, 3, PRIO_LOW), 0);
    CHECK_EQ(take_now(copy), 3);
}

// A1: object ids differ, and are counters, not addresses.
TEST(object_ids)
{
    struct handle_info a, b;
    long q = queue_create(1, 8, 0);

    CHECK_EQ(handle_info(q, &a), 0);
    CHECK_EQ(handle_close(q), 0);
    q = queue_create(1, 8, 0);
    CHECK_EQ(handle_info(q, &b), 0);
    CHECK(b.object_id > a.object_id);
    CHECK(b.object_id < 1ull << 32);
}

// F10: a duplicate has at most the rights of its original.
TEST(dup_rights_subset)
{
    long q = queue_create(1, 8, 0);
    long reader = handle_dup(q, RIGHT_READ, 0);

    CHECK_ERR(handle_dup(reader, RW, 0), E_ACCES);
    CHECK_ERR(handle_dup(reader, RIGHT_WRITE, 0), E_ACCES);
    CHECK_ERR(handle_dup(reader, RIGHT_READ | RIGHT_GRANT, 0), E_ACCES);
    CHECK_ERR(handle_dup(reader, RIGHT_GRANT_ONCE, 0), E_ACCES);
    CHECK_ERR(handle_dup(q, RIGHT_READ | RIGHT_EXECUTE, 0), E_ACCES);
    CHECK(handle_dup(reader, RIGHT_READ, 0) >= 0);
    CHECK(handle_dup(q, RIGHTS_FULL, 0) >= 0);
}

// F10: bits that name no right are E_INVAL, even if others are missing too.
TEST(dup_unknown_rights)
{
    long q = queue_create(1, 8, 0);
    long reader = handle_dup(q, RIGHT_READ, 0);

    CHECK_ERR(handle_dup(q, 32, 0), E_INVAL);
    CHECK_ERR(handle_dup(q, RIGHT_READ | 128, 0), E_INVAL);
    CHECK_ERR(handle_dup(q, 1u << 31, 0), E_INVAL);
    CHECK_ERR(handle_dup(reader, 32, 0), E_INVAL);
    CHECK_ERR(handle_dup(-1, 32, 0), E_BADH);
}

// F11: who holds GRANT may derive a handle with GRANT_ONCE in its place.
TEST(dup_grant_once)
{
    struct handle_info info;
    long q = queue_create(1, 8, 0);
    long once = handle_dup(q, RIGHT_READ | RIGHT_GRANT_ONCE, 0);

    CHECK(once >= 0);
    CHECK_EQ(handle_info(once, &info), 0);
    CHECK_EQ(info.rights, RIGHT_READ | RIGHT_GRANT_ONCE);
    CHECK_ERR(handle_dup(once, RIGHT_READ | RIGHT_GRANT, 0), E_ACCES);
}

// F11: eight links are the limit; the ninth is E_LOOP, before other errors.
TEST(dup_depth)
{
    struct handle_info info;
    long h = queue_create(1, 8, 0);

    for (uint32_t depth = 1; depth <= HANDLE_MAX_DEPTH; depth++) {
        h = handle_dup(h, RIGHTS_FULL, 0);
        CHECK(h >= 0);
        CHECK_EQ(handle_info(h, &info), 0);
        CHECK_EQ(info.depth, depth);
    }
    CHECK_ERR(handle_dup(h, RIGHT_READ, 0), E_LOOP);
    CHECK_ERR(handle_dup(h, 32, 0), E_LOOP);
    CHECK_EQ(put_now(h, 1, PRIO_LOW), 0);
}

// F10: a badge needs REVOKE; the badge of a handle stamps what goes through.
TEST(badge_stamps)
{
    struct msg_meta meta;
    uint64_t value, badge = 0xdeadbeefcafe;
    long q = queue_create(2, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE, badge);
    long again = handle_dup(w, RIGHT_WRITE, 0);

    CHECK_EQ(put_now(w, 1, PRIO_LOW), 0);
    CHECK_EQ(put_now(again, 2, PRIO_LOW), 0);
    for (uint64_t i = 1; i <= 2; i++) {
        CHECK_EQ(queue_recv(q, &value, 8, &meta, NOW), 8);
        CHECK_EQ(value, i);
        CHECK_EQ(meta.badge, badge);
    }
}

// F10: without REVOKE no other badge than the handle's own can be given.
TEST(badge_needs_revoke)
{
    struct handle_info info;
    long q = queue_create(2, 8, 0);
    long w = handle_dup(q, RIGHT_WRITE | RIGHT_GRANT, 7);

    CHECK_ERR(handle_dup(w, RIGHT_WRITE, 8), E_ACCES);
    CHECK_EQ(handle_info(handle_dup(w, RIGHT_WRITE, 7), &info), 0);
    CHECK_EQ(info.badge, 7);
    CHECK_EQ(handle_info(handle_dup(w, RIGHT_WRITE, 0), &info), 0);
    CHECK_EQ(info.badge, 7);
}

// A5: a table has 256 slots; then E_MFILE, until one is closed.
TEST(table_full)
{
    long q = queue_create(1, 8, 0), last = q, h;
    uint32_t n = 0;

    while ((h = handle_dup(q, RIGHT_READ, 0)) >= 0) {
        last = h;
        n++;
    }
    CHECK_ERR(h, E_MFILE);
    CHECK_ERR(handle_dup(q, RIGHT_READ, 0), E_MFILE);
    CHECK(n > HANDLE_SLOTS - 16);
    CHECK(n <= HANDLE_SLOTS - 4);
    CHECK_ERR(queue_create(1, 8, 0), E_MFILE);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(handle_close(last), 0);
    CHECK(queue_create(1, 8, 0) >= 0);
}

// A5: slots 0, 1, 2 are not handed out by any call but handle_dup_at.
TEST(streams_not_handed_out)
{
    long q;

    q = SPAWN({
        handle_close(0);
        for (int i = 0; i < 200; i++)
            CHECK(queue_create(1, 8, 0) > 2);
        CHECK_ERR(handle_close(0), E_BADH);
    });
    CHECK_EQ(JOIN(q), 0);
}

// A5: handle_dup_at fills a stream's slot; the value is the slot.
TEST(dup_at_fills_slot)
{
    struct handle_info a, b;
    long q = queue_create(2, 8, 0);

    CHECK_EQ(handle_dup_at(q, 0), 0);
    CHECK_EQ(handle_info(q, &a), 0);
    CHECK_EQ(handle_info(0, &b), 0);
    CHECK_EQ(a.object_id, b.object_id);
    CHECK_EQ(a.rights, b.rights);
    CHECK_EQ(a.depth, b.depth);
    CHECK_EQ(a.badge, b.badge);
    CHECK_EQ(put_now(0, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(q), 1);
}

// F1: handle_dup_at closes what was in the slot.
TEST(dup_at_closes)
{
    long a = queue_create(2, 8, 0), b = queue_create(2, 8, 0);
    long w = handle_dup(a, RIGHT_WRITE, 0);

    CHECK_EQ(handle_dup_at(a, 0), 0);
    CHECK_EQ(handle_close(a), 0);
    CHECK_EQ(put_now(w, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_dup_at(b, 0), 0);
    CHECK_ERR(put_now(w, 1, PRIO_LOW), E_PIPE);
}

// F1: copying a slot onto itself leaves it as it is.
TEST(dup_at_itself)
{
    long q = queue_create(2, 8, 0);

    CHECK_EQ(handle_dup_at(q, 0), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(handle_dup_at(0, 0), 0);
    CHECK_EQ(put_now(0, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(0), 1);
}

// A5: only slots 0 to 2 can be named; a bad call closes nothing.
TEST(dup_at_errors)
{
    struct handle_info info;
    long q = queue_create(2, 8, 0);

    CHECK_ERR(handle_dup_at(q, 3), E_INVAL);
    CHECK_ERR(handle_dup_at(q, -1), E_INVAL);
    CHECK_ERR(handle_dup_at(q, 255), E_INVAL);
    CHECK_ERR(handle_dup_at(-1, 0), E_BADH);
    CHECK_ERR(handle_dup_at(-1, 3), E_BADH);
    CHECK_EQ(handle_info(0, &info), 0);
}

// F11: handle_dup_at copies: it adds no link, even at the last depth.
TEST(dup_at_keeps_depth)
{
    struct handle_info info;
    long h = queue_create(1, 8, 0);

    for (uint32_t i = 0; i < HANDLE_MAX_DEPTH; i++)
        h = handle_dup(h, RIGHTS_FULL, 0);
    CHECK_EQ(handle_dup_at(h, 0), 0);
    CHECK_EQ(handle_info(0, &info), 0);
    CHECK_EQ(info.depth, HANDLE_MAX_DEPTH);
}

// B12: handle_info writes nothing when it fails.
TEST(info_errors)
{
    struct handle_info info;
    long q = queue_create(1, 8, 0);

    memset(&info, 0x5a, sizeof(info));
    CHECK_ERR(handle_info(-1, &info), E_BADH);
    CHECK_EQ(info.type, 0x5a5a5a5a);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(handle_info(q, wild_pointers[i]), E_FAULT);
}

/* Fills its table with handles and says with which error that ended. */
static void hoard_handles(handle_t q, handle_t report, handle_t start)
{
    long h;

    take(start);
    while ((h = handle_dup(q, RIGHT_READ, 0)) >= 0)
        continue;
    put(report, (uint64_t)-h);
    nap_ms(UINT32_MAX);
}

// A4: without memory for another handle every call that makes one is E_NOMEM,
// and nothing has changed; what is there works on.
TEST(no_memory)
{
    enum { HOARDERS = 8 };
    struct handle_info before, after;
    long q = queue_create(8, 8, 0), report = queue_create(8, 8, 0);
    long start = queue_create(8, 8, 0), child[HOARDERS];
    uint64_t error = 0;

    for (int i = 0; i < HOARDERS; i++)
        child[i] = SPAWN(hoard_handles(q, report, start));
    CHECK_EQ(handle_info(0, &before), 0);
    eat_memory();
    for (int i = 0; i < HOARDERS && error != E_NOMEM; i++) {
        put(start, 1);
        error = take(report);
    }
    CHECK_EQ(error, E_NOMEM);
    CHECK_ERR(handle_dup(q, RIGHT_READ, 0), E_NOMEM);
    CHECK_ERR(handle_dup_at(q, 0), E_NOMEM);
    CHECK_ERR(handle_grant(q, child[0], RIGHT_READ, 0), E_NOMEM);
    CHECK_ERR(queue_create(1, 1, 0), E_NOMEM);
    CHECK_EQ(handle_info(0, &after), 0);
    CHECK_EQ(after.object_id, before.object_id);
    CHECK_EQ(put(q, 1), 0);
    CHECK_EQ(take(q), 1);
    for (int i = 0; i < HOARDERS; i++) {
        kill(child[i]);
        CHECK_EQ(wait(child[i], 0, FOREVER), child[i]);
    }
}

// A6: calls on queues refuse a region, calls on regions refuse a queue.
TEST(wrong_type_both_ways)
{
    static uint64_t out[16];
    long q = queue_create(1, 8, 0), r = region_open("echo");
    struct wait_item item = {(handle_t)r, 0, 0};

    CHECK_ERR(queue_send(r, out, 8, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_send_handle(r, q, RW, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_recv(r, out, 8, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_peek(r, (struct msg_meta *)out), E_WRONGTYPE);
    CHECK_ERR(queue_stat(r, (struct queue_stat *)out), E_WRONGTYPE);
    CHECK_ERR(queue_set_type(r, out, 8), E_WRONGTYPE);
    CHECK_ERR(handle_wait(&item, 1, NOW), E_WRONGTYPE);
    CHECK_ERR(handle_shutdown(r), E_WRONGTYPE);
    CHECK_ERR(shutdown(r, 0), E_WRONGTYPE);
    CHECK_ERR(region_read(q, 0, out, 8), E_WRONGTYPE);
    CHECK_ERR(region_info(q, (struct region_info *)out), E_WRONGTYPE);
    CHECK_EQ(stat_of(q).sent, 0);
}

// A6 B12: the wrong type comes before a missing right.
TEST(type_before_right)
{
    long r = region_open("echo");
    long blind = handle_dup(r, RIGHT_GRANT, 0);

    CHECK_ERR(queue_recv(blind, 0, 0, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_set_type(blind, "", 1), E_WRONGTYPE);
    CHECK_ERR(region_read(blind, 0, 0, 0), E_ACCES);
}

TEST_MAIN()
