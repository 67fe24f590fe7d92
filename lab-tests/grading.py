"""
Finding lab tests and running them.

A lab is a folder with

  FILE.c       cases TEST(CASE) and TEST_MAIN(): tests LAB.FILE.CASE. The file
               becomes the program LAB-FILE, in the archive of its own runs.
  FILE.py, .sh an executable that runs on the host: one test LAB.FILE. It
               passes with status 0, and is told the machine to use in WEIR_RUN
               (the start of a lab-tests/run command line), WEIR_CPUS, WEIR_SEED.
  points.json  {"title": ..., "tests": {"FILE.CASE": {
                   "title": the rule in words,  "rules": ["B4"],
                   "points": 5,      default 1
                   "harts": [1, 4],  one machine for each; default 1, 2 and 4
                   "seeds": [1, 2],  one machine for each; default 1
                   "args": ["", "ring_base=8"], more boot arguments, one
                                     machine for each; default none
                   "mem": "128M",  "icount": true,
                   "timeout": 90,    seconds of wall time for each machine
                   "driver": true,   the program gets a SYSTEM handle
                   "files": ["bad.elf"]}}}  relative to the lab: boot files

G1  A test passes only if every one of its machines passes.
G2  What a program prints is believed only if the machine ended well, too.
"""

import fnmatch
import itertools
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

import harts
import machine
from machine import CannotStart, BuildFailed, Machine

OK, FAIL, PANIC, TIMEOUT = "OK", "FAIL", "PANIC", "TIMEOUT"
BUILD, SKIP, ERROR = "BUILD", "SKIP", "ERROR"

NOT_LABS = {"fixtures", "gdb", "host", "tools", "__pycache__"}
DEFAULTS = {
    "title": "", "rules": [], "points": 1, "harts": [1, 2, 4], "seeds": [1],
    "args": [""],
    "mem": "128M", "icount": False, "timeout": 90, "files": [],
    "driver": False,
}
CASE = re.compile(r"^TEST\s*\(\s*(\w+)\s*\)", re.MULTILINE)
# What newer firmware prints when a program tries sret and the like.
FIRMWARE = re.compile(r"system_opcode_insn: [\w /]*? instruction")
OUTPUT_MAX = 1 << 20
DETAIL_MAX = 12


class BadRubric(Exception):
    """points.json cannot be used; the text says why."""


class Test:
    """One line of the report. case is None for a script on the host."""

    def __init__(self, lab, directory, source, case, rubric):
        stem = os.path.splitext(source)[0]
        self.lab = lab
        self.directory = directory
        self.source = os.path.join(directory, source)
        self.case = case
        self.program = "%s-%s" % (lab, stem)
        self.key = stem if case is None else "%s.%s" % (stem, case)
        self.id = "%s.%s" % (lab, self.key)
        for name, value in DEFAULTS.items():
            setattr(self, name, rubric.get(name, value))


class Result:
    """How a test ended. details: lines for the reader, most telling first."""

    def __init__(self, test, verdict, seconds=0.0, details=(), cpus=None,
                 seed=None, log=None):
        self.test = test
        self.verdict = verdict
        self.seconds = seconds
        self.details = list(details)
        self.cpus = cpus
        self.seed = seed
        self.log = log

    @property
    def points(self):
        return self.test.points if self.verdict == OK else 0


# --- finding tests ---------------------------------------------------------


def labs():
    """The names of the labs there are."""
    here = os.path.join(machine.ROOT, "lab-tests")
    return [
        name for name in sorted(os.listdir(here))
        if name not in NOT_LABS and os.path.isdir(os.path.join(here, name))
    ]


def read_rubric(directory):
    path = os.path.join(directory, "points.json")
    if not os.path.exists(path):
        return {}
    try:
        with open(path) as text:
            tests = json.load(text)["tests"]
        if not all(isinstance(tests[key], dict) for key in tests):
            raise ValueError("each test is an object")
    except (ValueError, KeyError, TypeError) as error:
        raise BadRubric("%s: %s" % (path, error)) from None
    return tests


def is_script(path):
    return path.endswith((".py", ".sh")) and os.access(path, os.X_OK)


def find_tests(directory, lab=None):
    """The tests of a lab's folder, in the order of the files and cases."""
    lab = lab or os.path.basename(os.path.normpath(directory))
    rubric = read_rubric(directory)
    tests = []
    for source in sorted(os.listdir(directory)):
        path = os.path.join(directory, source)
        stem = os.path.splitext(source)[0]
        if source.endswith(".c"):
            with open(path, errors="replace") as text:
                cases = CASE.findall(text.read())
            tests += [
                Test(lab, directory, source, case,
                     rubric.get("%s.%s" % (stem, case), {}))
                for case in cases
            ]
        elif is_script(path):
            tests.append(Test(lab, directory, source, None,
                              dict({"harts": [2]}, **rubric.get(stem, {}))))
    unknown = set(rubric) - {test.key for test in tests}
    if unknown:
        raise BadRubric("%s: points for tests that are not there: %s"
                        % (directory, " ".join(sorted(unknown))))
    return tests


