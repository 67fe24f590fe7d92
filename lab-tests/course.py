"""
What the tools for instructors share: labs and their starters, copies of the
tree, patches, and grading such a copy.

A lab that is handed out has, beside its tests,

  lab.json      {"title": ..., "after": the lab before it, or "",
                 "baseline": [least, most] points of the starter,
                 "removed": {"kern/x/y.c": ["function", ...]},
                 "planted": true if the starters are the solution with a
                 mistake in it, which is to be found,
                 "files": [other files that students write]}
  starter/      kern/x/y.c: what stands in place of removed functions, each by
                its name; a removed function that is not there is gone. A whole
                file stands in place of one of the "files"
  planted/      NAME.patch: what else is planted in these: mistakes.py
  mutants/      NN-name.patch: mistakes, beginning with "expect: TEST-ID" and
                "note: what is wrong"
  alts/         name.patch: other ways to do it right
"""

import json
import functools
import os
import re
import shutil
import subprocess

import machine
import mistakes

ROOT = machine.ROOT
HERE = os.path.join(ROOT, "lab-tests")
FOR_INSTRUCTORS = ("mutants", "alts", "starter", "planted", "lab.json")
GRADE_TIMEOUT = 1800
FILES_MOST = 4  # that functions are removed from
TOKENS = re.compile(r"\w+|[^\w\s]")
LONG_LINE = 8  # tokens


class CourseError(Exception):
    """Something that an instructor has to put right; the text says what."""


# --- labs --------------------------------------------------------------------


class Lab:
    def __init__(self, name, root=ROOT):
        self.name = name
        self.folder = os.path.join(root, "lab-tests", name)
        try:
            with open(os.path.join(self.folder, "lab.json")) as text:
                said = json.load(text)
            self.title = said["title"]
            self.after = said["after"]
            self.baseline = said["baseline"]
            self.removed = said["removed"]
            self.planted = said.get("planted", False)
            self.others = said.get("files", [])
        except (OSError, ValueError, KeyError) as error:
            raise CourseError("lab %s: %s: %s" % (
                name, type(error).__name__, error)) from None
        if len(self.removed) > FILES_MOST:
            raise CourseError("lab %s: too many files" % name)

    @property
    def files(self):
        return sorted(list(self.removed) + self.others)

    @property
    def written(self):
        """The files that students write from the beginning."""
        return [path for path in self.others if os.path.exists(
            os.path.join(self.folder, "starter", path))]

    def patches(self, kind):
        folder = os.path.join(self.folder, kind)
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [os.path.join(folder, n) for n in names if n.endswith(".patch")]

    def earlier(self):
        """The labs before this one, the first one first."""
        return Lab(self.after).earlier() + [Lab(self.after)] if self.after else []


def handed_out():
    """The labs that there is a starter for."""
    return [name for name in sorted(os.listdir(HERE))
            if os.path.exists(os.path.join(HERE, name, "lab.json"))]


# --- functions in C ----------------------------------------------------------


DEFINITION = re.compile(r"^(?:\w[^;={}#]*?[\s*])?(\w+)\(")


def spans(lines):
    """
    {function: (first line of its comment, of its declaration, of its body,
    line behind it)} of a file in the style of the tree.
    """
    found = {}
    at = 0
    while at < len(lines):
        line = lines[at]
        name = DEFINITION.match(line) if line[:1].isalpha() or line[:1] == "_" \
            else None
        if not name or line.startswith("typedef"):
            at += 1
            continue
        body = at
        while body < len(lines) and not lines[body].rstrip().endswith(("{", ";")):
            body += 1
        if body == len(lines) or lines[body].rstrip().endswith(";"):
            at = body + 1
            continue
        end = body
        while lines[end].rstrip() != "}":
            end += 1
        first = at
        while first and lines[first - 1].strip() and not lines[
                first - 1].rstrip().endswith(("}", ";", "*/")) and \
                lines[first - 1][0] not in "#/":
            first -= 1  # a return type on a line of its own
        comment = first
        if comment and lines[comment - 1].rstrip().endswith("*/"):
            comment -= 1
            while not lines[comment].lstrip().startswith("/*"):
                comment -= 1
        text = " ".join(lines[first:body + 1])
        inner = re.sub(r"__attribute__\(\(.*?\)\)\)?", "", text)
        named = re.search(r"(\w+)\s*\((\w*)", inner)
        called = "sys_" + named.group(2) if named.group(1) == "SYSCALL" else \
            named.group(1)
        found[called] = (comment, first, body + 1, end + 1)
        at = end + 1
    return found


