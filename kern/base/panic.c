/*
 * How the machine ends: by power-off, or by a panic with its backtrace.
 *
 *   B1  the first hart to panic, the culprit, prints and ends the machine; all
 *       others stop at its IPI, or at a panic of theirs.
 *   B2  a panic inside a panic (the backtrace trusts a stack that may be
 *       damaged) only ends the machine.
 *
 * A table that kern/mksyms.py makes of the linked kernel tells, for each range
 * of code, how far above sp the caller's sp is (the CFA) and where the return
 * address is.
 */
#include "abi/atomic.h"
#include "base/hart.h"
#include "base/kern.h"
#include "base/printf.h"
#include "hw/fdt.h"
#include "hw/memlayout.h"
#include "hw/riscv.h"
#include "hw/sbi.h"
#include "hw/uart.h"

#define MAX_FRAMES  32
#define CFA_UNKNOWN 0xffff
#define FINISH_PASS 0x5555u /* what QEMU's test finisher understands */
#define FINISH_FAIL 0x3333u /* the status goes in the upper half */

/* Of some code, up to the next row's. Sorted. */
extern const struct row {
    uint32_t offset;   /* from _text_start */
    uint32_t function; /* likewise, its beginning */
    uint32_t name;     /* offset in code_names */
    uint16_t cfa;      /* bytes above sp, or CFA_UNKNOWN */
    int16_t ra;        /* from the CFA; 0: still in its register */
} code_rows[];
extern const uint64_t code_rows_count;
extern const char code_names[], _text_start[], _text_end[];

static uint32_t culprit; /* [a] 1 + index of the hart that panics, or 0 */

_Noreturn void power_off(int status)
{
    volatile uint32_t *finisher = DIRECT(machine.finisher_pa);
    uint32_t code = (uint32_t)status & 0xff;

    uart_flush();
    if (machine.finisher_pa)
        *finisher = code ? code << 16 | FINISH_FAIL : FINISH_PASS;
    else
        sbi_shutdown();
    for (;;) /* the emulator ends a moment later */
        wait_for_interrupt();
}

/* The row for the code at pc, or NULL. */
static const struct row *find(uint64_t pc)
{
    const struct row *found = NULL;

    for (uint64_t i = 0; pc < (uint64_t)_text_end && i < code_rows_count; i++)
        if ((uint64_t)_text_start + code_rows[i].offset <= pc)
            found = &code_rows[i];
    return found;
}

/* Print the calls that led to pc, which is being executed, with ra in its
 * register, or (ra is 0) is where a call returns to. Ends at code without a
 * frame, which is the assembly at the bottom of each stack. */
static void backtrace(uint64_t pc, uint64_t sp, uint64_t ra)
{
    for (int n = 0; n < MAX_FRAMES && (n == 0 || find(pc)); n++) {
        /* The call may be a function's last code. */
        const struct row *row = find(pc - !ra);

        kprintf("  #%d 0x%lx %s+0x%lx", n, pc,
                row ? code_names + row->name : "?",
                row ? pc - (uint64_t)_text_start - row->function : 0);
        if (row && row->cfa != CFA_UNKNOWN) {
            sp += row->cfa;
            ra = row->ra ? *(uint64_t *)(sp + (uint64_t)row->ra) : ra;
        }
        pc = ra;
        ra = 0;
    }
}

static void print_registers(const uint64_t *x)
{
    static const char *const names[] = {
        "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

    for (uint32_t i = 0; i < ARRAY_LEN(names); i += 4)
        kprintf("  %s 0x%lx %s 0x%lx %s 0x%lx %s 0x%lx", names[i], i ? x[i] : 0,
                names[i + 1], x[i + 1], names[i + 2], x[i + 2], names[i + 3],
                x[i + 3]);
}

void panic_stop_here(void)
{
    uint32_t who = load_relaxed(&culprit);

    if (!who || who == this_hart()->index + 1)
        return;
    interrupts_off();
    csr_write(sie, 0ul); /* else the pending IPI would end each wait */
    for (;;)
        wait_for_interrupt();
}

_Noreturn void panic_regs(const struct panic_regs *regs, const char *format,
                          ...)
{
    static bool again; /* the culprit's */
    va_list args;

    interrupts_off();
    if (cas(&culprit, 0, this_hart()->index + 1))
        for (uint32_t i = 0; i < hart_count; i++)
            sbi_send_ipi(harts[i].id);
    panic_stop_here(); /* B1 */
    if (again)         /* B2 */
        power_off(PANIC_STATUS);
    again = true;
    kprintf_seize();
    va_start(args, format);
    vkprintf(format, args);
    va_end(args);
    kprintf("  hart %u, last trap: sepc 0x%lx scause 0x%lx stval 0x%lx",
            this_hart()->index, csr_read(sepc), csr_read(scause),
            csr_read(stval));
    if (regs) {
        print_registers(regs->x);
        backtrace(regs->pc, regs->x[2], regs->x[1]);
    } else {
        backtrace((uint64_t)__builtin_return_address(0),
                  (uint64_t)__builtin_dwarf_cfa(), 0);
    }
    power_off(PANIC_STATUS);
}
