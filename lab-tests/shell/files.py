#!/usr/bin/env python3
"""Boot files through cat, wc, head, grep and ls, against the host's own."""

import os
import random
import subprocess
import tempfile

from shelltest import check, finish, run, sh

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def host(command, data):
    return subprocess.run(["sh", "-c", command], input=data,
                          stdout=subprocess.PIPE,
                          env=dict(os.environ, LC_ALL="C")).stdout


def check_text(path, name, options):
    """The same commands here and there, on one file of text."""
    with open(path, "rb") as text:
        data = text.read()
    for command in ["wc", "wc -l", "wc -w", "wc -c", "head", "head -n 3",
                    "head -c 100", "grep the", "grep -v the", "grep -c the",
                    "cat"]:
        line = "cat %s | %s" % (name, command)
        status, out, _ = sh(line, options=options)
        check(line, out, host(command, data))
    status, out, _ = run("cat", name, options=options)
    check("status of cat", status, 0)
    check("cat " + name, out, data)


def check_bytes(folder):
    """A megabyte of every byte there is, 0x01 and 0x00 included."""
    pick = random.Random(int(os.environ.get("WEIR_SEED", "1")))
    data = bytes(pick.choice([0, 1, 1, 10, 13, 255, pick.randrange(256)])
                 for _ in range(1 << 20))
    path = os.path.join(folder, "bytes")
    with open(path, "wb") as out:
        out.write(data)
    options = ["--file", path]
    status, out, _ = run("cat", "bytes", options=options)
    check("status of cat bytes", status, 0)
    check("a megabyte through cat is whole", out == data, True)
    status, out, _ = sh("cat bytes | cat | cat", options=options)
    check("a megabyte through pipes is whole", out == data, True)
    status, out, _ = run("wc", "-c", "bytes", options=options)
    check("wc -c", out.split()[:1], [b"%d" % len(data)])


def check_zero_copy(path):
    """A file reaches wc by descriptor with no byte copied, or all of them."""
    with open(path, "rb") as text:
        data = text.read()
    counts = host("wc", data).decode()
    messages = -(-len(data) // 1024)
    status, out, _ = run("zerocopy", "README.md")
    check("status of zerocopy", status, 0)
    check("zerocopy", out.decode(),
          "%scat | wc: 1 descriptor, 0 bytes copied\n"
          "%shead | wc: %d messages, %d bytes copied\n"
          % (counts, counts, messages, len(data)))
    line = "cat README.md README.md | wc"
    check(line, sh(line)[1], host("wc", data + data))
    line = "cat README.md | wc - README.md README.md"
    check(line, sh(line)[1].split()[:3], host("wc", data).split())


def check_twice(path):
    """A file by descriptor and by name in one program, in either order."""
    with open(path, "rb") as text:
        head = text.readline()
    by = [b"==> - <==\n" + head, b"==> README.md <==\n" + head]
    line = ("cat README.md | head -n 1 - README.md; "
            "cat README.md | head -n 1 README.md -")
    status, out, _ = sh(line)
    check("status of " + line, status, 0)
    check(line, out, b"\n".join(by) + b"\n".join(by[::-1]))


def check_listing(folder):
    path = os.path.join(folder, "a-file-of-mine")
    with open(path, "wb") as out:
        out.write(b"12345")
    status, out, _ = run("ls", options=["--file", path])
    names = {word for line in out.splitlines() for word in line.split()}
    check("status of ls", status, 0)
    for name in [b"a-file-of-mine", b"sh", b"ls", b"init", b"README.md"]:
        check("ls shows %r" % name, name in names, True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_text(os.path.join(ROOT, "README.md"), "README.md", [])
        check_zero_copy(os.path.join(ROOT, "README.md"))
        check_twice(os.path.join(ROOT, "README.md"))
        odd = os.path.join(folder, "odd")
        with open(odd, "wb") as out:
            out.write(b"the last line has no end\n\n\tthe  two\nthe")
        check_text(odd, "odd", ["--file", odd])
        check_bytes(folder)
        check_listing(folder)
    status, out, err = run("cat", "not-there")
    check("cat of nothing says so", b"not-there" in out + err, True)
    check("cat of nothing fails", status != 0, True)
    finish()


if __name__ == "__main__":
    main()
