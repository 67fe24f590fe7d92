/* ps: the processes, in the order of their pids. */
#include <weir.h>

static const char *state_name(uint32_t state)
{
    switch (state) {
    case PROC_READY:
        return "ready";
    case PROC_RUNNING:
        return "running";
    case PROC_WAITING:
        return "waiting";
    case PROC_ENDED:
        return "ended";
    default:
        return "?";
    }
}

int main(void)
{
    struct proc_info p = {.pid = 0};

    printf("  PID PARENT STATE   HART   CPU ms PAGES HANDLES NAME\n");
    while (proc_info(-((long)p.pid + 1), &p) >= 0)
        printf("%5d %6d %-7s %4u %8lu %5lu %7lu %.32s\n", p.pid, p.parent,
               state_name(p.state), p.hart, p.cpu_ns / 1000000, p.pages,
               p.handles, p.name);
    return 0;
}
