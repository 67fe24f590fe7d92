/*
 * Of several things that are wrong with a call, the first in the ABI's order is
 * reported: handle (live, type, right), numbers, contents of input structures,
 * size, policy, bounds, address, full, memory.
 */
#include "region.h"

#define WILD ((void *)(USER_END - 8))

static handle_t queue, gone, blind; /* blind: without READ and WRITE */

static void prepare(handle_t r)
{
    queue = (handle_t)queue_create(1, 8, 0);
    gone = (handle_t)queue_create(1, 8, 0);
    CHECK_EQ(handle_close(gone), 0);
    blind = (handle_t)handle_dup(r, RIGHT_GRANT, 0);
    CHECK(blind > 2);
}

// B12: region_create: numbers, then the address, then memory.
TEST(create)
{
    CHECK_ERR(region_create(9, 0, 7, WILD, 1), E_INVAL);
    CHECK_ERR(region_create(REGION_IMMUTABLE, 8, 0, WILD, 9), E_INVAL);
    CHECK_ERR(region_create(REGION_APPEND, 8, 0, WILD, 1), E_INVAL);
    CHECK_ERR(region_create(REGION_IMMUTABLE, 8, 0, WILD, 8), E_FAULT);
    while (region_create(REGION_APPEND, REGION_MAX_BYTES, 0, 0, 0) >= 0)
        continue;
    CHECK_ERR(region_create(REGION_IMMUTABLE, REGION_MAX_BYTES, 0, WILD, 8),
              E_FAULT);
    CHECK_ERR(region_create(REGION_IMMUTABLE, REGION_MAX_BYTES + 1, 0, 0, 0),
              E_INVAL);
    CHECK_ERR(region_create(REGION_IMMUTABLE, REGION_MAX_BYTES, 0, "x", 1),
              E_NOMEM);
}

// B12: region_map: handle, then numbers, then the policy, then what is mapped.
TEST(map)
{
    handle_t r = sealed("x", 1, 8), reader;

    prepare(r);
    reader = (handle_t)handle_dup(r, RIGHT_READ, 0);
    CHECK_ERR(region_map(gone, 1, 0), E_BADH);
    CHECK_ERR(region_map(-1, 1, 99), E_BADH);
    CHECK_ERR(region_map(queue, 1, 0), E_WRONGTYPE);
    CHECK_ERR(region_map(blind, 1, PROT_READ), E_ACCES);
    CHECK_ERR(region_map(reader, 1, PROT_READ | PROT_WRITE), E_ACCES);
    CHECK_ERR(region_map(r, 1, PROT_READ | PROT_WRITE), E_INVAL);
    CHECK_ERR(region_map(r, USER_END, PROT_READ | PROT_WRITE), E_INVAL);
    CHECK_ERR(region_map(r, 0, PROT_READ | PROT_WRITE), E_ACCES);
    shown(r, PROT_READ);
    CHECK_ERR(region_map(r, 1, PROT_READ), E_INVAL);
    CHECK_ERR(region_map(r, 0, 0), E_INVAL);
    CHECK_ERR(region_map(r, 0, PROT_READ | PROT_WRITE), E_ACCES);
    CHECK_ERR(region_map(r, 0, PROT_READ), E_EXIST);
}

// B12: region_read: handle, policy, bounds, address.
TEST(read)
{
    handle_t r = sealed("x", 1, 8), slots = slab(8, 1);

    prepare(r);
    CHECK_ERR(region_read(gone, 99, WILD, 64), E_BADH);
    CHECK_ERR(region_read(queue, 99, WILD, 64), E_WRONGTYPE);
    CHECK_ERR(region_read(blind, 99, WILD, 64), E_ACCES);
    CHECK_ERR(region_read(slots, 99, WILD, 64), E_PERM);
    CHECK_ERR(region_read(r, 8, WILD, 64), E_INVAL);
    CHECK_ERR(region_read(r, 7, WILD, 64), E_FAULT);
}

