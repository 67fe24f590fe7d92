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
    uint32_t at;               /* its index, which this end publishes */
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
long shmring_send(struct shmring *ring, const void *buf, uint64_t len,
                  uint64_t timeout);
long shmring_recv(struct shmring *ring, void *buf, uint64_t cap,
                  uint64_t timeout);

/* Closes this end, and its handle. Returns: 0; -E_BADH. */
long shmring_close(struct shmring *ring);
