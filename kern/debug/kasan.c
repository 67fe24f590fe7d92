/*
 * SAN=kasan: accesses to memory that is not there. A shadow byte for 8 bytes of
 * memory says which of them may be accessed; the compiler calls __asan_x() at
 * each access (-fsanitize=kernel-address) and marks stacks and globals, the
 * allocator's functions are wrapped.
 *
 *   A1  the shadow of address a is at (a >> 3) + SHADOW_OFFSET. So that of RAM
 *       begins at SHADOW_PA in the direct map, is there from the first
 *       instruction on and zero: all is allowed until kasan_reserve(). That of
 *       the kernel stacks lies where no memory is, and gets pages as they do.
 *   A2  nothing below a sleeper's sp is alive: at a switch the marks of frames
 *       that never returned go.
 *   A3  a block has a unit more than asked for, if there is room: its end may
 *       not be touched, and it says where the block was made and freed. It
 *       stays until its memory is another block's.
 */
#include "mem/kalloc.h"

#include "abi/abi.h"
#include "base/printf.h"
#include "debug/san.h"
#include "debug/stack.h"
#include "hw/fdt.h"
#include "hw/memlayout.h"
#include "hw/riscv.h"

#define RAM_BASE      0x80000000ul
#define SHADOW_PA     0x80600000ul /* Makefile: -fasan-shadow-offset */
#define SHADOW_OFFSET (VIRT(SHADOW_PA) - (VIRT(RAM_BASE) >> 3))
#define STACKS        (DIRECT_BASE + DIRECT_SIZE / 2) /* mem/vm.c */
#define STACKS_END    (STACKS + (64ul << 20))
#define KSTACK_BYTES  8192ul
#define GRAIN         8ul
#define UNIT          64ul /* mem/kalloc.c */
#define USER_TOP      (1ul << 38)

/* Shadow bytes: 0: all 8 bytes; 1 to 7: so many; the compiler's and ours. */
enum {
    STACK_LEFT = 0xf1,
    STACK_SCOPE = 0xf8,
    GLOBAL_END = 0xf9,
    BLOCK_NOTES = 0xfa, /* A3 */
    BLOCK_END = 0xfb,
    BLOCK_FREE = 0xfd,
    PAGE_FREE = 0xff,
};

/* Of a page, or a block. */
struct notes {
    struct trace made, freed;
};
_Static_assert(sizeof(struct notes) <= UNIT, "a block's unit");

struct asan_global {
    uint64_t start, size, size_with_end;
    const char *name, *file;
    uint64_t more[3];
};

static struct notes *page_notes; /* [I] of each page of RAM */
static uint64_t ram_end;         /* [I] 0: not yet */
static struct {
    const struct asan_global *first;
    uint64_t count;
} modules[128]; /* [I] */
static uint32_t module_count;

extern void (*const _init_array[])(void), (*const _init_array_end[])(void);

static uint8_t *shadow(uint64_t at)
{
    return (uint8_t *)((at >> 3) + SHADOW_OFFSET);
}

static bool has_shadow(uint64_t at)
{
    return (at >= VIRT(RAM_BASE) && at < ram_end) ||
           (at >= STACKS && at < STACKS_END);
}

/* Whole grains; `start` is one's. */
static void mark(uint64_t start, uint64_t size, uint8_t what)
{
    uint8_t *s = shadow(start), *end = s + size / GRAIN;

    for (; s < end && (uint64_t)s % 8; s++)
        *s = what;
    for (; s + 8 <= end; s += 8)
        *(uint64_t *)s = what * 0x0101010101010101ul;
    for (; s < end; s++)
        *s = what;
}

static void allow(uint64_t start, uint64_t size)
{
    mark(start, size, 0);
    if (size % GRAIN)
        *shadow(start + size) = size % GRAIN;
}

static struct notes *notes_of_page(uint64_t at)
{
    return &page_notes[(at - VIRT(RAM_BASE)) / PAGE_SIZE];
}

