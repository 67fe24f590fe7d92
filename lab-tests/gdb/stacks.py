"""Where harts and processes are: through the kernel and into the program."""

import importlib.util
import os
import subprocess
import sys

import gdb

import kernel
from kernel import BUILD, ROOT, Command, fail, label, process, short
from space import user_bytes
import symbols

FRAMES = 40
# The bottom of each stack: how a program got into the kernel.
DOORS = ("trap_entry", "from_user", "user_enter", "user_out", "fork_entry",
         "call_done", "call_work", "call_out", "sys_fork")


def load(name, path):
    """A Python file of the project as a module."""
    spec = importlib.util.spec_from_file_location(
        name, os.path.join(ROOT, path),
        loader=importlib.machinery.SourceFileLoader(
            name, os.path.join(ROOT, path)))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Image:
    """An ELF file: its unwind table and the names of its addresses."""

    known = {}

    def __init__(self, path):
        sys.path.insert(0, os.path.join(ROOT, "lab-tests"))
        import harts
        self.harts, self.path = harts, path
        self.prefix = harts.building.read_config(BUILD)["prefix"]
        mksyms = load("mksyms", "kern/mksyms.py")
        self.unknown = mksyms.UNKNOWN[0]
        self.rows = mksyms.read_rows(self.prefix + "readelf", path, 0, 1 << 64)

    @classmethod
    def of(cls, path):
        stamp = os.path.getmtime(path)
        if cls.known.get(path, (0,))[0] != stamp:
            try:
                cls.known[path] = stamp, cls(path)
            except (OSError, KeyError, subprocess.CalledProcessError) as error:
                fail("%s: %s", path, error)
        return cls.known[path][1]

    def row(self, pc):
        low, high = 0, len(self.rows)
        while low < high:
            middle = (low + high) // 2
            low, high = ((middle + 1, high) if self.rows[middle][0] <= pc
                         else (low, middle))
        row = self.rows[low - 1] if low else (0, self.unknown, 0)
        return (row[0], 0, 0) if row[1] == self.unknown else row

    def frames(self, pc, sp, ra, read, last):
        """
        (address, one inside the call) of each call, the innermost first. ra:
        what is in the register; None: pc is where a call returns to, too.
        last(pc): there is no caller.
        """
        found = []
        while len(found) < FRAMES and pc:
            here = pc if ra is not None and not found else pc - 1
            found.append((pc, here))
            if last(here):
                break
            _, cfa, saved = self.row(here)
            sp += cfa
            if saved:
                data = read(sp + saved, 8)
                pc = int.from_bytes(data, "little") if len(data) == 8 else 0
            elif len(found) == 1 and ra:
                pc = ra
            else:
                break
        return found

    def names(self, addresses):
        return self.harts.name_addresses(self.prefix, self.path, addresses)


def symbol_at(pc):
    """The kernel's function, by the symbol table."""
    text = gdb.execute("info symbol %#x" % pc, to_string=True)
    return "" if text.startswith("No symbol") else text.split()[0].split(".")[0]


def show(image, frames, start):
    names_of = image.names([inside for _, inside in frames])
    for i, ((pc, _), names) in enumerate(zip(frames, names_of)):
        print("#%-2d %#018x %s" % (start + i, pc, names[0] if names else "?"))
        for name in names[1:]:  # it is part of them
            print("%22s %s" % ("in", name))
    return start + len(frames)


def program_part(p, registers, start):
    """The frames in the program; registers: pc, sp, ra."""
    name = kernel.text_of(p["name"])
    path = symbols.program_file(name)
    if path is None:
        print("in %s, whose file is not under %s: pc %#x" % (
            name, BUILD, registers[0]))
        return
    image = Image.of(path)
    print("in the program %s:" % name)
    show(image, image.frames(
        *registers, lambda va, n: user_bytes(p, va, n), lambda pc: False),
        start)


def kernel_part(p, pc, sp, ra):
    image = Image.of(kernel.KERNEL)
    return show(image, image.frames(
        pc, sp, ra, kernel.read, lambda pc: symbol_at(pc) in DOORS), 0)


