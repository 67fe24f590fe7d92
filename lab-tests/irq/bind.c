/* irq_bind and irq_ack: interrupts of the real-time clock as messages. */
#include "driver.h"

/* Until the interrupt's message is there. */
static void await_event(handle_t q)
{
    for (int n = 0; n < SETTLE_MS && stat_of(q).len == 0; n++)
        nap_ms(1);
    CHECK_EQ(stat_of(q).len, 1);
}

/* One for which nobody waits: it may take a moment to reach its hart. */
static void ring_unheard(volatile struct rtc_registers *rtc)
{
    ring(rtc);
    nap_ms(2);
}

// M11: an alarm in 10 ms arrives as a message, not before.
TEST(alarm)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(4);

    for (int i = 0; i < 3; i++) {
        uint64_t at = rtc_time(rtc) + MS(10);

        nothing(q);
        rtc_set_alarm(rtc, at);
        expect_interrupt(q);
        CHECK(rtc_time(rtc) >= at);
        rtc->clear_interrupt = 1;
        CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
    }
    nothing_comes(q);
}

// M11: the line is masked until irq_ack: another alarm waits for it.
TEST(masked)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(4);

    ring(rtc);
    expect_interrupt(q);
    for (int i = 0; i < 5; i++) {
        ring(rtc);
        nothing_comes(q);
        CHECK_EQ(stat_of(q).sent, (uint64_t)i + 1);
        CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
        expect_interrupt(q);
    }
    rtc->clear_interrupt = 1;
    CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
    CHECK_EQ(irq_ack(sys, RTC_IRQ), 0); /* nothing to do */
    nothing_comes(q);
}

// M11: an interrupt that is acknowledged before its event is read is merged
// with the next one.
TEST(merged)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(4);

    for (int i = 0; i < 3; i++) {
        ring(rtc);
        await_event(q);
        rtc->clear_interrupt = 1;
        CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
    }
    CHECK_EQ(stat_of(q).sent, 1);
    expect_interrupt(q);
    nothing_comes(q);
}

// M11: what is pending when a line is bound comes at once.
TEST(pending_before)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q;

    ring_unheard(rtc);
    q = bound(4);
    expect_interrupt(q);
    rtc->clear_interrupt = 1;
}

// M11: a schema and a type do not apply; a buffer of 15 bytes is too small; an
// event that cannot be delivered stays.
TEST(exempt)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = (handle_t)queue_create(4, 1, 0x55);
    char small[15];

    CHECK_EQ(irq_bind(sys, RTC_IRQ, q, TOKEN), 0);
    ring(rtc);
    CHECK_ERR(queue_recv(q, small, sizeof(small), 0, MS(SETTLE_MS)), E_MSGSIZE);
    CHECK_ERR(queue_recv(q, wild_pointers[0], 16, 0, NOW), E_FAULT);
    expect_interrupt(q);
    nothing(q);
    rtc->clear_interrupt = 1;
}

// M11: a full queue keeps the event; it gets the next freed place, before a
// sender that waits.
TEST(full)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(1);
    long pid;

    CHECK_EQ(put_now(q, 1, PRIO_LOW), 0);
    pid = SPAWN(CHECK_EQ(put(q, 2), 0));
    await_senders(q, 1);
    ring_unheard(rtc);
    CHECK_EQ(stat_of(q).len, 1);
    CHECK_EQ(take_now(q), 1);
    expect_interrupt(q);
    CHECK_EQ(take(q), 2);
    CHECK_EQ(JOIN(pid), 0);
    nothing(q);
    rtc->clear_interrupt = 1;
    CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
    ring(rtc);
    expect_interrupt(q);
    rtc->clear_interrupt = 1;
}

