"""
What a grade rests upon: the tests, the library that they are linked with, the
programs of the system, and the grader. A student's tree has a list of their
hashes; and any tree has one hash for all of them, which goes into the result.

    manifest.py write [FILE...]   list all but these files
    manifest.py check             what has changed since
"""

import hashlib
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = "lab-tests/MANIFEST"
PLACES = ("lab-tests", "user", "kern", "Makefile")
LEFT_OUT = {"__pycache__"}


def files():
    found = []
    for place in PLACES:
        path = os.path.join(ROOT, place)
        if os.path.isfile(path):
            found.append(place)
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(set(folders) - LEFT_OUT)
            found += [os.path.relpath(os.path.join(folder, name), ROOT)
                      for name in names]
    return sorted(name for name in found if name != LIST)


def hash_of(name):
    with open(os.path.join(ROOT, name), "rb") as content:
        return hashlib.sha256(content.read()).hexdigest()


def listed():
    """{file: hash} of the list, or None if there is none."""
    try:
        with open(os.path.join(ROOT, LIST)) as lines:
            return {name: value for value, name in
                    (line.rstrip("\n").split("  ", 1) for line in lines)}
    except OSError:
        return None


def write(but=()):
    with open(os.path.join(ROOT, LIST), "w") as out:
        for name in files():
            if name not in but:
                out.write("%s  %s\n" % (hash_of(name), name))


def changed():
    """Files that are not what they were when the list was made."""
    bad = []
    for name, value in (listed() or {}).items():
        try:
            if hash_of(name) != value:
                bad.append(name)
        except OSError:
            bad.append(name)
    return bad


def summary():
    """For the result: one hash of everything but the kernel, what changed."""
    total = hashlib.sha256()
    for name in files():
        if not name.startswith("kern/"):
            total.update(("%s  %s\n" % (hash_of(name), name)).encode())
    return {"sha256": total.hexdigest(), "changed": changed()}


def main():
    if sys.argv[1:2] == ["write"]:
        write(set(sys.argv[2:]))
        return 0
    if sys.argv[1:] == ["check"]:
        bad = changed()
        print("\n".join("changed: " + name for name in bad) or "as handed out")
        return 1 if bad else 0
    print(__doc__.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
