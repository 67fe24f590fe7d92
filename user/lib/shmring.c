/*
 * Messages through shared memory.
 *
 * SH1 The ring is the ring core's between two: places of 8 bytes. A message is
 *     a place that begins with its length, and places with its bytes, which
 *     may go on at the beginning.
 * SH2 Nothing in the shared memory is believed. How large it is the kernel
 *     says; an end's own index is in its struct shmring; each shared word is
 *     read once and checked. By that no access is out of bounds, whatever the
 *     other process writes, and when.
 * SH3 An end that waits has said in its word `needs` how many places it waits
 *     for, and sleeps only while the word says that. Who sets it to 0 wakes it.
 *     An end that is closed has CLOSED there.
 *
 * No wakeup is lost. Who waits writes `needs`, then looks at the ring; who
 * passes places on, or closes, writes that, then looks at `needs`. Both have a
 * full fence in between, so one of two sees the other: the waiter finds what
 * it needs, or the other end finds the waiter, sets its word to 0 and then
 * wakes it. word_wait() sleeps only if the word is not 0 yet, and that look
 * and going to sleep are one step for word_wake(). A word may be set to 0 for
 * an earlier wait: then this one ends at once, and begins again.
 *
 * A peer that dies says nothing. So a wait sleeps for PATIENCE at a time, and
 * then asks the kernel whether anybody else has the region.
 */
#include "shmring_page.h"

#define PATIENCE 500000000ull /* ns */
#define CLOSED   UINT32_MAX   /* SH3; a ring has fewer places */
#define ALONE    2u /* references to a region: our handle, our mapping */

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static inline uint32_t places_for(uint64_t len)
{
    return (uint32_t)(1 + (len + PLACE - 1) / PLACE);
}

static inline uint64_t max_message(const struct shmring *ring)
{
    return (ring->size - 1) * PLACE;
}

/* This end, for the ring core. */
static inline struct ring_end sending(const struct shmring *ring)
{
    struct ring_words *index = &ring->page->index;

    return (struct ring_end){&index->prod, &index->cons, ring->at, ring->size};
}

static inline struct ring_end receiving(const struct shmring *ring)
{
    struct ring_words *index = &ring->page->index;

    return (struct ring_end){&index->cons, &index->prod, ring->at, ring->size};
}

/* --- waking --------------------------------------------------------------- */

/*
 * The other end, whose word this is, can have `ready` places now.
 * Returns: 0; -E_PIPE: it is closed.
 */
static long attend(struct shmring *ring, uint32_t *needs, uint32_t ready)
{
    uint32_t wanted = load_relaxed(needs);

    if (wanted == CLOSED)
        return -E_PIPE;
    /* If the word has changed, its owner has looked at the ring since. */
    if (wanted && wanted <= ready && cas(needs, wanted, 0)) {
        ring->calls++;
        ring->wakes++;
        word_wake(needs, 1);
    }
    return 0;
}

long shmring_tell(struct shmring *ring, long result)
{
    struct ring_end end = receiving(ring);

    if (sends(ring))
        return attend(ring, ring->needs, ring->size);
    /* That the sender is closed is of no interest before its last message. */
    (void)attend(ring, ring->needs, end.size - ring_filled(&end));
    return result;
}

/* --- one attempt ---------------------------------------------------------- */

/* Where the bytes of the next message are: from *place on; how many of them
 * come before the end of the ring. */
static uint64_t bytes_of(const struct ring_end *end, uint64_t len,
                         uint32_t *place)
{
    uint64_t before_end;

    *place = ring_place(end, 1);
    before_end = (end->size - *place) * PLACE;
    return len < before_end ? len : before_end;
}

static long try_send(struct shmring *ring, const char *buf, uint64_t len)
{
    struct ring_end end = sending(ring);
    uint32_t free = ring_free(&end), need = places_for(len), place;
    uint64_t first = bytes_of(&end, len, &place);
    uint64_t *places = ring->page->places;

    if (free > end.size)
        return refuse(ring, -E_PROTOTYPE);
    if (free < need)
        return load_relaxed(&ring->page->receiver_needs) == CLOSED ? -E_PIPE
                                                                   : -E_AGAIN;
    places[ring_place(&end, 0)] = len;
    memcpy(&places[place], buf, first);
    memcpy(places, buf + first, len - first);
    stand(ring, end.at + need, free - need);
    return shmring_pass(ring, need, 0);
}

