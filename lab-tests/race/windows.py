#!/usr/bin/env python3
"""
A long call takes interrupts: while a process appends megabytes to a log, the
hart's clock goes off for another one. That is seen from outside, at the place
where interrupts of the kernel arrive, and counts if it comes from the copying.
"""

import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import building  # noqa: E402
import harts  # noqa: E402
import stub  # noqa: E402

LEAST, MOST = 3, 60  # interrupts that count; that are looked at
SECONDS = 10.0  # for each
COPYING = "kern/sys/ops_region.c"

PROGRAM = """
#include <weir.h>

#define BYTES (4u << 20)

int
main(void)
{
    uint8_t *bytes = (uint8_t *)sbrk(BYTES);

    if (fork() == 0)
        for (;;)
            timer_wait(TIMER_REL, 200000);
    printf("ready\\n");
    for (;;) {
        long log = region_create(REGION_APPEND, BYTES, 0, 0, 0);

        region_append((handle_t)log, bytes, BYTES);
        handle_close((handle_t)log);
    }
}
"""


def interrupted(box):
    """What the kernel did: places, innermost first."""
    monitor = harts.Monitor(box.monitor)
    sepc = harts.registers(monitor.human("info registers -a"))[0]["sepc"]
    monitor.close()
    return harts.name_addresses(building.read_config(box.build)["prefix"],
                                box.kernel, [sepc])[0]


def main():
    with tempfile.TemporaryDirectory(prefix="weir-") as folder, \
            stub.Box(PROGRAM, folder, 1) as box:
        if not box.await_text("ready"):
            sys.exit("the program does not start:\n%s" % box.printed[-500:]
                     .decode(errors="replace"))
        gdb = stub.Stub(box.door)
        gdb.stop()
        entry, counted = box.address("from_kernel"), 0
        for _ in range(MOST):
            gdb.break_at(entry)
            gdb.go()
            if gdb.answer(SECONDS) is None:
                break
            counted += any(COPYING in place for place in interrupted(box))
            if counted == LEAST:
                print("a long append takes interrupts")
                return
            gdb.break_at(entry, False)
            gdb.step(0)
        sys.exit("a long append takes no interrupts: %d, want %d" % (
            counted, LEAST))


if __name__ == "__main__":
    main()
