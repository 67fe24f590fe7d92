/*
 * The goldfish real-time clock of QEMU's virt machine (Google's
 * GOLDFISH-VIRTUAL-HARDWARE.TXT, IX), and how to ask its driver, rtcd.
 */
#pragma once

#include <weir.h>

/* Where the device tree has it. */
#define RTC_PA  0x101000ull
#define RTC_IRQ 11u

/* Its registers. Times are nanoseconds since 1970. */
struct rtc_registers {
    uint32_t time_low; /* reading it keeps the rest for time_high */
    uint32_t time_high;
    uint32_t alarm_low;       /* writing it sets the alarm, */
    uint32_t alarm_high;      /* with this one */
    uint32_t irq_enabled;     /* 1: an alarm interrupts */
    uint32_t clear_alarm;     /* writing it ends the alarm; */
    uint32_t alarm_status;    /* 1: one is set */
    uint32_t clear_interrupt; /* the interrupt, until which it is pending */
};

static inline uint64_t rtc_time(const volatile struct rtc_registers *rtc)
{
    uint64_t low = rtc->time_low;

    return low | (uint64_t)rtc->time_high << 32;
}

/* One in the past comes at once. */
static inline void rtc_set_alarm(volatile struct rtc_registers *rtc,
                                 uint64_t time)
{
    rtc->alarm_high = (uint32_t)(time >> 32);
    rtc->alarm_low = (uint32_t)time;
}

/*
 * Calls to the port "rtc", by message type. The reply has the time in its
 * payload, and 0 or E_x in its flags.
 */
#define RTC_PORT "rtc"
enum {
    RTC_TIME = 1,
    RTC_ALARM = 2 /* payload: in how many nanoseconds to reply */
};

union rtc_message {
    struct ipc_msg m;
    struct {
        uint64_t header[2], ns; /* ns: the payload's beginning */
    };
};
_Static_assert(offsetof(struct ipc_msg, payload) == 16, "rtc_message");
