#!/usr/bin/env python3
"""
What `latency` prints: a row for each size by copy and by descriptor, with
percentiles that rise. Counted in instructions, copies cost more the larger they
are, descriptors do not, and there is a size from which on these are faster.
"""

import os
import re
import shlex
import subprocess
import sys

RUN = shlex.split(os.environ.get("WEIR_RUN", "lab-tests/run"))
ROW = re.compile(r"^ *(\d+) (copy|descriptor)((?: +\d+){4})$", re.MULTILINE)


def table(options, rounds):
    done = subprocess.run(RUN + options + ["--", "latency", rounds],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    text = done.stdout.decode(errors="replace")
    print(text, end="")
    if done.returncode != 0:
        sys.exit("status %d" % done.returncode)
    rows = {(by, int(size)): [int(n) for n in times.split()]
            for size, by, times in ROW.findall(text)}
    if len(rows) != 15:
        sys.exit("want 15 rows, got %d" % len(rows))
    for times in rows.values():
        if times != sorted(times) or times[0] == 0:
            sys.exit("percentiles do not rise: %s" % times)
    return rows, text


def main():
    table(["--cpus", os.environ.get("WEIR_CPUS", "2")], "2000")
    rows, text = table(["--icount"], "1000")
    copies = [rows[key][0] for key in sorted(rows) if key[0] == "copy"]
    described = {rows[key][0] for key in rows if key[0] == "descriptor"}
    if copies[-1] < 2 * copies[0] or max(described) > min(described) * 1.1:
        sys.exit("not the size makes the difference")
    found = re.search(r"^a descriptor is faster from (\d+) bytes on$", text,
                      re.MULTILINE)
    if not found:
        sys.exit("a descriptor is never faster")
    size = int(found.group(1))
    if not rows["descriptor", size][0] < rows["copy", size][0]:
        sys.exit("from %d bytes on a descriptor is no faster" % size)


if __name__ == "__main__":
    main()
