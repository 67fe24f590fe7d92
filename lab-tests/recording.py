"""
Runs that are recorded, and run again just as they were: what came from outside
(keys, interrupts, the clock) is written down with the instruction at which it
came. A recording is a folder; nothing that is built later changes it.

    R1  one hart: the emulator can record no more.
    R2  going back needs a snapshot of the beginning, which the emulator keeps
        in a disk image that the machine does not see.
"""

import json
import os
import shutil
import struct

import machine

CLUSTER = 65536
# An instruction takes 128 ns. With less, or with shift=auto, QEMU 7.2 hangs in
# many a reverse-continue; with sleep=off it does not wake up for keys.
CLOCK = "shift=7"
NAMES = ("kernel.elf", "initrd.tar", "start.qcow2", "events")


def write_image(path):
    """
    An empty disk image (qcow2, version 2) of one cluster: the header, the table
    of reference counts, their one block, and the first-level table.
    """
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, CLUSTER, 0, 1,
        3 * CLUSTER, CLUSTER, 1, 0, 0)
    clusters = (header, struct.pack(">Q", 2 * CLUSTER),
                struct.pack(">4H", 1, 1, 1, 1), b"")
    with open(path, "wb") as image:
        for cluster in clusters:
            image.write(cluster.ljust(CLUSTER, b"\0"))


class Recording:
    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self.kernel, self.initrd, self.image, self.events = (
            os.path.join(self.directory, name) for name in NAMES)
        self.programs = os.path.join(self.directory, "programs")
        self.notes = os.path.join(self.directory, "machine.json")

    def prepare(self, kernel, initrd, **notes):
        """An empty recording of this kernel and archive, in place of an old."""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        shutil.copy(kernel, self.kernel)
        shutil.copy(initrd, self.initrd)
        write_image(self.image)
        with open(self.notes, "w") as text:
            json.dump(notes, text)

    def keep_program(self, name, path):
        """A program's file with its symbols, for the debugger."""
        os.makedirs(self.programs, exist_ok=True)
        shutil.copy(path, os.path.join(self.programs, name))

    def read_notes(self):
        try:
            with open(self.notes) as text:
                return json.load(text)
        except (OSError, ValueError):
            raise machine.CannotStart(
                "%s: nothing is recorded there; make qemu-record CMD='prog "
                "args' does" % self.directory) from None

    def options(self, mode):
        """The emulator's, to record or to replay."""
        return ["-icount", "%s,rr=%s,rrfile=%s,rrsnapshot=start" % (
            CLOCK, mode, self.events.replace(",", ",,")),
            "-drive", "file=%s,if=none,id=rr" % self.image.replace(",", ",,")]

    def machine(self, mode, extra=(), **settings):
        notes = self.read_notes()
        box = machine.Machine(
            self.kernel, self.initrd, args=notes["args"], cpus=1,
            mem=notes["mem"], qemu=notes["qemu"],
            extra=[*self.options(mode), *extra], **settings)
        box.gentle = True
        return box
