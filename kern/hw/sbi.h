/*
 * Calls to the firmware below the kernel: RISC-V SBI specification 1.0.
 * None of them takes a lock or sleeps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Extension ids (chapters 4 and 6 to 10; DBCN is of version 2.0). */
#define SBI_EXT_BASE   0x10
#define SBI_EXT_TIME   0x54494d45
#define SBI_EXT_IPI    0x735049
#define SBI_EXT_RFENCE 0x52464e43
#define SBI_EXT_HSM    0x48534d
#define SBI_EXT_SRST   0x53525354
#define SBI_EXT_DBCN   0x4442434e

/* Returns: whether the firmware offers extension `ext` (4.4). */
bool sbi_probe(long ext);

/*
 * Start a stopped hart in S-mode with satp 0 at physical address entry_pa, with
 * its id in a0 and `opaque` in a1 (9.1).
 * Returns: 0, or the SBI's negative error code; then the hart was not started.
 */
long sbi_hart_start(uint64_t hart, uint64_t entry_pa, uint64_t opaque);

/* This hart's timer interrupt at `ticks` of the timebase, all ones for never;
 * clears a pending one (6.1). */
void sbi_set_timer(uint64_t ticks);

/* A supervisor software interrupt for one hart, or for all (7.1). */
void sbi_send_ipi(uint64_t hart);
void sbi_send_ipi_all(void);

/*
 * Fences on other harts, complete on return (chapter 8). Bit n of hart_mask
 * stands for hart id n. sbi_remote_sfence forgets [va, va + size) of one
 * address space, all of it when size is all ones; sbi_remote_sfence_all
 * forgets everything; sbi_remote_fence_i orders instruction fetches.
 */
void sbi_remote_sfence(uint64_t hart_mask, uint64_t va, uint64_t size,
                       uint64_t asid);
void sbi_remote_sfence_all(uint64_t hart_mask);
void sbi_remote_fence_i(uint64_t hart_mask);

/* System shutdown (10.1); QEMU then ends with status 0, whatever `failed`. */
void sbi_shutdown(bool failed);

/* One character by the legacy call (5.2), before there is a UART driver. */
void sbi_console_putchar(int c);
