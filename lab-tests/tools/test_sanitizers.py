"""
The sanitizer builds: each finds a planted bug of each of its kinds, with the
places that are to blame; and that for data races nothing in a lab whose tests
pass. `make test-all` runs all labs under each.
"""

import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import building  # noqa: E402
import machine  # noqa: E402

PLANT = os.path.join(machine.ROOT, "lab-tests", "fixtures", "plant.c")
SMOKE = ("sem",)


class Sanitizers(unittest.TestCase):
    def build(self, name):
        status, text = building.make_sanitized(name)
        self.assertEqual((status, "warning:" in text), (0, False), text)

    def plant(self, name, bug, cpus=1, icount=False):
        """(status, what the kernel says) of a machine with that bug."""
        done = subprocess.run(
            [os.path.join(machine.ROOT, "lab-tests", "run"), "--kernel",
             building.sanitized(name), "--append", "plant=" + bug, "--prog", PLANT, "--cpus", str(cpus),
             *(["--icount"] if icount else []), "--", "plant"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        text = done.stdout.decode(errors="replace")
        return done.returncode, text.partition("weir: starting init\n")[2]

    def finds(self, name, bug, *said, **options):
        status, text = self.plant(name, bug, **options)
        self.assertEqual(status, machine.PANICKED, text)
        at = 0
        for pattern in said:  # in this order
            found = re.compile(pattern).search(text, at)
            self.assertTrue(found, "%s is missing in\n%s" % (pattern, text))
            at = found.end()

    def is_quiet(self, name):
        """About a program whose processes, queues and handles come and go."""
        done = subprocess.run(
            [os.path.join(machine.ROOT, "lab-tests", "run"), "--kernel",
             building.sanitized(name), "--cpus", "2", "--", "pipeline"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def passes(self, name, cpus):
        done = subprocess.run(
            [os.path.join(machine.ROOT, "lab-tests", "grade"), "--kernel",
             building.sanitized(name), "--jobs", "1", "--all", "--cpus", str(cpus), *SMOKE],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def test_ub(self):
        self.build("ub")
        self.is_quiet("ub")
        for bug, said in (("shift", "shift of .* by 40"),
                          ("overflow", "signed addition overflows"),
                          ("index", r"index 4 of .* is out of bounds")):
            self.finds("ub", bug, r"panic: ub: lab-tests/fixtures/plants.c:\d+:\d+: "
                       + said, "san_plant", "sys_nop")

    def test_kasan(self):
        self.build("kasan")
        self.is_quiet("kasan")
        freed = ("allocated by", r"block\+", "freed by", r"block\+")
        self.finds("kasan", "use-after-free", *freed, "panic: kasan: load of "
                   "1 bytes.*in a block that is free", r"use_after_free\+")
        self.finds("kasan", "double-free", *freed, "panic: kasan: free of 100",
                   "__wrap_kfree")
        self.finds("kasan", "heap", "allocated by", r"block\+",
                   "panic: kasan: store of 1 bytes.*outside of a block",
                   r"heap_overflow\+")
        self.finds("kasan", "page", "allocated by", r"page_after_free\+",
                   "freed by", r"page_after_free\+", "panic: kasan: store of 8 "
                   "bytes.*in a page that is free")
        self.finds("kasan", "stack", "panic: kasan: load of 4 bytes.*of the "
                   "stack", r"sum\+", r"stack_overflow\+")
        self.finds("kasan", "global", "0 bytes behind table of lab-tests/fixtures/plants",
                   "panic: kasan: load of 4 bytes.*behind a global",
                   r"global_overflow\+")
        self.finds("kasan", "user", "panic: kasan: load of 4 bytes.*user memory",
                   r"user_pointer\+")

    def test_kcsan(self):
        self.build("kcsan")
        self.is_quiet("kcsan")
        self.finds("kcsan", "race", "kcsan: hart", "by", r"count_\w+\+",
                   "panic: kcsan: race with a", r"count_\w+\+", cpus=4)
        status, text = self.plant("kcsan", "no-race", cpus=4)
        self.assertEqual(status, 0, text)
        self.passes("kcsan", 4)

    def test_lockdep(self):
        self.build("lockdep")
        self.is_quiet("lockdep")
        self.finds("lockdep", "order", "OBJECT is taken with HEAP held",
                   "that was taken by", r"order\+", "the other order", "order",
                   "and the second by", r"order\+", "panic: lockdep: OBJECT",
                   r"order\+")
        self.finds("lockdep", "sleep", "mutex_lock with OBJECT held",
                   "that was taken by", r"sleep_locked\+", "panic: lockdep: "
                   "mutex_lock, which may sleep", r"sleep_locked\+")
        self.finds("lockdep", "long", r"panic: lockdep: interrupts were off for "
                   r"\d{8,} instructions", icount=True)


if __name__ == "__main__":
    unittest.main()
