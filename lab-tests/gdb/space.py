"""vm: address spaces, walked as the hart does."""

import kernel
from kernel import PAGE, Command, entries, fail, label, process, read
from objects import region_words

RING_VADDR, STACK_BYTES = 0x3F00000000, 32768  # of abi.h
FLAGS = ((1, "V"), (2, "R"), (4, "W"), (8, "X"), (16, "U"), (32, "G"),
         (64, "A"), (128, "D"), (256, "owned"), (512, "shown"))


def flag_words(pte):
    text = "".join(n if len(n) == 1 else "" for b, n in FLAGS if pte & b)
    return text + "".join(" " + n for b, n in FLAGS if pte & b and len(n) > 1)


def entry_of(table, index):
    return kernel.words(table + 8 * index, 1)[0]


def table_of(pte):
    return kernel.DIRECT + (pte >> 10 << 12 & (1 << 56) - 1)


def leaves(table, base, level, top=256):
    """(address, bytes, entry) of what a table maps; of the root its half."""
    data = kernel.words(table, top)
    for i, pte in enumerate(data):
        start = base + (i << 12 + 9 * level)
        if not pte & 1:
            continue
        if pte & 0xe or level == 0:
            yield start, 1 << 12 + 9 * level, pte
        else:
            yield from leaves(table_of(pte), start, level - 1, 512)


def user_bytes(p, va, length):
    """Memory of any process, by its own page table; short at a hole."""
    out = b""
    while length > 0:
        table = int(p["vm"]["root"])
        for level in (2, 1, 0):
            pte = entry_of(table, va >> 12 + 9 * level & 511)
            if not pte & 1:
                return out
            table = table_of(pte)
        n = min(length, PAGE - va % PAGE)
        out += read(table + va % PAGE, n)
        va, length = va + n, length - n
    return out


def mapping_at(p, va):
    for m in entries(p["mappings"], "struct mapping", "link"):
        start = int(m["va"])
        if start <= va < start + int(m["region"]["pages"]) * PAGE:
            return m
    return None


def what_is_at(p, va):
    """In words: a region and its policy, or the part of the program."""
    m = mapping_at(p, va)
    if m is not None:
        r = m["region"].dereference()
        return "region %d: %s" % (int(r["obj"]["id"]), region_words(r))
    low = int(p["stack_low"])
    if RING_VADDR <= va < RING_VADDR + 3 * PAGE:
        return "submit ring"
    if va < low - PAGE:
        return "program"
    if low - PAGE <= va < low:
        return "guard page below the stack"
    if va < low + STACK_BYTES:
        return "stack"
    return "heap" if va < int(p["heap_end"]) else ""


class Vm(Command):
    """
    vm PID [ADDR]: the address space of a process: its ranges, or the walk
    through the Sv39 tables to one address, with region and policy.
    """

    usage, words = "vm PID [ADDR]", (1, 2)

    def run(self, pid, text=None):
        p = process(pid)
        if int(p["state"]) == 4:
            fail("process %s has ended", label(p))
        if text is None:
            self.ranges(p)
        else:
            self.walk(p, kernel.number(text))

    def ranges(self, p):
        print("process %s: %d private pages, root table at %#x" % (
            label(p), int(p["vm"]["pages"]), int(p["vm"]["root"])))
        run = None
        for va, size, pte in leaves(int(p["vm"]["root"]), 0, 2):
            key = (pte & 0x31e, what_is_at(p, va))
            if run and run[1] == va and run[2] == key:
                run[1] += size
                continue
            self.show(run)
            run = [va, va + size, key]
        self.show(run)

    @staticmethod
    def show(run):
        if run:
            print("  %#13x - %#13x %s%s%s  %s" % (
                run[0], run[1], *(n if run[2][0] & b else "-"
                                  for b, n in FLAGS[1:4]), run[2][1]))

    def walk(self, p, va):
        if va >= kernel.USER_END:
            fail("%#x is no user address: they are below %#x", va,
                 kernel.USER_END)
        print("process %s, address %#x" % (label(p), va))
        table = int(p["vm"]["root"])
        for level in (2, 1, 0):
            index = va >> 12 + 9 * level & 511
            pte = entry_of(table, index)
            leaf = pte & 1 and (pte & 0xe or level == 0)
            print("  level %d, table %#x, entry %3d: %#018x %s" % (
                level, table, index, pte,
                "not valid" if not pte & 1 else
                flag_words(pte) if leaf else "next table"))
            if not pte & 1:
                part = what_is_at(p, va) or "behind the heap"
                print("  nothing is mapped there: " + part.replace(
                    "program", "no segment of the program"))
                return
            if leaf:
                break
            table = table_of(pte)
        print("  physical address %#x: %s" % (
            table_of(pte) - kernel.DIRECT + va % (1 << 12 + 9 * level),
            what_is_at(p, va)))
