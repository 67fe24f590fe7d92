"""
Running tests: each in machines of its own, or with others of its program.

G3  A test passes only if every one of its machines passes.
G4  What a machine is judged by is the guest's time (watch.py).
G5  A test that fails with others has its own machines' verdict; if all of those
    pass, one of the tests fails all the same.
"""

import itertools
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

import building
import harts
import judging
import machine
import mistakes
import watch
from building import BuildFailed, CannotStart
from grading import Mistake, Result
from judging import (BUILD, DETAIL_MAX, ERROR, FAIL, HANG, OK, PANIC,
                     SKIP, TIMEOUT)
from machine import Machine

OUTPUT_MAX = 1 << 20
RACE_SEEDS = (1, 2, 3)
# Beside the cases the boot arguments have seed=, nonce=, run=, drivers=.
CASES_MOST = machine.ARGS_MAX - 80
ICOUNT_WALL = 6  # times slower than the host's clock, at most
QUICK_BOOT = 0.4  # seconds that a boot takes on an idle host
SLOWEST = 20.0  # a host that is slower still is no host for grading
BOOT_BUDGET, BOOT_WALL = 20, 60  # seconds of guest and wall time


def calibrate(build, qemu, directory):
    """
    (how many times slower than an idle host this one is, whether the system
    boots at all), by one boot.
    """
    monitor = os.path.join(directory, "boot")
    box = Machine(
        os.path.join(build, "kernel.elf"), os.path.join(build, "initrd.tar"),
        args=machine.boot_args(["echo"]), qemu=qemu, monitor=monitor,
        watch=watch.Watch(monitor, BOOT_BUDGET, BOOT_WALL))
    begin = time.monotonic()
    status = box.run(lambda data: None, lambda data: None, BOOT_WALL)
    took = time.monotonic() - begin
    return min(max(1.0, took / QUICK_BOOT), SLOWEST), status == 0


def together(tests):
    """
    The tests in lists of what can share machines: cases of one program that
    want the same ones, as many as fit into the boot arguments.
    """
    rows = {}
    for test in tests:
        alone = test.case is None or isinstance(test, Mistake)
        row = rows.setdefault(test.id if alone else (
            test.source, test.mem, test.icount, test.driver, test.times,
            test.race, *map(tuple, (test.harts, test.seeds, test.args,
                                    test.files))), [[]])
        words = [*test.args, test.program, *(one.case for one in row[-1])]
        if len(" ".join(words + [test.case or ""])) > CASES_MOST:
            row.append([])
        row[-1].append(test)
    return [part for row in rows.values() for part in row]


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


def overdue(watcher, text, found):
    """The verdict on a machine that had to be ended; found: what look() saw."""
    last = judging.last_lines(text, 1)
    details = ["last line: " + last[0]] if last else ["nothing printed"]
    runs, where = (found[0], found[1:]) if found else (False, [])
    if watcher.reason == watch.QUIET:
        return HANG, ["nothing runs any more; " + details[0]] + where
    if watcher.reason == watch.BUDGET:
        return (TIMEOUT if runs else HANG), [
            "no end within %g s of the machine's time; %s" % (
                watcher.budget, details[0])] + where
    if not watcher.answers:
        return ERROR, ["the emulator does not answer"] + where
    return TIMEOUT, ["no end; " + details[0]] + where


