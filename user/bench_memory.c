/* How many bytes things take. */
#include "bench.h"

/* Each place has room for a handle in flight, however small the messages. */
#define CARGO 64

#define SHAPE(ring, max) ((uint64_t)(max) << 32 | (ring))

static uint64_t free_bytes(void)
{
    static struct sys_info info;

    must(sys_info(&info), "sys_info");
    return info.free_pages * PAGE_SIZE;
}

/* Bytes that `count` more handles of one queue take. */
static uint64_t of_handles(uint64_t count, NO_ARG)
{
    static handle_t h[200];
    handle_t q = new_queue(1, 1);
    uint64_t bytes = free_bytes();

    for (uint64_t i = 0; i < count; i++)
        h[i] = (handle_t)must(handle_dup(q, RIGHT_READ, 0), "handle_dup");
    bytes -= free_bytes();
    for (uint64_t i = 0; i < count; i++)
        handle_close(h[i]);
    handle_close(q);
    return bytes;
}

/* Bytes that `count` queues take beyond their handles, and beyond the ring and
 * messages of each: 64 bytes a place and the largest message, in words. */
static uint64_t of_queues(uint64_t count, uint64_t shape)
{
    static handle_t q[200];
    uint32_t ring = (uint32_t)shape, max = (uint32_t)(shape >> 32);
    uint64_t words = (max + 7u) / 8 * 8;
    uint64_t need = count * ring * (64 + (words > CARGO ? words : CARGO));
    uint64_t bytes = free_bytes();

    for (uint64_t i = 0; i < count; i++)
        q[i] = new_queue(ring, max);
    bytes -= free_bytes();
    for (uint64_t i = 0; i < count; i++)
        handle_close(q[i]);
    need += of_handles(count, 0);
    return bytes > need ? bytes - need : 0;
}

/* Bytes that `count` regions of so many bytes take, with a handle each. */
static uint64_t of_regions(uint64_t count, uint64_t size)
{
    static handle_t r[200];
    uint64_t bytes = free_bytes();

    for (uint64_t i = 0; i < count; i++)
        r[i] = (handle_t)must(region_create(REGION_IMMUTABLE, size, 0, 0, 0),
                              "region_create");
    bytes -= free_bytes();
    for (uint64_t i = 0; i < count; i++)
        handle_close(r[i]);
    return bytes;
}

/* Bytes that `count` children take that share nothing but text. */
static uint64_t of_processes(uint64_t count, NO_ARG)
{
    struct ends e = new_ends(1);
    uint64_t bytes = free_bytes();

    for (uint64_t i = 0; i < count; i++)
        must(SPAWN(crowd_wait(&e)), "fork");
    await_line(e.read, count);
    bytes -= free_bytes();
    crowd_wake(&e);
    crowd_end(&e, count);
    return bytes;
}

const struct row bench_memory_rows[] = {
    {"M0", "bytes of a handle", of_handles, 0, 200},
    {"M1", "bytes beyond 1 x (64 + 1)", of_queues, SHAPE(1, 1), 200},
    {"M2", "bytes beyond 1 x (64 + 64)", of_queues, SHAPE(1, 64), 200},
    {"M3", "bytes beyond 1 x (64 + 2048)", of_queues, SHAPE(1, 2048), 200},
    {"M4", "bytes beyond 1 x (64 + 4096)", of_queues, SHAPE(1, 4096), 200},
    {"M5", "bytes beyond 16 x (64 + 64)", of_queues, SHAPE(16, 64), 200},
    {"M6", "bytes beyond 16 x (64 + 512)", of_queues, SHAPE(16, 512), 200},
    {"M7", "bytes beyond 32 x (64 + 4096)", of_queues, SHAPE(32, 4096), 100},
    {"M8", "bytes beyond 64 x (64 + 1)", of_queues, SHAPE(64, 1), 200},
    {"M9", "bytes beyond 64 x (64 + 100)", of_queues, SHAPE(64, 100), 200},
    {"M10", "bytes beyond 64 x (64 + 1024)", of_queues, SHAPE(64, 1024), 200},
    {"M11", "bytes beyond 256 x (64 + 4096)", of_queues, SHAPE(256, 4096), 64},
    {"M12", "bytes beyond 1024 x (64 + 1)", of_queues, SHAPE(1024, 1), 200},
    {"M13", "bytes beyond 1024 x (64 + 64)", of_queues, SHAPE(1024, 64), 200},
    {"M14", "bytes beyond 1024 x (64 + 1024)", of_queues, SHAPE(1024, 1024),
     64},
    {"M15", "bytes of a region of 64 bytes, handle", of_regions, 64, 200},
    {"M16", "bytes of a region of 1 MiB, handle", of_regions, 1 << 20, 30},
    {"M17", "bytes of a process, forked", of_processes, 0, 100},
    {0, 0, 0, 0, 0},
};
