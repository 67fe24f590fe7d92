/* The trap's way in and out.
 *
 * In user mode sscratch holds the process's trap frame, in the kernel 0: so the
 * first instruction tells where a trap came from. tp is the struct hart
 * everywhere in the kernel. The kernel uses no gp and no t3 to t6, so a
 * program's stay there until the hart switches to another process.
 *
 *   E1  in the kernel, outside of kernel_trap, sstatus has SPP = 0 and
 *       SPIE = 1: a trap from user mode leaves it so, and so does the sret
 *       that ends a trap inside the kernel. No way out has to set it.
 *   E2  a call (ecall) saves only what C does not preserve and clears what C
 *       may have left in t and a registers; an interrupt or exception saves
 *       these and t3 to t6, and restores them. s registers and gp are stored
 *       only for fork, loaded only by user_enter.
 */
#include "abi/abi.h"
#include "debug/vector_hooks.S"

/* Offsets; trap.c and proc.h assert them. */
#define HART_PROC     0
#define HART_SCRATCH 16
#define HART_CALLS    144
#define PROC_WORK     24
#define PROC_TF       32

/* A trap frame: xN at 8 N, the pc at 0. A kernel trap's has more. */
#define TF_PC       0
#define TF_RA       8
#define TF_SP       16
#define TF_TP       32
#define TF_A0       80
#define TF_HART     256
#define FRAME_BYTES 288         /* x[32], pc, scause, stval */

#define T_REGS 5, 6, 7, 28, 29, 30, 31
#define A_REGS 10, 11, 12, 13, 14, 15, 16, 17
#define X18_27 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
#define S_REGS 8, 9, X18_27

/* ld or sd registers, by number, at their places in the frame at `base`. */
    .macro frame op, base, regs:vararg
    .irp n, \regs
    \op      x\n, 8 * \n(\base)
    .endr
    .endm

/* Complete a kernel trap's frame (t0: sp before it); C's argument. */
    .macro say_why
    sd      t0, TF_SP(sp)
    csrr    t0, sepc
    csrr    t1, scause
    csrr    t2, stval
    sd      t0, 256(sp)
    sd      t1, 264(sp)
    sd      t2, 272(sp)
    mv      a0, sp
    .endm

/* The program's sp into its frame, its pc into t2. */
    .macro enter
    csrrw   t0, sscratch, zero
    csrr    t2, sepc
    sd      t0, TF_SP(sp)
    .endm

/* Everything of a way out but the other registers, sp and sret. */
    .macro leave
    san_out
    ld      t0, TF_PC(sp)
    csrw    sepc, t0
    csrw    sscratch, sp
    ld      ra, TF_RA(sp)
    ld      tp, TF_TP(sp)
    .endm

/* A debugger is told that nobody called it: backtraces end here. */
    .macro function name
    .globl  \name; .type \name, @function; .cfi_startproc; .cfi_undefined ra
\name:
    .endm
    .macro  end name
    .cfi_endproc; .size \name, . - \name
    .endm

    .cfi_sections .debug_frame
    .text; .balign 4
    function trap_entry
    csrrw   sp, sscratch, sp
    beqz    sp, from_kernel
    sd      tp, TF_TP(sp)
    csrr    tp, scause
    addi    tp, tp, -8          /* environment call from U-mode */
    bnez    tp, from_user
    ld      tp, TF_HART(sp)

    /* A call. a0 to a5: arguments, a7: number. */
    sd      ra, TF_RA(sp)
    enter
    addi    t2, t2, 4           /* past the ecall */
    sd      t2, TF_PC(sp)
    san_call
    li      t0, WEIR_CALL_LIMIT
    bgeu    a7, t0, no_such_call
    ld      t0, HART_CALLS(tp)
    slli    t1, a7, 4           /* sizeof(struct syscall) */
    add     t0, t0, t1
    ld      t0, 0(t0)
    jalr    t0
call_done:
    ld      t0, HART_PROC(tp)
    lw      t1, PROC_WORK(t0)
    bnez    t1, call_work
call_out:
    leave
    .irp r, a1, a2, a3, a4, a5, a6, a7, t0, t1, t2
    li      \r, 0
    .endr
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
    end     trap_entry

/* An interrupt or exception in user mode. */
    function from_user
    ld      tp, TF_HART(sp)
    frame   sd, sp, 1, T_REGS, A_REGS
    enter
    sd      t2, TF_PC(sp)
    csrr    a0, scause
    mv      a1, sp
    call    user_trap
    j       user_out
    end     from_user

/* void user_enter(void): to user mode with all registers of the trap frame. */
    function user_enter
    ld      t0, HART_PROC(tp)
    ld      sp, PROC_TF(t0)
    frame   ld, sp, 3, S_REGS
user_out:
    ld      t0, HART_PROC(tp)
    lw      t1, PROC_WORK(t0)
    beqz    t1, 1f
    call    user_work
1:  leave
    frame   ld, sp, T_REGS, A_REGS
    ld      sp, TF_SP(sp)
    sret
    end     user_enter

/* The call fork: the child needs all registers, so store the rest of them. */
    function sys_fork; .cfi_same_value ra
    frame   sd, sp, 3, S_REGS
    tail    fork_process
    end     sys_fork

/*
 * A trap in the kernel: an interrupt where they were let in, a user copy that
 * faulted, or a bug. Kernel stacks are the upper 8 KiB of 16 KiB, so bit 13 of
 * an address on one is set; if it is not, the stack has overflowed.
 */
    function from_kernel; .cfi_signal_frame; .cfi_return_column 64
    csrrw   sp, sscratch, sp    /* sscratch again 0 */
    sd      t0, HART_SCRATCH(tp)
    addi    t0, sp, -FRAME_BYTES
    slli    t0, t0, 63 - 13
    bgez    t0, stack_overflow
    ld      t0, HART_SCRATCH(tp)
    addi    sp, sp, -FRAME_BYTES; .cfi_adjust_cfa_offset FRAME_BYTES
    .cfi_offset ra, TF_RA - FRAME_BYTES; .cfi_offset 64, 256 - FRAME_BYTES
    frame   sd, sp, 1, 3, 4, 5, 6, 7, 8, 9, A_REGS, X18_27, 28, 29, 30, 31
    addi    t0, sp, FRAME_BYTES
    say_why
    call    kernel_trap
    ld      t0, 256(sp)
    csrw    sepc, t0
    frame   ld, sp, 1, 5, 6, 7, A_REGS, 28, 29, 30, 31
    addi    sp, sp, FRAME_BYTES
    sret

stack_overflow:
    mv      t0, sp
    la      sp, emergency_stack_top
    addi    sp, sp, -FRAME_BYTES
    say_why
    call    kernel_stack_overflow
    end     from_kernel

/* From the struct context at a0 to that at a1; t3 to t6 need not come back. */
    function context_switch; .cfi_same_value ra
    sd      ra, 0(a0)
    sd      sp, 8(a0)
    sd      gp, 16(a0)
    .irp r, t3, t4, t5, t6
    li      \r, 0
    .endr
    ld      ra, 0(a1)
    ld      sp, 8(a1)
    ld      gp, 16(a1)
    ret
    end     context_switch

/* Where the first switch to a new process or kernel thread arrives. */
    function fork_entry
    call    sched_finish_switch
    j       user_enter
    end     fork_entry
    function thread_entry
    call    sched_finish_switch
    jalr    gp
    unimp                       /* kernel threads do not return */
    end     thread_entry

    .section .bss; .balign 16
    .skip   4096
emergency_stack_top:
