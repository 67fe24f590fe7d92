"""make doctor: what is found, what is needed, and the remedy of each."""

import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SETUP = os.path.join(os.path.dirname(HERE), "setup")
# What the script itself is made of.
BASE = ("sh", "sed", "head", "echo", "printf", "grep", "cat")
VERSIONS = {
    "riscv64-elf-gcc": "13.2.0", "riscv64-elf-objcopy": "GNU objcopy 2.41",
    "qemu-system-riscv64": "QEMU emulator version 8.2.1",
    "python3": "Python 3.11.4", "make": "GNU Make 4.3",
    "gdb-multiarch": "GNU gdb 13.1", "clang": "clang version 14.0.6",
    "clang-format": "clang-format version 14.0.6", "gcc": "gcc 12.2.0",
    "patch": "GNU patch 2.7.6", "spin": "Spin Version 6.5.2",
    "tmux": "tmux 3.3a", "apt-get": "apt 2.6.1", "apt-cache": "",
}


class Doctor(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-")
        for name in BASE:
            os.symlink(shutil.which(name), os.path.join(self.dir, name))
        for name, text in VERSIONS.items():
            self.put(name, text)

    def tearDown(self):
        shutil.rmtree(self.dir)

    def put(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as out:
            out.write("#!/bin/sh\necho '%s'\n" % text)
        os.chmod(path, 0o755)

    def remove(self, name):
        os.remove(os.path.join(self.dir, name))

    def doctor(self):
        """(status, {tool: [found, needed, state]}, {tool: its remedies})"""
        env = {k: v for k, v in os.environ.items()
               if k not in ("TOOLPREFIX", "QEMU")}
        done = subprocess.run(
            ["sh", SETUP, "--doctor"], env=dict(env, PATH=self.dir),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        rows, remedies, last = {}, {}, None
        for line in done.stdout.decode().splitlines():
            if line.startswith(" "):
                remedies.setdefault(last, []).append(line.strip())
            else:
                last = line[:28].strip()
                rows[last] = [line[29:39].strip(), line[40:52].strip(),
                              line[53:].strip()]
        return done.returncode, rows, remedies

    def test_all_is_here(self):
        status, rows, remedies = self.doctor()
        self.assertEqual((status, remedies), (0, {}), rows)
        self.assertEqual(rows["qemu-system-riscv64"],
                         ["8.2.1", "7 or later", "ok"])
        self.assertEqual(rows["riscv64-elf-gcc"],
                         ["13.2.0", "10 or later", "ok"])

    def test_too_old(self):
        for name, said, found in (
                ("qemu-system-riscv64", "QEMU emulator version 6.2.0", "6.2.0"),
                ("riscv64-elf-gcc", "9.4.0", "9.4.0"),
                ("python3", "Python 3.7.17", "3.7.17")):
            self.put(name, said)
            status, rows, remedies = self.doctor()
            self.assertEqual((status, rows[name][0], rows[name][2]),
                             (1, found, "too old"))
            self.assertTrue(remedies[name][0].startswith(
                "sudo apt-get install "), remedies)
            self.put(name, VERSIONS[name])

    def test_missing(self):
        for name, remedy in (
                ("qemu-system-riscv64",
                 "sudo apt-get install qemu-system-misc"),
                ("gdb-multiarch", "sudo apt-get install gdb-multiarch"),
                ("patch", "sudo apt-get install patch"),
                ("clang-format", "sudo apt-get install clang-format")):
            self.remove(name)
            status, rows, remedies = self.doctor()
            wanted = name
            self.assertEqual((status, rows[wanted][0], rows[wanted][2]),
                             (1, "-", "missing"), rows)
            self.assertEqual(remedies, {wanted: [remedy]})
            self.put(name, VERSIONS[name])

    def test_no_compiler(self):
        self.remove("riscv64-elf-gcc")
        status, rows, remedies = self.doctor()
        self.assertEqual(status, 1)
        self.assertIn("sudo apt-get install gcc-riscv64-unknown-elf",
                      remedies["riscv64-unknown-elf-gcc"])

    def test_can_be_done_without(self):
        self.remove("spin")
        self.remove("tmux")
        status, rows, remedies = self.doctor()
        self.assertEqual((status, rows["tmux"]),
                         (0, ["-", "for debug", "missing"]))
        self.assertEqual(remedies["spin"], ["sudo apt-get install spin"])

    def test_remedies_for_each_packager(self):
        """The one that is here, or all if there is none that we know."""
        self.remove("patch")
        self.remove("apt-get")
        self.assertEqual(self.doctor()[2]["patch"], [
            "sudo apt-get install patch", "sudo dnf install patch",
            "sudo pacman -S patch", "brew install gpatch"])
        self.put("brew", "Homebrew 4.1.0")
        self.assertEqual(self.doctor()[2]["patch"], ["brew install gpatch"])


if __name__ == "__main__":
    unittest.main()
