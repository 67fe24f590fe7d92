/* shmring: two processes at full speed, and how many calls that takes. */
#include "traps.h"

/* Rings whose ends in this process may wait. */
static const struct shmring *watched[2];

/* Does a waiting end have what it waits for, without having been told? */
static bool is_forgotten(const struct shmring *ring)
{
    const volatile uint32_t *words = words_of(ring);

    if (ring->side == SHMRING_RECEIVER)
        return words[RECEIVER_NEEDS] && words[PROD] != ring->at;
    return words[SENDER_NEEDS] &&
           ring->size - (ring->at - words[CONS]) >= words[SENDER_NEEDS];
}

/* An end has lost patience, which would hide that a wakeup was lost: then the
 * other end will not tell it any more. */
long region_info(handle_t r, struct region_info *out)
{
    traps++;
    for (int i = 0; i < 2; i++)
        if (watched[i] && watched[i]->region == r) {
            int patience = SETTLE_MS;

            while (is_forgotten(watched[i])) {
                CHECK(patience-- > 0);
                nap_ms(1);
            }
        }
    return weir_region_info(r, out);
}

long clock_ns(void)
{
    traps++;
    return weir_clock_ns();
}

/* What the two ends of a stream of n messages counted, the receiver here. */
static void stream(uint64_t capacity, uint64_t n, struct shmring *out,
                   struct shmring *in)
{
    handle_t q = (handle_t)queue_create(1, sizeof(*out), 0);
    uint8_t buf[MESSAGE_MAX];
    long pid;

    *in = new_ring(capacity, SHMRING_RECEIVER);
    watched[0] = in;
    traps = 0;
    pid = SPAWN({
        shmring_turn(in);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t len = message(buf, i);

            CHECK_EQ(shmring_send(in, buf, len, FOREVER), 0);
        }
        CHECK_EQ(in->calls, traps);
        CHECK_EQ(queue_send(q, in, sizeof(*in), 0, FOREVER), 0);
        CHECK_EQ(shmring_close(in), 0);
    });
    for (uint64_t i = 0; i < n; i++)
        check_message(buf, shmring_recv(in, buf, sizeof(buf), FOREVER), i);
    CHECK_EQ(in->calls, traps);
    watched[0] = 0;
    CHECK_EQ(queue_recv(q, out, sizeof(*out), 0, FOREVER), sizeof(*out));
    CHECK_ERR(shmring_recv(in, buf, sizeof(buf), FOREVER), E_PIPE);
    CHECK_EQ(JOIN(pid), 0);
    CHECK_EQ(shmring_close(in), 0);
}

// M10: 10^6 messages between two processes, each as it was sent; the calls that
// they made are a small part of that, and each wakeup had somebody waiting.
TEST(million)
{
    struct shmring out, in;
    uint64_t n = 1000000, calls;

    stream(65536, n, &out, &in);
    calls = out.calls + in.calls;
    printf("# %lu messages, %lu calls: %lu + %lu waits, %lu + %lu wakes\n", n,
           calls, out.waits, in.waits, out.wakes, in.wakes);
    CHECK(calls < n / (hart_count() == 1 ? 100 : 10));
}

// M10: when both ends wait often, in a ring for two messages, no wakeup is
// lost.
TEST(small_ring)
{
    struct shmring out, in;

    stream(128, rounds(60000), &out, &in);
    CHECK(out.waits > 0);
    CHECK(in.waits > 0);
}

// M10 E2: a number goes there and back, by two rings; each end waits each time.
TEST(ping_pong)
{
    struct shmring there = new_ring(64, SHMRING_SENDER);
    struct shmring back = new_ring(64, SHMRING_RECEIVER);
    uint64_t n = rounds(40000);
    long pid;

    watched[0] = &there;
    watched[1] = &back;
    pid = SPAWN({
        uint64_t number;

        shmring_turn(&there);
        shmring_turn(&back);
        for (uint64_t i = 0; i < n; i++) {
            CHECK_EQ(shmring_recv(&there, &number, 8, FOREVER), 8);
            CHECK_EQ(number, i);
            number = ~number;
            CHECK_EQ(shmring_send(&back, &number, 8, FOREVER), 0);
        }
    });

    for (uint64_t i = 0; i < n; i++) {
        uint64_t number = i;

        CHECK_EQ(shmring_send(&there, &number, 8, FOREVER), 0);
        CHECK_EQ(shmring_recv(&back, &number, 8, FOREVER), 8);
        CHECK_EQ(number, ~i);
    }
    CHECK_EQ(JOIN(pid), 0);
}

// M10: waits that end in time lose and double nothing.
TEST(short_timeouts)
{
    struct shmring ring = new_ring(128, SHMRING_RECEIVER);
    uint64_t n = rounds(20000), seed = test_seed();
    uint8_t buf[MESSAGE_MAX];
    long len, late = 0;
    long pid = SPAWN({
        shmring_turn(&ring);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t bytes = message(buf, i);

            do
                len = shmring_send(&ring, buf, bytes,
                                   US(1 + random_below(&seed, 50)));
            while (len == -E_TIMEDOUT);
            CHECK_EQ(len, 0);
        }
        CHECK_EQ(shmring_close(&ring), 0);
    });

    for (uint64_t i = 0; i < n; i++) {
        do {
            len = shmring_recv(&ring, buf, sizeof(buf),
                               US(random_below(&seed, 50)));
            late += len == -E_TIMEDOUT || len == -E_AGAIN;
        } while (len == -E_TIMEDOUT || len == -E_AGAIN);
        check_message(buf, len, i);
    }
    CHECK(late > 0);
    CHECK_ERR(shmring_recv(&ring, buf, sizeof(buf), FOREVER), E_PIPE);
    CHECK_EQ(JOIN(pid), 0);
}

// M10 N4: a sender that is killed at any moment leaves whole messages and no
// waiter behind; a receiver that is, a sender that learns of it.
TEST(killed_at_random)
{
    uint64_t seed = test_seed();
    uint8_t buf[MESSAGE_MAX];
    long result;

    for (uint64_t i = 0; i < 8; i++) {
        struct shmring ring =
            new_ring(256, i % 2 ? SHMRING_SENDER : SHMRING_RECEIVER);
        long pid = SPAWN({
            shmring_turn(&ring);
            for (uint64_t k = 0;; k++) {
                uint64_t len = i % 2 ? 0 : message(buf, k);

                if (i % 2)
                    check_message(
                        buf, shmring_recv(&ring, buf, sizeof(buf), FOREVER), k);
                else
                    CHECK_EQ(shmring_send(&ring, buf, len, FOREVER), 0);
            }
        });
        uint64_t deadline = (uint64_t)clock_ns() + US(random_below(&seed, 900));
        bool alive = true;

        for (uint64_t k = 0;; k++) {
            if (alive && (uint64_t)clock_ns() > deadline) {
                CHECK_EQ(kill(pid), 0);
                CHECK_EQ(wait(pid, 0, FOREVER), pid);
                alive = false;
            }
            if (i % 2) {
                uint64_t len = message(buf, k);

                result = shmring_send(&ring, buf, len, FOREVER);
            } else {
                result = shmring_recv(&ring, buf, sizeof(buf), FOREVER);
                if (result >= 0)
                    check_message(buf, result, k);
            }
            if (result < 0)
                break;
        }
        CHECK_EQ(result, -E_PIPE);
        CHECK(!alive);
        CHECK_EQ(shmring_close(&ring), 0);
    }
}

TEST_MAIN()
