/* The end of the machine: QEMU's test finisher ("sifive,test0"). */
#pragma once

#include <stdint.h>

/* Say where the finisher is; until then power_off can only ask the SBI. */
void finisher_init(uint64_t base_pa);

/* End QEMU with the low 8 bits of `status`, when the UART has sent all. */
_Noreturn void power_off(int status);
