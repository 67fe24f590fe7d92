/*
 * A TCG plugin for QEMU 7 and later: which of the kernel's instructions were
 * executed, and which way went what ends a block.
 *
 *     -plugin plugin.so,data=F,start=0xTEXT,bytes=N,trap=0xTRAP_ENTRY
 *
 * F has a byte for each two of the kernel's text and is shared by all machines
 * that run at the same time.
 */
#include <stdbool.h>

#include "../fixtures/tcg.h"

enum { EXECUTED = 1, WENT_ON = 2, JUMPED = 4 };
#define MAX_HARTS 8

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

VISIBLE int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                                char **argv)
{
    (void)info;
    text = number(argc, argv, "start");
    bytes = number(argc, argv, "bytes");
    trap = number(argc, argv, "trap");
    seen = shared(argument(argc, argv, "data"), bytes / 2);
    if (!seen)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
