"""
Where the instructions of a bench row go. The emulator writes down the address
of every instruction; the debug information says which function it was written
in, however it was inlined; the functions are sorted into stages.

The row is run with two numbers of rounds, and the difference is told: so what
belongs to its beginning and end falls out.
"""

import bisect
import collections
import os
import re
import subprocess
import threading

import building
import machine
from building import CannotStart
from machine import Machine

ROUNDS = (128, 384)  # multiples of all batches
RANGES = "0x10000..0xfffffff,0xffffffc080200000..0xffffffc0805fffff"

# The first that matches "file:function" is the stage.
STAGES = [(stage, re.compile(pattern)) for stage, pattern in (
    ("program", r"user/"),
    ("entry", r"vector\.S:(trap_entry|enter)$"),
    ("exit", r"vector\.S:(call_|user_)"),
    ("switch", r"vector\.S:|proc/sched|base/hart\.h:|proc/proc\.h:"),
    ("copy", r"mem/uaccess|sys/message\.h"),
    ("lock", r"base/(spinlock|mutex)"),
    ("handle", r"ipc/(handle|node)|base/kobj"),
    ("timer", r"proc/timer"),
    ("wake", r"proc/(waitq|parking)|ipc/line"),
    ("object", r"ipc/|base/prioq|base/list|mem/region"),
    ("call", r"sys/|hw/"),
)]
ORDER = ["program", "entry", "handle", "call", "copy", "lock", "object", "wake",
         "switch", "timer", "exit", "other"]


def stage_of(place):
    for stage, pattern in STAGES:
        if pattern.search(place):
            return stage
    return "other"


def one_at_a_time(qemu):
    """The option that makes the emulator translate single instructions."""
    if machine.qemu_version(qemu) >= (8, 1):
        return ["-accel", "tcg,one-insn-per-tb=on"]
    return ["-singlestep"]


def trace(build, qemu, words, drivers):
    """The addresses, in order, of what a machine executes, as hex."""
    addresses, said = [], bytearray()
    with machine.private_directory() as directory:
        pipe = os.path.join(directory, "trace")
        os.mkfifo(pipe)

        def reader():
            with open(pipe) as lines:
                for line in lines:
                    at = line.find("/")
                    if at > 0 and line.startswith("Trace"):
                        addresses.append(line[at + 1:at + 17])

        thread = threading.Thread(target=reader, daemon=True)
        thread.start()
        box = Machine(
            os.path.join(build, "kernel.elf"),
            os.path.join(build, "initrd.tar"),
            args=machine.boot_args(words, drivers=drivers), icount=True,
            qemu=qemu,
            extra=[*one_at_a_time(qemu), "-d", "exec,nochain", "-dfilter",
                   RANGES, "-D", pipe])
        status = box.run(said.extend, said.extend, 300)
        if status:
            raise CannotStart("breakdown: status %d: %s"
                              % (status, said[-500:].decode(errors="replace")))
        thread.join()
    return addresses


def symbols(config, elf):
    """[(address, name)] of the code in a file, sorted."""
    text = subprocess.run([config["prefix"] + "nm", elf], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    return sorted((int(words[0], 16), words[2]) for words in
                  (line.split() for line in text.splitlines())
                  if len(words) == 3 and words[1] in "tTwW")


def places(config, elf, addresses):
    """{address: "file:function"}: the innermost function it was written in."""
    found, name = {}, None
    text = subprocess.run(
        [config["prefix"] + "addr2line", "-a", "-f", "-i", "-e", elf],
        input="\n".join(addresses).encode(), check=True,
        stdout=subprocess.PIPE).stdout.decode().splitlines()
    labels = symbols(config, elf)
    for line, after in zip(text, text[1:] + [""]):
        if line.startswith("0x"):
            address, name = line[2:].rjust(16, "0"), None
        elif name is None:
            name = line
            path = os.path.relpath(after.split(":")[0], machine.ROOT)
            if path.endswith(".S"):  # its labels say more
                at = bisect.bisect(labels, (int(address, 16), "~")) - 1
                name = labels[at][1]
            found[address] = "%s:%s" % (path, name)
    return found


def measured_part(addresses, mark):
    """Between the last two calls of the function that reads the clock."""
    marks = [at for at, address in enumerate(addresses) if address == mark]
    return collections.Counter(addresses[marks[-2]:marks[-1]])


def of_row(build, qemu, row, drivers=None):
    """
    {stage: instructions} and {place: instructions} of a round of a row.
    """
    config = building.read_config(build)
    program = os.path.join(build, "user", "bench")
    mark = next("%016x" % address for address, name in
                symbols(config, program) if name == "now")
    few, more = (measured_part(trace(
        build, qemu, ["bench", row, "rounds=%d" % n], drivers), mark)
        for n in ROUNDS)
    counts = {address: (more[address] - few[address]) / (ROUNDS[1] - ROUNDS[0])
              for address in more}
    kernel = [a for a in counts if a.startswith("f")]
    where = places(config, os.path.join(build, "kernel.elf"), kernel)
    where.update(places(config, program, [a for a in counts
                                          if not a.startswith("f")]))
    functions, stages = collections.Counter(), collections.Counter()
    for address, count in counts.items():
        functions[where[address]] += count
        stages[stage_of(where[address])] += count
    return stages, functions


def table(rows):
    """Lines of a table: {row: stages} side by side."""
    names = list(rows)
    yield "%-10s" % "stage" + "".join("%9s" % name for name in names)
    for stage in ORDER:
        if any(round(rows[name][stage]) for name in names):
            yield "%-10s" % stage + "".join(
                "%9.0f" % rows[name][stage] for name in names)
    yield "%-10s" % "all" + "".join(
        "%9.0f" % sum(rows[name].values()) for name in names)
