#!/usr/bin/env python3
"""Write the kernel's symbol and unwind tables as an assembler file.

    mksyms.py --empty                              > symbols.S   (first link)
    mksyms.py --readelf R --nm N kernel.pass1.elf  > symbols.S   (second)

The kernel is linked twice: the tables come last among the read-only data, so
filling them in moves no code. kern/base/panic.c reads them:

    code_rows     u32 offset from _text_start, u32 that of its function, u32
                  the function's name in code_names, u16 CFA - sp, s16 where ra
                  is saved relative to the CFA, 0 while it is still in its
                  register; sorted, each valid up to the next; CFA 0xffff where
                  nothing is known
"""

import argparse
import re
import subprocess

UNKNOWN = (0xFFFF, 0)
FDE = re.compile(r"FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)")


def run(*command):
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()


def read_symbols(nm, elf):
    """Return _text_start and a sorted list of (offset, name) of functions."""
    found = {}
    bounds = {}
    for line in run(nm, "--defined-only", elf):
        address, kind, name = line.split(maxsplit=2)
        address = int(address, 16)
        if name in ("_text_start", "_text_end"):
            bounds[name] = address
        elif kind in "TtWw" and not name.startswith((".L", "$")):
            name = name.split(".")[0]  # what the compiler appends to clones
            # Of several names the global one, then the first in the alphabet.
            rank = (kind in "tw", name)
            found[address] = min(found.get(address, rank), rank)
    start, end = bounds["_text_start"], bounds["_text_end"]
    return start, end, sorted(
        (address - start, rank[1])
        for address, rank in found.items()
        if start <= address < end
    )


def decode_row(cells, columns):
    """One line of the frame table as (CFA - sp, ra's place)."""
    row = dict(zip(columns, cells))
    cfa = re.fullmatch(r"sp\+(\d+)", row["CFA"])
    saved = row.get("ra", "u")
    place = re.fullmatch(r"c-(\d+)", saved)
    if not cfa or int(cfa[1]) >= UNKNOWN[0]:
        return UNKNOWN  # by a frame pointer: rare, the backtrace ends there
    if place:
        return int(cfa[1]), -int(place[1])
    return (int(cfa[1]), 0) if saved in ("u", "s") else UNKNOWN


def read_rows(readelf, elf, start, end):
    """Return a sorted list of (offset, CFA - sp, ra's place)."""
    rows = {}
    ends = []
    columns = None
    in_function = False
    for line in run(readelf, "--debug-dump=frames-interp", elf):
        function = FDE.search(line)
        cells = line.split()
        if function:
            first, last = (int(x, 16) for x in function.groups())
            in_function = start <= first < last <= end
            if in_function:
                rows[first] = (0, 0)  # what holds without any line
                ends.append(last)
        elif " CIE " in line:
            in_function = False
        elif cells[:1] == ["LOC"]:
            columns = cells
        elif in_function and len(cells) >= 2:
            rows[int(cells[0], 16)] = decode_row(cells, columns)
    for last in ends:
        rows.setdefault(last, UNKNOWN)

    merged = []
    for address in sorted(rows):
        if not merged or merged[-1][1:] != rows[address]:
            merged.append((address - start, *rows[address]))
    return merged


def emit(symbols, rows):
    names = {}
    at = 0
    for function, name in symbols:
        names[function] = at
        at += len(name) + 1
    frames = {offset: frame for offset, *frame in rows}
    print("/* Made by kern/mksyms.py. */")
    print('    .section .rodata.ksyms, "a"')
    print("    .balign 8")
    print("    .globl code_rows, code_rows_count, code_names")
    # Not before the first function: code there has neither name nor frame.
    starts = sorted(set(names) | {o for o in frames if o >= min(names, default=0)})
    print(f"code_rows_count: .8byte {len(starts)}")
    print("code_rows:")
    function, frame = 0, UNKNOWN
    for offset in starts:
        function = offset if offset in names else function
        frame = frames.get(offset, frame)
        print(f"    .4byte {offset:#x}, {function:#x}, {names[function]}")
        print(f"    .2byte {frame[0]}, {frame[1]}")
    print("code_names:")
    for _, name in symbols:
        print(f'    .asciz "{name}"')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--readelf", default="readelf")
    parser.add_argument("--nm", default="nm")
    parser.add_argument("elf", nargs="?")
    args = parser.parse_args()
    if args.empty:
        emit([], [])
        return
    if not args.elf:
        parser.error("an ELF file or --empty is needed")
    start, end, symbols = read_symbols(args.nm, args.elf)
    rows = read_rows(args.readelf, args.elf, start, end)
    if not symbols or not rows:
        parser.error(f"{args.elf}: no symbols or no frame table (use -g)")
    emit(symbols, rows)


if __name__ == "__main__":
    main()
