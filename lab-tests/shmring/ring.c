/* shmring: messages, their limits, opening. */
#include "traps.h"

// M10: each length arrives with exactly its bytes, from and to any address,
// wherever in the ring it begins; bytes behind it are not touched.
TEST(exact_bytes)
{
    static uint8_t in[512], out[512];
    struct both b = new_both(256);

    for (uint64_t len = 0; len <= 248; len++)
        for (uint64_t offset = 0; offset < 64; offset += 1 + len % 7) {
            uint8_t *from = in + offset % 9, *to = out + offset % 11;

            test_fill(from, len, len + offset);
            memset(out, 0xee, sizeof(out));
            CHECK_EQ(shmring_send(&b.out, from, len, NOW), 0);
            CHECK_EQ(shmring_recv(&b.in, to, 248, NOW), (long)len);
            CHECK(memcmp(from, to, len) == 0);
            CHECK(all_are(out, offset % 11, 0xee));
            CHECK(all_are(to + len, 200, 0xee));
            CHECK_ERR(shmring_recv(&b.in, to, 248, NOW), E_AGAIN);
        }
    CHECK_EQ(b.out.calls + b.in.calls + traps, 0);
}

// M10: what is sent later does not touch what is not received yet; order stays.
TEST(many_at_a_time)
{
    struct both b = new_both(1024);
    uint64_t sent = 0, received = 0, seed = test_seed();
    uint8_t buf[MESSAGE_MAX];

    while (received < 20000) {
        uint32_t n = random_below(&seed, 40);
        long len;

        while (n-- > 0) {
            uint64_t bytes = message(buf, sent);

            if (shmring_send(&b.out, buf, bytes, NOW) != 0)
                break;
            sent++;
        }
        n = random_below(&seed, 40);
        while (n-- > 0 && received < sent) {
            len = shmring_recv(&b.in, buf, sizeof(buf), NOW);
            check_message(buf, len, received++);
        }
    }
    CHECK(sent > received / 2);
    CHECK_EQ(b.out.calls + b.in.calls + traps, 0);
}

// M10: indices pass 2^32.
TEST(indices_wrap)
{
    struct shmring ring = new_ring(64, SHMRING_SENDER);
    struct both b = {.out = ring};
    uint8_t buf[MESSAGE_MAX];

    words_of(&ring)[PROD] = words_of(&ring)[CONS] = UINT32_MAX - 20;
    shmring_turn(&b.out);
    b.in = b.out;
    shmring_turn(&b.out);
    for (uint64_t i = 0; i < 100; i++) {
        test_fill(buf, i % 57, i);
        CHECK_EQ(shmring_send(&b.out, buf, i % 57, NOW), 0);
        CHECK_EQ(shmring_recv(&b.in, buf + 60, 60, NOW), (long)i % 57);
        CHECK(memcmp(buf, buf + 60, i % 57) == 0);
    }
    CHECK(words_of(&ring)[PROD] < 1000);
}

// M10: a ring holds exactly what fits; no message is larger, and one that is
// larger than the receiver's buffer stays.
TEST(limits)
{
    static const uint64_t bad[] = {
        0, 1, 32, 63, 65, 100, 3 << 20, 64ull << 20, 1ull << 63, UINT64_MAX};
    struct both b = new_both(64);
    struct shmring ring;
    uint8_t buf[64] = {7};

    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_ERR(shmring_create(&ring, bad[i], SHMRING_SENDER), E_INVAL);
    CHECK_ERR(shmring_create(&ring, 64, 0), E_INVAL);
    CHECK_ERR(shmring_send(&b.out, buf, 57, FOREVER), E_MSGSIZE);
    CHECK_ERR(shmring_send(&b.out, buf, UINT64_MAX - 3, FOREVER), E_MSGSIZE);
    CHECK_EQ(shmring_send(&b.out, buf, 56, NOW), 0);
    CHECK_ERR(shmring_send(&b.out, buf, 0, NOW), E_AGAIN);
    CHECK_ERR(shmring_send(&b.out, buf, 57, FOREVER), E_MSGSIZE);
    CHECK_ERR(shmring_recv(&b.in, buf, 55, FOREVER), E_MSGSIZE);
    CHECK_ERR(shmring_recv(&b.in, buf, 0, NOW), E_MSGSIZE);
    CHECK_EQ(shmring_recv(&b.in, buf, 56, NOW), 56);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(shmring_send(&b.out, 0, 0, NOW), 0);
    CHECK_ERR(shmring_send(&b.out, 0, 0, NOW), E_AGAIN);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(shmring_recv(&b.in, 0, 0, NOW), 0);
    CHECK_ERR(shmring_recv(&b.in, 0, 0, NOW), E_AGAIN);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(shmring_send(&b.out, buf, 16, NOW), 0);
    CHECK_EQ(shmring_recv(&b.in, buf, 16, NOW), 16);
    CHECK_ERR(shmring_recv(&b.in, buf, 8, NOW), E_MSGSIZE);
    CHECK_EQ(shmring_recv(&b.in, buf, 16, NOW), 16);
    ring = new_ring(32 << 20, SHMRING_RECEIVER);
    CHECK_EQ(shmring_close(&ring), 0);
}

