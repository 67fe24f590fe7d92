"""The debugger: session.py against a machine that waits for it."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

import machine  # noqa: E402

BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
DEBUGGERS = ("gdb-multiarch", "riscv64-unknown-elf-gdb", "riscv64-elf-gdb")


class Gdb(unittest.TestCase):
    def setUp(self):
        self.gdb = next(filter(shutil.which, DEBUGGERS), None)
        if self.gdb is None:
            self.skipTest("no debugger here")
        self.dir = tempfile.mkdtemp(prefix="weir-")
        self.machine = None

    def tearDown(self):
        if self.machine is not None:
            self.machine.kill()
            self.machine.process.stdin.close()
        if self.gdb is not None:
            shutil.rmtree(self.dir)

    def boot_waiting(self, cpus):
        """A machine that waits for a debugger on a socket: its path."""
        tests = os.path.join(BUILD, "tests")
        os.makedirs(tests, exist_ok=True)
        full = os.path.join(tests, "target")
        machine.build_program(BUILD, os.path.join(HERE, "target.c"), full)
        stripped = os.path.join(self.dir, "target")
        machine.strip_program(BUILD, full, stripped)
        archive = os.path.join(self.dir, "initrd.tar")
        machine.repack(os.path.join(BUILD, "initrd.tar"), archive,
                       {"target": stripped})
        path = os.path.join(self.dir, "gdb")
        self.machine = machine.Machine(
            os.path.join(BUILD, "kernel.elf"), archive, args="run=target",
            cpus=cpus, extra=[
                "-S", "-chardev", "socket,id=gdb,path=%s,server=on,wait=off"
                % path, "-gdb", "chardev:gdb"])
        # Nobody reads the console: a pipe's worth of it is enough here.
        self.machine.start(subprocess.PIPE)
        for _ in range(100):
            if os.path.exists(path):
                return path
            self.assertIsNone(self.machine.process.poll())
            try:
                self.machine.process.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
        self.fail("the emulator does not listen")

    def test_session(self):
        path = self.boot_waiting(cpus=1)
        done = subprocess.run(
            [self.gdb, "-q", "-nx", "-batch", "-x", "gdbinit",
             "-x", os.path.join(HERE, "session.py")], cwd=ROOT,
            env=dict(os.environ, WEIR_BUILD=BUILD, WEIR_GDB=path),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60)
        text = done.stdout.decode(errors="replace")
        results = dict(
            line.split(" ", 2)[1:] for line in text.splitlines()
            if line.startswith("RESULT "))
        ps = results.pop("ps", "")
        self.assertEqual(results, {
            "kernel": "proc_start", "kernel-space": "True", "line": "True",
            "harts": "1", "user": "main", "user-space": "True",
            "process": "target", "ps-there": "True", "found-ecall": "True",
            "entered": "True", "found-sret": "True", "left": "True",
            "pid": "True",
        }, text)
        self.assertIn("init", ps)


if __name__ == "__main__":
    unittest.main()