// B12: region_write: handle, policy, bounds, address.
TEST(write)
{
    handle_t r = immutable(8), done = sealed("x", 1, 8);

    prepare(r);
    CHECK_ERR(region_write(gone, 99, WILD, 64), E_BADH);
    CHECK_ERR(region_write(queue, 99, WILD, 64), E_WRONGTYPE);
    CHECK_ERR(region_write(blind, 99, WILD, 64), E_ACCES);
    CHECK_ERR(region_write(done, 99, WILD, 64), E_PERM);
    CHECK_ERR(region_write(r, 0, WILD, 9), E_INVAL);
    CHECK_ERR(region_write(r, 9, WILD, 1), E_INVAL);
    CHECK_ERR(region_write(r, UINT64_MAX, WILD, 2), E_INVAL);
    CHECK_ERR(region_write(r, 2, WILD, UINT64_MAX), E_INVAL);
    CHECK_ERR(region_write(r, 0, WILD, 8), E_FAULT);
}

// I3 B5: a region_write whose buffer ends in nothing changes no byte.
TEST(write_half_a_buffer)
{
    uint8_t *tail = heap_tail(8);
    handle_t r = immutable(3 * PAGE_SIZE);
    volatile uint8_t *at = shown(r, PROT_READ);

    memset(tail, 7, 8);
    CHECK_ERR(region_write(r, 0, tail, 9), E_FAULT);
    CHECK_ERR(region_write(r, PAGE_SIZE - 4, tail, 16), E_FAULT);
    CHECK_ERR(region_write(r, 5, tail, 2 * PAGE_SIZE), E_FAULT);
    CHECK(all_are(at, 3 * PAGE_SIZE, 0));
    CHECK_EQ(region_write(r, PAGE_SIZE - 4, tail, 8), 0);
    CHECK(all_are(at + PAGE_SIZE - 4, 8, 7));
}

// B12: region_append: handle, policy, address, full.
TEST(append)
{
    handle_t r = append_only(8), built = immutable(8);

    prepare(r);
    CHECK_ERR(region_append(gone, WILD, 64), E_BADH);
    CHECK_ERR(region_append(queue, WILD, 64), E_WRONGTYPE);
    CHECK_ERR(region_append(blind, WILD, 64), E_ACCES);
    CHECK_ERR(region_append(built, WILD, 64), E_PERM);
    CHECK_ERR(region_append(r, WILD, 64), E_FAULT);
    CHECK_ERR(region_append(r, "123456789", 9), E_NOSPC);
}

// B12: region_seal: handle, policy, sealed already.
TEST(seal)
{
    handle_t r = sealed("x", 1, 8), log = append_only(8);

    prepare(r);
    CHECK_ERR(region_seal(gone), E_BADH);
    CHECK_ERR(region_seal(queue), E_WRONGTYPE);
    CHECK_ERR(region_seal(blind), E_ACCES);
    CHECK_ERR(region_seal(log), E_PERM);
    CHECK_ERR(region_seal(r), E_ALREADY);
}

// B12: slot_alloc and slot_free: handle, policy, slot or room.
TEST(slots)
{
    handle_t r = slab(8, 1), log = append_only(8);

    prepare(r);
    CHECK(slot_alloc(r) > 0);
    CHECK_ERR(slot_alloc(gone), E_BADH);
    CHECK_ERR(slot_alloc(queue), E_WRONGTYPE);
    CHECK_ERR(slot_alloc(blind), E_ACCES);
    CHECK_ERR(slot_alloc(log), E_PERM);
    CHECK_ERR(slot_alloc(r), E_NOSPC);
    CHECK_ERR(slot_free(gone, 99), E_BADH);
    CHECK_ERR(slot_free(queue, 99), E_WRONGTYPE);
    CHECK_ERR(slot_free(blind, 99), E_ACCES);
    CHECK_ERR(slot_free(log, 99), E_PERM);
    CHECK_ERR(slot_free(r, 99), E_STALE);
}