// M11: a binding ends with either handle; what is unread stays; the line is
// masked, and free to be bound again.
TEST(ends)
{
    volatile struct rtc_registers *rtc = quiet_clock();

    for (int i = 0; i < 4; i++) {
        handle_t with = (handle_t)handle_dup(sys, RIGHT_EXECUTE, 0);
        handle_t q = new_events(4),
                 in = (handle_t)handle_dup(q, RIGHT_WRITE, 0);

        CHECK_EQ(irq_bind(with, RTC_IRQ, in, TOKEN), 0);
        if (i % 2) { /* with an interrupt that is not acknowledged */
            ring(rtc);
            await_event(q);
        }
        CHECK_EQ(handle_close(i < 2 ? with : in), 0);
        CHECK_ERR(irq_ack(sys, RTC_IRQ), E_INVAL);
        if (i % 2)
            expect_interrupt(q);
        ring(rtc);
        nothing_comes(q);
        CHECK_EQ(irq_bind(sys, RTC_IRQ, q, TOKEN), 0);
        expect_interrupt(q); /* the one that nobody heard */
        rtc->clear_interrupt = 1;
        CHECK_EQ(handle_close(q), 0);
    }
}

// M11 F12: it ends when the queue's handle is revoked.
TEST(revoked)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = new_events(4), in = (handle_t)handle_dup(q, RIGHT_WRITE, 0);
    handle_t again;

    CHECK_EQ(irq_bind(sys, RTC_IRQ, in, TOKEN), 0);
    CHECK_EQ(handle_revoke(q), 1);
    CHECK_ERR(irq_ack(sys, RTC_IRQ), E_INVAL);
    again = bound(1);
    ring(rtc);
    expect_interrupt(again);
    nothing(q);
    rtc->clear_interrupt = 1;
}

// M11: a child has the handles, but not the binding.
TEST(not_inherited)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(4);
    long pid = SPAWN({
        CHECK_ERR(irq_bind(sys, RTC_IRQ, q, 0), E_EXIST);
        CHECK_EQ(handle_close(q), 0);
    });

    CHECK_EQ(JOIN(pid), 0);
    ring(rtc);
    expect_interrupt(q);
    rtc->clear_interrupt = 1;
}

// M11 N4: a driver that is killed in the middle leaves the line to the next
// one, with or without an interrupt that it has not acknowledged.
TEST(killed_driver)
{
    volatile struct rtc_registers *rtc = quiet_clock();

    for (int i = 0; i < 6; i++) {
        handle_t told = new_events(1);
        long pid = SPAWN({
            handle_t q = bound(2);

            if (i % 3)
                ring(rtc);
            if (i % 3)
                expect_interrupt(q);
            if (i % 3 == 2)
                CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
            CHECK_EQ(put(told, 1), 0);
            queue_recv(q, wild_pointers[0], 16, 0, FOREVER);
        });
        handle_t q;

        CHECK_EQ(take(told), 1);
        await_state(pid, PROC_WAITING);
        CHECK_ERR(irq_bind(sys, RTC_IRQ, told, 0), E_EXIST);
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
        rtc->clear_interrupt = 1;
        q = bound(2);
        ring(rtc);
        expect_interrupt(q);
        rtc->clear_interrupt = 1;
        CHECK_EQ(handle_close(q), 0);
        CHECK_EQ(handle_close(told), 0);
    }
}

// M11 M2: the kernel does not count as a writer of the queue; without readers
// the event is dropped, and the line stays bound to its handle.
TEST(no_peer)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(4);
    handle_t r = (handle_t)handle_dup(q, RIGHT_READ, 0), w;
    char bytes[16];

    CHECK_EQ(handle_close(q), 0);
    CHECK_ERR(queue_recv(r, bytes, sizeof(bytes), 0, FOREVER), E_PIPE);
    q = new_events(4);
    w = (handle_t)handle_dup(q, RIGHT_WRITE, 0);
    CHECK_EQ(irq_bind(sys, RTC_IRQ, w, TOKEN), 0);
    CHECK_EQ(handle_close(q), 0);
    ring_unheard(rtc);
    rtc->clear_interrupt = 1;
    CHECK_ERR(irq_bind(sys, RTC_IRQ, w, TOKEN), E_EXIST);
    CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
    CHECK_EQ(handle_close(w), 0);
    CHECK_ERR(irq_ack(sys, RTC_IRQ), E_INVAL);
}

