/*
 * Messages through memory that two processes share: one sends, one receives,
 * and while neither has to wait for the other, neither makes a call. Part of
 * <weir.h>.
 *
 *     shmring_create(&ring, 4096, SHMRING_SENDER);
 *     queue_send_handle(q, ring.region, RIGHT_READ | RIGHT_WRITE, 0, 0);
 *     shmring_send(&ring, "hello", 5, TIMEOUT_FOREVER);
 *
 * and the other process, with the handle that it received,
 *
 *     shmring_attach(&ring, region, SHMRING_RECEIVER);
 *     n = shmring_recv(&ring, buf, sizeof(buf), TIMEOUT_FOREVER);
 */
#pragma once

enum shmring_side { SHMRING_SENDER = 1, SHMRING_RECEIVER = 2 };

/* One end of a ring. Only `region` and the counters are for its user. */
struct shmring {
    handle_t region;              /* the shared memory, this process's handle */
    uint64_t waits, wakes, calls; /* calls of word_wait, of word_wake, all */

    enum shmring_side side;    /* 0: it cannot be used, */
    long error;                /* because of this */
    struct shmring_page *page; /* what is shared; null: nothing is */
    struct shmring_span {
        uint64_t *next, *stop; /* the next message's place, and so far in a row
                                * places can be written, or read, as far as we
                                * have looked */
    } room, filled;            /* of a sender; of a receiver; or null */
    uint32_t *passed, *needs;  /* shared: its index, which it passes on; and
                                * what the other end waits for, or 0 */
    uint32_t at;               /* what *passed is */
    uint32_t size;             /* places of the ring */
};

/*
 * A ring with room for `capacity` bytes, a power of two, 64 to 32 MiB; a
 * message takes 8 bytes more than it has, and a multiple of 8. Returns: 0;
 * -E_INVAL; errors of region_create() and region_map().
 */
long shmring_create(struct shmring *ring, uint64_t capacity,
                    enum shmring_side side);

/*
 * The end `side` of a ring that is there, by a handle of its region with READ
 * and WRITE, which then belongs to the ring. Returns: 0; -E_PERM: not a Slab;
 * -E_INVAL: not a ring's region; errors of region_info() and region_map().
 */
long shmring_attach(struct shmring *ring, handle_t region,
                    enum shmring_side side);

/* In a child, after fork: its copy of the ring becomes the other end. */
void shmring_turn(struct shmring *ring);

/*
 * Send and receive one message, waiting for room or for a message. Return: 0,
 * or the message's length;
 *   -E_ACCES      it is the other end
 *   -E_BADH       it is closed, or its region was revoked
 *   -E_MSGSIZE    the message is larger than the ring, or than `cap` (it stays)
 *   -E_PROTOTYPE  the other end has written what cannot be; from now on
 *   -E_PIPE       the other end is closed or gone; receiving, after the last
 *                 message
 *   -E_AGAIN, -E_TIMEDOUT
 */
static inline long shmring_send(struct shmring *ring, const void *buf,
                                uint64_t len, uint64_t timeout);
static inline long shmring_recv(struct shmring *ring, void *buf, uint64_t cap,
                                uint64_t timeout);

/* Closes this end, and its handle. Returns: 0; -E_BADH. */
long shmring_close(struct shmring *ring);

/* --- the simple case ------------------------------------------------------ */

/* Whole words, for which there is room in a row, or which are there in a row,
 * so far as we know. shmring_any() is for all others. */

typedef uint64_t __attribute__((may_alias)) shmring_word;

long shmring_any(struct shmring *ring, enum shmring_side side, void *buf,
                 uint64_t len, uint64_t timeout);
/* The other end waits: wake it, perhaps. Returns: the result; -E_PIPE. */
long shmring_tell(struct shmring *ring, long result);

/* Eight words at a time. Both pointers end behind them. */
static inline void shmring_copy(shmring_word **to, const shmring_word **from,
                                uint64_t len)
{
    shmring_word *t = *to;
    const shmring_word *f = *from;

    for (; len >= 64; len -= 64, f += 8, t += 8) {
        /* They are aligned, whatever the compiler knows of what they point to;
         * and it would make a call of the loop. */
        __asm__("" : "+r"(t), "+r"(f));
        shmring_word a = f[0], b = f[1], c = f[2], d = f[3];

        t[0] = a, t[1] = b, t[2] = c, t[3] = d;
        a = f[4], b = f[5], c = f[6], d = f[7];
        t[4] = a, t[5] = b, t[6] = c, t[7] = d;
    }
    for (; __builtin_expect(len > 0, 0); len -= sizeof(*t))
        *t++ = *f++;
    *to = t;
    *from = f;
}

/* n places more are the other end's. Returns: result; -E_PIPE: a sender's other
 * end is closed. */
static inline long shmring_pass(struct shmring *ring, uint64_t n, long result)
{
    ring->at += (uint32_t)n;
    /* [RING-PROD] or [RING-CONS] */
    __atomic_store_n(ring->passed, ring->at, __ATOMIC_RELEASE);
    /* Pairs with the one in wait_for_it(). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(*(volatile uint32_t *)ring->needs, 0))
        return shmring_tell(ring, result);
    return result;
}

static inline long shmring_send(struct shmring *ring, const void *buf,
                                uint64_t len, uint64_t timeout)
{
    shmring_word *to = ring->room.next;
    const shmring_word *from = (const shmring_word *)buf;

    if (__builtin_expect(len >= (uint64_t)ring->room.stop - (uint64_t)to ||
                             ((uint64_t)buf | len) % sizeof(*to),
                         0))
        return shmring_any(ring, SHMRING_SENDER, (void *)(uintptr_t)buf, len,
                           timeout);
    *to++ = len;
    shmring_copy(&to, &from, len);
    ring->room.next = to;
    return shmring_pass(ring, 1 + len / sizeof(*to), 0);
}

static inline long shmring_recv(struct shmring *ring, void *buf, uint64_t cap,
                                uint64_t timeout)
{
    const shmring_word *from = ring->filled.next;
    shmring_word *to = (shmring_word *)buf;
    uint64_t bytes = (uint64_t)ring->filled.stop - (uint64_t)from, len = 0;

    if (bytes)
        len = *(const volatile shmring_word *)from++; /* read once: SH2 */
    if (__builtin_expect(len >= bytes || len > cap ||
                             ((uint64_t)buf | len) % sizeof(*to),
                         0))
        return shmring_any(ring, SHMRING_RECEIVER, buf, cap, timeout);
    shmring_copy(&to, &from, len);
    ring->filled.next = (uint64_t *)(uintptr_t)from;
    return shmring_pass(ring, 1 + len / sizeof(*to), (long)len);
}