// B12: slot_read: handle, policy, slot, address.
TEST(slot_reads)
{
    handle_t r = slab(8, 1), log = append_only(8);
    uint64_t slot = (uint64_t)slot_alloc(r);

    prepare(r);
    CHECK_ERR(slot_read(gone, 99, WILD, 64), E_BADH);
    CHECK_ERR(slot_read(queue, 99, WILD, 64), E_WRONGTYPE);
    CHECK_ERR(slot_read(blind, 99, WILD, 64), E_ACCES);
    CHECK_ERR(slot_read(log, 99, WILD, 64), E_PERM);
    CHECK_ERR(slot_read(r, 99, WILD, 64), E_STALE);
    CHECK_ERR(slot_read(r, slot, WILD, 64), E_FAULT);
}

// B12: slot_write: handle, policy or size, slot, address.
TEST(slot_writes)
{
    handle_t r = slab(8, 1), log = append_only(8);
    uint64_t slot = (uint64_t)slot_alloc(r);

    prepare(r);
    CHECK_ERR(slot_write(gone, 99, WILD, 64), E_BADH);
    CHECK_ERR(slot_write(queue, 99, WILD, 64), E_WRONGTYPE);
    CHECK_ERR(slot_write(blind, 99, WILD, 64), E_ACCES);
    CHECK_ERR(slot_write(log, 99, WILD, 64), E_PERM);
    CHECK_ERR(slot_write(r, 99, WILD, 64), E_MSGSIZE);
    CHECK_ERR(slot_write(r, 99, WILD, 8), E_STALE);
    CHECK_ERR(slot_write(r, slot, WILD, 8), E_FAULT);
}

// B12: region_info: handle, then address; boot_file and region_open: address.
TEST(information)
{
    handle_t r = append_only(8), h;
    struct boot_file file;

    prepare(r);
    CHECK_ERR(region_info(gone, WILD), E_BADH);
    CHECK_ERR(region_info(queue, WILD), E_WRONGTYPE);
    CHECK_ERR(region_info(blind, WILD), E_ACCES);
    CHECK_ERR(region_info(r, WILD), E_FAULT);
    CHECK_ERR(boot_file(0, WILD), E_FAULT);
    CHECK_ERR(boot_file(UINT32_MAX, &file), E_NOENT);
    while ((h = (handle_t)handle_dup(r, RIGHT_READ, 0)) >= 0)
        continue;
    CHECK_ERR(region_open(WILD), E_FAULT);
    CHECK_ERR(region_open("no such file"), E_NOENT);
    CHECK_ERR(region_open("echo"), E_MFILE);
}

// A5: all 64 bits of a handle count.
TEST(wide_handles)
{
    uint64_t r = (uint64_t)immutable(8), wide = r | 1ull << 32;

    CHECK_ERR(raw_call(CALL_region_seal, wide, 0, 0, 0, 0), E_BADH);
    CHECK_ERR(raw_call(CALL_region_map, wide, 0, PROT_READ, 0, 0), E_BADH);
    CHECK_ERR(raw_call(CALL_region_read, wide, 0, 0, 0, 0), E_BADH);
    CHECK_ERR(raw_call(CALL_region_write, wide, 0, 0, 0, 0), E_BADH);
    CHECK_ERR(raw_call(CALL_region_append, wide, 0, 0, 0, 0), E_BADH);
    CHECK_ERR(raw_call(CALL_slot_alloc, wide, 0, 0, 0, 0), E_BADH);
    CHECK_ERR(raw_call(CALL_region_info, wide, 0, 0, 0, 0), E_BADH);
    CHECK_EQ(raw_call(CALL_region_seal, r, 0, 0, 0, 0), 0);
}

TEST_MAIN()
