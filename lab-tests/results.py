"""
The result of a grading, and the files it is written to: one result, any number
of formats.

R1  All files are there, valid and with all scores 0, before anything is built;
    each is replaced as a whole after every test.
R2  What the host spoilt (ERROR) and what does not apply (SKIP) is asked of
    nobody: its points count neither as got nor as possible.
"""

import csv
import io
import json
import os
import time
from xml.sax.saxutils import escape, quoteattr

import grading
from judging import BUILD, ERROR, FAIL, HANG, OK, PANIC, SKIP, TIMEOUT

NOT_RUN = "NOT RUN"
LOST = {FAIL, PANIC, HANG, TIMEOUT, BUILD}


class Results:
    """What is known so far of the tests; files: {format: path}."""

    def __init__(self, tests, files=(), manifest=None):
        self.tests = tests
        self.files = dict(files)
        self.manifest = manifest or {}
        self.results = {}
        self.begin = time.monotonic()
        self.complete = False
        self.note = ""
        self.write()

    def add(self, result):
        self.results[result.test.id] = result
        self.write()

    def finish(self, note="", complete=True):
        self.note, self.complete = note, complete
        self.write()

    def rows(self):
        """(test, verdict, points, result or None) of each test, in order."""
        for test in self.tests:
            result = self.results.get(test.id)
            yield (test, result.verdict if result else NOT_RUN,
                   result.points if result else 0, result)

    @property
    def got(self):
        return sum(points for _, _, points, _ in self.rows())

    @property
    def possible(self):
        return sum(test.points for test, verdict, _, _ in self.rows()
                   if verdict not in (ERROR, SKIP))

    def verdicts(self):
        return {verdict for _, verdict, _, _ in self.rows()}

    def line(self):
        return "Score: %d/%d" % (self.got, self.possible)

    def write(self):
        for kind, path in self.files.items():
            text = WRITERS[kind](self)
            with open(path + ".new", "w") as out:
                out.write(text)
            os.replace(path + ".new", path)


def output_of(result):
    """What a reader of the result sees of a test."""
    return "\n".join(grading.report(result, True)) if result else "not run"


def seconds_of(result):
    return round(result.seconds, 3) if result else 0


# --- formats -----------------------------------------------------------------


def as_json(r):
    return json.dumps({
        "version": 1, "complete": r.complete, "note": r.note, "score": r.got,
        "max": r.possible, "seconds": round(time.monotonic() - r.begin, 1),
        "manifest": r.manifest,
        "tests": [{
            "id": test.id, "lab": test.lab, "title": test.title,
            "rules": test.rules, "verdict": verdict, "points": points,
            "max": test.points, "seconds": seconds_of(result),
            "cpus": result.cpus if result else None,
            "seed": result.seed if result else None,
            "details": result.details if result else [],
        } for test, verdict, points, result in r.rows()],
    }, indent=1) + "\n"


def as_gradescope(r):
    return json.dumps({
        "score": r.got, "execution_time": int(time.monotonic() - r.begin),
        "output": (r.note or r.line()) + (
            "" if r.complete else " (incomplete)"),
        "visibility": "visible", "stdout_visibility": "hidden",
        "tests": [{
            "name": test.id, "score": points, "max_score": test.points,
            "status": "passed" if verdict in (OK, SKIP) else "failed",
            "output": output_of(result), "tags": test.rules,
            "visibility": "visible",
        } for test, verdict, points, result in r.rows()],
    }, indent=1) + "\n"


def printable(text):
    """XML has no place for most control characters."""
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)


def as_junit(r):
    rows = list(r.rows())
    lost = sum(verdict in LOST for _, verdict, _, _ in rows)
    errors = sum(verdict == ERROR for _, verdict, _, _ in rows)
    skipped = sum(verdict in (SKIP, NOT_RUN) for _, verdict, _, _ in rows)
    head = 'tests="%d" failures="%d" errors="%d" skipped="%d" time="%.3f"' % (
        len(rows), lost, errors, skipped,
        sum(seconds_of(result) for _, _, _, result in rows))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>',
             '<testsuites %s>' % head, '<testsuite name="weir" %s>' % head]
    for test, verdict, _, result in rows:
        lines.append('<testcase classname=%s name=%s time="%.3f">' % (
            quoteattr(test.lab), quoteattr(test.key), seconds_of(result)))
        if verdict in (SKIP, NOT_RUN):
            lines.append("<skipped message=%s/>" % quoteattr(verdict))
        elif verdict != OK:
            tag = "error" if verdict == ERROR else "failure"
            first = result.details[0] if result.details else verdict
            lines.append("<%s type=%s message=%s>%s</%s>" % (
                tag, quoteattr(verdict), quoteattr(printable(first)),
                escape(printable(output_of(result))), tag))
        lines.append("</testcase>")
    return "\n".join(lines + ["</testsuite>", "</testsuites>", ""])


def as_tap(r):
    lines = ["TAP version 13", "1..%d" % len(r.tests)]
    for number, (test, verdict, _, result) in enumerate(r.rows(), 1):
        good = verdict in (OK, SKIP)
        lines.append("%sok %d - %s%s" % (
            "" if good else "not ", number, test.id,
            " # SKIP" if verdict == SKIP else ""))
        if not good:
            lines += ["# " + line for line in [verdict] + (
                result.details if result else [])]
    return "\n".join(lines + [""])


def as_classroom(r):
    """What GitHub Classroom's reporter wants, in base64, of a runner."""
    done = r.complete and NOT_RUN not in r.verdicts()
    return json.dumps({
        "version": 1,
        "status": "error" if not done else
                  "pass" if r.got == r.possible else "fail",
        "max_score": r.possible,
        "tests": [{
            "name": test.id,
            "status": {OK: "pass", SKIP: "pass", ERROR: "error",
                       NOT_RUN: "error"}.get(verdict, "fail"),
            "message": "" if verdict == OK else output_of(result),
            "score": points, "test_code": "make test T=" + test.id,
            "filename": "", "line_no": 0, "duration": seconds_of(result),
        } for test, verdict, points, result in r.rows()],
    }, indent=1) + "\n"


def as_csv(r):
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["test", "verdict", "points", "max", "seconds", "first line"])
    for test, verdict, points, result in r.rows():
        out.writerow([test.id, verdict, points, test.points, seconds_of(result),
                      (result.details or [""])[0] if result else ""])
    out.writerow(["total", "", r.got, r.possible, "", r.note])
    return text.getvalue()


WRITERS = {"json": as_json, "gradescope": as_gradescope, "junit": as_junit,
           "tap": as_tap, "classroom": as_classroom, "csv": as_csv}
