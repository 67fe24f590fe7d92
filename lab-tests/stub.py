"""
A machine whose harts are stopped and let go one by one, from outside: by the
debugger's protocol on a unix socket.
"""

import os
import socket
import subprocess
import threading
import time

import building
import machine

PATIENCE = 20.0  # seconds for the emulator to answer


class Stub:
    """A connection to the emulator; hart 0 is its thread 1."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.data = b""

    def _byte(self):
        if not self.data:
            self.data = self.socket.recv(4096)
            if not self.data:
                raise ConnectionError("the emulator has ended")
        first, self.data = self.data[:1], self.data[1:]
        return first

    def send(self, text):
        self.socket.sendall(b"$%s#%02x" % (text.encode(),
                                           sum(text.encode()) & 255))

    def answer(self, seconds=PATIENCE):
        """The next packet; None if there is none in time."""
        self.socket.settimeout(seconds)
        try:
            while self._byte() != b"$":
                continue
            packet = b""
            while not packet.endswith(b"#"):
                packet += self._byte()
            self._byte(), self._byte()
        except socket.timeout:
            return None
        self.socket.sendall(b"+")
        return packet[:-1].decode(errors="replace")

    def ask(self, text):
        self.send(text)
        return self.answer()

    def stop(self):
        """All harts stand still."""
        self.socket.sendall(b"\x03")
        return self.answer()

    def go(self, hart=None):
        """This hart goes on, and no other; or all."""
        self.send("vCont;c" + (":%x" % (hart + 1) if hart is not None else ""))

    def step(self, hart):
        self.send("vCont;s:%x" % (hart + 1))
        return self.answer()

    def break_at(self, address, there=True):
        self.ask("%s0,%x,4" % ("Z" if there else "z", address))

    def close(self):
        self.socket.close()


class Box:
    """A machine that runs one C program; use as a context."""

    def __init__(self, text, folder, cpus):
        build = os.environ.get("WEIR_BUILD",
                               os.path.join(machine.ROOT, "build"))
        self.kernel = os.path.join(build, "kernel.elf")
        self.build, self.printed = build, b""
        self.monitor = os.path.join(folder, "monitor")
        source = os.path.join(folder, "program.c")
        with open(source, "w") as out:
            out.write(text)
        program = os.path.join(folder, "program")
        building.build_program(build, source, program)
        archive = os.path.join(folder, "archive")
        building.repack(os.path.join(build, "initrd.tar"), archive,
                       {"program": program})
        door = os.path.join(folder, "gdb")
        self.machine = machine.Machine(
            self.kernel, archive, args=machine.boot_args(["program"]),
            cpus=cpus, monitor=self.monitor,
            qemu=os.environ.get("WEIR_QEMU", "qemu-system-riscv64"),
            extra=["-chardev", "socket,id=gdb,path=%s,server=on,wait=off"
                   % door, "-gdb", "chardev:gdb"])
        self.door, self.program = door, program

    def _follow(self):
        for data in iter(lambda: self.machine.process.stdout.read(4096), b""):
            self.printed += data

    def __enter__(self):
        self.machine.start(subprocess.DEVNULL)
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.machine.kill()

    def await_text(self, text, times=1, seconds=60):
        """Until the program has printed this so often. Returns: whether."""
        until = time.monotonic() + seconds
        while self.printed.count(text.encode()) < times:
            if time.monotonic() > until or self.machine.process.poll() \
                    is not None:
                return False
            time.sleep(0.01)
        return True

    def address(self, symbol, user=False):
        prefix = building.read_config(self.build)["prefix"]
        done = subprocess.run([prefix + "nm", self.program if user else
                               self.kernel],
                              stdout=subprocess.PIPE, check=True)
        for line in done.stdout.decode().splitlines():
            if line.split()[-1] == symbol:
                return int(line.split()[0], 16)
        raise LookupError("no %s in the kernel" % symbol)
