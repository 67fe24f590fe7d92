/*
 * The flattened device tree (Devicetree Specification 0.4, 2, 3 and 5), in one
 * pass without recursion. Nothing in it is believed:
 *
 *   F1  at <= end, and both are aligned: when they differ, a cell is there.
 *   F2  the block of the properties' names ends with a NUL.
 */
#include "hw/fdt.h"
#include "abi/abi.h"
#include "hw/memlayout.h"

/* The header's words (5.2) and the tokens (5.4.1). */
enum { MAGIC, SIZE, STRUCTS, STRINGS, VERSION = 6, STRINGS_SIZE = 8 };
enum { STRUCTS_SIZE = 9, HEADER_BYTES = 40 };
enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9 };

#define FDT_MAGIC   0xd00dfeed
#define FDT_VERSION 17 /* the oldest reader that must understand the tree */
#define MAX_DEPTH   16
#define MAX_IDS     64 /* a bit each in the SBI's hart masks */

struct prop {
    const uint8_t *data; /* NULL: the node has none */
    uint32_t length;
};

struct tree {
    const uint8_t *at, *end; /* F1: the structure block from here on */
    const char *strings;     /* F2 */
    uint64_t strings_size;
    const char *name; /* of the node or property that next() passed */
    struct prop prop; /* the value of that property */
};

struct machine machine;

/* Returns: the number in one or two cells, 0 if it is not there. */
static uint64_t
number(struct prop p, uint64_t skip, uint64_t cells)
{
    uint64_t value = 0;

    if (skip > HEADER_BYTES / 4 || cells > 2 || p.length < 4 * (skip + cells))
        return 0;
    for (uint64_t i = 4 * skip; i < 4 * (skip + cells); i++)
        value = value << 8 | p.data[i];
    return value;
}

/* Returns: the next cell, or 0, which is no token, at the end. */
static uint32_t
next_cell(struct tree *t)
{
    struct prop cell = {t->at, t->at == t->end ? 0 : 4};

    t->at += cell.length;
    return (uint32_t)number(cell, 0, 1);
}

/* Pass what comes next. Returns: its token, or 0 if it is damaged. */
static uint32_t
next(struct tree *t)
{
    uint32_t token, name;

    while ((token = next_cell(t)) == NOP)
        ;
    if (token == BEGIN_NODE) {
        t->name = (const char *)t->at;
        do { /* the name's NUL and padding fill its last cell */
            if (t->at == t->end)
                return 0;
            t->at += 4;
        } while (t->at[-1]);
    } else if (token == PROP) {
        t->prop.length = next_cell(t);
        name = next_cell(t);
        if (t->prop.length > t->end - t->at || name >= t->strings_size)
            return 0;
        t->name = t->strings + name;
        t->prop.data = t->at;
        t->at += (t->prop.length + 3) & ~3u;
    }
    return token;
}

/* A property of the node whose beginning was passed just now: they come before
 * its children. */
static struct prop
find(struct tree t, const char *name)
{
    while (next(&t) == PROP)
        if (!__builtin_strcmp(name, t.name))
            return t.prop;
    return (struct prop){NULL, 0};
}

/* A property that is one number; without it, the fallback. */
static uint64_t
get(const struct tree *t, const char *name, uint64_t fallback)
{
    struct prop p = find(*t, name);

    return p.data ? number(p, 0, p.length / 4) : fallback;
}

/* Returns: whether the word stands in a list of strings, or in an ISA string
 * such as rv64imac_zicsr_sstc. */
static bool
has(const struct tree *t, const char *name, const char *word)
{
    uint32_t n = (uint32_t)__builtin_strlen(word);
    struct prop p = find(*t, name);
    bool begins = true;

    for (; p.length >= n; p.data++, p.length--) {
        if (begins && !__builtin_memcmp(p.data, word, n) &&
            (p.length == n || !p.data[n] || p.data[n] == '_'))
            return true;
        begins = !*p.data || *p.data == '_';
    }
    return false;
}

static void
read_chosen(const struct tree *t, struct machine *m)
{
    struct prop args = find(*t, "bootargs");

    m->initrd.base = get(t, "linux,initrd-start", 0);
    m->initrd.end = get(t, "linux,initrd-end", 0);
    if (args.length > FDT_MAX_ARGS)
        m->error = "boot arguments over 255 bytes";
    else if (args.data)
        __builtin_memcpy(m->args, args.data, args.length);
    m->args[FDT_MAX_ARGS - 1] = '\0';
}

