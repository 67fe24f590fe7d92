/*
 * Where exec enters a program: a0 = argc, a1 = argv, sp 16-aligned. A return
 * address and a frame pointer of zero end a backtrace here.
 */
    .cfi_sections .debug_frame
    .section .text.start, "ax"
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined ra
    li ra, 0
    li s0, 0
    call main
    call weir_exit
    .cfi_endproc
    .size _start, . - _start
