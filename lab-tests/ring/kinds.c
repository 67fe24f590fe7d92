/* Parked operations on messages with handles, types and priorities. */
#include "raw.h"

static void put_send_handle(uint64_t user_data, long q, long h,
                            uint64_t timeout)
{
    PUT(CALL_queue_send_handle, NEED, user_data, (uint64_t)q, (uint64_t)h, RW,
        0, timeout);
}

/* Receives a message with a handle in it; gives the handle. */
static long take_handle(long q)
{
    struct msg_handle in;

    CHECK_EQ(queue_recv((handle_t)q, &in, sizeof(in), 0, NOW), sizeof(in));
    return in.handle;
}

// L12 F13: a parked receive gets a handle, and puts it into its table.
TEST(recv_handle)
{
    struct msg_handle in = {.handle = -1};
    long q = new_queue(4), other = new_queue(4);

    raw_open(4);
    put_recv(1, q, &in, sizeof(in), FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(queue_send_handle((handle_t)q, (handle_t)other, RW, 0, NOW), 0);
    AWAIT(1);
    EXPECT(1, sizeof(in));
    CHECK(in.handle > 2 && in.handle != other);
    CHECK_EQ(in.rights, RW);
    put(in.handle, 5);
    CHECK_EQ(take_now((handle_t)other), 5);
}

// L12 F13 E10: without room in the table it is E_MFILE, and the message stays.
TEST(recv_handle_table_full)
{
    struct msg_handle in = {.handle = -1};
    long q = new_queue(4), other = new_queue(4), last = 0, h;

    raw_open(4);
    put_recv(1, q, &in, sizeof(in), FOREVER);
    SUBMIT_ONE();
    while ((h = handle_dup((handle_t)other, RW, 0)) >= 0)
        last = h;
    CHECK_EQ(h, -E_MFILE);
    CHECK_EQ(queue_send_handle((handle_t)q, (handle_t)other, RW, 0, NOW), 0);
    AWAIT(1);
    EXPECT(1, -E_MFILE);
    CHECK_EQ(stat_of((handle_t)q).len, 1);
    CHECK_EQ(handle_close((handle_t)last), 0);
    CHECK(take_handle(q) > 2);
}

// L12 F13: a handle is resolved and derived when the entry is taken: closed
// later, it still arrives.
TEST(send_handle)
{
    long q = new_queue(1), other = new_queue(4), h;
    long copy = handle_dup((handle_t)other, RW | RIGHT_GRANT, 0);

    raw_open(4);
    put((handle_t)q, 0);
    put_send_handle(1, q, copy, FOREVER);
    SUBMIT_ONE();
    CHECK_EQ(PARKED, 1);
    CHECK_EQ(handle_close((handle_t)copy), 0);
    CHECK_EQ(take_now((handle_t)q), 0);
    AWAIT(1);
    EXPECT(1, 0);
    h = take_handle(q);
    CHECK(h > 2);
    put((handle_t)h, 5);
    CHECK_EQ(take_now((handle_t)other), 5);
}

// L12: a handle that was to be sent leaves nothing when the send is cancelled,
// times out, or ends with its owner.
TEST(send_handle_ends)
{
    struct sys_info before, after;
    long q = new_queue(1), other;

    put((handle_t)q, 0);
    CHECK_EQ(JOIN(SPAWN(nop())), 0);
    CHECK_EQ(sys_info(&before), 0);
    for (int how = 0; how < 3; how++)
        CHECK_EQ(JOIN(SPAWN({
                     other = new_queue(4);
                     raw_open(4);
                     put_send_handle(1, q, other, how == 1 ? MS(1) : FOREVER);
                     SUBMIT_ONE();
                     if (how == 0)
                         CHECK_EQ(ring_cancel(1), 1);
                     if (how < 2) {
                         AWAIT(1);
                         EXPECT(1, how == 0 ? -E_CANCELED : -E_TIMEDOUT);
                         handle_close((handle_t)other);
                         CHECK_EQ(sys_info(&after), 0);
                         CHECK_EQ(after.objects, before.objects);
                     }
                 })),
                 0);
    CHECK_EQ(stat_of((handle_t)q).waiting_senders, 0);
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.objects, before.objects);
}

// L12 F12: revoked while the send is parked, it does not arrive as a handle.
TEST(send_handle_revoked)
{
    struct msg_handle in;
    long q = new_queue(1), other = new_queue(4), result;

    raw_open(4);
    put((handle_t)q, 0);
    put_send_handle(1, q, other, FOREVER);
    SUBMIT_ONE();
    CHECK(handle_revoke((handle_t)other) >= 0);
    CHECK_EQ(take_now((handle_t)q), 0);
    AWAIT(1);
    result = reap().result;
    CHECK(result == 0 || result == -E_BADH);
    if (result == 0) {
        CHECK_EQ(queue_recv((handle_t)q, &in, sizeof(in), 0, NOW), sizeof(in));
        CHECK_EQ(in.handle, -E_BADH);
    }
}

static void put_send_desc(uint64_t user_data, long q,
                          const struct msg_desc *desc, uint64_t timeout)
{
    PUT(CALL_queue_send_desc, NEED, user_data, (uint64_t)q, (uint64_t)desc, 0,
        timeout);
}

