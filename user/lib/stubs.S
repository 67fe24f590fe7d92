/*
 * One stub a call, from the list in abi.h: number to a7, ecall, return. The
 * arguments are in a0..a5 already. Every stub has two names: weir_NAME, and
 * NAME as a weak alias, so that a program may have a function of its own by
 * that name. Only `wait` is a function of C on top of weir_wait (wait.c).
 */
#include "abi.h"

    .text
    .macro stub number, name
    .globl weir_\name
    .type weir_\name, @function
weir_\name:
    li a7, \number
    ecall
    ret
    .size weir_\name, . - weir_\name
    .ifnc \name, wait
    .weak \name
    .type \name, @function
    .set \name, weir_\name
    .endif
    .endm

#define STUB(number, name, ring, params) stub number, name ;
    WEIR_CALLS(STUB)
