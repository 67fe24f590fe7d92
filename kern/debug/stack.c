/* Backtraces for reports, by the table that panics use (base/panic.c). */
#include "debug/stack.h"

#include "abi/atomic.h"
#include "base/hart.h"
#include "base/kern.h"
#include "base/printf.h"
#include "hw/riscv.h"

#define CFA_UNKNOWN 0xffff

extern const struct row {
    uint32_t offset, function, name;
    uint16_t cfa;
    int16_t ra;
} code_rows[];
extern const uint64_t code_rows_count;
extern const char code_names[], _text_start[], _text_end[];

static uint32_t reporter; /* [a] 1 + index of the hart that reports, or 0 */

/* The row for the code at pc, or NULL. The table is sorted. */
static const struct row *find(uint64_t pc)
{
    uint64_t offset = pc - (uint64_t)_text_start, low = 0;

    if (offset >= (uint64_t)(_text_end - _text_start))
        return NULL;
    for (uint64_t high = code_rows_count; low < high;) {
        uint64_t middle = (low + high) / 2;

        if (code_rows[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &code_rows[low - 1] : NULL;
}

void trace_take(struct trace *trace, uint64_t pc, uint64_t sp)
{
    uint32_t n = 0;

    while (n < TRACE_DEPTH) {
        const struct row *row = find(pc - 1); /* the call may be the last */

        if (!row)
            break;
        trace->offsets[n++] = (uint32_t)(pc - (uint64_t)_text_start);
        if (row->cfa == CFA_UNKNOWN || !row->ra)
            break;
        sp += row->cfa;
        pc = *(uint64_t *)(sp + (uint64_t)row->ra);
    }
    while (n < TRACE_DEPTH)
        trace->offsets[n++] = 0;
}

void trace_print(const char *title, const struct trace *trace)
{
    kprintf("  %s", title);
    for (int i = 0; i < TRACE_DEPTH && trace->offsets[i]; i++) {
        uint64_t pc = (uint64_t)_text_start + trace->offsets[i];
        const struct row *row = find(pc - 1);

        kprintf("  #%d 0x%lx %s+0x%lx", i, pc, code_names + row->name,
                trace->offsets[i] - (uint64_t)row->function);
    }
}

void report_begin(void)
{
    uint32_t me = this_hart()->index + 1;

    interrupts_off();
    if (!cas(&reporter, 0, me) && load_relaxed(&reporter) != me) {
        csr_write(sie, SIE_SSIE);
        for (;;) { /* for the IPI of its panic */
            wait_for_interrupt();
            panic_stop_here();
        }
    }
    kprintf_seize();
}

bool report_begun(void)
{
    return load_relaxed(&reporter);
}
