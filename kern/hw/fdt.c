/* The flattened device tree (Devicetree Specification 0.4, 2, 3 and 5), in one
 * pass. The firmware has made it: it is well formed, and addresses and sizes
 * have two cells, as those of 64 bits do; the ids of harts have one. */
#include "hw/fdt.h"
#include "hw/memlayout.h"

/* The header's words (5.2) and the tokens (5.4.1). */
enum { MAGIC, SIZE, STRUCTS, STRINGS };
enum { BEGIN_NODE = 1, PROP = 3, NOP = 4, END = 9 };

#define FDT_MAGIC 0xd00dfeed

/* The structure block from `at` on, and the property that next() passed. */
struct tree {
    const char *at, *strings, *name;
    const char *data; /* its value; NULL: the node has none */
    uint32_t length;
};

struct machine machine;

static uint32_t cell(const char *block, uint32_t i)
{
    const uint8_t *p = (const uint8_t *)block + 4 * i;

    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Returns: the number in cells [first, end), as far as they are there. */
static uint64_t number(const struct tree *p, uint32_t first, uint32_t end)
{
    uint64_t value = 0;

    for (uint32_t i = first; i < end && 4 * i < p->length; i++)
        value = value << 32 | cell(p->data, i);
    return value;
}

/* Pass what comes next. Returns: its token. */
static uint32_t next(struct tree *t)
{
    uint32_t token;

    do {
        token = cell(t->at, 0);
        t->at += 4;
    } while (token == NOP);
    if (token == BEGIN_NODE) {
        do /* its name's NUL and padding fill a cell */
            t->at += 4;
        while (t->at[-1]);
    } else if (token == PROP) {
        t->length = cell(t->at, 0);
        t->name = t->strings + cell(t->at, 1);
        t->data = t->at + 8;
        t->at += 8 + ((t->length + 3) & ~3u);
    }
    return token;
}

/* A property of the node whose beginning was passed just now: they come before
 * its children. */
static struct tree find(struct tree t, const char *name)
{
    while (next(&t) == PROP)
        if (!__builtin_strcmp(name, t.name))
            return t;
    return (struct tree){0};
}

/* A property that is one number; without it, the fallback. */
static uint64_t get(const struct tree *t, const char *name, uint64_t fallback)
{
    struct tree p = find(*t, name);

    return p.data ? number(&p, 0, p.length / 4) : fallback;
}

/* Returns: whether a word ends so in a list of strings, or in an ISA string
 * such as rv64imac_zicsr_sstc. */
#define has(t, name, word) has_word((t), (name), (word), sizeof(word) - 1)
static bool has_word(const struct tree *t, const char *name, const char *word,
                     uint32_t n)
{
    for (struct tree p = find(*t, name); p.length > n; p.data++, p.length--)
        if (!__builtin_memcmp(p.data, word, n) &&
            (!p.data[n] || p.data[n] == '_'))
            return true;
    return false;
}

/* What the kernel keeps to itself: memory, the interrupt controllers, and the
 * test finisher. */
static bool is_kept(const struct tree *t)
{
    return has(t, "device_type", "memory") ||
           has(t, "compatible", "riscv,plic0") ||
           has(t, "compatible", "riscv,clint0") ||
           has(t, "compatible", "riscv,aclint-mtimer") ||
           has(t, "compatible", "riscv,aclint-mswi") ||
           has(t, "compatible", "riscv,aclint-sswi") ||
           has(t, "compatible", "sifive,test0");
}

/* Each pair of address and size in reg. */
static void keep(struct machine *m, const struct tree *reg)
{
    for (uint32_t i = 0; 4 * i < reg->length; i += 4, m->nkept++) {
        uint64_t base = number(reg, i, i + 2);

        if (m->nkept < FDT_MAX_KEPT)
            m->kept[m->nkept] =
                (struct range){base, base + number(reg, i + 2, i + 4)};
    }
}

/* Look at the node whose beginning was passed just now. */
static void read_node(const struct tree *t)
{
    struct machine *m = &machine;
    struct tree regs = find(*t, "reg"), p;
    uint64_t base = number(&regs, 0, 2);
    struct range reg = {base, base + number(&regs, 2, 4)};

    m->timebase_hz = get(t, "timebase-frequency", m->timebase_hz);
    m->initrd.base = get(t, "linux,initrd-start", m->initrd.base);
    m->initrd.end = get(t, "linux,initrd-end", m->initrd.end);
    if ((p = find(*t, "bootargs")).data)
        m->args = p.data;
    if (find(*t, "status").data && !has(t, "status", "okay"))
        return;
    if (is_kept(t))
        keep(m, &regs);
    if (has(t, "device_type", "cpu")) {
        m->sstc = m->sstc && (has(t, "riscv,isa", "sstc") ||
                              has(t, "riscv,isa-extensions", "sstc"));
        if (base != m->hart_ids[0] && m->nharts < FDT_MAX_HARTS)
            m->hart_ids[m->nharts++] = base;
    } else if (has(t, "device_type", "memory") && base <= KERNEL_LOAD &&
               KERNEL_LOAD < reg.end) {
        m->memory = reg;
    } else if (has(t, "compatible", "ns16550a")) {
        m->uart_pa = base;
        m->uart_irq = (uint32_t)get(t, "interrupts", 0);
    } else if (has(t, "compatible", "riscv,plic0")) {
        m->plic = reg;
        m->irqs = (uint32_t)get(t, "riscv,ndev", 0);
    } else if (has(t, "compatible", "sifive,test0")) {
        m->finisher_pa = base;
    }
}

const char *fdt_read(const void *fdt, uint64_t boot_hart)
{
    const char *header = fdt;
    struct tree t = {.at = header + cell(header, STRUCTS),
                     .strings = header + cell(header, STRINGS)};
    uint64_t pa = PHYS((uintptr_t)fdt);
    uint32_t token;

    machine = (struct machine){
        .hart_ids = {boot_hart}, .nharts = 1, .sstc = true, .args = ""};
    machine.fdt = (struct range){pa, pa + cell(header, SIZE)};
    if (cell(header, MAGIC) != FDT_MAGIC)
        return "it is not there";
    while ((token = next(&t)) != END)
        if (token == BEGIN_NODE)
            read_node(&t);
    if (!machine.memory.end || !machine.timebase_hz || !machine.uart_irq ||
        !machine.plic.base || !machine.finisher_pa || !machine.initrd.end)
        return "no memory, timebase, UART, PLIC, test finisher or -initrd";
    return machine.nkept > FDT_MAX_KEPT ? "too many memory banks" : NULL;
}
