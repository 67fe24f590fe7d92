/* The end of the machine: QEMU's test finisher ("sifive,test0"). */
#pragma once

/* End QEMU with the low 8 bits of `status`, when the UART has sent all. Before
 * the device tree is read, only the SBI can be asked, for status 0. */
_Noreturn void power_off(int status);
