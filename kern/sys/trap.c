/* What traps mean: interrupts, programs' faults, the kernel's own. */
#include "base/printf.h"
#include "base/trace.h"
#include "ipc/event.h"
#include "proc/inject.h"
#include "proc/sched.h"
#include "sys/irq.h"
#include "sys/mapping.h"
#include "sys/ring.h"
#include "sys/syscall.h"

/* Called by vector.S. */
void user_trap(uint64_t cause, struct trapframe *tf);
void user_work(void);
void kernel_trap(struct panic_regs *regs);
NORETURN void kernel_stack_overflow(struct panic_regs *regs);

_Static_assert(offsetof(struct hart, stack) == 8, "entry.S");
_Static_assert(offsetof(struct hart, scratch) == 16, "vector.S");
_Static_assert(offsetof(struct hart, index) == 28, "vector_hooks.S");
_Static_assert(offsetof(struct hart, id) == 32, "entry.S");
_Static_assert(offsetof(struct hart, calls) == 144, "vector.S");
_Static_assert(sizeof(struct hart) == 192, "entry.S");
_Static_assert(offsetof(struct panic_regs, pc) == 256, "vector.S");

static void interrupt(uint64_t cause)
{
    struct hart *h = this_hart();

    assert(h->held == 0); /* a handler takes no lock that it interrupted */
    trace_rare(TRACE_INTERRUPT, (uint8_t)cause, 0, 0);
    if (cause == CAUSE_TIMER) {
        sched_clock(h);
    } else if (cause == CAUSE_IPI) {
        /* To leave wfi, to set the clock for whoever waits here now, or to look
         * at p->work on the way out. */
        csr_clear(sip, SIE_SSIE);
        panic_stop_here();
        sched_clock(h);
    } else {
        assert(cause == CAUSE_EXTERNAL);
        irq_interrupts();
    }
    trace_rare(TRACE_INTERRUPT_END, (uint8_t)cause, 0, 0);
}

/* --- faults of programs --------------------------------------------------- */

static const char *cause_in_words(uint64_t cause)
{
    static const char *const words[] = {
        /* by scause (4.1.8) */
        "misaligned fetch", "fetch access fault",     "illegal instruction",
        "breakpoint",       "misaligned load",        "load access fault",
        "misaligned store", "store access fault",     [12] = "fetch page fault",
        "load page fault",  [15] = "store page fault"};
    bool known = cause < ARRAY_LEN(words) && words[cause];

    return known ? words[cause] : "unknown fault";
}

/* What lies at an address, for the report. */
static const char *place_in_words(struct proc *p, uint64_t addr)
{
    pte_t *leaf;

    if (addr >= USER_END)
        return "outside of user memory";
    if (addr < PAGE_SIZE)
        return "a null pointer";
    if (addr < p->stack_low && addr >= p->stack_low - PAGE_SIZE)
        return "the guard page below the stack: it overflowed";
    leaf = vm_leaf(&p->vm, addr, false);
    if (!leaf || !(*leaf & PTE_V))
        return "nothing is mapped there";
    if (*leaf & PTE_X)
        return "program text: read and execute only";
    return *leaf & PTE_W ? "data: never executable" : "read-only memory";
}

static NORETURN void fault(uint64_t cause, struct trapframe *tf)
{
    struct proc *p = this_proc();
    uint64_t addr = csr_read(stval), pc = tf->x[REG_PC], id;
    const char *policy = mapping_describe(p, addr, &id);

    trace_rare(TRACE_FAULT, (uint8_t)cause, addr, pc);
    if (cause == CAUSE_ILLEGAL || cause == CAUSE_BREAKPOINT)
        kprintf("pid %d (%s): %s at pc 0x%lx", p->pid, p->name,
                cause_in_words(cause), pc);
    else if (policy)
        kprintf("pid %d (%s): %s at 0x%lx in region %lu (%s), pc 0x%lx", p->pid,
                p->name, cause_in_words(cause), addr, id, policy, pc);
    else
        kprintf("pid %d (%s): %s at 0x%lx, pc 0x%lx: %s", p->pid, p->name,
                cause_in_words(cause), addr, pc, place_in_words(p, addr));
    end_process(EXIT_FAULT, 0, cause, addr);
}

void user_trap(uint64_t cause, struct trapframe *tf)
{
    if (!(cause & CAUSE_INTERRUPT))
        fault(cause, tf);
    interrupt(cause);
}

/* The running process has flags in p->work: before it goes on in user mode. */
void user_work(void)
{
    struct proc *p = this_proc();
    uint32_t work;

    while ((work = load_relaxed(&p->work))) {
        if (work & WORK_KILLED)
            end_process(p->end_code ? EXIT_NORMAL : EXIT_KILLED,
                        p->end_code ? p->end_code - 1 : 0, 0, 0);
        if (work & WORK_EVENTS) {
            and_relaxed(&p->work, ~WORK_EVENTS);
            event_flush();
        }
        if (work & WORK_RING)
            ring_work();
        sched_yield_in_time();
    }
}

/* --- traps in the kernel -------------------------------------------------- */

void kernel_trap(struct panic_regs *regs)
{
    if (regs->scause & CAUSE_INTERRUPT) {
        interrupt(regs->scause);
        /* Traps inside this one have changed it. */
        csr_write(sstatus, SSTATUS_SUM | SSTATUS_SPP | SSTATUS_SPIE);
    } else if (regs->scause == CAUSE_BREAKPOINT) {
        inject_released(regs);
        csr_write(sstatus, SSTATUS_SUM | SSTATUS_SPP);
    } else if (regs->pc >= (uint64_t)user_copy_start &&
               regs->pc < (uint64_t)user_copy_end &&
               !uaddr_may_reach_kernel(uaddr(regs->stval), 0)) {
        regs->pc = (uint64_t)user_copy_fault;
    } else {
        panic_regs(regs, "panic: %s in the kernel",
                   cause_in_words(regs->scause));
    }
}

void kernel_stack_overflow(struct panic_regs *regs)
{
    panic_regs(regs, "panic: kernel stack overflow");
}
