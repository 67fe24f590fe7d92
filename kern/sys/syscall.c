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

typedef long call_fn(void);

/* vector.S jumps through this. Numbers between the calls are no calls. */
extern call_fn *const syscall_table[WEIR_CALL_LIMIT];
#define ENTRY(number, name, ring, params) [number] = sys_##name,
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
call_fn *const syscall_table[WEIR_CALL_LIMIT] = {
    [0 ... WEIR_CALL_LIMIT - 1] = no_such_call,
    WEIR_CALLS(ENTRY)
};
#pragma GCC diagnostic pop
// clang-format on
