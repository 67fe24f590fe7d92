/* The library's side of the ring: what user/lib/ring.h promises. */
#include "../lab.h"

/* The next completion is there and has this user_data and result. */
static void expect(struct sring *ring, uint64_t user_data, int64_t result)
{
    const struct ring_completion *done = sring_reap(ring);

    CHECK(done != 0);
    CHECK_EQ(done->user_data, user_data);
    CHECK_EQ(done->result, result);
}

// L3 L7: sixty-four sends, one submit; each has its completion by default.
TEST(sends_in_one_trap)
{
    struct sring ring;
    uint64_t numbers[64];
    long q = queue_create(64, 8, 0);

    CHECK_EQ(sring_open(&ring, 64), 0);
    for (uint64_t i = 0; i < 64; i++) {
        numbers[i] = i;
        CHECK(sring_add(&ring, i, queue_send, (handle_t)q, &numbers[i], 8, 0,
                        NOW) != 0);
    }
    CHECK(sring_get(&ring) == 0);
    CHECK_EQ(stat_of((handle_t)q).len, 0);
    CHECK_EQ(sring_submit(&ring), 64);
    for (uint64_t i = 0; i < 64; i++) {
        expect(&ring, i, 0);
        CHECK_EQ(take_now((handle_t)q), i);
    }
    CHECK(sring_reap(&ring) == 0);
    CHECK_EQ(sring_close(&ring), 0);
    CHECK_EQ(sring_open(&ring, 2), 0);
}

// L18: an entry is prepared as the call would be made, argument for argument.
TEST(prepared_entry)
{
    struct ring_entry entry;
    struct msg_meta meta;
    char buf[4];

    memset(&entry, 0xff, sizeof(entry));
    CHECK(sring_prepare(&entry, queue_recv, 3, buf, sizeof(buf), &meta, 9) ==
          &entry);
    CHECK_EQ(entry.opcode, 0x34);
    CHECK_EQ(entry.flags, RING_NEED_COMPLETION);
    CHECK_EQ(entry.reserved | entry.user_data | entry.reserved2, 0);
    CHECK_EQ(entry.args[0], 3);
    CHECK_EQ(entry.args[1], (uint64_t)buf);
    CHECK_EQ(entry.args[2], 4);
    CHECK_EQ(entry.args[3], (uint64_t)&meta);
    CHECK_EQ(entry.args[4], 9);
    memset(&entry, 0xff, sizeof(entry));
    sring_prepare(&entry, handle_close, -1);
    CHECK_EQ(entry.opcode, 0x20);
    CHECK_EQ(entry.args[0], ~0ull);
    CHECK_EQ(entry.args[1] | entry.args[2] | entry.args[3] | entry.args[4], 0);
    sring_prepare(&entry, nop);
    CHECK_EQ(entry.opcode | entry.args[0], 0);
}

// L12: sring_wait hands over what is filled and waits for what comes first.
TEST(wait_for_completion)
{
    struct ring_completion done;
    struct sring ring;
    uint64_t number = 0;
    long q = queue_create(4, 8, 0);
    long child = SPAWN(await_receivers((handle_t)q, 1); put((handle_t)q, 3));

    CHECK_EQ(sring_open(&ring, 4), 0);
    CHECK_ERR(sring_wait(&ring, &done, NOW), E_AGAIN);
    CHECK_ERR(sring_wait(&ring, &done, MS(5)), E_TIMEDOUT);
    sring_add(&ring, 1, queue_recv, (handle_t)q, &number, 8, 0, FOREVER);
    sring_add(&ring, 2, nop);
    CHECK_EQ(sring_wait(&ring, &done, FOREVER), 0);
    CHECK_EQ(done.user_data, 2);
    CHECK_EQ(sring_wait(&ring, &done, FOREVER), 0);
    CHECK_EQ(done.user_data, 1);
    CHECK_EQ(done.result, 8);
    CHECK_EQ(number, 3);
    CHECK_EQ(JOIN(child), 0);
}

// L12: submit and wait in one call.
TEST(submit_and_wait)
{
    struct sring ring;

    CHECK_EQ(sring_open(&ring, 4), 0);
    for (uint64_t i = 1; i <= 3; i++)
        sring_add(&ring, i, timer_wait, TIMER_REL, MS(2 * i));
    CHECK_EQ(sring_submit_wait(&ring, 3, FOREVER), 3);
    for (int i = 1; i <= 3; i++)
        CHECK(sring_reap(&ring) != 0);
    CHECK(sring_reap(&ring) == 0);
}

