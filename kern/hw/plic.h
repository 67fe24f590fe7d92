/* The interrupt controller: RISC-V PLIC specification 1.0. `hart` is a hart id
 * of the device tree. */
#pragma once

#include <stdint.h>

/* Let source `irq` interrupt a hart. Not twice at a time. */
void plic_enable(uint64_t hart, uint32_t irq);

/* Take a pending interrupt over, until it is complete. Returns: its source, 0
 * if there is none. */
uint32_t plic_claim(uint64_t hart);
void plic_complete(uint64_t hart, uint32_t irq);
