/* Control and status registers and the few instructions C has no name for.
 * Section numbers are those of the RISC-V privileged specification 1.12. */
#pragma once

#include <stdint.h>

/* sstatus (4.1.1). */
#define SSTATUS_SIE  (1ul << 1)
#define SSTATUS_SPIE (1ul << 5)
#define SSTATUS_SPP  (1ul << 8)
#define SSTATUS_SUM  (1ul << 18)

/* sie, sip: supervisor software, timer and external interrupt (4.1.3). */
#define SIE_SSIE (1ul << 1)
#define SIE_STIE (1ul << 5)
#define SIE_SEIE (1ul << 9)

/* scause (4.1.8); trap.c has the words for all. */
#define CAUSE_INTERRUPT  (1ul << 63)
#define CAUSE_IPI        (CAUSE_INTERRUPT | 1)
#define CAUSE_TIMER      (CAUSE_INTERRUPT | 5)
#define CAUSE_EXTERNAL   (CAUSE_INTERRUPT | 9)
#define CAUSE_ILLEGAL    2ul
#define CAUSE_BREAKPOINT 3ul

/* satp (4.1.11): Sv39, address space identifier, root's page number. */
#define SATP_MAKE(asid, pa) (8ul << 60 | (uint64_t)(asid) << 44 | (pa) >> 12)

#define csr_read(name)                                                         \
    ({                                                                         \
        uint64_t value_;                                                       \
        __asm__ volatile("csrr %0, " #name : "=r"(value_) : : "memory");       \
        value_;                                                                \
    })
#define csr_write(name, value)                                                 \
    __asm__ volatile("csrw " #name ", %0" : : "rK"(value) : "memory")
#define csr_set(name, bits)                                                    \
    __asm__ volatile("csrs " #name ", %0" : : "rK"(bits) : "memory")
#define csr_clear(name, bits)                                                  \
    __asm__ volatile("csrc " #name ", %0" : : "rK"(bits) : "memory")

/* Sstc's stimecmp; older assemblers do not know its name. */
#define write_stimecmp(ticks) csr_write(0x14d, ticks)

#define interrupts_on()  csr_set(sstatus, SSTATUS_SIE)
#define interrupts_off() csr_clear(sstatus, SSTATUS_SIE)

/* Wait for a pending interrupt, enabled in sie, whatever sstatus.SIE. */
#define wait_for_interrupt() __asm__ volatile("wfi" : : : "memory")

/* Hint: this hart spins (Zihintpause; a plain fence to older harts). */
#define cpu_relax() __asm__ volatile(".4byte 0x0100000f" : : : "memory")

/* Forget this hart's translations (4.2.1): all, or one address space's. */
#define sfence_all() __asm__ volatile("sfence.vma" : : : "memory")
#define sfence_asid(asid)                                                      \
    __asm__ volatile("sfence.vma zero, %0" : : "r"(asid) : "memory")

/* Make stores to instructions visible to this hart's fetches. */
#define fence_i() __asm__ volatile("fence.i" : : : "memory")

/* Ticks of the timebase since power-on (the `time` CSR). Orders nothing. */
static inline uint64_t read_time(void)
{
    uint64_t ticks;

    __asm__ volatile("rdtime %0" : "=r"(ticks));
    return ticks;
}
