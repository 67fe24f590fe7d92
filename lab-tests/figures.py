"""
The figures that docs/performance.md states, and what they are held against.

Every table there whose columns include `row` and `instructions` is read: a
row's figure is its budget. `must` and `aim` are bounds of the row itself;
`bound` is one that is put in words: a number, or another row's name, "+" and
percent.
"""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "performance.md")
PERCENT_OVER = 1
PEERS = ("floor", "xv6", "Linux", "seL4")


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def number(text):
    """The first number in a cell, or None."""
    found = re.match(r"\**(\d[\d,]*(?:\.\d+)?)", text)
    return float(found.group(1).replace(",", "")) if found else None


def tables(text):
    """(line number, {column: cell}) of each row of each such table."""
    columns = None
    for at, line in enumerate(text.splitlines()):
        if not line.startswith("|"):
            columns = None
        elif columns is None:
            columns = cells(line)
        elif {"row", "instructions"} <= set(columns) and "---" not in line:
            yield at, dict(zip(columns, cells(line)))


def read(path=PAGE):
    """{row: {column: cell}} of the whole page."""
    with open(path) as page:
        return {row["row"]: row for _, row in tables(page.read())}


def compiler(path=PAGE):
    """The major version of the compiler that the figures are of."""
    with open(path) as page:
        return int(re.search(r"\bgcc (\d+)", page.read()).group(1))


def bounds(stated, measured):
    """[(what, most)] that a row has to keep, its budget not among them."""
    found = []
    must = number(stated.get("must", ""))
    if must is not None:
        found.append(("must", must))
    bound = stated.get("bound", "")
    near = re.match(r"(\w+) \+ (\d+) %", bound)
    if near and near.group(1) in measured:
        most = measured[near.group(1)] * (100 + int(near.group(2))) / 100
        found.append((bound, most))
    elif not near and number(bound) is not None:
        found.append(("bound", number(bound)))
    return found


def complaints(stated, measured, budgets=True):
    """
    What is wrong with measured ({row: number}); budgets: whether the compiler
    is the one that the page's figures are of.
    """
    wrong = ["%s: measured, but not in docs/performance.md" % row
             for row in measured if row not in stated]
    wrong += ["%s: in docs/performance.md, but not measured" % row
              for row in stated if row not in measured]
    for row, got in measured.items():
        if row not in stated:
            continue
        limits = bounds(stated[row], measured)
        budget = number(stated[row]["instructions"])
        if budgets and budget is not None:
            limits.append(("budget + %d %%" % PERCENT_OVER,
                           budget * (100 + PERCENT_OVER) / 100))
        wrong += ["%s: %d, over its %s of %d" % (row, got, what, most)
                  for what, most in limits if got > most]
    return wrong


def verdict(stated, measured, row):
    """In a word, how a measured row stands: over, must, aim, or nothing."""
    got, aim = measured[row], number(stated.get("aim", ""))
    limits = bounds(stated, measured)
    if any(got > most for _, most in limits):
        return "over"
    if aim is None:
        return ""
    return "aim" if got <= aim else "must"


def update(measured, stages, path=PAGE):
    """
    Puts measured figures in the place of those stated, and the lines of a
    table of stages in the place of the one that stands there.
    """
    with open(path) as page:
        lines = page.read().splitlines()
    for at, row in list(tables("\n".join(lines))):
        got = measured.get(row["row"])
        if got is not None:
            row["instructions"] = "{:,}".format(round(got))
            lines[at] = "| " + " | ".join(row.values()) + " |"
    text = re.sub(r"^stage\b.*?(?=^```$)", "\n".join(stages) + "\n",
                  "\n".join(lines) + "\n", flags=re.MULTILINE | re.DOTALL)
    with open(path, "w") as page:
        page.write(text)