// M11 C7 M2: a receiver, handle_wait and a subscription to the queue all learn
// of it, while no process runs.
TEST(wakes)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(4), out = new_events(1), further = new_events(1);
    struct msg_event e = {0};
    struct wait_item item = {.handle = q, .wanted = SIG_READABLE};

    CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 7), 0);
    CHECK_EQ(handle_subscribe(out, further, SIG_READABLE, 8), 0);
    for (int i = 0; i < 5; i++) {
        rtc_set_alarm(rtc, rtc_time(rtc) + MS(3));
        if (i % 2)
            CHECK_EQ(handle_wait(&item, 1, MS(SETTLE_MS)), 1);
        CHECK_EQ(queue_recv(further, &e, sizeof(e), 0, MS(SETTLE_MS)), 16);
        CHECK_EQ(e.token, 8);
        CHECK_EQ(queue_recv(out, &e, sizeof(e), 0, NOW), 16);
        CHECK_EQ(e.token, 7);
        CHECK_EQ(e.signals, SIG_READABLE);
        CHECK_EQ(e.irq, 0);
        expect_interrupt(q);
        rtc->clear_interrupt = 1;
        CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
    }
}

// M11: what the calls refuse, and in which order.
TEST(refused)
{
    handle_t q = new_events(1), r = (handle_t)handle_dup(q, RIGHT_READ, 0);
    handle_t none = (handle_t)handle_dup(sys, 0, 0);
    handle_t file = (handle_t)region_open("echo");

    CHECK_ERR(irq_bind(99, 0, 99, 0), E_BADH);
    CHECK_ERR(irq_bind(q, 0, 99, 0), E_WRONGTYPE);
    CHECK_ERR(irq_bind(none, 0, 99, 0), E_ACCES);
    CHECK_ERR(irq_bind(sys, 0, 99, 0), E_BADH);
    CHECK_ERR(irq_bind(sys, 0, file, 0), E_WRONGTYPE);
    CHECK_ERR(irq_bind(sys, 0, r, 0), E_ACCES);
    CHECK_ERR(irq_bind(sys, 0, q, 0), E_INVAL);
    CHECK_ERR(irq_bind(sys, 1u << 20, q, 0), E_INVAL);
    CHECK_ERR(irq_bind(sys, UINT32_MAX, q, 0), E_INVAL);
    CHECK_ERR(irq_bind(sys, 10, q, 0), E_EXIST); /* the console's */
    CHECK_ERR(irq_ack(99, RTC_IRQ), E_BADH);
    CHECK_ERR(irq_ack(q, RTC_IRQ), E_WRONGTYPE);
    CHECK_ERR(irq_ack(none, RTC_IRQ), E_ACCES);
    CHECK_ERR(irq_ack(sys, RTC_IRQ), E_INVAL); /* not bound */
    CHECK_ERR(irq_ack(sys, 10), E_INVAL);
    CHECK_ERR(irq_ack(sys, UINT32_MAX), E_INVAL);
    CHECK_EQ(irq_bind(sys, RTC_IRQ, q, 0), 0);
    CHECK_ERR(irq_bind(sys, RTC_IRQ, q, 1), E_EXIST);
    CHECK_EQ(
        raw_call(CALL_irq_ack, (uint64_t)sys, RTC_IRQ | 1ull << 32, 0, 0, 0),
        0);
    CHECK_ERR(shutdown(sys, 0), E_ACCES);
    CHECK_ERR(handle_subscribe(sys, q, SIG_READABLE, 0), E_WRONGTYPE);
    CHECK_ERR(handle_unsubscribe(sys, q), E_WRONGTYPE);
}

// M11: each line that there is can be bound, but the console's; that is 256
// subscriptions a process with the others.
TEST(limit)
{
    handle_t q = new_events(1), out[16];
    uint32_t lines = 0;

    for (int i = 0; i < 16; i++)
        out[i] = new_events(1);
    for (uint32_t irq = 1; irq < 64; irq++)
        lines += irq_bind(sys, irq, q, irq) == 0;
    CHECK_EQ(lines, 62);
    for (uint32_t i = lines; i < 256; i++)
        CHECK_EQ(handle_subscribe(out[i / 16], out[i % 16], SIG_CLOSED, 0), 0);
    CHECK_ERR(irq_bind(sys, 64, q, 0), E_MFILE);
    CHECK_ERR(irq_bind(sys, 63, q, 0), E_EXIST);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(irq_bind(sys, 63, out[0], 0), 0);
}

