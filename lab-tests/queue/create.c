/* Creating queues: what is accepted, what is refused, what it costs. */
#include "../lab.h"

// A1: a new queue is empty, echoes its parameters and holds ring_size.
TEST(create_query)
{
    long q = queue_create(8, 100, 77);
    struct queue_stat s = stat_of(q);

    CHECK(q >= 0);
    CHECK_EQ(s.ring_size, 8);
    CHECK_EQ(s.max_msg, 100);
    CHECK_EQ(s.schema, 77);
    CHECK_EQ(s.len, 0);
    CHECK_EQ(s.available, 8);
    CHECK_EQ(s.max_depth, 0);
    CHECK_EQ(s.waiting_senders, 0);
    CHECK_EQ(s.waiting_receivers, 0);
    CHECK_EQ(s.sent + s.received + s.rejected + s.empty, 0);
    CHECK_EQ(s.bytes_sent + s.bytes_received, 0);
}

// A1: the creator holds read, write, grant and revoke, at depth 0.
TEST(creator_rights)
{
    struct handle_info info;
    long q = queue_create(1, 1, 0);

    CHECK_EQ(handle_info(q, &info), 0);
    CHECK_EQ(info.type, OBJ_QUEUE);
    CHECK_EQ(info.rights, RIGHTS_FULL);
    CHECK_EQ(info.depth, 0);
    CHECK_EQ(info.badge, 0);
}

// A1: capacity is exactly ring_size; no slot is kept spare.
TEST(capacity_exact)
{
    for (uint32_t size = 1; size <= 16; size *= 2) {
        long q = queue_create(size, 8, 0);

        for (uint32_t i = 0; i < size; i++) {
            CHECK_EQ(stat_of(q).available, size - i);
            CHECK_EQ(put_now(q, i, PRIO_NORMAL), 0);
        }
        CHECK_ERR(put_now(q, 0, PRIO_NORMAL), E_AGAIN);
        CHECK_EQ(stat_of(q).len, size);
        CHECK_EQ(handle_close(q), 0);
    }
}

// A2: every power of two up to the limit is a ring size.
TEST(powers_of_two)
{
    for (uint32_t size = 1; size <= QUEUE_MAX_RING; size *= 2) {
        long q = queue_create(size, 1, 0);

        CHECK(q >= 0);
        CHECK_EQ(stat_of(q).ring_size, size);
        CHECK_EQ(handle_close(q), 0);
    }
}

// A2: any other ring size is E_INVAL.
TEST(not_power_of_two)
{
    static const uint32_t sizes[] = {0, 3, 5, 6, 7, 9, 10, 15, 17, 100, 1023};

    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        CHECK_ERR(queue_create(sizes[i], 8, 0), E_INVAL);
}

// A3: beyond the limits is E_INVAL, never a clamp; the product cannot wrap.
TEST(beyond_limits)
{
    static const uint32_t bad[][2] = {
        {2048, 1},
        {4096, 1},
        {1u << 31, 1},
        {UINT32_MAX, 1},
        {1, 0},
        {1, 4097},
        {1, 1u << 31},
        {1, UINT32_MAX},
        {1024, 1025},
        {512, 2049},
        {1u << 31, 2},
        {1u << 16, 1u << 16},
        {1u << 31, 1u << 31},
        {UINT32_MAX, UINT32_MAX},
    };

    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_ERR(queue_create(bad[i][0], bad[i][1], 0), E_INVAL);
}

// A3: at the limits a queue works, with messages of full size.
TEST(at_limits)
{
    static const uint32_t good[][2] = {{1024, 1024}, {256, 4096}, {1, 4096}};
    static uint8_t in[4096], out[4096];

    for (uint32_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        long q = queue_create(good[i][0], good[i][1], UINT32_MAX);
        uint32_t len = good[i][1];

        CHECK(q >= 0);
        for (uint32_t n = 0; n < good[i][0]; n++) {
            memset(in, (int)n, len);
            CHECK_EQ(queue_send(q, in, len, MSG_OPT(0, UINT32_MAX), NOW), 0);
        }
        for (uint32_t n = 0; n < good[i][0]; n++) {
            memset(in, (int)n, len);
            CHECK_EQ(queue_recv(q, out, len, 0, NOW), len);
            CHECK_EQ(memcmp(in, out, len), 0);
        }
        CHECK_EQ(handle_close(q), 0);
    }
}

