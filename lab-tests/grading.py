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
                   "seeds": [1, 2],  one machine for each; default 0
                   "race": true,     graded with three seeds
                   "args": ["", "ring_base=8"], more boot arguments, one
                                     machine for each; default none
                   "mem": "128M",  "icount": true,
                   "budget": 70,     seconds of guest time for each machine
                   "timeout": 90,    seconds of wall time, on an idle host
                   "driver": true,   the program gets a SYSTEM handle
                   "times": true,    it measures: in ordinary builds only
                   "files": ["bad.elf"]}}}  relative to the lab: boot files

"mistakes": {"NAME": {..., "shown": 7, "mended": 6}} stands for the tests LAB.NAME.
shown and LAB.NAME.mended with so many points: mistakes.py.

Of these, "harts" to "timeout" may stand beside "tests", too, for all of them.
There, "graded": {"LAB.FILE.CASE": points} says what the lab's grade is made of, if
that is not its own tests with their points.
"""

import fnmatch
import json
import os
import re

import machine
from judging import BUILD, OK, SKIP

NOT_LABS = {"coverage", "fixtures", "gdb", "host", "tools", "__pycache__"}
DEFAULTS = {
    "title": "", "rules": [], "points": 1, "harts": [1, 2, 4], "seeds": [0],
    "race": False, "args": [""], "mem": "128M", "icount": False, "budget": 70,
    "timeout": 90, "files": [], "driver": False, "times": False,
}
FOR_ALL = ("harts", "seeds", "mem", "icount", "budget", "timeout")
SHOWN, MENDED = "shown", "mended"
CASE = re.compile(r"^TEST\s*\(\s*(\w+)\s*\)", re.MULTILINE)


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

    def where(self):
        """For make, to find a test that lives outside of the tree."""
        here = os.path.join(machine.ROOT, "lab-tests")
        return "" if os.path.dirname(os.path.abspath(
            self.directory)) == here else " TESTS=" + self.directory


class Mistake(Test):
    """Of one that was planted: is it shown, or is it mended?"""

    def __init__(self, lab, directory, name, kind, rubric):
        super().__init__(lab, directory, name + ".c", kind, rubric)
        self.source = os.path.join(directory, "repro", name + ".c")
        self.program = "%s-%s-%s" % (lab, name, kind)
        self.case = "reproduce"
        self.name = name
        self.kind = kind


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
            rubric = json.load(text)
        common = {key: rubric[key] for key in FOR_ALL if key in rubric}
        tests = {}
        for key, one in rubric["tests"].items():
            unknown = set(one) - set(DEFAULTS)
            if unknown:
                raise ValueError("%s: unknown: %s" % (key, " ".join(unknown)))
            tests[key] = dict(common, **one)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRubric("%s: %s" % (path, error)) from None
    return tests


def find_mistakes(lab, directory):
    path = os.path.join(directory, "points.json")
    if not os.path.exists(path):
        return []
    with open(path) as text:
        rubric = json.load(text)
    common = {key: rubric[key] for key in FOR_ALL if key in rubric}
    return [Mistake(lab, directory, name, kind,
                    dict(common, **dict(one, points=one[kind], title="%s: %s" % (
                        kind, one["title"]))))
            for name, one in rubric.get("mistakes", {}).items()
            for kind in (SHOWN, MENDED)]


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
    tests += find_mistakes(lab, directory)
    unknown = set(rubric) - {test.key for test in tests}
    if unknown:
        raise BadRubric("%s: points for tests that are not there: %s"
                        % (directory, " ".join(sorted(unknown))))
    return tests


def graded_tests(directory):
    """The tests that a lab's grade is made of, with their points there."""
    own = find_tests(directory)
    path = os.path.join(directory, "points.json")
    points = None
    if os.path.exists(path):
        with open(path) as text:
            points = json.load(text).get("graded")
    if points is None:
        return [test for test in own if test.points]
    here = os.path.dirname(os.path.normpath(directory))
    name = os.path.basename(os.path.normpath(directory))
    tests = list(own)
    for lab in sorted({test.split(".")[0] for test in points} - {name}):
        tests += find_tests(os.path.join(here, lab))
    unknown = set(points) - {test.id for test in tests}
    if unknown:
        raise BadRubric("%s: graded, but not there: %s"
                        % (path, " ".join(sorted(unknown))))
    tests = [test for test in tests if points.get(test.id)]
    for test in tests:
        test.points = points[test.id]
    return tests


def select(tests, pattern):
    return [t for t in tests if not pattern or fnmatch.fnmatch(t.id, pattern)]


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
        again = "T=%s SEED=%s CPUS=%s%s" % (
            test.id, result.seed, result.cpus, test.where())
        lines.append("    again:  make %s %s" % (
            "grade" if test.where() else "test", again))
        if test.case is not None:
            lines.append("    debug:  make debug %s" % again)
    if result.log:
        lines.append("    log:    %s" % os.path.relpath(result.log))
    return lines
