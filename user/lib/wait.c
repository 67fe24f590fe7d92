/*
 * wait() as programs see it. It is the call weir_wait, with one addition for
 * test programs: whoever waits for a child that a failed check has ended, ends
 * the same way, so that the failure reaches the harness whether or not anyone
 * looks at the exit status.
 */
#include "weir.h"
#include "test_internal.h"

long wait(long pid, struct exit_info *out, uint64_t timeout)
{
    struct exit_info own;
    struct exit_info *info = out || !test_running ? out : &own;
    long got = weir_wait(pid, info, timeout);

    if (got >= 0 && test_running && test_check_failed(info))
        test_end_failed();
    return got;
}