static void note_made(struct notes *notes, const struct trace *trace)
{
    notes->made = *trace;
    notes->freed.offsets[0] = 0;
}

/* --- reports ------------------------------------------------------------- */

/* The notes of the block with this address, or NULL. */
static struct notes *notes_of_block(uint64_t at)
{
    uint64_t end = ROUND_UP(at + 1, PAGE_SIZE);

    at = ROUND_DOWN(at, GRAIN) + (*shadow(at) < GRAIN ? GRAIN : 0);
    for (; at < end; at += GRAIN)
        if (*shadow(at) == BLOCK_NOTES)
            return (struct notes *)ROUND_DOWN(at, UNIT);
        else if (*shadow(at) < GRAIN)
            return NULL; /* of another block */
    return NULL;
}

static void describe_global(uint64_t at)
{
    for (uint32_t i = 0; i < module_count; i++)
        for (uint64_t j = 0; j < modules[i].count; j++) {
            const struct asan_global *g = &modules[i].first[j];

            if (at >= g->start && at < g->start + g->size_with_end)
                kprintf("  %lu bytes behind %s of %s, which has %lu",
                        at - g->start - g->size, g->name, g->file, g->size);
        }
}

static const char *in_words(uint64_t at)
{
    uint8_t code = *shadow(at);

    if (code < GRAIN) /* of the next grain: the access goes beyond this one */
        code = shadow(at)[1];
    if (code >= STACK_LEFT && code <= STACK_SCOPE)
        return code == STACK_SCOPE ? "a local out of its scope"
                                   : "of the stack";
    switch (code) {
    case GLOBAL_END:
        return "behind a global";
    case BLOCK_FREE:
        return "in a block that is free";
    case PAGE_FREE:
        return "in a page that is free";
    default:
        return "outside of a block";
    }
}

static NOINLINE void print_notes(uint64_t at)
{
    bool page = *shadow(at) == PAGE_FREE;
    const struct notes *notes = page ? notes_of_page(at) : notes_of_block(at);

    if (at < VIRT(RAM_BASE) || at >= ram_end || !notes)
        return;
    trace_print("allocated by", &notes->made);
    if (notes->freed.offsets[0])
        trace_print("freed by", &notes->freed);
}

/* The backtrace of the access is the panic's. */
static NOINLINE void report(const char *what, uint64_t at, uint64_t n)
{
    bool user = at < USER_TOP;

    if (report_begun())
        return;
    report_begin();
    if (!user) {
        describe_global(at);
        print_notes(at);
    }
    panic("kasan: %s of %lu bytes, bad at 0x%lx: %s", what, n, at,
          user ? "user memory, but not by uaccess.h" : in_words(at));
}

/* --- accesses ------------------------------------------------------------ */

/* The first byte of [at, at + n) that must not be accessed, or 0. */
static inline uint64_t bad_byte(uint64_t at, uint64_t n)
{
    if (unlikely(!ram_end) || !n)
        return 0;
    if (unlikely(at < USER_TOP))
        return at;
    if (unlikely(!has_shadow(at)))
        return 0;
    for (uint64_t end = at + n; at < end; at = ROUND_DOWN(at, GRAIN) + GRAIN) {
        uint8_t code = *shadow(at);
        uint64_t last = MIN(end - 1, at | (GRAIN - 1));

        if (unlikely(code) && (code >= GRAIN || last % GRAIN >= code))
            return code >= GRAIN ? at : ROUND_DOWN(at, GRAIN) + code;
    }
    return 0;
}

#define CHECK(what, at, n)                                                     \
    do {                                                                       \
        uint64_t bad_ = bad_byte(at, n);                                       \
        if (unlikely(bad_))                                                    \
            report(what, bad_, n);                                             \
    } while (0)

// clang-format off
#define ACCESS(n) \
    void __asan_load##n##_noabort(uint64_t at); \
    void __asan_load##n##_noabort(uint64_t at) { CHECK("load", at, n); } \
    void __asan_store##n##_noabort(uint64_t at); \
    void __asan_store##n##_noabort(uint64_t at) { CHECK("store", at, n); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
