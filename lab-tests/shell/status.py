#!/usr/bin/env python3
"""Exit statuses that a run passes on, and what a fault leaves behind."""

import os
import re
import tempfile

from shelltest import check, finish, run, sh

PROGRAM = """
#include <weir.h>
int
main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "exit") == 0)
        exit(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "store") == 0)
        *(volatile int *)0x123458 = 1;
    if (argc > 1 && strcmp(argv[1], "load") == 0)
        return *(volatile int *)0xdead8;
    if (argc > 1 && strcmp(argv[1], "fetch") == 0)
        ((void (*)(void))0x654320)();
    if (argc > 1 && strcmp(argv[1], "illegal") == 0)
        asm volatile(".word 0");
    for (int i = 0; i < argc; i++)
        printf("[%s]", argv[i]);
    return 0;
}
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "victim.c")
        with open(path, "w") as out:
            out.write(PROGRAM)
        options = ["--prog", path]

        def victim(*words):
            return run("victim", *words, options=options)

        for code in [0, 1, 42, 123, 127, 255]:
            check("exit %d" % code, victim("exit", str(code))[0], code)
        for code in [124, 125, 126]:
            check("exit %d" % code, victim("exit", str(code))[0], 123)
        check("not there", run("no-such-program")[0], 127)
        faults = [
            ("store", rb"store.*0x0*123458"),
            ("load", rb"load.*0x0*dead8"),
            ("fetch", rb"(fetch|instruction).*0x0*654320"),
            ("illegal", rb"illegal"),
        ]
        for kind, pattern in faults:
            status, out, err = victim(kind)
            check("status of " + kind, status, 128 + 11)
            check("%s prints nothing itself" % kind, out, b"")
            lines = [line for line in err.splitlines() if b"victim" in line
                     and re.search(pattern, line)]
            check("%s is reported in one line (%r)" % (kind, err[-300:]),
                  len(lines), 1)
        status, out, err = sh("victim store; victim exit 3; victim load",
                              options=options)
        check("fault status in the shell", status, 128 + 11)
        check("two faults reported", err.count(b"page fault"), 2)
        status, out, err = victim("a b", "", "c'd", 'e"f', "\\")
        check("arguments", out, b"""[victim][a b][][c'd][e"f][\\]""")
    finish()


if __name__ == "__main__":
    main()
