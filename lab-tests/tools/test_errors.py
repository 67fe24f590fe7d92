"""
Each error that a call's page lists is provoked by a lab test: some
CHECK_ERR(..., E_x) holds the call.
"""

import glob
import os
import re
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# The calls on time, handles, queues, regions, rings, ports, channels and so on.
RANGES = ((0x10, 0x53), (0x60, 0xA2))


def read(path):
    with open(path, errors="replace") as text:
        return text.read()


def listed():
    """(call, error) for each row of the pages' tables of errors."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "docs/calls/*.md")):
        text = read(path)
        number = re.search(r"Call number (0x[0-9a-f]+)\.", text)
        if not number or not any(first <= int(number.group(1), 16) <= last
                                 for first, last in RANGES):
            continue
        call = os.path.basename(path)[:-len(".md")]
        found |= {(call, error) for error in
                  re.findall(r"^\| `(E_[A-Z0-9]+)` \|", text, re.MULTILINE)}
    return found


def checks(text):
    """What stands inside the parentheses of each CHECK_ERR."""
    for start in re.finditer(r"\bCHECK_ERR\(", text):
        depth, at = 1, start.end()
        while depth and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        yield text[start.end():at - 1]


def provoked():
    """(call, error) for each call in a CHECK_ERR."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "lab-tests/*/*.c")):
        for check in checks(read(path)):
            error = re.search(r",\s*(E_[A-Z0-9]+)$", check)
            for call in re.findall(r"\b(\w+)\(", check) if error else ():
                found.add((call, error.group(1)))
    return found


class Errors(unittest.TestCase):
    def test_each_is_provoked(self):
        self.assertGreater(len(listed()), 50)
        missing = listed() - provoked()
        self.assertEqual(sorted(missing), [])


if __name__ == "__main__":
    unittest.main()
