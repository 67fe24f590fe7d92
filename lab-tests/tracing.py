"""
The event rings of a traced machine (kern/base/trace.h): reads them out of its
memory, and tells from them what happened: calls, waits, messages.
lab-tests/tracepictures.py writes it down.
"""

import collections
import os
import re
import socket
import statistics
import struct
import subprocess
import threading
import time

import building
import harts
import machine

DIRECT = 0xFFFFFFC000000000  # kern/hw/memlayout.h
HART_BYTES, HART_TRACE, HARTS_MAX = 192, 120, 8  # kern/sys/trace.c
TICK_NS = 1e9 / 10000000  # the timebase of the virt machine
FINE = 1 << 16

(SWITCH, WAKE, CALL, RETURN, SEND, RECV, DROP, AS, FAULT, INTERRUPT,
 INTERRUPT_END, ENTRY, COMPLETION) = range(1, 14)
OBJ_PORT, OBJ_REPLY = 3, 6
TYPES = {1: "queue", 3: "port", 4: "channel", 6: "reply"}
READY, RUNNING, WAITING = 1, 2, 3  # PROC_x
NUMBER_BITS = 48  # TRACE_LEN
PORT_BYTES = 64
LAYOUT = struct.Struct("<QBBHiQQ")

Event = collections.namedtuple("Event", "hart ticks kind aux fine pid a b")


# --- out of the machine's memory -----------------------------------------------


def symbols(build, kernel):
    done = subprocess.run(
        [building.read_config(build)["prefix"] + "nm", kernel],
        stdout=subprocess.PIPE, check=True)
    return {words[2]: int(words[0], 16) for words in (
        line.split() for line in done.stdout.decode().splitlines())
        if len(words) == 3}


def decode(hart, memory, oldest):
    """(the events of a hart's ring, oldest first; whether some are lost)."""
    size = LAYOUT.size
    ordered = memory[oldest * size:] + memory[:oldest * size]
    events = []
    for ticks, kind, aux, fine, pid, a, b in LAYOUT.iter_unpack(ordered):
        if kind:
            events.append(Event(hart, ticks, kind, aux, fine, pid, a, b))
    return events, len(events) * size == len(memory)


