/* shmring: waiting, and what ends a wait. */
#include "shmring.h"

static const char byte = 'x';

static long put_byte(struct shmring *ring, uint64_t timeout)
{
    return shmring_send(ring, &byte, 1, timeout);
}

static long get_byte(struct shmring *ring, uint64_t timeout)
{
    char c;

    return shmring_recv(ring, &c, 1, timeout);
}

/* A child with the other end of this ring. */
#define OTHER(ring, ...)                                                       \
    SPAWN({                                                                    \
        shmring_turn(ring);                                                    \
        __VA_ARGS__;                                                           \
    })

/* Sends until the ring is full. */
static uint64_t fill_up(struct shmring *ring)
{
    uint64_t n = 0;

    while (put_byte(ring, NOW) == 0)
        n++;
    return n;
}

// M10 E3 E4: a timeout of 0 is one attempt without a call; a finite one is
// kept, for an empty ring and for a full one.
TEST(timeouts)
{
    struct shmring ring = new_ring(64, SHMRING_SENDER);
    struct both b = {ring, ring};
    long pid = SPAWN(nap_ms(60000)); /* holds the region */
    uint64_t start;

    shmring_turn(&b.in);
    CHECK_ERR(get_byte(&b.in, NOW), E_AGAIN);
    CHECK_EQ(b.in.calls, 0);
    start = (uint64_t)clock_ns();
    CHECK_ERR(get_byte(&b.in, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(5));
    CHECK_ERR(get_byte(&b.in, 1), E_TIMEDOUT);
    CHECK_EQ(fill_up(&b.out), 4);
    CHECK_EQ(b.out.calls, 0);
    start = (uint64_t)clock_ns();
    CHECK_ERR(put_byte(&b.out, MS(5)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(5));
    for (int i = 0; i < 4; i++)
        CHECK_EQ(get_byte(&b.in, i < 2 ? FOREVER : MS(1)), 1);
    CHECK_ERR(get_byte(&b.in, NOW), E_AGAIN);
    CHECK_EQ(put_byte(&b.out, FOREVER), 0);
    CHECK_EQ(b.in.wakes + b.out.wakes, 0); /* those waits are over */
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// M10 E4: a huge finite timeout does not wrap, and one that is longer than the
// library's patience holds.
TEST(long_timeouts)
{
    struct shmring ring = new_ring(64, SHMRING_RECEIVER);
    uint64_t start = (uint64_t)clock_ns();
    long pid = OTHER(&ring, nap_ms(1500); CHECK_EQ(put_byte(&ring, NOW), 0);
                     nap_ms(60000));

    CHECK_ERR(get_byte(&ring, MS(700)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(700));
    CHECK_EQ(get_byte(&ring, UINT64_MAX - 1), 1);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// M10: a receiver that waits is woken by a message, a sender by room.
TEST(woken)
{
    struct shmring ring = new_ring(64, SHMRING_RECEIVER);
    long me = getpid();
    long pid = OTHER(&ring, {
        await_state(me, PROC_WAITING);
        for (int i = 0; i < 6; i++)
            CHECK_EQ(put_byte(&ring, FOREVER), 0);
        CHECK(ring.wakes >= 1);
        CHECK(ring.waits >= 1);
    });

    CHECK_EQ(get_byte(&ring, FOREVER), 1);
    CHECK(ring.waits >= 1);
    await_state(pid, PROC_WAITING);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(get_byte(&ring, FOREVER), 1);
    CHECK(ring.wakes >= 1);
    CHECK_EQ(JOIN(pid), 0);
}

// M10: a sender that waits for much room is woken when there is so much, not
// for each place.
TEST(woken_once)
{
    struct shmring ring = new_ring(1024, SHMRING_RECEIVER);
    static char big[1000];
    long pid = OTHER(&ring, {
        CHECK_EQ(fill_up(&ring), 64);
        CHECK_EQ(shmring_send(&ring, big, sizeof(big), FOREVER), 0);
    });

    await_state(pid, PROC_WAITING);
    for (int i = 0; i < 64; i++)
        CHECK_EQ(get_byte(&ring, NOW), 1);
    CHECK(ring.wakes == 1 ||
          ring.wakes == 2); /* it may lose patience just then */
    CHECK_EQ(shmring_recv(&ring, big, sizeof(big), FOREVER), 1000);
    CHECK_EQ(JOIN(pid), 0);
}

// M10: after the sender's close the receiver has what was sent, then E_PIPE;
// one that waits ends.
TEST(sender_closes)
{
    struct shmring ring = new_ring(256, SHMRING_SENDER);
    long pid;

    for (int i = 0; i < 3; i++)
        CHECK_EQ(put_byte(&ring, NOW), 0);
    pid = OTHER(&ring, {
        for (int i = 0; i < 3; i++)
            CHECK_EQ(get_byte(&ring, FOREVER), 1);
        CHECK_ERR(get_byte(&ring, FOREVER), E_PIPE);
        CHECK_ERR(get_byte(&ring, NOW), E_PIPE);
        CHECK_ERR(get_byte(&ring, MS(1)), E_PIPE);
    });
    await_state(pid, PROC_WAITING);
    CHECK_EQ(shmring_close(&ring), 0);
    CHECK_EQ(ring.wakes, 1);
    CHECK_EQ(JOIN(pid), 0);
}

// M10: after the receiver's close a send is E_PIPE at once, with room or
// without; a sender that waits ends.
TEST(receiver_closes)
{
    struct shmring ring = new_ring(64, SHMRING_RECEIVER);
    long pid = OTHER(&ring, {
        CHECK_EQ(fill_up(&ring), 4);
        CHECK_ERR(put_byte(&ring, FOREVER), E_PIPE);
        CHECK_ERR(put_byte(&ring, NOW), E_PIPE);
    });

    await_state(pid, PROC_WAITING);
    CHECK_EQ(shmring_close(&ring), 0);
    CHECK_EQ(JOIN(pid), 0);
    ring = new_ring(64, SHMRING_RECEIVER);
    pid = OTHER(&ring, {
        while (put_byte(&ring, NOW) != -E_PIPE)
            nap_ms(1);
        CHECK_ERR(put_byte(&ring, FOREVER), E_PIPE);
    });
    CHECK_EQ(shmring_close(&ring), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M10: a receiver that waits for ever notices that the sender was killed, after
// the last message; so does a sender that waits for room.
TEST(peer_killed)
{
    struct shmring ring = new_ring(64, SHMRING_RECEIVER);
    handle_t q = (handle_t)queue_create(1, 8, 0);
    long pid = OTHER(&ring, {
        CHECK_EQ(put_byte(&ring, NOW), 0);
        CHECK_EQ(put_byte(&ring, NOW), 0);
        CHECK_EQ(put(q, 1), 0);
        nap_ms(60000);
    });

    CHECK_EQ(take(q), 1);
    CHECK_EQ(get_byte(&ring, FOREVER), 1);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(get_byte(&ring, FOREVER), 1);
    CHECK_ERR(get_byte(&ring, FOREVER), E_PIPE);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
    CHECK_EQ(shmring_close(&ring), 0);
    ring = new_ring(64, SHMRING_SENDER);
    pid = OTHER(&ring, CHECK_EQ(get_byte(&ring, FOREVER), 1); put(q, 1);
                nap_ms(60000));
    CHECK_EQ(put_byte(&ring, NOW), 0);
    CHECK_EQ(take(q), 1);
    CHECK_EQ(fill_up(&ring), 4);
    CHECK_EQ(kill(pid), 0);
    CHECK_ERR(put_byte(&ring, FOREVER), E_PIPE);
    CHECK_ERR(put_byte(&ring, MS(5000)), E_PIPE);
    CHECK_ERR(put_byte(&ring, NOW), E_AGAIN);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// M10: while a handle of the region is on its way, somebody may still come;
// when nobody else has one, nobody will.
TEST(peer_to_come)
{
    struct shmring ring = new_ring(64, SHMRING_RECEIVER), out;
    handle_t q = (handle_t)queue_create(1, 8, 0);
    struct msg_handle got;
    long pid;

    CHECK_EQ(queue_send_handle(q, ring.region, RW, 0, NOW), 0);
    CHECK_ERR(get_byte(&ring, MS(600)), E_TIMEDOUT);
    pid = SPAWN({
        CHECK_EQ(handle_close(ring.region), 0); /* it was shown here */
        CHECK_EQ(queue_recv(q, &got, sizeof(got), 0, NOW), 8);
        CHECK_EQ(shmring_attach(&out, got.handle, SHMRING_SENDER), 0);
        CHECK_EQ(put_byte(&out, NOW), 0);
    });
    CHECK_EQ(get_byte(&ring, FOREVER), 1);
    CHECK_ERR(get_byte(&ring, FOREVER), E_PIPE);
    CHECK_EQ(JOIN(pid), 0);
}

// M10: another process can take the place of one that has died.
TEST(taken_up_again)
{
    struct shmring ring = new_ring(256, SHMRING_SENDER);
    uint8_t buf[MESSAGE_MAX];

    for (uint64_t i = 0; i < 100; i++) {
        long pid = OTHER(&ring, {
            check_message(buf, shmring_recv(&ring, buf, sizeof(buf), FOREVER),
                          i);
            nap_ms(i % 2 ? 60000 : 0);
        });
        uint64_t len = message(buf, i);

        CHECK_EQ(shmring_send(&ring, buf, len, FOREVER), 0);
        while (words_of(&ring)[CONS] != words_of(&ring)[PROD])
            yield();
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
    }
}

// M10 M9: a wait whose region is revoked ends with E_BADH, for good, and the
// memory is not touched any more.
TEST(revoked)
{
    handle_t r = slab(PLACES_AT + 64, 1), copy = (handle_t)handle_dup(r, RW, 0);
    long pid = SPAWN({
        struct shmring ring;

        CHECK_EQ(shmring_attach(&ring, copy, SHMRING_RECEIVER), 0);
        CHECK_ERR(get_byte(&ring, FOREVER), E_BADH);
        CHECK_ERR(get_byte(&ring, FOREVER), E_BADH);
        CHECK_ERR(get_byte(&ring, NOW), E_BADH);
        shmring_turn(&ring);
        CHECK_ERR(put_byte(&ring, NOW), E_BADH);
        CHECK_EQ(shmring_close(&ring), 0);
        CHECK_ERR(shmring_close(&ring), E_BADH);
    });

    await_state(pid, PROC_WAITING);
    CHECK_EQ(handle_revoke(r), 2);
    CHECK_EQ(JOIN(pid), 0);
}

// M10: wakeups that mean nothing do not end a wait before its time, nor after.
TEST(spurious)
{
    struct shmring ring = new_ring(64, SHMRING_RECEIVER);
    uint32_t *needs = &words_of(&ring)[RECEIVER_NEEDS];
    long pid = OTHER(
        &ring, for (;;) {
            if (word_wake(needs, 9) == 0)
                __atomic_store_n(needs, 0, __ATOMIC_SEQ_CST);
            yield();
        });
    uint64_t start = (uint64_t)clock_ns();

    CHECK_ERR(get_byte(&ring, MS(50)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(50));
    CHECK(ring.waits > 1);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

TEST_MAIN()
