/*
 * SAN=kcsan: data races. The compiler calls __tsan_x() at each access
 * (-fsanitize=thread). Now and then one of them sets a watchpoint, waits for a
 * moment and looks who came by: whoever accesses the same bytes meanwhile, on
 * another hart, races with it, if one of the two writes and one of the two is
 * plain: those of abi/atomic.h are marked, being atomics or volatile.
 *
 *   D1  a hart has one watchpoint, which it alone sets and clears. A key of 0:
 *       none.
 *   D2  who comes by takes `state` from WATCHING to FOUND, and notes itself.
 *       The watching hart reports when it is NOTED.
 *
 * No race is seen that does not happen in that moment: the more runs, the more
 * is found. What is found is a race.
 */
#include "abi/atomic.h"
#include "base/hart.h"
#include "base/kern.h"
#include "base/printf.h"
#include "debug/san.h"
#include "debug/stack.h"
#include "hw/riscv.h"
#include "hw/memlayout.h"

#define EVERY      2000u /* accesses between two watchpoints, about */
#define WAIT_TICKS 200u  /* of a watchpoint: 20 us at QEMU's 10 MHz */
#define ADDRESS    ((1ul << 48) - 1)
#define SIZE_SHIFT 48
#define KEY_WRITES (1ul << 63)
#define KEY_MARKED (1ul << 62)
#define SIZE_MASK  0x3ffful

enum { READ = 0, WRITE = 1, MARKED = 2 };
enum { NOTHING, WATCHING, FOUND, NOTED };

static struct watch {
    uint64_t key;      /* [a] D1 */
    uint32_t state;    /* [a] D2 */
    uint32_t kind;     /* of who came by */
    uint64_t at, size; /* likewise */
    struct trace by;
    uint32_t hart;
    uint32_t wait; /* [s] accesses until its hart's next one */
    uint64_t random;
} __attribute__((aligned(64))) watches[MAX_HARTS];
static uint32_t watching; /* [a] how many are set */

static const char *in_words(uint32_t kind)
{
    static const char *const words[] = {"load", "store", "marked load",
                                        "marked store"};

    return words[kind];
}

static bool conflict(uint64_t key, uint64_t at, uint64_t size, uint32_t kind)
{
    uint64_t start = key & ADDRESS, length = key >> SIZE_SHIFT & SIZE_MASK;

    at &= ADDRESS;
    return key && at < start + length && start < at + size &&
           (key & KEY_WRITES || kind & WRITE) &&
           !(key & KEY_MARKED && kind & MARKED);
}

/* Somebody watches: what is accessed? */
static NOINLINE void look(uint64_t at, uint64_t size, uint32_t kind,
                          uint64_t pc, uint64_t cfa)
{
    uint32_t me = this_hart()->index;

    for (uint32_t i = 0; i < hart_count; i++) {
        struct watch *w = &watches[i];

        if (i == me || likely(!conflict(load_relaxed(&w->key), at, size, kind)))
            continue;
        if (!cas(&w->state, WATCHING, FOUND))
            continue;
        w->kind = kind;
        w->at = at;
        w->size = size;
        w->hart = me;
        trace_take(&w->by, pc, cfa);
        /* [NOTED] release; pairs with the acquire in watch(). */
        store_release(&w->state, NOTED);
    }
}

static NOINLINE void report(const struct watch *w, uint64_t at, uint64_t size,
                            uint32_t kind)
{
    report_begin();
    kprintf("kcsan: hart %u: %s of %lu bytes at 0x%lx", w->hart,
            in_words(w->kind), w->size, w->at);
    trace_print("by", &w->by);
    panic("kcsan: race with a %s of %lu bytes at 0x%lx", in_words(kind), size,
          at);
}

static NOINLINE void watch(struct watch *w, uint64_t at, uint64_t size,
                           uint32_t kind)
{
    uint64_t begin = read_time();

    w->random = w->random * 6364136223846793005ul + 1442695040888963407ul;
    w->wait = EVERY / 2 + (uint32_t)(w->random >> 40) % EVERY;
    store_relaxed(&w->state, WATCHING);
    store_release(&w->key, (at & ADDRESS) | size << SIZE_SHIFT |
                               (kind & WRITE ? KEY_WRITES : 0) |
                               (kind & MARKED ? KEY_MARKED : 0));
    add_relaxed(&watching, 1);
    while (read_time() - begin < WAIT_TICKS)
        cpu_relax();
    add_relaxed(&watching, -1u);
    store_relaxed(&w->key, 0);
    if (cas(&w->state, WATCHING, NOTHING))
        return;
    /* [NOTED] acquire; pairs with the release in look(). */
    while (load_acquire(&w->state) != NOTED)
        cpu_relax();
    store_relaxed(&w->state, NOTHING);
    report(w, at, size, kind);
}

