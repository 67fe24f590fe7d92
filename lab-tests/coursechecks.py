"""
Checks of the labs as they are handed out, for lab-tests/all: mistakes are found,
starters are what they should be, the reference gets full marks, and the grader
keeps its promises.
"""

import os
import subprocess
import tempfile

import machine

TOOLS = os.path.join(machine.ROOT, "lab-tests", "tools")
SAMPLE_LAB, SAMPLE = "prio", "01*"  # what make test has time for
LINES = 30


def run(tool, *words):
    """Complaints: what the tool says if it fails."""
    done = subprocess.run(
        [os.path.join(TOOLS, tool), *words], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace").splitlines()
    return text[-LINES:] or ["failed"] if done.returncode else []


def handout(lab, previous):
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:
        return run("handout", lab, os.path.join(folder, lab), "--prev",
                   previous)


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
