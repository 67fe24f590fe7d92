"""
How soon the grader tells of a planted panic and of a planted deadlock, in a real
kernel: both with the place in the source.
"""

import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import course  # noqa: E402
import grading  # noqa: E402
import running  # noqa: E402

FILE = "kern/sys/ops_proc.c"
PLANTED = """
static NOINLINE long planted_panic(void)
{
    panic("planted");
}

/* Takes what it has. */
static NOINLINE void planted_deadlock(void)
{
    static uint32_t planted_word;

    while (swap_acquire(&planted_word, 1))
        cpu_relax();
}

SYSCALL(nop, void)
{
    return planted_panic();
}

SYSCALL(yield, void)
{
    planted_deadlock();
    planted_deadlock();
    return 0;
}
"""
PROGRAM = """
#include <weir.h>
TEST(passes) { CHECK_EQ(1, 1); }
TEST(panics) { CHECK_EQ(nop(), 0); }
TEST(sticks) { CHECK_EQ(yield(), 0); }
TEST_MAIN()
"""
QUICK = 0.4  # seconds that a passing test takes on an idle host
PANIC_SECONDS, OVER_BUDGET, BUDGET = 2.0, 2.0, 3


class Planted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="weir-")
        tree = os.path.join(cls.dir, "weir")
        course.copy_tree(tree)
        path = os.path.join(tree, FILE)
        text = course.put_starters(course.read(path), PLANTED,
                                   ["sys_nop", "sys_yield"])
        with open(path, "w") as out:
            out.write(text)
        status, text = course.make(tree, "all")
        assert status == 0, text
        cls.tests = os.path.join(cls.dir, "x")
        os.mkdir(cls.tests)
        with open(os.path.join(cls.tests, "mine.c"), "w") as out:
            out.write(PROGRAM)
        cls.runner = running.Runner(os.path.join(tree, "build"), cls.dir,
                                    "qemu-system-riscv64", cpus=2)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def run_case(self, case):
        """(result, how many times slower than an idle host this one is)"""
        for name in "passes", "passes":  # the first one builds the program
            quick = self.run_one(name)
            self.assertEqual(quick.verdict, "OK", quick.details)
        return self.run_one(case), max(1.0, quick.seconds / QUICK)

    def run_one(self, case):
        return self.runner.run(grading.Test(
            "x", self.tests, "mine.c", case, {"budget": BUDGET}))

    def test_panic(self):
        result, slow = self.run_case("panics")
        self.assertEqual(result.verdict, "PANIC")
        self.assertIn("planted", result.details[0])
        # Not each compiler tells the line of a call that does not return.
        for said in "planted_panic", FILE:
            self.assertTrue(any(said in line for line in result.details),
                            result.details)
        self.assertLess(result.seconds, PANIC_SECONDS * slow)

    def test_deadlock(self):
        result, slow = self.run_case("sticks")
        self.assertEqual(result.verdict, "HANG")
        self.assertTrue(any("planted_deadlock" in line and FILE in line
                            for line in result.details), result.details)
        self.assertLess(result.seconds, BUDGET + OVER_BUDGET * slow)


if __name__ == "__main__":
    unittest.main()
