/* The door itself: numbers, registers, arguments; sys_info; shutdown. */
#include "../lab.h"

static const uint16_t numbers[] = {
#define NUMBER(number, name, ring, params) number,
    WEIR_CALLS(NUMBER)
#undef NUMBER
};

static bool is_call(uint64_t number)
{
    for (uint32_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i] == number)
            return true;
    return false;
}

// ABI: a number that no call has is E_NOSYS, whatever the arguments.
TEST(unknown_numbers)
{
    uint64_t seed = test_seed();

    for (uint64_t n = 0; n < 1024; n++)
        if (!is_call(n))
            CHECK_ERR(raw_call(n, ~0ull, 8, ~0ull, 8, ~0ull), E_NOSYS);
    for (int bit = 10; bit < 64; bit++)
        CHECK_ERR(raw_call(1ull << bit, 0, 0, 0, 0, 0), E_NOSYS);
    for (int bit = 10; bit < 64; bit++)
        CHECK_ERR(raw_call(1ull << bit | CALL_getpid, 0, 0, 0, 0, 0), E_NOSYS);
    for (int i = 0; i < 1000; i++) {
        uint64_t n = rand_next(&seed) | 1 << 20;

        CHECK_ERR(raw_call(n, n, n, n, n, n), E_NOSYS);
    }
}

