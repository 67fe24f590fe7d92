/* sysinfo: what the machine has, and what of it is in use. */
#include <weir.h>

int main(void)
{
    struct sys_info s;
    long error = sys_info(&s);
    uint64_t ns = (uint64_t)clock_ns();

    if (error < 0) {
        dprintf(STDERR, "sysinfo: %s\n", err_name(error));
        return 1;
    }
    printf("harts      %u\n", s.harts);
    printf("memory     %lu KiB, %lu KiB free (%lu of %lu pages)\n",
           s.total_pages * (PAGE_SIZE / 1024),
           s.free_pages * (PAGE_SIZE / 1024), s.free_pages, s.total_pages);
    printf("processes  %u\n", s.procs);
    printf("objects    %u\n", s.objects);
    printf("timebase   %lu Hz\n", s.timebase_hz);
    printf("uptime     %lu.%03lu s\n", ns / 1000000000, ns / 1000000 % 1000);
    printf("instret    %lu\n", s.instret);
    printf("arguments  %.256s\n", s.args);
    return 0;
}
