/*
 * What each hart did, the last few thousand events of it: for pictures
 * (docs/trace.md) and for a debugger. Compiled always, and off unless the boot
 * argument `trace` or `trace=N` asks for N events a hart.
 *
 *   TR1  only a hart writes into its ring, with interrupts off. Who reads has
 *        stopped the machine.
 *   TR2  a full ring loses its oldest event: trace_next is the next one's place
 *        and, if there is something in it, the oldest.
 */
#pragma once

#include "base/hart.h"
#include "base/kern.h"
#include "hw/riscv.h"

/*
 * What happened   aux                    a                 b
 *
 * SWITCH          state of who is left   next one's pid    8 bytes of its name
 * WAKE                                   its pid           8 bytes of its name
 * CALL            call number            first argument    the process's turn
 * RETURN                                 result            call number
 * SEND            type of the object     object id         number in there, and
 *                                                          length << TRACE_LEN
 * RECV            likewise, without a length; of a port_call, and of its reply,
 *                 OBJ_REPLY, the caller's pid and its turn
 * DROP            like RECV, which follows: nobody receives it
 * AS                                     pid: the next event, a SEND, is its
 * FAULT           scause                 address           pc
 * INTERRUPT(_END) scause, low byte
 * ENTRY           call number            user_data         the operation
 * COMPLETION      call number            result            the operation
 *
 * A turn is waiter.turn; a port_call waits in the next one. Entries are those
 * of submit rings. lab-tests/tracing.py knows the numbers.
 */
enum { TRACE_SWITCH = 1, TRACE_WAKE, TRACE_CALL, TRACE_RETURN };
enum { TRACE_SEND = 5, TRACE_RECV, TRACE_DROP, TRACE_AS, TRACE_FAULT };
enum { TRACE_INTERRUPT = 10, TRACE_INTERRUPT_END };
enum { TRACE_ENTRY = 12, TRACE_COMPLETION };

#define TRACE_LEN 48 /* bits of a number */

struct trace_event {
    uint64_t ticks; /* the `time` CSR */
    uint16_t what;  /* TRACE_x | aux << 8 */
    uint16_t fine;  /* low bits of the `instret` CSR, for order within a tick */
    int32_t pid;    /* as whom the hart ran; 0: as the kernel */
    uint64_t a, b;
};
_Static_assert(sizeof(struct trace_event) == 32, "lab-tests/tracing.py");

#define TRACE_DEFAULT 65536u /* events a hart */
#define TRACE_PID     48     /* of pid in struct proc */

/* Inlined, since a call would cost registers also where it is off, and so would
 * arguments that are looked at before. */
#define trace(kind, aux, a, b)                                                 \
    do {                                                                       \
        if (unlikely(this_hart()->traced))                                     \
            trace_note((kind) | (uint64_t)(aux) << 8, a, b);                   \
    } while (0)

/* The same, off the beaten track. */
#define trace_rare(kind, aux, a, b)                                            \
    do {                                                                       \
        if (unlikely(this_hart()->traced))                                     \
            trace_far((kind) | (uint64_t)(aux) << 8, a, b);                    \
    } while (0)
void trace_far(uint64_t what, uint64_t a, uint64_t b);

static ALWAYS_INLINE void trace_note(uint64_t what, uint64_t a, uint64_t b)
{
    /* Each this_hart() is no instruction; a copy of it would be one. */
    struct trace_event *e = this_hart()->trace_next, *next = e + 1;

    if (unlikely(next == this_hart()->trace_end))
        next = this_hart()->trace_first;
    this_hart()->trace_next = next; /* TR2 */
    e->ticks = read_time();
    e->what = (uint16_t)what;
    e->fine = (uint16_t)csr_read(instret);
    e->pid = *(const int32_t *)((const char *)this_hart()->proc + TRACE_PID);
    e->a = a;
    e->b = b;
}

/* At boot: set memory from `at` on aside for n events a hart, of TRACE_BYTES;
 * with 0, none. Returns: its end. Later: begin. */
#define TRACE_BYTES (hart_count * sizeof(struct trace_event))
uint64_t trace_reserve(uint64_t at, uint64_t n);
void trace_begin(void);
