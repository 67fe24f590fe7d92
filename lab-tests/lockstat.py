"""
How often a message takes each of the kernel's locks, and how often it had to
wait for one: counted by the emulator with fixtures/lockplugin.c, in the very kernel
that is measured, on two harts.

A lock is taken by an amoswap.w.aq, and let go of at a place that the kernel's
section .releases names. Who fails tries again when the lock looks free: what was
tried and did not end in a release was contended.
"""

import bisect
import os
import re
import struct
import subprocess

import building
import machine
from building import CannotStart
from machine import Machine

PLUGIN = os.path.join(machine.ROOT, "lab-tests", "fixtures", "lockplugin.c")
SWAP, RELEASE = 1, 2
HARTS = 2
ROUNDS = 20000  # messages of each pair


def tool(config, name, *words):
    return subprocess.run([config["prefix"] + name, *words], check=True,
                          stdout=subprocess.PIPE).stdout


def symbols(config, kernel):
    """[(address, name)], sorted."""
    return sorted((int(words[0], 16), words[2]) for words in
                  (line.split() for line in
                   tool(config, "nm", kernel).decode().splitlines())
                  if len(words) == 3)


def rodata(config, kernel, directory):
    """(address, bytes) of the kernel's constants."""
    path = os.path.join(directory, "rodata")
    tool(config, "objcopy", "-O", "binary", "-j", ".rodata", kernel, path)
    found = re.search(r"\.rodata\s+\S+\s+(\S+)",
                      tool(config, "objdump", "-h", kernel).decode())
    with open(path, "rb") as content:
        return int(found.group(1), 16), content.read()


def sites(config, kernel, directory):
    """(start, what each two bytes of the text do to a lock)"""
    names = {name: address for address, name in symbols(config, kernel)}
    start = names["_text_start"]
    what = bytearray((names["_text_end"] - start) // 2)
    for found in re.finditer(rb"^(\w+):.*\tamoswap\.w\.aq\t",
                             tool(config, "objdump", "-d", kernel),
                             re.MULTILINE):
        what[(int(found.group(1), 16) - start) // 2] = SWAP
    base, content = rodata(config, kernel, directory)
    places = content[names["_releases"] - base:names["_releases_end"] - base]
    for fence, in struct.iter_unpack("<Q", places):
        what[(fence - start) // 2 + 2] = RELEASE  # the store behind it
    return start, what


def count(build, qemu, row, rounds=ROUNDS):
    """[(lock, tries, releases)] of a run of a bench row."""
    config = building.read_config(build)
    kernel = os.path.join(build, "kernel.elf")
    said = bytearray()
    with machine.private_directory() as directory:
        plugin, sites_file, out = (os.path.join(directory, name)
                                   for name in ("plugin.so", "sites", "out"))
        version = 1 if machine.qemu_version(qemu) < (9, 0) else 2
        subprocess.run(
            [os.environ.get("HOSTCC", "clang"), "-std=gnu11", "-O2", "-shared",
             "-fPIC", "-fvisibility=hidden", "-DVERSION=%d" % version, "-o",
             plugin, PLUGIN], check=True)
        start, what = sites(config, kernel, directory)
        with open(sites_file, "wb") as file:
            file.write(what)
        box = Machine(
            kernel, os.path.join(build, "initrd.tar"), cpus=HARTS, qemu=qemu,
            args=machine.boot_args(["bench", row, "rounds=%d" % rounds]),
            extra=["-plugin", "%s,sites=%s,start=%#x,bytes=%d,out=%s" % (
                plugin, sites_file, start, 2 * len(what), out)])
        status = box.run(said.extend, said.extend, 300)
        if status:
            raise CannotStart("locks: status %d" % status)
        with open(out) as lines:
            counts = [(int(at, 16), int(tries), int(releases)) for
                      at, tries, releases in (line.split() for line in lines)]
    names = symbols(config, kernel)
    end = next(address for address, name in names if name == "_image_end")
    return [(name_of(names, end, at), tries, releases)
            for at, tries, releases in counts]


def name_of(names, end, at):
    """A lock of the kernel's own by its name, one of an object as such."""
    if at >= end:
        return "object at %#x" % at
    address, name = names[bisect.bisect(names, (at, "~")) - 1]
    return "%s+%d" % (name.split(".")[0], at - address)


def per_message(counts, messages, least=0.005):
    """[(lock, acquisitions, contended)] a message, the most first."""
    rows = sorted(((releases / messages, (tries - releases) / messages, lock)
                   for lock, tries, releases in counts), reverse=True)
    return [(lock, taken, contended) for taken, contended, lock in rows
            if taken >= least]


def table(rows):
    yield "%-32s%14s%14s" % ("lock, of two pairs at once", "acquisitions",
                             "contended")
    for lock, taken, contended in rows:
        yield "%-32s%14.3f%14.3f" % (lock, taken, contended)
