/* Channels: elements of one size, many senders, many receivers. */
#include "channel.h"

// M8: elements come out in the order in which they went in, as many as there
// is capacity for, over many wraps.
TEST(fifo)
{
    struct ends c = new_chan(3, 8);

    for (uint64_t i = 0; i < 100; i++) {
        CHECK_EQ(chan_len(c.r), 0);
        for (uint64_t k = 0; k < 3; k++)
            CHECK_EQ(give(c.s, i * 3 + k, NOW), 0);
        CHECK_ERR(give(c.s, 99, NOW), E_AGAIN);
        CHECK_EQ(chan_len(c.r), 3);
        for (uint64_t k = 0; k < 3; k++)
            CHECK_EQ(get(c.r, NOW), i * 3 + k);
    }
    CHECK_ERR(chan_recv(c.r, &c, NOW), E_AGAIN);
}

// M8: exactly elem_size bytes are read and written.
TEST(exact_bytes)
{
    static const uint32_t sizes[] = {1, 2, 3, 7, 8, 9, 63, 65, 100, 255, 256};
    static uint8_t in[256], out[512], *edge;

    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ends c = new_chan(40, sizes[i]);

        test_fill(in, sizes[i], i);
        memset(out, 0xee, sizeof(out));
        edge = memcpy(heap_tail(sizes[i]), in, sizes[i]);
        for (int k = 0; k < 40; k++)
            CHECK_EQ(chan_send(c.s, edge, NOW), 0);
        for (int k = 0; k < 40; k++)
            CHECK_EQ(chan_recv(c.r, out, NOW), 0);
        CHECK(memcmp(in, out, sizes[i]) == 0);
        CHECK_EQ(out[sizes[i]], 0xee);
        handle_close(c.s);
        handle_close(c.r);
    }
}

// M8: the sizes that the ABI names, and no others.
TEST(sizes)
{
    static const uint32_t bad[] = {0, 1025, 1u << 31, UINT32_MAX};
    handle_t out[2];
    struct ends c = new_chan(1024, 256);

    for (int i = 0; i < 4; i++) {
        CHECK_ERR(chan_create(bad[i], 8, out), E_INVAL);
        CHECK_ERR(chan_create(8, i == 1 ? 257 : bad[i], out), E_INVAL);
    }
    for (uint64_t i = 0; i < 1024; i++)
        CHECK_EQ(chan_send(c.s, heap_tail(256), NOW), 0);
    CHECK_ERR(chan_send(c.s, heap_tail(256), NOW), E_AGAIN);
    CHECK_EQ(chan_len(c.r), 1024);
}

// M8: of whatever shape a channel is, each element has its place.
TEST(odd_shapes)
{
    static const uint32_t capacity[] = {1, 3, 7, 37, 100, 129, 777};
    static const uint32_t size[] = {1, 65, 72, 75, 80, 136, 250};
    static uint8_t in[256], out[256];

    for (uint32_t i = 0; i < 49; i++) {
        uint32_t n = capacity[i / 7], bytes = size[i % 7];
        struct ends c = new_chan(n, bytes);

        for (uint32_t k = 0; k < n; k++) {
            test_fill(in, bytes, k);
            CHECK_EQ(chan_send(c.s, in, NOW), 0);
        }
        CHECK_ERR(chan_send(c.s, in, NOW), E_AGAIN);
        for (uint32_t k = 0; k < n; k++) {
            test_fill(in, bytes, k);
            CHECK_EQ(chan_recv(c.r, out, NOW), 0);
            CHECK(memcmp(in, out, bytes) == 0);
        }
        handle_close(c.s);
        handle_close(c.r);
    }
}