def select(tests, pattern):
    return [t for t in tests if not pattern or fnmatch.fnmatch(t.id, pattern)]


# --- what a test printed ---------------------------------------------------


def judge_tap(text, case):
    """
    (verdict, details) of a program that was asked to run one case: the plan
    1..1 and one result, which is the case's own.
    """
    plan, results, notes = None, [], []
    for line in FIRMWARE.sub("", text).split("\n"):
        found = re.match(r"1\.\.(\d+)\s*$", line)
        if found:
            plan = int(found.group(1))
            continue
        found = re.match(r"(not )?ok\b\s*\d*\s*-?\s*(\S*)(.*)", line)
        if found:
            results.append((not found.group(1), found.group(2), found.group(3)))
        elif line.startswith("#"):
            notes.append(line[1:].strip())
    if plan != 1 or len(results) != 1:
        return FAIL, notes + ["want one result, got %d of %s" % (
            len(results), "no plan" if plan is None else plan)]
    passed, name, rest = results[0]
    if not passed:
        return FAIL, notes or ["the case failed and does not say why"]
    if name != case:
        return FAIL, notes + ["want the result of %s, got %s" % (case, name)]
    if "# SKIP" in rest.upper():
        return SKIP, [rest.strip()]
    return OK, notes


def judge(status, text, kernel, case):
    """The verdict on one machine's run."""
    if status == machine.PANICKED:
        at = kernel.find("panic")
        return PANIC, kernel[max(at, 0):].splitlines()[:2 * DETAIL_MAX]
    if status == machine.TIMED_OUT:
        last = [line for line in text.splitlines() if line.strip()]
        return TIMEOUT, ["no end; last line: " + last[-1]] if last else [
            "no end, and nothing printed"]
    if status == machine.NOT_STARTED:
        last = [line for line in kernel.splitlines() if line.strip()]
        return FAIL, ["the machine stopped before init started"] + last[-3:]
    verdict, details = judge_tap(text, case)
    if verdict == OK and status != 0:
        return FAIL, ["all passed, but exit status %d" % status]
    if verdict == FAIL:
        details += kernel.splitlines()[-3:]
    return verdict, details


# --- running ---------------------------------------------------------------


class Bounded:
    """Collects bytes up to a limit (M4)."""

    def __init__(self):
        self.parts = []
        self.size = 0

    def add(self, data):
        if self.size < OUTPUT_MAX:
            self.parts.append(data[:OUTPUT_MAX - self.size])
        self.size += len(data)

    def text(self):
        text = b"".join(self.parts).decode(errors="replace")
        if self.size > OUTPUT_MAX:
            text += "\n[%d bytes in all]\n" % self.size
        return text


