/* What a hart knows about itself. In the kernel, tp points to it, in user mode
 * the trap frame at sscratch. vector.S knows the offsets of the first fields.
 */
#pragma once

#include <stdint.h>

#define MAX_HARTS    8
#define HART_HAZARDS 2 /* handles one call looks up at a time */

struct proc;
struct syscall;
struct runq;
struct trace_event;

struct hart {
    struct proc *proc; /*  0 [s] as whom `thread` runs: itself but for a
                           * poller of rings, which runs as their owners */
    uint64_t stack;    /*  8 [I] top of the idle process's */
    uint64_t scratch;  /* 16 [s] a register, in the first trap lines */
    union {
        struct {
            uint16_t held;   /* 24 [s] a bit per lock rank held */
            uint16_t traced; /* 26 [I] events are noted: base/trace.h */
        };
        uint32_t held_or_traced;
    };
    uint32_t index;             /* 28 [I] 0.. */
    uint64_t id;                /* 32 [I] the hart id of the device tree */
    void *hazard[HART_HAZARDS]; /* [a] handle nodes that the call uses: H4 */
    struct proc *thread;        /* [s] whose stack this is */
    struct proc *idle;          /* [I] runs when nobody else can */
    struct proc *next;     /* [a] woken by the running one: runs after it */
    struct proc *previous; /* [s] whom the last switch left */
    uint64_t since;        /* [a] ticks: when the running process got on */
    uint64_t armed;        /* [s] ticks: the deadline the timer is set to */
    uint64_t slice_end;    /* [s] ticks: when the running process must share */
    uint64_t kick_at;      /* [a] ticks: when to call an idle hart for help */
    struct trace_event *trace_next;              /* [s] base/trace.h, TR2 */
    struct trace_event *trace_first, *trace_end; /* [I] */
    const struct syscall *calls; /* 144 [I] the table that its traps use */
    struct runq *runq;           /* [I] its own: proc/sched.c */
} __attribute__((aligned(64)));

extern struct hart harts[MAX_HARTS];
extern uint32_t hart_count;

static inline struct hart *this_hart(void)
{
    register struct hart *h __asm__("tp");

    /* volatile: who has slept may wake on another hart, so the compiler must
     * not keep the answer from one question to the next. */
    __asm__ volatile("" : "=r"(h));
    return h;
}
