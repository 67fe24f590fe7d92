#!/usr/bin/env python3
"""A fault inside a region is reported in one line, with the region and policy."""

import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "shell"))

from shelltest import check, finish, run  # noqa: E402

PROGRAM = """
#include <weir.h>
int
main(int argc, char **argv)
{
    struct handle_info info;
    volatile char *at;
    const char *kind = argc > 1 ? argv[1] : "";
    uint32_t prot = PROT_READ;
    long r = -1;

    if (strcmp(kind, "sealed") == 0)
        r = region_create(REGION_IMMUTABLE, 9000, 0, "x", 1);
    if (strcmp(kind, "unsealed") == 0)
        r = region_create(REGION_IMMUTABLE, 9000, 0, 0, 0);
    if (strcmp(kind, "append") == 0)
        r = region_create(REGION_APPEND, 9000, 0, 0, 0);
    if (strcmp(kind, "slab") == 0) {
        r = region_create(REGION_SLAB, 9000, 1, 0, 0);
        prot |= PROT_WRITE;
    }
    if (strcmp(kind, "file") == 0)
        r = region_open("sh");
    at = (volatile char *)region_map(r, 0, prot);
    handle_info(r, &info);
    printf("%lu 0x%lx\\n", info.object_id, (unsigned long)at + 4100);
    if (prot & PROT_WRITE)
        ((void (*)(void))(uintptr_t)(at + 4100))();
    at[4100] = 1;
    return 0;
}
"""
REPORT = re.compile(
    r"^pid \d+ \(victim\): (.*) at 0x0*([0-9a-f]+) in region (\d+) \((.*)\)"
    r".*\bpc 0x[0-9a-f]+", re.MULTILINE)
KINDS = [
    ("sealed", "store page fault", "immutable, sealed"),
    ("unsealed", "store page fault", "immutable, not sealed"),
    ("append", "store page fault", "appendonly"),
    ("slab", "(fetch|instruction) page fault", "slab"),
    ("file", "store page fault", "immutable, sealed"),
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "victim.c")
        with open(path, "w") as out:
            out.write(PROGRAM)
        for kind, cause, policy in KINDS:
            status, out, err = run("victim", kind, options=["--prog", path])
            check("status of " + kind, status, 128 + 11)
            number, address = out.decode().split()
            found = REPORT.findall(err.decode(errors="replace"))
            check("one report of %s (%r)" % (kind, err[-300:]), len(found), 1)
            if len(found) != 1:
                continue
            check("cause, " + kind, bool(re.fullmatch(cause, found[0][0])),
                  True)
            check("address, " + kind, int(found[0][1], 16), int(address, 16))
            check("region, " + kind, found[0][2], number)
            check("policy, " + kind, found[0][3].lower(), policy)
    finish()


if __name__ == "__main__":
    main()