// M11: without memory for one, E_NOMEM, and there is none.
TEST(no_memory)
{
    handle_t q = new_events(1);
    long pid = SPAWN({
        eat_memory();
        while (handle_dup(q, RIGHT_READ, 0) >= 0)
            continue;
        CHECK_ERR(irq_bind(sys, RTC_IRQ, q, 0), E_NOMEM);
        CHECK_ERR(irq_ack(sys, RTC_IRQ), E_INVAL);
    });

    CHECK_EQ(JOIN(pid), 0);
}

// M11 R2: interrupts while four processes send to the same queue: each event
// comes once, and each message.
TEST(storm)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    handle_t q = bound(4);
    uint32_t n = rounds(2000), messages = 0, events = 0;
    long pid[4];

    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN(for (uint32_t k = 0; k < n; k++) CHECK_EQ(put(q, k), 0));
    ring(rtc);
    while (messages < 4 * n || events < n) {
        union {
            uint64_t value;
            struct msg_event event;
        } got;
        long len = queue_recv(q, &got, sizeof(got), 0, MS(SETTLE_MS));

        CHECK(len > 0);
        messages += len == sizeof(got.value);
        if (len != sizeof(got.event))
            continue;
        CHECK_EQ(got.event.irq, RTC_IRQ);
        rtc->clear_interrupt = 1;
        if (++events < n)
            rtc_set_alarm(rtc, 0);
        CHECK_EQ(irq_ack(sys, RTC_IRQ), 0);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    CHECK_EQ(messages, 4 * n);
    nothing(q);
}

// M11: who binds at the same time as others is alone, or E_EXIST.
TEST(exclusive)
{
    handle_t words = slab(64, 1);
    uint32_t *owners =
        (uint32_t *)(uintptr_t)shown(words, PROT_READ | PROT_WRITE);
    uint32_t n = rounds(12000);
    long pid[4];

    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN(for (uint32_t k = 0; k < n; k++) {
            handle_t q = new_events(1);
            long error = irq_bind(sys, RTC_IRQ, q, 0);

            CHECK(error == 0 || error == -E_EXIST);
            if (error == 0) {
                CHECK_EQ(__atomic_fetch_add(owners, 1, __ATOMIC_SEQ_CST), 0);
                BUSY_US(20);
                __atomic_fetch_sub(owners, 1, __ATOMIC_SEQ_CST);
            }
            CHECK_EQ(handle_close(q), 0);
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
}

// M11 N4: bindings begin and end, on all harts, while interrupts come and the
// queue and who subscribes to it come and go: nothing hangs or leaks.
TEST(race)
{
    volatile struct rtc_registers *rtc = quiet_clock();
    uint32_t n = rounds(3000);
    uint64_t seed = test_seed();
    handle_t shared = new_events(1);
    long pid[4];

    for (int i = 0; i < 4; i++)
        pid[i] = SPAWN(for (uint32_t k = 0; k < n; k++) {
            handle_t q = new_events(1), out = new_events(1);
            char bytes[16];

            CHECK_EQ(handle_subscribe(q, out, SIG_READABLE, 0), 0);
            CHECK_EQ(handle_subscribe(shared, out, SIG_READABLE, 0), 0);
            (void)!irq_bind(sys, RTC_IRQ, random_below(&seed, 2) ? q : shared,
                            0);
            ring(rtc);
            (void)!irq_ack(sys, RTC_IRQ);
            if (random_below(&seed, 2))
                (void)!queue_recv(shared, bytes, 16, 0, NOW);
            CHECK_EQ(handle_close(random_below(&seed, 2) ? q : out), 0);
            (void)!handle_close(q);
            (void)!handle_close(out);
        });
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(pid[i]), 0);
    rtc->clear_interrupt = 1;
}

DRIVER_MAIN()
