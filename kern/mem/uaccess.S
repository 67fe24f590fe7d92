/* copy_t0: a2 bytes to a0 from a1; _64: 64 with a2 = 0. Called by t0, they
 * change a0 to a5 only (uaccess.h); a2 is 0 then, or -E_FAULT. Eight words in a
 * row, when both addresses are 8-aligned; one byte at a time to get there and
 * for the rest. What may fault is between user_copy_start and user_copy_end:
 * kernel_trap() then goes on at user_copy_fault.
 */
    .macro  three op, base, at
    \op      a3, \at(\base)
    \op      a4, \at + 8(\base)
    .if     (\at) % 64 < 48
    \op      a5, \at + 16(\base)
    .endif
    .endm
    .macro  block offset
    .irp    at, 0, 24, 48
    three   ld, a1, \offset + \at
    three   sd, a0, \offset + \at
    .endr
    .endm

/* One byte or word, and past it. */
    .macro element load, store, size
    \load    a3, 0(a1)
    addi    a1, a1, \size
    addi    a2, a2, -\size
    \store   a3, 0(a0)
    addi    a0, a0, \size
    .endm

    .text
    .globl  copy_t0, copy_64_t0, user_copy_start, user_copy_end, user_copy_fault
    .cfi_sections .debug_frame; .cfi_startproc; .cfi_return_column t0
    .type   copy_t0, @function
copy_t0:
user_copy_start:
    or      a3, a0, a1
    andi    a3, a3, 7
    bnez    a3, .Lunaligned
.Lblocks:                       /* a2: 64 less than there is to copy */
    addi    a2, a2, -64
    bltz    a2, .Lwords
    block   0
    beqz    a2, .Ldone
    addi    a1, a1, 64
    addi    a0, a0, 64
    addi    a2, a2, -128
    bltz    a2, .Lrest
.Lblock_pair:
    block   0
    block   64
    addi    a1, a1, 128
    addi    a2, a2, -128
    addi    a0, a0, 128
    bgez    a2, .Lblock_pair
.Lrest:
    addi    a2, a2, 128
    bnez    a2, .Lblocks
.Ldone:
    jr      t0
copy_64_t0:
    block   0
    jr      t0
.Lwords:
    addi    a2, a2, 64 - 8
    bltz    a2, .Lbytes
.Lword:
    element ld, sd, 8
    bgez    a2, .Lword
.Lbytes:
    addi    a2, a2, 8
    beqz    a2, .Ldone
.Lbyte:
    element lbu, sb, 1
    bnez    a2, .Lbyte
    j       .Ldone
.Lunaligned:                    /* equally: bytes up to a boundary, as above */
    xor     a3, a0, a1
    andi    a3, a3, 7
    addi    a2, a2, -8
    bnez    a3, .Lbytes
    addi    a2, a2, 8
    beqz    a2, .Ldone
.Lhead:
    element lbu, sb, 1
    beqz    a2, .Ldone
    andi    a3, a0, 7
    bnez    a3, .Lhead
    j       .Lblocks
user_copy_end:
user_copy_fault:
    li      a2, -14             /* -E_FAULT */
    jr      t0
    .cfi_endproc; .size copy_t0, . - copy_t0
