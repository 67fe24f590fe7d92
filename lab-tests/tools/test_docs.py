"""
The documentation says what is so: calls, errors, files, functions, links and
sizes that it names are there, and its examples compile.
"""

import glob
import os
import re
import shlex
import subprocess
import sys
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

import building  # noqa: E402

BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
CALLS = "docs/calls"
INDEX = CALLS + "/README.md"
LINES_OFF = 0.1  # how far a size may have drifted
SOURCES = (".c", ".h", ".S", ".ld", ".py")


def read(path):
    with open(os.path.join(ROOT, path), errors="replace") as text:
        return text.read()


def files(*patterns):
    return sorted(
        os.path.relpath(path, ROOT) for pattern in patterns
        for path in glob.glob(os.path.join(ROOT, pattern), recursive=True))


def documents():
    return files("README.md", "docs/**/*.md")


def calls():
    """name: (number, parameters) of each line of WEIR_CALLS."""
    return {
        name: (number, parameters)
        for number, name, parameters in re.findall(
            r"^\s*X\((0x[0-9a-f]+), (\w+), RING_\w+, (\(.*\))\)",
            read("kern/abi/abi.h"), re.MULTILINE)
    }


def implemented():
    """The calls that have a body."""
    found = set()
    for path in files("kern/sys/*.[cS]"):
        found |= set(re.findall(r"^(?:\S+ )?SYSCALL\((\w+)|^\s*function sys_(\w+)",
                                read(path), re.MULTILINE))
    return {one or other for one, other in found}


def code_blocks(path):
    """(line, text) of each block of C."""
    text = read(path)
    for found in re.finditer(r"^```c\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, found.start()) + 2, found.group(1)


def squeezed(text):
    return " ".join(text.split())


def anchors(path):
    """What a link into a document may name."""
    found = set()
    for title in re.findall(r"^#+ (.*)$", read(path), re.MULTILINE):
        kept = re.sub(r"[^\w\- ]", "", title.lower())
        found.add(kept.replace(" ", "-"))
    return found


def load_lint():
    loader = SourceFileLoader("lint", os.path.join(ROOT, "lab-tests/lint"))
    lint = module_from_spec(spec_from_loader("lint", loader))
    loader.exec_module(lint)
    return lint


class Docs(unittest.TestCase):
    maxDiff = None

    def none(self, bad):
        if bad:
            self.fail("\n".join(bad))

    def test_a_page_for_each_call(self):
        pages = {os.path.basename(path)[:-len(".md")]
                 for path in files(CALLS + "/*.md")} - {"README"}
        self.none(["no page: " + name for name in implemented() - pages] +
                  ["a page, but no such call: " + name
                   for name in pages - implemented()])

    def test_index_is_complete(self):
        rows = {
            name: (number, said)
            for number, name, said in re.findall(
                r"^\| (0x[0-9a-f]+) \| [`\[](\w+)[^|]*\| (.*) \|$",
                read(INDEX), re.MULTILINE)
        }
        self.assertEqual(
            {name: number for name, (number, _) in calls().items()},
            {name: number for name, (number, _) in rows.items()})
        self.none([
            "%s: %s" % (name, "is there" if name in implemented()
                        else "is not there")
            for name, (_, said) in rows.items()
            if ("E_NOSYS" in said) == (name in implemented())
        ])

    def test_prototypes_are_true(self):
        bad = []
        for name in sorted(implemented()):
            number, parameters = calls()[name]
            text = read("%s/%s.md" % (CALLS, name))
            _, block = next(code_blocks("%s/%s.md" % (CALLS, name)))
            want = "long %s%s;" % (name, squeezed(parameters))
            if squeezed(block) != want:
                bad.append("%s: %s" % (name, want))
            if "Call number %s." % number not in text:
                bad.append("%s: its number is %s" % (name, number))
        self.none(bad)

    def test_errors_exist(self):
        known = set(re.findall(r"\b(E_[A-Z0-9]+) =", read("kern/abi/abi.h")))
        self.none([
            "%s: %s" % (path, error) for path in documents()
            for error in sorted(set(re.findall(r"\bE_[A-Z0-9]+\b", read(path))))
            if error not in known
        ])

    def test_map_is_complete(self):
        text = read("docs/map.md")
        named = set(re.findall(r"`((?:kern|user|lab-tests)/[\w./-]+)`", text))
        there = {path for path in files("kern/**")
                 if path.endswith(SOURCES)}
        self.none(["not in the map: " + path for path in sorted(there - named)]
                  + ["not there: " + path for path in sorted(named)
                     if not os.path.exists(os.path.join(ROOT, path))])

    def test_ranks_are_complete(self):
        rank = r"\b(RANK_[A-Z]+)"
        self.assertEqual(
            re.findall(rank + " = 1 <<", read("kern/base/spinlock.h")),
            re.findall(r"^\| `%s`" % rank, read("docs/locking.md"), re.M))

    def test_line_count(self):
        said = re.search(r"([\d,]+)\s+lines\s+of\s+C\s+and\s+([\d,]+)\s+of"
                         r"\s+assembly", read("README.md"))
        self.assertTrue(said, "README.md does not say how long the kernel is")
        self.none([
            "README.md says %d lines of %s, there are %d" % (number, what, true)
            for number, what, true in zip(
                (int(n.replace(",", "")) for n in said.groups()),
                ("C", "assembly"), load_lint().line_counts())
            if abs(number - true) > LINES_OFF * true
        ])

    def test_links(self):
        bad = []
        for path in documents():
            for target in re.findall(r"\]\(([^)\s]+)\)", read(path)):
                name, _, anchor = target.partition("#")
                if re.match(r"[a-z]+:", target):
                    continue
                at = os.path.normpath(
                    os.path.join(os.path.dirname(path), name)) if name else path
                if not os.path.exists(os.path.join(ROOT, at)):
                    bad.append("%s: %s" % (path, target))
                elif anchor and anchor not in anchors(at):
                    bad.append("%s: %s: no such title" % (path, target))
        self.none(bad)

    def test_functions_exist(self):
        source = "\n".join(
            read(path) for path in files(
                "kern/**/*.[chS]", "user/**/*.[chS]", "lab-tests/*.h"))
        there = set(re.findall(r"\b(\w+)\(|^(\w+):|#define (\w+)", source,
                               re.MULTILINE))
        there = {name for names in there for name in names}
        there |= {"sys_" + name for name in implemented()}
        self.none([
            "%s: %s()" % (path, name) for path in documents()
            for name in sorted(set(re.findall(r"`(\w+)\(\)`", read(path))))
            if name not in there
        ])

    def test_examples_compile(self):
        config = building.read_config(BUILD)
        bad = []
        for path in documents():
            page = path.startswith(CALLS + "/")
            for i, (line, block) in enumerate(code_blocks(path)):
                if page and i == 0 and path != INDEX:
                    continue  # its prototype
                if "#include" not in block:
                    block = "#include <weir.h>\n%s" % (
                        block if re.search(r"^(main|TEST)\b", block, re.M)
                        else "void example(void);\nvoid example(void)\n{\n%s}"
                        % block)
                done = subprocess.run(
                    [config["cc"], *shlex.split(config["uflags"]), "-Werror",
                     "-fsyntax-only", "-x", "c", "-"], cwd=ROOT,
                    input=block.encode(), stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT)
                if done.returncode:
                    bad += ["%s:%d:" % (path, line)]
                    bad += done.stdout.decode(errors="replace").splitlines()[:5]
        self.none(bad)


if __name__ == "__main__":
    unittest.main()