static ALWAYS_INLINE void access(uint64_t at, uint64_t size, uint32_t kind,
                                 uint64_t pc, uint64_t cfa)
{
    struct watch *w = &watches[this_hart()->index];

    if (unlikely(load_relaxed(&watching)))
        look(at, size, kind, pc, cfa);
    if (likely(w->wait-- > 0))
        return;
    w->wait = EVERY;
    if (hart_count > 1 && at >= DIRECT_BASE && !report_begun())
        watch(w, at, MIN(size, SIZE_MASK), kind);
}

#define ACCESS(at, size, kind)                                                 \
    access((uint64_t)(at), size, kind, (uint64_t)__builtin_return_address(0),  \
           (uint64_t)__builtin_dwarf_cfa())

/* --- what the compiler calls --------------------------------------------- */

// clang-format off
#define ENTRY(name, size, kind) \
    void __tsan_##name(void *at); \
    void __tsan_##name(void *at) { ACCESS(at, size, kind); }
#define ENTRIES(n) \
    ENTRY(read##n, n, READ) \
    ENTRY(write##n, n, WRITE) \
    ENTRY(volatile_read##n, n, READ | MARKED) \
    ENTRY(volatile_write##n, n, WRITE | MARKED) \
    ENTRY(unaligned_read##n, n, READ) \
    ENTRY(unaligned_write##n, n, WRITE)
ENTRIES(1)
ENTRIES(2)
ENTRIES(4)
ENTRIES(8)
ENTRIES(16)

#define RANGE(name, kind) \
    void __tsan_##name(void *at, uint64_t size); \
    void __tsan_##name(void *at, uint64_t size) { ACCESS(at, size, kind); }
RANGE(read_range, READ)
RANGE(write_range, WRITE)

/* The builtins for atomics. The order is that of the strongest. */
#define FETCH(bits, name) \
    uint##bits##_t __tsan_atomic##bits##_fetch_##name(uint##bits##_t *p, \
                                                      uint##bits##_t v, int); \
    uint##bits##_t __tsan_atomic##bits##_fetch_##name( \
        uint##bits##_t *p, uint##bits##_t v, int o __attribute__((unused))) \
    { \
        ACCESS(p, bits / 8, WRITE | MARKED); \
        return __atomic_fetch_##name(p, v, __ATOMIC_SEQ_CST); \
    }
#define LOAD(bits) \
    uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *p, int); \
    uint##bits##_t __tsan_atomic##bits##_load( \
        const uint##bits##_t *p, int o __attribute__((unused))) \
    { \
        ACCESS(p, bits / 8, READ | MARKED); \
        return __atomic_load_n(p, __ATOMIC_SEQ_CST); \
    }
#define ATOMICS(bits) \
    LOAD(bits) \
    bool __tsan_atomic##bits##_compare_exchange_strong( \
        uint##bits##_t *p, uint##bits##_t *e, uint##bits##_t v, int, int); \
    bool __tsan_atomic##bits##_compare_exchange_strong( \
        uint##bits##_t *p, uint##bits##_t *e, uint##bits##_t v, \
        int o __attribute__((unused)), int f __attribute__((unused))) \
    { \
        ACCESS(p, bits / 8, WRITE | MARKED); \
        return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, \
                                           __ATOMIC_SEQ_CST); \
    } \
    FETCH(bits, add) \
    FETCH(bits, or) \
    FETCH(bits, and)
LOAD(8)
LOAD(16)
ATOMICS(32)
ATOMICS(64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    (void)order;
    fence_full();
}

void __tsan_init(void);
void __tsan_init(void)
{
}

/* Wrapped functions: __real_x() is what the kernel has. */
#define WRAP(type, name, ...) \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)
// clang-format on

WRAP(void *, memcpy, void *to, const void *from, uint64_t n)
{
    ACCESS(from, n, READ);
    ACCESS(to, n, WRITE);
    return __real_memcpy(to, from, n);
}

WRAP(void *, memset, void *to, int byte, uint64_t n)
{
    ACCESS(to, n, WRITE);
    return __real_memset(to, byte, n);
}

WRAP(int, memcmp, const void *a, const void *b, uint64_t n)
{
    ACCESS(a, n, READ);
    ACCESS(b, n, READ);
    return __real_memcmp(a, b, n);
}
