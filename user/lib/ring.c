/*
 * The submit ring for programs: the words that this side shares with the
 * kernel.
 *
 * U1 An index is published with release after what it covers was written or
 *    read, and the other side's is read with acquire before what it covers.
 * U2 Our own indices are kept in struct sring; the words on the user page are
 *    written, never believed.
 * U3 Both are told late: entries when they are submitted, reaped completions
 *    when we submit or look for more. Everything in between is plain memory.
 */
#include "weir.h"
#include "atomic.h"

static uint32_t *word_at(uint64_t page, uint32_t offset)
{
    return (uint32_t *)(page + offset);
}

long sring_open(struct sring *ring, uint32_t entries)
{
    struct ring_map map;
    long r = ring_setup(entries, &map);

    if (r < 0)
        return r;
    *ring = (struct sring){
        .entries = (void *)map.entries_page,
        .completions = (void *)(map.kernel_page + RING_COMPLETIONS),
        .mask = map.entries - 1,
        .sq_prod = word_at(map.user_page, RING_SQ_PROD),
        .cq_cons = word_at(map.user_page, RING_CQ_CONS),
        .sq_cons = word_at(map.kernel_page, RING_SQ_CONS),
        .cq_prod = word_at(map.kernel_page, RING_CQ_PROD),
        .wakeup = word_at(map.kernel_page, RING_WAKEUP),
        .polled = entries & RING_KERNEL_POLL,
    };
    // A new ring is empty, wherever its indices begin.
    ring->filled = load_relaxed(ring->sq_prod);
    ring->filled_end = ring->filled + map.entries;
    ring->reaped = ring->reaped_end = load_relaxed(ring->cq_cons);
    return 0;
}

long sring_close(struct sring *ring)
{
    *ring = (struct sring){0};
    return ring_close();
}

bool sring_look_for_room(struct sring *ring)
{
    /* [SQ-CONS] acquire; pairs with the kernel's release: it has copied the
     * entries before we fill their places again. */
    uint32_t queued = (uint32_t)ring->filled - load_acquire(ring->sq_cons);

    ring->filled_end = ring->filled + ring->mask + 1 - queued;
    return ring->filled != ring->filled_end;
}

bool sring_look_for_completion(struct sring *ring)
{
    /* [CQ-CONS] release; pairs with the kernel's acquire: we have read the
     * completions before it puts others in their places. */
    store_release(ring->cq_cons, (uint32_t)ring->reaped);
    /* [CQ-PROD] acquire; pairs with the kernel's release: it has written the
     * completions, and the calls' results in memory, before we read them. */
    ring->reaped_end =
        ring->reaped + (load_acquire(ring->cq_prod) - (uint32_t)ring->reaped);
    return ring->reaped != ring->reaped_end;
}

long sring_submit_wait(struct sring *ring, uint32_t min_complete,
                       uint64_t timeout)
{
    uint32_t filled = (uint32_t)ring->filled;
    uint32_t queued = filled - load_acquire(ring->sq_cons);

    /* [CQ-CONS] as above. */
    store_release(ring->cq_cons, (uint32_t)ring->reaped);
    /* [SQ-PROD] release; pairs with the kernel's acquire: we have filled the
     * entries before it reads them. */
    store_release(ring->sq_prod, filled);
    if (ring->polled && min_complete == 0) {
        /* We publish, then look at `wakeup`; the poller sets it, then looks at
         * sq_prod. With a fence between the two on either side, one of us
         * sees the other: no entry is left lying. */
        fence_full();
        if (!(load_relaxed(ring->wakeup) & RING_NEED_WAKEUP))
            return queued;
    }
    return ring_submit(queued, min_complete, timeout);
}

long sring_submit(struct sring *ring)
{
    return sring_submit_wait(ring, 0, 0);
}

long sring_wait(struct sring *ring, struct ring_completion *done,
                uint64_t timeout)
{
    const struct ring_completion *next = sring_reap(ring);
    long r;

    if (!next && (uint32_t)ring->filled != load_acquire(ring->sq_cons)) {
        r = sring_submit(ring);
        // No room beside what is parked: those have to finish first.
        if (r < 0 && r != -E_BUSY)
            return r;
        next = sring_reap(ring);
    }
    if (!next) {
        r = ring_submit(0, 1, timeout);
        if (r < 0)
            return r;
        next = sring_reap(ring);
    }
    if (!next)
        return -E_INVAL;
    *done = *next;
    return 0;
}
