#!/usr/bin/env python3
"""shmpair: what was sent is received, and few calls are made."""

import os
import re
import shlex
import subprocess
import sys

RUN = shlex.split(os.environ.get("WEIR_RUN", "lab-tests/run"))
MESSAGES = 50000

done = subprocess.run(
    RUN + ["--cpus", os.environ.get("WEIR_CPUS", "2"), "--", "shmpair",
           str(MESSAGES)], stdout=subprocess.PIPE)
out = done.stdout.decode(errors="replace")
print(out)
said = re.findall(r"^(\w+): (\d+) messages, (\d+) calls", out, re.MULTILINE)
sys.exit(done.returncode != 0 or not re.match(r"message 0 of process \d+\n"
                                              r"message 1 of process", out) or
         sorted(who for who, _, _ in said) != ["receiver", "sender"] or
         any(int(n) != MESSAGES or int(calls) > MESSAGES // 5
             for _, n, calls in said))
