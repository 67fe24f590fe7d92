/* The call table, from the one list in abi.h. Calls without body: E_NOSYS. */
#include "sys/syscall.h"

static long no_such_call(void)
{
    return -E_NOSYS;
}

// clang-format off
#define WEAK(number, name, ring, params) \
    long sys_##name(void) __attribute__((weak, alias("no_such_call")));
WEIR_CALLS(WEAK)
#define BODY(name) ((call_fn *)(void (*)(void))name)

/* Numbers between the calls are no calls. A ring's entry parks in a call whose
 * timeout, an argument of this number, is not 0. */
#define ENTRY(number, name, ring, params) \
    [number] = {BODY(sys_##name), (ring) ? RUNS : NEVER_RUNS},
#define PARKS(name, argument) [CALL_##name] = \
    {BODY(sys_##name), TIMEOUT + (argument)}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const struct syscall syscall_table[SYSCALL_SLOTS] = {
    [0 ... SYSCALL_SLOTS - 1] = {BODY(no_such_call), NEVER_RUNS},
    WEIR_CALLS(ENTRY)
    [CALL_timer_wait] = {BODY(sys_timer_wait), TIMER},
    PARKS(queue_send, 4),
    PARKS(queue_send_desc, 3),
    PARKS(queue_send_handle, 4),
    PARKS(queue_recv, 4),
    PARKS(port_send, 2),
    PARKS(port_recv, 2),
    PARKS(chan_send, 2),
    PARKS(chan_recv, 2),
    PARKS(sem_wait, 1),
    [CALL_handle_subscribe] = {BODY(sys_handle_subscribe), RUNS_ALONE},
};
#pragma GCC diagnostic pop
// clang-format on
