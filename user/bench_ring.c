/*
 * What the submit ring costs, by the words on its pages: for each operation an
 * entry filled, a completion for it, and that reaped.
 */
#include "bench.h"

#define ENTRIES 64u

static struct ring_entry *const entry = (void *)(RING_VADDR + PAGE_SIZE);
static const struct ring_completion *const completion =
    (void *)(RING_VADDR + 2 * PAGE_SIZE + RING_COMPLETIONS);
static uint64_t filled, reaped; /* as the words on the pages, and more */

static uint32_t *word(uint32_t page, uint32_t offset)
{
    return (void *)(RING_VADDR + page * PAGE_SIZE + offset);
}

static void open_ring(uint32_t entries)
{
    struct ring_map map;

    must(ring_setup(entries, &map), "ring_setup");
    filled = *word(0, RING_SQ_PROD);
    reaped = *word(0, RING_CQ_CONS);
}

/* Fill an entry but for its arguments. */
static inline struct ring_entry *fill(uint64_t at, uint32_t call)
{
    struct ring_entry *e = &entry[at % ENTRIES];

    *(uint32_t *)(void *)e = call | RING_NEED_COMPLETION << 16;
    e->user_data = at;
    return e;
}

static inline void submit(uint32_t n, uint32_t done)
{
    filled += n;
    __atomic_store_n(word(0, RING_SQ_PROD), (uint32_t)filled, __ATOMIC_RELEASE);
    if (ring_submit(n, done, TIMEOUT_FOREVER) != (long)n)
        must(-E_INVAL, "ring_submit");
}

static inline void reap(uint32_t n)
{
    uint32_t there = __atomic_load_n(word(2, RING_CQ_PROD), __ATOMIC_ACQUIRE);

    uint64_t end = reaped + n;

    if (there != (uint32_t)end)
        must(-E_INVAL, "completions");
    for (uint64_t at = reaped; at != end; at++) {
        const struct ring_completion *c = &completion[at % ENTRIES];

        if (c->result < 0)
            must(c->result, "an operation");
    }
    reaped = end;
    __atomic_store_n(word(0, RING_CQ_CONS), (uint32_t)reaped, __ATOMIC_RELEASE);
}

/* nop, so many in a batch. */
static uint64_t nops(uint64_t rounds, uint64_t batch)
{
    uint64_t start;

    open_ring(ENTRIES);
    start = now();
    for (uint64_t i = 0; i < rounds; i += batch) {
        for (uint64_t k = 0; k < batch; k++)
            fill(filled + k, CALL_nop);
        submit((uint32_t)batch, 0);
        reap((uint32_t)batch);
    }
    start = now() - start;
    ring_close();
    return start;
}

/* So many sends or receives of 64 bytes, until all are done. */
static inline void batch_of(bool sends, handle_t q, uint64_t n,
                            uint64_t timeout)
{
    uint32_t call = sends ? CALL_queue_send : CALL_queue_recv;

    for (uint64_t k = 0; k < n; k++) {
        struct ring_entry *e = fill(filled + k, call);

        e->args[0] = (uint64_t)q;
        e->args[1] = (uint64_t)bench_buffer;
        e->args[2] = SMALL;
        e->args[3] = sends ? PRIO_NORMAL : 0;
        e->args[4] = timeout;
    }
    submit((uint32_t)n, timeout ? (uint32_t)n : 0);
    reap((uint32_t)n);
}

/* A batch of sends, then one of receives: per operation. */
static uint64_t messages(uint64_t rounds, uint64_t batch)
{
    handle_t q = new_queue(ENTRIES, SMALL);
    uint64_t start;

    open_ring(ENTRIES);
    start = now();
    for (uint64_t i = 0; i < rounds; i += 2 * batch) {
        batch_of(true, q, batch, 0);
        batch_of(false, q, batch, 0);
    }
    start = now() - start;
    ring_close();
    handle_close(q);
    return start;
}

void bench_ring_end(bool sends, handle_t q, uint64_t n)
{
    open_ring(ENTRIES);
    for (uint64_t i = 0; i < n; i += ENTRIES)
        batch_of(sends, q, ENTRIES, TIMEOUT_FOREVER);
    ring_close();
}

/* A parked receive, from another process's send, which says when it is, to the
 * reaped completion. */
static uint64_t parked(uint64_t rounds, NO_ARG)
{
    handle_t q = new_queue(1, SMALL), go = new_queue(1, SMALL);
    uint64_t sum = 0;
    long pid = SPAWN(for (uint64_t i = 0; i < rounds; i++) {
        receive(go);
        *(uint64_t *)(void *)bench_buffer = now();
        send(q, SMALL);
    });

    must(pid, "fork");
    open_ring(ENTRIES);
    for (uint64_t i = 0; i < rounds; i++) {
        struct ring_entry *e = fill(filled, CALL_queue_recv);

        e->args[0] = (uint64_t)q;
        e->args[1] = (uint64_t)bench_buffer;
        e->args[2] = SMALL;
        e->args[3] = 0;
        e->args[4] = TIMEOUT_FOREVER;
        submit(1, 0);
        send(go, SMALL);
        must(ring_submit(0, 1, TIMEOUT_FOREVER), "ring_submit");
        reap(1);
        sum += now() - *(uint64_t *)(void *)bench_buffer;
    }
    JOIN(pid);
    ring_close();
    handle_close(q);
    handle_close(go);
    return sum;
}

#define NOPS(name, n)                                                          \
    {                                                                          \
        name, "ring: nop, " #n " in a batch", nops, n, 6400                    \
    }
#define MESSAGES(name, n)                                                      \
    {                                                                          \
        name, "ring: send or receive 64 B, batch " #n, messages, n, 6400       \
    }

const struct row bench_ring_rows[] = {
    NOPS("P11a", 1),
    NOPS("P11b", 8),
    NOPS("P11c", 64),
    MESSAGES("P12", 64),
    {"P13a", "ring: parked receive, send to reaped", parked, 0, 500},
    NOPS("B2", 2),
    NOPS("B4", 4),
    NOPS("B16", 16),
    NOPS("B32", 32),
    MESSAGES("E1", 1),
    MESSAGES("E2", 2),
    MESSAGES("E4", 4),
    MESSAGES("E8", 8),
    MESSAGES("E16", 16),
    MESSAGES("E32", 32),
    {0, 0, 0, 0, 0},
};