def put_starters(text, starter, removed):
    """A file with its removed functions replaced by those of the starter."""
    lines, instead = text.split("\n"), starter.split("\n")
    mine, theirs = spans(lines), spans(instead)
    for name in sorted(removed, key=lambda n: mine.get(n, (0,)), reverse=True):
        if name not in mine:
            raise CourseError("no function %s to remove" % name)
        comment, _, _, end = mine[name]
        if name in theirs:
            first, _, _, last = theirs[name]
            # With helpers of its own, which stand before it.
            while True:
                before = [span for other, span in theirs.items()
                          if other not in removed and span[3] == first - 1]
                if not before:
                    break
                first = before[0][0]
            lines[comment:end] = instead[first:last]
        else:
            del lines[comment:end + (not lines[end:end + 1] or
                                     not lines[end].strip())]
    both = (set(theirs) - set(removed)) & set(mine)
    if both:
        raise CourseError("starter for what stays: " + " ".join(both))
    return "\n".join(lines)


def read(path):
    with open(path) as text:
        return text.read()


def apply_starter(lab, tree):
    for patch in lab.patches("planted"):
        apply_patch(patch, tree)
    for path in lab.written:
        shutil.copy(os.path.join(lab.folder, "starter", path),
                    os.path.join(tree, path))
    for path in lab.removed:
        starter = os.path.join(lab.folder, "starter", path)
        text = put_starters(read(os.path.join(tree, path)), read(starter)
                            if os.path.exists(starter) else "",
                            lab.removed[path])
        with open(os.path.join(tree, path), "w") as out:
            out.write(text)


@functools.lru_cache(maxsize=None)
def telling(line):
    """A line without its blanks, if it is long enough to tell something."""
    tokens = TOKENS.findall(line.split("//")[0])
    return "".join(tokens) if len(tokens) >= LONG_LINE else None


def solution_lines(lab):
    """The telling lines of the bodies that were removed."""
    found = set()
    for path, names in lab.removed.items():
        lines = read(os.path.join(ROOT, path)).split("\n")
        where = spans(lines)
        for name in names:
            _, _, body, end = where[name]
            found |= {telling(line) for line in lines[body:end]}
    return found - {None}


# --- trees -------------------------------------------------------------------


def tree_files(root=ROOT):
    """What belongs to the tree, as git has it, or all but what was built."""
    done = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    names = [n for n in done.stdout.decode().split("\0") if n]
    if done.returncode or not names:
        names = []
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders
                          if f not in ("build", ".git", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, f), root)
                      for f in files]
    return sorted(n for n in names if os.path.isfile(os.path.join(root, n)))


def copy_tree(dest, built=True, root=ROOT):
    """A copy; with what was built, so that little is built again."""
    for name in tree_files(root):
        target = os.path.join(dest, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(root, name), target)
    build = os.path.join(root, "build")
    if built and os.path.exists(os.path.join(build, "kernel.elf")):
        shutil.copytree(
            build, os.path.join(dest, "build"),
            ignore=lambda folder, names: [
                n for n in names if folder == build and n not in (
                    "kern", "user", "boot", "pass1", mistakes.KERNELS) and
                os.path.isdir(os.path.join(folder, n))])


def copy_for(lab, dest, root=ROOT):
    """
    A copy in which others are about to take the place of the lab's files. If
    it has planted mistakes it keeps what they apply to, and has the kernels.
    """
    planted = lab.patches("planted")
    if planted:
        make(root, "all")
        mistakes.prepare(os.path.join(root, "build"),
                         os.path.join(root, "lab-tests", lab.name))
    copy_tree(dest, root=root)
    for path in lab.files if planted else ():
        kept = mistakes.kept_at(os.path.join(dest, "lab-tests", lab.name), path)
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        shutil.copy(os.path.join(dest, path), kept)


def apply_patch(path, tree):
    done = subprocess.run(
        ["patch", "-p1", "-s", "-F3", "--no-backup-if-mismatch", "-r", "-",
         "-d", tree, "-i", path], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise CourseError("%s does not apply: %s" % (
            os.path.relpath(path, ROOT), done.stdout.decode().strip()))


def header(path):
    """{key: [values]} of the lines before a patch."""
    said = {}
    for line in read(path).split("\n"):
        if line.startswith(("---", "diff ")):
            break
        found = re.match(r"(\w+):\s*(.*)", line)
        if found:
            said.setdefault(found.group(1), []).append(found.group(2))
    return said


def environment():
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    for name in ("MFLAGS", "WEIR_BUILD"):
        env.pop(name, None)
    return env


def make(tree, *words):
    done = subprocess.run(
        ["make", "-s", "-C", tree, "--no-print-directory", *words],
        env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def grade(tree, labs, *options, timeout=GRADE_TIMEOUT):
    """Grades a tree with the grader that is in it: (status, result, text)."""
    path = os.path.join(tree, "build", "grade.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.remove(path)
    done = subprocess.run(
        [os.path.join(tree, "lab-tests", "grade"), "--json", path, *options,
         *labs], cwd=tree, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    text = done.stdout.decode(errors="replace")
    if not os.path.exists(path):
        raise CourseError("the grader says nothing:\n" + text[-2000:])
    return done.returncode, json.loads(read(path)), text


def verdicts(result):
    return {test["id"]: test["verdict"] for test in result["tests"]}
