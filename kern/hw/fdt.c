/*
 * One walk over the structure block, without recursion: properties of the open
 * node are noted, and the node is judged when they end, that is at its first
 * child or its own end.
 *
 *   F1  0 <= at <= structs_end, and 4 bytes are there whenever a cell is read.
 *   F2  a noted property lies within the structure block; a noted string has
 *       its NUL there or in the strings block.
 */
#include "hw/fdt.h"
#include "abi/abi.h"
#include "hw/memlayout.h"

#include <stddef.h>

/* The header, ten big-endian words (5.2), and the tokens (5.4.1). */
enum {
    H_MAGIC = 0,
    H_TOTAL_SIZE = 4,
    H_STRUCTS = 8,
    H_STRINGS = 12,
    H_RESERVE_MAP = 16,
    H_COMPATIBLE_VERSION = 24,
    H_STRINGS_SIZE = 32,
    H_STRUCTS_SIZE = 36,
    HEADER_SIZE = 40,

    MAGIC = (int)0xd00dfeed,
    VERSION = 17, /* the oldest reader that must understand the tree */

    T_BEGIN_NODE = 1,
    T_END_NODE = 2,
    T_PROP = 3,
    T_NOP = 4,
    T_END = 9,
};

#define MAX_DEPTH 16
#define MASK_BITS 64 /* the SBI's hart masks: no ids beyond */

/* The properties that are noted. */
enum prop_index {
    ADDRESS_CELLS,
    SIZE_CELLS,
    COMPATIBLE,
    DEVICE_TYPE,
    STATUS,
    REG,
    INTERRUPTS,
    ISA,
    ISA_EXTENSIONS,
    TIMEBASE,
    INITRD_START,
    INITRD_END,
    BOOTARGS,
    NPROPS
};

static const char *const prop_names[NPROPS] = {
    [ADDRESS_CELLS] = "#address-cells",
    [SIZE_CELLS] = "#size-cells",
    [COMPATIBLE] = "compatible",
    [DEVICE_TYPE] = "device_type",
    [STATUS] = "status",
    [REG] = "reg",
    [INTERRUPTS] = "interrupts",
    [ISA] = "riscv,isa",
    [ISA_EXTENSIONS] = "riscv,isa-extensions",
    [TIMEBASE] = "timebase-frequency",
    [INITRD_START] = "linux,initrd-start",
    [INITRD_END] = "linux,initrd-end",
    [BOOTARGS] = "bootargs",
};

struct prop {
    const uint8_t *data; /* NULL: the node has none */
    uint32_t length;
};

struct walk {
    const uint8_t *fdt;
    uint32_t structs_end;
    uint32_t strings, strings_end;
    uint64_t boot_hart;
    struct machine *m;

    /* The open nodes from the root down; the last is `depth`. */
    int depth; /* -1 before the root */
    const char *name[MAX_DEPTH];
    uint32_t address_cells[MAX_DEPTH]; /* for the node's children */
    uint32_t size_cells[MAX_DEPTH];
    bool open; /* properties may still come */
    struct prop props[NPROPS];
};

/* Devices by what they are compatible with, and where to put what. */
static const struct device {
    const char *compatible;
    uint16_t pa, size, irq; /* offsets in struct machine, 0: not wanted */
} devices[] = {
    {"ns16550a", offsetof(struct machine, uart_pa), 0,
     offsetof(struct machine, uart_irq)},
    {"riscv,plic0", offsetof(struct machine, plic_pa),
     offsetof(struct machine, plic_size), 0},
    {"riscv,clint0", offsetof(struct machine, clint_pa),
     offsetof(struct machine, clint_size), 0},
    {"sifive,test0", offsetof(struct machine, finisher_pa), 0, 0},
    {"google,goldfish-rtc", offsetof(struct machine, rtc_pa), 0,
     offsetof(struct machine, rtc_irq)},
};

static int
fail(struct walk *w, int error, const char *why)
{
    w->m->error = why;
    return -error;
}

static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static bool
same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* --- properties --------------------------------------------------------- */

