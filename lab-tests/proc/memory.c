/* sbrk, the stack, and what faults. */
#include "../lab.h"

// ABI: sbrk returns the old break, and memory from it is zero.
TEST(grow_is_zero)
{
    long old = sbrk(0);
    uint8_t *p = (uint8_t *)sbrk(3 * PAGE_SIZE + 5);

    CHECK_EQ((long)p, old);
    CHECK_EQ(sbrk(0), old + 3 * PAGE_SIZE + 5);
    for (uint32_t i = 0; i < 3 * PAGE_SIZE + 5; i++)
        CHECK_EQ(p[i], 0);
    memset(p, 0xaa, 3 * PAGE_SIZE + 5);
    CHECK_EQ(p[3 * PAGE_SIZE + 4], 0xaa);
}

// ABI: it is zero again after shrinking and growing, in the middle of a page
// too.
TEST(regrown_is_zero)
{
    uint8_t *p = (uint8_t *)sbrk(2 * PAGE_SIZE + 100);

    memset(p, 0xbb, 2 * PAGE_SIZE + 100);
    CHECK_EQ(sbrk(-(long)PAGE_SIZE - 150), (long)p + 2 * PAGE_SIZE + 100);
    CHECK_EQ(sbrk(PAGE_SIZE + 150), (long)p + PAGE_SIZE - 50);
    for (uint32_t i = PAGE_SIZE - 50; i < 2 * PAGE_SIZE + 100; i++)
        CHECK_EQ(p[i], 0);
    CHECK_EQ(p[PAGE_SIZE - 51], 0xbb);
}

// ABI: what was given back faults.
TEST(shrunk_faults)
{
    uint8_t *p = heap_tail(PAGE_SIZE);

    *p = 1;
    CHECK_EQ(sbrk(-(long)PAGE_SIZE), (long)p + PAGE_SIZE);
    CHECK_FAULT(*(volatile uint8_t *)p = 2, 15);
    CHECK_FAULT((void)*(volatile uint8_t *)p, 13);
}

// ABI: shrinking returns pages to the system.
TEST(shrink_frees)
{
    static struct sys_info before, grown, after;

    sbrk(64 * PAGE_SIZE);
    sbrk(-64l * PAGE_SIZE);
    CHECK_EQ(sys_info(&before), 0);
    sbrk(64 * PAGE_SIZE);
    CHECK_EQ(sys_info(&grown), 0);
    CHECK(before.free_pages - grown.free_pages >= 64);
    sbrk(-64l * PAGE_SIZE);
    CHECK_EQ(sys_info(&after), 0);
    CHECK(after.free_pages >= grown.free_pages + 64);
}

// ABI: memory is committed at once: what is not there is E_NOMEM, and the
// break stays.
TEST(too_much)
{
    long old = sbrk(0);

    CHECK_ERR(sbrk(1l << 32), E_NOMEM);
    CHECK_EQ(sbrk(0), old);
    CHECK(sbrk(1l << 38) < 0);
    CHECK(sbrk(INT64_MAX) < 0);
    CHECK(sbrk(INT64_MIN) < 0);
    CHECK(sbrk(-old) < 0);
    CHECK(sbrk(-(1l << 30)) < 0);
    CHECK_EQ(sbrk(0), old);
}

// N7: all memory can be taken and comes back when the taker ends.
TEST(take_all_memory)
{
    static struct sys_info before, after;
    long child;

    wait(SPAWN(nop()), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 2; i++) {
        child = SPAWN({
            for (long step = 1 << 20; step >= (long)PAGE_SIZE; step /= 2)
                while (sbrk(step) >= 0)
                    continue;
            CHECK_ERR(sbrk(PAGE_SIZE), E_NOMEM);
            CHECK_ERR(fork(), E_NOMEM);
        });
        CHECK_EQ(JOIN(child), 0);
        CHECK_EQ(sys_info(&after), 0);
        CHECK_EQ(after.free_pages, before.free_pages);
    }
}

/* Uses `depth` stack frames of about 300 bytes. */
__attribute__((noinline)) static int dig(volatile char *above, int depth)
{
    volatile char frame[256];

    for (int i = 0; i < 256; i++)
        frame[i] = above[0];
    return depth == 0 ? frame[0] : dig(frame, depth - 1) + frame[depth % 256];
}

