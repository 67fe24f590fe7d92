/*
 * The unwinder works without frame pointers: each row tells, for a range of
 * code, how far above sp the caller's sp is (the CFA) and where below that
 * the return address was saved.
 */
#include "base/ksyms.h"
#include "hw/memlayout.h"
#include "hw/riscv.h"

#include <stddef.h>

#define CFA_UNKNOWN 0xffff

/* A page table entry (privileged specification, 4.4.1). */
enum {
    ENTRY_VALID = 1 << 0,
    ENTRY_READ = 1 << 1,
    ENTRY_EXECUTE = 1 << 3,
    ENTRY_USER = 1 << 4,
    ENTRY_NUMBER_SHIFT = 10,
};

#define NUMBER_MASK ((1ul << 44) - 1)

struct ksym {
    uint32_t offset; /* of the function, from _text_start */
    uint32_t name;   /* offset in ksyms_names */
};

struct unwind_row {
    uint32_t offset; /* valid from here to the next row's */
    uint16_t cfa;    /* bytes above sp, or CFA_UNKNOWN */
    int16_t ra;      /* from the CFA; 0: still in its register */
};

extern const uint64_t ksyms_count;
extern const struct ksym ksyms[];
extern const char ksyms_names[];
extern const uint64_t unwind_rows_count;
extern const struct unwind_row unwind_rows[];
extern const char _text_start[], _text_end[];

static bool
in_text(uint64_t pc)
{
    return pc >= (uint64_t)_text_start && pc < (uint64_t)_text_end;
}

/*
 * Both tables begin their entries with an offset and have 8 bytes an entry.
 * Returns: the last entry at or before pc, NULL if there is none.
 */
static const void *
find(const void *table, uint64_t count, uint64_t pc)
{
    const struct ksym *entries = table;
    uint64_t low = 0, high = count, middle;

    _Static_assert(sizeof(struct ksym) == sizeof(struct unwind_row), "find");
    if (!in_text(pc))
        return NULL;
    while (low < high) {
        middle = (low + high) / 2;
        if (entries[middle].offset <= pc - (uint64_t)_text_start)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &entries[low - 1] : NULL;
}

const char *
symbol_at(uint64_t pc, uint64_t *offset)
{
    const struct ksym *symbol = find(ksyms, ksyms_count, pc);

    if (!symbol)
        return NULL;
    *offset = pc - (uint64_t)_text_start - symbol->offset;
    return ksyms_names + symbol->name;
}

/* Returns: whether the page tables let the kernel read the word at va. The
 * stacks have unmapped neighbours, and sp may be anything. */
static bool
readable(uint64_t va)
{
    uint64_t number = csr_read(satp) & NUMBER_MASK;
    uint64_t entry;
    const uint64_t *table;
    int level;

    if (va % sizeof(uint64_t) || va < DIRECT_BASE)
        return false;
    for (level = 2; level >= 0; level--) {
        table = DIRECT(number << PAGE_SHIFT);
        entry = table[va >> (PAGE_SHIFT + 9 * level) & 0x1ff];
        if (!(entry & ENTRY_VALID) || (entry & ENTRY_USER))
            return false;
        if (entry & (ENTRY_READ | ENTRY_EXECUTE))
            return entry & ENTRY_READ;
        number = entry >> ENTRY_NUMBER_SHIFT & NUMBER_MASK;
    }
    return false;
}

bool
frame_out(struct frame *frame)
{
    /* A call's return address may already belong to the next function. */
    uint64_t pc = frame->pc - !frame->innermost;
    const struct unwind_row *row = find(unwind_rows, unwind_rows_count, pc);
    bool known = row && row->cfa != CFA_UNKNOWN;
    uint64_t cfa = frame->sp + (known ? row->cfa : 0);
    uint64_t slot = cfa + (uint64_t)(known ? row->ra : 0);
    uint64_t ra = frame->ra;

    if (known && row->ra != 0) {
        if (cfa <= frame->sp || !readable(slot))
            return false;
        ra = *(const uint64_t *)slot;
    } else if (!frame->innermost) {
        return false; /* only the innermost frame's register is known */
    }
    *frame = (struct frame){.pc = ra, .sp = cfa};
    return in_text(ra - 1);
}
