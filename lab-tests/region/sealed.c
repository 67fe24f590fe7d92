/*
 * The kernel's own copies obey the permissions of pages (H6): each call that
 * writes user memory is aimed at a page that the program may only read. The
 * answer is E_FAULT and the page's bytes are what they were.
 */
#include "region.h"

static uint8_t before[PAGE_SIZE];
static uint8_t *page; /* the sealed one */

/* Seals a page with these bytes in front and marks behind, and maps it. */
static void make_page(const void *init, uint64_t len)
{
    handle_t r;

    memset(before, 0xa5, sizeof(before));
    memcpy(before, init, len);
    r = sealed(before, sizeof(before), sizeof(before));
    page = (uint8_t *)(uintptr_t)shown(r, PROT_READ);
}

static void check_unchanged(void)
{
    CHECK_EQ(memcmp(page, before, sizeof(before)), 0);
}

// H6 C3: queue_recv into it: E_FAULT, the message stays.
TEST(queue_recv_buffer)
{
    long q = queue_create(2, 64, 0);

    make_page(0, 0);
    CHECK_EQ(put_now((handle_t)q, 77, PRIO_LOW), 0);
    CHECK_ERR(queue_recv(q, page, 64, 0, NOW), E_FAULT);
    CHECK_ERR(queue_recv(q, page + 100, 64, 0, FOREVER), E_FAULT);
    check_unchanged();
    CHECK_EQ(take_now((handle_t)q), 77);
}

// H6 C3: the header of a message.
TEST(queue_recv_meta)
{
    uint64_t value = 0;
    long q = queue_create(2, 64, 0);

    make_page(0, 0);
    CHECK_EQ(put_now((handle_t)q, 78, PRIO_LOW), 0);
    CHECK_ERR(queue_recv(q, &value, 8, (struct msg_meta *)page, NOW), E_FAULT);
    check_unchanged();
    CHECK_EQ(stat_of((handle_t)q).len, 1);
    CHECK_EQ(take_now((handle_t)q), 78);
}

// H6 E10: a receiver that sleeps while its buffer is sealed: the message goes
// back, the next receiver has it.
TEST(queue_recv_sealed_meanwhile)
{
    long q = queue_create(2, 64, 0), child;
    handle_t r = immutable(PAGE_SIZE);
    uint8_t *at = (uint8_t *)(uintptr_t)shown(r, PROT_READ | PROT_WRITE);

    child = SPAWN(CHECK_ERR(queue_recv(q, at, 64, 0, FOREVER), E_FAULT));
    await_receivers((handle_t)q, 1);
    CHECK_EQ(region_seal(r), 0);
    CHECK_EQ(put_now((handle_t)q, 79, PRIO_LOW), 0);
    CHECK_EQ(JOIN(child), 0);
    CHECK(all_are(at, 64, 0));
    CHECK_EQ(take((handle_t)q), 79);
}

// H6: a handle in a message: no handle appears in the table.
TEST(queue_recv_handle)
{
    struct proc_info first, then;
    long q = queue_create(2, 8, 0), cargo = queue_create(1, 8, 0);

    make_page(0, 0);
    CHECK_EQ(queue_send_handle(q, cargo, RW, 0, NOW), 0);
    CHECK_EQ(proc_info(getpid(), &first), 0);
    CHECK_ERR(queue_recv(q, page, 8, 0, NOW), E_FAULT);
    CHECK_EQ(proc_info(getpid(), &then), 0);
    CHECK_EQ(then.handles, first.handles);
    check_unchanged();
    CHECK_EQ(stat_of((handle_t)q).len, 1);
}

// H6: a buffer that begins on a page of the heap and ends in the sealed one.
TEST(straddling)
{
    const uint64_t at = 1ull << 34;
    static uint8_t message[64];
    handle_t open = slab(PAGE_SIZE, 1);
    handle_t shut = sealed("abc", 3, PAGE_SIZE);
    handle_t file = sealed("12345678", 8, 8);
    long q = queue_create(1, 64, 0);

    CHECK_EQ(region_map(open, at, PROT_READ | PROT_WRITE), at);
    CHECK_EQ(region_map(shut, at + PAGE_SIZE, PROT_READ), at + PAGE_SIZE);
    CHECK_EQ(queue_send(q, message, 64, 0, NOW), 0);
    for (uint64_t before_it = 1; before_it < 64; before_it += 7) {
        uint8_t *to = (uint8_t *)(at + PAGE_SIZE - before_it);

        CHECK_ERR(queue_recv(q, to, 64, 0, NOW), E_FAULT);
        if (before_it < 8)
            CHECK_ERR(region_read(file, 0, to, 8), E_FAULT);
    }
    CHECK_EQ(memcmp((const void *)(at + PAGE_SIZE), "abc\0\0\0", 6), 0);
    CHECK_EQ(queue_recv(q, (void *)(at + PAGE_SIZE - 64), 64, 0, NOW), 64);
}

// H6: queue_peek and queue_stat.
TEST(queue_describe)
{
    long q = queue_create(2, 64, 0);

    make_page(0, 0);
    CHECK_EQ(put_now((handle_t)q, 1, PRIO_LOW), 0);
    CHECK_ERR(queue_peek(q, (struct msg_meta *)page), E_FAULT);
    CHECK_ERR(queue_stat(q, (struct queue_stat *)page), E_FAULT);
    check_unchanged();
}

