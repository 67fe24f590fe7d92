/*
 * The interrupt controller: RISC-V PLIC specification 1.0. `hart` is a hart id
 * of the device tree. No function takes a lock or sleeps.
 */
#pragma once

#include <stdint.h>

/* Let source `irq` interrupt a hart. Not twice at a time. */
void plic_enable(uint64_t hart, uint32_t irq);

/* Take the pending interrupt over. Returns: its source, 0 if there is none. It
 * comes again only when it is complete. */
uint32_t plic_claim(uint64_t hart);
void plic_complete(uint64_t hart, uint32_t irq);
