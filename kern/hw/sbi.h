/* Calls to the firmware below the kernel: RISC-V SBI specification 1.0; numbers
 * in parentheses are its sections. */
#pragma once

#include <stdint.h>

/* Extensions; the first, of old, has no functions (5.2). */
enum { SBI_EXT_PUTCHAR = 0x01, SBI_EXT_BASE = 0x10, SBI_EXT_TIME = 0x54494d45 };
enum { SBI_EXT_IPI = 0x735049, SBI_EXT_RFENCE = 0x52464e43 };
enum { SBI_EXT_HSM = 0x48534d, SBI_EXT_SRST = 0x53525354 };

struct sbi_result {
    long error, value;
};

/* Extension id in a7, function in a6; both results come back in a0, a1 (3). */
static inline struct sbi_result sbi_call(uint64_t ext, uint64_t function,
                                         const uint64_t args[5])
{
    register uint64_t a0 __asm__("a0") = args[0];
    register uint64_t a1 __asm__("a1") = args[1];
    register uint64_t a2 __asm__("a2") = args[2];
    register uint64_t a3 __asm__("a3") = args[3];
    register uint64_t a4 __asm__("a4") = args[4];
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = ext;

    /* memory: a message to another hart must follow our stores. */
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
                     : "memory");
    return (struct sbi_result){(long)a0, (long)a1};
}

#define SBI(ext, function, ...)                                                \
    sbi_call((ext), (function), (const uint64_t[5]){__VA_ARGS__})

/* Is there such an extension (4.4)? */
#define sbi_probe(ext) (SBI(SBI_EXT_BASE, 3, ext).value != 0)

/* Start a stopped hart in S-mode with satp 0 at physical address entry_pa, with
 * its id in a0 and `opaque` in a1 (9.1). Returns: 0, or a negative error. */
#define sbi_hart_start(hart, entry_pa, opaque)                                 \
    SBI(SBI_EXT_HSM, 0, hart, entry_pa, opaque).error

/* This hart's timer interrupt at `ticks` of the timebase, all ones for never;
 * clears a pending one (6.1). */
#define sbi_set_timer(ticks) SBI(SBI_EXT_TIME, 0, ticks)

/* A supervisor software interrupt for one hart, bit 0 from there on (7.1). */
#define sbi_send_ipi(hart) SBI(SBI_EXT_IPI, 0, 1, hart)

/* sfence.vma for a whole address space on one hart; done at return (8.3). */
#define sbi_sfence_asid(hart, asid)                                            \
    SBI(SBI_EXT_RFENCE, 2, 1, hart, 0, ~0ul, asid)

/* End the machine (10.1); QEMU's exit status is 0 then. */
#define sbi_shutdown() SBI(SBI_EXT_SRST, 0)

/* One character, before there is a UART driver. */
#define sbi_console_putchar(c) SBI(SBI_EXT_PUTCHAR, 0, (uint64_t)(c))
