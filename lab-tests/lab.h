/*
 * What several lab tests share: short names for timeouts, and ways to wait
 * until another process sleeps where the test wants it, without guessing how
 * long that takes. Each helper gives up after SETTLE_MS and fails the case.
 */
#pragma once

#include <weir.h>

#define NOW       0ull
#define FOREVER   TIMEOUT_FOREVER
#define US(n)     ((uint64_t)(n)*1000)
#define MS(n)     ((uint64_t)(n)*1000000)
#define SETTLE_MS 10000

#define RW          (RIGHT_READ | RIGHT_WRITE)
#define RIGHTS_FULL (RW | RIGHT_GRANT | RIGHT_REVOKE)

/* Addresses that no program may touch, whatever it does. */
static void *const wild_pointers[] = {
    (void *)8,                     /* the page that null lies in */
    (void *)(USER_END - 8),        /* nothing is mapped up there */
    (void *)USER_END,              /* the first address beyond */
    (void *)0x8000000000000000ull, /* not canonical */
    (void *)0xffffffc080200000ull, /* kernel text */
    (void *)0xfffffffffffffff8ull, /* wraps */
};
#define WILD_COUNT (sizeof(wild_pointers) / sizeof(wild_pointers[0]))

static inline void nap_ms(uint64_t ms)
{
    timer_wait(TIMER_REL, MS(ms));
}

static inline uint32_t hart_count(void)
{
    static struct sys_info info;

    CHECK_EQ(sys_info(&info), 0);
    return info.harts;
}

/* Does the kernel draw its schedule from a seed? */
static inline bool seeded(void)
{
    struct sys_info info;

    CHECK_EQ(sys_info(&info), 0);
    return strstr(info.args, "seed=") && test_seed();
}

/* A smaller number of rounds where several emulated harts make them slow; and
 * with a drawn schedule, which makes each slower, but others faster to meet. */
static inline uint32_t rounds(uint32_t on_one_hart)
{
    uint32_t most = hart_count() == 1 ? on_one_hart : on_one_hart / 2;

    return seeded() ? most / 10 + 1 : most;
}

/* exec with a list of string literals; args[0] is the program. */
static inline long exec_list(const char *const *args)
{
    return exec(args[0], (char *const *)(uintptr_t)args);
}

static inline uint32_t random_below(uint64_t *seed, uint32_t limit)
{
    return (uint32_t)((rand_next(seed) >> 16) % limit);
}

static inline void await_receivers(handle_t q, uint32_t n)
{
    struct queue_stat s = {0};

    for (int i = 0; i < SETTLE_MS; i++) {
        CHECK_EQ(queue_stat(q, &s), 0);
        if (s.waiting_receivers == n)
            return;
        nap_ms(1);
    }
    CHECK_EQ(s.waiting_receivers, n);
}

static inline void await_senders(handle_t q, uint32_t n)
{
    struct queue_stat s = {0};

    for (int i = 0; i < SETTLE_MS; i++) {
        CHECK_EQ(queue_stat(q, &s), 0);
        if (s.waiting_senders == n)
            return;
        nap_ms(1);
    }
    CHECK_EQ(s.waiting_senders, n);
}

static inline void await_state(long pid, uint32_t state)
{
    struct proc_info p = {0};

    for (int i = 0; i < SETTLE_MS; i++) {
        CHECK_EQ(proc_info(pid, &p), 0);
        if (p.state == state)
            return;
        nap_ms(1);
    }
    CHECK_EQ(p.state, state);
}

/* A process that waits uses no processor time, except that it may still be on
 * its way from its hart at first. */
static inline void check_asleep(long pid)
{
    struct proc_info before, after;
    uint64_t used = UINT64_MAX;

    await_state(pid, PROC_WAITING);
    for (int i = 0; i < 5 && used >= US(100); i++) {
        CHECK_EQ(proc_info(pid, &before), 0);
        nap_ms(200);
        CHECK_EQ(proc_info(pid, &after), 0);
        used = after.cpu_ns - before.cpu_ns;
    }
    CHECK(used < US(100));
}

