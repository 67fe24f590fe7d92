#!/usr/bin/env python3
"""Services from the shell: kv and logd, their clients, and their ends."""

import re

from shelltest import CTRL_C, Terminal, check, finish, sh

SCRIPTS = [
    # a client may be started before its server is ready
    ("kv serve & kv put a 1; kv get a", "1\n", 0),
    ("kv serve & kv put a 1; kv put a 22; kv put b 'x y'; kv list",
     "       2 a\n       3 b\n", 0),
    ("kv serve & kv put a 1; kv del a; kv get a", None, 1),
    ("kv serve & cat README.md | kv put readme -; kv get readme | wc -c;"
     " cat README.md | wc -c", None, 0),
    ("kv serve & kv put a 1; sh -c 'kv get a'", "1\n", 0),
    ("kv serve & kv put a 1; kill %1; wait; kv serve & kv get a", None, 1),
    ("kv serve & kv put a 1; kv serve", None, 1),
    ("kv get a", None, 1),
    ("kv", None, 2),
    ("kv serve 1", None, 2),
    ("logd & logger one; logger two words; seq 3 4 | logger; logcat | wc -l",
     "5\n", 0),
    ("logd & logger two words; logcat | grep -c ': two words'", "1\n", 0),
    ("logd & logger one; logd", None, 1),
    ("logger nobody", None, 1),
    ("logcat", None, 1),
]


def scripts():
    for line, output, status in SCRIPTS:
        got, out, err = sh(line)
        check("status of %r (%r)" % (line, err[-300:]), got, status)
        if output is not None:
            check("output of %r" % line, out, output.encode())
        elif "wc -c" in line:
            check("output of %r" % line, len(set(out.split())), 1)


def counts(term):
    """Free pages, processes and objects."""
    told = term.command("sysinfo")
    return [re.search(pattern, told).group(1)
            for pattern in (rb"\((\d+) of", rb"processes +(\d+)",
                            rb"objects +(\d+)")]


def start(term, line):
    term.type(line + "\n")
    term.prompt()


def use(term):
    """Both services in the background, their clients, and their ends."""
    start(term, "kv serve 256 &")
    start(term, "logd &")
    check("put", term.command("kv put key 'a value'"), b"")
    check("get", term.command("kv get key"), b"a value\n")
    check("logger", term.command("logger something"), b"")
    check("logcat", term.command("logcat").count(b": something\n"), 1)
    # A reader that is killed while it waits.
    term.type("logcat -f\n")
    term.expect(b": something\n")
    term.type(CTRL_C)
    term.prompt()
    check("after Ctrl-C", term.command("kv get key"), b"a value\n")
    for pid in [line.split()[0] for line in term.command("ps").splitlines()
                if line.split()[-1] in (b"kv", b"logd")]:
        term.command("kill " + pid.decode())
    term.command("wait")


def foreground(term):
    """Ctrl-C ends a server; its name is free then."""
    for server, client in (("kv serve", "kv get key"), ("logd", "logcat")):
        term.type(server + "\n")
        term.expect(server.encode())
        term.interrupt()
        # Not command(): there may be a prompt for each Ctrl-C.
        term.type("echo ended $?\n")
        term.expect(b"ended 137\n")
        term.prompt()
        term.type(client + "\n")
        term.expect(b"there is n")
        term.prompt()


def main():
    scripts()
    term = Terminal()
    use(term)
    before = counts(term)
    use(term)
    foreground(term)
    check("pages, processes, objects", counts(term), before)
    term.type("poweroff\n")
    check("poweroff", term.end(), 0)
    term.close()
    finish()


if __name__ == "__main__":
    main()
