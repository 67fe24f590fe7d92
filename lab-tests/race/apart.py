#!/usr/bin/env python3
"""
Two processes that share no object share no lock. One hart goes on by a few
instructions at a time, through all its calls, and in between the other one has
to go on making calls: if there was one lock for all, the one that stands still
would have it now and then.
"""

import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harts  # noqa: E402
import stub  # noqa: E402

LOOKS, STRIDE = 200, 16  # instructions; together more than a round of calls
ROUNDS = 2  # that have to be begun while the other one stands still
SECONDS = 4.0  # for each
STILL, MOVES = 0, 1
TIMER, SOFTWARE = 1 << 5, 1 << 1  # of sie: what every hart takes

PROGRAM = """
#include <weir.h>

static uint8_t bytes[64];

int
main(void)
{
    handle_t q, s, p, log;
    struct ipc_msg m = {.type = 1};
    struct wait_item item;

    fork();
    q = (handle_t)queue_create(4, sizeof(bytes), 0);
    s = (handle_t)sem_create(0);
    p = (handle_t)port_create();
    log = (handle_t)region_create(REGION_APPEND, 16 << 20, 0, 0, 0);
    item = (struct wait_item){s, SIG_READABLE, 0};
    printf("ready\\n");
    for (;;) {
        queue_send(q, bytes, sizeof(bytes), 0, 0);
        queue_recv(q, bytes, sizeof(bytes), 0, 0);
        sem_post(s);
        handle_wait(&item, 1, 0);
        sem_wait(s, 0);
        port_send(p, &m, 0);
        port_recv(p, &m, 0);
        region_append(log, bytes, 8);
    }
}
"""


def masked(box):
    """Complaints about interrupts that a hart does not take."""
    monitor = harts.Monitor(box.monitor)
    masks = [hart.get("mie", 0) for hart in harts.registers(
        monitor.human("info registers -a"))]
    monitor.close()
    if any(~mask & (TIMER | SOFTWARE) for mask in masks):
        return ["a hart does not take all interrupts: sie %s" % " ".join(
            "%#x" % mask for mask in masks)]
    return []


def look(box, gdb, begin):
    """Complaints about one moment: one hart does not move, the other does."""
    gdb.break_at(begin)
    for _ in range(ROUNDS):
        gdb.go(MOVES)
        if gdb.answer(SECONDS) is None:
            where = harts.describe(box.monitor, box.build, box.kernel)
            gdb.stop()
            return ["hart%d stands still, and hart%d cannot go on:" % (
                STILL, MOVES)] + where
        gdb.break_at(begin, False)
        gdb.step(MOVES)
        gdb.break_at(begin)
    gdb.break_at(begin, False)
    return []


def main():
    with tempfile.TemporaryDirectory(prefix="weir-") as folder, \
            stub.Box(PROGRAM, folder, 2) as box:
        if not box.await_text("ready", 2):
            sys.exit("the program does not start:\n%s" % box.printed[-500:]
                     .decode(errors="replace"))
        gdb = stub.Stub(box.door)
        begin = box.address("queue_send", True)
        time.sleep(0.2)  # both have found a hart
        gdb.stop()
        bad = masked(box)
        for _ in range(LOOKS):
            bad = bad or look(box, gdb, begin) or masked(box)
            if bad:
                sys.exit("\n".join(bad))
            for _ in range(STRIDE):
                gdb.step(STILL)
        gdb.close()
    print("%d times one hart stood still, and the other one did not" % LOOKS)


if __name__ == "__main__":
    main()