// L12 G8: a parked descriptor keeps its region, whatever becomes of the handle
// and of the bytes that described it.
TEST(send_desc)
{
    long q = new_queue(1);
    long r = region_create(REGION_IMMUTABLE, 5, 0, "hello", 5);
    struct msg_desc desc = {.region = (handle_t)r, .length = 5}, out;
    char text[5];

    CHECK(r >= 0);
    raw_open(4);
    put((handle_t)q, 0);
    put_send_desc(1, q, &desc, FOREVER);
    put_send_desc(2, q, &desc, MS(1));
    CHECK_EQ(ring_submit(2, 1, FOREVER), 2);
    EXPECT(2, -E_TIMEDOUT);
    memset(&desc, 0xff, sizeof(desc));
    CHECK_EQ(handle_close((handle_t)r), 0);
    CHECK_EQ(take_now((handle_t)q), 0);
    AWAIT(1);
    EXPECT(1, 0);
    CHECK_EQ(queue_recv((handle_t)q, &out, sizeof(out), 0, NOW), sizeof(out));
    CHECK_EQ(out.flags, DESC_NEW_HANDLE);
    CHECK_EQ(out.length, 5);
    CHECK_EQ(region_read(out.region, 0, text, 5), 5);
    CHECK_EQ(memcmp(text, "hello", 5), 0);
}

// L12 G7: a parked receive gets a descriptor, and a handle with it.
TEST(recv_desc)
{
    long q = new_queue(4), r = region_open("README.md");
    struct msg_desc desc = {.region = (handle_t)r, .length = 9}, out;

    raw_open(4);
    put_recv(1, q, &out, sizeof(out), FOREVER);
    put_recv(2, q, &out, sizeof(out) - 1, FOREVER);
    put_recv(3, q, &out, sizeof(out), FOREVER);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    CHECK_EQ(queue_send_desc((handle_t)q, &desc, 0, NOW), 0);
    AWAIT(1);
    EXPECT(1, sizeof(out));
    CHECK_EQ(out.region, r);
    CHECK_EQ(out.length, 9);
    CHECK_EQ(queue_send_desc((handle_t)q, &desc, 0, NOW), 0);
    AWAIT(2);
    EXPECT(2, -E_MSGSIZE);
    EXPECT(3, sizeof(out));
}

// L12 O2: a parked send is checked against the queue's type when it is read,
// not only when it was submitted.
TEST(send_is_checked_late)
{
    uint8_t form[WIT_MAX_FORM], value = 1, got = 9;
    long q = queue_create(1, 1, 0);
    long len = wit_compile("bool", form, sizeof(form));

    CHECK(len > 0);
    CHECK_EQ(queue_set_type((handle_t)q, form, (uint64_t)len), 0);
    raw_open(4);
    put_send(0, q, &value, 1, FOREVER);
    put_send(1, q, &value, 1, FOREVER);
    put_send(2, q, &value, 1, FOREVER);
    CHECK_EQ(ring_submit(3, 0, NOW), 3);
    EXPECT(0, 0);
    CHECK_EQ(PARKED, 2);
    value = 2;
    CHECK_EQ(queue_recv((handle_t)q, &got, 1, 0, NOW), 1);
    AWAIT(2);
    EXPECT(1, -E_PROTOTYPE);
    EXPECT(2, -E_PROTOTYPE);
    CHECK_ERR(queue_recv((handle_t)q, &got, 1, 0, NOW), E_AGAIN);
    put_send(3, q, &value, 1, FOREVER);
    SUBMIT_ONE();
    EXPECT(3, -E_PROTOTYPE);
}

// L12 D4: among those who wait to send, priority counts, parked or not.
TEST(send_priorities)
{
    static const uint64_t number[] = {10, 11, 12, 13};
    long q = new_queue(1), child;

    raw_open(8);
    put((handle_t)q, 0);
    for (uint64_t i = 0; i < 4; i++)
        PUT(CALL_queue_send, NEED, i, (uint64_t)q, (uint64_t)&number[i], 8,
            MSG_OPT(i, 0), FOREVER);
    CHECK_EQ(ring_submit(4, 0, NOW), 4);
    child = SPAWN(put((handle_t)q, 20)); // PRIO_LOW, behind 10
    await_senders((handle_t)q, 5);
    CHECK_EQ(take((handle_t)q), 0);
    for (uint64_t i = 13; i >= 10; i--)
        CHECK_EQ(take((handle_t)q), i);
    CHECK_EQ(take((handle_t)q), 20);
    AWAIT(4);
    CHECK_EQ(JOIN(child), 0);
}

// L12: sixty-four parked on as many queues, ended in another order.
TEST(many_queues)
{
    static uint64_t numbers[64];
    struct ring_completion got[64];
    long q[64];

    raw_open(64);
    for (uint64_t i = 0; i < 64; i++) {
        q[i] = new_queue(1);
        put_recv(i, q[i], &numbers[i], 8, i % 2 ? FOREVER : MS(SETTLE_MS));
    }
    CHECK_EQ(ring_submit(64, 0, NOW), 64);
    CHECK_EQ(JOIN(SPAWN(for (uint64_t i = 0; i < 64; i++)
                            put((handle_t)q[i * 37 % 64], i * 37 % 64))),
             0);
    AWAIT(64);
    collect(got, 64);
    for (uint64_t i = 0; i < 64; i++) {
        CHECK_EQ(got[i].result, 8);
        CHECK_EQ(numbers[i], i);
    }
}

// L12: huge timeouts are far away, not past.
TEST(huge_timeouts)
{
    static const uint64_t huge[] = {1ull << 63, UINT64_MAX - 1, INT64_MAX};
    uint64_t number;
    long q = new_queue(4);

    raw_open(8);
    for (uint64_t i = 0; i < 3; i++) {
        put_recv(i, q, &number, 8, huge[i]);
        PUT(CALL_timer_wait, NEED, 10 + i, TIMER_REL, huge[i]);
    }
    CHECK_EQ(ring_submit(6, 0, NOW), 6);
    CHECK_ERR(ring_submit(0, 1, MS(5)), E_TIMEDOUT);
    CHECK_EQ(PARKED, 6);
}

TEST_MAIN()
