#!/usr/bin/env python3
"""Who holds a SYSTEM handle: programs that look at every handle they may have.
A driver has one with EXECUTE alone, and no other right to anything but its
output; a run= program and what the shell starts have none."""

import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "shell"))

from shelltest import Terminal, check, finish, run, sh  # noqa: E402

# Slots 0 to 255, in each of their first generations.
LOOK = """
#include <weir.h>
static void
look(const char *who)
{
    static const char *const types[] = {"?", "queue", "region", "port",
                                        "channel", "semaphore", "reply",
                                        "SYSTEM"};
    struct handle_info info;

    for (handle_t h = 0; h < 256 * 64; h++)
        if (handle_info(h, &info) == 0)
            printf("%s: %d is a %s with %u\\n", who, h, types[info.type],
                   info.rights);
}

int
main(int argc, char **argv)
{
    static const char option[] = "--ready=";
    const char *last = argv[argc - 1];

    look(argv[0]);
    if (strncmp(last, option, sizeof(option) - 1) == 0)
        handle_close((handle_t)atoi(last + sizeof(option) - 1));
    return 0;
}
"""

STREAMS = ["0 is a queue with 5", "1 is a queue with 6", "2 is a queue with 6"]


def handles(out, who):
    """What a program has found, without the numbers that do not matter."""
    start = ("%s: " % who).encode()
    lines = [line[len(start):].decode() for line in out.splitlines()
             if line.startswith(start)]
    return [line if line[:2] in ("0 ", "1 ", "2 ") else line[line.index(" "):]
            for line in lines]


def kinds(out):
    """Of which types the handles are."""
    return {line.split(" is a ")[1].split()[0]
            for line in handles(out, "look")}


def main():
    with tempfile.TemporaryDirectory() as folder:
        options = []
        for name in ("look", "driver"):
            path = os.path.join(folder, name + ".c")
            with open(path, "w") as out:
                out.write(LOOK)
            options += ["--prog", path]

        status, out, err = run("look", options=options)
        check("a run= program", handles(out, "look"), STREAMS)
        status, out, err = run(
            "look", "drivers=look", options=options)
        check("one that only says so", handles(out, "look"), STREAMS)
        status, out, err = sh("look; look | cat; look &; wait; sh -c look",
                              options=options)
        check("in sh -c", kinds(out), {"queue"})
        status, out, err = run(
            "look", options=options + ["--append", "drivers=driver,rtcd"])
        check("beside drivers", handles(out, "look"), STREAMS)
        check("a driver", sorted(handles(out, "driver")),
              [" is a SYSTEM with 16", " is a queue with 2",
               "1 is a queue with 6", "2 is a queue with 6"])
        status, out, err = run(
            "look", options=options + ["--append", "drivers=look"])
        check("a run= program that is a driver", sorted(handles(out, "look")),
              [" is a SYSTEM with 16"] + STREAMS)
        status, out, err = run("true", options=["--append", "drivers=none"])
        check("a driver that is not there", (status, b"none: E_NOENT" in out),
              (0, True))

        shell = Terminal(options)
        seen = shell.command("look; look | cat; sh -c look; ps")
        check("in the shell", kinds(seen), {"queue"})
        check("with its driver", b" rtcd" in seen, True)
        shell.type("poweroff\n")
        check("poweroff", shell.end(), 0)
    finish()


if __name__ == "__main__":
    main()
