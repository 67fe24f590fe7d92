/* Messages of all kinds in queues of all shapes: each place holds any of them,
 * wherever the memory of one page ends. */
#include "region.h"

struct shape {
    uint32_t ring, size;
    handle_t q, cargo, r;
};

/* Message i: in turn a full one, a handle, a descriptor. */
static long send_kind(const struct shape *s, uint32_t i, uint64_t timeout)
{
    static uint8_t bytes[4096];
    struct msg_desc d = {s->r, 0, i, i + 1};

    if (i % 3 == 1)
        return queue_send_handle(s->q, s->cargo, RIGHT_WRITE, 0, timeout);
    if (i % 3 == 2)
        return queue_send_desc(s->q, &d, 0, timeout);
    memset(bytes, (int)i, s->size);
    return queue_send(s->q, bytes, s->size, 0, timeout);
}

static void receive_kind(const struct shape *s, uint32_t i)
{
    static union {
        uint8_t bytes[4096];
        struct msg_handle h;
        struct msg_desc d;
    } in;
    struct msg_meta meta;
    long n = queue_recv(s->q, &in, sizeof(in), &meta, MS(SETTLE_MS));

    CHECK_EQ(meta.seq, i);
    if (i % 3 == 1) {
        CHECK_EQ(n, sizeof(in.h));
        CHECK_EQ(meta.kind, MSG_HANDLE);
        CHECK_EQ(in.h.rights, RIGHT_WRITE);
        CHECK_EQ(queue_stat(in.h.handle, 0), -E_ACCES);
        CHECK_EQ(put_now(in.h.handle, i, PRIO_NORMAL), 0);
        CHECK_EQ(take_now(s->cargo), i);
        CHECK_EQ(handle_close(in.h.handle), 0);
    } else if (i % 3 == 2) {
        CHECK_EQ(n, sizeof(in.d));
        CHECK_EQ(meta.kind, MSG_DESC);
        CHECK_EQ(in.d.region, s->r);
        CHECK_EQ(in.d.offset, i);
        CHECK_EQ(in.d.length, i + 1);
    } else {
        CHECK_EQ(n, s->size);
        CHECK_EQ(meta.kind, MSG_INLINE);
        CHECK_EQ(in.bytes[0], (uint8_t)i);
        CHECK_EQ(memcmp(in.bytes, in.bytes + 1, s->size - 1), 0);
    }
}

static void each_shape(void (*run)(const struct shape *s))
{
    static const uint32_t sizes[] = {1,   72,  80,  88,   104,  112,  127,
                                     504, 576, 600, 1344, 1400, 2048, 4040};
    struct shape s = {.cargo = (handle_t)queue_create(1, 8, 0),
                      .r = sealed("x", 1, 1 << 14)};

    for (s.ring = 1; s.ring <= 1024; s.ring *= 2)
        for (uint32_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            s.size = sizes[k];
            if (s.ring * s.size > QUEUE_MAX_BYTES)
                continue;
            s.q = (handle_t)queue_create(s.ring, s.size, 0);
            CHECK(s.q > 0);
            run(&s);
            CHECK_EQ(handle_close(s.q), 0);
        }
}

/* Three times full, so that every place has had each kind. */
static void fill_and_drain(const struct shape *s)
{
    for (uint32_t i = 0; i < 3 * s->ring; i++) {
        if (i >= s->ring)
            receive_kind(s, i - s->ring);
        CHECK_EQ(send_kind(s, i, NOW), 0);
    }
    CHECK_ERR(send_kind(s, 1, NOW), E_AGAIN);
    for (uint32_t i = 0; i < s->ring; i++)
        receive_kind(s, 2 * s->ring + i);
}

// A4 G10: each place holds a full message, a handle and a descriptor.
TEST(every_kind)
{
    each_shape(fill_and_drain);
}

/* The same from a sender that has to wait for each place. */
static void drain_a_waiting_sender(const struct shape *s)
{
    long pid = SPAWN(for (uint32_t i = 0; i < 3 * s->ring; i++)
                         CHECK_EQ(send_kind(s, i, FOREVER), 0););

    await_senders(s->q, 1);
    for (uint32_t i = 0; i < 3 * s->ring; i++)
        receive_kind(s, i);
    CHECK_EQ(JOIN(pid), 0);
}

// A4 G10: the same for what waits until it can have a place.
TEST(every_kind_waiting)
{
    each_shape(drain_a_waiting_sender);
}

/* Half full of all kinds when its last handle goes. */
static void drop_half(const struct shape *s)
{
    for (uint32_t i = 0; i <= s->ring / 2; i++)
        CHECK_EQ(send_kind(s, i, NOW), 0);
}

// A4 F1: what is in a queue when it goes is dropped, and all of it freed.
TEST(every_kind_dropped)
{
    each_shape(drop_half);
}

TEST_MAIN()
