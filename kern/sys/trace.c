/*
 * The event rings of base/trace.h, and how calls get into them: while tracing
 * is on, traps find calls in another table, whose bodies are all traced_call();
 * and entries of submit rings are taken one by one.
 */
#include "base/trace.h"

#include "base/string.h"
#include "hw/memlayout.h"
#include "sys/syscall.h"

_Static_assert(offsetof(struct hart, trace_next) == 120,
               "lab-tests/tracing.py");
_Static_assert(sizeof(struct hart) == 192, "lab-tests/tracing.py");
_Static_assert(offsetof(struct proc, pid) == TRACE_PID, "base/trace.h");

NOINLINE void trace_far(uint64_t what, uint64_t a, uint64_t b)
{
    trace_note(what, a, b);
}

/* A call by a trap; vector.S leaves the number in the register of `number`. */
static long traced_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                        uint64_t a4, uint64_t a5, uint64_t a6, uint64_t number)
{
    long result;

    (void)a5;
    (void)a6;
    trace_note(TRACE_CALL | number << 8, a0, this_proc()->wait.turn);
    result = syscall_table[number].body(a0, a1, a2, a3, a4);
    trace_note(TRACE_RETURN, (uint64_t)result, number);
    return result;
}

uint64_t trace_reserve(uint64_t at, uint64_t n)
{
    for (struct hart *h = harts; h < &harts[hart_count] && n; h++) {
        h->trace_first = h->trace_next = DIRECT(at);
        h->trace_end = h->trace_first + n;
        at = PHYS(h->trace_end);
        memset(h->trace_first, 0, n * sizeof(struct trace_event));
    }
    return at;
}

void trace_begin(void)
{
    static struct syscall table[SYSCALL_SLOTS];

    if (!harts[0].trace_next)
        return;
    for (uint32_t i = 0; i < SYSCALL_SLOTS; i++)
        table[i].body = (call_fn *)(void (*)(void))traced_call;
    table[CALL_fork] = syscall_table[CALL_fork]; /* fork_process() traces it */
    for (struct hart *h = harts; h < &harts[hart_count]; h++) {
        h->calls = table;
        h->traced = true;
    }
}
