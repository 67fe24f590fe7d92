/*
 * Panics and backtraces.
 *
 *   B1  the first hart to panic prints and ends the machine; all others stop,
 *       at its IPI, at a panic of theirs, or when they want the console.
 *   B2  a panic inside a panic prints one line, one inside that nothing; so
 *       each ends the machine. The backtrace, which trusts a stack that may be
 *       damaged, comes last.
 *
 * Backtraces need no frame pointers. Tables that kern/mksyms.py makes of the
 * linked kernel (empty in its first link) tell, for each range of code, how far
 * above sp the caller's sp is (the CFA) and where the return address is.
 */
#include "base/panic.h"
#include "abi/atomic.h"
#include "base/hart.h"
#include "base/printf.h"
#include "hw/finisher.h"
#include "hw/riscv.h"
#include "hw/sbi.h"

#include <stdbool.h>

#define MAX_FRAMES  32
#define CFA_UNKNOWN 0xffff

/* Both tables are sorted; offsets are from _text_start. */
extern const struct ksym {
    uint32_t offset;
    uint32_t name; /* offset in ksyms_names */
} ksyms[];
extern const struct unwind_row {
    uint32_t offset; /* valid from here to the next row's */
    uint16_t cfa;    /* bytes above sp, or CFA_UNKNOWN */
    int16_t ra;      /* from the CFA; 0: still in its register */
} unwind_rows[];
extern const uint64_t ksyms_count, unwind_rows_count;
extern const char ksyms_names[], _text_start[], _text_end[];

static uint32_t culprit; /* [a] 1 + index of the hart that panics, or 0 */

static bool
in_text(uint64_t pc)
{
    return pc >= (uint64_t)_text_start && pc < (uint64_t)_text_end;
}

/* Print the n-th frame. `at` is in its function; pc may be right behind it. */
static void
print_frame(int n, uint64_t pc, uint64_t at)
{
    const struct ksym *s = NULL;

    for (uint64_t i = 0; in_text(at) && i < ksyms_count; i++)
        if (ksyms[i].offset <= at - (uint64_t)_text_start)
            s = &ksyms[i];
    if (s)
        kprintf("  #%d 0x%lx %s+0x%lx", n, pc, ksyms_names + s->name,
                pc - (uint64_t)_text_start - s->offset);
    else
        kprintf("  #%d 0x%lx ?", n, pc);
}

/*
 * Print the calls that led to pc. It is being executed, with ra in its
 * register, or (ra is 0) it is where a call returns to. Ends at code without
 * a row, which is the assembly at the bottom of each stack.
 */
static void
backtrace(uint64_t pc, uint64_t sp, uint64_t ra)
{
    for (int n = 0; n < MAX_FRAMES && (n == 0 || in_text(pc)); n++) {
        const struct unwind_row *row = NULL;
        uint64_t at = pc - !ra; /* the call may be a function's last code */

        print_frame(n, pc, at);
        for (uint64_t i = 0; in_text(at) && i < unwind_rows_count; i++)
            if (unwind_rows[i].offset <= at - (uint64_t)_text_start)
                row = &unwind_rows[i];
        if (row && row->cfa == CFA_UNKNOWN)
            row = NULL;
        sp += row ? row->cfa : 0;
        pc = row && row->ra ? *(uint64_t *)(sp + (uint64_t)row->ra) : ra;
        ra = 0;
    }
}

static void
print_registers(const struct panic_regs *regs)
{
    static const char names[32][4] = {
        "",   "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
        "a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
        "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    const uint64_t *x = regs->x;

    kprintf("  pc  %016lx scause %016lx stval %016lx", regs->pc, regs->scause,
            regs->stval);
    kprintf("  %3s %016lx", names[1], x[1]);
    for (int i = 2; i < 32; i += 3)
        kprintf("  %3s %016lx %3s %016lx %3s %016lx", names[i], x[i],
                names[i + 1], x[i + 1], names[i + 2], x[i + 2]);
}

void
panic_stop_here(void)
{
    uint32_t who = load_relaxed(&culprit);

    if (!who || who == this_hart()->index + 1)
        return;
    interrupts_off();
    csr_write(sie, 0ul); /* else the pending IPI would end each wait */
    for (;;)
        wait_for_interrupt();
}

/* Be the one that panics, or go no further: B1, B2. */
static void
begin(const char *format, va_list args)
{
    static char message[200]; /* not on a stack that may be about to end */
    static uint32_t nested;

    interrupts_off();
    if (cas_u32(&culprit, 0, this_hart()->index + 1)) {
        for (uint32_t i = 0; i < hart_count; i++)
            sbi_send_ipi(harts[i].id);
        console_seize();
    } else {
        panic_stop_here();
        if (nested++)
            power_off(PANIC_STATUS);
    }
    vsnprintf(message, sizeof(message), format, args);
    kprintf("panic: hart %u: %s%s", this_hart()->index, message,
            nested ? " (while panicking)" : "");
    if (nested)
        power_off(PANIC_STATUS);
}

_Noreturn void
panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    begin(format, args);
    va_end(args);
    kprintf("  last trap: sepc %016lx scause %016lx stval %016lx",
            csr_read(sepc), csr_read(scause), csr_read(stval));
    backtrace((uint64_t)__builtin_return_address(0),
              (uint64_t)__builtin_dwarf_cfa(), 0);
    power_off(PANIC_STATUS);
}

_Noreturn void
panic_regs(const struct panic_regs *regs, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    begin(format, args);
    va_end(args);
    print_registers(regs);
    backtrace(regs->pc, regs->x[2], regs->x[1]);
    power_off(PANIC_STATUS);
}
