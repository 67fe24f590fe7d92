/*
 * A TCG plugin for QEMU 7 and later: how often each of the kernel's locks is
 * taken.
 *
 *     -plugin plugin.so,sites=F,start=0xTEXT,bytes=N,out=G
 *
 * F has a byte for each two of the kernel's text: SWAP where the instruction
 * there tries to take a lock, RELEASE where it stores that one is free. G gets
 * a line for each lock: its address, how often the first was executed, and the
 * second. The prototypes are those of qemu-plugin.h, which distributions do not
 * package.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SWAP = 1, RELEASE = 2 };
enum { MEM_WRITES = 2 };
#define LOCKS 65536u

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void trans_fn(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void mem_fn(unsigned int hart, uint32_t info, uint64_t at, void *data);
typedef void exit_fn(qemu_plugin_id_t, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, trans_fn *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, mem_fn *,
                                      int flags, int which, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_fn *, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *,
                                                 size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                        char **argv);

__attribute__((visibility("default"))) int qemu_plugin_version = VERSION;

static struct lock {
    uint64_t at, swaps, releases;
} locks[LOCKS];
static uint64_t text, bytes;
static const uint8_t *sites;
static const char *out;

/* The entry of the lock at that address: a table that is never full. */
static struct lock *find(uint64_t at)
{
    for (uint64_t i = at * 0x9e3779b97f4a7c15u >> 48;; i++) {
        struct lock *lock = &locks[i % LOCKS];
        uint64_t none = 0;

        if (__atomic_compare_exchange_n(&lock->at, &none, at, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
            none == at)
            return lock;
    }
}

static void swapped(unsigned int hart, uint32_t info, uint64_t at, void *data)
{
    (void)hart, (void)info, (void)data;
    __atomic_fetch_add(&find(at)->swaps, 1, __ATOMIC_RELAXED);
}

static void released(unsigned int hart, uint32_t info, uint64_t at, void *data)
{
    (void)hart, (void)info, (void)data;
    __atomic_fetch_add(&find(at)->releases, 1, __ATOMIC_RELAXED);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t at = qemu_plugin_insn_vaddr(insn) - text;

        if (at < bytes && sites[at / 2])
            qemu_plugin_register_vcpu_mem_cb(
                insn, sites[at / 2] == SWAP ? swapped : released, 0, MEM_WRITES,
                NULL);
    }
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
    FILE *file = fopen(out, "w");

    (void)id, (void)data;
    for (struct lock *lock = locks; file && lock < locks + LOCKS; lock++)
        if (lock->at)
            fprintf(file, "%lx %lu %lu\n", lock->at, lock->swaps,
                    lock->releases);
    if (file)
        fclose(file);
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

        if (!strncmp(argv[i], "sites", 5))
            file = value;
        if (!strncmp(argv[i], "start", 5))
            text = strtoull(value, NULL, 0);
        if (!strncmp(argv[i], "bytes", 5))
            bytes = strtoull(value, NULL, 0);
        if (!strncmp(argv[i], "out", 3))
            out = strdup(value);
    }
    fd = open(file, O_RDONLY);
    sites = mmap(NULL, bytes / 2, PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || sites == MAP_FAILED || !out)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
