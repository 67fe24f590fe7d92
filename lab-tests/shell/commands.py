#!/usr/bin/env python3
"""What the shell understands: each line of shell, its output and status."""

from shelltest import check, finish, sh

LINES = [
    # words and quoting
    ("echo a  b", "a b\n", 0),
    ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n", 0),
    ("echo \"it's\" 'say \"x\"'", "it's say \"x\"\n", 0),
    ("echo ''", "\n", 0),
    ("echo 'a|b;c&d'", "a|b;c&d\n", 0),
    ("", "", 0),
    ("   ", "", 0),
    # one after the other; the status is the last command's
    ("echo one; echo two", "one\ntwo\n", 0),
    ("true; false", "", 1),
    ("false; true", "", 0),
    ("exit 7", "", 7),
    ("exit 7; echo not here", "", 7),
    ("false; exit", "", 1),
    ("no-such-program", None, 127), # and a word about it on the console
    ("no-such-program; sh -c 'exit 3'", None, 3),
    # pipelines
    ("echo a b c | wc", "      1       3       6\n", 0),
    ("echo x | cat | cat | cat", "x\n", 0),
    ("false | true", "", 0),
    ("true | false", "", 1),
    ("echo one | cat; echo two | cat", "one\ntwo\n", 0),
    ("ls | grep pingp", "pingpong\n", 0),
    ("echo x | grep y", "", 1),
    # one that does not read does not stop the others
    ("cat README.md | true", "", 0),
    ("cat README.md | head -n 1 | wc -l", "1\n", 0),
    # in the background
    ("sleep 0 & wait", None, 0),
    ("echo a & wait; echo b", None, 0),
    # a shell in a shell
    ("sh -c 'echo inner'; echo outer", "inner\nouter\n", 0),
    ("sh -c 'exit 5'", "", 5),
    ("echo 'echo typed' | sh", "typed\n", 0),
]


def main():
    for line, output, status in LINES:
        got, out, err = sh(line)
        check("status of %r (%r)" % (line, err[-200:]), got, status)
        if output is not None:
            check("output of %r" % line, out, output.encode())
    finish()


if __name__ == "__main__":
    main()
