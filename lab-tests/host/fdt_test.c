// SOURCES: kern/hw/fdt.c
/*
 * fdt_read over trees built here: a sound one like that of QEMU's virt, the
 * same with one thing missing or odd, and thousands of damaged and cut ones in
 * exact allocations, where the sanitizers see any read out of bounds. With
 * arguments, prints what it reads in those device tree files.
 */
#include "hw/fdt.h"
#include "abi/abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                  \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#define BLOCK  8192
#define HEADER 40

/* --- building trees ----------------------------------------------------- */

static uint8_t structs[BLOCK], strings[BLOCK];
static uint32_t nstructs, nstrings;

static void
store32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void
cell(uint32_t value)
{
    store32(structs + nstructs, value);
    nstructs += 4;
}

static void
bytes(const void *data, uint32_t n)
{
    memcpy(structs + nstructs, data, n);
    nstructs = (nstructs + n + 3) & ~3u;
}

static void
begin(const char *name)
{
    cell(1);
    bytes(name, (uint32_t)strlen(name) + 1);
}

static void
end(void)
{
    cell(2);
}

static void
prop(const char *name, const void *data, uint32_t n)
{
    cell(3);
    cell(n);
    cell(nstrings);
    bytes(data, n);
    memcpy(strings + nstrings, name, strlen(name) + 1);
    nstrings += (uint32_t)strlen(name) + 1;
}

static void
prop_text(const char *name, const char *text)
{
    prop(name, text, (uint32_t)strlen(text) + 1);
}

static void
prop_cells(const char *name, int n, const uint32_t *values)
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
    uint32_t first_id;
    const char *without; /* a node name to leave out */
    const char *isa;
    const char *extensions;
    const char *args;
    uint32_t nreserved;
    uint32_t depth;
};

static const struct variant sound = {
    .nharts = 4, .isa = "rv64imafdc_zicsr_sstc", .args = "run me"};

static void
device(const struct variant *v, const char *name, const char *compatible,
       uint32_t list_length, uint32_t pa, uint32_t size, uint32_t irq)
{
    if (v->without && strcmp(v->without, name) == 0)
        return;
    begin(name);
    PROP_CELLS("interrupts", irq);
    PROP_CELLS("reg", 0, pa, 0, size);
    prop("compatible", compatible, list_length);
    end();
}

static void
cpus(const struct variant *v)
{
    begin("cpus");
    PROP_CELLS("#address-cells", 1);
    PROP_CELLS("#size-cells", 0);
    PROP_CELLS("timebase-frequency", 10000000);
    for (uint32_t i = 0; i < v->nharts; i++) {
        begin("cpu");
        prop_text("device_type", "cpu");
        PROP_CELLS("reg", v->first_id + i);
        prop_text("status", i == 1 ? "disabled" : "okay");
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

static void
top_nodes(const struct variant *v)
{
    begin("chosen");
    PROP_CELLS("linux,initrd-start", 0x84000000);
    PROP_CELLS("linux,initrd-end", 0, 0x84001234);
    if (v->args)
        prop_text("bootargs", v->args);
    end();
    begin("reserved-memory");
    PROP_CELLS("#address-cells", 2);
    PROP_CELLS("#size-cells", 2);
    for (uint32_t i = 0; i < v->nreserved; i++) {
        begin("mmode");
        PROP_CELLS("reg", 0, 0x80000000 + (i << 16), 0, 0x10000);
        end();
    }
    end();
    begin("memory@80000000");
    prop_text("device_type", "memory");
    PROP_CELLS("reg", 0, 0x80000000, 0, 0x8000000);
    end();
    begin("memory@100000000"); /* another bank */
    prop_text("device_type", "memory");
    PROP_CELLS("reg", 1, 0, 1, 0);
    end();
}

static uint8_t *
finish(uint32_t *size)
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
static uint8_t *
build(const struct variant *v, uint32_t *size)
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
    for (uint32_t i = 0; i < v->depth; i++)
        begin("deep");
    for (uint32_t i = 0; i < v->depth; i++)
        end();
    device(v, "test", "sifive,test1\0sifive,test0", 26, 0x100000, 0x1000, 0);
    device(v, "serial", "ns16550a", 9, 0x10000000, 0x100, 10);
    device(v, "plic", "x\0riscv,plic0", 14, 0xc000000, 0x600000, 0);
    end();
    end();
    cell(9);
    return finish(size);
}

static int
read_variant(const struct variant *v, uint64_t boot_hart, struct machine *m)
{
    uint32_t size;
    uint8_t *fdt = build(v, &size);
    int result = fdt_read(fdt, boot_hart, m);

    CHECK(result == 0 || m->error);
    free(fdt);
    return result;
}

/* --- tests -------------------------------------------------------------- */

static void
test_sound(void)
{
    struct machine m;

    CHECK(read_variant(&sound, 2, &m) == 0);
    CHECK(m.nharts == 3 && m.hart_ids[0] == 2 && m.hart_ids[1] == 0);
    CHECK(m.memory.base == 0x80000000 && m.memory.end == 0x88000000);
    CHECK(m.timebase_hz == 10000000 && m.sstc);
    CHECK(m.uart_pa == 0x10000000 && m.uart_irq == 10);
    CHECK(m.plic.base == 0xc000000 && m.plic.end == 0xc600000);
    CHECK(m.finisher_pa == 0x100000 && m.nreserved == 0);
    CHECK(m.initrd.base == 0x84000000 && m.initrd.end == 0x84001234);
    CHECK(strcmp(m.args, "run me") == 0);
}

static void
test_missing(void)
{
    static const char *const names[] = {"test", "serial", "plic"};
    struct variant v = sound;
    struct machine m;

    for (int i = 0; i < 3; i++) {
        v.without = names[i];
        CHECK(read_variant(&v, 0, &m) == -E_INVAL);
    }
    CHECK(read_variant(&sound, 1, &m) == -E_INVAL); /* disabled */
    CHECK(read_variant(&sound, 4, &m) == -E_INVAL);
}

static void
test_many_harts(void)
{
    struct variant v = sound;
    struct machine m;

    v.nharts = 20;
    CHECK(read_variant(&v, 0, &m) == 0 && m.nharts == 8);
    CHECK(m.hart_ids[0] == 0 && m.hart_ids[7] == 8);
    CHECK(read_variant(&v, 17, &m) == 0 && m.nharts == 8);
    CHECK(m.hart_ids[0] == 17 && m.hart_ids[7] == 7);
    v.first_id = 60;
    CHECK(read_variant(&v, 63, &m) == 0 && m.nharts == 3);
    CHECK(read_variant(&v, 64, &m) == -E_INVAL);
}

static void
test_sstc(void)
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
    struct machine m;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        v.isa = cases[i].isa;
        v.extensions = cases[i].extensions;
        CHECK(read_variant(&v, 0, &m) == 0 && m.sstc == cases[i].sstc);
    }
}

