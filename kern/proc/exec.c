/*
 * Program images (System V ABI, chapters 4 and 5: static ELF-64). A header's
 * field is used only after it was checked against the file and the room there
 * is. An address space, from below: the program where its headers want it, a
 * guard page, the stack, a guard page, the heap.
 */
#include "proc/exec.h"

#include "base/string.h"
#include "mem/region.h"

#define PROGRAM_START 0x1000ull
#define PROGRAM_END   (1ull << 30)

enum { ET_EXEC = 2, EM_RISCV = 243, PT_LOAD = 1 };
enum { PF_X = 1, PF_W = 2, PF_R = 4 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF-64");

struct segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct segment) == 56, "ELF-64");

static bool has_bytes(const struct region *file, uint64_t offset, uint64_t n)
{
    return offset <= file->size && n <= file->size - offset;
}

static bool header_is_good(const struct elf_header *h,
                           const struct region *file)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    return !memcmp(h->ident, ident, sizeof(ident)) && h->type == ET_EXEC &&
           h->machine == EM_RISCV && h->phentsize == sizeof(struct segment) &&
           has_bytes(file, h->phoff, h->phnum * sizeof(struct segment));
}

/* Does a PT_LOAD segment fit into the file, and above `floor` into memory? */
static bool segment_is_good(const struct segment *s, const struct region *file,
                            uint64_t floor)
{
    return has_bytes(file, s->offset, s->filesz) && s->filesz <= s->memsz &&
           s->vaddr >= floor && s->vaddr < PROGRAM_END &&
           s->memsz <= PROGRAM_END - s->vaddr &&
           s->offset % PAGE_SIZE == s->vaddr % PAGE_SIZE && (s->flags & PF_R) &&
           !((s->flags & PF_W) && (s->flags & PF_X));
}

/* What a program cannot change shows the file's own frames: nothing is copied
 * (BEHAVIOUR I5). The rest is zeroed pages with the file's bytes copied in. */
static long map_segment(struct vm *vm, const struct region *file,
                        const struct segment *s)
{
    uint64_t va = ROUND_DOWN(s->vaddr, PAGE_SIZE);
    uint64_t end = ROUND_UP(s->vaddr + s->memsz, PAGE_SIZE);
    uint64_t frame = s->offset / PAGE_SIZE;
    uint64_t flags = s->flags & PF_W   ? PTE_USER_RW
                     : s->flags & PF_X ? PTE_USER_RX
                                       : PTE_USER_R;

    if (!(s->flags & PF_W) && s->filesz == s->memsz) {
        for (; va < end; va += PAGE_SIZE)
            TRY(vm_map(vm, va, *region_frames(file, frame++), flags));
        return 0;
    }
    TRY(vm_map_zero(vm, va, end, flags));
    for (uint64_t done = 0, n; done < s->filesz; done += n) {
        va = s->vaddr + done;
        n = MIN(s->filesz - done, PAGE_SIZE - va % PAGE_SIZE);
        region_copy(file, s->offset + done, vm_at(vm, va), n, false);
    }
    return 0;
}

long exec_load(struct vm *vm, const struct region *file, uint64_t *entry,
               uint64_t *stack_low)
{
    struct elf_header h;
    uint64_t floor = PROGRAM_START;
    bool entry_is_code = false;

    if (!has_bytes(file, 0, sizeof(h)))
        return -E_NOEXEC;
    region_copy(file, 0, &h, sizeof(h), false);
    if (!header_is_good(&h, file))
        return -E_NOEXEC;
    for (uint32_t i = 0; i < h.phnum; i++) {
        struct segment s;

        region_copy(file, h.phoff + i * sizeof(s), &s, sizeof(s), false);
        if (s.type != PT_LOAD || s.memsz == 0)
            continue;
        if (!segment_is_good(&s, file, floor))
            return -E_NOEXEC;
        if ((s.flags & PF_X) && h.entry - s.vaddr < s.memsz)
            entry_is_code = h.entry % 2 == 0;
        floor = ROUND_UP(s.vaddr + s.memsz, PAGE_SIZE);
        TRY(map_segment(vm, file, &s));
    }
    if (!entry_is_code)
        return -E_NOEXEC;
    *entry = h.entry;
    *stack_low = floor + PAGE_SIZE;
    return vm_map_zero(vm, *stack_low, *stack_low + STACK_BYTES, PTE_USER_RW);
}
