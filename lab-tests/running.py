"""
Running tests: each in machines of its own.

G3  A test passes only if every one of its machines passes.
G4  What a machine is judged by is the guest's time (watch.py).
"""

import itertools
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

import harts
import judging
import machine
import mistakes
import watch
from grading import Mistake, Result
from judging import (BUILD, DETAIL_MAX, ERROR, FAIL, HANG, OK, PANIC,
                     SKIP, TIMEOUT)
from machine import BuildFailed, CannotStart, Machine

OUTPUT_MAX = 1 << 20
RACE_SEEDS = (1, 2, 3)
ICOUNT_WALL = 6  # times slower than the host's clock, at most


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
                 timeout=None, slowness=1.0, grading=False, icount=False):
        self.build = build
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
        begin = time.monotonic()
        path = os.path.join(self.out, test.id + ".log")
        with open(path, "w") as log:
            try:
                result = (mistakes.run(self, test, log)
                          if isinstance(test, Mistake) else
                          self.run_machines(test, log))
            except (CannotStart, OSError, subprocess.SubprocessError) as error:
                result = Result(test, ERROR, details=str(error).splitlines())
        result.seconds = time.monotonic() - begin
        result.log = path
        return result

    def run_machines(self, test, log, kernel=None, seeds=None):
        """On each machine that it asks for, with this kernel, these seeds."""
        if test.times and not machine.is_ordinary(self.build):
            return Result(test, SKIP, details=["it measures time"])
        result = Result(test, ERROR)
        for cpus, seed, args in self.machines(test, seeds):
            try:
                verdict, details = self._run_one(
                    test, cpus, seed, args, log, kernel)
            except BuildFailed as error:
                verdict, details = BUILD, str(error).splitlines()
            except (CannotStart, OSError) as error:
                verdict, details = ERROR, str(error).splitlines()
            result = Result(test, verdict, details=details[:2 * DETAIL_MAX],
                            cpus=cpus, seed=seed)
            if verdict != OK:
                break
        return result

    def _run_one(self, test, cpus, seed, args, log, kernel=None):
        if test.case is None:
            return self._run_script(test, cpus, seed, log)
        kernel = kernel or os.path.join(self.build, "kernel.elf")
        full = os.path.join(self.build, "tests", test.program)
        monitor = os.path.join(self.directory, "%d" % next(self._sockets))
        nonce = os.urandom(8).hex()
        icount = self.icount or test.icount
        watcher = watch.Watch(monitor, test.budget, self.slowness *
                              (self.timeout or test.timeout) *
                              (ICOUNT_WALL if icount else 1))
        found = []

        def look():
            # Before describe(), which stops the machine.
            found.append(harts.programs_run(monitor))
            found.extend(harts.describe(monitor, self.build, kernel, full))

        box = Machine(
            kernel, self.archive(test),
            args=(args + " " + machine.boot_args(
                [test.program, test.case], seed, nonce,
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
            status, program.text(), boot[2] if boot[1] else boot[0], test.case,
            nonce)
        if verdict == PANIC:
            details = harts.symbolise(details, self.build, kernel)
        return verdict, details

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
        machine.build_program(self.build, test.source, private + ".elf")
        machine.strip_program(self.build, private + ".elf", private)
        os.replace(private + ".elf", full)
        extras = {test.program: private}
        for name in test.files:
            path = os.path.join(test.directory, name)
            if name.endswith(".c"):
                name = name[:-len(".c")]
                machine.build_program(self.build, path, os.path.join(
                    place, name + ".elf"))
                path = os.path.join(place, name)
                machine.strip_program(self.build, path + ".elf", path)
            extras[os.path.basename(name)] = path
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