// clang-format on

void __asan_loadN_noabort(uint64_t at, uint64_t n);
void __asan_loadN_noabort(uint64_t at, uint64_t n)
{
    CHECK("load", at, n);
}

void __asan_storeN_noabort(uint64_t at, uint64_t n);
void __asan_storeN_noabort(uint64_t at, uint64_t n)
{
    CHECK("store", at, n);
}

/* Wrapped functions: __real_x() is what the kernel has. */
#define WRAP(type, name, ...)                                                  \
    type __real_##name(__VA_ARGS__);                                           \
    type __wrap_##name(__VA_ARGS__);                                           \
    type __wrap_##name(__VA_ARGS__)

WRAP(void *, memcpy, void *to, const void *from, size_t n)
{
    CHECK("load", (uint64_t)from, n);
    CHECK("store", (uint64_t)to, n);
    return __real_memcpy(to, from, n);
}

WRAP(void *, memset, void *to, int byte, size_t n)
{
    CHECK("store", (uint64_t)to, n);
    return __real_memset(to, byte, n);
}

WRAP(int, memcmp, const void *a, const void *b, size_t n)
{
    CHECK("load", (uint64_t)a, n);
    CHECK("load", (uint64_t)b, n);
    return __real_memcmp(a, b, n);
}

/* One side of a user copy is the kernel's. */
WRAP(long, user_copy, void *to, const void *from, uint64_t n)
{
    if ((uint64_t)to >= USER_TOP)
        CHECK("store", (uint64_t)to, n);
    if ((uint64_t)from >= USER_TOP)
        CHECK("load", (uint64_t)from, n);
    return __real_user_copy(to, from, n);
}

WRAP(long, user_copy_64, void *to, const void *from)
{
    if ((uint64_t)to >= USER_TOP)
        CHECK("store", (uint64_t)to, 64);
    if ((uint64_t)from >= USER_TOP)
        CHECK("load", (uint64_t)from, 64);
    return __real_user_copy_64(to, from);
}

/* --- pages and blocks ---------------------------------------------------- */

WRAP(void, page_add_range, uint64_t start, uint64_t end)
{
    mark(VIRT(start), end - start, PAGE_FREE);
    __real_page_add_range(start, end);
}

static void page_made(uint64_t page, const struct trace *trace)
{
    if (!page)
        return;
    allow(page, PAGE_SIZE);
    note_made(notes_of_page(page), trace);
}

WRAP(void *, page_alloc, void)
{
    void *page = __real_page_alloc();
    struct trace trace;

    trace_here(&trace);
    page_made((uint64_t)page, &trace);
    return page;
}

WRAP(void *, page_zalloc, void)
{
    void *page = __real_page_zalloc();
    struct trace trace;

    trace_here(&trace);
    page_made((uint64_t)page, &trace);
    return page;
}

WRAP(void, page_free, void *page)
{
    CHECK("free", (uint64_t)page, PAGE_SIZE);
    trace_here(&notes_of_page((uint64_t)page)->freed);
    mark((uint64_t)page, PAGE_SIZE, PAGE_FREE);
    __real_page_free(page);
}

/* What a block of `size` bytes takes: A3. */
static uint32_t with_notes(uint32_t size)
{
    return size + UNIT <= KMALLOC_MAX ? size + UNIT : size;
}

static void *new_block(uint32_t size, const struct trace *trace);

WRAP(void *, kmalloc, uint32_t size)
{
    struct trace trace;

    trace_here(&trace);
    return new_block(size, &trace);
}

static void *new_block(uint32_t size, const struct trace *trace)
{
    void *block = __real_kmalloc(with_notes(size));
    uint64_t at = (uint64_t)block, end = at + ROUND_UP(size, UNIT);

    if (!block)
        return NULL;
    mark(at, end - at, BLOCK_END);
    allow(at, size);
    if (with_notes(size) > size) {
        mark(end, UNIT, BLOCK_NOTES);
        note_made((struct notes *)end, trace);
    }
    return block;
}