/* The number in `cells` cells at *at, which moves on. Returns: was it there. */
static bool
take_cells(const struct prop *p, uint32_t *at, uint32_t cells, uint64_t *value)
{
    *value = 0;
    if (cells > 2 || *at > p->length || (p->length - *at) / 4 < cells)
        return false;
    for (; cells > 0; cells--, *at += 4)
        *value = *value << 32 | be32(p->data + *at);
    return true;
}

/* A property of one number, of one cell or two. Returns: is it one. */
static bool
take_number(const struct prop *p, uint64_t *value)
{
    uint32_t at = 0;

    return (p->length == 4 || p->length == 8) &&
           take_cells(p, &at, p->length / 4, value);
}

/* An address and a size of `reg`, in the parent's cells. */
static bool
take_reg(const struct walk *w, uint32_t *at, uint64_t *base, uint64_t *size)
{
    const struct prop *reg = &w->props[REG];
    int parent = w->depth - 1;

    if (w->address_cells[parent] == 0 || *at >= reg->length)
        return false;
    return take_cells(reg, at, w->address_cells[parent], base) &&
           take_cells(reg, at, w->size_cells[parent], size) &&
           *base + *size >= *base;
}

/* Returns: whether a list of strings, each with its NUL, holds `s`. */
static bool
list_has(const struct prop *p, const char *s)
{
    uint32_t at, i;

    for (at = 0; at < p->length; at++) {
        for (i = 0; at < p->length && p->data[at] == (uint8_t)s[i]; i++) {
            if (s[i] == '\0')
                return true;
            at++;
        }
        while (at < p->length && p->data[at])
            at++;
    }
    return false;
}

/* Returns: whether an ISA string like rv64imac_zicsr_sstc names `extension`
 * (with its underscore in front). */
static bool
isa_has(const struct prop *p, const char *extension)
{
    uint32_t at, i;

    for (at = 0; at < p->length; at++) {
        for (i = 0; extension[i] && at + i < p->length; i++)
            if (p->data[at + i] != (uint8_t)extension[i])
                break;
        if (!extension[i] &&
            (at + i == p->length || !p->data[at + i] || p->data[at + i] == '_'))
            return true;
    }
    return false;
}

/* --- nodes -------------------------------------------------------------- */

static int
judge_chosen(struct walk *w)
{
    const struct prop *args = &w->props[BOOTARGS];
    struct machine *m = w->m;
    uint32_t i;

    if (w->props[INITRD_START].data &&
        !(take_number(&w->props[INITRD_START], &m->initrd_start) &&
          take_number(&w->props[INITRD_END], &m->initrd_end) &&
          m->initrd_start <= m->initrd_end))
        return fail(w, E_INVAL, "damaged initrd addresses in /chosen");
    for (i = 0; i < args->length && args->data[i]; i++) {
        if (i == FDT_MAX_ARGS - 1)
            return fail(w, E_INVAL, "boot arguments over 255 bytes");
        m->args[i] = (char)args->data[i];
    }
    m->args[i] = '\0';
    return 0;
}

static void
judge_memory(struct walk *w)
{
    uint64_t base, size;
    uint32_t at = 0;

    while (take_reg(w, &at, &base, &size))
        if (base <= KERNEL_LOAD && KERNEL_LOAD - base < size) {
            w->m->mem_base = base;
            w->m->mem_size = size;
        }
}

static int
add_reserved(struct walk *w, uint64_t base, uint64_t size)
{
    struct machine *m = w->m;

    if (size == 0)
        return 0;
    if (m->nreserved == FDT_MAX_RESERVED)
        return fail(w, E_INVAL, "more than 8 ranges of reserved memory");
    m->reserved[m->nreserved][0] = base;
    m->reserved[m->nreserved++][1] = size;
    return 0;
}

static int
judge_reserved(struct walk *w)
{
    uint64_t base, size;
    uint32_t at = 0;
    int result = 0;

    while (result == 0 && take_reg(w, &at, &base, &size))
        result = add_reserved(w, base, size);
    return result;
}

