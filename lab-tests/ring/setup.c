/* Setting a ring up, its pages, and closing it. */
#include "raw.h"

/* Ends with the fault that the access makes; the address must be the one. */
#define CHECK_FAULT_AT(statement, want_cause, address)                         \
    do {                                                                       \
        struct exit_info fault_;                                               \
        long pid_ = SPAWN(raw_open(8); statement);                             \
        CHECK_EQ(wait(pid_, &fault_, FOREVER), pid_);                          \
        CHECK_EQ(fault_.reason, EXIT_FAULT);                                   \
        CHECK_EQ(fault_.cause, want_cause);                                    \
        CHECK_EQ(fault_.addr, (uint64_t)(address));                            \
    } while (0)

// L1: three pages at the fixed address, zeroed, and the map says so.
TEST(three_pages)
{
    struct ring_map map;

    memset(&map, 0xff, sizeof(map));
    CHECK_EQ(ring_setup(64, &map), 0);
    CHECK_EQ(map.user_page, 0x3F00000000ull);
    CHECK_EQ(map.entries_page, 0x3F00001000ull);
    CHECK_EQ(map.kernel_page, 0x3F00002000ull);
    CHECK_EQ(map.entries, 64);
    CHECK_EQ(map.reserved, 0);
    for (uint64_t at = RAW_USER; at < RAW_KERNEL + PAGE_SIZE; at += 8)
        CHECK_EQ(*(uint64_t *)at, 0);
}

// L1: the pages are zeroed again for the next ring.
TEST(zeroed_again)
{
    for (int i = 0; i < 3; i++) {
        raw_open(64);
        for (uint64_t at = RAW_USER; at < RAW_KERNEL + PAGE_SIZE; at += 8)
            CHECK_EQ(*(uint64_t *)at, 0);
        for (uint64_t n = 0; n < 40; n++)
            put_nop(n);
        CHECK_EQ(ring_submit(40, 0, NOW), 40);
        memset((void *)RAW_USER, 0xaa, 2 * PAGE_SIZE);
        raw_close();
    }
}

// L1: sizes are powers of two from 1 to 64; nothing is there after a refusal.
TEST(sizes)
{
    static const uint32_t good[] = {1, 2, 4, 8, 16, 32, 64};
    static const uint32_t bad[] = {
        0,       3,       5,          6,          7,      48,
        63,      65,      96,         127,        128,    256,
        1000,    0xffff,  0x10000,    0x10003,    0x8000, 0x20008,
        0x10080, 0x30008, 0x80000008, 0xffffffff,
    };
    struct ring_map map;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_ERR(ring_setup(bad[i], &map), E_INVAL);
    CHECK_ERR(ring_close(), E_INVAL);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK_EQ(ring_setup(good[i], &map), 0);
        CHECK_EQ(map.entries, good[i]);
        raw_close();
    }
}

// L1: one ring a process; the first goes on.
TEST(second_setup)
{
    struct ring_map map = {0};

    raw_open(4);
    put_nop(5);
    CHECK_ERR(ring_setup(4, &map), E_EXIST);
    CHECK_ERR(ring_setup(64, &map), E_EXIST);
    CHECK_ERR(ring_setup(3, &map), E_INVAL);
    CHECK_EQ(map.entries, 0);
    SUBMIT_ONE();
    EXPECT(5, 0);
}

