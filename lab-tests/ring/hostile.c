/* Owners that write nonsense into what they share with the kernel. */
#include "raw.h"

// L14: more entries than there are: E_INVAL, and nothing is run.
TEST(submit_index)
{
    static const uint32_t far[] = {9, 10, 64, 1000, 1u << 31, -1u, -8u, -9u};
    long q = new_queue(4);
    uint32_t base;

    raw_open(8);
    base = SQ_PROD;
    put_send(1, q, "x", 1, NOW);
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        SQ_PROD = base + far[i];
        CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
        CHECK_ERR(ring_submit(8, 1, FOREVER), E_INVAL);
        CHECK_EQ(SQ_CONS, base);
        CHECK_EQ(ready(), 0);
    }
    CHECK_EQ(stat_of((handle_t)q).sent, 0);
    SQ_PROD = base + 1;
    CHECK_EQ(ring_submit(1, 0, NOW), 1);
    EXPECT(1, 0);
    SQ_PROD = base;
    CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
}

// L14: more completions reaped than there were, or too few.
TEST(reap_index)
{
    static const uint32_t far[] = {1, 2, 64, 1000, 1u << 31, -9u, -1000u};
    long q = new_queue(4);
    uint32_t base;

    raw_open(8);
    base = CQ_CONS;
    put_send(1, q, "x", 1, NOW);
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        CQ_CONS = base + far[i];
        CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
        CHECK_ERR(ring_submit(1, 1, FOREVER), E_INVAL);
        CHECK_EQ(SQ_CONS, base);
        CHECK_EQ(CQ_PROD, base);
    }
    CHECK_EQ(stat_of((handle_t)q).sent, 0);
    CQ_CONS = base;
    CHECK_EQ(ring_submit(1, 0, NOW), 1);
    EXPECT(1, 0);
}

// L14: an index that goes back is a full ring, not a second completion.
TEST(reap_index_goes_back)
{
    raw_open(4);
    for (uint64_t i = 0; i < 4; i++)
        put_nop(i);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    for (uint64_t i = 0; i < 4; i++)
        EXPECT(i, 0);
    CQ_CONS = CQ_CONS - 4;
    put_nop(4);
    CHECK_ERR(ring_submit(1, 0, NOW), E_BUSY);
    CQ_CONS = CQ_CONS + 2;
    SUBMIT_ONE();
    EXPECT(2, 0);
    EXPECT(3, 0);
    EXPECT(4, 0);
}

// L14: indices go wild while entries are parked: these complete all the same
// once the index is right again, each once.
TEST(wild_while_parked)
{
    char bytes[2];
    long q = new_queue(4);
    uint32_t reaped;

    raw_open(4);
    reaped = CQ_CONS;
    put_recv(0, q, &bytes[0], 1, FOREVER);
    put_recv(1, q, &bytes[1], 1, FOREVER);
    CHECK_EQ(ring_submit(2, 0, NOW), 2);
    CQ_CONS = reaped + 1000;
    SQ_PROD = SQ_PROD - 77;
    CHECK_EQ(queue_send((handle_t)q, "a", 1, 0, NOW), 0);
    CHECK_ERR(ring_submit(1, 1, NOW), E_INVAL);
    CHECK_EQ(queue_send((handle_t)q, "b", 1, 0, NOW), 0);
    CHECK_EQ(ring_cancel(0), 0);
    CQ_CONS = reaped;
    SQ_PROD = SQ_PROD + 77;
    AWAIT(2);
    EXPECT(0, 1);
    EXPECT(1, 1);
    CHECK_EQ(memcmp(bytes, "ab", 2), 0);
    CHECK_EQ(ready(), 0);
}

// L15: an entry is read when its turn comes: an earlier one may write it.
TEST(entry_written_by_entry)
{
    uint8_t other[64];
    long q = new_queue(4), out = new_queue(4);

    raw_open(4);
    raw_write(other, CALL_queue_send, NEED, 77,
              ARGS((uint64_t)out, (uint64_t) "new", 3));
    CHECK_EQ(queue_send((handle_t)q, other, 64, 0, NOW), 0);
    put_recv(1, q, raw_entry(SQ_CONS + 1), 64, NOW);
    put_send(2, out, "old!", 4, NOW);
    put_nop(3);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    EXPECT(1, 64);
    EXPECT(77, 0);
    EXPECT(3, 0);
    CHECK_EQ(stat_of((handle_t)out).bytes_sent, 3);
}

