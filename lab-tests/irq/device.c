/* device_region: registers of devices as regions. */
#include "driver.h"

#define KEPT RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT

static handle_t clock_region(void)
{
    long r = device_region(sys, RTC_PA, PAGE_SIZE);

    CHECK(r > 2);
    return (handle_t)r;
}

// M11: the registers of a device, shown to a program: time goes on.
TEST(registers)
{
    volatile struct rtc_registers *rtc = registers();
    uint64_t first = rtc_time(rtc);

    CHECK(first > 1600000000ull * 1000000000); /* 2020 */
    nap_ms(2);
    CHECK(rtc_time(rtc) > first);
}

// M11: what the call refuses, and in which order.
TEST(refused)
{
    handle_t q = new_events(1), none = (handle_t)handle_dup(sys, 0, 0);
    const uint64_t max = 64ull << 20, top = 1ull << 56;

    CHECK_ERR(device_region(99, 1, 0), E_BADH);
    CHECK_ERR(device_region(q, 1, 0), E_WRONGTYPE);
    CHECK_ERR(device_region(none, 1, 0), E_ACCES);
    CHECK_ERR(device_region(sys, RTC_PA, 0), E_INVAL);
    CHECK_ERR(device_region(sys, RTC_PA + 4, PAGE_SIZE), E_INVAL);
    CHECK_ERR(device_region(sys, RTC_PA, 36), E_INVAL);
    CHECK_ERR(device_region(sys, RTC_PA, PAGE_SIZE + 1), E_INVAL);
    CHECK_ERR(device_region(sys, 0x40000000, max + PAGE_SIZE), E_INVAL);
    CHECK_ERR(device_region(sys, -PAGE_SIZE, PAGE_SIZE), E_INVAL);
    CHECK_ERR(device_region(sys, -PAGE_SIZE, 2 * PAGE_SIZE), E_INVAL);
    CHECK_ERR(device_region(sys, RTC_PA, -PAGE_SIZE), E_INVAL);
    CHECK_ERR(device_region(sys, top, PAGE_SIZE), E_INVAL);
    CHECK_ERR(device_region(sys, top - PAGE_SIZE, 2 * PAGE_SIZE), E_INVAL);
    CHECK(device_region(sys, top - PAGE_SIZE, PAGE_SIZE) > 2);
    CHECK(device_region(sys, 0x40000000, max) > 2);
    CHECK_ERR(region_create(REGION_DEVICE, PAGE_SIZE, 0, 0, 0), E_INVAL);
    CHECK_ERR(region_create(REGION_DEVICE, PAGE_SIZE, 1, 0, 0), E_INVAL);
}

// M11: no range that touches memory, the PLIC, the CLINT or the test finisher.
TEST(not_for_drivers)
{
    static const struct {
        uint64_t base, end;
    } kept[] = {{0x80000000, 0x88000000},
                {0xc000000, 0xc600000},
                {0x2000000, 0x2010000},
                {0x100000, 0x101000}};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        uint64_t base = kept[i].base, end = kept[i].end;

        CHECK_ERR(device_region(sys, base, PAGE_SIZE), E_ACCES);
        CHECK_ERR(device_region(sys, end - PAGE_SIZE, PAGE_SIZE), E_ACCES);
        CHECK_ERR(device_region(sys, base - PAGE_SIZE, 2 * PAGE_SIZE), E_ACCES);
        CHECK_ERR(device_region(sys, end - PAGE_SIZE, 2 * PAGE_SIZE), E_ACCES);
        CHECK_ERR(device_region(sys, base - PAGE_SIZE, 8 << 20), E_ACCES);
        CHECK(device_region(sys, base - PAGE_SIZE, PAGE_SIZE) > 2);
        CHECK(device_region(sys, end, PAGE_SIZE) > 2);
    }
}

// M11 H2: what it says of itself.
TEST(info)
{
    handle_t r = clock_region();
    struct region_info info = info_of(r);
    struct handle_info handle;

    CHECK_EQ(info.policy, REGION_DEVICE);
    CHECK_EQ(info.sealed, 0);
    CHECK_EQ(info.size, PAGE_SIZE);
    CHECK_EQ(info.pages, 1);
    CHECK_EQ(info.first_frame, RTC_PA / PAGE_SIZE);
    CHECK_EQ(info.cursor + info.slot_size + info.slot_count + info.slots_used,
             0);
    CHECK_EQ(handle_info(r, &handle), 0);
    CHECK_EQ(handle.type, OBJ_REGION);
    CHECK_EQ(handle.rights, KEPT);
    CHECK_EQ(handle.depth, 0);
}

// M11 H3: it can be mapped, and nothing else.
TEST(only_mapped)
{
    handle_t r = clock_region(), q = new_events(1);
    struct msg_desc d = {.region = r, .length = 8};
    char bytes[8] = {0};

    CHECK_ERR(region_read(r, 0, bytes, 8), E_PERM);
    CHECK_ERR(region_write(r, 0, bytes, 8), E_PERM);
    CHECK_ERR(region_append(r, bytes, 8), E_PERM);
    CHECK_ERR(region_seal(r), E_PERM);
    CHECK_ERR(slot_alloc(r), E_PERM);
    CHECK_ERR(slot_free(r, 1ull << 32), E_PERM);
    CHECK_ERR(slot_read(r, 1ull << 32, bytes, 8), E_PERM);
    CHECK_ERR(slot_write(r, 1ull << 32, bytes, 8), E_PERM);
    CHECK_ERR(queue_send_desc(q, &d, 0, NOW), E_NOTSUP);
    CHECK_ERR(
        handle_wait(&(struct wait_item){.handle = r, .wanted = SIG_READABLE}, 1,
                    NOW),
        E_WRONGTYPE);
}