// L8: a full ring of completions, and entries that wait for room in it.
TEST(full)
{
    struct ring_completion done;
    struct sring ring;
    uint64_t numbers[4];
    long q = queue_create(4, 8, 0);

    CHECK_EQ(sring_open(&ring, 4), 0);
    for (uint64_t i = 0; i < 4; i++)
        sring_add(&ring, i, nop);
    CHECK_EQ(sring_submit(&ring), 4);
    for (uint64_t i = 4; i < 8; i++)
        CHECK(sring_add(&ring, i, nop) != 0);
    CHECK(sring_get(&ring) == 0);
    CHECK_ERR(sring_submit(&ring), E_BUSY);
    for (uint64_t i = 0; i < 8; i++) {
        CHECK_EQ(sring_wait(&ring, &done, NOW), 0);
        CHECK_EQ(done.user_data, i);
    }
    // Full of what is parked: the entry behind it waits for one to finish.
    for (uint64_t i = 0; i < 4; i++)
        sring_add(&ring, i, queue_recv, (handle_t)q, &numbers[i], 8, 0,
                  FOREVER);
    CHECK_EQ(sring_submit(&ring), 4);
    sring_add(&ring, 4, nop);
    CHECK_ERR(sring_wait(&ring, &done, NOW), E_AGAIN);
    put((handle_t)q, 7);
    for (uint64_t i = 0; i < 5; i += 4) {
        CHECK_EQ(sring_wait(&ring, &done, NOW), 0);
        CHECK_EQ(done.user_data, i);
    }
}

// L8: what was seen but not reaped keeps its place.
TEST(unread_are_kept)
{
    struct sring ring;

    CHECK_EQ(sring_open(&ring, 4), 0);
    for (uint64_t i = 0; i < 4; i++)
        sring_add(&ring, i, nop);
    CHECK_EQ(sring_submit(&ring), 4);
    expect(&ring, 0, 0);
    for (uint64_t i = 4; i < 8; i++)
        sring_add(&ring, i, nop);
    CHECK_EQ(sring_submit(&ring), 1);
    for (uint64_t i = 1; i < 5; i++)
        expect(&ring, i, 0);
    CHECK_EQ(sring_submit(&ring), 3);
    for (uint64_t i = 5; i < 8; i++)
        expect(&ring, i, 0);
}

// L3: a poller that sleeps is told; nothing but the library is called.
TEST(wakes_the_poller)
{
    struct sring ring;

    CHECK_EQ(sring_open(&ring, 4 | RING_KERNEL_POLL), 0);
    for (uint64_t round = 0; round < 3; round++) {
        const struct ring_completion *done = 0;

        for (int i = 0; i < SETTLE_MS && !(*ring.wakeup & RING_NEED_WAKEUP);
             i++)
            nap_ms(1);
        CHECK(*(volatile const uint32_t *)ring.wakeup & RING_NEED_WAKEUP);
        sring_add(&ring, round, getpid);
        CHECK(sring_submit(&ring) >= 0);
        for (int i = 0; i < SETTLE_MS && !(done = sring_reap(&ring)); i++)
            nap_ms(1);
        CHECK(done != 0);
        CHECK_EQ(done->user_data, round);
        CHECK_EQ(done->result, getpid());
    }
}

// L10 L9: flags are the program's to add.
TEST(flags_added)
{
    struct sring ring;
    uint64_t number;
    long q = queue_create(4, 8, 0);

    CHECK_EQ(sring_open(&ring, 8), 0);
    sring_add(&ring, 1, queue_recv, (handle_t)q, &number, 8, 0, FOREVER);
    sring_add(&ring, 2, nop)->flags |= RING_BARRIER | RING_MORE_COMING;
    sring_add(&ring, 3, nop)->flags = 0;
    CHECK_EQ(sring_submit(&ring), 3);
    CHECK(sring_reap(&ring) == 0);
    put((handle_t)q, 7);
    expect(&ring, 1, 8);
    expect(&ring, 2, 0);
    CHECK(sring_reap(&ring) == 0);
}

TEST_MAIN()