static void
read_cpu(const struct tree *t, struct machine *m, uint64_t id)
{
    m->sstc = m->sstc && (has(t, "riscv,isa", "sstc") ||
                          has(t, "riscv,isa-extensions", "sstc"));
    if (id == m->hart_ids[0])
        m->boot_hart_found = id < MAX_IDS;
    else if (id < MAX_IDS && m->nharts < FDT_MAX_HARTS)
        m->hart_ids[m->nharts++] = id;
}

/* Look at a node in /top (or at /top), whose `reg` is in these cells. */
static void
read_node(const struct tree *t, struct machine *m, const char *top,
          const uint64_t cells[2])
{
    struct prop p = find(*t, "reg");
    uint64_t base = number(p, 0, cells[0]);
    struct range reg = {base, base + number(p, cells[0], cells[1])};

    m->timebase_hz = get(t, "timebase-frequency", m->timebase_hz);
    if (reg.end < base ||
        (find(*t, "status").data && !has(t, "status", "okay")))
        return;
    if (!__builtin_strcmp(top, "chosen")) {
        read_chosen(t, m);
    } else if (!__builtin_strcmp(top, "reserved-memory") && reg.end > base) {
        if (m->nreserved == FDT_MAX_RESERVED)
            m->error = "more than 8 ranges of reserved memory";
        else
            m->reserved[m->nreserved++] = reg;
    } else if (has(t, "device_type", "cpu")) {
        read_cpu(t, m, base);
    } else if (has(t, "device_type", "memory") && base <= KERNEL_LOAD &&
               KERNEL_LOAD < reg.end) {
        m->memory = reg;
    } else if (has(t, "compatible", "ns16550a") && !m->uart_irq) {
        m->uart_pa = base;
        m->uart_irq = (uint32_t)number(find(*t, "interrupts"), 0, 1);
    } else if (has(t, "compatible", "riscv,plic0")) {
        m->plic = reg;
    } else if (has(t, "compatible", "sifive,test0")) {
        m->finisher_pa = base;
    }
}

/* Returns: whether the structure block is sound. */
static bool
walk(struct tree *t, struct machine *m)
{
    uint64_t cells[MAX_DEPTH + 1][2] = {{0}}; /* for a node's children */
    const char *top = "";
    uint32_t depth = 0, token;

    while ((token = next(t)) != END) {
        if (token == BEGIN_NODE && depth < MAX_DEPTH) {
            top = depth == 1 ? t->name : top;
            read_node(t, m, top, cells[depth++]);
            cells[depth][0] = get(t, "#address-cells", 2); /* 2.3.5 */
            cells[depth][1] = get(t, "#size-cells", 1);
        } else if (token == END_NODE && depth > 0) {
            depth--;
        } else if (token != PROP) {
            return false;
        }
    }
    return depth == 0;
}

int
fdt_read(const void *fdt, uint64_t boot_hart, struct machine *m)
{
    struct prop header = {fdt, HEADER_BYTES};
    uint64_t size = number(header, SIZE, 1), pa = PHYS((uintptr_t)fdt);
    uint64_t structs = number(header, STRUCTS, 1);
    uint64_t end = structs + number(header, STRUCTS_SIZE, 1);
    uint64_t strings = number(header, STRINGS, 1);
    uint64_t strings_size = number(header, STRINGS_SIZE, 1);
    struct tree t = {.at = header.data + structs,
                     .end = header.data + end,
                     .strings = (const char *)fdt + strings,
                     .strings_size = strings_size};
    const struct range *initrd = &m->initrd, *memory = &m->memory;

    *m = (struct machine){.nharts = 1, .sstc = true, .fdt = {pa, pa + size}};
    m->hart_ids[0] = boot_hart;
    if (number(header, MAGIC, 1) != FDT_MAGIC || size > FDT_MAX_SIZE ||
        number(header, VERSION, 1) > FDT_VERSION || structs % 4 || end % 4 ||
        end > size || !strings_size || strings + strings_size > size ||
        t.strings[strings_size - 1] || !walk(&t, m))
        m->error = "it is damaged";
    else if (!m->boot_hart_found || !memory->end || !m->timebase_hz)
        m->error = "no boot hart below 64, memory at 0x80200000 or timebase";
    else if (!m->uart_irq || !m->plic.base || !m->finisher_pa)
        m->error = "no 16550 UART with an interrupt, PLIC or test finisher";
    else if (initrd->base > initrd->end || initrd->end > memory->end ||
             (initrd->end && initrd->base < memory->base))
        m->error = "the initrd is not in memory";
    if (!m->error)
        return 0;
    m->finisher_pa = 0; /* power_off() must not believe it */
    return -E_INVAL;
}
