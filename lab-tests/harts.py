"""
Where the harts of a running machine are: asked through the emulator's monitor
on a unix socket, put in words with the symbols of the kernel. For machines
that hang.
"""

import json
import os
import re
import socket
import subprocess

import machine

PATIENCE = 3.0  # seconds for the monitor to answer
USER_END = 1 << 38


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


def name_addresses(prefix, elf, addresses):
    """"function file:line" for each address; inlined callers left out."""
    done = subprocess.run(
        [prefix + "addr2line", "-f", "-s", "-e", elf] +
        ["%#x" % address for address in addresses],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = done.stdout.decode(errors="replace").splitlines()
    return ["%s %s" % pair for pair in zip(lines[::2], lines[1::2])]


def describe(monitor_path, build, kernel, program=None):
    """
    One line for each hart; none if the emulator does not answer. `program` is
    the ELF file that a pc in user space is looked up in.
    """
    try:
        monitor = Monitor(monitor_path)
        try:
            harts = registers(monitor.human("info registers -a"))
        finally:
            monitor.close()
        prefix = machine.read_config(build)["prefix"]
    except (OSError, ValueError, machine.CannotStart):
        return []
    lines = []
    for number, hart in enumerate(harts):
        pc, ra = hart.get("pc", 0), hart.get("x1/ra", 0)
        if pc < USER_END and not 0x80000000 <= pc < 0x80200000:
            elf, label = program, "user "
        else:
            elf, label = kernel, ""
        if elf and os.path.exists(elf):
            names = name_addresses(prefix, elf, [pc, max(ra - 4, 0)])
            where = " <- ".join(n for n in names if not n.startswith("??"))
        else:
            where = ""
        lines.append("hart%d %s%s" % (number, label, where or "at %#x" % pc))
    return lines
