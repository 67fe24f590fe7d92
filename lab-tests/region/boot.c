/* Boot files: regions that are there from the start; programs run from them. */
#include "region.h"

#define PROT_RX (PROT_READ | PROT_EXEC)

/* 256 KiB of text that nobody runs: what sharing saves is easily seen. */
#define BALLAST (256 << 10)
asm(".section .text.ballast, \"ax\", @progbits\n"
    ".fill 65536, 4, 0x00000013\n"
    ".previous\n");

/* Code that can run anywhere. */
static long __attribute__((noinline, aligned(16))) triple(long n)
{
    return 3 * n;
}

// I5: opening a file twice gives the same frames, in another process too.
TEST(same_frames)
{
    handle_t a = (handle_t)region_open("cat");
    handle_t b = (handle_t)region_open("cat");
    struct handle_info one, two;
    uint64_t frame = info_of(a).first_frame;

    CHECK(a != b);
    CHECK(frame > 0);
    CHECK_EQ(info_of(b).first_frame, frame);
    CHECK_EQ(handle_info(a, &one), 0);
    CHECK_EQ(handle_info(b, &two), 0);
    CHECK_EQ(one.object_id, two.object_id);
    CHECK_EQ(JOIN(SPAWN(CHECK_EQ(
                 info_of((handle_t)region_open("cat")).first_frame, frame))),
             0);
    CHECK(info_of((handle_t)region_open("echo")).first_frame != frame);
}

// I5: a sealed Immutable region with READ, EXECUTE and GRANT.
TEST(kind)
{
    struct handle_info h;
    struct region_info r;
    handle_t file = (handle_t)region_open("sh");

    CHECK_EQ(handle_info(file, &h), 0);
    CHECK_EQ(h.type, OBJ_REGION);
    CHECK_EQ(h.rights, RIGHT_READ | RIGHT_EXECUTE | RIGHT_GRANT);
    r = info_of(file);
    CHECK_EQ(r.policy, REGION_IMMUTABLE);
    CHECK_EQ(r.sealed, 1);
    CHECK_EQ(r.pages, (r.size + PAGE_SIZE - 1) / PAGE_SIZE);
}

// I5: every file that boot_file names opens, and has the size it says.
TEST(all_open)
{
    struct boot_file file;
    uint32_t n = 0;

    for (; boot_file(n, &file) == 0; n++) {
        long r = region_open(file.name);

        CHECK(r > 0);
        CHECK_EQ(info_of((handle_t)r).size, file.size);
        CHECK_EQ(handle_close((handle_t)r), 0);
    }
    CHECK(n > 10);
}

// I5: mapped to read and execute; not to write, for want of the right.
TEST(protections)
{
    handle_t file = (handle_t)region_open("sh");
    handle_t plain = (handle_t)handle_dup(file, RIGHT_READ, 0);
    volatile uint8_t *at = shown(file, PROT_RX);

    store_faults(at);
    store_faults(at + (info_of(file).pages - 1) * PAGE_SIZE);
    CHECK_EQ(region_unmap((uint64_t)at), 0);
    CHECK_ERR(region_map(file, 0, PROT_READ | PROT_WRITE), E_ACCES);
    CHECK_ERR(region_map(file, 0, 7), E_ACCES);
    CHECK_ERR(region_map(plain, 0, PROT_RX), E_ACCES);
    at = shown(plain, PROT_READ);
    store_faults(at);
    fetch_faults(at);
}

// I5 H4: a file mapped to execute runs.
TEST(mapped_code_runs)
{
    handle_t file = (handle_t)region_open("region-boot");
    volatile uint8_t *at = shown(file, PROT_RX);
    const void *code = (const void *)(uintptr_t)&triple;
    uint64_t end = info_of(file).size - 8, off = 0;

    while (off < end &&
           memcmp((const void *)(uintptr_t)(at + off), code, 6) != 0)
        off += 16;
    CHECK(off < end);
    CHECK_EQ(((long (*)(long))(uintptr_t)(at + off))(triple(5)), 45);
}

