/*
 * The submit ring for programs: calls are written down in entries, handed to
 * the kernel many at a time, and answered by completions. Part of <weir.h>.
 *
 *     sring_open(&ring, 64);
 *     sring_add(&ring, 7, queue_send, q, "hello", 5, 0, TIMEOUT_FOREVER);
 *     sring_add(&ring, 8, queue_recv, r, buf, 64, &meta, TIMEOUT_FOREVER);
 *     sring_submit(&ring);
 *     while (sring_wait(&ring, &done, TIMEOUT_FOREVER) == 0)
 *         printf("%lu: %ld\n", done.user_data, done.result);
 *
 * A process has one ring. What the pages hold is section 6 of the ABI; the
 * words on them are touched in ring.c only. Everything here works on this
 * side's own indices, of which the low 32 bits are shown to the kernel.
 */
#pragma once

struct sring {
    struct ring_entry *entries;
    const struct ring_completion *completions;
    uint64_t mask;               /* their number, a power of two, less 1 */
    uint64_t filled, filled_end; /* the next entry, the first not free */
    uint64_t reaped, reaped_end; /* the next completion, the first not there */
    uint32_t *sq_prod, *cq_cons; /* what we tell the kernel of filled, reaped */
    const uint32_t *sq_cons, *cq_prod, *wakeup; /* what it tells us */
    bool polled;                                /* RING_KERNEL_POLL */
};

/* The ring of this process, with `entries` of them (1 to 64, a power of two);
 * RING_KERNEL_POLL may be ored in. Returns: as ring_setup(). */
long sring_open(struct sring *ring, uint32_t entries);
long sring_close(struct sring *ring);

/* Is there room for an entry, is there a completion, if we look again? */
bool sring_look_for_room(struct sring *ring);
bool sring_look_for_completion(struct sring *ring);

/* The next entry to fill; null while the kernel has not taken the oldest. */
static inline struct ring_entry *sring_get(struct sring *ring)
{
    if (ring->filled == ring->filled_end && !sring_look_for_room(ring))
        return 0;
    return &ring->entries[ring->filled++ & ring->mask];
}

/*
 * sring_prepare(entry, queue_send, q, buf, len, opt, timeout): writes a call
 * into an entry, with RING_NEED_COMPLETION and user_data 0; gives the entry.
 * The compiler checks the arguments against the call's prototype, and that a
 * ring may carry it.
 */
#define sring_prepare(entry, call, ...)                                        \
    ({                                                                         \
        struct ring_entry *sring_to_ = (entry);                                \
        *sring_to_ = (struct ring_entry){                                      \
            .opcode = SRING_OPCODE(call, weir_##call(__VA_ARGS__)),            \
            .flags = RING_NEED_COMPLETION,                                     \
            .args = {SRING_WORDS(__VA_ARGS__)},                                \
        };                                                                     \
        sring_to_;                                                             \
    })

/* sring_add(ring, user_data, call, its arguments...): gets and prepares an
 * entry; gives it, or null if there is none. */
#define sring_add(ring, data, call, ...)                                       \
    ({                                                                         \
        struct ring_entry *sring_entry_ = sring_get(ring);                     \
        if (sring_entry_)                                                      \
            sring_prepare(sring_entry_, call, ##__VA_ARGS__)->user_data =      \
                (data);                                                        \
        sring_entry_;                                                          \
    })

/* Hands over the entries that are filled. Returns: how many the kernel took;
 * a polling kernel that is awake takes them by itself. Errors of
 * ring_submit(), E_BUSY if the completions have to be reaped first. */
long sring_submit(struct sring *ring);

/* The same, and waits for `min_complete` completions, in one trap. */
long sring_submit_wait(struct sring *ring, uint32_t min_complete,
                       uint64_t timeout);

/* The next completion, null if there is none. It is there until something
 * else of the library is called. */
static inline const struct ring_completion *sring_reap(struct sring *ring)
{
    if (ring->reaped == ring->reaped_end && !sring_look_for_completion(ring))
        return 0;
    return &ring->completions[ring->reaped++ & ring->mask];
}

/* Hands over what is filled and takes the next completion, waiting for it.
 * Returns: 0, or an error of ring_submit(). */
long sring_wait(struct sring *ring, struct ring_completion *done,
                uint64_t timeout);

/* Behind sring_prepare(): may a ring carry the call; its arguments as words. */
// clang-format off
#define SRING_CARRIES(number, name, ring, params) SRING_CARRIES_##name = ring,
enum { WEIR_CALLS(SRING_CARRIES) };
#undef SRING_CARRIES
#define SRING_OPCODE(call, made)                                               \
    (CALL_##call + 0 * sizeof(made) +                                          \
     0 * sizeof(char[SRING_CARRIES_##call == RING_YES ? 1 : -1]))
#define SRING_WORDS(...)                                                       \
    SRING_SIXTH(0, ##__VA_ARGS__, SRING_5, SRING_4, SRING_3, SRING_2, SRING_1, \
                SRING_0)(__VA_ARGS__)
#define SRING_SIXTH(o, a, b, c, d, e, words, ...) words
#define SRING_0()       0
#define SRING_1(a)      (uint64_t)(a)
#define SRING_2(a, ...) (uint64_t)(a), SRING_1(__VA_ARGS__)
#define SRING_3(a, ...) (uint64_t)(a), SRING_2(__VA_ARGS__)
#define SRING_4(a, ...) (uint64_t)(a), SRING_3(__VA_ARGS__)
#define SRING_5(a, ...) (uint64_t)(a), SRING_4(__VA_ARGS__)
// clang-format on
