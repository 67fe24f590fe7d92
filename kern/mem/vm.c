/*
 * Page tables.
 *
 *   V1  the upper halves of all roots are equal and never change after boot. So
 *       no kernel mapping needs a flush on another hart, and a call switches
 *       no table.
 *   V2  no leaf has W and X.
 *   V3  a leaf with PTE_OWNED is the only one for its frame; it is freed with
 *       the leaf. Other user leaves show frames of regions: a program's text,
 *       or with PTE_SHOWN a mapping.
 */
#include "mem/vm.h"

#include "abi/abi.h"
#include "base/spinlock.h"
#include "base/string.h"
#include "hw/fdt.h"
#include "mem/kalloc.h"

#define ENTRIES 512u

/* The table, or page, that an entry points to. */
#define TABLE_OF(pte) ((pte_t *)DIRECT(PTE_PA(pte)))

/* What a leaf in a table of that level maps, and its place there. */
#define LEVEL_SIZE(level) (1ul << (12 + 9 * (level)))
#define INDEX(va, level)  ((va) / LEVEL_SIZE(level) % ENTRIES)

#define KERNEL_R  (PTE_V | PTE_R | PTE_A | PTE_G)
#define KERNEL_RW (KERNEL_R | PTE_W | PTE_D)
#define KERNEL_RX (KERNEL_R | PTE_X)

/* Kernel stacks: two guard pages, two pages of stack (vector.S says why). */
#define KSTACK_BASE (DIRECT_BASE + DIRECT_SIZE / 2)
#define KSTACK_SLOT (4 * PAGE_SIZE)

extern char _text_start[], _text_end[], _rodata_end[];

uint64_t kernel_satp;
static pte_t kernel_root[ENTRIES] __attribute__((aligned(PAGE_SIZE)));

/* The entry for va at `level`. With `make`, tables above it are added. */
static pte_t *walk(pte_t *table, uint64_t va, int level, bool make)
{
    for (int l = 2; l > level; l--) {
        pte_t *entry = &table[INDEX(va, l)];
        void *page = NULL;

        if (!(*entry & PTE_V) && (!make || !(page = page_zalloc())))
            return NULL;
        if (page)
            *entry = PTE_MAKE(PHYS(page)) | PTE_V;
        table = TABLE_OF(*entry);
    }
    return &table[INDEX(va, level)];
}

static void map_kernel(uint64_t va, uint64_t pa, int level, uint64_t flags)
{
    pte_t *entry = walk(kernel_root, va, level, true);

    if (!entry || !pa)
        panic("no memory for the kernel's page table");
    if (!(*entry & PTE_V)) /* device ranges may share a page */
        *entry = PTE_MAKE(pa) | flags;
}

/* Map the pages of [pa, end) in the direct map, with the largest that fit. */
static void map_direct(uint64_t pa, uint64_t end, uint64_t flags)
{
    pa = ROUND_DOWN(pa, PAGE_SIZE);
    end = ROUND_UP(end, PAGE_SIZE);
    while (pa < end) {
        int level = 2;

        while (pa % LEVEL_SIZE(level) || end - pa < LEVEL_SIZE(level))
            level--;
        map_kernel(VIRT(pa), pa, level, flags);
        pa += LEVEL_SIZE(level);
    }
}

uint64_t vm_new_stack(uint32_t slot)
{
    uint64_t top = KSTACK_BASE + (slot + 1) * KSTACK_SLOT;

    for (uint64_t va = top - KSTACK_SLOT / 2; va < top; va += PAGE_SIZE) {
        void *page = page_alloc();

        map_kernel(va, page ? PHYS(page) : 0, 0, KERNEL_RW);
    }
    return top;
}

void vm_init(void)
{
    /* RAM below the image is the firmware's. */
    map_direct(PHYS(_text_start), PHYS(_text_end), KERNEL_RX);
    map_direct(PHYS(_text_end), PHYS(_rodata_end), KERNEL_R);
    map_direct(PHYS(_rodata_end), machine.memory.end, KERNEL_RW);
    map_direct(machine.uart_pa, machine.uart_pa + 1, KERNEL_RW);
    map_direct(machine.plic.base, machine.plic.end, KERNEL_RW);
    map_direct(machine.finisher_pa, machine.finisher_pa + 1, KERNEL_RW);
    kernel_satp = SATP_MAKE(0, PHYS(kernel_root));
    csr_write(satp, kernel_satp);
    sfence_all();
}

long vm_create(struct vm *vm, uint32_t asid)
{
    vm->root = page_alloc();
    if (!vm->root)
        return -E_NOMEM;
    memcpy(vm->root, kernel_root, PAGE_SIZE); /* its user half is empty */
    vm->end = 0;
    vm->looked = UINT64_MAX; /* no page */
    vm->satp = SATP_MAKE(asid, PHYS(vm->root));
    store_relaxed(&vm->pages, 0);
    return 0;
}

