/* What regions and descriptors cost. */
#include "bench.h"

#define BIG (16u << 20)
#define MIB (1u << 20)

static handle_t new_region(uint32_t policy, uint64_t size, uint64_t count)
{
    return (handle_t)must(region_create(policy, size, count, 0, 0),
                          "region_create");
}

/* One way, between two processes; both have a handle to the region. */
uint64_t bench_describe(uint64_t rounds, uint64_t length)
{
    handle_t q = new_queue(64, SMALL);
    handle_t region = new_region(REGION_IMMUTABLE, BIG, 0);
    struct msg_desc desc = {region, 0, 0, length};
    uint64_t start;
    long pid;

    must(region_seal(region), "seal");
    pid = SPAWN(for (uint64_t i = 0; i < rounds; i++) must(
        queue_send_desc(q, &desc, 0, TIMEOUT_FOREVER), "send"));
    must(pid, "fork");
    start = now();
    for (uint64_t i = 0; i < rounds; i++)
        must(queue_recv(q, &desc, sizeof(desc), 0, TIMEOUT_FOREVER), "receive");
    start = now() - start;
    JOIN(pid);
    handle_close(region);
    handle_close(q);
    return start;
}

static uint64_t map_region(uint64_t rounds, uint64_t size)
{
    handle_t region = new_region(REGION_SLAB, size, 1);
    uint64_t spent = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t start = now();
        long at = region_map(region, 0, PROT_READ | PROT_WRITE);

        spent += now() - start;
        must(at, "map");
        must(region_unmap((uint64_t)at), "unmap");
    }
    handle_close(region);
    return spent;
}

static uint64_t seal_region(uint64_t rounds, uint64_t size)
{
    uint64_t spent = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        handle_t region = new_region(REGION_IMMUTABLE, size, 0);
        uint64_t start;

        must(region_map(region, 0, PROT_READ | PROT_WRITE), "map");
        start = now();
        must(region_seal(region), "seal");
        spent += now() - start;
        handle_close(region);
    }
    return spent;
}

static uint64_t append_to_region(uint64_t rounds, uint64_t len)
{
    handle_t region = new_region(REGION_APPEND, MIB, 0);
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++)
        must(region_append(region, bench_buffer, len), "append");
    start = now() - start;
    handle_close(region);
    return start;
}

static uint64_t use_slot(uint64_t rounds, uint64_t size)
{
    handle_t region = new_region(REGION_SLAB, size, 16);
    uint64_t start = now();

    for (uint64_t i = 0; i < rounds; i++) {
        long slot = slot_alloc(region);

        must(slot, "slot_alloc");
        must(slot_free(region, (uint64_t)slot), "slot_free");
    }
    start = now() - start;
    handle_close(region);
    return start;
}

const struct row bench_region_rows[] = {
    {"P7", "one way by descriptor, 64 B", bench_describe, SMALL, 5000},
    {"P7b", "one way by descriptor, 16 MiB", bench_describe, BIG, 5000},
    {"R1", "region_map, 1 MiB", map_region, MIB, 100},
    {"R2", "region_seal, 1 MiB, mapped once", seal_region, MIB, 20},
    {"R3", "region_append, 64 B", append_to_region, SMALL, 5000},
    {"R4", "slot_alloc + slot_free, 64 B", use_slot, SMALL, 5000},
    {0, 0, 0, 0, 0},
};