// M10: each end does what it is for, until it is closed.
TEST(wrong_end)
{
    struct shmring out = new_ring(64, SHMRING_SENDER), none = {0};
    struct shmring in = new_ring(64, SHMRING_RECEIVER);
    char byte = 0;

    CHECK_EQ(shmring_send(&out, &byte, 1, NOW), 0);
    CHECK_ERR(shmring_recv(&out, &byte, 1, NOW), E_ACCES);
    CHECK_ERR(shmring_send(&in, &byte, 1, NOW), E_ACCES);
    CHECK_ERR(shmring_send(&none, &byte, 1, NOW), E_BADH);
    CHECK_ERR(shmring_recv(&none, &byte, 1, NOW), E_BADH);
    CHECK_ERR(shmring_close(&none), E_BADH);
    CHECK_EQ(shmring_close(&out), 0);
    CHECK_ERR(shmring_close(&out), E_BADH);
    CHECK_ERR(shmring_send(&out, &byte, 1, FOREVER), E_BADH);
    CHECK_ERR(shmring_recv(&out, &byte, 1, FOREVER), E_BADH);
    CHECK_EQ(shmring_close(&in), 0);
}

// M10: who receives the region's handle in a message has the other end.
TEST(handle_in_a_message)
{
    handle_t q = (handle_t)queue_create(1, 8, 0);
    long pid = SPAWN({
        struct msg_handle got = {-1, 0};
        struct shmring in;
        uint8_t buf[MESSAGE_MAX];

        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, FOREVER), 8);
        CHECK_EQ(shmring_attach(&in, got.handle, SHMRING_RECEIVER), 0);
        CHECK_EQ(in.region, got.handle);
        for (uint64_t i = 0; i < 100; i++)
            check_message(buf, shmring_recv(&in, buf, sizeof(buf), FOREVER), i);
        CHECK_ERR(shmring_recv(&in, buf, sizeof(buf), FOREVER), E_PIPE);
        CHECK_EQ(shmring_close(&in), 0);
        CHECK_ERR(handle_close(got.handle), E_BADH);
    });
    struct shmring out = new_ring(256, SHMRING_SENDER);
    uint8_t buf[MESSAGE_MAX];

    CHECK_EQ(queue_send_handle(q, out.region, RW, 0, NOW), 0);
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t len = message(buf, i);

        CHECK_EQ(shmring_send(&out, buf, len, FOREVER), 0);
    }
    CHECK_EQ(shmring_close(&out), 0);
    CHECK_EQ(JOIN(pid), 0);
}

static void not_attached(handle_t region, long error)
{
    struct shmring ring = {.region = 77};

    CHECK_ERR(shmring_attach(&ring, region, SHMRING_SENDER), error);
    CHECK_ERR(shmring_attach(&ring, region, SHMRING_RECEIVER), error);
    CHECK_EQ(ring.region, 77);
}

// M10: what is no ring's region is refused, and not mapped.
TEST(bad_region)
{
    struct shmring ring = new_ring(64, SHMRING_SENDER), other;
    handle_t r = slab(PLACES_AT + 64, 1), q = (handle_t)queue_create(1, 8, 0);

    not_attached(99, E_BADH);
    not_attached(q, E_WRONGTYPE);
    not_attached((handle_t)handle_dup(r, RIGHT_WRITE, 0), E_ACCES);
    not_attached((handle_t)handle_dup(r, RIGHT_READ, 0), E_ACCES);
    not_attached(append_only(PLACES_AT + 64), E_PERM);
    not_attached(immutable(PLACES_AT + 64), E_PERM);
    not_attached(slab(PLACES_AT, 1), E_INVAL);
    not_attached(slab(8, 1), E_INVAL);
    not_attached(slab(PLACES_AT + 32, 1), E_INVAL);
    not_attached(slab(PLACES_AT + 72, 1), E_INVAL);
    not_attached(slab(PLACES_AT + 64, 2), E_INVAL);
    not_attached(ring.region, E_EXIST);
    CHECK_ERR(shmring_attach(&other, r, 0), E_INVAL);
    CHECK_ERR(shmring_attach(&other, r, 3), E_INVAL);
    CHECK_EQ(info_of(r).refs, 3);
    CHECK_EQ(shmring_attach(&other, r, SHMRING_SENDER), 0);
    CHECK_EQ(shmring_close(&other), 0);
}

// M10: without memory, or a handle, there is no ring, and nothing is left.
TEST(no_memory)
{
    struct shmring ring;
    long pid = SPAWN({
        eat_memory();
        CHECK_ERR(shmring_create(&ring, 4096, SHMRING_SENDER), E_NOMEM);
    });

    CHECK_EQ(JOIN(pid), 0);
    while (sem_create(0) >= 0)
        continue;
    CHECK_ERR(shmring_create(&ring, 4096, SHMRING_SENDER), E_MFILE);
}

TEST_MAIN()