// M8: each end has the rights of its side only.
TEST(rights)
{
    struct ends c = new_chan(2, 8);
    struct handle_info s, r;
    uint64_t value = 0;

    CHECK_EQ(handle_info(c.s, &s), 0);
    CHECK_EQ(handle_info(c.r, &r), 0);
    CHECK_EQ(s.type, OBJ_CHANNEL);
    CHECK_EQ(s.rights, RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
    CHECK_EQ(r.rights, RIGHT_READ | RIGHT_GRANT | RIGHT_REVOKE);
    CHECK_EQ(s.object_id, r.object_id);
    CHECK_EQ(s.refs, 2);
    CHECK_ERR(chan_recv(c.s, &value, NOW), E_ACCES);
    CHECK_ERR(chan_len(c.s), E_ACCES);
    CHECK_ERR(chan_send(c.r, &value, NOW), E_ACCES);
    CHECK_EQ(handle_revoke(c.s), 0); /* the other end does not derive */
    CHECK_EQ(give(c.s, 1, NOW), 0);
}

// M8: producers 1, 2, 3 and 4, 5 through capacity 4: exactly five elements,
// then E_PIPE.
TEST(exactly_five)
{
    struct ends c = new_chan(4, 8);
    uint64_t sum = 0, seen = 0, value;
    long a = SPAWN({
        for (uint64_t i = 1; i <= 3; i++)
            CHECK_EQ(give(c.s, i, FOREVER), 0);
    });
    long b = SPAWN({
        for (uint64_t i = 4; i <= 5; i++)
            CHECK_EQ(give(c.s, i, FOREVER), 0);
    });

    CHECK_EQ(handle_close(c.s), 0);
    for (int i = 0; i < 5; i++) {
        value = get(c.r, FOREVER);
        sum += value;
        seen |= 1ull << value;
    }
    CHECK_EQ(sum, 15);
    CHECK_EQ(seen, 0x3e);
    CHECK_ERR(chan_recv(c.r, &value, FOREVER), E_PIPE);
    CHECK_EQ(JOIN(a), 0);
    CHECK_EQ(JOIN(b), 0);
}

// M8: the last sender's end lets receivers drain, and ends those who wait.
TEST(last_sender)
{
    struct ends c = new_chan(4, 8);
    uint64_t value;
    long pid;

    CHECK_EQ(give(c.s, 1, NOW), 0);
    CHECK_EQ(give(c.s, 2, NOW), 0);
    pid = SPAWN({
        handle_close(c.s);
        CHECK_EQ(get(c.r, FOREVER), 1);
        CHECK_EQ(get(c.r, FOREVER), 2);
        CHECK_ERR(chan_recv(c.r, &value, FOREVER), E_PIPE);
        CHECK_ERR(chan_recv(c.r, &value, NOW), E_PIPE);
    });
    await_state(pid, PROC_WAITING);
    CHECK_EQ(handle_close(c.s), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M8: when the last receiver is gone senders get E_PIPE at once, those that
// wait, too.
TEST(last_receiver)
{
    struct ends c = new_chan(1, 8);
    long pid;

    CHECK_EQ(give(c.s, 1, NOW), 0);
    pid = SPAWN({
        handle_close(c.r);
        CHECK_ERR(give(c.s, 2, FOREVER), E_PIPE);
    });
    await_state(pid, PROC_WAITING);
    CHECK_EQ(handle_close(c.r), 0);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_ERR(chan_send(c.s, &c, NOW), E_PIPE);
}

// F9: after a shutdown sends fail at once; receivers drain, then E_PIPE.
TEST(shutdown)
{
    struct ends c = new_chan(2, 8);
    uint64_t value;

    CHECK_EQ(give(c.s, 1, NOW), 0);
    CHECK_EQ(handle_shutdown(c.r), 0);
    CHECK_EQ(handle_shutdown(c.s), 0);
    CHECK_ERR(give(c.s, 2, FOREVER), E_PIPE);
    CHECK_EQ(get(c.r, FOREVER), 1);
    CHECK_ERR(chan_recv(c.r, &value, FOREVER), E_PIPE);
}

// E6: senders that wait are let in, elements and all, in their order.
TEST(blocked_senders)
{
    struct ends c = new_chan(2, 8);
    long pid[3];

    CHECK_EQ(give(c.s, 0, NOW), 0);
    CHECK_EQ(give(c.s, 1, NOW), 0);
    for (uint64_t i = 0; i < 3; i++) {
        pid[i] = SPAWN(CHECK_EQ(give(c.s, 2 + i, FOREVER), 0));
        await_state(pid[i], PROC_WAITING);
    }
    for (uint64_t i = 0; i < 5; i++)
        CHECK_EQ(get(c.r, NOW), i);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// E3 E4: a timeout of 0 is one attempt, a finite one is kept.
TEST(timeouts)
{
    struct ends c = new_chan(1, 8);
    uint64_t start = (uint64_t)clock_ns(), value;

    CHECK_ERR(chan_recv(c.r, &value, MS(5)), E_TIMEDOUT);
    CHECK_EQ(give(c.s, 1, NOW), 0);
    CHECK_ERR(chan_send(c.s, &value, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(10));
    CHECK_ERR(give(c.s, 2, NOW), E_AGAIN);
    CHECK_EQ(get(c.r, FOREVER), 1);
    CHECK_ERR(chan_recv(c.r, &value, NOW), E_AGAIN);
}

// C3 E10: an element that cannot be written to its receiver stays the next one,
// or goes to the next in line.
TEST(bad_receiver)
{
    struct ends c = new_chan(4, 8);
    long bad, good;

    for (uint64_t i = 1; i <= 3; i++)
        CHECK_EQ(give(c.s, i, NOW), 0);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(chan_recv(c.r, wild_pointers[i], NOW), E_FAULT);
    CHECK_EQ(chan_len(c.r), 3);
    for (uint64_t i = 1; i <= 3; i++)
        CHECK_EQ(get(c.r, NOW), i);
    bad = SPAWN(CHECK_ERR(chan_recv(c.r, wild_pointers[0], FOREVER), E_FAULT));
    await_state(bad, PROC_WAITING);
    good = SPAWN(CHECK_EQ(get(c.r, FOREVER), 9));
    await_state(good, PROC_WAITING);
    CHECK_EQ(give(c.s, 9, NOW), 0);
    CHECK_EQ(JOIN(bad), 0);
    CHECK_EQ(JOIN(good), 0);
}

// M8: what the calls refuse; a bad pointer enqueues nothing.
TEST(refused)
{
    struct ends c = new_chan(2, 8);
    handle_t q = (handle_t)queue_create(1, 8, 0), out[2];
    uint64_t value = 0;

    CHECK_ERR(chan_send(99, &value, NOW), E_BADH);
    CHECK_ERR(chan_recv(99, &value, NOW), E_BADH);
    CHECK_ERR(chan_len(99), E_BADH);
    CHECK_ERR(chan_send(q, &value, NOW), E_WRONGTYPE);
    CHECK_ERR(chan_recv(q, &value, NOW), E_WRONGTYPE);
    CHECK_ERR(chan_len(q), E_WRONGTYPE);
    CHECK_ERR(queue_send(c.s, &value, 8, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_recv(c.r, &value, 8, 0, NOW), E_WRONGTYPE);
    for (uint32_t i = 0; i < WILD_COUNT; i++) {
        CHECK_ERR(chan_send(c.s, wild_pointers[i], NOW), E_FAULT);
        CHECK_ERR(chan_create(2, 8, wild_pointers[i]), E_FAULT);
    }
    CHECK_EQ(chan_len(c.r), 0);
    CHECK_EQ(handle_shutdown(c.s), 0);
    CHECK_ERR(chan_send(c.s, wild_pointers[0], NOW), E_FAULT);
    while (chan_create(1, 1, out) == 0)
        continue;
    CHECK_ERR(chan_create(1, 1, out), E_MFILE);
    handle_close(q); /* one is not enough */
    CHECK_ERR(chan_create(1, 1, out), E_MFILE);
}

// A4: with a full memory creating one is E_NOMEM, and leaks nothing.
TEST(no_memory)
{
    handle_t out[2];
    long pid = SPAWN({
        eat_memory();
        CHECK_ERR(chan_create(1024, 256, out), E_NOMEM);
    });

    CHECK_EQ(JOIN(pid), 0);
}

// E10: an element given to a receiver that is killed is not lost.
TEST(killed_receiver)
{
    struct ends c = new_chan(2, 8);
    int kept = 0;

    for (uint64_t i = 0; i < 50; i++) {
        uint64_t value = ~0ull;
        long pid = SPAWN((void)!chan_recv(c.r, &value, FOREVER);
                         (void)!chan_recv(c.r, &value, FOREVER));

        await_state(pid, PROC_WAITING);
        CHECK_EQ(give(c.s, i, NOW), 0);
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
        if (chan_len(c.r)) {
            CHECK_EQ(get(c.r, NOW), i);
            kept++;
        }
    }
    // On one hart the child seldom runs between the send and the kill.
    CHECK(kept > 0 || hart_count() > 1);
}

// M8 B10: many to many, nothing is lost or doubled, each sender's order stays.
TEST(storm)
{
    struct ends c = new_chan(5, 16);
    handle_t sums = (handle_t)queue_create(4, 8, 0);
    uint64_t n = rounds(8000), total = 0;
    long pid[6];

    for (uint64_t i = 0; i < 6; i++)
        pid[i] = SPAWN({
            uint64_t e[2] = {i, 0}, last[6] = {0}, sum = 0;

            if (i < 4) {
                handle_close(c.r);
                for (e[1] = 1; e[1] <= n; e[1]++)
                    CHECK_EQ(chan_send(c.s, e, FOREVER), 0);
            } else {
                handle_close(c.s);
                while (chan_recv(c.r, e, FOREVER) == 0) {
                    CHECK(e[1] > last[e[0]]);
                    last[e[0]] = e[1];
                    sum += e[1];
                }
                CHECK_EQ(put(sums, sum), 0);
            }
        });
    handle_close(c.s);
    for (int i = 0; i < 2; i++)
        total += take(sums);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(total, 4 * n * (n + 1) / 2);
}

// C7: readable and writable as a queue is, each end its own side.
TEST(signals)
{
    struct ends c = new_chan(1, 8);
    struct wait_item items[2] = {{c.s, SIG_WRITABLE, 0},
                                 {c.r, SIG_READABLE, 0}};

    CHECK_EQ(handle_wait(items, 2, NOW), 1);
    CHECK_EQ(items[0].seen, SIG_WRITABLE);
    CHECK_EQ(give(c.s, 1, NOW), 0);
    CHECK_EQ(handle_wait(items, 2, NOW), 1);
    CHECK_EQ(items[1].seen, SIG_READABLE);
    CHECK_EQ(handle_close(c.s), 0);
    CHECK_EQ(handle_wait(&items[1], 1, NOW), 1);
    CHECK_EQ(items[1].seen, SIG_READABLE | SIG_CLOSED);
}

TEST_MAIN()