static void
judge_cpu(struct walk *w)
{
    struct machine *m = w->m;
    uint64_t id;
    uint32_t at = 0;

    if (!take_cells(&w->props[REG], &at, w->address_cells[w->depth - 1], &id) ||
        id >= MASK_BITS)
        return;
    if (w->props[TIMEBASE].data)
        take_number(&w->props[TIMEBASE], &m->timebase_hz);
    if (m->nharts == FDT_MAX_HARTS) {
        if (id != w->boot_hart)
            return;
        m->nharts--;
    }
    m->hart_ids[m->nharts++] = id;
    m->sstc = m->sstc && (isa_has(&w->props[ISA], "_sstc") ||
                          list_has(&w->props[ISA_EXTENSIONS], "sstc"));
}

static void
judge_device(struct walk *w, const struct device *d)
{
    char *m = (char *)w->m;
    uint64_t base, size, irq;
    uint32_t at = 0, irq_at = 0;

    if (!take_reg(w, &at, &base, &size) || *(uint64_t *)(m + d->pa))
        return; /* the first of a kind is taken */
    *(uint64_t *)(m + d->pa) = base;
    if (d->size)
        *(uint64_t *)(m + d->size) = size;
    if (d->irq && take_cells(&w->props[INTERRUPTS], &irq_at, 1, &irq))
        *(uint32_t *)(m + d->irq) = (uint32_t)irq;
}

/* The open node's properties are all there: use them. */
static int
judge_node(struct walk *w)
{
    const struct prop *p = w->props;
    uint64_t cells;
    uint32_t i;

    if (take_number(&p[ADDRESS_CELLS], &cells))
        w->address_cells[w->depth] = (uint32_t)cells;
    if (take_number(&p[SIZE_CELLS], &cells))
        w->size_cells[w->depth] = (uint32_t)cells;
    if (w->depth == 0 || (p[STATUS].data && !list_has(&p[STATUS], "okay")))
        return 0;
    if (w->depth == 1 && same(w->name[1], "chosen"))
        return judge_chosen(w);
    if (w->depth == 1 && same(w->name[1], "cpus"))
        take_number(&p[TIMEBASE], &w->m->timebase_hz);
    if (w->depth == 2 && same(w->name[1], "reserved-memory"))
        return judge_reserved(w);
    if (w->depth == 1 && list_has(&p[DEVICE_TYPE], "memory"))
        judge_memory(w);
    if (w->depth == 2 && list_has(&p[DEVICE_TYPE], "cpu"))
        judge_cpu(w);
    for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        if (list_has(&p[COMPATIBLE], devices[i].compatible))
            judge_device(w, &devices[i]);
    return 0;
}

static int
close_properties(struct walk *w)
{
    bool was_open = w->open;

    w->open = false;
    return was_open ? judge_node(w) : 0;
}

/* --- the walk ----------------------------------------------------------- */

/* Note the string in [at, end). Returns: its length, or -1 without a NUL. */
static int64_t
string_length(const struct walk *w, uint32_t at, uint32_t end)
{
    uint32_t i;

    for (i = at; i < end; i++)
        if (w->fdt[i] == '\0')
            return i - at;
    return -1;
}

static int
begin_node(struct walk *w, uint32_t *at)
{
    int64_t length = string_length(w, *at, w->structs_end);
    int result = close_properties(w);

    if (result < 0)
        return result;
    if (length < 0 || w->depth + 1 == MAX_DEPTH)
        return fail(w, E_INVAL, "a node without a name, or too deep");
    w->depth++;
    w->name[w->depth] = (const char *)w->fdt + *at;
    w->address_cells[w->depth] = 2; /* the defaults of 2.3.5 */
    w->size_cells[w->depth] = 1;
    w->open = true;
    for (int i = 0; i < NPROPS; i++)
        w->props[i] = (struct prop){NULL, 0};
    *at += (uint32_t)length + 1;
    return 0;
}

static int
note_property(struct walk *w, uint32_t *at)
{
    uint32_t length, name;

    if (!w->open || w->structs_end - *at < 8)
        return fail(w, E_INVAL, "a property in the wrong place");
    length = be32(w->fdt + *at);
    name = be32(w->fdt + *at + 4);
    *at += 8;
    if (length > w->structs_end - *at || name >= w->strings_end - w->strings ||
        string_length(w, w->strings + name, w->strings_end) < 0)
        return fail(w, E_INVAL, "a property out of bounds");
    for (int i = 0; i < NPROPS; i++)
        if (same((const char *)w->fdt + w->strings + name, prop_names[i]))
            w->props[i] = (struct prop){w->fdt + *at, length};
    *at += length;
    return 0;
}

