"""
When a machine that goes on and on has to end. What counts is what the guest
has had, not what the host's clock says, so that a loaded host changes nothing:

  budget  the guest's own clock has passed the budget;
  quiet   the emulator has used no processor for a while: nothing in the guest
          runs, and no timer goes off;
  wall    the host's clock, far beyond what is needed: the emulator is stuck.
"""

import os
import time

from harts import Monitor

MTIME = 0x200BFF8  # of the machine's timer, counting at 10 MHz
MTIME_HZ = 10000000.0
QUIET_SECONDS = 12.0
QUIET_SHARE = 0.01  # of a processor
INTERVAL = 0.5

BUDGET, QUIET, WALL = "budget", "quiet", "wall"


def processor_seconds(pid):
    """What a process has used, or None where nobody tells."""
    try:
        with open("/proc/%d/stat" % pid) as text:
            fields = text.read().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def guest_seconds(monitor_path):
    """The guest's clock; None if the emulator does not answer."""
    try:
        monitor = Monitor(monitor_path)
        try:
            return int(monitor.human("xp /1gx %#x" % MTIME).split()[1],
                       16) / MTIME_HZ
        finally:
            monitor.close()
    except (OSError, ValueError, IndexError):
        return None


class Watch:
    """A machine's budget; to be called now and then, see machine.Machine."""

    def __init__(self, monitor_path, budget, wall):
        self.monitor_path = monitor_path
        self.budget = budget
        self.begin = time.monotonic()
        self.wall = self.begin + wall
        self.quiet_since = self.begin
        self.used = 0.0
        self.reason = None
        self.answers = True

    def __call__(self, pid):
        now = time.monotonic()
        used = processor_seconds(pid)
        if used is None or (used - self.used >
                            QUIET_SHARE * (now - self.quiet_since) + 0.02):
            self.quiet_since, self.used = now, used or 0.0
        guest = guest_seconds(self.monitor_path)
        self.answers = guest is not None
        if guest is not None and guest >= self.budget:
            self.reason = BUDGET
        elif now - self.quiet_since >= QUIET_SECONDS:
            self.reason = QUIET
        elif now >= self.wall:
            self.reason = WALL
        return 0 if self.reason else INTERVAL
