/*
 * A TCG plugin for QEMU 7 and later: which of the kernel's instructions were
 * executed, and which way went what ends a block.
 *
 *     -plugin plugin.so,data=F,start=0xTEXT,bytes=N,trap=0xTRAP_ENTRY
 *
 * F has a byte for each two of the kernel's text and is shared by all machines
 * that run at the same time. The prototypes are those of qemu-plugin.h, which
 * distributions do not package.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { EXECUTED = 1, WENT_ON = 2, JUMPED = 4 };
#define MAX_HARTS 8

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void trans_fn(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void exec_fn(unsigned int hart, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, trans_fn *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, exec_fn *,
                                          int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *,
                                                 size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                        char **argv);

__attribute__((visibility("default"))) int qemu_plugin_version = VERSION;

/* A block of instructions in a row, of which the last may jump. */
struct block {
    uint64_t start, last, end;
    uint64_t here; /* whether it is the kernel's */
};

static uint64_t text, bytes, trap;
static uint8_t *seen;
static const struct block *before[MAX_HARTS];

static void see(uint64_t pc, uint8_t what)
{
    uint8_t *at = &seen[(pc - text) / 2];

    if (!(*at & what))
        __atomic_fetch_or(at, what, __ATOMIC_RELAXED);
}

static void block_runs(unsigned int hart, void *data)
{
    const struct block *block = data, *from = before[hart % MAX_HARTS];

    before[hart % MAX_HARTS] = block;
    if (from && from->here && block->start != trap)
        see(from->last, block->start == from->end ? WENT_ON : JUMPED);
    if (block->here)
        for (uint64_t pc = block->start; pc < block->end; pc += 2)
            see(pc, EXECUTED);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    struct block *block = malloc(sizeof(*block));
    size_t n = qemu_plugin_tb_n_insns(tb);
    const struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, n - 1);

    (void)id;
    block->start = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    block->last = qemu_plugin_insn_vaddr(last);
    block->end = block->last + qemu_plugin_insn_size(last);
    /* The first instructions run at physical addresses. */
    if (block->start - (uint32_t)text < 4096) {
        block->start += text - (uint32_t)text;
        block->last += text - (uint32_t)text;
        block->end += text - (uint32_t)text;
    }
    block->here = block->start - text < bytes && block->end - text <= bytes;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_runs, 0, block);
}

__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                    char **argv)
{
    const char *file = "";
    int fd;

    (void)info;
    for (int i = 0; i < argc; i++) {
        char *value = strchr(argv[i], '=') + 1;

        if (!strncmp(argv[i], "data", 4))
            file = value;
        if (!strncmp(argv[i], "start", 5))
            text = strtoull(value, NULL, 0);
        if (!strncmp(argv[i], "bytes", 5))
            bytes = strtoull(value, NULL, 0);
        if (!strncmp(argv[i], "trap", 4))
            trap = strtoull(value, NULL, 0);
    }
    fd = open(file, O_RDWR);
    seen = mmap(NULL, bytes / 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || seen == MAP_FAILED)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