WRAP(void *, kzalloc, uint32_t size)
{
    struct trace trace;
    void *block;

    trace_here(&trace);
    block = new_block(size, &trace);
    return block ? __real_memset(block, 0, size) : NULL;
}

WRAP(void, kfree, void *block, uint32_t size)
{
    uint64_t at = (uint64_t)block, end = at + ROUND_UP(size, UNIT);

    if (!block)
        return;
    CHECK("free", at, size);
    if (size % UNIT && *shadow(end - 1) != BLOCK_END && UNIT - size % UNIT >= 8)
        report("free of the wrong size", at, size);
    if (with_notes(size) > size)
        trace_here(&((struct notes *)end)->freed);
    mark(at, end - at, BLOCK_FREE);
    __real_kfree(block, with_notes(size));
}

/* --- stacks and globals -------------------------------------------------- */

/* A call that does not return: its callers' frames are no more. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
    uint64_t sp = ROUND_DOWN((uint64_t)__builtin_frame_address(0), GRAIN);

    if (ram_end)
        mark(sp, ROUND_UP(sp + 1, KSTACK_BYTES) - sp, 0);
}

void kasan_switch(uint64_t sp)
{
    uint64_t bottom = ROUND_DOWN(sp - 1, KSTACK_BYTES);

    mark(bottom, sp - bottom, 0); /* A2 */
}

/* The entry of a page table for va; tables above it are added. */
static uint64_t *entry_of(uint64_t va, uint32_t level)
{
    uint64_t *table = DIRECT(csr_read(satp) << 12);

    for (uint32_t l = 2;; l--) {
        uint64_t *entry = &table[va >> (12 + 9 * l) & 511];
        void *page;

        if (l == level)
            return entry;
        if (!*entry) {
            page = __real_page_zalloc();
            if (!page)
                panic("no memory for the shadow");
            *entry = PHYS(page) >> 12 << 10 | 1;
        }
        table = DIRECT(*entry >> 10 << 12);
    }
}

WRAP(uint64_t, vm_new_stack, uint32_t slot)
{
    uint64_t top = __real_vm_new_stack(slot);
    uint64_t *leaf = entry_of((uint64_t)shadow(top - KSTACK_BYTES), 0);
    void *page = *leaf ? NULL : __real_page_zalloc();

    if (page)
        *leaf = PHYS(page) >> 12 << 10 | 0xe7; /* D A G W R V */
    return top;
}

void __asan_register_globals(const struct asan_global *first, uint64_t count);
void __asan_register_globals(const struct asan_global *first, uint64_t count)
{
    assert(module_count < ARRAY_LEN(modules));
    modules[module_count].first = first;
    modules[module_count++].count = count;
    for (uint64_t i = 0; i < count; i++) {
        const struct asan_global *g = &first[i];
        uint64_t end = ROUND_UP(g->size, GRAIN);

        mark(g->start + end, g->size_with_end - end, GLOBAL_END);
        if (g->size % GRAIN)
            *shadow(g->start + g->size) = g->size % GRAIN;
    }
}

void __asan_unregister_globals(const void *first, uint64_t count);
void __asan_unregister_globals(const void *first, uint64_t count)
{
    (void)first;
    (void)count;
}

uint64_t kasan_reserve(uint64_t pa)
{
    uint64_t size = machine.memory.end - RAM_BASE;
    uint64_t end = SHADOW_PA + size / GRAIN;

    assert(pa <= SHADOW_PA);
    page_notes = DIRECT(end);
    end += size / PAGE_SIZE * sizeof(struct notes);
    assert(end <= machine.initrd.base);
    for (void (*const *call)(void) = _init_array; call < _init_array_end;)
        (*call++)();
    ram_end = VIRT(machine.memory.end);
    return ROUND_UP(end, PAGE_SIZE);
}
