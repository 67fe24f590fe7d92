#!/usr/bin/env python3
"""The shell on a terminal: editing a line, Ctrl-C, Ctrl-D, jobs, poweroff."""

import os
import tempfile

from shelltest import (BACKSPACE, CTRL_C, CTRL_D, CTRL_U, Terminal, check,
                       finish, run)

LONG = 1500  # more than the console's line has room for
FLOOD = 16 << 20  # bytes: much more than the console prints in a moment


def editing(term):
    check("echo", term.command("echo hello"), b"hello\n")
    term.type(b"echo abX" + BACKSPACE + b"c\n")
    term.expect(b"\n")
    check("backspace", term.prompt(), b"abc\n")
    term.type(b"echo gone" + CTRL_U + b"echo kept\n")
    term.expect(b"\n")
    check("Ctrl-U", term.prompt(), b"kept\n")
    term.type(BACKSPACE * 5 + b"echo start\n")
    term.expect(b"\n")
    check("backspace at the start", term.prompt(), b"start\n")
    term.type(b"\r")
    term.prompt()
    term.type(b"echo cr\r")
    term.expect(b"\n")
    check("carriage return ends a line", term.prompt(), b"cr\n")


def long_lines(term):
    term.type("wc -c\n")
    term.expect(b"wc -c\n")
    term.type("x" * LONG)
    term.expect(b"\a")  # it is full
    term.type(CTRL_U + b"end\n" + CTRL_D)
    term.expect(b"end\n")
    check("a line that was too long", term.prompt().split(), [b"4"])
    check("input that is no line", run("wc", "-c", stdin=b"y" * LONG)[1],
          b"%d\n" % LONG)


def interrupting(term):
    term.type("sleep 1000\n")
    term.expect(b"sleep 1000\n")
    term.read(0.5)
    term.type(CTRL_C)
    term.prompt()
    check("status after Ctrl-C", term.command("echo $?"), b"137\n")
    term.type("cat | cat | cat\n")
    term.expect(b"cat | cat | cat\n")
    term.read(0.5)
    term.type(CTRL_C)
    term.prompt()
    processes = term.command("ps")
    check("pipeline gone: " + processes.decode(errors="replace"),
          processes.count(b"cat"), 0)
    term.type(b"echo half" + CTRL_C)
    term.prompt()
    check("shell lives on", term.command("echo alive"), b"alive\n")


def flooding(folder):
    """Ctrl-C ends what a descriptor still has to print, not only who sent it."""
    line = b"a line of the flood\n"
    path = os.path.join(folder, "flood")
    with open(path, "wb") as out:
        out.write(line * (FLOOD // len(line)))
    term = Terminal(["--file", path])
    term.type("cat flood\n")
    term.expect(line * 100)
    term.type(CTRL_C)
    printed = len(term.prompt())
    check("most is not printed: %d bytes" % printed, printed < FLOOD // 2, True)
    # The quotes tell its output from its echo; a prompt may stand in between.
    term.type("echo a''live\n")
    term.expect(b"alive\n")
    term.type("cat flood | wc -c\n")
    term.expect(b"%d\n" % (FLOOD // len(line) * len(line)))
    term.type("poweroff\n")
    check("poweroff after the flood", term.end(), 0)
    term.close()


def ending(term):
    term.type("cat\n")
    term.expect(b"cat\n")
    term.type("some text\n")
    term.expect(b"some text\n")
    term.expect(b"some text\n")
    term.type(CTRL_D)
    term.prompt()
    term.type("wc -l\n")
    term.expect(b"wc -l\n")
    term.type(b"one\ntwo\n" + CTRL_D)
    term.expect(b"two\n")
    check("wc of typed lines", term.prompt().split(), [b"2"])


def jobs(term):
    term.type("sleep 1000 &\n")
    term.prompt()
    listed = term.command("jobs")
    check("job listed: %r" % listed, b"sleep" in listed, True)
    pid = [line.split()[0] for line in term.command("ps").splitlines()
           if b"sleep" in line]
    check("one sleeper", len(pid), 1)
    if pid:
        term.command("kill " + pid[0].decode())
        term.command("wait")
        check("gone after kill", term.command("ps").count(b"sleep"), 0)


def main():
    term = Terminal()
    editing(term)
    long_lines(term)
    interrupting(term)
    ending(term)
    jobs(term)
    term.type("poweroff\n")
    check("poweroff", term.end(), 0)
    term.close()
    with tempfile.TemporaryDirectory() as folder:
        flooding(folder)
    term = Terminal()
    term.type(CTRL_D)
    check("Ctrl-D leaves the shell", term.end(), 0)
    term.close()
    term = Terminal()
    term.type("exit 9\n")
    check("exit N", term.end(), 9)
    term.close()
    finish()


if __name__ == "__main__":
    main()
