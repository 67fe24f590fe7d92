"""
Tests of the grader: its verdicts with fake kernels in place of a student's, its
exit statuses and files from the command line.
"""

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]

import grading  # noqa: E402
import judging  # noqa: E402
import running  # noqa: E402
import watch  # noqa: E402
from fakes import BUILD, ROOT, TESTS, FakeKernels  # noqa: E402

GRADE = os.path.join(TESTS, "grade")
KINDS = ("json", "gradescope", "junit", "tap", "classroom", "csv")


class Verdicts(FakeKernels):
    def run_one(self, mode, **rubric):
        shutil.copy(self.kernel(mode), os.path.join(self.dir, "kernel.elf"))
        test = grading.Test("lab", self.dir, "fake.c", "case",
                            dict({"harts": [1], "timeout": 2}, **rubric))
        runner = running.Runner(self.dir, self.dir, "qemu-system-riscv64")
        runner._make_archive = lambda _: os.path.join(self.dir, "initrd.tar")
        return runner.run(test)

    def test_verdicts(self):
        for mode, verdict in (
                ("TAP_PROVEN", "OK"), ("TAP_OK", "FAIL"),
                ("TAP_GUESSED", "FAIL"), ("TAP_FLOODS", "TIMEOUT"),
                ("TAP_FAIL", "FAIL"), ("TAP_SHORT", "FAIL"),
                ("TAP_FORGED", "PANIC"), ("PANICS", "PANIC"),
                ("PANIC_HANGS", "PANIC"), ("HANGS", "TIMEOUT"),
                ("SILENT", "TIMEOUT"), ("FLOODS", "TIMEOUT"),
                ("STATUS", "FAIL"), ("NO_INIT", "FAIL")):
            with self.subTest(mode):
                self.assertEqual(self.run_one(mode).verdict, verdict)

    def test_forgery_is_named(self):
        self.assertIn("the result does not come from the harness",
                      self.run_one("TAP_OK").details[-1])

    def test_failure_says_why(self):
        self.assertIn("fake.c:7: want 1, got 0",
                      self.run_one("TAP_FAIL").details)

    def test_hang_by_the_guests_clock(self):
        """The budget is of guest time; the report has each hart's place."""
        for mode in "HANGS", "SILENT":
            result = self.run_one(mode, budget=2, timeout=60)
            self.assertEqual(result.verdict, "HANG")
            self.assertIn("2 s of the machine's time", result.details[0])
            self.assertTrue(result.details[1].startswith("hart0 "))
            self.assertLess(result.seconds, 20)

    def test_hang_when_nothing_runs(self):
        before, watch.QUIET_SECONDS = watch.QUIET_SECONDS, 3.0
        result = self.run_one("HANGS", timeout=60)
        watch.QUIET_SECONDS = before
        self.assertEqual(result.verdict, "HANG")
        self.assertIn("nothing runs any more", result.details[0])

    def test_panic_ends_the_test(self):
        for mode in "PANICS", "PANIC_HANGS":
            result = self.run_one(mode, timeout=60)
            self.assertEqual(result.details[0], "panic: hart 0: a test")
            self.assertLess(result.seconds, 10)

    def test_flood_is_cut(self):
        result = self.run_one("FLOODS", budget=3, timeout=60)
        self.assertEqual(result.verdict, "HANG")
        self.assertLess(os.path.getsize(result.log), 3 << 20)

    def test_tap(self):
        for text, verdict in (
                ("1..1\nok 1 - a\n", "OK"),
                ("ok 1 - a\n1..1\n", "OK"),
                ("1..1\nok 1 - b\n", "FAIL"),
                ("1..1\nok 1 - a\nok 2 - a\n", "FAIL"),
                ("1..1\n", "FAIL"),
                ("ok 1 - a\n", "FAIL"),
                ("1..1\nok 1 - a # SKIP no need\n", "SKIP"),
                ("1..1\n# still running after 120 s, killed\nnot ok 1 - a\n",
                 "HANG"),
                ("1..1\nnot ok 1 - a\n", "FAIL")):
            with self.subTest(text):
                self.assertEqual(judging.judge_tap(text, ["a"])[0], verdict)

    def test_proof(self):
        good = judging.proof("12ab", "a")
        for proof, verdict in ((good, "OK"), (good[:-1] + "x", "FAIL"),
                               (judging.proof("12ab", "b"), "FAIL"),
                               (judging.proof("12ac", "a"), "FAIL")):
            text = "1..1\nok 1 - a\n# proof %s\n" % proof
            self.assertEqual(judging.judge_tap(text, ["a"], "12ab")[0], verdict)