// A4: the storage is there from creation: with no memory left an old queue
// still takes all its messages.
TEST(storage_reserved)
{
    static uint8_t data[4096];
    long q = queue_create(64, 4096, 0);

    eat_memory();
    CHECK_ERR(sbrk(PAGE_SIZE), E_NOMEM);
    for (int i = 0; i < 64; i++) {
        memset(data, i, sizeof(data));
        CHECK_EQ(queue_send(q, data, sizeof(data), 0, NOW), 0);
    }
    for (int i = 0; i < 64; i++) {
        CHECK_EQ(queue_recv(q, data, sizeof(data), 0, NOW), 4096);
        CHECK_EQ(data[0], i);
        CHECK_EQ(data[4095], i);
    }
}
// A1: in queues of every shape each place holds its own full message, twice.
TEST(every_shape)
{
    static const uint32_t sizes[] = {
        1,    63,   65,   72,   80,   104,  127,  200,  448,  512,  833,
        1000, 1500, 2000, 2500, 3500, 3900, 3968, 4032, 4040, 4095, 4096};
    static uint8_t in[4096], out[4096];

    for (uint32_t ring = 1; ring <= 256; ring *= 2)
        for (uint32_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            uint32_t len = sizes[k];
            handle_t q = queue_create(ring, len, 0);

            for (uint32_t i = 0; i < 2 * ring; i++) {
                memset(in, (int)i, len);
                if (i >= ring) {
                    CHECK_EQ(queue_recv(q, out, len, 0, NOW), len);
                    CHECK_EQ(out[0], (uint8_t)(i - ring));
                    CHECK_EQ(memcmp(out, out + 1, len - 1), 0);
                }
                CHECK_EQ(queue_send(q, in, len, 0, NOW), 0);
            }
            CHECK_EQ(stat_of(q).available, 0);
            CHECK_EQ(handle_close(q), 0);
        }
}

/* Each place has room for a handle, too: no send of one needs memory, also not
 * one that has to wait for its place. */
TEST(handles_reserved)
{
    handle_t q = queue_create(256, 1, 0), cargo = queue_create(1, 1, 0);
    struct msg_handle got;

    eat_memory();
    CHECK_ERR(queue_create(1, 4096, 0), E_NOMEM);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(queue_send_handle(q, cargo, RIGHT_WRITE, 0, NOW), 0);
    CHECK_ERR(queue_send_handle(q, cargo, RIGHT_WRITE, 0, NOW), E_AGAIN);
    CHECK_ERR(queue_send_handle(q, cargo, RIGHT_WRITE, 0, MS(1)), E_TIMEDOUT);
    CHECK_EQ(handle_revoke(cargo), 256);
    for (int i = 0; i < 256; i++) {
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), sizeof(got));
        CHECK_EQ(got.handle, -E_BADH);
        CHECK_EQ(got.rights, 0);
    }
}

// A4: a queue that does not fit in memory is E_NOMEM, and nothing stays.
TEST(create_no_memory)
{
    static const uint32_t shapes[][2] = {{256, 4096}, {1024, 72}, {64, 100},
                                         {16, 1000},  {1, 4096},  {1, 2000}};
    static struct sys_info before, after;

    eat_memory();
    for (uint32_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
        uint32_t ring = shapes[k][0], size = shapes[k][1];
        long r = 0;

        for (int i = 0; i < 64 && r >= 0; i++)
            r = queue_create(ring, size, 0);
        CHECK_ERR(r, E_NOMEM);
        CHECK_EQ(sys_info(&before), 0);
        for (int i = 0; i < 100; i++)
            CHECK_ERR(queue_create(ring, size, 0), E_NOMEM);
        CHECK_EQ(sys_info(&after), 0);
        CHECK_EQ(after.free_pages, before.free_pages);
        CHECK_EQ(after.objects, before.objects);
    }
}

// A4: create until it fails, close all: the same number every time.
TEST(create_until_full)
{
    static handle_t all[HANDLE_SLOTS];
    uint32_t first = 0;

    for (int round = 0; round < 50; round++) {
        uint32_t n = 0;
        long q;

        while ((q = queue_create(2, 16, 0)) >= 0)
            all[n++] = (handle_t)q;
        CHECK_ERR(q, E_MFILE);
        if (round == 0)
            first = n;
        CHECK_EQ(n, first);
        while (n > 0)
            CHECK_EQ(handle_close(all[--n]), 0);
    }
    CHECK(first > HANDLE_SLOTS - 16);
}

/* Creates queues until one is refused; reports how many, and why. */
static void hoard(handle_t report, handle_t gate)
{
    uint64_t n = 0;
    long q;

    while ((q = queue_create(1, 1, 0)) >= 0)
        n++;
    put(report, n | (uint64_t)-q << 32);
    queue_recv(gate, 0, 0, 0, FOREVER);
}

// A4: 1024 queues exist side by side; more may be, or are E_NFILE.
TEST(thousand_queues)
{
    long report = queue_create(8, 8, 0), gate = queue_create(8, 8, 0);
    uint64_t total = 2 + 2, answer, error; /* ours and the console's */
    long child[5];

    for (int i = 0; i < 5; i++) {
        child[i] = SPAWN(hoard(report, gate));
        answer = take(report);
        total += (uint32_t)answer;
        error = answer >> 32;
        CHECK(error == E_MFILE || (error == E_NFILE && total >= 1024));
    }
    CHECK(total >= 1024);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(queue_send(gate, 0, 0, 0, NOW), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    CHECK(queue_create(1, 1, 0) >= 0);
}

TEST_MAIN()