// L1: a map that cannot be written, and no memory: no ring is left behind.
TEST(setup_fails)
{
    struct ring_map map;

    for (size_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(ring_setup(8, wild_pointers[i]), E_FAULT);
    CHECK_ERR(ring_setup(8, (void *)((uint64_t)heap_tail(16))), E_FAULT);
    CHECK_ERR(ring_setup(8, (void *)(uint64_t)nop), E_FAULT);
    CHECK_ERR(ring_submit(0, 0, NOW), E_INVAL);
    eat_memory();
    CHECK_ERR(ring_setup(8, &map), E_NOMEM);
    CHECK_ERR(ring_close(), E_INVAL);
}

// L12: without a ring there is nothing to submit to, cancel in or close.
TEST(no_ring)
{
    struct ring_map map;

    CHECK_ERR(ring_submit(0, 0, NOW), E_INVAL);
    CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
    CHECK_ERR(ring_submit(1, 1, FOREVER), E_INVAL);
    CHECK_ERR(ring_close(), E_INVAL);
    CHECK_EQ(ring_setup(8, &map), 0);
    CHECK_EQ(ring_close(), 0);
    CHECK_ERR(ring_close(), E_INVAL);
    CHECK_ERR(ring_submit(1, 0, NOW), E_INVAL);
}

// L1 L12: without a ring nothing is cancelled.
TEST(cancel_without_ring)
{
    CHECK_ERR(ring_cancel(0), E_INVAL);
}

// L2: each field where the ABI puts it.
TEST(raw_offsets)
{
    uint8_t *entry = (uint8_t *)0x3F00001000;
    uint8_t *done = (uint8_t *)0x3F00002800;
    char in[8] = "";
    long q = new_queue(4);

    raw_open(8);
    memset(entry, 0, 128);
    entry[0] = 0x31; // queue_send
    entry[2] = 1;    // RING_NEED_COMPLETION
    *(uint64_t *)(entry + 8) = (uint64_t)q;
    *(uint64_t *)(entry + 16) = (uint64_t) "abc";
    *(uint64_t *)(entry + 24) = 3;
    *(uint64_t *)(entry + 32) = MSG_OPT(PRIO_HIGH, 77);
    *(uint64_t *)(entry + 40) = 0;
    *(uint64_t *)(entry + 48) = 0x1122334455667788;
    entry[64] = 0x06; // getpid
    entry[66] = 1;
    *(uint64_t *)(entry + 64 + 48) = ~0ull;
    *(volatile uint32_t *)0x3F00000000 = 2;
    CHECK_EQ(ring_submit(8, 0, NOW), 2);
    CHECK_EQ(*(volatile uint32_t *)0x3F00002000, 2);
    CHECK_EQ(*(volatile uint32_t *)0x3F00002040, 2);
    CHECK_EQ(*(volatile uint32_t *)0x3F00002080, 0);
    CHECK_EQ(*(volatile uint32_t *)0x3F000020c0, 0);
    CHECK_EQ(*(int64_t *)done, 0);
    CHECK_EQ(*(uint64_t *)(done + 8), 0x1122334455667788);
    CHECK_EQ(*(int64_t *)(done + 32), getpid());
    CHECK_EQ(*(uint64_t *)(done + 40), ~0ull);
    for (int i = 16; i < 32; i++)
        CHECK_EQ(done[i] | done[32 + i], 0);
    CHECK_EQ(queue_recv((handle_t)q, in, 8, 0, NOW), 3);
    CHECK_EQ(memcmp(in, "abc", 3), 0);
    *(volatile uint32_t *)0x3F00000040 = 2;
    CHECK_EQ(ready(), 0);
}

// L2: the word `parked` counts what is parked.
TEST(parked_word)
{
    char byte;
    long q = new_queue(4);

    raw_open(8);
    for (uint64_t i = 0; i < 3; i++)
        put_recv(i, q, &byte, 1, FOREVER);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    CHECK_EQ(*(volatile uint32_t *)0x3F00002080, 3);
    CHECK_EQ(queue_send((handle_t)q, "x", 1, 0, NOW), 0);
    AWAIT(1);
    CHECK_EQ(PARKED, 2);
    CHECK_EQ(ring_cancel(1), 1);
    AWAIT(2);
    CHECK_EQ(PARKED, 1);
}

// L14: the kernel's page can be read only, by stores and by the kernel's own
// copies; none of the pages can be executed.
TEST(kernel_page_is_the_kernels)
{
    for (uint64_t at = RAW_KERNEL; at < RAW_KERNEL + PAGE_SIZE; at += 1020)
        CHECK_FAULT_AT(*(volatile uint32_t *)at = 1, 15, at);
    CHECK_FAULT_AT(((void (*)(void))RAW_USER)(), 12, RAW_USER);
    CHECK_FAULT_AT(((void (*)(void))RAW_ENTRIES)(), 12, RAW_ENTRIES);
    CHECK_FAULT_AT(((void (*)(void))RAW_KERNEL)(), 12, RAW_KERNEL);
    CHECK_FAULT_AT(*(volatile uint32_t *)(RAW_KERNEL + PAGE_SIZE), 13,
                   RAW_KERNEL + PAGE_SIZE);
}

// L14: nor by a call that writes to user memory, plain or as an entry.
TEST(kernel_page_and_calls)
{
    void *page = (void *)RAW_KERNEL;
    char byte = 0;
    long q = new_queue(4);

    raw_open(8);
    CHECK_EQ(queue_send((handle_t)q, "x", 1, 0, NOW), 0);
    CHECK_ERR(queue_recv((handle_t)q, page, 64, 0, NOW), E_FAULT);
    CHECK_ERR(queue_stat((handle_t)q, page), E_FAULT);
    CHECK_ERR(sys_info(page), E_FAULT);
    put_recv(1, q, page, 64, NOW);
    PUT(CALL_queue_stat, NEED, 2, (uint64_t)q, RAW_KERNEL + 64);
    put_recv(3, q, &byte, 1, NOW);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    EXPECT(1, -E_FAULT);
    EXPECT(2, -E_FAULT);
    EXPECT(3, 1);
    CHECK_EQ(byte, 'x');
}

// L1: after ring_close the pages are gone.
TEST(closed)
{
    CHECK_FAULT_AT(raw_close(); (void)SQ_PROD, 13, RAW_USER);
    CHECK_FAULT_AT(raw_close(); SQ_PROD = 1, 15, RAW_USER);
    CHECK_FAULT_AT(raw_close(); (void)RAW_WORD(RAW_ENTRIES), 13, RAW_ENTRIES);
    CHECK_FAULT_AT(raw_close(); (void)CQ_PROD, 13, RAW_KERNEL + 64);
}

// L1 H9: no region can be mapped there, and the ring not be unmapped as one.
TEST(no_region_there)
{
    long r = region_open("README.md");

    CHECK(r >= 0);
    for (int open = 0; open < 2; open++) {
        if (open)
            raw_open(8);
        for (uint64_t at = RAW_USER; at <= RAW_KERNEL; at += PAGE_SIZE) {
            CHECK_ERR(region_map((handle_t)r, at, PROT_READ), E_INVAL);
            CHECK_ERR(region_unmap(at), E_INVAL);
        }
        CHECK_ERR(region_map((handle_t)r, RAW_USER - PAGE_SIZE, PROT_READ),
                  E_INVAL);
    }
    put_nop(1);
    SUBMIT_ONE();
    EXPECT(1, 0);
}

// L1: a thousand rings leave no page behind.
TEST(many_rings)
{
    struct sys_info before, after;

    raw_open(64);
    raw_close();
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 1000; i++) {
        raw_open(1 << i % 7);
        put_nop(1);
        SUBMIT_ONE();
        raw_close();
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
}

TEST_MAIN()
