// SOURCES: kern/hw/fdt.c
/*
 * fdt_read over trees built here: a sound one like that of QEMU's virt, and the
 * same with one thing missing or odd, in exact allocations, where the
 * sanitizers see any read out of bounds. With arguments, prints what it reads
 * in those device tree files.
 */
#include "check.h"
#include "hw/fdt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK  8192
#define HEADER 40

/* --- building trees ----------------------------------------------------- */

static uint8_t structs[BLOCK], strings[BLOCK];
static uint32_t nstructs, nstrings;

static void store32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void cell(uint32_t value)
{
    store32(structs + nstructs, value);
    nstructs += 4;
}

static void bytes(const void *data, uint32_t n)
{
    memcpy(structs + nstructs, data, n);
    nstructs = (nstructs + n + 3) & ~3u;
}

static void begin(const char *name)
{
    cell(1);
    bytes(name, (uint32_t)strlen(name) + 1);
}

static void end(void)
{
    cell(2);
}

static void prop(const char *name, const void *data, uint32_t n)
{
    cell(3);
    cell(n);
    cell(nstrings);
    bytes(data, n);
    memcpy(strings + nstrings, name, strlen(name) + 1);
    nstrings += (uint32_t)strlen(name) + 1;
}

static void prop_text(const char *name, const char *text)
{
    prop(name, text, (uint32_t)strlen(text) + 1);
}

static void prop_cells(const char *name, int n, const uint32_t *values)
{
    uint8_t data[64];

    for (int i = 0; i < n; i++)
        store32(data + 4 * i, values[i]);
    prop(name, data, 4 * (uint32_t)n);
}

#define PROP_CELLS(name, ...)                                                  \
    prop_cells(name, sizeof((uint32_t[]){__VA_ARGS__}) / 4,                    \
               (uint32_t[]){__VA_ARGS__})

/* What a test changes about the tree. */
struct variant {
    uint32_t nharts;
    uint32_t disabled;   /* id of a hart, or NONE */
    const char *without; /* a node name to leave out */
    const char *isa;
    const char *extensions;
    const char *args;
};

#define NONE UINT32_MAX

static const struct variant sound = {.nharts = 4,
                                     .disabled = NONE,
                                     .isa = "rv64imafdc_zicsr_sstc",
                                     .args = "run me"};

static void device(const struct variant *v, const char *name,
                   const char *compatible, uint32_t list_length, uint32_t pa,
                   uint32_t size, uint32_t irq)
{
    if (v->without && strcmp(v->without, name) == 0)
        return;
    begin(name);
    PROP_CELLS("interrupts", irq);
    PROP_CELLS("reg", 0, pa, 0, size);
    prop("compatible", compatible, list_length);
    if (strcmp(name, "plic") == 0)
        PROP_CELLS("riscv,ndev", 96);
    end();
}

static void timer(void)
{
    begin("mtimer");
    PROP_CELLS("reg", 0, 0x2000000, 0, 0x10, 0, 0x2008000, 0, 0x7000);
    prop_text("compatible", "riscv,aclint-mtimer");
    end();
}

static void cpus(const struct variant *v)
{
    begin("cpus");
    PROP_CELLS("#address-cells", 1);
    PROP_CELLS("#size-cells", 0);
    PROP_CELLS("timebase-frequency", 10000000);
    for (uint32_t i = 0; i < v->nharts; i++) {
        begin("cpu");
        prop_text("device_type", "cpu");
        PROP_CELLS("reg", i);
        prop_text("status", i == v->disabled ? "disabled" : "okay");
        if (v->isa)
            prop_text("riscv,isa", v->isa);
        if (v->extensions)
            prop("riscv,isa-extensions", v->extensions, 11);
        begin("interrupt-controller");
        end();
        end();
    }
    end();
}

static void top_nodes(const struct variant *v)
{
    begin("chosen");
    if (!v->without || strcmp(v->without, "initrd")) {
        PROP_CELLS("linux,initrd-start", 0x84000000);
        PROP_CELLS("linux,initrd-end", 0, 0x84001234);
    }
    if (v->args)
        prop_text("bootargs", v->args);
    end();
    if (!v->without || strcmp(v->without, "memory@80000000")) {
        begin("memory@80000000");
        prop_text("device_type", "memory");
        PROP_CELLS("reg", 0, 0x80000000, 0, 0x8000000);
        end();
    }
    begin("memory@100000000"); /* another bank */
    prop_text("device_type", "memory");
    PROP_CELLS("reg", 1, 0, 1, 0);
    end();
}

static uint8_t *finish(uint32_t *size)
{
    uint32_t at = HEADER + 16; /* one empty reservation */
    uint8_t *fdt = calloc(1, at + nstructs + nstrings);

    *size = at + nstructs + nstrings;
    store32(fdt, 0xd00dfeed);
    store32(fdt + 4, *size);
    store32(fdt + 8, at);
    store32(fdt + 12, at + nstructs);
    store32(fdt + 16, HEADER);
    store32(fdt + 20, 17);
    store32(fdt + 24, 16);
    store32(fdt + 32, nstrings);
    store32(fdt + 36, nstructs);
    memcpy(fdt + at, structs, nstructs);
    memcpy(fdt + at + nstructs, strings, nstrings);
    return fdt;
}