// H6: wait: the child can still be waited for.
TEST(wait_exit_info)
{
    struct exit_info end;
    long child = SPAWN(exit(5));

    make_page(0, 0);
    CHECK_ERR(weir_wait(child, (struct exit_info *)page, FOREVER), E_FAULT);
    check_unchanged();
    CHECK_EQ(weir_wait(child, &end, FOREVER), child);
    CHECK_EQ(end.code, 5);
}

// H6: handle_info.
TEST(handle_describe)
{
    long q = queue_create(2, 64, 0);

    make_page(0, 0);
    CHECK_ERR(handle_info(q, (struct handle_info *)page), E_FAULT);
    check_unchanged();
}

// H6: handle_wait writes what it has seen into its items.
TEST(handle_wait_items)
{
    long q = queue_create(2, 64, 0);
    struct wait_item item = {(handle_t)q, SIG_WRITABLE, 0};

    make_page(&item, sizeof(item));
    CHECK_ERR(handle_wait((struct wait_item *)page, 1, NOW), E_FAULT);
    CHECK_ERR(handle_wait((struct wait_item *)page, 1, FOREVER), E_FAULT);
    check_unchanged();
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
}

// H6: region_read and slot_read.
TEST(region_contents)
{
    handle_t file = (handle_t)region_open("echo"), log = append_only(64);
    handle_t slots = slab(64, 4);
    uint64_t slot = (uint64_t)slot_alloc(slots);

    make_page(0, 0);
    CHECK_EQ(region_append(log, "abc", 3), 0);
    CHECK_EQ(slot_write(slots, slot, "def", 3), 0);
    CHECK_ERR(region_read(file, 0, page, 16), E_FAULT);
    CHECK_ERR(region_read(log, 0, page + 9, 3), E_FAULT);
    CHECK_ERR(slot_read(slots, slot, page, 3), E_FAULT);
    check_unchanged();
}

// H6: a region read into its own mapping.
TEST(region_into_itself)
{
    handle_t log = append_only(PAGE_SIZE);
    uint8_t *at = (uint8_t *)(uintptr_t)shown(log, PROT_READ);

    CHECK_EQ(region_append(log, "0123456789", 10), 0);
    CHECK_ERR(region_read(log, 5, at, 5), E_FAULT);
    CHECK_EQ(memcmp(at, "0123456789", 10), 0);
    CHECK_EQ(region_append(log, at, 10), 10);
    CHECK_EQ(memcmp(at + 10, "0123456789", 10), 0);
}

// H6: region_info and boot_file.
TEST(region_describe)
{
    handle_t log = append_only(64);

    make_page(0, 0);
    CHECK_ERR(region_info(log, (struct region_info *)page), E_FAULT);
    CHECK_ERR(boot_file(0, (struct boot_file *)page), E_FAULT);
    check_unchanged();
}

// H6: sys_info and proc_info.
TEST(system_describe)
{
    make_page(0, 0);
    CHECK_ERR(sys_info((struct sys_info *)page), E_FAULT);
    CHECK_ERR(proc_info(getpid(), (struct proc_info *)page), E_FAULT);
    CHECK_ERR(proc_info(-1, (struct proc_info *)page), E_FAULT);
    check_unchanged();
}

// H6: the program's own text and constants are such pages, too.
TEST(text_and_constants)
{
    static const uint64_t constant[16] = {1, 2, 3};
    void *text = (void *)(uintptr_t)&check_unchanged;
    long q = queue_create(1, 128, 0);
    uint64_t first;

    memcpy(&first, text, 8);
    CHECK_EQ(queue_send(q, before, 128, 0, NOW), 0);
    CHECK_ERR(queue_recv(q, (void *)(uintptr_t)constant, 128, 0, NOW), E_FAULT);
    CHECK_ERR(queue_recv(q, text, 128, 0, NOW), E_FAULT);
    CHECK_ERR(region_read((handle_t)region_open("echo"), 0, text, 8), E_FAULT);
    CHECK_EQ(memcmp(&first, text, 8), 0);
    CHECK_EQ(*(volatile const uint64_t *)&constant[2], 3);
}

// H6 J4: pages of an AppendOnly region, and of a Slab mapped to read.
TEST(other_policies)
{
    handle_t log = append_only(PAGE_SIZE), slots = slab(PAGE_SIZE, 1);
    volatile uint8_t *at[2] = {shown(log, PROT_READ), shown(slots, PROT_READ)};
    long q = queue_create(1, 64, 0);

    CHECK_EQ(queue_send(q, "0123456789abcdef", 16, 0, NOW), 0);
    for (int i = 0; i < 2; i++) {
        void *to = (void *)(uintptr_t)at[i];

        CHECK_ERR(queue_recv(q, to, 64, 0, NOW), E_FAULT);
        CHECK_ERR(queue_stat(q, to), E_FAULT);
        CHECK_ERR(sys_info(to), E_FAULT);
        CHECK_ERR(region_info(log, to), E_FAULT);
        CHECK(all_are(at[i], PAGE_SIZE, 0));
    }
}

// H6: calls that read take their input from a sealed page as from any other.
TEST(reading_is_allowed)
{
    handle_t log = append_only(64);
    long q = queue_create(1, 64, 0);
    char back[5];

    make_page("echo", 5);
    CHECK_EQ(queue_send(q, page, 5, 0, NOW), 0);
    CHECK_EQ(queue_recv(q, back, 5, 0, NOW), 5);
    CHECK_EQ(strcmp(back, "echo"), 0);
    CHECK_EQ(region_append(log, page, 5), 0);
    CHECK(region_open((const char *)page) > 0);
    CHECK_EQ(info_of(sealed(page, 5, 5)).size, 5);
}

TEST_MAIN()