// ABI: s registers, sp, gp, tp and ra are preserved by a call.
TEST(registers_preserved)
{
    uint64_t changed = 1;

    asm volatile("mv t0, sp\n addi sp, sp, -48\n"
                 "sd gp, 0(sp)\n sd tp, 8(sp)\n sd ra, 16(sp)\n"
                 "sd t0, 24(sp)\n"
                 "li gp, 0x1111\n li tp, 0x2222\n li ra, 0x3333\n"
                 "li s1, 0x101\n li s2, 0x202\n li s3, 0x303\n"
                 "li s4, 0x404\n li s5, 0x505\n li s6, 0x606\n"
                 "li s7, 0x707\n li s8, 0x7f8\n li s9, 0x7f9\n"
                 "li s10, 0x7fa\n li s11, 0x7fb\n"
                 "li a7, 7\n ecall\n" /* yield */
                 "xori s1, s1, 0x101\n xori s2, s2, 0x202\n"
                 "xori s3, s3, 0x303\n xori s4, s4, 0x404\n"
                 "xori s5, s5, 0x505\n xori s6, s6, 0x606\n"
                 "xori s7, s7, 0x707\n xori s8, s8, 0x7f8\n"
                 "xori s9, s9, 0x7f9\n xori s10, s10, 0x7fa\n"
                 "xori s11, s11, 0x7fb\n"
                 "or %0, s1, s2\n or %0, %0, s3\n or %0, %0, s4\n"
                 "or %0, %0, s5\n or %0, %0, s6\n or %0, %0, s7\n"
                 "or %0, %0, s8\n or %0, %0, s9\n or %0, %0, s10\n"
                 "or %0, %0, s11\n or %0, %0, a0\n"
                 "li t0, 0x1111\n xor t0, t0, gp\n or %0, %0, t0\n"
                 "li t0, 0x2222\n xor t0, t0, tp\n or %0, %0, t0\n"
                 "li t0, 0x3333\n xor t0, t0, ra\n or %0, %0, t0\n"
                 "ld t0, 24(sp)\n addi t0, t0, -48\n xor t0, t0, sp\n"
                 "or %0, %0, t0\n"
                 "ld gp, 0(sp)\n ld tp, 8(sp)\n ld ra, 16(sp)\n"
                 "addi sp, sp, 48"
                 : "=&r"(changed)
                 :
                 : "memory", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8",
                   "s9", "s10", "s11", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
                   "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "ra");
    CHECK_EQ(changed, 0);
}

/* Sets gp and tp, gives way, and tells whether they are what they were. */
static bool pointers_stay(uint64_t value)
{
    uint64_t changed;

    asm volatile("mv t3, gp\n mv t4, tp\n mv s2, %1\n mv s3, t3\n"
                 "mv s4, t4\n mv gp, s2\n not tp, s2\n li a7, 7\n ecall\n"
                 "xor %0, gp, s2\n not s2, s2\n xor s2, s2, tp\n"
                 "or %0, %0, s2\n mv gp, s3\n mv tp, s4"
                 : "=&r"(changed)
                 : "r"(value)
                 : "memory", "s2", "s3", "s4", "a0", "a1", "a2", "a3", "a4",
                   "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6");
    return changed == 0;
}

// ABI: each process has its own gp and tp, whoever runs in between.
TEST(registers_of_each)
{
    long child[4];

    for (uint64_t i = 0; i < 4; i++)
        child[i] = SPAWN({
            for (int n = 0; n < 200; n++)
                CHECK(pointers_stay(i << 32 | 0x1234));
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(child[i]), 0);
}

/* Makes a call and stores what is then in the caller-saved registers. */
static void call_and_look(uint64_t number, uint64_t arg0, uint64_t seen[14])
{
    register uint64_t a0 asm("a0") = arg0;
    register uint64_t a7 asm("a7") = number;

    asm volatile("mv s2, %2\n li a1, 0\n li a2, 0\n li a3, 0\n li a4, 0\n"
                 "li a5, 0\n li a6, 0\n ecall\n"
                 "sd a1, 0(s2)\n sd a2, 8(s2)\n sd a3, 16(s2)\n"
                 "sd a4, 24(s2)\n sd a5, 32(s2)\n sd a6, 40(s2)\n"
                 "sd a7, 48(s2)\n sd t0, 56(s2)\n sd t1, 64(s2)\n"
                 "sd t2, 72(s2)\n sd t3, 80(s2)\n sd t4, 88(s2)\n"
                 "sd t5, 96(s2)\n sd t6, 104(s2)"
                 : "+r"(a0), "+r"(a7)
                 : "r"(seen)
                 : "memory", "s2", "a1", "a2", "a3", "a4", "a5", "a6", "t0",
                   "t1", "t2", "t3", "t4", "t5", "t6");
}

// ABI: what a call clobbers holds no kernel data afterwards: no address of
// the kernel's half is among it.
TEST(no_kernel_data)
{
    static const uint16_t calls[] = {
        CALL_nop,         CALL_getpid,     CALL_yield,    CALL_queue_stat,
        CALL_handle_info, CALL_queue_recv, CALL_sys_info, 0x3ff};
    uint64_t seen[14];
    uint64_t q = (uint64_t)queue_create(1, 8, 0);

    for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        call_and_look(calls[i], q, seen);
        for (int n = 0; n < 14; n++)
            CHECK((int64_t)seen[n] >= 0 || (int64_t)seen[n] >= -4096);
    }
}

// ABI: upper halves of 32-bit arguments are ignored.
TEST(upper_halves_ignored)
{
    uint64_t junk = 0xabcdef0100000000;
    long q = raw_call(CALL_queue_create, junk | 4, junk | 8, junk, 0, 0);
    struct queue_stat s;

    CHECK(q >= 0);
    CHECK_EQ(queue_stat(q, &s), 0);
    CHECK_EQ(s.ring_size, 4);
    CHECK_EQ(s.max_msg, 8);
    CHECK_EQ(s.schema, 0);
    CHECK(raw_call(CALL_handle_dup, (uint64_t)q, junk | 1, 0, 0, 0) >= 0);
    CHECK_EQ(raw_call(CALL_timer_wait, junk | TIMER_REL, 1000, 0, 0, 0), 0);
}

/* Whether the text ends inside its array. */
static bool is_ended(const char *text, uint32_t size)
{
    while (size > 0 && *text)
        text++, size--;
    return size > 0;
}

static bool contains(const char *text, const char *part)
{
    for (; *text; text++)
        if (strncmp(text, part, strlen(part)) == 0)
            return true;
    return false;
}

// ABI: sys_info says what machine this is and how it was started.
TEST(sys_info_fields)
{
    static struct sys_info s;

    memset(&s, 0xff, sizeof(s));
    CHECK_EQ(sys_info(&s), 0);
    CHECK(s.total_pages > 1000);
    CHECK(s.free_pages > 0);
    CHECK(s.free_pages < s.total_pages);
    CHECK(s.timebase_hz >= 1000000);
    CHECK(s.harts >= 1);
    CHECK(s.harts <= 8);
    CHECK(s.procs >= 2);
    CHECK(s.objects >= 2);
    CHECK_EQ(s.reserved, 0);
    CHECK(is_ended(s.args, sizeof(s.args)));
    CHECK(contains(s.args, "run="));
}

// ABI: pages that a program takes are missing from free_pages.
TEST(sys_info_counts)
{
    static struct sys_info before, after;
    long q;

    CHECK_EQ(sys_info(&before), 0);
    q = queue_create(1, 8, 0);
    sbrk(100 * PAGE_SIZE);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects + 1);
    CHECK(before.free_pages - after.free_pages >= 100);
    CHECK(before.free_pages - after.free_pages < 110);
    CHECK_EQ(handle_close((handle_t)q), 0);
}

