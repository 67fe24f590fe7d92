"""
Where the harts of a running machine are: asked through the emulator's monitor
on a unix socket, put in words with the symbols of the kernel. For machines
that hang; and the names for addresses in a panic.
"""

import json
import os
import re
import socket
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import building
import machine

PATIENCE = 3.0  # seconds for the monitor to answer
USER_END = 1 << 38
RAM, RAM_END = 0x80000000, 0x100000000
FRAMES = 5  # of a hart, innermost first
STACK_WORDS = 512  # read at most, above sp
IDLE = ("wait_for_interrupt ", "sched_idle ")
TRAP = "trap_entry"


class Monitor:
    """A connection to the emulator's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")
        self.lines.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline() or "{}")
            if "event" not in answer:
                return answer.get("return")

    def human(self, line):
        return self.ask("human-monitor-command", **{"command-line": line}) or ""

    def close(self):
        self.lines.close()
        self.socket.close()


def registers(text):
    """A dictionary of registers for each hart, from `info registers -a`."""
    harts = []
    for part in re.split(r"^CPU#\d+", text, flags=re.MULTILINE)[1:]:
        harts.append({
            name: int(value, 16)
            for name, value in re.findall(r"(\S+)\s+([0-9a-f]{16})\b", part)
        })
    return harts


# --- names for addresses -----------------------------------------------------


def short_path(place):
    """kern/ipc/queue.c:188 of what the compiler has written down."""
    place = place.split(" (discriminator")[0]
    found = re.search(r"(?:^|/)((?:kern|user|lab-tests)/\S+)$", place)
    return found.group(1) if found else os.path.basename(place)


def name_addresses(prefix, elf, addresses):
    """
    For each address the places it stands for, innermost first: a function may
    be part of its caller. [["function file:line", ...], ...]
    """
    done = subprocess.run(
        [prefix + "addr2line", "-a", "-i", "-f", "-e", elf] +
        ["%#x" % address for address in addresses],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found, lines = [], done.stdout.decode(errors="replace").splitlines()
    while lines:
        line = lines.pop(0)
        if line.startswith("0x"):
            found.append([])
        elif lines and found:
            place = short_path(lines.pop(0))
            if line != "??":
                # What the compiler appends to the names of its copies.
                found[-1].append(line.split(".")[0] + (
                    "" if "?" in place else " " + place))
    if len(found) != len(addresses):
        return [[] for _ in addresses]
    return [names if names and " " in names[0] else
            function_at(prefix, elf, address) or names
            for names, address in zip(found, addresses)]


def function_at(prefix, elf, address):
    """Its function, where the debug information does not tell: a list."""
    done = subprocess.run([prefix + "nm", "--defined-only", "-n", elf],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    name = []
    for line in done.stdout.decode(errors="replace").splitlines():
        words = line.split()
        if int(words[0], 16) > address:
            return name
        if words[1] in "tT":
            name = [words[2].split(".")[0]]
    return []


FRAME = re.compile(r"^(\s*#\d+ )(0x[0-9a-f]+)( .*)$")


def symbolise(lines, build, kernel):
    """A kernel's backtrace with file and line; all else as it is."""
    frames = [FRAME.match(line) for line in lines]
    addresses = [int(f.group(2), 16) for f in frames if f]
    try:
        prefix = building.read_config(build)["prefix"]
        # Where a call returns to may be another line's, or function's.
        names = iter(name_addresses(prefix, kernel, [a - 1 for a in addresses])
                     if addresses else [])
    except (OSError, KeyError, machine.CannotStart):
        return lines
    out = []
    for line, frame in zip(lines, frames):
        places = next(names, []) if frame else []
        out.append(frame.group(1) + " <- ".join(places) if places else line)
    return out


# --- what a hart does --------------------------------------------------------


