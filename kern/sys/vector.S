/*
 * The trap's way in and out.
 *
 * In user mode sscratch holds the hart's struct hart, in the kernel 0: so the
 * first instruction tells where a trap came from. tp is the struct hart
 * everywhere in the kernel. The kernel uses no gp, so a program's gp stays in
 * its register until the hart switches to another process.
 *
 *   E1  in the kernel, outside of kernel_trap, sstatus has SPP = 0 and
 *       SPIE = 1: a trap from user mode leaves it so, and so does the sret
 *       that ends a trap inside the kernel. No way out has to set it.
 *   E2  a call (ecall) saves only what C does not preserve and clears what C
 *       may have left in t and a registers; an interrupt or exception saves
 *       the same registers and restores them. s registers and gp are stored
 *       only for fork, loaded only by user_enter.
 *
 * The assembler is not told the offsets by the compiler; trap.c and proc.h
 * assert them.
 */
#define HART_PROC     0
#define HART_SCRATCH  8
#define HART_TF       16
#define HART_SCRATCH2 24
#define PROC_WORK     120

#define TF_PC    0
#define TF_RA    8
#define TF_SP    16
#define TF_GP    24
#define TF_TP    32
#define TF_T0    40
#define TF_T1    48
#define TF_T2    56
#define TF_S0    64
#define TF_S1    72
#define TF_A0    80
#define TF_A1    88
#define TF_A2    96
#define TF_A3    104
#define TF_A4    112
#define TF_A5    120
#define TF_A6    128
#define TF_A7    136
#define TF_S2    144
#define TF_S3    152
#define TF_S4    160
#define TF_S5    168
#define TF_S6    176
#define TF_S7    184
#define TF_S8    192
#define TF_S9    200
#define TF_S10   208
#define TF_S11   216
#define TF_T3    224
#define TF_T4    232
#define TF_T5    240
#define TF_T6    248
#define FRAME_BYTES 288         /* a kernel trap's: x[32], pc, scause, stval */

#include "abi/abi.h"

    .text
    .globl trap_entry
    .balign 4
    .type trap_entry, @function
trap_entry:
    csrrw   tp, sscratch, tp
    beqz    tp, from_kernel
    sd      sp, HART_SCRATCH(tp)
    csrr    sp, scause
    addi    sp, sp, -8          /* environment call from U-mode */
    bnez    sp, from_user
    ld      sp, HART_TF(tp)

    /* A call. a0 to a5: arguments, a7: number. */
    sd      ra, TF_RA(sp)
    csrr    t0, sscratch
    ld      t1, HART_SCRATCH(tp)
    csrr    t2, sepc
    sd      t0, TF_TP(sp)
    sd      t1, TF_SP(sp)
    addi    t2, t2, 4           /* past the ecall */
    sd      t2, TF_PC(sp)
    csrw    sscratch, zero
    li      t0, WEIR_CALL_LIMIT
    bgeu    a7, t0, no_such_call
    la      t0, syscall_table
    slli    t1, a7, 3
    add     t0, t0, t1
    ld      t0, 0(t0)
    jalr    t0
call_done:
    ld      t0, HART_PROC(tp)
    lw      t1, PROC_WORK(t0)
    bnez    t1, call_work
call_out:
    ld      t0, TF_PC(sp)
    csrw    sepc, t0
    csrw    sscratch, tp
    ld      ra, TF_RA(sp)
    ld      tp, TF_TP(sp)
    li      a1, 0
    li      a2, 0
    li      a3, 0
    li      a4, 0
    li      a5, 0
    li      a6, 0
    li      a7, 0
    li      t0, 0
    li      t1, 0
    li      t2, 0
    li      t3, 0
    li      t4, 0
    li      t5, 0
    li      t6, 0
    ld      sp, TF_SP(sp)
    sret

no_such_call:
    li      a0, -38             /* -E_NOSYS */
    j       call_done

call_work:
    sd      a0, TF_A0(sp)
    call    user_work
    ld      a0, TF_A0(sp)
    j       call_out
    .size trap_entry, . - trap_entry

/* An interrupt or exception in user mode. */
    .type from_user, @function
