"""
Each rule on queues, handles, regions, types and other objects is shown by a
lab test that runs on 1, 2 and 4 harts, each on the submit ring by one on 1 and
4; each test of these labs says in words what it shows.
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import grading  # noqa: E402

# How many rules each section has, and on which harts they are shown.
SECTIONS = {"A": 6, "B": 12, "C": 9, "D": 5, "E": 11, "F": 13, "G": 11,
            "H": 12, "I": 5, "J": 6, "K": 7, "L": 18, "M": 11, "O": 3}
HARTS = {section: {1, 2, 4} for section in SECTIONS}
HARTS["L"] = {1, 4}
LABS = ("queue", "prio", "handle", "region", "ring", "sem", "channel", "port",
        "word", "event", "shmring", "irq", "proc")


def tests():
    for lab in LABS:
        yield from grading.find_tests(
            os.path.join(os.path.dirname(HERE), lab))


class Rules(unittest.TestCase):
    def test_each_is_shown(self):
        shown = {rule for test in tests() for rule in test.rules
                 if set(test.harts) >= HARTS.get(rule[0], set())}
        rules = {"%s%d" % (section, n) for section, count in SECTIONS.items()
                 for n in range(1, count + 1)}
        self.assertEqual(sorted(rules - shown), [])

    def test_each_has_a_title(self):
        self.assertEqual(
            [test.id for test in tests() if not test.title or
             not (test.rules or test.id.startswith("proc."))], [])


if __name__ == "__main__":
    unittest.main()
