#!/usr/bin/env python3
"""The real-time clock through its driver: the time is the host's, alarms come
when they are due, and clients that die do no harm to others."""

import calendar
import os
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "shell"))

from shelltest import (  # noqa: E402
    CTRL_C, Terminal, check, finish, run, sh)

DRIVER = ["--append", "drivers=rtcd"]
# More callers that wait for days than the driver keeps: it refuses the rest.
# When they are killed, there is room again.
CROWD = """
#include <weir.h>
#define CALLERS 40
static long
call(uint64_t ns)
{
    struct ipc_msg m = {.type = 2};
    long error;

    memcpy(m.payload, &ns, sizeof(ns));
    error = port_call((handle_t)port_connect("rtc"), &m, TIMEOUT_FOREVER);
    return error ? error : (long)m.flags;
}

int
main(void)
{
    long pid[CALLERS], refused;
    struct proc_info p;

    for (int i = 0; i < CALLERS; i++)
        pid[i] = SPAWN(exit(call(1000000000000000) != 0));
    do {
        timer_wait(TIMER_REL, 1000000);
        refused = 0;
        for (int i = 0; i < CALLERS; i++)
            refused += proc_info(pid[i], &p) == 0 && p.state == PROC_ENDED;
    } while (refused < 8);
    for (int i = 0; i < CALLERS; i++)
        kill(pid[i]);
    for (int i = 0; i < CALLERS; i++)
        JOIN(pid[i]);
    printf("%ld refused, then %ld\\n", refused, call(1000000));
    return 0;
}
"""
TIME = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)"


def seconds(text):
    return calendar.timegm(time.strptime(text.decode(), "%Y-%m-%dT%H:%M:%S"))


def check_time(what, text, before):
    """The time in the text is one between `before` and now."""
    found = re.match(TIME, text)
    check("%s: a time in %r" % (what, text), bool(found), True)
    if found:
        now = time.time()
        # The emulator starts the clock at a full second.
        check("%s: %s <= %s <= %s" % (what, int(before) - 1, text, now),
              int(before) - 1 <= seconds(found.group(1)) <= now, True)


def alarms(text):
    """How late each alarm of the output was, in ms after it was set."""
    return [int(ms) for ms in
            re.findall(TIME[1:-1] + rb"\.\d{3}Z, after (\d+) ms\n", text)]


def main():
    before = time.time()
    status, out, err = run("rtc")
    check("status", status, 0)
    check_time("rtc", out, before)
    check("a Z and nothing else", re.sub(TIME, b"", out), b"Z\n")

    before = time.time()
    status, out, err = run("rtc", "alarm", "10")
    check_time("alarm", out, before)
    check("in 10 ms", [ms >= 10 for ms in alarms(out)], [True])

    # Clients that wait longer, that are killed, that ask for nonsense.
    status, out, err = sh(
        "rtc alarm 1000000 & rtc alarm 300 & rtc alarm 20; kill %1; "
        "rtc alarm 0; rtc alarm 99999999999999; wait %2; rtc alarm 5; "
        "rtc bell; rtc", options=DRIVER)
    check("status of the last", status, 0)
    late = alarms(out)
    check("alarms when they are due (%r)" % out,
          [ms >= least for ms, least in zip(sorted(late), (0, 5, 20, 300))],
          [True] * 4)
    check("an alarm in too many years (%r)" % err, b"rtc: E_INVAL" in out + err,
          True)

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "crowd.c")
        with open(path, "w") as text:
            text.write(CROWD)
        status, out, err = run("crowd", options=DRIVER + ["--prog", path])
    check("a crowd", out, b"8 refused, then 0\n")

    status, out, err = sh("rtc; echo $?")
    check("without a driver", out.splitlines()[-1], b"1")
    check("it says so", b"no driver: E_NOENT" in out + err, True)

    with_shell = Terminal()
    before = time.time()
    check_time("in the shell", with_shell.command("rtc"), before)
    # Until one Ctrl-C comes when it waits; the quotes tell output from echo.
    with_shell.type("rtc alarm 1000000\necho a''live\n")
    again = 0
    while b"alive\n" not in with_shell.seen and again < 12:
        with_shell.type(CTRL_C)
        again += 1
        end = time.monotonic() + 2
        while time.monotonic() < end and b"alive\n" not in with_shell.seen:
            with_shell.read(0.1)
    with_shell.expect(b"alive\n")
    with_shell.type("rtc alarm 10; echo d''one\n")
    check("the driver is there after Ctrl-C",
          len(alarms(with_shell.expect(b"done\n"))), 1)
    with_shell.type("poweroff\n")
    check("the driver does not keep the machine up", with_shell.end(), 0)
    finish()


if __name__ == "__main__":
    main()
