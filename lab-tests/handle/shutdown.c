/* handle_shutdown: everyone who uses the queue is told, for good. */
#include "../lab.h"

// F9: after a shutdown sends fail at once; receivers drain, then E_PIPE.
TEST(drain_then_pipe)
{
    struct msg_meta meta;
    long q = queue_create(4, 8, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(put_now(q, 2, PRIO_LOW), 0);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_ERR(put_now(q, 3, PRIO_LOW), E_PIPE);
    CHECK_ERR(put(q, 3), E_PIPE);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(queue_peek(q, &meta), 0);
    CHECK_EQ(take_now(q), 2);
    CHECK_ERR(queue_recv(q, 0, 0, 0, FOREVER), E_PIPE);
    CHECK_ERR(queue_peek(q, &meta), E_PIPE);
}

// F9: it is permanent; a second one returns 0.
TEST(permanent)
{
    long q = queue_create(4, 8, 0);
    long copy = handle_dup(q, RIGHTS_FULL, 0);

    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_EQ(handle_shutdown(copy), 0);
    CHECK_ERR(put_now(copy, 1, PRIO_LOW), E_PIPE);
    CHECK_EQ(stat_of(q).len, 0);
}

// F9: sleeping senders and receivers wake with E_PIPE.
TEST(sleepers_wake)
{
    long empty = queue_create(1, 8, 0), full = queue_create(1, 8, 0);
    long receiver =
        SPAWN(CHECK_ERR(queue_recv(empty, 0, 0, 0, FOREVER), E_PIPE));
    long sender;

    CHECK_EQ(put_now(full, 1, PRIO_LOW), 0);
    sender = SPAWN(CHECK_ERR(put(full, 2), E_PIPE));
    await_receivers(empty, 1);
    await_senders(full, 1);
    CHECK_EQ(handle_shutdown(empty), 0);
    CHECK_EQ(handle_shutdown(full), 0);
    CHECK_EQ(JOIN(receiver), 0);
    CHECK_EQ(JOIN(sender), 0);
    CHECK_EQ(take_now(full), 1);
    CHECK_ERR(queue_recv(full, 0, 0, 0, NOW), E_PIPE);
}

// F9: it needs REVOKE, and closing a handle is not shutting down.
TEST(needs_revoke)
{
    long q = queue_create(4, 8, 0);
    long copy = handle_dup(q, RW | RIGHT_GRANT, 0);

    CHECK_ERR(handle_shutdown(copy), E_ACCES);
    CHECK_ERR(handle_shutdown(-1), E_BADH);
    CHECK_EQ(handle_close(copy), 0);
    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(take_now(q), 1);
}

// F9 C7: CLOSED shows to both sides once nothing is left to drain.
TEST(signals_closed)
{
    long q = queue_create(4, 8, 0);
    struct wait_item item = {(handle_t)q, SIG_READABLE, 0};

    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_EQ(handle_wait(&item, 1, NOW), 1);
    CHECK_EQ(item.seen, SIG_CLOSED);
}

// B12: on a queue that is shut down and full, E_PIPE comes before E_AGAIN.
TEST(pipe_before_full)
{
    long q = queue_create(1, 8, 0);

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_ERR(put_now(q, 2, PRIO_LOW), E_PIPE);
    CHECK_ERR(queue_send(q, wild_pointers[0], 8, 0, NOW), E_FAULT);
    CHECK_EQ(stat_of(q).rejected, 0);
}

// F9: only a queue, port, channel or semaphore can be shut down.
TEST(wrong_type)
{
    long r = region_open("echo");

    CHECK(r >= 0);
    CHECK_ERR(handle_shutdown(r), E_WRONGTYPE);
    CHECK_ERR(queue_send(r, 0, 0, 0, NOW), E_WRONGTYPE);
    CHECK_ERR(queue_recv(r, 0, 0, 0, NOW), E_WRONGTYPE);
}

TEST_MAIN()