/* A tree in an allocation of its exact size, for the caller to free. */
static uint8_t *build(const struct variant *v, uint32_t *size)
{
    memset(structs, 0, sizeof(structs));
    nstructs = nstrings = 0;
    begin("");
    PROP_CELLS("#address-cells", 2);
    PROP_CELLS("#size-cells", 2);
    top_nodes(v);
    cpus(v);
    begin("soc");
    PROP_CELLS("#address-cells", 2);
    PROP_CELLS("#size-cells", 2);
    cell(4); /* a NOP */
    device(v, "test", "sifive,test1\0sifive,test0", 26, 0x100000, 0x1000, 0);
    device(v, "serial", "ns16550a", 9, 0x10000000, 0x100, 10);
    device(v, "plic", "x\0riscv,plic0", 14, 0xc000000, 0x600000, 0);
    timer();
    end();
    end();
    cell(9);
    return finish(size);
}

/* Returns: fdt_read's complaint. The tree stays: machine.args points to it. */
static const char *read_variant(const struct variant *v, uint64_t boot_hart)
{
    static uint8_t *fdt;
    uint32_t size;

    free(fdt);
    fdt = build(v, &size);
    return fdt_read(fdt, boot_hart);
}

/* --- tests -------------------------------------------------------------- */

static void test_sound(void)
{
    uint32_t size;
    uint8_t *fdt = build(&sound, &size);

    CHECK(!fdt_read(fdt, 2));
    CHECK(machine.nharts == 4 && machine.hart_ids[0] == 2);
    CHECK(machine.hart_ids[1] == 0 && machine.hart_ids[3] == 3);
    CHECK(machine.memory.base == 0x80000000);
    CHECK(machine.memory.end == 0x88000000);
    CHECK(machine.timebase_hz == 10000000 && machine.sstc);
    CHECK(machine.uart_pa == 0x10000000 && machine.uart_irq == 10);
    CHECK(machine.plic.base == 0xc000000 && machine.plic.end == 0xc600000);
    CHECK(machine.irqs == 96);
    CHECK(machine.finisher_pa == 0x100000);
    CHECK(machine.fdt.end - machine.fdt.base == size);
    CHECK(machine.initrd.base == 0x84000000);
    CHECK(machine.initrd.end == 0x84001234);
    CHECK(strcmp(machine.args, "run me") == 0);
    free(fdt);
}

/* Both memory banks, the test finisher, the PLIC, and both parts of the timer
 * are not for drivers; the UART is. */
static void test_kept(void)
{
    static const struct range kept[] = {
        {0x80000000, 0x88000000}, {0x100000000, 0x200000000},
        {0x100000, 0x101000},     {0xc000000, 0xc600000},
        {0x2000000, 0x2000010},   {0x2008000, 0x200f000}};

    CHECK(!read_variant(&sound, 0));
    CHECK(machine.nkept == sizeof(kept) / sizeof(kept[0]));
    CHECK(memcmp(machine.kept, kept, sizeof(kept)) == 0);
}

static void test_missing(void)
{
    static const char *const names[] = {"test", "serial", "plic", "initrd",
                                        "memory@80000000"};
    uint8_t other[HEADER] = {0};
    struct variant v = sound;

    for (int i = 0; i < 5; i++) {
        v.without = names[i];
        CHECK(read_variant(&v, 0));
    }
    CHECK(fdt_read(other, 0) && !machine.finisher_pa);
    v = sound;
    v.args = NULL;
    CHECK(!read_variant(&v, 0) && machine.args[0] == '\0');
}

static void test_many_harts(void)
{
    struct variant v = sound;

    v.nharts = 20;
    CHECK(!read_variant(&v, 0) && machine.nharts == 8);
    CHECK(machine.hart_ids[0] == 0 && machine.hart_ids[7] == 7);
    CHECK(!read_variant(&v, 17) && machine.nharts == 8);
    CHECK(machine.hart_ids[0] == 17 && machine.hart_ids[7] == 6);
    v.disabled = 1;
    CHECK(!read_variant(&v, 0) && machine.hart_ids[7] == 8);
}

static void test_sstc(void)
{
    static const struct {
        const char *isa, *extensions;
        bool sstc;
    } cases[] = {
        {"rv64imac_sstc_zba", NULL, true}, {"rv64imac_sstcx", NULL, false},
        {"rv64imac", NULL, false},         {"rv64imac", "i\0m\0c\0sstc", true},
        {NULL, "i\0m\0c\0ssxx", false},
    };
    struct variant v = sound;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        v.isa = cases[i].isa;
        v.extensions = cases[i].extensions;
        CHECK(!read_variant(&v, 0) && machine.sstc == cases[i].sstc);
    }
}

static int print_file(const char *name)
{
    static uint8_t data[2 << 20];
    FILE *file = fopen(name, "rb");
    const char *error;

    CHECK(file && fread(data, 1, sizeof(data), file) > HEADER);
    fclose(file);
    error = fdt_read(data, 0);
    printf("%s: %s, %u harts, memory %#lx-%#lx, uart %#lx, sstc %d, args %s\n",
           name, error ? error : "good", machine.nharts,
           (unsigned long)machine.memory.base,
           (unsigned long)machine.memory.end, (unsigned long)machine.uart_pa,
           machine.sstc, machine.args);
    return error != NULL;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= print_file(argv[i]);
    test_sound();
    test_kept();
    test_missing();
    test_many_harts();
    test_sstc();
    return failed;
}
