#!/usr/bin/env python3
"""
The demos of the ring: N2, an operation costs less in a batch, counted in
instructions; and a server that answers many clients through one ring.
"""

import os
import re
import shlex
import subprocess
import sys

RUN = shlex.split(os.environ.get("WEIR_RUN", "lab-tests/run"))
CPUS = os.environ.get("WEIR_CPUS", "2")


def run(options, *words):
    done = subprocess.run(RUN + options + ["--"] + list(words),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    text = done.stdout.decode(errors="replace")
    print(text, end="")
    if done.returncode != 0:
        sys.exit("%s: status %d" % (" ".join(words), done.returncode))
    return text


def main():
    costs = [int(n) for n in re.findall(
        r"^  (?:by trap|batch of \d+) +(\d+)  #*$",
        run(["--icount"], "batch"), re.MULTILINE)]
    if len(costs) != 8:
        sys.exit("want 8 bars, got %d" % len(costs))
    for trap, one, eight, many in (costs[:4], costs[4:]):
        if not one > eight > many:
            sys.exit("a larger batch is no cheaper")
    text = run(["--cpus", CPUS], "uecho", "20", "50")
    if "1000 messages of 20 clients" not in text or "20 clients were" not in text:
        sys.exit("not every client was answered")


if __name__ == "__main__":
    main()