def read_rings(monitor_path, build, kernel, directory):
    """
    [(events, whether older ones are lost)] of each hart of a machine that has
    stopped; none if it is not traced.
    """
    base = symbols(build, kernel)["harts"]
    monitor = harts.Monitor(monitor_path)

    def read(address, size):
        path = os.path.join(directory, "memory")
        monitor.ask("pmemsave", val=address - DIRECT, size=size,
                    filename=path)
        with open(path, "rb") as dump:
            return dump.read()

    rings = []
    try:
        table = read(base, HART_BYTES * HARTS_MAX)
        for hart in range(HARTS_MAX):
            next_, first, end = struct.unpack_from(
                "<3Q", table, hart * HART_BYTES + HART_TRACE)
            if first:
                rings.append(decode(hart, read(first, end - first),
                                    (next_ - first) // LAYOUT.size))
    finally:
        monitor.close()
    return rings


class Stop(threading.Thread):
    """
    Waits, as the machine's debugger, until it is about to power off, and calls
    `then` while it stands still. The machine was started with `options`.
    """

    def __init__(self, build, kernel, directory, then):
        super().__init__(daemon=True)
        self.path = os.path.join(directory, "debugger")
        self.address = symbols(build, kernel)["power_off"]
        self.then = then
        self.error = None

    @property
    def options(self):
        return ["-S", "-gdb", "unix:%s,server=on,wait=off" % self.path]

    def run(self):
        try:
            self._debug()
        except (OSError, ValueError) as error:
            self.error = error  # the machine was ended meanwhile

    def _connect(self):
        deadline = time.monotonic() + 10
        while True:
            link = socket.socket(socket.AF_UNIX)
            try:
                link.connect(self.path)
                return link
            except OSError:
                link.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def _debug(self):
        with self._connect() as link, link.makefile("rb") as answers:

            def say(packet):
                text = packet.encode()
                link.sendall(b"$%s#%02x" % (text, sum(text) & 0xFF))

            def answer():
                while True:
                    byte = answers.read(1)
                    if not byte:
                        raise ValueError("the machine has gone")
                    if byte == b"$":
                        break
                text = b""
                while not text.endswith(b"#"):
                    text += answers.read(1)
                answers.read(2)
                link.sendall(b"+")
                return text[:-1]

            say("Z0,%x,4" % self.address)
            if answer() != b"OK":
                raise ValueError("the emulator sets no breakpoint")
            say("c")
            if answer()[:1] != b"T":
                return
            try:
                self.then()
            finally:
                say("z0,%x,4" % self.address)
                answer()
                say("c")
                while answers.read(1):
                    pass


# --- one order ------------------------------------------------------------------


def fine_rate(events):
    """How far `fine` goes in a tick."""
    rates = []
    for one, two in zip(events, events[1:]):
        ticks = two.ticks - one.ticks
        if 0 < ticks < 50:
            rates.append((two.fine - one.fine) % FINE / ticks)
    return max(1.0, statistics.median(rates)) if rates else 100.0


def nanoseconds(events):
    """
    The time of each event of a hart: a tick, and inside of a tick what the
    instruction counter tells. None is before the one before it.
    """
    rate, found, last, first = fine_rate(events), [], 0.0, None
    for event in events:
        if first is None or first.ticks != event.ticks:
            first = event
        inside = (event.fine - first.fine) % FINE / rate
        last = max(last, (event.ticks + min(inside, 0.99)) * TICK_NS)
        found.append(last)
    return found


def number_of(event):
    return event.b & ((1 << NUMBER_BITS) - 1)


def since_all_are_there(rings):
    """
    The rings without what is older than the oldest event of one that has lost
    some: up to there it would be half the truth.
    """
    since = max((events[0].ticks for events, lost in rings if lost), default=0)
    return [([event for event in events if event.ticks >= since], lost)
            for events, lost in rings]


class Links:
    """
    Which event has to come before which other one: a message has the same key
    at both. A port_call is a message in itself, from the call to its receipt;
    its answer comes in when it returns.
    """

    def __init__(self):
        self.port_call = {name: number for number, name in
                          call_names().items()}.get("port_call")
        self.turns = {}  # pid: the turn in which its port_call waits

    def key_sent(self, event):
        if event.kind == SEND:
            return (event.aux, event.a, number_of(event),
                    event.aux == OBJ_REPLY)
        if event.kind == CALL and event.aux == self.port_call:
            self.turns[event.pid] = event.b + 1
            return OBJ_REPLY, event.pid, event.b + 1, False
        return None

    def key_received(self, event):
        if event.kind in (RECV, DROP):
            return event.aux, event.a, event.b, False
        if (event.kind == RETURN and event.b == self.port_call and
                not event.a):
            return OBJ_REPLY, event.pid, self.turns.get(event.pid), True
        return None


def merge(rings):
    """
    [(ns, event)] of all harts in one order in which no message is received
    before it is sent. Clocks of harts are one, but a tick is many instructions.
    """
    lists = [list(zip(nanoseconds(events), events)) for events, _ in rings]
    at = [0] * len(lists)
    links = Links()
    unsent = {links.key_sent(event) for one in lists for _, event in one}
    links, order, last = Links(), [], 0.0
    while True:
        heads = sorted((one[i][0], n) for n, (one, i) in
                       enumerate(zip(lists, at)) if i < len(one))
        if not heads:
            return order
        for _, n in heads:
            key = links.key_received(lists[n][at[n]][1])
            if key is None or key not in unsent:
                break
        else:  # they all wait for each other: take them as they are
            n = heads[0][1]
        ns, event = lists[n][at[n]]
        at[n] += 1
        unsent.discard(links.key_sent(event))
        last = max(last, ns)
        order.append((last, event))


# --- what happened ----------------------------------------------------------------


def call_names():
    with open(os.path.join(machine.ROOT, "kern/abi/abi.h")) as text:
        return {int(number, 16): name for number, name in re.findall(
            r"^\s*X\((0x\w+), (\w+), ", text.read(), re.MULTILINE)}


def error_names():
    with open(os.path.join(machine.ROOT, "kern/abi/abi.h")) as text:
        return {int(number): name for name, number in re.findall(
            r"\b(E_[A-Z0-9]+) = (\d+)", text.read())}


def signed(word):
    return word - (1 << 64) if word >> 63 else word


def text_of(word):
    raw = struct.pack("<Q", word).split(b"\0")[0]
    return raw.decode("ascii", "replace")


class Message:
    """From its send to its receipt; `received` None: nobody has it."""

    def __init__(self, number, label, size, sender, sent):
        self.number = number
        self.label, self.size = label, size
        self.sender, self.sent = sender, sent
        self.receiver = self.received = None
        self.dropped = False


class Operation:
    """An entry of a submit ring, from its start to its completion."""

    def __init__(self, owner, name, user_data, begin):
        self.owner, self.name, self.user_data = owner, name, user_data
        self.begin, self.end, self.result = begin, None, None


class Story:
    """
    What happened. A track is ("hart", index), ("proc", pid) or ("kernel",
    name). `steps` are (ns, what, track, name, more): what is "B" (a slice
    begins), "E" (the innermost ends), "i" (a moment), "s" or "f" (more: the
    message that leaves or arrives).
    """

    def __init__(self, rings):
        self.calls, self.errors = call_names(), error_names()
        self.lost = any(lost for _, lost in rings)
        self.harts = len(rings)
        self.names = {}
        self.steps, self.messages, self.operations = [], [], []
        self.running = {}  # hart: track
        self.open = collections.defaultdict(list)  # track: names
        self.busy = set()  # harts in an interrupt
        self.behalf = {}  # hart: who sends next
        self.sent = {}  # key: message
        self.links = Links()
        self.parked = {}  # address: operation
        order = merge(since_all_are_there(rings))
        self.begin = self.now = order[0][0] if order else 0.0
        for self.now, event in order:
            self._event(event)
        self.end = self.now
        for track in list(self.open):
            while self.open[track]:
                self._close(track)
        for operation in self.parked.values():
            operation.end = self.end
            self.operations.append(operation)

    def name(self, track):
        kind, which = track
        if kind == "proc":
            return "%s %d" % (self.names.get(which) or
                              ("init" if which == 1 else "process"), which)
        return "hart %d" % which if kind == "hart" else which

    def result(self, value):
        return self.errors.get(-value, str(value)) if value < 0 else str(value)

    # --- slices ---

    def _step(self, what, track, name, more=None):
        self.steps.append((self.now, what, track, name, more))

    def _open(self, track, name, more=None):
        self.open[track].append(name)
        self._step("B", track, name, more)

    def _close(self, track, more=None):
        self._step("E", track, self.open[track].pop(), more)

    def _close_if(self, track, *names):
        if self.open[track] and self.open[track][-1] in names:
            self._close(track)

    def _track(self, event):
        """Who does it: an interrupt, or who runs on the hart."""
        if event.hart in self.busy:
            return "hart", event.hart
        running = self.running.get(event.hart)
        if event.pid and (not running or running[0] == "proc"):
            return "proc", event.pid
        return running or ("hart", event.hart)

    # --- events ---

    def _event(self, event):
        behalf = self.behalf.pop(event.hart, None)
        if event.kind == SEND and behalf is not None:
            self._send(event, ("proc", behalf) if behalf else
                       ("hart", event.hart))
            return
        handler = (None, self._switch, self._wake, self._call, self._return,
                   self._send, self._recv, self._drop, self._as, self._fault,
                   self._interrupt, self._interrupt_end, self._entry,
                   self._completion)[event.kind]
        handler(event, self._track(event))

    def _switch(self, event, track):
        hart = ("hart", event.hart)
        while self.open[hart]:
            self._close(hart)
        if track[0] == "proc":
            if event.aux == WAITING:
                self._open(track, "waits")
            elif event.aux == READY:
                self._open(track, "ready")
            else:  # it has ended
                while self.open[track]:
                    self._close(track)
        name = text_of(event.b)
        if event.a:
            track = ("proc", event.a)
            self.names[event.a] = name
            self._close_if(track, "waits", "ready")
        else:
            track = ("kernel", name) if name else None
        if track:
            self._open(hart, self.name(track))
        self.running[event.hart] = track

    def _wake(self, event, track):
        woken = ("proc", event.a)
        if not event.a:
            return
        self.names[event.a] = text_of(event.b)
        if self.open[woken] and self.open[woken][-1] == "waits":
            self._close(woken, {"woken by": self.name(track)})
            self._open(woken, "ready")

    def _call(self, event, track):
        self._close_if(track, "exec")  # its program runs
        name = self.calls.get(event.aux, "call %#x" % event.aux)
        self._open(track, name, {"a0": signed(event.a)})
        self._sent(event, "call", track)

    def _return(self, event, track):
        name = self.calls.get(event.b, "call %#x" % event.b)
        result = signed(event.a)
        self._received(event, track)
        if name not in self.open[track]:
            # It began before the first event that is left.
            self.steps.insert(0, (self.begin, "B", track, name, None))
            self.open[track].insert(0, name)
        while self.open[track][-1] != name:
            self._close(track)
        self._close(track, {"result": self.result(result)})

    # --- messages ---

    def _sent(self, event, label, track):
        key = self.links.key_sent(event)
        if key is None:
            return
        size = PORT_BYTES
        if event.kind == SEND and event.aux not in (OBJ_PORT, OBJ_REPLY):
            size = event.b >> NUMBER_BITS
        message = Message(len(self.messages) + 1, label, size, track, self.now)
        self.messages.append(message)
        self.sent[key] = message
        self._step("s", track, label, message)

    def _received(self, event, track):
        message = self.sent.pop(self.links.key_received(event), None)
        if message is None:
            return  # its beginning is lost, or it is no message
        message.received, message.receiver = self.now, track
        self._step("f", track, message.label, message)

    def _send(self, event, track):
        label = "reply" if event.aux == OBJ_REPLY else "%s %d #%d" % (
            TYPES.get(event.aux, "object"), event.a, number_of(event))
        self._sent(event, label, track)

    def _recv(self, event, track):
        self._received(event, track)

    def _drop(self, event, track):
        message = self.sent.pop(self.links.key_received(event), None)
        if message:
            message.dropped = True
            self._step("i", track, "drops " + message.label)

    # --- the rest ---

    def _as(self, event, _track):
        self.behalf[event.hart] = event.a

    def _fault(self, event, track):
        self._step("i", track, "fault", {"cause": event.aux, "address":
                                         hex(event.a), "pc": hex(event.b)})

    def _interrupt(self, event, _track):
        names = {1: "interrupt: other hart", 5: "interrupt: clock",
                 9: "interrupt: device"}
        self._open(("hart", event.hart), names.get(event.aux, "interrupt"))
        self.busy.add(event.hart)

    def _interrupt_end(self, event, _track):
        if event.hart in self.busy:
            self._close(("hart", event.hart))
        self.busy.discard(event.hart)

    def _entry(self, event, _track):
        self.parked[event.b] = Operation(
            event.pid, self.calls.get(event.aux, "call %#x" % event.aux),
            event.a, self.now)

    def _completion(self, event, _track):
        operation = self.parked.pop(event.b, None)
        if operation:
            operation.end, operation.result = self.now, signed(event.a)
            self.operations.append(operation)
