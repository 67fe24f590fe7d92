/*
 * The binary encoding (chapter 3): extension id in a7, function id in a6,
 * arguments from a0; error comes back in a0, value in a1. Everything else is
 * preserved.
 */
#include "hw/sbi.h"

enum {
    BASE_PROBE = 3,
    TIME_SET = 0,
    IPI_SEND = 0,
    RFENCE_FENCE_I = 0,
    RFENCE_SFENCE_VMA = 1,
    RFENCE_SFENCE_VMA_ASID = 2,
    HSM_START = 0,
    SRST_RESET = 0,
    LEGACY_PUTCHAR = 1, /* an extension of its own, without functions */
};

#define ALL_HARTS UINT64_MAX /* as mask base: the mask is ignored (3.1) */
#define ALL_SIZES UINT64_MAX /* as size: the whole address space (8) */

struct sbi_result {
    long error;
    long value;
};

static struct sbi_result
call(uint64_t ext, uint64_t function, const uint64_t args[5])
{
    register uint64_t a0 __asm__("a0") = args[0];
    register uint64_t a1 __asm__("a1") = args[1];
    register uint64_t a2 __asm__("a2") = args[2];
    register uint64_t a3 __asm__("a3") = args[3];
    register uint64_t a4 __asm__("a4") = args[4];
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = ext;

    /* memory: a fence or a message to another hart must follow our stores. */
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
                     : "memory");
    return (struct sbi_result){(long)a0, (long)a1};
}

#define CALL(ext, function, ...)                                               \
    call((ext), (function), (const uint64_t[5]){__VA_ARGS__})

bool
sbi_probe(long ext)
{
    struct sbi_result r = CALL(SBI_EXT_BASE, BASE_PROBE, (uint64_t)ext);

    return r.error == 0 && r.value != 0;
}

long
sbi_hart_start(uint64_t hart, uint64_t entry_pa, uint64_t opaque)
{
    return CALL(SBI_EXT_HSM, HSM_START, hart, entry_pa, opaque).error;
}

void
sbi_set_timer(uint64_t ticks)
{
    CALL(SBI_EXT_TIME, TIME_SET, ticks);
}

void
sbi_send_ipi(uint64_t hart)
{
    CALL(SBI_EXT_IPI, IPI_SEND, 1, hart); /* mask bit 0 is hart base + 0 */
}

void
sbi_send_ipi_all(void)
{
    CALL(SBI_EXT_IPI, IPI_SEND, 0, ALL_HARTS);
}

void
sbi_remote_sfence(uint64_t hart_mask, uint64_t va, uint64_t size, uint64_t asid)
{
    CALL(SBI_EXT_RFENCE, RFENCE_SFENCE_VMA_ASID, hart_mask, 0, va, size, asid);
}

void
sbi_remote_sfence_all(uint64_t hart_mask)
{
    CALL(SBI_EXT_RFENCE, RFENCE_SFENCE_VMA, hart_mask, 0, 0, ALL_SIZES);
}

void
sbi_remote_fence_i(uint64_t hart_mask)
{
    CALL(SBI_EXT_RFENCE, RFENCE_FENCE_I, hart_mask, 0);
}

void
sbi_shutdown(bool failed)
{
    CALL(SBI_EXT_SRST, SRST_RESET, 0, failed);
}

void
sbi_console_putchar(int c)
{
    CALL(LEGACY_PUTCHAR, 0, (uint64_t)c);
}