PROGRAM = """
#include <weir.h>
TEST(passes) { CHECK_EQ(1, 1); }
TEST(fails) { CHECK_EQ(getpid(), 0); }
TEST(leaks) { SPAWN(timer_wait(TIMER_REL, 5000000000ull)); }
TEST_MAIN()
"""
ENDLESS = """
#include <weir.h>
TEST(waits) { queue_recv(queue_create(1, 1, 0), 0, 0, 0, TIMEOUT_FOREVER); }
TEST(spins) { for (volatile int i = 0; i == 0;) ; }
TEST_MAIN()
"""
TOGETHER = """
#include <weir.h>
static void first(void)
{
    struct proc_info p;
    CHECK_EQ(proc_info(getpid(), &p), 0);
    CHECK_EQ(p.pid, p.parent + 1);
}
TEST(one) { }
TEST(other) { }
TEST(after) { first(); }
TEST(wrong) { CHECK_EQ(1, 2); }
TEST_MAIN()
"""
RUBRIC = {"title": "x", "harts": [1], "tests": {
    "mine.passes": {"points": 3, "title": "it passes", "rules": ["X1"]},
    "mine.fails": {"points": 4, "title": "it fails", "rules": ["X2"]},
    "endless.spins": {"budget": 2}}}


class CommandLine(FakeKernels):
    """lab-tests/grade on tests of one's own, with the real kernel."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tests = os.path.join(cls.dir, "x")
        os.mkdir(cls.tests)
        for name, text in (("mine.c", PROGRAM), ("endless.c", ENDLESS),
                           ("points.json", json.dumps(RUBRIC))):
            with open(os.path.join(cls.tests, name), "w") as out:
                out.write(text)

    def command(self, *options, build=BUILD):
        return [GRADE, "--tests", self.tests, "--build", build, *options]

    def grade(self, *options, **more):
        done = subprocess.run(
            self.command(*options, **more), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        return done.returncode, done.stdout.decode()

    def path(self, kind):
        return os.path.join(self.dir, "out." + kind)

    def writers(self):
        return [word for kind in KINDS
                for word in ("--" + kind, self.path(kind))]

    def read(self, kind):
        with open(self.path(kind), newline="") as text:
            return text.read()

    def check_files(self, score, count):
        """All files are there, whole, and of one mind."""
        self.assertEqual(json.loads(self.read("json"))["score"], score)
        scope = json.loads(self.read("gradescope"))
        self.assertEqual(scope["score"], score)
        self.assertEqual(sum(t["score"] for t in scope["tests"]), score)
        room = json.loads(self.read("classroom"))
        self.assertEqual(sum(t["score"] for t in room["tests"]), score)
        unit = xml.dom.minidom.parseString(self.read("junit"))
        self.assertEqual(len(unit.getElementsByTagName("testcase")), count)
        self.assertIn("1..%d\n" % count, self.read("tap"))
        rows = list(csv.reader(self.read("csv").splitlines()))
        self.assertEqual(rows[-1][:3], ["total", "", str(score)])
        self.assertEqual(len(rows), count + 2)

    def test_full_marks_is_0(self):
        status, text = self.grade("--test", "*.passes")
        self.assertEqual((status, text.splitlines()[-1]), (0, "Score: 3/3"))

    def test_points_lost_is_1(self):
        status, text = self.grade("--test", "x.mine.*", *self.writers())
        self.assertEqual(status, 1)
        self.assertEqual(text.splitlines()[-1], "Score: 3/8")
        self.assertIn("rule X2: it fails", text)
        self.assertIn("want 0, got ", text)
        self.assertIn("children of it run on", text)
        self.assertRegex(text, r"again:  make grade T=x.mine.fails SEED=0 CPUS=1")
        self.assertRegex(text, r"debug:  make debug T=x.mine.fails SEED=0 CPUS=1")
        self.check_files(3, 3)
        self.assertIn("it fails", self.read("gradescope"))

    def test_cases_share_machines(self):
        """And each has its own verdict, also if only the company is wrong."""
        folder = os.path.join(self.dir, "y")
        os.mkdir(folder)
        with open(os.path.join(folder, "all.c"), "w") as out:
            out.write(TOGETHER)
        tests = grading.find_tests(folder)
        for chosen, verdicts in (
                ("one other", "OK OK"), ("after", "OK"),
                ("one other wrong", "OK OK FAIL"), ("one after", "FAIL OK")):
            row = [test for test in tests if test.case in chosen.split()]
            self.assertEqual(running.together(row), [row])
            results = running.Runner(
                BUILD, self.dir, "qemu-system-riscv64").run_together(row)
            self.assertEqual([r.verdict for r in results], verdicts.split())
        tests[1].mem = "64M"
        self.assertEqual([len(row) for row in running.together(tests)],
                         [3, 1])

    def test_usage_is_2(self):
        status, text = self.grade("--test", "no.such.test")
        self.assertEqual((status, text), (2, "Score: 0/0\n"))

    def test_no_emulator_is_3(self):
        status, text = self.grade("--qemu", "/no/such/qemu", *self.writers())
        self.assertEqual(status, 3)
        self.assertRegex(text, r"Score: 0/\d+ \(incomplete\)\n\Z")
        self.check_files(0, 5)

    def test_endless_programs(self):
        """What waits for ever is a hang, what computes for ever a timeout."""
        status, text = self.grade("--test", "x.endless.*")
        self.assertEqual(status, 1)
        self.assertRegex(text, r"x.endless.waits: HANG")
        self.assertRegex(text, r"hart0 idle")
        self.assertRegex(text, r"x.endless.spins: TIMEOUT")
        self.assertRegex(text, r"hart0 user test_case_spins")

    def test_instruction_clock_repeats(self):
        """The same machine each time, but for the nonce; and a hang at once."""
        status, text = self.grade("--icount", "--repeat", "2", "--test",
                                  "*.passes")
        self.assertEqual(status, 0, text)

    def wait_for(self, happens):
        deadline = time.monotonic() + 30
        while not happens():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_interrupted(self):
        """Whole files, the last line, and no emulator left, after any end."""
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143),
                               (signal.SIGKILL, -9)):
            with self.subTest(number):
                for kind in KINDS:
                    if os.path.exists(self.path(kind)):
                        os.remove(self.path(kind))
                child = subprocess.Popen(
                    self.command("--test", "x.endless.waits",
                                 *self.writers()),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=dict(os.environ, TMPDIR=self.dir),
                    # A shell's jobs in the background inherit: ignored.
                    preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                     signal.SIG_DFL))
                self.wait_for(self.orphans)
                child.send_signal(number)
                text = child.communicate(timeout=30)[0].decode()
                self.assertEqual(child.returncode, status)
                if number != signal.SIGKILL:
                    self.assertRegex(text, r"Score: 0/1 \(incomplete\)\n\Z")
                self.check_files(0, 1)
                self.wait_for(lambda: not self.orphans())

    def test_debug_starts_a_debugger(self):
        done = subprocess.run(
            self.command("--test", "*.passes", "--debug", "--gdb", "true"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr.decode(), "in another terminal:\n  tail ")
        self.assertEqual(self.orphans(), [])

    @unittest.skipIf(shutil.which("tmux") is None, "tmux is not here")
    def test_debug_shows_both_sides_in_tmux(self):
        out = self.path("panes")
        gdb = self.path("gdb")
        with open(gdb, "w") as script:
            script.write("#!/bin/sh\ntmux list-panes >%s.part\n"
                         "mv %s.part %s\n" % (out, out, out))
        os.chmod(gdb, 0o755)
        tmux = ["tmux", "-S", self.path("tmux")]
        command = self.command("--test", "*.passes", "--debug", "--gdb", gdb)
        subprocess.run(
            tmux + ["new-session", "-d", "-x", "80", "-y", "50",
                    " ".join(map(shlex.quote, command))], check=True)
        try:
            self.wait_for(lambda: os.path.exists(out))
            with open(out) as panes:
                self.assertEqual(len(panes.readlines()), 2)
            # The machine's pane goes with the debugger, and so the session.
            self.wait_for(lambda: subprocess.call(
                tmux + ["list-panes"], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL))
        finally:
            subprocess.call(tmux + ["kill-server"], stderr=subprocess.DEVNULL)


class DoesNotBuild(unittest.TestCase):
    def test_status_is_4_and_the_files_are_there(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("Makefile", "kern", "user", "lab-tests", "README.md"):
                path = os.path.join(ROOT, name)
                copy = shutil.copytree if os.path.isdir(path) else shutil.copy
                copy(path, os.path.join(folder, name))
            with open(os.path.join(folder, "kern/abi/abi.h"), "a") as header:
                header.write("this is no C\n")
            result = os.path.join(folder, "out.json")
            done = subprocess.run(
                [os.path.join(folder, "lab-tests/grade"), "prio", "--json",
                 result], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, timeout=120)
            text = done.stdout.decode()
            self.assertEqual(done.returncode, 4, text)
            self.assertRegex(text, r"abi\.h:\d+")
            self.assertRegex(text, r"Score: 0/\d+\n\Z")
            with open(result) as out:
                said = json.load(out)
            self.assertEqual(said["score"], 0)
            self.assertTrue(all(t["verdict"] == "NOT RUN"
                                for t in said["tests"]))


if __name__ == "__main__":
    unittest.main()