// ABI: the stack has 32 KiB, and a guard page below it.
TEST(stack_guard)
{
    struct exit_info info;
    uint64_t here = (uint64_t)&info;
    long child = SPAWN(dig((volatile char *)"x", 80));

    CHECK_EQ(JOIN(child), 0);
    child = SPAWN(dig((volatile char *)"x", 1000));
    CHECK_EQ(wait(child, &info, FOREVER), child);
    CHECK_EQ(info.reason, EXIT_FAULT);
    CHECK_EQ(info.cause, 15);
    CHECK(info.addr < here);
    CHECK(info.addr > here - STACK_BYTES - PAGE_SIZE);
}

static const uint32_t constant = 7;

// ABI: loads and stores outside the program's memory fault, with the address.
TEST(wild_access)
{
    struct exit_info info;

    for (uint32_t i = 0; i < WILD_COUNT; i++) {
        volatile uint8_t *p = wild_pointers[i];
        long child = SPAWN(*p);

        CHECK_EQ(wait(child, &info, FOREVER), child);
        CHECK_EQ(info.reason, EXIT_FAULT);
        CHECK_EQ(info.cause, 13);
        CHECK_EQ(info.addr, (uint64_t)p);
        child = SPAWN(*p = 1);
        CHECK_EQ(wait(child, &info, FOREVER), child);
        CHECK_EQ(info.reason, EXIT_FAULT);
        CHECK_EQ(info.cause, 15);
        CHECK_EQ(info.addr, (uint64_t)p);
    }
}

// ABI: program text and constants cannot be written.
TEST(read_only_pages)
{
    CHECK_FAULT(*(volatile uint32_t *)(uintptr_t)&constant = 1, 15);
    CHECK_FAULT(*(volatile uint16_t *)(uintptr_t)nop = 1, 15);
    CHECK_EQ(*(const volatile uint32_t *)&constant, 7);
}

static uint32_t instructions[2] = {0x00000013, 0x00008067}; /* nop; ret */

// ABI: data, heap and stack cannot be executed.
TEST(no_execute)
{
    uint32_t on_stack[2] = {0x00000013, 0x00008067};
    uint32_t *on_heap = malloc(sizeof(on_stack));

    memcpy(on_heap, on_stack, sizeof(on_stack));
    CHECK_FAULT(((void (*)(void))(uintptr_t)instructions)(), 12);
    CHECK_FAULT(((void (*)(void))(uintptr_t)on_heap)(), 12);
    CHECK_FAULT(((void (*)(void))(uintptr_t)on_stack)(), 12);
    CHECK_FAULT(((void (*)(void))8)(), 12);
    CHECK_FAULT(((void (*)(void))0xffffffc080200000)(), 12);
}

// ABI: what is not an instruction, or not for programs, is cause 2.
TEST(illegal_instructions)
{
    CHECK_FAULT(asm volatile(".word 0"), 2);
    CHECK_FAULT(asm volatile(".word 0xffffffff"), 2);
    CHECK_FAULT(asm volatile(".word 0x10200073"), 2); /* sret */
    CHECK_FAULT(asm volatile(".word 0x30200073"), 2); /* mret */
    CHECK_FAULT(asm volatile(".word 0x12000073"), 2); /* sfence.vma */
    CHECK_FAULT(asm volatile(".word 0x10002573"), 2); /* csrr a0, sstatus */
    CHECK_FAULT(asm volatile(".word 0x18051073"), 2); /* csrw satp, a0 */
    CHECK_FAULT(asm volatile("ebreak"), 3);
}

// ABI: there is no floating point; registers of it would not be kept.
TEST(no_floating_point)
{
    CHECK_FAULT(asm volatile(".word 0xf2000053"), 2); /* fmv.d.x ft0, zero */
}

// ABI: a fault tells reason, cause and address; nothing else of it is left.
TEST(fault_exit_info)
{
    struct exit_info info;
    long child = SPAWN(*(volatile uint32_t *)0x123458 = 1);

    CHECK_EQ(wait(child, &info, FOREVER), child);
    CHECK_EQ(info.pid, child);
    CHECK_EQ(info.reason, EXIT_FAULT);
    CHECK_EQ(info.cause, 15);
    CHECK_EQ(info.addr, 0x123458);
}

// N4: many faults leave nothing behind.
TEST(many_faults)
{
    static struct sys_info before, after;
    volatile uint8_t *p = heap_end();

    wait(SPAWN(nop()), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (uint32_t i = 0; i < rounds(200); i++)
        CHECK_FAULT(*p = 1, 15);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
}

TEST_MAIN()
