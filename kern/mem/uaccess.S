/* long user_copy(void *to, const void *from, uint64_t len); _64: of len 64.
 * Eight bytes at a time, eight of them in a row, when both addresses are
 * 8-aligned; one byte at a time to get there and for the rest. Any load or
 * store between user_copy_start and user_copy_end may fault: kernel_trap()
 * then goes on at user_copy_fault.
 */
/* 64 bytes at an offset from both addresses. */
    .macro each op, base, offset
    .set at, \offset
    .irp r, a3, a4, a5, a6, a7, t2, t3, t4
    \op      \r, at(\base)
    .set at, at + 8
    .endr
    .endm
    .macro block offset
    each    ld, a1, \offset
    each    sd, a0, \offset
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
    .globl user_copy, user_copy_start, user_copy_end, user_copy_fault
    .globl  user_copy_64; .type user_copy, @function
user_copy:
user_copy_start:
    or      t0, a0, a1
    andi    t0, t0, 7
    li      t1, 64
    bnez    t0, .Lunaligned
.Lblocks:
    bltu    a2, t1, .Lwords
.Lblock:
    block   0
    addi    a1, a1, 64
    addi    a2, a2, -64
    addi    a0, a0, 64
    beqz    a2, .Ldone
    bltu    a2, t1, .Lwords
    li      t0, 128
    bltu    a2, t0, .Lblock
.Lblock_pair:
    block   0
    block   64
    addi    a1, a1, 128
    addi    a2, a2, -128
    addi    a0, a0, 128
    bgeu    a2, t0, .Lblock_pair
    bgeu    a2, t1, .Lblock
.Lwords:
    li      t1, 8
    bltu    a2, t1, .Lbytes
.Lword:
    element ld, sd, 8
    bgeu    a2, t1, .Lword
.Lbytes:
    beqz    a2, .Ldone
.Lbyte:
    element lbu, sb, 1
    bnez    a2, .Lbyte
    j       .Ldone
user_copy_64:
    block   0
.Ldone:
    li      a0, 0
    ret
.Lunaligned:                    /* equally: bytes up to a boundary, as above */
    xor     t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, .Lbytes
    beqz    a2, .Ldone
.Lhead:
    element lbu, sb, 1
    beqz    a2, .Ldone
    andi    t0, a0, 7
    bnez    t0, .Lhead
    j       .Lblocks
user_copy_end:
user_copy_fault:
    li      a0, -14             /* -E_FAULT */
    ret
    .size user_copy, . - user_copy