/* Free a table, and what its entries for `size` bytes lead to. */
static void free_table(pte_t *table, int level, uint64_t size)
{
    for (uint32_t i = 0; i * LEVEL_SIZE(level) < size; i++)
        if (level && table[i])
            free_table(TABLE_OF(table[i]), level - 1,
                       MIN(size - i * LEVEL_SIZE(level), LEVEL_SIZE(level)));
        else if (table[i] & PTE_OWNED)
            page_free(TABLE_OF(table[i]));
    page_free(table);
    interrupt_window();
}

void vm_destroy(struct vm *vm)
{
    if (vm->root)
        free_table(vm->root, 2, vm->end);
    vm->root = NULL;
    store_relaxed(&vm->pages, 0);
}

pte_t *vm_leaf(struct vm *vm, uint64_t va, bool make)
{
    assert(va < USER_END);
    if (make && va >= vm->end)
        vm->end = va + 1;
    return walk(vm->root, va, 0, make);
}

const pte_t *vm_look(struct vm *vm, uint64_t va)
{
    const pte_t *leaf = vm_leaf(vm, va, false);

    if (leaf)
        store_relaxed(&vm->looked, va / PAGE_SIZE << 36 | PHYS(leaf) >> 3);
    return leaf;
}

void *vm_at(struct vm *vm, uint64_t va)
{
    return (char *)TABLE_OF(*vm_leaf(vm, va, false)) + va % PAGE_SIZE;
}

long vm_map(struct vm *vm, uint64_t va, void *page, uint64_t flags)
{
    pte_t *leaf = vm_leaf(vm, va, true);

    if (!leaf)
        return -E_NOMEM;
    assert(!(*leaf & PTE_V));
    assert(!((flags & PTE_W) && (flags & PTE_X))); /* V2 */
    *leaf = PTE_MAKE(PHYS(page)) | flags;
    if (flags & PTE_OWNED)
        store_relaxed(&vm->pages, vm->pages + 1);
    return 0;
}

long vm_map_zero(struct vm *vm, uint64_t start, uint64_t end, uint64_t flags)
{
    for (uint64_t va = start; va < end; va += PAGE_SIZE) {
        void *page = page_zalloc();

        interrupt_window();
        if (page && vm_map(vm, va, page, flags | PTE_OWNED) == 0)
            continue;
        if (page)
            page_free(page);
        vm_unmap_owned(vm, start, va);
        return -E_NOMEM;
    }
    return 0;
}

void vm_unmap_owned(struct vm *vm, uint64_t start, uint64_t end)
{
    for (uint64_t va = start; va < end; va += PAGE_SIZE) {
        pte_t *leaf = vm_leaf(vm, va, false);

        if (!leaf || !(*leaf & PTE_OWNED))
            continue;
        page_free(TABLE_OF(*leaf));
        *leaf = 0;
        store_relaxed(&vm->pages, vm->pages - 1);
        interrupt_window();
    }
}

long vm_make_tables(struct vm *vm, uint64_t va, uint64_t n)
{
    uint64_t end = va + n * PAGE_SIZE;

    for (; va < end; va = ROUND_DOWN(va, LEVEL_SIZE(1)) + LEVEL_SIZE(1)) {
        interrupt_window();
        if (!vm_leaf(vm, va, true))
            return -E_NOMEM;
    }
    return 0;
}

void vm_show(struct vm *vm, uint64_t va, void **frames, uint64_t n,
             uint64_t flags)
{
    assert(!((flags & PTE_W) && (flags & PTE_X))); /* V2 */
    for (uint64_t run; n; va += run * PAGE_SIZE, frames += run, n -= run) {
        pte_t *leaf = vm_leaf(vm, va, false);

        run = MIN(n, ENTRIES - INDEX(va, 0));
        for (uint64_t i = 0; i < run; i++)
            leaf[i] = flags ? PTE_MAKE(PHYS(frames[i])) | flags : 0;
    }
}

/* Copy what an empty dst is to have of src: the entries for `size` bytes. */
static long copy_table(pte_t *dst, const pte_t *src, int level, uint64_t size)
{
    for (uint32_t i = 0; i * LEVEL_SIZE(level) < size; i++) {
        pte_t entry = load_relaxed(&src[i]);
        void *page;

        if (!entry)
            continue;
        if (!level && !(entry & PTE_OWNED)) {
            dst[i] = entry;
            continue;
        }
        page = level ? page_zalloc() : page_alloc();
        if (!page)
            return -E_NOMEM;
        dst[i] = PTE_MAKE(PHYS(page)) | PTE_FLAGS(entry);
        if (level)
            TRY(copy_table(
                page, TABLE_OF(entry), level - 1,
                MIN(size - i * LEVEL_SIZE(level), LEVEL_SIZE(level))));
        else
            memcpy(page, TABLE_OF(entry), PAGE_SIZE);
        interrupt_window();
    }
    return 0;
}

long vm_copy(struct vm *to, struct vm *from, uint64_t end)
{
    to->pages = from->pages;
    to->end = end;
    return copy_table(to->root, from->root, 2, end);
}