static long try_recv(struct shmring *ring, char *buf, uint64_t cap)
{
    struct ring_end end = receiving(ring);
    uint32_t filled = ring_filled(&end), need, place;
    const uint64_t *places = ring->page->places;
    uint64_t len, first;

    if (!filled) {
        /* Acquire; pairs with the release in shmring_close(): it is closed
         * after its last message, so look for that now. */
        if (load_acquire(&ring->page->sender_needs) != CLOSED)
            return -E_AGAIN;
        filled = ring_filled(&end);
        if (!filled)
            return -E_PIPE;
    }
    len = load_relaxed(&places[ring_place(&end, 0)]);
    need = places_for(len);
    if (filled > end.size || len > max_message(ring) || need > filled)
        return refuse(ring, -E_PROTOTYPE);
    if (len > cap)
        return -E_MSGSIZE;
    first = bytes_of(&end, len, &place);
    memcpy(buf, &places[place], first);
    memcpy(buf + first, places, len - first);
    stand(ring, end.at + need, filled - need);
    return shmring_pass(ring, need, (long)len);
}

/* --- waiting -------------------------------------------------------------- */

/* Nobody else has the region, or it is no more ours. */
static long look_for_peer(struct shmring *ring)
{
    struct region_info info;

    ring->calls++;
    if (region_info(ring->region, &info) < 0)
        return refuse(ring, -E_BADH);
    fence_full(); /* what it did before it died precedes our next look */
    return info.refs <= ALONE ? -E_PIPE : 0;
}

/*
 * Sleep, unless `deadline`, which is 0 at first, has passed, until it is time
 * to look again. Returns: 0; -E_TIMEDOUT; -E_BADH; -E_PIPE: there is no peer.
 */
static long rest(struct shmring *ring, uint32_t wanted, uint64_t timeout,
                 uint64_t *deadline)
{
    uint64_t left = PATIENCE;
    long error;

    if (timeout != TIMEOUT_FOREVER) {
        uint64_t now = (uint64_t)clock_ns();

        ring->calls++;
        if (!*deadline)
            *deadline = timeout < UINT64_MAX - now ? now + timeout : UINT64_MAX;
        if (now >= *deadline)
            return -E_TIMEDOUT;
        if (*deadline - now < left)
            left = *deadline - now;
    }
    ring->calls++;
    ring->waits++;
    error = word_wait(my_needs(ring), wanted, left);
    if (error == -E_TIMEDOUT)
        return look_for_peer(ring);
    return error == -E_FAULT ? refuse(ring, -E_BADH) : 0;
}

static long attempt(struct shmring *ring, void *buf, uint64_t len)
{
    return sends(ring) ? try_send(ring, buf, len) : try_recv(ring, buf, len);
}

/* The first attempt was too early. */
static long wait_for_it(struct shmring *ring, void *buf, uint64_t len,
                        uint64_t timeout)
{
    uint32_t wanted = sends(ring) ? places_for(len) : 1;
    uint32_t *needs = my_needs(ring);
    uint64_t deadline = 0;
    long result, rested;

    for (;;) {
        store_relaxed(needs, wanted);
        fence_full(); /* pairs with the one in shmring_pass() */
        result = attempt(ring, buf, len);
        if (result != -E_AGAIN)
            break;
        rested = rest(ring, wanted, timeout, &deadline);
        if (rested == -E_BADH)
            return rested;
        result = attempt(ring, buf, len); /* who woke us need not do it again */
        if (result == -E_AGAIN && !rested)
            continue;
        if (result == -E_AGAIN)
            result = rested;
        break;
    }
    store_relaxed(needs, 0);
    return result;
}

long shmring_any(struct shmring *ring, enum shmring_side side, void *buf,
                 uint64_t len, uint64_t timeout)
{
    long result;

    if (ring->error)
        return ring->error;
    if (ring->side != side)
        return ring->side ? -E_ACCES : -E_BADH;
    if (side == SHMRING_SENDER && len > max_message(ring))
        return -E_MSGSIZE;
    result = attempt(ring, buf, len);
    if (result != -E_AGAIN || !timeout)
        return result;
    return wait_for_it(ring, buf, len, timeout);
}

long shmring_close(struct shmring *ring)
{
    if (!ring->size)
        return -E_BADH;
    if (ring->page) {
        bool sender = sends(ring);
        uint32_t *theirs =
            sender ? &ring->page->receiver_needs : &ring->page->sender_needs;

        /* Release; pairs with the acquire in try_recv(). */
        store_release(my_needs(ring), CLOSED);
        fence_full(); /* pairs with the one in wait_for_it() */
        (void)attend(ring, theirs, ring->size);
    }
    handle_close(ring->region); /* its mapping goes with it */
    refuse(ring, -E_BADH);
    ring->size = 0;
    ring->region = -1;
    return 0;
}
