/* The flattened device tree (Devicetree Specification 0.4, 2, 3 and 5), in one
 * pass. The firmware has made it: it is well formed, and not deep. */
#include "hw/fdt.h"
#include "hw/memlayout.h"

/* The header's words (5.2) and the tokens (5.4.1). */
enum { MAGIC, SIZE, STRUCTS, STRINGS, HEADER_BYTES = 40 };
enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4 };

#define FDT_MAGIC 0xd00dfeed

struct prop {
    const char *data; /* NULL: the node has none */
    uint32_t length;
};

struct tree {
    const char *at;      /* the structure block from here on */
    const char *strings; /* the names of properties */
    const char *name;    /* of the property that next() passed */
    struct prop prop;    /* its value */
};

struct machine machine;

/* Returns: the number in so many cells, at most two; 0 if it is not there. */
static uint64_t
number(struct prop p, uint64_t skip, uint64_t cells)
{
    uint64_t value = 0;

    for (uint64_t i = 4 * skip; i < 4 * (skip + cells) && i < p.length; i++)
        value = value << 8 | (uint8_t)p.data[i];
    return value;
}

static uint32_t
next_cell(struct tree *t)
{
    t->at += 4;
    return (uint32_t)number((struct prop){t->at - 4, 4}, 0, 1);
}

/* Pass what comes next. Returns: its token. */
static uint32_t
next(struct tree *t)
{
    uint32_t token;

    while ((token = next_cell(t)) == NOP)
        ;
    if (token == BEGIN_NODE) {
        t->at += (__builtin_strlen(t->at) + 4) & ~3ul; /* its name and NUL */
    } else if (token == PROP) {
        t->prop.length = next_cell(t);
        t->name = t->strings + next_cell(t);
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
    return (struct prop){0};
}

/* A property that is one number; without it, the fallback. */
static uint64_t
get(const struct tree *t, const char *name, uint64_t fallback)
{
    struct prop p = find(*t, name);

    return p.data ? number(p, 0, p.length / 4) : fallback;
}

/* Returns: whether a word ends so in a list of strings, or in an ISA string
 * such as rv64imac_zicsr_sstc. */
static bool
has(const struct tree *t, const char *name, const char *word)
{
    uint32_t n = (uint32_t)__builtin_strlen(word);

    for (struct prop p = find(*t, name); p.length > n; p.data++, p.length--)
        if (!__builtin_memcmp(p.data, word, n) &&
            (!p.data[n] || p.data[n] == '_'))
            return true;
    return false;
}

static void
read_cpu(const struct tree *t, uint64_t id)
{
    if (!has(t, "riscv,isa", "sstc") && !has(t, "riscv,isa-extensions", "sstc"))
        machine.sstc = false;
    if (id != machine.hart_ids[0] && machine.nharts < FDT_MAX_HARTS)
        machine.hart_ids[machine.nharts++] = id;
}

/* Look at a node, whose `reg` is in these cells. */
static void
read_node(const struct tree *t, const uint64_t cells[2])
{
    struct machine *m = &machine;
    struct prop p = find(*t, "reg");
    uint64_t base = number(p, 0, cells[0]);
    struct range reg = {base, base + number(p, cells[0], cells[1])};

    m->timebase_hz = get(t, "timebase-frequency", m->timebase_hz);
    m->initrd.base = get(t, "linux,initrd-start", m->initrd.base);
    m->initrd.end = get(t, "linux,initrd-end", m->initrd.end);
    if ((p = find(*t, "bootargs")).data)
        m->args = p.data;
    if (find(*t, "status").data && !has(t, "status", "okay"))
        return;
    if (has(t, "device_type", "cpu")) {
        read_cpu(t, base);
    } else if (has(t, "device_type", "memory") && base <= KERNEL_LOAD &&
               KERNEL_LOAD < reg.end) {
        m->memory = reg;
    } else if (has(t, "compatible", "ns16550a")) {
        m->uart_pa = base;
        m->uart_irq = (uint32_t)number(find(*t, "interrupts"), 0, 1);
    } else if (has(t, "compatible", "riscv,plic0")) {
        m->plic = reg;
    } else if (has(t, "compatible", "sifive,test0")) {
        m->finisher_pa = base;
    }
}

/* Read the node whose beginning was passed just now, and those in it. */
static void
walk(struct tree *t, const uint64_t cells[2])
{
    const uint64_t own[2] = {get(t, "#address-cells", 2), /* 2.3.5 */
                             get(t, "#size-cells", 1)};
    uint32_t token;

    read_node(t, cells);
    while ((token = next(t)) != END_NODE)
        if (token == BEGIN_NODE)
            walk(t, own);
}

const char *
fdt_read(const void *fdt, uint64_t boot_hart)
{
    struct prop header = {fdt, HEADER_BYTES};
    struct tree t = {.at = header.data + number(header, STRUCTS, 1),
                     .strings = header.data + number(header, STRINGS, 1)};
    uint64_t pa = PHYS((uintptr_t)fdt);

    machine = (struct machine){
        .hart_ids = {boot_hart}, .nharts = 1, .sstc = true, .args = ""};
    machine.fdt = (struct range){pa, pa + number(header, SIZE, 1)};
    if (number(header, MAGIC, 1) != FDT_MAGIC || next(&t) != BEGIN_NODE)
        return "it is not there";
    walk(&t, (const uint64_t[2]){0});
    if (!machine.memory.end || !machine.timebase_hz || !machine.uart_irq ||
        !machine.plic.base || !machine.finisher_pa || !machine.initrd.end)
        return "no memory, timebase, UART, PLIC, test finisher or -initrd";
    return NULL;
}
