/* What the tests of regions share. */
#pragma once

#include "../lab.h"

/* scause of page faults (privileged specification 1.12, table 4.2). */
enum { CAUSE_FETCH = 12, CAUSE_LOAD = 13, CAUSE_STORE = 15 };

static inline handle_t immutable(uint64_t size)
{
    long r = region_create(REGION_IMMUTABLE, size, 0, 0, 0);

    CHECK(r > 2);
    return (handle_t)r;
}

/* A sealed region that begins with these bytes. */
static inline handle_t sealed(const void *init, uint64_t init_len,
                              uint64_t size)
{
    long r = region_create(REGION_IMMUTABLE, size, 0, init, init_len);

    CHECK(r > 2);
    return (handle_t)r;
}

static inline handle_t append_only(uint64_t size)
{
    long r = region_create(REGION_APPEND, size, 0, 0, 0);

    CHECK(r > 2);
    return (handle_t)r;
}

static inline handle_t slab(uint64_t slot_size, uint64_t count)
{
    long r = region_create(REGION_SLAB, slot_size, count, 0, 0);

    CHECK(r > 2);
    return (handle_t)r;
}

static inline struct region_info info_of(handle_t r)
{
    struct region_info info = {0};

    CHECK_EQ(region_info(r, &info), 0);
    return info;
}

static inline uint64_t free_pages(void)
{
    static struct sys_info info;

    CHECK_EQ(sys_info(&info), 0);
    return info.free_pages;
}

/* Maps a region where there is room. */
static inline volatile uint8_t *shown(handle_t r, uint32_t prot)
{
    long at = region_map(r, 0, prot);

    CHECK(at > 0);
    CHECK_EQ((uint64_t)at % PAGE_SIZE, 0);
    return (volatile uint8_t *)at;
}

/* How a child ended: by this fault at this address. */
static inline void check_faulted(long child, uint64_t cause,
                                 const volatile void *at)
{
    struct exit_info end = {0};

    CHECK_EQ(wait(child, &end, MS(SETTLE_MS)), child);
    CHECK_EQ(end.reason, EXIT_FAULT);
    CHECK_EQ(end.cause, cause);
    CHECK_EQ(end.addr, (uint64_t)at);
}

static inline void store_faults(volatile uint8_t *at)
{
    check_faulted(SPAWN(*at = 1), CAUSE_STORE, at);
}

static inline void load_faults(volatile uint8_t *at)
{
    check_faulted(SPAWN((void)*at), CAUSE_LOAD, at);
}

static inline void fetch_faults(volatile uint8_t *at)
{
    check_faulted(SPAWN(((void (*)(void))(uintptr_t)at)()), CAUSE_FETCH, at);
}

/* Nothing is mapped there: for a child, and for the process itself, which lets
 * the kernel look. */
static inline void is_gone(volatile uint8_t *at)
{
    handle_t q = (handle_t)queue_create(1, 8, 0);

    CHECK_ERR(queue_send(q, (const void *)(uintptr_t)at, 1, 0, NOW), E_FAULT);
    CHECK_EQ(handle_close(q), 0);
    load_faults(at);
}

static inline void store_works(volatile uint8_t *at)
{
    CHECK_EQ(JOIN(SPAWN(*at = *at)), 0);
}

/* All n bytes at p are `byte`. */
static inline bool all_are(const volatile uint8_t *p, uint64_t n, uint8_t byte)
{
    for (uint64_t i = 0; i < n; i++)
        if (p[i] != byte)
            return false;
    return true;
}
