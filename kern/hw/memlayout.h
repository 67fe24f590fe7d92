/* Memory, the kernel image and devices appear to the kernel at their physical
 * address plus one constant, in every address space (the direct map). */
#pragma once

#include <stdint.h>

#define DIRECT_BASE 0xffffffc000000000ul /* the upper half of Sv39 */
#define DIRECT_SIZE 0x3fc0000000ul       /* its last GiB stays unmapped */
#define KERNEL_LOAD 0x80200000ul         /* physical; OpenSBI jumps here */

/* The kernel's address of a physical one, as a number, as a pointer; back. */
#define VIRT(pa)   ((uint64_t)(pa) + DIRECT_BASE)
#define DIRECT(pa) ((void *)VIRT(pa))
#define PHYS(va)   ((uint64_t)(va)-DIRECT_BASE)
