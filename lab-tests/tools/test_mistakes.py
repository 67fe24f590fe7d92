"""
Planted mistakes: each has its patch, its reproducer and its report, and the
grader draws the right conclusions from how a reproducer ends on which kernel.
"""

import io
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import course  # noqa: E402
import grading  # noqa: E402
import mistakes  # noqa: E402

LAB = "race"
FOLDER = os.path.join(course.HERE, LAB)


class FakeRunner:
    """Ends with a verdict for each kernel; None is the one at hand."""

    build = "build"

    def __init__(self, **verdicts):
        self.verdicts = verdicts
        self.used = []

    def run_machines(self, tests, log, kernel=None, seeds=None):
        test, = tests
        self.used.append((kernel, os.path.relpath(test.source, FOLDER)))
        return grading.Result(test, self.verdicts[kernel or "own"])


def conclude(kind, folder=FOLDER, **verdicts):
    """(verdict of the test, what was run)"""
    runner = FakeRunner(**verdicts)
    test = grading.Mistake(LAB, folder, "dead", kind, {})
    with mock.patch.object(mistakes, "kernel", lambda build, at, name: name):
        return mistakes.run(runner, test, io.StringIO()).verdict, runner.used


class Mistakes(unittest.TestCase):
    def test_all_is_there(self):
        lab = course.Lab(LAB)
        names = {test.name for test in grading.find_mistakes(LAB, FOLDER)}
        self.assertEqual(len(names), 6)
        self.assertEqual(names, {
            os.path.basename(p)[:-len(".patch")]
            for p in lab.patches("planted")})
        self.assertEqual({"lab-tests/race/repro/%s.c" % n for n in names},
                         set(lab.written))
        with tempfile.TemporaryDirectory() as tree:
            course.copy_tree(tree, built=False)
            course.apply_starter(lab, tree)  # all six, one on another
            for path in set(lab.files):
                self.assertNotEqual(
                    course.read(os.path.join(tree, path)),
                    course.read(os.path.join(course.ROOT, path)), path)

    def test_shown(self):
        for planted, right, verdict in (
                ("FAIL", "OK", "OK"), ("HANG", "OK", "OK"),
                ("PANIC", "OK", "OK"), ("TIMEOUT", "OK", "OK"),
                ("OK", "OK", "FAIL"), ("FAIL", "FAIL", "FAIL"),
                ("FAIL", "HANG", "HANG"), ("BUILD", "OK", "BUILD"),
                ("ERROR", "OK", "ERROR")):
            self.assertEqual(conclude("shown", dead=planted, right=right)[0],
                             verdict, (planted, right))

    def test_mended(self):
        for own in "OK", "FAIL", "PANIC":
            self.assertEqual(conclude("mended", own=own),
                             (own, [(None, "repro/dead.c")]))

    def test_in_a_students_tree(self):
        """Only the kernel as handed out is there, and no other reproducer."""
        with tempfile.TemporaryDirectory() as folder:
            for all_six, own, kind, verdict in (
                    ("OK", "OK", "shown", "FAIL"),
                    ("OK", "OK", "mended", "FAIL"),
                    ("FAIL", "FAIL", "shown", "OK"),
                    ("FAIL", "FAIL", "mended", "FAIL"),
                    ("HANG", "OK", "mended", "OK")):
                self.assertEqual(conclude(
                    kind, folder, own=own, **{mistakes.ALL: all_six})[0],
                    verdict, (all_six, own, kind))

    def test_the_references_reproducer_is_used(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "planted"))
            os.mkdir(os.path.join(folder, mistakes.KEPT))
            kept = mistakes.kept_at(folder, "lab-tests/race/repro/dead.c")
            self.assertEqual(kept, os.path.join(folder, mistakes.KEPT,
                                                "dead.c"))
            open(kept, "w").close()
            used = conclude("mended", folder, own="OK")[1]
            self.assertEqual(used, [(None, os.path.relpath(kept, FOLDER))])
            self.assertEqual(
                mistakes.kept_at(folder, "kern/ipc/queue.c"),
                os.path.join(folder, mistakes.KEPT, "kern/ipc/queue.c"))


if __name__ == "__main__":
    unittest.main()
