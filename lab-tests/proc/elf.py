#!/usr/bin/env python3
"""
Programs with wild headers: exec refuses each with E_NOEXEC, and one with
sound headers, made by the same function, runs. Then some hundred with random
damage, which must end in some way and leave no page behind.
"""

import os
import random
import shlex
import struct
import subprocess
import sys
import tempfile

E_NOEXEC = 8
E_NOMEM = 12
BASE = 0x10000
# li a0, 7; li a7, 1 (exit); ecall
CODE = struct.pack("<III", 0x00700513, 0x00100893, 0x00000073)
CODE_AT = 0x78

HEADER = {
    "magic": b"\x7fELF", "class": 2, "data": 1, "version": 1, "type": 2,
    "machine": 243, "entry": BASE + CODE_AT, "phoff": 64, "shoff": 0,
    "flags": 1, "ehsize": 64, "phentsize": 56, "phnum": 1, "shentsize": 0,
    "shnum": 0,
}
SEGMENT = {
    "type": 1, "flags": 5, "offset": 0, "vaddr": BASE,
    "filesz": CODE_AT + len(CODE), "memsz": CODE_AT + len(CODE),
    "align": 4096,
}


def make(segments=({},), size=None, **changes):
    """An ELF file with those fields changed, cut or padded to size."""
    h = dict(HEADER, **dict({"phnum": len(segments)}, **changes))
    out = struct.pack(
        "<4sBBBB8xHHIQQQIHHHHHH", h["magic"], h["class"], h["data"],
        h["version"], 0, h["type"], h["machine"], 1, h["entry"], h["phoff"],
        h["shoff"], h["flags"], h["ehsize"], h["phentsize"], h["phnum"],
        h["shentsize"], h["shnum"], 0)
    for number, segment in enumerate(segments):
        s = dict(SEGMENT, **segment)
        out += struct.pack("<IIQQQQQQ", s["type"], s["flags"], s["offset"],
                           s["vaddr"], s["vaddr"], s["filesz"], s["memsz"],
                           s["align"])
        if number == 0:
            out = out.ljust(CODE_AT, b"\0")
    out = out[:CODE_AT] + CODE + out[CODE_AT:]
    if len(segments) > 1:
        # The table would lie under the code; put it behind.
        table = out[64:CODE_AT] + out[CODE_AT + len(CODE):]
        out = out[:64].ljust(CODE_AT, b"\0") + CODE + bytes(4)
        at = len(out)
        out = out[:32] + struct.pack("<Q", at) + out[40:] + table
    return out if size is None else out[:size].ljust(size, b"\0")


TOP = 1 << 64
REFUSED = {
    "empty": b"",
    "one-byte": b"\x7f",
    "half-header": make(size=40),
    "header-only": make(size=64),
    "text": b"#!/bin/sh\necho hello\n" * 10,
    "zeros": bytes(8192),
    "magic": make(magic=b"\x7fELG"),
    "class-32": make(**{"class": 1}),
    "big-endian": make(data=2),
    "machine-x86": make(machine=62),
    "relocatable": make(type=1),
    "no-type": make(type=0),
    "phoff-beyond": make(phoff=0x10000),
    "phoff-end": make(phoff=CODE_AT + len(CODE) - 8),
    "phoff-wraps": make(phoff=TOP - 56),
    "phoff-minus-one": make(phoff=TOP - 1),
    "phnum-many": make(phnum=0xffff),
    "phnum-none": make(phnum=0),
    "phentsize-none": make(phentsize=0),
    "phentsize-small": make(phentsize=8),
    "no-load": make([{"type": 4}]),
    "file-over-memory": make([{"memsz": 16}]),
    "beyond-file": make([{"filesz": 0x2000, "memsz": 0x2000}]),
    "offset-beyond": make([{"offset": 0x100000}]),
    "offset-wraps": make([{"offset": TOP - 4096}]),
    "filesz-wraps": make([{"offset": 4096, "filesz": TOP - 4096,
                           "memsz": TOP - 4096}]),
    "filesz-huge": make([{"filesz": 1 << 63, "memsz": 1 << 63}]),
    "memory-wraps": make([{"memsz": TOP - BASE}]),
    "memory-wraps-most": make([{"memsz": TOP - 1}]),
    "memory-top": make([{"memsz": (1 << 38)}]),
    "kernel-half": make([{"vaddr": 0xffffffc080200000}],
                        entry=0xffffffc080200000 + CODE_AT),
    "beyond-user": make([{"vaddr": 1 << 38}], entry=(1 << 38) + CODE_AT),
    "not-canonical": make([{"vaddr": 1 << 45}], entry=(1 << 45) + CODE_AT),
    "write-execute": make([{"flags": 7}]),
    "overlap": make([{}, {"flags": 6}]),
    "overlap-page": make([{}, {"flags": 6, "vaddr": BASE + 0x800}]),
    "entry-kernel": make(entry=0xffffffc080200000),
    "entry-nowhere": make(entry=0x5000000),
    "entry-data": make([{"flags": 4}]),
}
# Too large for the machine: either answer is right.
TOO_LARGE = {
    "memory-1g": make([{"memsz": 1 << 30}]),
    "memory-128g": make([{"memsz": 1 << 37}]),
}


def damaged(seed, count):
    """Sound files with a few header bytes replaced at random."""
    pick = random.Random(seed)
    for number in range(count):
        data = bytearray(make())
        for _ in range(pick.randrange(1, 5)):
            data[pick.randrange(4, CODE_AT)] = pick.choice(
                [0, 1, 2, 0x7f, 0x80, 0xff, pick.randrange(256)])
        yield "random-%03d" % number, bytes(data)


def run(files):
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as folder:
        command = shlex.split(os.environ["WEIR_RUN"]) + [
            "--cpus", os.environ.get("WEIR_CPUS", "2"),
            "--prog", os.path.join(here, "tryall.c")]
        for name, data in files.items():
            path = os.path.join(folder, "elf-" + name)
            with open(path, "wb") as out:
                out.write(data)
            command += ["--file", path]
        done = subprocess.run(command + ["--", "tryall"],
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE)
    results = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        name, _, rest = line.partition(" ")
        results[name] = rest
    return done.returncode, results


def main():
    seed = int(os.environ.get("WEIR_SEED", "1"))
    files = dict(REFUSED, good=make(), **TOO_LARGE)
    files.update(damaged(seed, 100))
    status, results = run(files)
    wrong = []

    def expect(name, *wanted):
        if results.get(name) not in wanted:
            wrong.append("%s: want %s, got %s" % (
                name, " or ".join(wanted), results.get(name)))

    expect("elf-good", "code 7")
    for name in REFUSED:
        expect("elf-" + name, "error %d" % E_NOEXEC)
    for name in TOO_LARGE:
        expect("elf-" + name, "error %d" % E_NOEXEC, "error %d" % E_NOMEM)
    for name in files:
        if name.startswith("random-") and "elf-" + name not in results:
            wrong.append("%s: no result" % name)
    expect("leaked", "0")
    if status != 0:
        wrong.append("exit status %d" % status)
    print("\n".join(wrong) or "%d files as they should" % len(files))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