// I5 H4: data that a program makes is never executed: heap, stack, a Slab.
TEST(data_does_not_run)
{
    static const uint16_t code[] = {0x8082}; /* ret */
    volatile uint8_t *heap = (volatile uint8_t *)sbrk(PAGE_SIZE);
    volatile uint8_t stack[16] __attribute__((aligned(16)));
    volatile uint8_t *at = shown(slab(8, 1), PROT_READ | PROT_WRITE);

    memcpy((void *)(uintptr_t)heap, code, 2);
    memcpy((void *)(uintptr_t)stack, code, 2);
    memcpy((void *)(uintptr_t)at, code, 2);
    fetch_faults(heap);
    fetch_faults(stack);
    fetch_faults(at);
    fetch_faults((volatile uint8_t *)(uintptr_t)code);
}

// I5 H4: program text and constants cannot be written.
TEST(text_is_read_only)
{
    static const char constant[] = "constant";

    store_faults((volatile uint8_t *)(uintptr_t)&triple);
    store_faults((volatile uint8_t *)(uintptr_t)constant);
    CHECK_EQ(triple(2), 6);
}

// I5: behind a file's last byte its last page is zero.
TEST(tail_is_zero)
{
    struct boot_file file;

    for (uint32_t n = 0; boot_file(n, &file) == 0; n++) {
        handle_t r = (handle_t)region_open(file.name);
        volatile uint8_t *at;

        if (file.size) {
            at = shown(r, PROT_READ);
            CHECK(all_are(at + file.size,
                          info_of(r).pages * PAGE_SIZE - file.size, 0));
        }
        CHECK_EQ(handle_close(r), 0);
    }
}

// I5: a file of no bytes opens, has no page, and cannot be mapped or read.
TEST(empty_file)
{
    char byte;
    handle_t r = (handle_t)region_open("empty");

    CHECK_EQ(info_of(r).size, 0);
    CHECK_EQ(info_of(r).pages, 0);
    CHECK_ERR(region_read(r, 0, &byte, 1), E_INVAL);
    CHECK(region_map(r, 0, PROT_READ) < 0);
}

// I5: ten processes that run the same program share its text: each costs far
// less than the text, and all is back when they have ended.
TEST(text_is_shared)
{
    enum { N = 10 };
    static const char *const args[] = {"region-boot", "--wait", 0};
    long in = queue_create(1, 8, 0), rd = handle_dup(in, RIGHT_READ, 0);
    uint64_t before = free_pages(), during, after;
    long child[N];

    for (int i = 0; i < N; i++)
        child[i] = SPAWN({
            handle_dup_at((handle_t)rd, 0);
            handle_close((handle_t)in);
            exec_list(args);
            exit(1);
        });
    await_receivers((handle_t)in, N);
    during = free_pages();
    CHECK(before - during < N * BALLAST / PAGE_SIZE / 2);
    for (int i = 0; i < N; i++)
        CHECK_EQ(put((handle_t)in, 0), 0);
    for (int i = 0; i < N; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    after = free_pages();
    CHECK_EQ(after, before);
}

// I5: names that are none.
TEST(no_such_file)
{
    char name[80];

    memset(name, 'x', sizeof(name));
    name[79] = 0;
    CHECK_ERR(region_open("no such file"), E_NOENT);
    CHECK_ERR(region_open(""), E_NOENT);
    CHECK_ERR(region_open("ech"), E_NOENT);
    CHECK_ERR(region_open("echo "), E_NOENT);
    CHECK_ERR(region_open(name), E_NOENT);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(region_open(wild_pointers[i]), E_FAULT);
}

// I5: a name may end with its page; one that runs into nothing is E_FAULT.
TEST(name_at_the_edge)
{
    uint8_t *tail = heap_tail(5);

    memcpy(tail, "echo", 5);
    CHECK(region_open((char *)tail) > 0);
    tail[4] = 'x';
    CHECK_ERR(region_open((char *)tail), E_FAULT);
}

// I5 N5: without memory for its handle a file is not opened.
TEST(open_without_memory)
{
    handle_t r = immutable(8);
    long child = SPAWN({
        long h;

        eat_memory();
        while ((h = handle_dup(r, RIGHT_READ, 0)) >= 0)
            continue;
        CHECK_EQ(h, -E_NOMEM);
        CHECK_ERR(region_open("echo"), E_NOMEM);
        CHECK_ERR(region_open("no such file"), E_NOENT);
    });

    CHECK_EQ(JOIN(child), 0);
}

/* What ten of run at a time. */
static int wait_for_end(void)
{
    uint64_t word;

    return queue_recv(0, &word, 8, 0, FOREVER) == 8 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--wait") == 0)
        return wait_for_end();
    return test_main(argc, argv);
}
