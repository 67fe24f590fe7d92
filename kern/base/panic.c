/*
 *   B1  the first hart to panic prints and ends the machine; all others stop,
 *       at its IPI or when they next want the console.
 *   B2  a panic inside a panic prints one line, one inside that nothing; so
 *       each ends the machine.
 */
#include "base/panic.h"
#include "abi/atomic.h"
#include "base/hart.h"
#include "base/ksyms.h"
#include "base/printf.h"
#include "hw/finisher.h"
#include "hw/riscv.h"
#include "hw/sbi.h"

#define MAX_FRAMES 32

static uint32_t panicking;         /* [a] 1 once some hart panics */
static const struct hart *culprit; /* [a] that hart */
static uint32_t nested;            /* panics inside it so far; its alone */

static _Noreturn void
stop(void)
{
    interrupts_off();
    csr_write(sie, 0ul); /* else the pending IPI would end each wait */
    for (;;)
        wait_for_interrupt();
}

void
panic_stop_here(void)
{
    if (load_relaxed(&panicking) && load_relaxed(&culprit) != this_hart())
        stop();
}

/* Before there are harts to tell apart, the boot hart is alone. */
static uint32_t
hart_index(void)
{
    uint64_t distance = (uint64_t)this_hart() - (uint64_t)harts;

    return distance < sizeof(harts) ? this_hart()->index : 0;
}

static void
print_frame(int n, const struct frame *frame)
{
    uint64_t back = !frame->innermost; /* see frame_out() */
    uint64_t offset;
    const char *name = symbol_at(frame->pc - back, &offset);

    if (name)
        kprintf("  #%d %p %s+0x%lx", n, (void *)frame->pc, name, offset + back);
    else
        kprintf("  #%d %p ?", n, (void *)frame->pc);
}

/* Print the frames from the `first` on. */
static void
walk(struct frame frame, int first)
{
    bool more = true;
    int n;

    for (n = 0; more && n < MAX_FRAMES; n++) {
        if (n >= first)
            print_frame(n - first, &frame);
        more = frame_out(&frame);
    }
}

void
backtrace(uint64_t pc, uint64_t sp, uint64_t ra)
{
    walk((struct frame){.pc = pc, .sp = sp, .ra = ra, .innermost = true}, 0);
}

static void
print_registers(const struct panic_regs *regs)
{
    static const char names[32][4] = {
        "",   "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
        "a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
        "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    const uint64_t *x = regs->x;
    int i;

    kprintf("  pc  %016lx scause %016lx stval %016lx", regs->pc, regs->scause,
            regs->stval);
    for (i = 1; i + 2 < 32; i += 3)
        kprintf("  %3s %016lx %3s %016lx %3s %016lx", names[i], x[i],
                names[i + 1], x[i + 1], names[i + 2], x[i + 2]);
    kprintf("  %3s %016lx", names[31], x[31]);
}

/* Be the one that panics (B1), or go no further (B1, B2). */
static void
begin(const char *format, va_list args)
{
    static char message[200]; /* not on a stack that may be about to end */
    uint32_t none = 0;

    interrupts_off();
    if (cas_u32(&panicking, none, 1)) {
        store_relaxed(&culprit, this_hart());
        sbi_send_ipi_all();
        console_seize();
    } else if (load_relaxed(&culprit) != this_hart()) {
        stop();
    } else if (nested++ > 0) {
        power_off(PANIC_STATUS);
    }
    vsnprintf(message, sizeof(message), format, args);
    kprintf("panic: hart %u: %s%s", hart_index(), message,
            nested ? " (while panicking)" : "");
    if (nested)
        power_off(PANIC_STATUS);
}

_Noreturn void
panic(const char *format, ...)
{
    struct frame here = {.innermost = true};
    va_list args;

    __asm__ volatile("auipc %0, 0\n\tmv %1, sp" : "=r"(here.pc), "=r"(here.sp));
    here.ra = (uint64_t)__builtin_return_address(0);
    va_start(args, format);
    begin(format, args);
    va_end(args);
    walk(here, 1); /* this function is no news */
    kprintf("  sp  %016lx sstatus %016lx satp %016lx", here.sp,
            csr_read(sstatus), csr_read(satp));
    kprintf("  sepc %016lx scause %016lx stval %016lx (last trap)",
            csr_read(sepc), csr_read(scause), csr_read(stval));
    power_off(PANIC_STATUS);
}

_Noreturn void
panic_regs(const struct panic_regs *regs, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    begin(format, args);
    va_end(args);
    backtrace(regs->pc, regs->x[2], regs->x[1]);
    print_registers(regs);
    power_off(PANIC_STATUS);
}