class Unwinder:
    """Callers of a kernel's function, by the table that its panics use."""

    def __init__(self, prefix, elf):
        path = os.path.join(machine.ROOT, "kern", "mksyms.py")
        loader = SourceFileLoader("mksyms", path)
        mksyms = module_from_spec(spec_from_loader("mksyms", loader))
        keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        loader.exec_module(mksyms)
        sys.dont_write_bytecode = keep
        self.start, self.end, _ = mksyms.read_symbols(prefix + "nm", elf)
        self.rows = mksyms.read_rows(prefix + "readelf", elf, self.start,
                                     self.end)
        self.unknown = mksyms.UNKNOWN[0]

    def row(self, pc):
        found = None
        for row in self.rows:
            if self.start + row[0] > pc:
                break
            found = row
        return found

    def frames(self, hart, read):
        """Addresses inside the calls, innermost first. read(sp): words."""
        pc, sp, ra = hart["pc"], hart["x2/sp"], hart.get("x1/ra", 0)
        words, base, found = None, sp, [pc]
        while len(found) < FRAMES:
            row = self.row(pc)
            if row is None or row[1] == self.unknown:
                break
            if row[2]:
                words = read(base) if words is None else words
                at = (sp + row[1] + row[2] - base) // 8
                ra = words[at] if 0 <= at < len(words) else 0
            elif len(found) > 1:
                break
            if not self.start <= ra - 1 < self.end:
                break
            sp, pc = sp + row[1], ra - 1
            found.append(pc)
        return found


def in_program(hart):
    pc = hart.get("pc", 0)
    return pc < USER_END and not RAM <= pc < RAM_END


def read_words(monitor, number, address):
    """Words of memory as a hart sees it."""
    monitor.human("cpu %d" % number)
    text = monitor.human("x /%dgx %#x" % (STACK_WORDS, address))
    return [int(word, 16) for word in re.findall(r"0x([0-9a-f]{16})\b", text)]


def place(monitor, number, hart, prefix, kernel, unwinder, program):
    """What one hart does, in words."""
    if in_program(hart):
        names = (name_addresses(prefix, program, [hart["pc"]])[0]
                 if program and os.path.exists(program) else [])
        return "user " + (" <- ".join(names) or "at %#x" % hart["pc"])
    frames = unwinder.frames(
        hart, lambda sp: read_words(monitor, number, sp)) if unwinder else [
            hart.get("pc", 0)]
    names = [name for names in name_addresses(prefix, kernel, frames)
             for name in names]
    if names and names[0].startswith(IDLE) and not any(
            name.startswith(TRAP) for name in names):
        return "idle"
    if len(names) > 1 and names[-1].startswith(TRAP):
        names.pop()
    return " <- ".join(names[:FRAMES + 1]) or "at %#x" % hart.get("pc", 0)


def describe(monitor_path, build, kernel, program=None):
    """
    One line for each hart; none if the emulator does not answer. `program` is
    the ELF file that a pc in user space is looked up in. The machine stops.
    """
    try:
        prefix = building.read_config(build)["prefix"]
        monitor = Monitor(monitor_path)
    except (OSError, ValueError, KeyError, machine.CannotStart):
        return []
    try:
        monitor.ask("stop")
        harts = registers(monitor.human("info registers -a"))
        try:
            unwinder = Unwinder(prefix, kernel)
        except (OSError, KeyError, ValueError, subprocess.CalledProcessError):
            unwinder = None  # no kernel of ours
        return ["hart%d %s" % (number, place(monitor, number, hart, prefix,
                                             kernel, unwinder, program))
                for number, hart in enumerate(harts)]
    except (OSError, ValueError):
        return []
    finally:
        monitor.close()


def programs_run(monitor_path, looks=5):
    """Whether some hart was in a program in one of a few looks."""
    try:
        monitor = Monitor(monitor_path)
        try:
            return any(
                in_program(hart) for _ in range(looks)
                for hart in registers(monitor.human("info registers -a")))
        finally:
            monitor.close()
    except (OSError, ValueError):
        return False
