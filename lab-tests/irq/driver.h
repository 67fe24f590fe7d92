/*
 * Tests that are drivers: points.json says "driver", and init gives them a
 * SYSTEM handle. Their device is the real-time clock, whose alarms interrupt.
 */
#pragma once

#include "../../user/rtc.h"
#include "../region/region.h"

#define TOKEN 0x1234567890abcdefull

static handle_t sys = -1; /* the SYSTEM handle, with RIGHT_EXECUTE */

/* In place of TEST_MAIN(): the handle is in the last argument. */
#define DRIVER_MAIN()                                                          \
    int main(int argc, char **argv)                                            \
    {                                                                          \
        static const char option[] = "--system=";                              \
        size_t length = sizeof(option) - 1;                                    \
        if (strncmp(argv[argc - 1], option, length) == 0)                      \
            sys = (handle_t)atoi(argv[--argc] + length);                       \
        return test_main(argc, argv);                                          \
    }

static inline volatile struct rtc_registers *registers(void)
{
    long r = device_region(sys, RTC_PA, PAGE_SIZE);

    CHECK(r > 2);
    return (volatile struct rtc_registers *)shown((handle_t)r,
                                                  PROT_READ | PROT_WRITE);
}

/* The clock, with no alarm and no interrupt, whoever used it before. */
static inline volatile struct rtc_registers *quiet_clock(void)
{
    volatile struct rtc_registers *rtc = registers();

    rtc->clear_alarm = 1;
    rtc->clear_interrupt = 1;
    rtc->irq_enabled = 1;
    return rtc;
}

/* The clock interrupts now, or has it not done so. */
static inline void ring(volatile struct rtc_registers *rtc)
{
    rtc->clear_interrupt = 1;
    rtc_set_alarm(rtc, 0);
}

static inline handle_t new_events(uint32_t ring_size)
{
    return (handle_t)queue_create(ring_size, 8, 0);
}

static inline handle_t bound(uint32_t ring_size)
{
    handle_t q = new_events(ring_size);

    CHECK_EQ(irq_bind(sys, RTC_IRQ, q, TOKEN), 0);
    return q;
}

/* The next message is the interrupt. */
static inline void expect_interrupt(handle_t q)
{
    struct msg_event e = event_of(q);

    CHECK_EQ(e.token, TOKEN);
    CHECK_EQ(e.signals, 0);
    CHECK_EQ(e.irq, RTC_IRQ);
}

static inline void nothing(handle_t q)
{
    char bytes[64];

    CHECK_ERR(queue_recv(q, bytes, sizeof(bytes), 0, NOW), E_AGAIN);
}

/* None comes: any would have come by now, had the line been let through. */
static inline void nothing_comes(handle_t q)
{
    char bytes[64];

    CHECK_ERR(queue_recv(q, bytes, sizeof(bytes), 0, MS(20)), E_TIMEDOUT);
}
