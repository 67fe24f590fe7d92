/*
 * What an interrupt costs. It needs a SYSTEM handle, in an argument --system=N,
 * and the emulator's real-time clock to be the instruction clock (lab-tests/
 * bench sees to both): then the clock shows exactly how many instructions ago
 * an alarm was due.
 */
#include "bench.h"
#include "rtc.h"

#define DELAY 100000u /* ns, until then the machine is idle */

handle_t bench_system = -1;

/* From the moment at which the clock interrupts an idle hart to the first load
 * after queue_recv: the way out of wfi and to the trap, the trap, the event,
 * the switch to the driver, and its way out. */
static uint64_t late_in_all(uint64_t rounds)
{
    handle_t registers =
        (handle_t)device_region(bench_system, RTC_PA, PAGE_SIZE);
    handle_t q = new_queue(1, sizeof(struct msg_event));
    volatile struct rtc_registers *rtc;
    uint64_t late = 0;
    long at;

    must(registers, "device_region");
    at = region_map(registers, 0, PROT_READ | PROT_WRITE);
    must(at, "region_map");
    rtc = (volatile struct rtc_registers *)at;
    must(irq_bind(bench_system, RTC_IRQ, q, 0), "irq_bind");
    rtc->irq_enabled = 1;
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t due = rtc_time(rtc) + DELAY;

        rtc_set_alarm(rtc, due);
        receive(q);
        late += rtc_time(rtc) - due;
        rtc->clear_interrupt = 1;
        must(irq_ack(bench_system, RTC_IRQ), "irq_ack");
    }
    return late;
}

/* In a child, so that other rows do not fork what is left of its mapping. */
static uint64_t bench_interrupt(uint64_t rounds, NO_ARG)
{
    handle_t q = new_queue(1, sizeof(uint64_t));
    uint64_t late = 0;
    long pid;

    if (bench_system < 0)
        return 0;
    pid = SPAWN(late = late_in_all(rounds);
                must(queue_send(q, &late, sizeof(late), 0, 0), "send"));
    must(pid, "fork");
    must(queue_recv(q, &late, sizeof(late), 0, TIMEOUT_FOREVER), "receive");
    must(JOIN(pid), "wait");
    handle_close(q);
    return late;
}

const struct row bench_irq_rows[] = {
    {"P22", "interrupt to message, driver waits", bench_interrupt, 0, 500},
    {0, 0, 0, 0, 0},
};