static int
walk_structs(struct walk *w, uint32_t at)
{
    uint32_t token;
    int result = 0;

    while (result == 0) {
        if (at > w->structs_end || w->structs_end - at < 4)
            return fail(w, E_INVAL, "no end");
        token = be32(w->fdt + at);
        at += 4;
        if (token == T_BEGIN_NODE) {
            result = begin_node(w, &at);
        } else if (token == T_PROP) {
            result = note_property(w, &at);
        } else if (token == T_END_NODE && w->depth >= 0) {
            result = close_properties(w);
            w->depth--;
        } else if (token == T_END && w->depth < 0) {
            return 0;
        } else if (token != T_NOP) {
            return fail(w, E_INVAL, "an unknown token");
        }
        at = (at + 3) & ~3u; /* no overflow: sizes are under FDT_MAX_SIZE */
    }
    return result;
}

/* The memory reservation block (5.3): pairs of 64-bit base and size. */
static int
walk_reservations(struct walk *w, uint32_t at, uint32_t total)
{
    struct prop pair = {NULL, 16};
    uint64_t base, size;
    uint32_t i;
    int result = 0;

    for (; result == 0; at += 16) {
        if (at > total || total - at < 16)
            return fail(w, E_INVAL, "no end of the reservations");
        pair.data = w->fdt + at;
        i = 0;
        take_cells(&pair, &i, 2, &base);
        take_cells(&pair, &i, 2, &size);
        if (base == 0 && size == 0)
            break;
        result = add_reserved(w, base, size);
    }
    return result;
}

static int
read_tree(struct walk *w)
{
    const uint8_t *h = w->fdt;
    uint32_t structs, total;
    int result;

    if (be32(h + H_MAGIC) != (uint32_t)MAGIC)
        return fail(w, E_INVAL, "not a device tree");
    total = be32(h + H_TOTAL_SIZE);
    if (total < HEADER_SIZE || total > FDT_MAX_SIZE ||
        be32(h + H_COMPATIBLE_VERSION) > VERSION)
        return fail(w, E_INVAL, "its size or version");
    structs = be32(h + H_STRUCTS);
    w->strings = be32(h + H_STRINGS);
    if (structs % 4 || structs > total ||
        be32(h + H_STRUCTS_SIZE) > total - structs || w->strings > total ||
        be32(h + H_STRINGS_SIZE) > total - w->strings)
        return fail(w, E_INVAL, "its blocks out of bounds");
    w->structs_end = structs + be32(h + H_STRUCTS_SIZE);
    w->strings_end = w->strings + be32(h + H_STRINGS_SIZE);
    w->m->fdt_pa = PHYS((uintptr_t)h);
    w->m->fdt_size = total;
    result = walk_reservations(w, be32(h + H_RESERVE_MAP), total);
    return result < 0 ? result : walk_structs(w, structs);
}

static const char *
missing(const struct machine *m, uint64_t boot_hart)
{
    uint32_t i = 0;

    while (i < m->nharts && m->hart_ids[i] != boot_hart)
        i++;
    if (i == m->nharts)
        return "the boot hart (or its id is over 63)";
    if (m->mem_size == 0)
        return "the memory at 0x80200000";
    if (m->timebase_hz == 0)
        return "the timebase frequency";
    if (m->uart_pa == 0 || m->uart_irq == 0)
        return "a 16550 UART with an interrupt";
    if (m->plic_pa == 0)
        return "a PLIC";
    return m->finisher_pa == 0 ? "a test finisher" : NULL;
}

int
fdt_read(const void *fdt, uint64_t boot_hart, struct machine *m)
{
    struct walk w = {.fdt = fdt, .boot_hart = boot_hart, .m = m, .depth = -1};
    int result;

    *m = (struct machine){.sstc = true};
    result = read_tree(&w);
    if (result == 0 && missing(m, boot_hart))
        result = fail(&w, E_NOENT, missing(m, boot_hart));
    return result;
}