class Runner:
    """
    Runs tests in machines of their own. Methods may be called from several
    threads; stop() ends whatever is running.
    """

    def __init__(self, build, directory, qemu, seed=None, cpus=None,
                 timeout=None):
        self.build = build
        self.directory = directory
        self.qemu = qemu
        self.seed = seed
        self.cpus = cpus
        self.timeout = timeout
        self.out = os.path.join(build, "out")
        self.stopped = False
        self._lock = threading.Lock()
        self._running = set()
        self._sockets = itertools.count()
        self._archives = {}
        os.makedirs(self.out, exist_ok=True)

    def stop(self):
        self.stopped = True
        with self._lock:
            for process in self._running:
                process.kill()

    def run(self, test):
        """Runs one test on every machine it asks for; returns a Result."""
        begin = time.monotonic()
        path = os.path.join(self.out, test.id + ".log")
        runs = [
            (cpus, seed, args)
            for cpus in ([self.cpus] if self.cpus else test.harts)
            for seed in ([self.seed] if self.seed is not None else test.seeds)
            for args in test.args
        ]
        result = Result(test, ERROR)
        with open(path, "w") as log:
            for cpus, seed, args in runs:
                try:
                    verdict, details = self._run_one(
                        test, cpus, seed, args, log)
                except BuildFailed as error:
                    verdict, details = BUILD, str(error).splitlines()
                except (CannotStart, OSError) as error:
                    verdict, details = ERROR, str(error).splitlines()
                result = Result(test, verdict, time.monotonic() - begin,
                                details[:2 * DETAIL_MAX], cpus, seed, path)
                if verdict != OK:
                    break
        return result

    def _run_one(self, test, cpus, seed, args, log):
        if test.case is None:
            return self._run_script(test, cpus, seed, log)
        kernel_file = os.path.join(self.build, "kernel.elf")
        monitor = os.path.join(self.directory, "%d" % next(self._sockets))
        where = []

        def look():
            where.extend(harts.describe(
                monitor, self.build, kernel_file,
                os.path.join(self.build, "tests", test.program)))

        box = Machine(
            kernel_file, self._archive(test),
            args=(args + " " + machine.boot_args(
                [test.program, test.case], seed,
                test.program if test.driver else None)).strip(),
            cpus=1 if test.icount else cpus, mem=test.mem, icount=test.icount,
            seed=seed, qemu=self.qemu, monitor=monitor, on_timeout=look)
        program, kernel = Bounded(), Bounded()
        with self._lock:
            if self.stopped:
                raise CannotStart("stopped")
            self._running.add(box)
        try:
            status = box.run(program.add, kernel.add,
                             self.timeout or test.timeout)
        finally:
            with self._lock:
                self._running.discard(box)
        log.write("=== cpus=%d seed=%d %s: status %d\n%s\n--- printed\n%s\n" % (
            cpus, seed, args, status, kernel.text(), program.text()))
        boot = kernel.text().partition(machine.STARTING[1:].decode())
        said = boot[2] if boot[1] else boot[0]
        verdict, details = judge(status, program.text(), said, test.case)
        return verdict, details + where

    def _run_script(self, test, cpus, seed, log):
        env = dict(
            os.environ, WEIR_BUILD=self.build, WEIR_CPUS=str(cpus),
            WEIR_SEED=str(seed), WEIR_QEMU=self.qemu,
            WEIR_RUN="%s --build %s --qemu %s" % (
                os.path.join(machine.ROOT, "lab-tests", "run"), self.build,
                self.qemu))
        child = subprocess.Popen(
            [test.source], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=machine.ROOT, start_new_session=True)
        group = ProcessGroup(child)
        with self._lock:
            self._running.add(group)
        try:
            text = child.communicate(timeout=self.timeout or test.timeout)[0]
        except subprocess.TimeoutExpired:
            group.kill()
            text = child.communicate()[0]
            log.write(text.decode(errors="replace"))
            return TIMEOUT, ["no end"]
        finally:
            group.kill()
            with self._lock:
                self._running.discard(group)
        text = text.decode(errors="replace")
        log.write(text)
        if child.returncode != 0 or re.search(r"^not ok\b", text, re.MULTILINE):
            return FAIL, text.splitlines()[-2 * DETAIL_MAX:]
        return OK, []

    def _archive(self, test):
        """The archive for a test's program, made once for all its cases."""
        key = (test.source, tuple(test.files))
        with self._lock:
            entry = self._archives.setdefault(key, [threading.Lock(), None])
        with entry[0]:
            if entry[1] is None:
                try:
                    entry[1] = self._make_archive(test)
                except CannotStart as error:
                    entry[1] = error
            if isinstance(entry[1], CannotStart):
                raise entry[1]
            return entry[1]

    def _make_archive(self, test):
        # In the build folder, so that the debugger finds the symbols.
        folder = os.path.join(self.build, "tests")
        os.makedirs(folder, exist_ok=True)
        full = os.path.join(folder, test.program)
        # Cases of one program may differ in their files: a place for each.
        place = tempfile.mkdtemp(dir=self.directory)
        private = os.path.join(place, test.program)
        machine.build_program(self.build, test.source, private + ".elf")
        machine.strip_program(self.build, private + ".elf", private)
        os.replace(private + ".elf", full)
        extras = {test.program: private}
        for name in test.files:
            extras[os.path.basename(name)] = os.path.join(test.directory, name)
        archive = private + ".tar"
        machine.repack(os.path.join(self.build, "initrd.tar"), archive, extras)
        return archive


class ProcessGroup:
    """A child and all that it started."""

    def __init__(self, child):
        self.child = child

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


# --- reporting -------------------------------------------------------------


def report(result, verbose=False):
    """The lines for one test, as people read them."""
    test = result.test
    where = ""
    if result.verdict not in (OK, BUILD, SKIP):
        where = " [cpus=%s seed=%s]" % (result.cpus, result.seed)
    lines = ["== Test %s == %s: %s (%.1fs)%s" % (
        test.id, test.id, result.verdict, result.seconds, where)]
    if result.verdict == OK and not verbose:
        return lines
    if test.rules or test.title:
        lines.append("    %s%s" % (
            "rule %s: " % " ".join(test.rules) if test.rules else "",
            test.title))
    lines += ["    " + line for line in result.details]
    if result.verdict not in (OK, BUILD, SKIP):
        lines.append("    again:  make test T=%s SEED=%s CPUS=%s" % (
            test.id, result.seed, result.cpus))
    if result.log:
        lines.append("    log:    %s" % os.path.relpath(result.log))
    return lines