// M11 H4 H9: to be read, or read and written; never executed; once.
TEST(mapping)
{
    handle_t r = clock_region();
    handle_t reader = (handle_t)handle_dup(r, RIGHT_READ, 0);
    volatile uint8_t *at;

    CHECK_ERR(region_map(r, 0, PROT_READ | PROT_EXEC), E_ACCES);
    CHECK_ERR(region_map(r, 0, PROT_READ | PROT_WRITE | PROT_EXEC), E_ACCES);
    CHECK_ERR(region_map(r, 0, PROT_WRITE), E_INVAL);
    CHECK_ERR(region_map(r, 0, 0), E_INVAL);
    CHECK_ERR(region_map(reader, 0, PROT_READ | PROT_WRITE), E_ACCES);
    at = shown(reader, PROT_READ);
    CHECK_ERR(region_map(r, 0, PROT_READ | PROT_WRITE), E_EXIST);
    CHECK(*(volatile uint32_t *)at != 0);
    store_faults(at);
    fetch_faults(at);
    CHECK_EQ(region_unmap((uint64_t)at), 0);
    is_gone(at);
    at = shown(r, PROT_READ | PROT_WRITE);
    fetch_faults(at);
    CHECK_EQ(handle_close(r), 0);
    is_gone(at);
}

// M11 H7 H8: a child shares the mapping; a child that got the handle in a
// message maps it; the end of one is no end for the other.
TEST(shared)
{
    volatile struct rtc_registers *rtc = registers();
    handle_t r = clock_region(), q = (handle_t)queue_create(1, 8, 0);

    rtc->irq_enabled = 1;
    CHECK_EQ(JOIN(SPAWN(CHECK_EQ(rtc->irq_enabled, 1); rtc->irq_enabled = 0)),
             0);
    CHECK_EQ(rtc->irq_enabled, 0);
    CHECK_EQ(queue_send_handle(q, r, RW, 0, NOW), 0);
    CHECK_EQ(handle_close(r), 0);
    CHECK_EQ(JOIN(SPAWN({
                 struct msg_handle h;

                 CHECK_EQ(queue_recv(q, &h, sizeof(h), 0, NOW), sizeof(h));
                 rtc = (void *)(uintptr_t)shown(h.handle, PROT_READ);
                 CHECK(rtc_time(rtc) != 0);
             })),
             0);
    CHECK(rtc_time(rtc) != 0);
}

// M11 N1: calls whose memory is a device: the kernel's copies work or fail as
// the program's own would.
TEST(as_memory)
{
    uint8_t *at = (uint8_t *)(uintptr_t)registers();
    handle_t q = (handle_t)queue_create(4, 64, 0);
    char bytes[64] = {0};

    for (uint64_t n = 1; n <= 64; n *= 2)
        for (uint64_t off = 0; off < 16; off++) {
            long sent = queue_send(q, at + off, n, 0, NOW);

            CHECK(sent == 0 || sent == -E_FAULT);
            if (sent == 0)
                CHECK_EQ(queue_recv(q, bytes, n, 0, NOW), (long)n);
        }
    CHECK_EQ(queue_send(q, bytes, 64, 0, NOW), 0);
    (void)!queue_recv(q, at, 64, 0, NOW);
    (void)!port_send((handle_t)port_create(), (void *)at, NOW);
    CHECK_ERR(word_wait((uint32_t *)at + 4, 0, MS(1)), E_FAULT);
    CHECK_ERR(word_wait((uint32_t *)at + 4, 1, MS(1)), E_FAULT);
    CHECK_EQ(word_wake((uint32_t *)at + 4, 1), 0);
}

// M11: an address where no device answers ends the program that goes there.
TEST(nobody_there)
{
    long r = device_region(sys, 0x8000000, PAGE_SIZE);
    volatile uint8_t *at = shown((handle_t)r, PROT_READ | PROT_WRITE);
    handle_t q = (handle_t)queue_create(1, 8, 0);

    CHECK_ERR(queue_send(q, (const void *)(uintptr_t)at, 8, 0, NOW), E_FAULT);
    CHECK_FAULT((void)*at, 5);
    CHECK_FAULT(*at = 1, 7);
}

// M11: regions of any size come and go; what they show is not given to the
// allocator of pages.
TEST(cycles)
{
    const uint64_t max = 64ull << 20;
    uint64_t before = free_pages();

    for (uint32_t i = 0; i < rounds(20); i++) {
        uint64_t size = i % 4 ? i * PAGE_SIZE : max;
        long r = device_region(sys, 0x40000000, size);

        CHECK(r > 2);
        if (i % 2 == 0)
            shown((handle_t)r, PROT_READ);
        CHECK_EQ(handle_close((handle_t)r), 0);
    }
    CHECK(free_pages() <= before);
}

// M11: without room for the handle E_MFILE, without memory E_NOMEM.
TEST(no_room)
{
    handle_t q = new_events(1);
    long pid = SPAWN({
        while (handle_dup(q, RIGHT_READ, 0) >= 0)
            continue;
        CHECK_ERR(device_region(sys, RTC_PA, PAGE_SIZE), E_MFILE);
    });

    CHECK_EQ(JOIN(pid), 0);
    pid =
        SPAWN(eat_memory();
              CHECK_ERR(device_region(sys, 0x40000000, 64ull << 20), E_NOMEM));
    CHECK_EQ(JOIN(pid), 0);
}

DRIVER_MAIN()