static void
test_limits(void)
{
    char args[300];
    struct variant v = sound;
    struct machine m;

    memset(args, 'a', sizeof(args));
    args[256] = '\0';
    v.args = args;
    CHECK(read_variant(&v, 0, &m) == -E_INVAL);
    args[255] = '\0';
    CHECK(read_variant(&v, 0, &m) == 0 && strlen(m.args) == 255);
    v = sound;
    v.nreserved = 8;
    CHECK(read_variant(&v, 0, &m) == 0 && m.nreserved == 8);
    CHECK(m.reserved[7].base == 0x80070000 && m.reserved[7].end == 0x80080000);
    v.nreserved = 9;
    CHECK(read_variant(&v, 0, &m) == -E_INVAL);
    v.nreserved = 0;
    v.depth = 14;
    CHECK(read_variant(&v, 0, &m) == 0);
    v.depth = 15;
    CHECK(read_variant(&v, 0, &m) == -E_INVAL);
}

/* Some bytes changed; the total size, which nothing can check, is not. */
static void
test_damaged(void)
{
    uint32_t size, rounds = 20000;
    uint8_t *fdt = build(&sound, &size), *bad = malloc(size);
    struct machine m;

    srand(1);
    while (rounds-- > 0) {
        memcpy(bad, fdt, size);
        for (int i = rand() % 4; i >= 0; i--)
            bad[(uint32_t)rand() % (rand() % 2 ? size : 80)] =
                (uint8_t)(rand() % 3 ? rand() : 0xff * (rand() % 2));
        if (rand() % 2)
            store32(bad + (uint32_t)rand() % (size / 4) * 4,
                    rand() % 2 ? UINT32_MAX - (uint32_t)rand() % 64
                               : (uint32_t)rand() % 4096);
        store32(bad + 4, size);
        CHECK(fdt_read(bad, 0, &m) == 0 || m.error);
        CHECK(m.nharts <= 8 && m.nreserved <= 8);
        CHECK(!m.error || !m.finisher_pa);
        CHECK(m.initrd.base <= m.initrd.end || m.error);
        CHECK(memchr(m.args, 0, sizeof(m.args)));
    }
    free(bad);
    free(fdt);
}

/* Cut at each length, the size and the blocks' sizes made to fit. */
static void
test_cut(void)
{
    uint32_t size;
    uint8_t *fdt = build(&sound, &size);
    struct machine m;

    for (uint32_t n = HEADER; n < size; n++) {
        uint8_t *cut = malloc(n);

        memcpy(cut, fdt, n);
        store32(cut + 4, n);
        CHECK(fdt_read(cut, 0, &m) < 0);
        if (n >= HEADER + 16) {
            store32(cut + 12, HEADER);
            store32(cut + 32, 16);
            store32(cut + 36, n - HEADER - 16);
            CHECK(fdt_read(cut, 0, &m) < 0);
        }
        free(cut);
    }
    free(fdt);
}

static int
print_file(const char *name)
{
    static uint8_t data[FDT_MAX_SIZE];
    FILE *file = fopen(name, "rb");
    struct machine m;

    CHECK(file && fread(data, 1, sizeof(data), file) > HEADER);
    fclose(file);
    if (fdt_read(data, 0, &m) < 0) {
        printf("%s: %s\n", name, m.error);
        return 1;
    }
    printf("%s: %u harts, memory %#lx-%#lx, uart %#lx, sstc %d, args '%s'\n",
           name, m.nharts, (unsigned long)m.memory.base,
           (unsigned long)m.memory.end, (unsigned long)m.uart_pa, m.sstc,
           m.args);
    return 0;
}

int
main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= print_file(argv[i]);
    test_sound();
    test_missing();
    test_many_harts();
    test_sstc();
    test_limits();
    test_damaged();
    test_cut();
    return failed;
}
