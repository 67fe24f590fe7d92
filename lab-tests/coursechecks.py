"""
Checks of the labs as they are handed out, for lab-tests/all: mistakes are found,
starters are what they should be, the reference gets full marks, and the grader
keeps its promises.
"""

import json
import os
import re
import subprocess
import tempfile

import machine

TOOLS = os.path.join(machine.ROOT, "lab-tests", "tools")
SAMPLE_LAB, SAMPLE = "prio", "01*"  # what make test has time for
LINES = 30
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def run_in(folder, command):
    """Complaints: what the command says if it fails."""
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace").splitlines()
    return text[-LINES:] or ["failed"] if done.returncode else []


def run(tool, *words):
    return run_in(None, [os.path.join(TOOLS, tool), *words])


def handout(lab, previous):
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:
        return run("handout", lab, os.path.join(folder, lab), "--prev",
                   previous)


def compiles(lab):
    """Complaints: what the compiler says of the files that the lab changes, or,
    of a header, of those that include it."""
    import course
    lab = course.Lab(lab)
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:
        tree = os.path.join(folder, lab.name)
        bad = run("handout", lab.name, tree, "--no-check")
        if bad:
            return bad
        course.make(tree, "compile_commands.json")
        with open(os.path.join(tree, "compile_commands.json")) as commands:
            entries = json.load(commands)
        compiled = 0
        for entry in entries:
            with open(os.path.join(tree, entry["file"])) as text:
                named = {entry["file"]} | {
                    "kern/" + name for name in INCLUDE.findall(text.read())}
            if named.isdisjoint(lab.files):
                continue
            bad += run_in(tree, [*entry["arguments"], "-Werror", "-o",
                                 os.path.join(folder, "object")])
            compiled += 1
    return bad if compiled else ["none of its files is compiled"]


def checks(more, soak):
    """(name, call) of each; none in a student's tree."""
    if not os.path.exists(os.path.join(TOOLS, "handout")):
        return []
    import course
    found = [
        ("course.handout.%s.solved" % SAMPLE_LAB,
         lambda: handout(SAMPLE_LAB, "solved")),
        ("course.mutants.%s.some" % SAMPLE_LAB,
         lambda: run("mutants", SAMPLE_LAB, "--quick", "--only", SAMPLE)),
    ]
    if not more:  # else each is built and graded
        found += [("course.handout.%s.compiles" % lab,
                   lambda l=lab: compiles(l))
                  for lab in course.handed_out() if lab != SAMPLE_LAB]
    for lab in course.handed_out() if more else ():
        for previous in "solved", "stub":
            found.append(("course.handout.%s.%s" % (lab, previous),
                          lambda l=lab, p=previous: handout(l, p)))
        found.append(("course.mutants." + lab,
                      lambda l=lab: run("mutants", l)))
        found.append(("course.soak." + lab,
                      lambda l=lab: run("soak", l, "-n", str(soak))))
    if more:
        found += [("course.numbers." + what,
                   lambda w=what: run("numbers", w))
                  for what in ("times", "eight", "forgeries")]
        found.append(("course.class", lambda: run("trial")))
    return found[1:] if more else found
