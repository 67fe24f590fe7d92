"""
Tests of the tools for instructors, as far as they need no machine; and what has
to hold of every lab that is handed out.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import course  # noqa: E402
import grading  # noqa: E402
import submission  # noqa: E402

FILE = "kern/base/prioq.h"
SOURCE = """/* A file. */
#include "x.h"

static const int table[] = {1, 2};

/* Stays. */
int stays(int a)
{
    return a;
}

/* Goes. */
static inline long
goes(struct x *x,
     int much)
{
    return x->field + much * 2 + table[0];
}

__attribute__((noinline)) void vanishes(void)
{
    do_this_and_that(1, 2, 3, 4);
}

struct y {
    int field;
};
"""
STARTER = """/* Not yet. */
static inline long goes(struct x *x, int much)
{
    return -E_NOSYS;
}
"""


def tool(name):
    loader = SourceFileLoader(name, os.path.join(HERE, name))
    module = module_from_spec(spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class Labs(unittest.TestCase):
    def test_points(self):
        """Each has 100, 5 of them for leaving nothing behind."""
        for name in course.handed_out():
            tests = grading.graded_tests(os.path.join(course.HERE, name))
            self.assertEqual(sum(test.points for test in tests), 100, name)
            self.assertEqual(sum(test.points for test in tests
                                 if ".leak." in test.id), 5, name)

    def test_mutants(self):
        """Each has eight, which apply, and name tests that are there."""
        there = {test.id for name in grading.labs() for test in
                 grading.find_tests(os.path.join(course.HERE, name))}
        for name in course.handed_out():
            lab = course.Lab(name)
            self.assertGreaterEqual(len(lab.patches("mutants")),
                                    0 if lab.planted and not lab.others
                                    else 8, name)
            self.assertGreaterEqual(len(lab.patches("alts")), 1, name)
            for patch in lab.patches("mutants"):
                said = course.header(patch)
                self.assertTrue(said.get("note"), patch)
                self.assertTrue(said.get("expect"), patch)
                self.assertEqual(set(said["expect"]) - there, set(), patch)
            for patch in lab.patches("mutants") + lab.patches("alts"):
                with tempfile.TemporaryDirectory() as tree:
                    for file in re.findall(r"^\+\+\+ b/(\S+)",
                                           course.read(patch), re.M):
                        at = os.path.join(tree, file)
                        os.makedirs(os.path.dirname(at), exist_ok=True)
                        shutil.copy(os.path.join(course.ROOT, file), at)
                    course.apply_patch(patch, tree)

    def test_starters(self):
        """Each fits, marks its functions, and has a page."""
        for name in course.handed_out():
            lab = course.Lab(name)
            self.assertTrue(course.solution_lines(lab) or lab.written, name)
            for path in lab.written:
                self.assertIn("Lab: " + name, course.read(
                    os.path.join(lab.folder, "starter", path)))
            for path in lab.removed:
                text = course.read(os.path.join(lab.folder, "starter", path))
                done = course.put_starters(
                    course.read(os.path.join(course.ROOT, path)), text,
                    lab.removed[path])
                self.assertIn("Lab: " + name, done)
            self.assertTrue(os.path.exists(os.path.join(
                course.ROOT, "docs/labs/%s.md" % name)), name)


class Functions(unittest.TestCase):
    def test_spans(self):
        found = course.spans(SOURCE.split("\n"))
        self.assertEqual(set(found), {"stays", "goes", "vanishes"})
        self.assertEqual(found["goes"], (11, 12, 16, 18))

    def test_starters_are_put_in(self):
        text = course.put_starters(SOURCE, STARTER, ["goes", "vanishes"])
        self.assertIn("-E_NOSYS", text)
        self.assertIn("/* Not yet. */", text)
        self.assertIn("int stays(int a)", text)
        self.assertIn("struct y {", text)
        for gone in "vanishes", "Goes", "much * 2":
            self.assertNotIn(gone, text)

    def test_what_does_not_fit(self):
        for removed in ["nowhere"], ["vanishes"]:
            with self.assertRaises(course.CourseError):
                course.put_starters(SOURCE, STARTER, removed)


class Handout(unittest.TestCase):
    def test_no_line_of_the_solution(self):
        """And one that is left somewhere is found."""
        handout = tool("handout")
        for name in course.handed_out():
            lab = course.Lab(name)
            with tempfile.TemporaryDirectory() as tree:
                handout.make_tree([lab], tree)
                self.assertEqual(handout.surviving_lines(lab, tree), [])
        lab = course.Lab("prio")
        with tempfile.TemporaryDirectory() as tree:
            handout.make_tree([lab], tree)
            names = course.tree_files(tree)
            self.assertEqual([n for n in names if "mutants" in n], [])
            with open(os.path.join(tree, "docs/labs/prio.md"), "a") as page:
                page.write("    for (struct link **top = &pq->last[PRIO_LEVELS]; "
                           "top-- != pq->last;)\n")
            self.assertEqual(len(handout.surviving_lines(lab, tree)), 1)

    def test_manifest(self):
        handout = tool("handout")
        with tempfile.TemporaryDirectory() as tree:
            handout.make_tree([course.Lab("prio")], tree)

            def check():
                done = subprocess.run(
                    [sys.executable, "lab-tests/manifest.py", "check"],
                    cwd=tree, stdout=subprocess.PIPE)
                return done.returncode, done.stdout.decode()

            self.assertEqual(check()[0], 0)
            with open(os.path.join(tree, FILE), "a") as own:
                own.write("\n")
            self.assertEqual(check()[0], 0)
            with open(os.path.join(tree, "user/lib/test.c"), "a") as harness:
                harness.write("\n")
            self.assertEqual(check(), (1, "changed: user/lib/test.c\n"))


class Submissions(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-")
        self.path = os.path.join(self.dir, "s1_lab.zip")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def zip(self, members):
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as out:
            for name, text in members.items():
                out.writestr(name, text)
        return submission.take_out(self.path, [FILE])

    def test_wherever_it_stands(self):
        for name in FILE, "weir-main/" + FILE, "prioq.h", "my work\\" + FILE:
            self.assertEqual(self.zip({name: "x", "y.c": ""}), {FILE: b"x"})

    def test_tar_and_folder(self):
        folder = os.path.join(self.dir, "kern/base")
        os.makedirs(folder)
        with open(os.path.join(folder, "prioq.h"), "w") as out:
            out.write("x")
        self.assertEqual(submission.take_out(self.dir, [FILE]), {FILE: b"x"})
        for mode in "w", "w:gz", "w:xz":
            with tarfile.open(self.path, mode) as out:
                out.add(folder, "a/kern/base")
            self.assertEqual(submission.take_out(self.path, [FILE]),
                             {FILE: b"x"})

    def refused(self):
        with self.assertRaises(submission.BadSubmission) as caught:
            submission.take_out(self.path, [FILE])
        return str(caught.exception)

    def test_what_is_no_archive(self):
        for content in b"", b"no archive" * 99, b"PK\3\4" + b"x" * 99, \
                b"\x1f\x8b" + b"x" * 99:
            with open(self.path, "wb") as out:
                out.write(content)
            self.refused()

    def test_what_is_too_large(self):
        with self.assertRaises(submission.BadSubmission):
            self.zip({FILE: "/" * (64 << 20)})

    def test_what_leaves_its_place(self):
        with self.assertRaises(submission.BadSubmission):
            self.zip({"../" + FILE: "x", "/etc/" + FILE: "x"})
        with tarfile.open(self.path, "w") as out:
            link = tarfile.TarInfo(FILE)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            out.addfile(link)
        self.refused()

    def test_gradescope_says_why(self):
        with open(self.path, "wb") as out:
            out.write(b"no archive")
        result = os.path.join(self.dir, "results", "results.json")
        done = subprocess.run(
            [os.path.join(HERE, "gradescope-run"), "prio", self.path, result],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(course.read(result))
        self.assertEqual(said["score"], 0)
        self.assertIn("neither a zip nor a tar", said["output"])

    def test_gradescope_zip(self):
        path = os.path.join(self.dir, "grader.zip")
        done = subprocess.run([os.path.join(HERE, "gradescope"), "prio", path],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        with zipfile.ZipFile(path) as zipped:
            self.assertEqual(sorted(zipped.namelist()),
                             ["run_autograder", "setup.sh", "weir.tar"])
            self.assertEqual(zipped.getinfo("setup.sh").external_attr >> 16,
                             0o755)
            tree = tarfile.open(fileobj=io.BytesIO(zipped.read("weir.tar")))
            self.assertIn("lab-tests/tools/gradescope-run", tree.getnames())


class Class(unittest.TestCase):
    def test_report_and_gradebook(self):
        batch = tool("batch")
        lab = course.Lab("prio")

        def result(score, *passed):
            return {"score": score, "max": 100, "note": "", "tests": [
                {"id": test, "verdict": "OK" if test in passed else "FAIL"}
                for test in ("a", "b", "c")]}

        found = {"ann_1": result(60, "a", "b"), "bob_2": result(30, "a"),
                 "eve_3": submission.nothing("no archive", 100)}
        text = batch.report(lab, found)
        self.assertIn("3 submissions, 2 of them with tests run", text)
        self.assertIn("mean 30.0, median 30, from 0 to 60", text)
        self.assertIn("100%  a\n   50%  b\n    0%  c", text)
        self.assertIn("nobody passes: c\n", text)
        with tempfile.TemporaryDirectory() as folder:
            book = os.path.join(folder, "book.csv")
            new = os.path.join(folder, "new.csv")
            with open(book, "w") as out:
                out.write("Student,ID\nAnn,ann\nBob,BOB@x.edu\nZoe,zoe\n")
            batch.merge(book, lab, found, new)
            self.assertEqual(course.read(new), "Student,ID,prio\nAnn,ann,60\n"
                             "Bob,BOB@x.edu,30\nZoe,zoe,\n")

    def test_student(self):
        batch = tool("batch")
        for name, who in (("ann_1.tar.gz", "ann"), ("bob smith.zip", "bob"),
                          ("x.y.zip", "x")):
            self.assertEqual(batch.student(batch.stem("/a/" + name)), who)

    def test_shards(self):
        batch = tool("batch")

        class Options:
            one = None

        with tempfile.TemporaryDirectory() as folder:
            for n in range(7):
                os.mkdir(os.path.join(folder, "s%d" % n))
            Options.dir, parts = folder, []
            for part in "1/3", "2/3", "3/3":
                Options.shard = part
                parts += batch.submissions(Options)
            Options.shard = None
            self.assertEqual(sorted(parts), batch.submissions(Options))


if __name__ == "__main__":
    unittest.main()
