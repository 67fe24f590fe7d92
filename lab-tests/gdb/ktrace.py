"""
ktrace: the last events of every hart, from the kernel's own trace.

All that this knows of the trace is in LAYOUT and KINDS, names of the kernel's.
"""

import kernel
from kernel import MASK, Command, at, fail
from objects import call_name

SHOWN = 32
LAYOUT = {
    "first": "trace_first",  # fields of struct hart: where its ring begins,
    "next": "trace_next",  # the next event's place,
    "end": "trace_end",  # and where it ends
    "event": "struct trace_event",
    "time": "ticks",  # fields of an event
    "what": "what",  # its kind, and what belongs to it << 8
    "pid": "pid",
}


def letters(value):
    return value.to_bytes(8, "little").split(b"\0")[0].decode(errors="replace")


def signed(value):
    return value - (value >> 63 << 64)


def to_whom(aux, a, b):
    return "to %d (%s)" % (a, letters(b))


def traffic(aux, a, b):
    if aux == kernel.REPLY:
        return "the call of process %d" % a
    return "%s %d, message %d" % (kernel.TYPES.get(aux, "?"), a,
                                  b & (1 << 48) - 1)


# TRACE_x of the kernel, and what to say of aux, a and b.
KINDS = {
    "SWITCH": to_whom,
    "WAKE": lambda aux, a, b: to_whom(aux, a, b)[3:],
    "CALL": lambda aux, a, b: "%s(%#x)" % (call_name(aux), a),
    "RETURN": lambda aux, a, b: "%s = %d" % (call_name(b), signed(a)),
    "SEND": traffic,
    "RECV": traffic,
    "DROP": traffic,
    "AS": lambda aux, a, b: "process %d" % a,
    "FAULT": lambda aux, a, b: "cause %d at %#x, pc %#x" % (aux, a, b),
    "INTERRUPT": lambda aux, a, b: "cause %d" % aux,
    "INTERRUPT_END": lambda aux, a, b: "cause %d" % aux,
    "ENTRY": lambda aux, a, b: "%s, user_data %#x" % (call_name(aux), a),
    "COMPLETION": lambda aux, a, b: "%s = %d" % (call_name(aux), signed(a)),
}


def kinds():
    """{number: (name, words)} of those that this kernel knows."""
    found = {}
    for name, words in KINDS.items():
        try:
            number = int(kernel.gdb.parse_and_eval("TRACE_" + name))
        except kernel.gdb.error:
            continue
        found[number] = name.lower().replace("_", " "), words
    return found


def last_events(hart, count):
    """(time, hart, event) of a ring's last ones, the oldest first."""
    first, end, here = (int(hart[LAYOUT[name]]) & MASK
                        for name in ("first", "end", "next"))
    size = kernel.kernel_type(LAYOUT["event"]).sizeof
    places = (end - first) // size
    found = []
    for i in range(1, min(count, places) + 1):
        event = at(LAYOUT["event"], first + (here - first - i * size) % (
            places * size))
        if not int(event[LAYOUT["what"]]):
            break
        found.append((int(event[LAYOUT["time"]]), int(hart["index"]), event))
    return found[::-1]


class KTrace(Command):
    """ktrace [N]: the last N events of all harts (32), the oldest first."""

    usage, words = "ktrace [N]", (0, 1)

    def run(self, text=str(SHOWN)):
        count = kernel.number(text)
        if count < 1:
            fail("usage: %s, N at least 1", self.usage)
        fields = {f.name for f in kernel.kernel_type("struct hart").fields()}
        if LAYOUT["next"] not in fields:
            print("no trace in this kernel: its struct hart has no "
                  + LAYOUT["next"])
            return
        harts, known, found = kernel.harts(), kinds(), []
        if not any(int(hart[LAYOUT["next"]]) for hart in harts):
            print("the trace is off: boot with the argument `trace`")
            return
        for hart in harts:
            found += last_events(hart, count)
        found.sort(key=lambda event: event[:2])
        for time, index, event in found[-count:]:
            what = int(event[LAYOUT["what"]])
            name, words = known.get(what & 0xff, (str(what & 0xff), None))
            print("%12d hart %d pid %3d %-13s %s" % (
                time, index, int(event[LAYOUT["pid"]]), name,
                words(what >> 8, *(int(event[w]) & MASK for w in "ab"))
                if words else ""))
