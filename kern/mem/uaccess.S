/*
 * long user_copy(void *to, const void *from, uint64_t len)
 *
 * Eight bytes at a time, eight of them in a row, when both addresses are
 * 8-aligned; one byte at a time to get there and for the rest. Any load or
 * store between user_copy_start and user_copy_end may fault: kernel_trap()
 * then goes on at user_copy_fault.
 */
    .text
    .globl user_copy, user_copy_start, user_copy_end, user_copy_fault
    .type user_copy, @function
    .type user_copy_fault, @function
user_copy:
user_copy_start:
    or      t0, a0, a1
    andi    t0, t0, 7
    li      t1, 64
    bnez    t0, .Lunaligned
.Lblocks:
    bltu    a2, t1, .Lwords
.Lblock:
    ld      a3, 0(a1)
    ld      a4, 8(a1)
    ld      a5, 16(a1)
    ld      a6, 24(a1)
    ld      a7, 32(a1)
    ld      t2, 40(a1)
    ld      t3, 48(a1)
    ld      t4, 56(a1)
    sd      a3, 0(a0)
    sd      a4, 8(a0)
    sd      a5, 16(a0)
    sd      a6, 24(a0)
    sd      a7, 32(a0)
    sd      t2, 40(a0)
    sd      t3, 48(a0)
    sd      t4, 56(a0)
    addi    a1, a1, 64
    addi    a2, a2, -64
    addi    a0, a0, 64
    beqz    a2, .Ldone
    bltu    a2, t1, .Lwords
    li      t0, 128
    bltu    a2, t0, .Lblock
.Lblock_pair:
    ld      a3, 0(a1)
    ld      a4, 8(a1)
    ld      a5, 16(a1)
    ld      a6, 24(a1)
    ld      a7, 32(a1)
    ld      t2, 40(a1)
    ld      t3, 48(a1)
    ld      t4, 56(a1)
    sd      a3, 0(a0)
    sd      a4, 8(a0)
    sd      a5, 16(a0)
    sd      a6, 24(a0)
    sd      a7, 32(a0)
    sd      t2, 40(a0)
    sd      t3, 48(a0)
    sd      t4, 56(a0)
    ld      a3, 64(a1)
    ld      a4, 72(a1)
    ld      a5, 80(a1)
    ld      a6, 88(a1)
    ld      a7, 96(a1)
    ld      t2, 104(a1)
    ld      t3, 112(a1)
    ld      t4, 120(a1)
    sd      a3, 64(a0)
    sd      a4, 72(a0)
    sd      a5, 80(a0)
    sd      a6, 88(a0)
    sd      a7, 96(a0)
    sd      t2, 104(a0)
    sd      t3, 112(a0)
    sd      t4, 120(a0)
    addi    a1, a1, 128
    addi    a2, a2, -128
    addi    a0, a0, 128
    bgeu    a2, t0, .Lblock_pair
    bgeu    a2, t1, .Lblock
    beqz    a2, .Ldone
.Lwords:
    li      t1, 8
    bltu    a2, t1, .Lbytes
.Lword:
    ld      a3, 0(a1)
    addi    a1, a1, 8
    addi    a2, a2, -8
    sd      a3, 0(a0)
    addi    a0, a0, 8
    bgeu    a2, t1, .Lword
.Lbytes:
    beqz    a2, .Ldone
.Lbyte:
    lbu     a3, 0(a1)
    addi    a1, a1, 1
    addi    a2, a2, -1
    sb      a3, 0(a0)
    addi    a0, a0, 1
    bnez    a2, .Lbyte
.Ldone:
    li      a0, 0
    ret
.Lunaligned:
    /* Equally off: bytes up to the next boundary, then as above. */
    xor     t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, .Lbytes
    beqz    a2, .Ldone
.Lhead:
    lbu     a3, 0(a1)
    addi    a1, a1, 1
    addi    a2, a2, -1
    sb      a3, 0(a0)
    addi    a0, a0, 1
    beqz    a2, .Ldone
    andi    t0, a0, 7
    bnez    t0, .Lhead
    j       .Lblocks
user_copy_end:
user_copy_fault:
    li      a0, -14             /* -E_FAULT */
    ret
    .size user_copy, . - user_copy
