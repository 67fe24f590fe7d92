#!/usr/bin/env python3
"""Input from a pipe, as in printf 'ls\\npoweroff\\n' | make qemu."""

import subprocess

from shelltest import CPUS, RUN, check, finish, run


def console(data):
    done = subprocess.run(RUN + ["--cpus", CPUS, "--console"], input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)
    return done.returncode, done.stdout.replace(b"\r", b"")


def main():
    status, out = console(b"ls\npoweroff\n")
    check("status of poweroff", status, 0)
    check("ls ran", b"pingpong" in out, True)
    status, out = console(b"echo a-$?\nfalse\necho b-$?\nexit 4\n")
    check("status of exit 4", status, 4)
    # The echo of what is typed ahead may stand in between.
    check("first", b"a-0\n" in out, True)
    check("second", b"b-1\n" in out, True)
    status, out = console(b"cat README.md | wc\n")
    check("end of input ends the shell", status, 0)
    lines = b"".join(b"line %d of many\n" % n for n in range(2000))
    status, out, _ = run("wc", stdin=lines)
    check("2000 typed lines", out.split(), [b"2000", b"8000",
                                           b"%d" % len(lines)])
    status, out, _ = run("cat", stdin=b"one\ntwo\n")
    check("typed at cat", b"one\ntwo\n" in out.replace(b"\r", b""), True)
    finish()


if __name__ == "__main__":
    main()