// ABI: a bad pointer is E_FAULT.
TEST(sys_info_wild)
{
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(sys_info(wild_pointers[i]), E_FAULT);
    CHECK_ERR(sys_info((void *)heap_tail(100)), E_FAULT);
}

// ABI: shutdown needs the SYSTEM handle; a program that was run has none.
TEST(shutdown_needs_system)
{
    struct handle_info info;
    long q = queue_create(1, 8, 0);
    long r = handle_dup(q, RIGHT_READ, 0);

    CHECK_ERR(shutdown(-1, 0), E_BADH);
    CHECK_ERR(shutdown(q, 0), E_WRONGTYPE);
    CHECK_ERR(shutdown(r, 0), E_WRONGTYPE);
    for (handle_t h = 0; h < HANDLE_SLOTS; h++)
        if (handle_info(h, &info) == 0)
            CHECK(info.type != OBJ_SYSTEM);
}

// ABI: nop does nothing and returns 0.
TEST(nop_is_zero)
{
    for (int i = 0; i < 100; i++)
        CHECK_EQ(nop(), 0);
}

// ABI: handles 0, 1, 2 are queues: 0 to read, 1 and 2 to write, none to
// revoke.
TEST(standard_streams)
{
    struct handle_info in, out, err;

    CHECK_EQ(handle_info(0, &in), 0);
    CHECK_EQ(handle_info(1, &out), 0);
    CHECK_EQ(handle_info(2, &err), 0);
    CHECK_EQ(in.type, OBJ_QUEUE);
    CHECK_EQ(out.type, OBJ_QUEUE);
    CHECK_EQ(err.type, OBJ_QUEUE);
    CHECK(in.rights & RIGHT_READ);
    CHECK(!(in.rights & (RIGHT_WRITE | RIGHT_REVOKE)));
    CHECK(out.rights & RIGHT_WRITE);
    CHECK(!(out.rights & (RIGHT_READ | RIGHT_REVOKE)));
    CHECK_EQ(out.object_id, err.object_id);
    CHECK_ERR(handle_shutdown(1), E_ACCES);
    CHECK_ERR(handle_revoke(1), E_ACCES);
    CHECK_ERR(queue_recv(1, 0, 0, 0, NOW), E_ACCES);
    CHECK_ERR(queue_send(0, 0, 0, 0, NOW), E_ACCES);
}

// ABI: boot_file lists the archive, each name once, E_NOENT past the last.
TEST(boot_files)
{
    static struct boot_file f;
    bool found_echo = false;
    uint32_t n = 0;

    while (boot_file(n, &f) == 0) {
        CHECK(f.size > 0 || f.name[0]);
        CHECK(is_ended(f.name, sizeof(f.name)));
        found_echo |= strcmp(f.name, "echo") == 0;
        n++;
    }
    CHECK_ERR(boot_file(n, &f), E_NOENT);
    CHECK_ERR(boot_file(UINT32_MAX, &f), E_NOENT);
    CHECK(n > 5);
    CHECK(found_echo);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(boot_file(0, wild_pointers[i]), E_FAULT);
}

TEST_MAIN()