/* Sends one number as a message of its own. */
static inline long put(handle_t q, uint64_t value)
{
    return queue_send(q, &value, sizeof(value), 0, FOREVER);
}

static inline long put_now(handle_t q, uint64_t value, uint32_t priority)
{
    return queue_send(q, &value, sizeof(value), MSG_OPT(priority, 0), NOW);
}

/* Takes one number, waiting for it; fails the case if there is none. */
static inline uint64_t take(handle_t q)
{
    uint64_t value = 0;

    CHECK_EQ(queue_recv(q, &value, sizeof(value), 0, MS(SETTLE_MS)),
             sizeof(value));
    return value;
}

/* Takes one event, waiting for it; its header is that of all events. */
static inline struct msg_event event_of(handle_t q)
{
    struct msg_event e = {0};
    struct msg_meta meta;

    CHECK_EQ(queue_recv(q, &e, sizeof(e), &meta, MS(SETTLE_MS)), sizeof(e));
    CHECK_EQ(meta.kind, MSG_EVENT);
    CHECK_EQ(meta.len, 16);
    CHECK_EQ(meta.priority, PRIO_HIGH);
    CHECK_EQ(meta.tag, 0);
    CHECK_EQ(meta.sender, 0);
    CHECK_EQ(meta.badge, 0);
    return e;
}

/* Takes one number that must be there already. */
static inline uint64_t take_now(handle_t q)
{
    uint64_t value = 0;

    CHECK_EQ(queue_recv(q, &value, sizeof(value), 0, NOW), sizeof(value));
    return value;
}

static inline struct queue_stat stat_of(handle_t q)
{
    struct queue_stat s = {0};

    CHECK_EQ(queue_stat(q, &s), 0);
    return s;
}

/* The first byte behind the heap's last page: not mapped. */
static inline uint8_t *heap_end(void)
{
    return (uint8_t *)(((uint64_t)sbrk(0) + PAGE_SIZE - 1) &
                       ~(uint64_t)(PAGE_SIZE - 1));
}

/* The last `bytes` bytes of the heap, at least a page of it being there. */
static inline uint8_t *heap_tail(uint64_t bytes)
{
    sbrk(PAGE_SIZE);
    sbrk(heap_end() - (uint8_t *)sbrk(0));
    return heap_end() - bytes;
}

/* Plays rounds 0 to warm - 1 for what they leave once, in caches, and then all
 * of them: pages and objects are what they were. */
static inline void leaves_nothing(void (*round)(int i), int warm, int rounds)
{
    struct sys_info before, after;

    for (int i = 0; i < warm; i++)
        round(i);
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < rounds; i++)
        round(i);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(after.objects, before.objects);
}

/* Takes all memory that sbrk will give, in ever smaller steps. */
static inline void eat_memory(void)
{
    for (long step = 1 << 20; step >= (long)PAGE_SIZE; step /= 2)
        while (sbrk(step) >= 0)
            continue;
}

/* A call with all 64 bits of every register as given. */
static inline long raw_call(uint64_t number, uint64_t arg0, uint64_t arg1,
                            uint64_t arg2, uint64_t arg3, uint64_t arg4)
{
    register uint64_t a0 asm("a0") = arg0;
    register uint64_t a1 asm("a1") = arg1;
    register uint64_t a2 asm("a2") = arg2;
    register uint64_t a3 asm("a3") = arg3;
    register uint64_t a4 asm("a4") = arg4;
    register uint64_t a5 asm("a5") = 0;
    register uint64_t a7 asm("a7") = number;

    asm volatile("ecall"
                 : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5),
                   "+r"(a7)
                 :
                 : "memory", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a6");
    return (long)a0;
}
