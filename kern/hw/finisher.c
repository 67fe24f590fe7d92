#include "hw/finisher.h"
#include "hw/fdt.h"
#include "hw/memlayout.h"
#include "hw/sbi.h"
#include "hw/uart.h"

#define FINISH_PASS 0x5555u
#define FINISH_FAIL 0x3333u /* the status goes in the upper half */

_Noreturn void
power_off(int status)
{
    volatile uint32_t *finisher = DIRECT(machine.finisher_pa);
    uint32_t code = (uint32_t)status & 0xff;

    uart_flush();
    if (machine.finisher_pa)
        *finisher = code ? code << 16 | FINISH_FAIL : FINISH_PASS;
    else
        sbi_shutdown();
    for (;;) /* the emulator ends a moment later */
        __asm__ volatile("wfi");
}
