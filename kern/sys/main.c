/* From OpenSBI to the first process. */
#include "base/printf.h"
#include "base/string.h"
#include "base/trace.h"
#include "hw/sbi.h"
#include "ipc/word.h"
#include "mem/kalloc.h"
#include "proc/bootfs.h"
#include "proc/inject.h"
#include "proc/sched.h"
#include "sys/console.h"
#include "sys/ring.h"
#include "sys/syscall.h"

#define MIN_MEMORY_MIB 16u
#define KIB_PER_PROC   384 /* 341 processes in 128 MiB */
#define MIN_PROCS      64u
#define MAX_PROCS      1024u

extern char _image_end[];

static uint64_t memory_mib; /* [I] */
static uint32_t slots;      /* [I] of the process table */

void hart_entry(void);
NORETURN void kernel_main(uint64_t hart_id, uint64_t fdt_pa);
NORETURN void hart_main(void);

/* One clear line, and off. */
#define refuse(...)                                                            \
    do {                                                                       \
        kprintf("weir: cannot start: " __VA_ARGS__);                           \
        power_off(PANIC_STATUS);                                               \
    } while (0)

/* The CSRs of this hart: traps to trap_entry, user memory accessible, counters
 * readable by programs, no floating point (sstatus.FS = 0, 4.1.1). */
static void hart_csrs(void)
{
    csr_write(stvec, (uint64_t)trap_entry);
    csr_write(sscratch, 0);
    csr_write(sstatus, SSTATUS_SUM | SSTATUS_SPIE);
    csr_write(scounteren, 7);
    csr_write(sie, SIE_SSIE | SIE_STIE | SIE_SEIE);
}

static void read_machine(uint64_t hart_id, uint64_t fdt_pa)
{
    static const uint64_t needed[] = {SBI_EXT_TIME, SBI_EXT_IPI, SBI_EXT_RFENCE,
                                      SBI_EXT_HSM};
    const char *why = fdt_read(DIRECT(fdt_pa), hart_id);

    if (why)
        refuse("device tree: %s", why);
    for (uint32_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!sbi_probe(needed[i]))
            refuse("the firmware lacks the SBI extension 0x%lx", needed[i]);
    memory_mib = (machine.memory.end - machine.memory.base) >> 20;
    if (memory_mib < MIN_MEMORY_MIB)
        refuse("%lu MiB of memory, at least %u are needed", memory_mib,
               MIN_MEMORY_MIB);
    slots = (uint32_t)MIN(memory_mib * 1024 / KIB_PER_PROC, MAX_PROCS);
    slots = slots < MIN_PROCS ? MIN_PROCS : slots;
    for (; hart_count < machine.nharts; hart_count++) {
        harts[hart_count].index = hart_count;
        harts[hart_count].calls = syscall_table;
        harts[hart_count].id = machine.hart_ids[hart_count];
    }
}

static void add_memory(uint64_t start, uint64_t end)
{
    start = ROUND_UP(start, PAGE_SIZE);
    end = ROUND_DOWN(end, PAGE_SIZE);
    if (start < end)
        page_add_range(start, end);
}

/* What is behind a boot argument's `name=`; NULL if it is not there. Behind
 * run= are a program's words. */
static const char *argument(const char *name, uint32_t len)
{
    for (const char *at = machine.args; *at; at++) {
        if (at != machine.args && at[-1] != ' ')
            continue;
        if (!memcmp(at, name, len))
            return at + len;
        if (!memcmp(at, "run=", 4))
            break;
    }
    return NULL;
}

/* The number behind `name=`; 0 if it is not there. */
static uint64_t number(const char *name, uint32_t len, uint32_t base)
{
    const char *at = argument(name, len);
    uint64_t value = 0;

    for (; at && *at && *at != ' '; at++)
        value = value * base + (uint32_t)((*at & 15) + (*at > '9') * 9);
    return value;
}

/* All memory behind the image (the firmware's own is below), the process table
 * and a trace, but for the device tree and, for now, the boot archive. Returns:
 * the process table. */
static struct proc *set_up_memory(void)
{
    uint64_t table = kasan_reserve(PHYS(_image_end));
    uint64_t table_end = table + slots * sizeof(struct proc);
    uint64_t room = (machine.initrd.base - table_end) / 2;
    const char *at = argument("trace", 5); /* trace, trace=N: N of each hart */
    uint64_t events =
        at && (!*at || *at == ' ') ? TRACE_DEFAULT : number("trace=", 6, 10);

    table_end = trace_reserve(table_end, MIN(events, room / TRACE_BYTES));
    assert(machine.initrd.end <= machine.fdt.base); /* so QEMU does it */
    add_memory(table_end, machine.initrd.base);
    add_memory(machine.initrd.end, machine.fdt.base);
    add_memory(machine.fdt.end, machine.memory.end);
    memset(DIRECT(table), 0, table_end - table);
    vm_init();
    return DIRECT(table);
}

void hart_main(void)
{
    hart_csrs();
    sched_idle();
}

void kernel_main(uint64_t hart_id, uint64_t fdt_pa)
{
    struct proc *table;
    const char *why;
    long error;

    hart_csrs();
    read_machine(hart_id, fdt_pa);
    inject_init(number("seed=", 5, 10), number("fail_page=", 10, 10),
                number("kill_at=", 8, 10));
    table = set_up_memory();
    time_init();
    sched_init(machine.timebase_hz);
    word_init();
    proc_init(table, slots);
    why = bootfs_load(DIRECT(machine.initrd.base), DIRECT(machine.initrd.end));
    if (why)
        refuse("boot archive (-initrd): %s", why);
    add_memory(machine.initrd.base, machine.initrd.end);
    console_init(argument("run=", 4));
    ring_base = (uint32_t)number("ring_base=0x", 12, 16);
    poller_start();
    error = start_init();
    if (error)
        refuse("boot file init: error %ld", -error);
    kprintf("weir: %u harts, %lu MiB, %u processes", hart_count, memory_mib,
            slots);
    kprintf("weir: starting init");
    trace_begin();
    for (struct hart *h = &harts[1]; h < &harts[hart_count]; h++) {
        h->stack = vm_new_stack(slots + h->index);
        if (sbi_hart_start(h->id, PHYS(hart_entry), (uint64_t)h))
            refuse("hart %lu does not start", h->id);
    }
    sched_idle();
}
