"""Fake kernels (fixtures/fake.c) for the tests of the tools."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
ROOT = os.path.dirname(TESTS)
sys.path.insert(0, TESTS)

import building  # noqa: E402

BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
RUN = os.path.join(TESTS, "run")


class FakeKernels(unittest.TestCase):
    """A private build folder, and a kernel of each kind made on demand."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="weir-")
        cls.made = {}
        shutil.copy(os.path.join(BUILD, "config"), cls.dir)
        building.pack(os.path.join(cls.dir, "initrd.tar"), {})
        with open(os.path.join(cls.dir, "kernel.elf"), "w"):
            pass

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def kernel(self, mode):
        if mode not in self.made:
            path = os.path.join(self.dir, mode)
            building.build_fake(self.dir, mode, path)
            self.made[mode] = path
        return self.made[mode]

    def command(self, mode, *options, words=("x",)):
        return [RUN, "--build", self.dir, "--kernel", self.kernel(mode),
                *options, "--", *words]

    def run_fake(self, mode, *options, words=("x",), **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        if "input" in more:
            del more["stdin"]
        return subprocess.run(
            self.command(mode, *options, words=words),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)

    def orphans(self):
        """Emulators running one of our kernels."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as text:
                    line = text.read()
            except OSError:
                continue
            if b"qemu" in line.split(b"\0")[0] and self.dir.encode() in line:
                found.append(pid)
        return found
