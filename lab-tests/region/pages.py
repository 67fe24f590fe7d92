#!/usr/bin/env python3
"""The page tables, read from outside while a program runs, say what the
policies promise: no page is writable and executable, user's or kernel's; a
sealed region is read-only; the bits of use are set beforehand."""

import os
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LABS = os.path.dirname(HERE)
sys.path[:0] = [LABS, os.path.join(LABS, "shell")]

import building  # noqa: E402
import machine  # noqa: E402
from harts import USER_END, Monitor, registers  # noqa: E402
from shelltest import check, finish, wrong  # noqa: E402

# Sv39: privileged specification 1.12, section 4.4.
V, R, W, X, U, A, D = 1, 2, 4, 8, 16, 64, 128
PAGE, ENTRIES, LEVELS = 4096, 512, 3
PPN = (1 << 44) - 1

PROGRAM = """
#include <weir.h>
static void
show(const char *name, long r, uint32_t prot)
{
    struct region_info info;
    long at = region_map((handle_t)r, 0, prot);

    region_info((handle_t)r, &info);
    printf("%s 0x%lx %lu %lu\\n", name, at, info.pages, info.first_frame);
}

int
main(void)
{
    long built = region_create(REGION_IMMUTABLE, 9000, 0, 0, 0);

    show("sealed", region_create(REGION_IMMUTABLE, 9000, 0, "x", 1), 1);
    show("built", built, 3);
    show("unsealed", region_create(REGION_IMMUTABLE, 9000, 0, 0, 0), 3);
    show("append", region_create(REGION_APPEND, 9000, 0, 0, 0), 1);
    show("slab", region_create(REGION_SLAB, 9000, 1, 0, 0), 3);
    show("shown", region_create(REGION_SLAB, 9000, 1, 0, 0), 1);
    show("large", region_create(REGION_SLAB, 64, 1 << 16, 0, 0), 3);
    show("file", region_open("sh"), 5);
    show("text", region_open("wc"), 1);
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            for (;;)
                ;
    region_seal((handle_t)built);
    printf("ready\\n");
    for (;;)
        ;
}
"""
WANT = {
    "sealed": R, "built": R, "unsealed": R | W, "append": R, "slab": R | W,
    "shown": R, "large": R | W, "file": R | X, "text": R,
}


class Guest:
    """A machine that runs the program; what it has printed so far."""

    def __init__(self, folder):
        build = os.environ["WEIR_BUILD"]
        source = os.path.join(folder, "pages.c")
        with open(source, "w") as out:
            out.write(PROGRAM)
        full = os.path.join(folder, "pages.elf")
        program = os.path.join(folder, "pages")
        building.build_program(build, source, full)
        building.strip_program(build, full, program)
        archive = os.path.join(folder, "initrd.tar")
        building.repack(os.path.join(build, "initrd.tar"), archive,
                       {"pages": program})
        self.socket = os.path.join(folder, "monitor")
        self.text = b""
        self.box = machine.Machine(
            os.path.join(build, "kernel.elf"), archive, args="run=pages",
            cpus=int(os.environ["WEIR_CPUS"]), monitor=self.socket,
            qemu=os.environ["WEIR_QEMU"])
        self.thread = threading.Thread(
            target=self.box.run, args=(self.add, lambda data: None, 60))
        self.thread.start()

    def add(self, data):
        self.text += data

    def await_ready(self):
        while b"ready" not in self.text and self.thread.is_alive():
            time.sleep(0.05)
        return b"ready" in self.text

    def end(self):
        self.box.kill()
        self.thread.join()


def words(monitor, address, count):
    """So many 64-bit words of physical memory."""
    found = []
    for line in monitor.human("xp /%dxg 0x%x" % (count, address)).splitlines():
        found += [int(word, 16) for word in line.partition(":")[2].split()]
    return found


def leaves(monitor, table, level=LEVELS - 1, base=0):
    """(address, bytes, entry) of each leaf below a table."""
    size = PAGE * ENTRIES ** level
    for i, entry in enumerate(words(monitor, table, ENTRIES)):
        if not entry & V:
            continue
        if entry & (R | W | X):
            yield base + i * size, size, entry
        elif level > 0:
            yield from leaves(monitor, (entry >> 10 & PPN) * PAGE, level - 1,
                              base + i * size)


def check_leaf(address, entry):
    """What holds for every page."""
    where = "0x%x: %s" % (address, bin(entry & 1023))
    check("writable and executable, " + where, entry & (W | X) == W | X, False)
    check("writable means readable, " + where, entry & (W | R) == W, False)
    check("user's where users are, " + where, bool(entry & U),
          address < USER_END)
    check("accessed is set, " + where, bool(entry & A), True)
    if entry & W:
        check("dirty is set, " + where, bool(entry & D), True)


def check_table(monitor, root, shown):
    user = {}
    for address, size, entry in leaves(monitor, root):
        check_leaf(address, entry)
        if address < USER_END:
            check("size of the page at 0x%x" % address, size, PAGE)
            user[address] = entry
    for name, address, pages, frame in shown:
        for i in range(pages):
            entry = user.get(address + i * PAGE, 0)
            check("%s, page %d" % (name, i), entry & (R | W | X | U),
                  WANT[name] | U)
        check("first frame of " + name, user.get(address, 0) >> 10 & PPN,
              frame)
        check("end of " + name, address + pages * PAGE in user and
              all(address + pages * PAGE != other for _, other, _, _ in shown),
              False)


def look(monitor, shown):
    """Checks the tables of the harts that run the program; how many do."""
    seen = 0
    monitor.ask("stop")
    for hart in registers(monitor.human("info registers -a")):
        if hart["pc"] < USER_END:
            check_table(monitor, (hart["satp"] & PPN) * PAGE, shown)
            seen += 1
    monitor.ask("cont")
    return seen


def main():
    with tempfile.TemporaryDirectory() as folder:
        guest = Guest(folder)
        try:
            check("the program runs", guest.await_ready(), True)
            lines = [line.split() for line in guest.text.decode().splitlines()]
            shown = [(line[0], int(line[1], 16), int(line[2]), int(line[3]))
                     for line in lines if line[0] in WANT]
            check("what it shows", [name for name, _, _, _ in shown],
                  list(WANT))
            monitor = Monitor(guest.socket)
            tables = 0
            for _ in range(100):
                tables += look(monitor, shown)
                if tables >= 4 or wrong:
                    break
                time.sleep(0.02)
            monitor.close()
            check("tables seen: %d" % tables, tables > 0, True)
        finally:
            guest.end()
    finish()


if __name__ == "__main__":
    main()
