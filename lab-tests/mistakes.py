"""
Tests of mistakes that were planted in the kernel. For each, NAME in "mistakes"
of a lab's points.json, there are two:

  LAB.NAME.shown   the reproducer repro/NAME.c, a program with TEST(reproduce),
                   fails on a kernel that has this mistake and no other, in one
                   machine at least, and passes on the right one, in all
  LAB.NAME.mended  it passes on the kernel at hand

What a mistake is, planted/NAME.patch says. It applies to the lab's files as they
are in the reference: reference/ keeps them, and the reproducers, where somebody
has put others in their place. A student's tree has neither: there the kernel
with all mistakes at once stands for each, made from the files in handed-out/,
and the reproducer is the student's own, which has to show the mistake first.

Kernels are built once for each state of the source, in build/kernels.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading

import machine
from grading import SHOWN, Result
from judging import BUILD, ERROR, FAIL, OK, SKIP

KERNELS = "kernels"
RIGHT, ALL, KEPT = "right", "handed-out", "reference"
SEEDS = range(1, 13)  # each is tried until one shows the mistake
WHOLE = ("kern", "pass1")  # folders of a build that a kernel is made from
NO_VERDICT = (BUILD, ERROR, SKIP)

_lock = threading.Lock()
_ready = set()
_locks = {}


def kept_at(directory, path):
    """Where reference/ has a file of the lab: reproducers beside race.h."""
    folder, name = os.path.split(path)
    return os.path.join(directory, KEPT, name if folder.endswith("repro")
                        else path)


def _lay_over(tree, folder):
    """Files of another state of the tree; what is the same stays old."""
    for place, _, names in os.walk(os.path.join(folder, "kern")):
        for name in names:
            source = os.path.join(place, name)
            target = os.path.join(tree, os.path.relpath(source, folder))
            with open(source, "rb") as new, open(target, "rb") as old:
                same = new.read() == old.read()
            if not same:
                shutil.copy(source, target)


def _state(tree):
    """One hash of what a kernel is made from."""
    total = hashlib.sha256()
    names = [os.path.join(place, name) for place, _, files in
             os.walk(os.path.join(tree, "kern")) for name in files]
    names += [os.path.join(tree, name) for name in (
        "Makefile", "lab-tests/softgcc", "build/config")]
    for name in sorted(names):
        with open(name, "rb") as content:
            total.update(name[len(tree):].encode() + content.read())
    return total.hexdigest()[:16]


def _make_tree(tree, build, directory, name):
    shutil.copytree(os.path.join(machine.ROOT, "kern"),
                    os.path.join(tree, "kern"))
    shutil.copy2(os.path.join(machine.ROOT, "Makefile"), tree)
    for folder in "lab-tests", "user":
        os.symlink(os.path.join(machine.ROOT, folder),
                   os.path.join(tree, folder))
    made = os.path.join(tree, "build")
    os.mkdir(made)
    for entry in os.listdir(build):
        full = os.path.join(build, entry)
        if os.path.isfile(full):
            shutil.copy2(full, made)
        elif entry in WHOLE:
            shutil.copytree(full, os.path.join(made, entry))
    _lay_over(tree, os.path.join(directory, ALL if name == ALL
                                 else KEPT))
    if name not in (RIGHT, ALL):
        subprocess.run(
            ["patch", "-p1", "-s", "-F3", "--no-backup-if-mismatch", "-d", tree,
             "-i", os.path.join(directory, "planted", name + ".patch")],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def kernel(build, directory, name):
    """The kernel with this mistake, RIGHT or ALL; built if it has to be."""
    folder = os.path.join(build, KERNELS)
    os.makedirs(folder, exist_ok=True)
    with _lock:
        mine = _locks.setdefault((folder, name), threading.Lock())
    with mine, tempfile.TemporaryDirectory(prefix="weir-") as tree:
        _make_tree(tree, build, directory, name)
        path = os.path.join(folder, "%s-%s.elf" % (name, _state(tree)))
        if os.path.exists(path):
            return path
        done = subprocess.run(
            ["make", "-s", "-C", tree, "--no-print-directory",
             "build/kernel.elf"],
            env={k: v for k, v in os.environ.items()
                 if not k.startswith("MAKE") and k != "MFLAGS"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if done.returncode:
            raise machine.CannotStart("no kernel %s: %s" % (
                name, done.stdout.decode(errors="replace")[-500:]))
        for old in os.listdir(folder):
            if old.rpartition("-")[0] == name:
                os.remove(os.path.join(folder, old))
        shutil.copy(os.path.join(tree, "build/kernel.elf"), path + ".new")
        os.replace(path + ".new", path)
        return path


def prepare(build, directory):
    """Builds what grading this lab will need, once in a run."""
    planted = os.path.join(directory, "planted")
    if os.path.isdir(planted) and directory not in _ready:
        _ready.add(directory)
        for name in [RIGHT] + sorted(os.listdir(planted)):
            kernel(build, directory, name.replace(".patch", ""))


def _shown(runner, test, log, instructor):
    """Whether the reproducer does what it is for: a Result."""
    log.write("--- with the mistake\n")
    result = runner.run_machines([test], log, kernel(
        runner.build, test.directory, test.name if instructor else ALL), SEEDS)
    if result.verdict == OK:
        return Result(test, FAIL, details=[
            "the reproducer passes on the kernel that has the mistake"],
            cpus=result.cpus, seed=result.seed)
    if result.verdict in NO_VERDICT or not instructor:
        return Result(test, result.verdict if result.verdict in NO_VERDICT
                      else OK, details=result.details)
    log.write("--- without it\n")
    result = runner.run_machines([test], log, kernel(
        runner.build, test.directory, RIGHT))
    if result.verdict != OK:
        result.details.insert(
            0, "the reproducer fails on a kernel without the mistake")
    return result


def run(runner, test, log):
    """What a test of a mistake comes to: a Result."""
    instructor = os.path.isdir(os.path.join(test.directory, "planted"))
    if test.kind == SHOWN:
        return _shown(runner, test, log, instructor)
    if not instructor:
        result = _shown(runner, test, log, False)
        if result.verdict != OK:
            return result
    log.write("--- the kernel at hand\n")
    kept = kept_at(test.directory, test.source)
    if os.path.exists(kept):
        test.source = kept
    return runner.run_machines([test], log)
