/* shmring: the other process writes into the shared memory what it likes. */
#include "shmring.h"

/* A child that writes to these words of the ring for ever: what could be, and
 * anything. */
static long vandal(struct shmring *ring, uint32_t first, uint32_t count)
{
    uint64_t seed = test_seed();
    long pid = SPAWN({
        volatile uint32_t *words = words_of(ring);

        for (;;) {
            uint32_t r = (uint32_t)(rand_next(&seed) >> 16);

            for (uint32_t i = first; i < first + count; i++)
                words[i] = (r + i) % 8 == 0              ? r
                           : i % 2 && i >= PLACES_AT / 4 ? 0 /* high half */
                                                         : (r >> i % 16) % 128;
        }
    });

    return pid;
}

static void end(long pid)
{
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

static bool may_end_so(long result)
{
    return result >= 0 || result == -E_PROTOTYPE || result == -E_PIPE ||
           result == -E_AGAIN || result == -E_TIMEDOUT || result == -E_MSGSIZE;
}

/* What the ring's memory has behind its last place. */
static void tail_is_zero(const struct shmring *ring, uint64_t capacity)
{
    const uint8_t *bytes = (const uint8_t *)words_of(ring);

    for (uint64_t i = PLACES_AT + capacity; i % PAGE_SIZE != 0; i++)
        CHECK_EQ(bytes[i], 0);
}

/* Calls of this end under attack; none may leave its buffers, or not end. */
static void under_attack(enum shmring_side side, uint32_t first, uint32_t count)
{
    static uint8_t buf[64 + 512 + 64];
    struct shmring ring = new_ring(1024, side);
    uint64_t seed = test_seed();
    uint32_t n = rounds(3000);
    long pid = vandal(&ring, first, count), result;

    memset(buf, 0xee, sizeof(buf));
    for (uint32_t i = 0; i < n; i++) {
        uint64_t len = random_below(&seed, 513);
        uint64_t timeout = i % 8 ? NOW : US(1 + random_below(&seed, 100));

        if (side == SHMRING_SENDER)
            result = shmring_send(&ring, buf + 64, len, timeout);
        else
            result = shmring_recv(&ring, buf + 64, len, timeout);
        CHECK(may_end_so(result));
        CHECK(result <= (long)len);
        if (result == -E_PROTOTYPE) {
            CHECK_ERR(shmring_send(&ring, buf, 1, FOREVER), E_PROTOTYPE);
            CHECK_ERR(shmring_recv(&ring, buf, 1, FOREVER), E_PROTOTYPE);
            ring.error = 0; /* go on, in spite of it */
            shmring_turn(&ring);
            shmring_turn(&ring);
        }
        CHECK(all_are(buf, 64, 0xee));
        CHECK(all_are(buf + 64 + 512, 64, 0xee));
    }
    end(pid);
    tail_is_zero(&ring, 1024);
    CHECK_EQ(shmring_close(&ring), 0);
}

// M10: a receiver whose peer writes garbage into every word of the header.
TEST(receiver_header)
{
    under_attack(SHMRING_RECEIVER, 0, PLACES_AT / 4);
}

// M10: a receiver whose peer writes garbage everywhere, lengths included.
TEST(receiver_all)
{
    under_attack(SHMRING_RECEIVER, 0, (PLACES_AT + 1024) / 4);
}

// M10: a receiver whose peer changes lengths while they are read.
TEST(receiver_lengths)
{
    under_attack(SHMRING_RECEIVER, PROD, 1);
    under_attack(SHMRING_RECEIVER, PLACES_AT / 4, 1024 / 4);
}

// M10: a sender whose peer writes garbage into every word of the header.
TEST(sender_header)
{
    under_attack(SHMRING_SENDER, 0, PLACES_AT / 4);
}

// M10: a sender whose peer writes garbage into the index only.
TEST(sender_index)
{
    under_attack(SHMRING_SENDER, CONS, 1);
}

// M10: what cannot be is E_PROTOTYPE, at once and for good: a length beyond
// what is published, or beyond the ring, too many places, too few.
TEST(lies)
{
    static const struct {
        uint32_t prod, length, high;
    } lies[] = {
        {2, 9, 0},
        {1, 1, 0},
        {9, 0, 0},
        {8, 57, 0},
        {8, UINT32_MAX, 0},
        {8, 0, 1},
        {2, 8, 0x20000000},
        {UINT32_MAX, 0, 0},
        {8, UINT32_MAX, UINT32_MAX},
        {1u << 31, 0, 0},
        {8, UINT32_MAX - 6, UINT32_MAX},
    };
    static const uint32_t cons[] = {1, 8, 9, 1u << 31, UINT32_MAX - 8};
    char buf[64] = {0};

    for (uint32_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct shmring ring = new_ring(64, SHMRING_RECEIVER);
        uint32_t *words = words_of(&ring);

        words[PLACES_AT / 4] = lies[i].length;
        words[PLACES_AT / 4 + 1] = lies[i].high;
        words[PROD] = lies[i].prod;
        CHECK_ERR(shmring_recv(&ring, buf, 64, FOREVER), E_PROTOTYPE);
        words[PROD] = 0;
        CHECK_ERR(shmring_recv(&ring, buf, 64, FOREVER), E_PROTOTYPE);
        CHECK_EQ(shmring_close(&ring), 0);
    }
    for (uint32_t i = 0; i < sizeof(cons) / sizeof(cons[0]); i++) {
        struct shmring ring = new_ring(64, SHMRING_SENDER);
        uint32_t *words = words_of(&ring);

        words[CONS] = cons[i];
        CHECK_ERR(shmring_send(&ring, buf, 8, FOREVER), E_PROTOTYPE);
        words[CONS] = 0;
        CHECK_ERR(shmring_send(&ring, buf, 8, FOREVER), E_PROTOTYPE);
        CHECK_EQ(shmring_close(&ring), 0);
    }
}

// M10: after many messages, too: of places that were looked at before, a length
// is still checked when its turn comes.
TEST(late_lie)
{
    struct both b = new_both(256);
    char buf[64];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(shmring_send(&b.out, buf, 8, NOW), 0);
    CHECK_EQ(shmring_recv(&b.in, buf, 64, NOW), 8);
    words_of(&b.in)[(PLACES_AT + 2 * 16) / 4] = 48;
    CHECK_EQ(shmring_recv(&b.in, buf, 64, NOW), 8);
    CHECK_ERR(shmring_recv(&b.in, buf, 64, NOW), E_PROTOTYPE);
    CHECK_EQ(shmring_close(&b.in), 0);
}

// M10: an end's own words, written by the other one, do not move it.
TEST(own_words)
{
    struct both b = new_both(256);
    uint32_t *words = words_of(&b.in);
    uint64_t value = 0;

    for (uint64_t i = 0; i < 100; i++) {
        CHECK_EQ(shmring_send(&b.out, &i, 8, NOW), 0);
        words[CONS] -= 1 + i % 3; /* it would be full, if it believed that */
        words[CONS] += i % 3;
        CHECK_EQ(shmring_recv(&b.in, &value, 8, NOW), 8);
        CHECK_EQ(value, i);
        CHECK_EQ(words[CONS], words[PROD]);
        words[PROD] += 77;
        words[PROD] -= 77;
    }
    words[RECEIVER_NEEDS] = 1;
    words[SENDER_NEEDS] = 99;
    CHECK_EQ(shmring_send(&b.out, &value, 8, NOW), 0);
    CHECK_EQ(words[RECEIVER_NEEDS], 0);
    CHECK_EQ(b.out.wakes, 1);
    CHECK_EQ(shmring_recv(&b.in, &value, 8, NOW), 8);
    CHECK_EQ(words[SENDER_NEEDS], 99); /* it has no 99 places to give */
    CHECK_EQ(b.in.wakes, 0);
}

// M10: with a timeout a call ends in time, whatever the peer does; a killed
// vandal ends one without.
TEST(no_hang)
{
    struct shmring ring = new_ring(64, SHMRING_RECEIVER);
    long pid = vandal(&ring, RECEIVER_NEEDS, 1);
    uint64_t start = (uint64_t)clock_ns();
    char c;

    CHECK_ERR(shmring_recv(&ring, &c, 1, MS(50)), E_TIMEDOUT);
    CHECK((uint64_t)clock_ns() - start >= MS(50));
    end(pid);
    CHECK_ERR(shmring_recv(&ring, &c, 1, FOREVER), E_PIPE);
}

TEST_MAIN()
