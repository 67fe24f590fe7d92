/* For sys/vector.S: empty macros but with SAN=lockdep, which notes when a call
 * begins and looks before each way out. And mem/uaccess.S as functions in C. */
#ifdef SAN
    .globl  user_copy, user_copy_64
user_copy:
    jal     t0, copy_t0
    mv      a0, a2
    ret
user_copy_64:
    li      a2, 0
    jal     t0, copy_64_t0
    mv      a0, a2
    ret
#endif
#ifdef SAN_lockdep
    .macro san_call
    csrr    t0, instret
    lw      t1, 28(tp)              /* struct hart's index */
    la      t2, lockdep_since
    slli    t1, t1, 3
    add     t1, t1, t2
    sd      t0, 0(t1)
    sd      a7, 64(t1)          /* lockdep_calls */
    .endm
    .macro san_out
    addi    sp, sp, -16
    sd      a0, 0(sp)
    call    lockdep_irqs_on
    ld      a0, 0(sp)
    addi    sp, sp, 16
    .endm
#else
    .macro san_call
    .endm
    .macro san_out
    .endm
#endif