def frame_registers(p):
    x = p["tf"]["x"]
    return tuple(int(x[i]) & kernel.MASK for i in (0, 2, 1))


class Pbt(Command):
    """
    pbt PID: the calls that a process is in, asleep or on a hart: in the kernel,
    then, through its trap frame, in its program.
    """

    usage, words = "pbt PID", (1, 1)

    def run(self, pid):
        p = process(pid)
        here = kernel.address_of(p)
        hart = next((h for h in kernel.harts()
                     if int(h["thread"]) & kernel.MASK == here), None)
        state = kernel.STATES.get(int(p["state"]), "?")
        if int(p["state"]) == 4:
            fail("process %s has ended", label(p))
        start = 0
        if hart is not None:
            r = kernel.hart_registers("pc", "sp", "ra")[int(hart["id"])]
            print("process %s, %s, on hart %d" % (label(p), state,
                                                  int(hart["index"])))
            if r["priv"] == 0:
                program_part(p, (r["pc"], r["sp"], r["ra"]), 0)
                return
            if r["pc"] < kernel.DIRECT:
                print("in the firmware, pc %#x" % r["pc"])
            else:
                start = kernel_part(p, r["pc"], r["sp"], r["ra"])
        else:
            c = p["context"]
            print("process %s, %s" % (label(p), state))
            start = kernel_part(p, int(c["ra"]) & kernel.MASK,
                                int(c["sp"]) & kernel.MASK, None)
        program_part(p, frame_registers(p), start)


def state_of(hart, registers):
    if int(hart["thread"]) == int(hart["idle"]):
        return "idle"
    mode = {0: "in the program", 3: "in the firmware"}.get(
        registers["priv"], "in the kernel")
    p, thread = hart["proc"].dereference(), hart["thread"].dereference()
    if not int(thread["pid"]):
        return "%s%s" % (label(thread), "" if int(p["pid"]) == 0 else
                         ", working for " + short(p))
    return "process %s, %s" % (label(p), mode)


def whose(pointer):
    if not int(pointer):
        return "nobody"
    p = pointer.dereference()
    return "process " + label(p) if int(p["pid"]) else label(p)


class Harts(Command):
    """harts: the harts; what each runs, where, and which locks it holds."""

    usage = "harts"

    def run(self):
        registers = kernel.hart_registers("pc")
        for hart in kernel.harts():
            r = registers.get(int(hart["id"]))
            if r is None or not int(hart["thread"]):
                print("hart %d: not started" % int(hart["index"]))
                continue
            waiting = sum(1 for _ in kernel.entries(
                kernel.variable("runqs")[int(hart["index"])]["line"],
                "struct proc", "run"))
            print("hart %d (thread %d): %s, at %#x %s" % (
                int(hart["index"]), int(hart["id"]) + 1,
                state_of(hart, r), r["pc"],
                symbol_at(r["pc"]) if r["pc"] >= kernel.DIRECT else ""))
            following = hart["next"]
            print("  ranks held %#x; next %s; %d in the run queue" % (
                int(hart["held"]),
                whose(following), waiting))


class BtAll(Command):
    """bt-all: a backtrace of every hart, each under what it runs."""

    usage, memory = "bt-all", False

    def run(self):
        for thread in kernel.threads():
            thread.switch()
            with kernel.kernel_memory():
                print(self.title(kernel.selected_hart(), thread))
            symbols.follow(quiet=True)
            try:
                print(gdb.execute("backtrace", to_string=True).rstrip())
            except gdb.error as error:
                print("  " + str(error))
        symbols.follow(quiet=True)

    @staticmethod
    def title(hart, thread):
        if hart is None or not int(hart["thread"]):
            return "thread %d: not started" % thread.num
        mode = kernel.lifted.get(thread.ptid, 1)
        return "hart %d: %s" % (int(hart["index"]),
                                state_of(hart, {"priv": mode}))