class Runner:
    """
    Runs tests in machines of their own. Methods may be called from several
    threads; stop() ends whatever is running. slowness: how much longer than an
    idle host this one takes. grading: on one hart and on four, races with
    several seeds.
    """

    def __init__(self, build, directory, qemu, seed=None, cpus=None,
                 timeout=None, slowness=1.0, grading=False, icount=False,
                 kernel=None):
        self.build = build
        self.kernel = kernel or os.path.join(build, "kernel.elf")
        self.directory = directory
        self.qemu = qemu
        self.seed = seed
        self.cpus = cpus
        self.timeout = timeout
        self.slowness = slowness
        self.grading = grading
        self.icount = icount
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

    def machines(self, test, seeds=None):
        """(harts, seed, more boot arguments) of each; with these seeds, all."""
        if seeds:
            return [(n, seed, "") for seed in seeds for n in test.harts]
        cpus, seeds = test.harts, test.seeds
        if self.grading and {1, 4} <= set(cpus):
            cpus = [n for n in cpus if n != 2]
        if self.grading and test.race:
            seeds = RACE_SEEDS
        if self.cpus or self.icount or test.icount:
            cpus = [1 if test.icount else self.cpus or 1]
        if self.seed is not None:
            seeds = [self.seed]
        return [(n, seed, args) for n in cpus for seed in seeds
                for args in test.args]

    def run(self, test):
        """Runs one test on every machine it asks for; returns a Result."""
        return self._run_logged([test], lambda log: (
            mistakes.run(self, test, log) if isinstance(test, Mistake) else
            self.run_machines([test], log)))

    def run_together(self, tests):
        """
        Results of tests that share machines, as together() finds them; of each
        by itself, if that fails. If then none does, that is a failure, too.
        """
        if len(tests) == 1:
            return [self.run(tests[0])]
        whole = self._run_logged(
            tests, lambda log: self.run_machines(tests, log))
        if whole.verdict == OK:
            return [Result(test, OK, whole.seconds / len(tests), log=whole.log)
                    for test in tests]
        results = [self.run(test) for test in tests]
        if all(result.verdict == OK for result in results):
            whole.details.insert(0, "together with, but not without: " + " ".join(
                test.case for test in tests[1:]))
            results[0] = whole
        return results

    def _run_logged(self, tests, call):
        begin = time.monotonic()
        path = os.path.join(self.out, tests[0].id + (
            ".together.log" if tests[1:] else ".log"))
        with open(path, "w") as log:
            try:
                result = call(log)
            except (CannotStart, OSError, subprocess.SubprocessError) as error:
                result = Result(tests[0], ERROR, details=str(error).splitlines())
        result.seconds = time.monotonic() - begin
        result.log = path
        return result

    def run_machines(self, tests, log, kernel=None, seeds=None):
        """On each machine that they ask for, with this kernel, these seeds."""
        test = tests[0]
        if test.times and not building.is_ordinary(
                os.path.dirname(self.kernel)):
            return Result(test, SKIP, details=["it measures time"])
        result = Result(test, ERROR)
        for cpus, seed, args in self.machines(test, seeds):
            try:
                verdict, details = self._run_one(
                    tests, cpus, seed, args, log, kernel)
            except BuildFailed as error:
                verdict, details = BUILD, str(error).splitlines()
            except (CannotStart, OSError) as error:
                verdict, details = ERROR, str(error).splitlines()
            result = Result(test, verdict, details=details[:2 * DETAIL_MAX],
                            cpus=cpus, seed=seed)
            if verdict != OK:
                break
        return result

    def _run_one(self, tests, cpus, seed, args, log, kernel):
        test = tests[0]
        if test.case is None:
            return self._run_script(test, cpus, seed, log)
        cases = [one.case for one in tests]
        kernel = kernel or self.kernel
        full = os.path.join(self.build, "tests", test.program)
        monitor = os.path.join(self.directory, "%d" % next(self._sockets))
        nonce = os.urandom(8).hex()
        icount = self.icount or test.icount
        watcher = watch.Watch(
            monitor, sum(one.budget for one in tests), self.slowness *
            sum(self.timeout or one.timeout for one in tests) *
            (ICOUNT_WALL if icount else 1))
        found = []

        def look():
            # Before describe(), which stops the machine.
            found.append(harts.programs_run(monitor))
            found.extend(harts.describe(monitor, self.build, kernel, full))

        box = Machine(
            kernel, self.archive(test),
            args=(args + " " + machine.boot_args(
                [test.program, *cases], seed, nonce,
                test.program if test.driver else None)).strip(),
            cpus=cpus, mem=test.mem, icount=icount, seed=seed, qemu=self.qemu,
            monitor=monitor, on_timeout=look, watch=watcher)
        program, said = Bounded(), Bounded()
        with self._lock:
            if self.stopped:
                raise CannotStart("stopped")
            self._running.add(box)
        try:
            status = box.run(program.add, said.add, watcher.wall + 10)
        finally:
            with self._lock:
                self._running.discard(box)
        log.write("=== cpus=%d seed=%d %s: status %d\n%s\n--- printed\n%s\n" % (
            cpus, seed, args, status, said.text(), program.text()))
        if self.stopped:
            raise CannotStart("stopped")
        if status == machine.TIMED_OUT:
            return overdue(watcher, program.text(), found)
        boot = said.text().partition(machine.STARTING[1:].decode())
        verdict, details = judging.judge(
            status, program.text(), boot[2] if boot[1] else boot[0], cases,
            nonce)
        if verdict == PANIC:
            details = harts.symbolise(details, self.build, kernel)
        return verdict, details

    def _run_script(self, test, cpus, seed, log):
        env = dict(
            os.environ, WEIR_BUILD=self.build, WEIR_CPUS=str(cpus),
            WEIR_SEED=str(seed), WEIR_QEMU=self.qemu,
            WEIR_RUN="%s --build %s --kernel %s --qemu %s" % (
                os.path.join(machine.ROOT, "lab-tests", "run"), self.build,
                self.kernel, self.qemu))
        child = subprocess.Popen(
            [test.source], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=machine.ROOT, start_new_session=True)
        group = ProcessGroup(child)
        with self._lock:
            self._running.add(group)
        try:
            text = child.communicate(
                timeout=(self.timeout or test.timeout) * self.slowness)[0]
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

    def archive(self, test):
        """The archive for a test's program, made once for all its cases."""
        key = (test.source, test.program, tuple(test.files))
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
        building.build_program(self.build, test.source, private + ".elf")
        building.strip_program(self.build, private + ".elf", private)
        os.replace(private + ".elf", full)
        extras = {test.program: private}
        for name in test.files:
            path = os.path.join(test.directory, name)
            if name.endswith(".c"):
                name = name[:-len(".c")]
                building.build_program(self.build, path, os.path.join(
                    place, name + ".elf"))
                path = os.path.join(place, name)
                building.strip_program(self.build, path + ".elf", path)
            extras[os.path.basename(name)] = path
        archive = private + ".tar"
        building.repack(os.path.join(self.build, "initrd.tar"), archive, extras)
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
