"""
Verdicts: what a machine's end and a program's output say of a test.

G1  What a program prints is believed only if the machine ended well, too.
G2  A passed case proves that the harness has run it: with its result comes a
    value made of the case's name and of the nonce in this run's boot arguments.
"""

import re

import machine

OK, FAIL, PANIC, HANG = "OK", "FAIL", "PANIC", "HANG"
TIMEOUT, BUILD, SKIP, ERROR = "TIMEOUT", "BUILD", "SKIP", "ERROR"

# What newer firmware prints when a program tries sret and the like.
FIRMWARE = re.compile(r"system_opcode_insn: [\w /]*? instruction")
STUCK = "still running after"  # what the harness says of a case
DETAIL_MAX = 12


def proof(nonce, case):
    """What the harness makes of a nonce and the name of a passed case: FNV."""
    value = 0xCBF29CE484222325
    for byte in ("%s:%s:ok" % (nonce, case)).encode():
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return "%016x" % value


def judge_tap(text, cases, nonce=None):
    """
    (verdict, details) of a program that was asked to run these cases: a plan,
    and of each in turn its own result and its proof (G2).
    """
    plan, results, notes, proofs = None, [], [], []
    for line in FIRMWARE.sub("", text).split("\n"):
        found = re.match(r"1\.\.(\d+)\s*$", line)
        if found:
            plan = int(found.group(1))
            continue
        found = re.match(r"(not )?ok\b\s*\d*\s*-?\s*(\S*)(.*)", line)
        if found:
            results.append((not found.group(1), found.group(2), found.group(3)))
        elif line.startswith("# proof "):
            proofs.append(line[len("# proof "):].strip())
        elif line.startswith("#"):
            notes.append(line[1:].strip())
    if plan != len(cases) or len(results) != plan:
        return FAIL, notes + ["want %d results, got %d of %s" % (
            len(cases), len(results), "no plan" if plan is None else plan)]
    if not all(passed for passed, _, _ in results):
        stuck = any(note.startswith(STUCK) for note in notes)
        return HANG if stuck else FAIL, notes or [
            "a case failed and does not say why"]
    names = [name for _, name, _ in results]
    if names != list(cases):
        return FAIL, notes + ["want the results of %s, got %s" % (
            " ".join(cases), " ".join(names))]
    if nonce is not None and proofs != [proof(nonce, case) for case in cases]:
        return FAIL, notes + ["the result does not come from the harness: "
                              "want its proof, got %d" % len(proofs)]
    skipped = [rest.strip() for _, _, rest in results if "# SKIP" in rest.upper()]
    return (SKIP, skipped) if skipped else (OK, notes)


def last_lines(text, count):
    return [line for line in text.splitlines() if line.strip()][-count:]


def judge(status, text, kernel, cases, nonce=None):
    """The verdict on one machine's run, which has ended by itself."""
    if status == machine.PANICKED:
        at = kernel.find("panic")
        return PANIC, kernel[max(at, 0):].splitlines()[:2 * DETAIL_MAX]
    if status == machine.NOT_STARTED:
        return FAIL, ["the machine stopped before init started"
                      ] + last_lines(kernel, 3)
    verdict, details = judge_tap(text, cases, nonce)
    if verdict == OK and status != 0:
        return FAIL, ["all passed, but exit status %d" % status]
    if verdict == FAIL:
        details += kernel.splitlines()[-3:]
    return verdict, details
