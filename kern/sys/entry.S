/* Where a hart enters the kernel: from OpenSBI with a0 = hart id and
 * a1 = device tree (boot hart), or from sbi_hart_start with a1 = its struct
 * hart. Paging is off, interrupts are off (SBI 1.0, section 9.1).
 *
 * Both switch to a table that shows the direct map in whole GiB, and for a
 * moment the code's physical addresses too, and go on at high addresses.
 */
#define HART_ID    32           /* in struct hart; trap.c asserts these */
#define HART_BYTES 192

    .section .text.entry, "ax"; .globl _start, hart_entry
    .cfi_sections .debug_frame; .cfi_startproc; .cfi_undefined ra /* the end */
_start:
    la      t0, entered
    li      t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez    t1, second
    mv      s0, a0
    mv      s1, a1
    la      sp, boot_stack_top
    la      tp, harts
    jal     paging_on
    mv      a0, s0
    mv      a1, s1
    call    kernel_main

/* Firmware before OpenSBI 1.2 marks a hart as started before it notes where,
 * so one that is awake may come here instead. By then harts[] has it. */
second:
    la      a1, harts - HART_BYTES
1:  addi    a1, a1, HART_BYTES
    ld      t0, HART_ID(a1)
    bne     t0, a0, 1b
    li      t0, 0xffffffc000000000
    add     a1, a1, t0
hart_entry:
    mv      tp, a1              /* the high address of its struct hart */
    jal     paging_on_keep
    ld      t0, kernel_satp     /* only this table has the stack */
    csrw    satp, t0
    sfence.vma
    ld      sp, 8(tp)           /* top of its idle stack */
    call    hart_main
    .cfi_endproc

/* Make tp and sp high addresses too, then return to the high caller. */
paging_on:
    li      t1, 0xffffffc000000000
    add     tp, tp, t1
    add     sp, sp, t1
paging_on_keep:
    li      t1, 0xffffffc000000000
    add     ra, ra, t1
    la      t0, boot_table
    srli    t0, t0, 12
    li      t2, 8 << 60         /* Sv39, ASID 0 */
    or      t0, t0, t2
    sfence.vma
    csrw    satp, t0
    ret

    .section .data; .balign 4096
/* The first 128 GiB at their physical addresses and in the direct map, all
 * allowed; vm_init() puts an exact table in its place. */
boot_table:
    .rept   2
    .set    gib, 0
    .rept   128
    .quad   (gib << 28) | 0xcf
    .set    gib, gib + 1
    .endr
    .fill   128, 8, 0
    .endr

    .section .bss
    .balign 16384               /* like a kernel stack: see vector.S */
    .skip   16384
boot_stack_top:
entered:
    .skip   4
