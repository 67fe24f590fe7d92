"""
One submission: taken out of its archive and graded on a copy of the reference.

S1  Of a submission nothing is used but the lab's own files, and the starter's
    where it has none; tests, library, Makefile and grader are the reference's.
S2  What it does to its directory, its time and its memory is limited; whatever
    happens to it is a result, not the end of the run.
"""

import functools
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import tarfile
import tempfile
import threading
import zipfile

import course
import machine

MEMBER_MAX = 1 << 20  # bytes of a file that is taken
MEMBERS_MAX = 20000  # files of an archive that are looked at
FILE_MAX = 512 << 20  # bytes of any file that is written meanwhile
CPU_MAX = 1200  # seconds of processor time of a single process
BUILD_MEMORY = 3 << 30  # bytes of address space of a compiler
BUILD_WALL, GRADE_WALL = 180, 1800
ENDINGS = (".tar.gz", ".tar.xz", ".tar.bz2", ".tgz", ".tar", ".zip")
SHOWN = 60  # lines of the compiler's


class BadSubmission(Exception):
    """Nothing that can be graded; the text goes to the student."""


class Stopped(Exception):
    """The whole run ends."""


class Children:
    """The process groups that run; used from several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._groups = set()
        self.stopped = False

    def add(self, pid):
        with self._lock:
            self._groups.add(pid)
        if self.stopped:
            self.end(pid)

    def end(self, pid):
        """Kills a group: a compiler may have children, too."""
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def forget(self, pid):
        self.end(pid)
        with self._lock:
            self._groups.discard(pid)

    def stop(self):
        self.stopped = True
        with self._lock:
            for pid in self._groups:
                self.end(pid)


children = Children()


# --- archives ----------------------------------------------------------------


def wanted(name, files):
    """Which of the lab's files a member's name stands for, or None."""
    name = name.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/"):
        return None
    for path in files:
        if name == path or name.endswith("/" + path):
            return path
    return None


def pick(members, files):
    """
    {file: member}: the one with the shortest name for each file; by its name
    alone if no folders are there. members: {name: member}.
    """
    found = {}
    for name in sorted(members, key=lambda n: (n.count("/"), n)):
        path = wanted(name, files)
        if path:
            found.setdefault(path, members[name])
    for path in files:
        alone = [name for name in members
                 if os.path.basename(name) == os.path.basename(path)]
        if path not in found and len(alone) == 1:
            found[path] = members[alone[0]]
    return found


def read_zip(path, files):
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info
                   for info in archive.infolist()[:MEMBERS_MAX]
                   if not info.is_dir()
                   and not stat.S_ISLNK(info.external_attr >> 16)}
        out = {}
        for name, info in pick(members, files).items():
            with archive.open(info) as content:
                out[name] = content.read(MEMBER_MAX + 1)
        return out


def read_tar(path, files):
    with tarfile.open(path) as archive:
        members = {}
        for count, info in enumerate(archive):
            if count >= MEMBERS_MAX:
                break
            if info.isreg():
                members[info.name] = info
        return {name: archive.extractfile(info).read(MEMBER_MAX + 1)
                for name, info in pick(members, files).items()}


def read_folder(path, files):
    members = {}
    for folder, folders, names in os.walk(path):
        folders[:] = [f for f in folders if f not in (".git", "build")]
        for name in names:
            full = os.path.join(folder, name)
            if os.path.isfile(full) and not os.path.islink(full):
                members[os.path.relpath(full, path)] = full
    out = {}
    for name, full in pick(members, files).items():
        with open(full, "rb") as content:
            out[name] = content.read(MEMBER_MAX + 1)
    return out


def take_out(path, files):
    """{file: bytes} of a submission, or BadSubmission."""
    try:
        if os.path.isdir(path):
            found = read_folder(path, files)
        elif zipfile.is_zipfile(path):
            found = read_zip(path, files)
        elif tarfile.is_tarfile(path):
            found = read_tar(path, files)
        else:
            raise BadSubmission("neither a zip nor a tar archive")
    except BadSubmission:
        raise
    except Exception as error:  # archives can be broken in any way
        raise BadSubmission("the archive cannot be read: %s" % error) from None
    if not found:
        raise BadSubmission("none of these files is in it: %s"
                            % ", ".join(files))
    for name, content in found.items():
        if len(content) > MEMBER_MAX:
            raise BadSubmission("%s is larger than %d bytes" % (
                name, MEMBER_MAX))
    return found


# --- grading -----------------------------------------------------------------


def limits(parent, memory):
    """For a child between fork and exec."""
    machine.die_with(parent)
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MAX, FILE_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX, CPU_MAX))


def run_limited(command, cwd, wall, memory=0):
    """(status or None after `wall` seconds, its output)."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            command, cwd=cwd, env=dict(course.environment(), TMPDIR=cwd),
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            preexec_fn=functools.partial(limits, os.getpid(), memory),
            start_new_session=True)
        children.add(child.pid)
        try:
            status = child.wait(wall)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            children.forget(child.pid)
            child.wait()
        if children.stopped:
            raise Stopped()
        out.seek(0)
        return status, out.read(MEMBER_MAX).decode(errors="replace")


def nothing(note, possible):
    return {"score": 0, "max": possible, "note": note, "complete": True,
            "tests": []}


def grade_files(lab, files, tree, jobs):
    """The result for these files on this copy of the reference, and a text."""
    course.apply_starter(lab, tree)
    for name, content in files.items():
        with open(os.path.join(tree, name), "wb") as out:
            out.write(content)
    missing = "".join("%s is not in it: the starter is used\n" % name
                      for name in lab.files if name not in files)
    status, text = run_limited(["make", "-s", "all"], tree, BUILD_WALL,
                               BUILD_MEMORY)
    if status != 0:
        why = ("building takes too long" if status is None else
               "it does not build")
        lines = text.splitlines()[-SHOWN:]
        return nothing(why, 100), missing + "\n".join([why] + lines) + "\n"
    result = os.path.join(tree, "grade.json")
    status, text = run_limited(
        [os.path.join(tree, "lab-tests", "grade"), lab.name, "--jobs",
         str(jobs), "--json", result], tree, GRADE_WALL)
    try:
        said = json.loads(course.read(result))
    except (OSError, ValueError):
        return nothing("the grader says nothing", 100), text
    if status is None:
        said["note"] = "grading takes too long"
    elif status == 3:
        said["note"] = "the host's fault: grade it again"
    return said, missing + text.replace(tree, ".")


def grade(lab, path, jobs=1, reference=course.ROOT):
    """(result, feedback) of a submission, whatever it is."""
    place = tempfile.mkdtemp(prefix="weir-")
    try:
        files = take_out(path, lab.files)
        tree = os.path.join(place, "weir")
        course.copy_for(lab, tree, reference)
        return grade_files(lab, files, tree, jobs)
    except BadSubmission as error:
        return nothing(str(error), 100), "%s\nScore: 0/100\n" % error
    finally:
        shutil.rmtree(place, ignore_errors=True)