// L15: and it may make a bad one of it, or write over itself.
TEST(bad_entry_written_by_entry)
{
    uint8_t bad[64];
    long q = new_queue(4);

    raw_open(4);
    memset(bad, 0xff, sizeof(bad));
    CHECK_EQ(queue_send((handle_t)q, bad, 64, 0, NOW), 0);
    CHECK_EQ(queue_send((handle_t)q, bad, 64, 0, NOW), 0);
    put_recv(1, q, raw_entry(SQ_CONS), 64, NOW);
    put_recv(2, q, raw_entry(SQ_CONS + 2), 64, NOW);
    put_nop(3);
    put_nop(4);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    EXPECT(1, 64);
    EXPECT(2, 64);
    CHECK_EQ(ready(), 2);
    CHECK_EQ(look_at(0).user_data, ~0ull);
    CHECK(reap().result < 0);
    EXPECT(4, 0);
}

// L14 L15: entries that write the indices.
TEST(indices_written_by_entry)
{
    static const uint32_t wild[] = {0xdeadbeef, 0, 1u << 31, -1u};
    long q = new_queue(4);
    uint32_t prod, cons;

    raw_open(8);
    for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        prod = SQ_PROD;
        cons = CQ_CONS;
        CHECK_EQ(queue_send((handle_t)q, &wild[i], 4, 0, NOW), 0);
        CHECK_EQ(queue_send((handle_t)q, &wild[i], 4, 0, NOW), 0);
        put_recv(1, q, (void *)RAW_USER, 4, NOW);
        put_recv(2, q, (void *)(RAW_USER + 64), 4, NOW);
        put_nop(3);
        ring_submit(3, 0, NOW);
        ring_submit(8, 1, NOW);
        // Put right, it goes on with whatever of the three is left.
        SQ_PROD = prod + 3;
        CQ_CONS = cons;
        CHECK(ring_submit(8, 3, NOW) >= 0);
        CHECK_EQ(ready(), 3);
        for (uint64_t n = 1; n <= 3; n++)
            CHECK_EQ(reap().user_data, n);
        while (stat_of((handle_t)q).len > 0)
            queue_recv((handle_t)q, &prod, 4, 0, NOW);
    }
}

// L15: a payload that another process writes to all the time is checked on the
// kernel's copy: what arrives is of the queue's type.
TEST(shared_payload)
{
    uint8_t form[WIT_MAX_FORM], got = 0, *shared;
    long len = wit_compile("bool", form, sizeof(form)), q = new_queue(4), pid;
    long r = region_create(REGION_SLAB, 64, 1, 0, 0), at;
    uint32_t sent = 0;

    at = region_map((handle_t)r, 0, PROT_READ | PROT_WRITE);
    CHECK(at > 0 && len > 0);
    CHECK_EQ(queue_set_type((handle_t)q, form, (uint64_t)len), 0);
    shared = (uint8_t *)at;
    pid = SPAWN(for (uint8_t i = 0;; i++) * (volatile uint8_t *)shared = i % 4);
    raw_open(1);
    for (uint64_t i = 0; i < rounds(3000); i++) {
        long result;

        put_send(i, q, shared, 1, i % 2 ? NOW : FOREVER);
        CHECK_EQ(ring_submit(1, 1, FOREVER), 1);
        result = reap().result;
        CHECK(result == 0 || result == -E_PROTOTYPE);
        if (result == 0) {
            CHECK_EQ(queue_recv((handle_t)q, &got, 1, 0, NOW), 1);
            CHECK(got <= 1);
            sent++;
        }
    }
    CHECK_EQ(stat_of((handle_t)q).sent, sent);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

/* Sixty receives of junk to any place of the ring's pages, and submits. */
static void receive_over_the_ring(uint64_t seed)
{
    long q = new_queue(64);
    uint64_t junk[8];

    raw_open(64);
    for (int i = 0; i < 60; i++) {
        test_fill(junk, sizeof(junk), rand_next(&seed));
        CHECK_EQ(queue_send((handle_t)q, junk, 64, 0, NOW), 0);
        put_recv(1, q, (void *)(RAW_USER + random_below(&seed, 12288)), 64,
                 i % 4 ? NOW : FOREVER);
    }
    for (int i = 0; i < 20; i++)
        ring_submit(64, random_below(&seed, 3), US(50));
}

// L15: output anywhere on the ring's pages does no harm to anybody else.
TEST(output_over_the_ring)
{
    uint64_t seed = test_seed();

    for (int round = 0; round < 20; round++) {
        uint64_t part = rand_next(&seed);
        long pid = SPAWN(receive_over_the_ring(part));

        CHECK_EQ(wait(pid, 0, FOREVER), pid);
    }
}

TEST_MAIN()