from_user:
    ld      sp, HART_TF(tp)
    sd      ra, TF_RA(sp)
    sd      t0, TF_T0(sp)
    sd      t1, TF_T1(sp)
    sd      t2, TF_T2(sp)
    sd      t3, TF_T3(sp)
    sd      t4, TF_T4(sp)
    sd      t5, TF_T5(sp)
    sd      t6, TF_T6(sp)
    sd      a0, TF_A0(sp)
    sd      a1, TF_A1(sp)
    sd      a2, TF_A2(sp)
    sd      a3, TF_A3(sp)
    sd      a4, TF_A4(sp)
    sd      a5, TF_A5(sp)
    sd      a6, TF_A6(sp)
    sd      a7, TF_A7(sp)
    csrr    t0, sscratch
    ld      t1, HART_SCRATCH(tp)
    csrr    t2, sepc
    sd      t0, TF_TP(sp)
    sd      t1, TF_SP(sp)
    sd      t2, TF_PC(sp)
    csrw    sscratch, zero
    csrr    a0, scause
    mv      a1, sp
    call    user_trap
    j       user_out
    .size from_user, . - from_user

/* void user_enter(void): to user mode with all registers of the trap frame. */
    .globl user_enter
    .type user_enter, @function
user_enter:
    ld      sp, HART_TF(tp)
    ld      gp, TF_GP(sp)
    ld      s0, TF_S0(sp)
    ld      s1, TF_S1(sp)
    ld      s2, TF_S2(sp)
    ld      s3, TF_S3(sp)
    ld      s4, TF_S4(sp)
    ld      s5, TF_S5(sp)
    ld      s6, TF_S6(sp)
    ld      s7, TF_S7(sp)
    ld      s8, TF_S8(sp)
    ld      s9, TF_S9(sp)
    ld      s10, TF_S10(sp)
    ld      s11, TF_S11(sp)
user_out:
    ld      t0, HART_PROC(tp)
    lw      t1, PROC_WORK(t0)
    beqz    t1, 1f
    call    user_work
1:  ld      t0, TF_PC(sp)
    csrw    sepc, t0
    csrw    sscratch, tp
    ld      ra, TF_RA(sp)
    ld      tp, TF_TP(sp)
    ld      t0, TF_T0(sp)
    ld      t1, TF_T1(sp)
    ld      t2, TF_T2(sp)
    ld      t3, TF_T3(sp)
    ld      t4, TF_T4(sp)
    ld      t5, TF_T5(sp)
    ld      t6, TF_T6(sp)
    ld      a0, TF_A0(sp)
    ld      a1, TF_A1(sp)
    ld      a2, TF_A2(sp)
    ld      a3, TF_A3(sp)
    ld      a4, TF_A4(sp)
    ld      a5, TF_A5(sp)
    ld      a6, TF_A6(sp)
    ld      a7, TF_A7(sp)
    ld      sp, TF_SP(sp)
    sret
    .size user_enter, . - user_enter

/* The call fork: the child needs all registers, so store the rest of them. */
    .globl sys_fork
    .type sys_fork, @function
sys_fork:
    ld      t0, HART_TF(tp)
    sd      gp, TF_GP(t0)
    sd      s0, TF_S0(t0)
    sd      s1, TF_S1(t0)
    sd      s2, TF_S2(t0)
    sd      s3, TF_S3(t0)
    sd      s4, TF_S4(t0)
    sd      s5, TF_S5(t0)
    sd      s6, TF_S6(t0)
    sd      s7, TF_S7(t0)
    sd      s8, TF_S8(t0)
    sd      s9, TF_S9(t0)
    sd      s10, TF_S10(t0)
    sd      s11, TF_S11(t0)
    tail    fork_process
    .size sys_fork, . - sys_fork

/*
 * A trap in the kernel: an interrupt where they were let in, a user copy that
 * faulted, or a bug. Kernel stacks are the upper 8 KiB of 16 KiB, so bit 13 of
 * an address on one is set; if it is not, the stack has overflowed.
 */
    .type from_kernel, @function
from_kernel:
    csrrw   tp, sscratch, tp    /* tp again the hart, sscratch 0 */
    sd      t0, HART_SCRATCH2(tp)
    addi    t0, sp, -FRAME_BYTES
    slli    t0, t0, 63 - 13
    bgez    t0, stack_overflow
    ld      t0, HART_SCRATCH2(tp)
    addi    sp, sp, -FRAME_BYTES
