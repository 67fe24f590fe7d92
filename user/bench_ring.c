/*
 * What the submit ring costs, by the words on its pages: for each operation an
 * entry filled, a completion for it, and that reaped.
 */
#include "bench.h"

#define ENTRIES 64u
#define DEPTH   64u

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

static inline void submit(uint32_t n)
{
    filled += n;
    __atomic_store_n(word(0, RING_SQ_PROD), (uint32_t)filled, __ATOMIC_RELEASE);
    if (ring_submit(n, 0, 0) != (long)n)
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
static uint64_t nops(uint64_t rounds, uint32_t batch)
{
    uint64_t start;

    open_ring(ENTRIES);
    start = now();
    for (uint64_t i = 0; i < rounds; i += batch) {
        for (uint64_t k = 0; k < batch; k++)
            fill(filled + k, CALL_nop);
        submit(batch);
        reap(batch);
    }
    start = now() - start;
    ring_close();
    return start;
}

static uint64_t nops_1(uint64_t rounds)
{
    return nops(rounds, 1);
}

static uint64_t nops_8(uint64_t rounds)
{
    return nops(rounds, 8);
}

static uint64_t nops_64(uint64_t rounds)
{
    return nops(rounds, 64);
}

/* 64 sends, then 64 receives, of 64 bytes. */
static uint64_t messages(uint64_t rounds)
{
    handle_t q = new_queue(DEPTH, SMALL);
    uint64_t start;

    open_ring(ENTRIES);
    start = now();
    for (uint64_t i = 0; i < rounds; i += 2 * (uint64_t)DEPTH) {
        for (uint64_t k = 0; k < DEPTH; k++) {
            struct ring_entry *e = fill(filled + k, CALL_queue_send);

            e->args[0] = (uint64_t)q;
            e->args[1] = (uint64_t)bench_buffer;
            e->args[2] = SMALL;
            e->args[3] = PRIO_NORMAL;
            e->args[4] = 0;
        }
        submit(DEPTH);
        reap(DEPTH);
        for (uint64_t k = 0; k < DEPTH; k++) {
            struct ring_entry *e = fill(filled + k, CALL_queue_recv);

            e->args[0] = (uint64_t)q;
            e->args[1] = (uint64_t)bench_buffer;
            e->args[2] = SMALL;
            e->args[3] = 0;
            e->args[4] = 0;
        }
        submit(DEPTH);
        reap(DEPTH);
    }
    start = now() - start;
    ring_close();
    handle_close(q);
    return start;
}

/* A parked receive, from another process's send, which says when it is, to the
 * reaped completion. */
static uint64_t parked(uint64_t rounds)
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
        submit(1);
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

const struct row bench_ring_rows[] = {
    {"P11a", "ring: nop, 1 in a batch", nops_1, 6400, 237, 150, 0},
    {"P11b", "ring: nop, 8 in a batch", nops_8, 6400, 75, 60, 0},
    {"P11c", "ring: nop, 64 in a batch", nops_64, 64000, 52, 45, 0},
    {"P12", "ring: send or receive 64 B, batch 64", messages, 64000, 150, 110,
     0},
    {"P13a", "ring: parked receive, send to reaped", parked, 500, 1200, 0, 0},
    {0, 0, 0, 0, 0, 0, 0},
};
