/*
 * Where exec enters a program: a0 = argc, a1 = argv, sp 16-aligned. A return
 * address and a frame pointer of zero end a backtrace here.
 */
    .section .text.start, "ax"
    .globl _start
    .type _start, @function
_start:
    li ra, 0
    li s0, 0
    call main
    call weir_exit
    .size _start, . - _start