save_kernel:
    sd      ra, TF_RA(sp)
    sd      gp, TF_GP(sp)
    sd      tp, TF_TP(sp)
    sd      t0, TF_T0(sp)
    sd      t1, TF_T1(sp)
    sd      t2, TF_T2(sp)
    sd      s0, TF_S0(sp)
    sd      s1, TF_S1(sp)
    sd      a0, TF_A0(sp)
    sd      a1, TF_A1(sp)
    sd      a2, TF_A2(sp)
    sd      a3, TF_A3(sp)
    sd      a4, TF_A4(sp)
    sd      a5, TF_A5(sp)
    sd      a6, TF_A6(sp)
    sd      a7, TF_A7(sp)
    sd      s2, TF_S2(sp)
    sd      s3, TF_S3(sp)
    sd      s4, TF_S4(sp)
    sd      s5, TF_S5(sp)
    sd      s6, TF_S6(sp)
    sd      s7, TF_S7(sp)
    sd      s8, TF_S8(sp)
    sd      s9, TF_S9(sp)
    sd      s10, TF_S10(sp)
    sd      s11, TF_S11(sp)
    sd      t3, TF_T3(sp)
    sd      t4, TF_T4(sp)
    sd      t5, TF_T5(sp)
    sd      t6, TF_T6(sp)
    addi    t0, sp, FRAME_BYTES
    sd      t0, TF_SP(sp)
    csrr    t0, sepc
    csrr    t1, scause
    csrr    t2, stval
    sd      t0, 256(sp)
    sd      t1, 264(sp)
    sd      t2, 272(sp)
    mv      a0, sp
    call    kernel_trap
    ld      t0, 256(sp)
    csrw    sepc, t0
    ld      ra, TF_RA(sp)
    ld      t0, TF_T0(sp)
    ld      t1, TF_T1(sp)
    ld      t2, TF_T2(sp)
    ld      a0, TF_A0(sp)
    ld      a1, TF_A1(sp)
    ld      a2, TF_A2(sp)
    ld      a3, TF_A3(sp)
    ld      a4, TF_A4(sp)
    ld      a5, TF_A5(sp)
    ld      a6, TF_A6(sp)
    ld      a7, TF_A7(sp)
    ld      t3, TF_T3(sp)
    ld      t4, TF_T4(sp)
    ld      t5, TF_T5(sp)
    ld      t6, TF_T6(sp)
    addi    sp, sp, FRAME_BYTES
    sret

stack_overflow:
    mv      t0, sp
    la      sp, emergency_stack_top
    addi    sp, sp, -FRAME_BYTES
    sd      t0, TF_SP(sp)
    csrr    t0, sepc
    csrr    t1, scause
    csrr    t2, stval
    sd      t0, 256(sp)
    sd      t1, 264(sp)
    sd      t2, 272(sp)
    mv      a0, sp
    call    kernel_stack_overflow
    .size from_kernel, . - from_kernel

/* void context_switch(struct context *from, struct context *to) */
    .globl context_switch
    .type context_switch, @function
context_switch:
    sd      ra, 0(a0)
    sd      sp, 8(a0)
    sd      s0, 16(a0)
    sd      s1, 24(a0)
    sd      s2, 32(a0)
    sd      s3, 40(a0)
    sd      s4, 48(a0)
    sd      s5, 56(a0)
    sd      s6, 64(a0)
    sd      s7, 72(a0)
    sd      s8, 80(a0)
    sd      s9, 88(a0)
    sd      s10, 96(a0)
    sd      s11, 104(a0)
    sd      gp, 112(a0)         /* the program's */
    ld      ra, 0(a1)
    ld      sp, 8(a1)
    ld      s0, 16(a1)
    ld      s1, 24(a1)
    ld      s2, 32(a1)
    ld      s3, 40(a1)
    ld      s4, 48(a1)
    ld      s5, 56(a1)
    ld      s6, 64(a1)
    ld      s7, 72(a1)
    ld      s8, 80(a1)
    ld      s9, 88(a1)
    ld      s10, 96(a1)
    ld      s11, 104(a1)
    ld      gp, 112(a1)
    ret
    .size context_switch, . - context_switch

/* Where the first switch to a new process or kernel thread arrives. */
    .globl fork_entry, thread_entry
    .type fork_entry, @function
fork_entry:
    call    sched_finish_switch
    j       user_enter
    .size fork_entry, . - fork_entry
    .type thread_entry, @function
thread_entry:
    call    sched_finish_switch
    jalr    s0
    unimp                       /* kernel threads do not return */
    .size thread_entry, . - thread_entry

    .section .bss
    .balign 16
    .skip   4096
emergency_stack_top:
