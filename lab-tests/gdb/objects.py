"""Commands that show processes and what their handles name."""

import gdb

import kernel
from kernel import (CHANNEL, PORT, QUEUE, REGION, SEMAPHORE, Command,
                    address_of, at, contains, entries, fail, in_line, label,
                    object_of, process, read, short, text_of, title, waiters)

LEVELS = ("low", "normal", "high", "urgent")
KINDS = ("bytes", "descriptor", "handle", "event")
POLICIES = {1: "Immutable", 2: "AppendOnly", 3: "Slab", 4: "Device"}
SHOWN = 24  # bytes of a message
CARGO_APART = 1


class Ps(Command):
    """ps: the processes; pc is where each is in its program."""

    usage = "ps"

    def run(self):
        print("%5s %6s %-8s %4s %-14s %s"
              % ("pid", "parent", "state", "hart", "pc", "name"))
        for p in kernel.processes():
            parent, state = p["parent"], int(p["state"])
            print("%5d %6d %-8s %4d %#-14x %s" % (
                int(p["pid"]), int(parent["pid"]) if parent else 0,
                kernel.STATES.get(state, str(state)), int(p["hart"]),
                int(p["tf"]["x"][0]), text_of(p["name"])))


def brief(obj):
    """An object in half a line."""
    kind = int(obj["type"])
    if kind in (QUEUE, CHANNEL):
        q = contains("struct queue", obj)
        return "%d of %d messages" % (len(messages(q)),
                                      int(q["stat"]["ring_size"]))
    if kind == REGION:
        return region_words(contains("struct region", obj))
    if kind == PORT:
        name = text_of(contains("struct port", obj)["name"])
        return "named " + name if name else "without a name"
    if kind == SEMAPHORE:
        return "count %d" % int(contains("struct sem", obj)["count"])
    return ""


class TheObject(gdb.Function):
    """
    $object("H"), of the forms that the commands take: a pointer to the object,
    to look into it or to watch it.
    """

    STRUCTS = {QUEUE: "queue", CHANNEL: "queue", REGION: "region",
               PORT: "port", SEMAPHORE: "sem", kernel.REPLY: "reply"}

    def __init__(self):
        super().__init__("object")

    def invoke(self, text):
        with kernel.untouched(), kernel.kernel_memory():
            obj, _ = kernel.the_object(text.string())
            name = "struct " + self.STRUCTS.get(int(obj["type"]), "kobj")
            return gdb.Value(address_of(obj)).cast(
                kernel.kernel_type(name).pointer())


class Handles(Command):
    """handles PID: the handles of a process, and what they name."""

    usage, words = "handles PID", (1, 1)

    def run(self, pid):
        p = process(pid)
        print("process %s, %d handles; rights: read, write, grant, revoke, "
              "execute, grant once" % (label(p), int(p["handles_used"])))
        print("%8s %-10s %6s %-6s %5s %6s  %s" % (
            "handle", "type", "object", "rights", "depth", "badge", ""))
        for _, node in kernel.nodes(p):
            obj = kernel.check_object(node["obj"].dereference())
            print("%8d %-10s %6d %-6s %5d %6d  %s" % (
                int(node["value"]), kernel.TYPES[int(obj["type"])],
                int(obj["id"]), kernel.rights(kernel.node_rights(node)),
                int(node["depth"]), int(node["badge"]), brief(obj)))


# --- queues ------------------------------------------------------------------


def messages(q):
    """(level, struct qslot) of each message, the next one first."""
    found = []
    for level in reversed(range(4)):
        last = int(q["ready"]["last"][level]) & kernel.MASK
        link = last
        while last:
            link = kernel.words(link, 1)[0]
            found.append((level, at("struct qslot", link)))
            if link == last:
                break
            if len(found) > kernel.WALK_MAX:
                fail("the messages of the queue have no end")
    return found


def payload(slot, start, length):
    """Bytes of a place's payload, which may be in two pieces."""
    here = int(slot["here"])
    first = read(int(slot["payload"]) + start, max(
        0, min(length, here - start)))
    more = length - len(first)
    return first + (read(int(slot["rest"]) + max(0, start - here), more)
                    if more else b"")


def cargo(slot):
    """The node of a handle in a message; see queue_cargo() of the kernel."""
    in_place = kernel.offset(kernel.kernel_type("struct hnode"), "children")
    place = int(slot["payload" if int(slot["here"]) >= in_place
                     else "rest"]) & kernel.MASK
    word = kernel.words(place, 1)[0]
    return at("struct hnode", word - CARGO_APART if word & CARGO_APART
              else place)


def content(slot):
    kind, length = int(slot["meta"]["kind"]), int(slot["meta"]["len"])
    if kind == 0:
        data = payload(slot, 0, min(length, SHOWN))
        return repr(data)[1:] + ("..." if length > SHOWN else "")
    if kind in (1, 2):
        obj = cargo(slot)["obj"].dereference()
        if int(obj["type"]) in kernel.TYPES:
            return "of " + title(obj)
    return ""


def closed_words(q):
    bits = int(q["obj"]["state"])
    return "".join([", closed to senders" if bits & 1 else "",
                    ", closed to receivers once empty" if bits & 2 else ""])


class Queue(Command):
    """
    queue H|PID:H|ADDR: the messages of a queue or channel by their level, the
    next one first, and who waits. H is a handle of the running process.
    """

    usage, words = "queue H|PID:H|ADDR", (1, 1)

    def run(self, text):
        obj = object_of(text, QUEUE, CHANNEL)
        q = contains("struct queue", obj)
        stat, queued = q["stat"], messages(q)
        print("%s at %#x: %d of %d places hold messages, of up to %d bytes%s"
              % (title(obj), address_of(obj), len(queued),
                 int(stat["ring_size"]), int(stat["max_msg"]),
                 closed_words(q)))
        print("  sent %d, received %d, rejected %d; %d readers, %d writers" % (
            int(stat["sent"]), int(stat["received"]), int(stat["rejected"]),
            int(obj["readers"]), int(obj["writers"])))
        for level, slot in queued:
            meta = slot["meta"]
            print("  %-6s seq %d from %d, tag %d, %d %s %s" % (
                LEVELS[level], int(meta["seq"]), int(meta["sender"]),
                int(meta["tag"]), int(meta["len"]),
                "bytes" if not int(meta["kind"]) else
                "bytes: " + KINDS[int(meta["kind"]) & 3], content(slot)))
        print("  waiting to receive: " + in_line(waiters(q["receivers"])))
        for level in reversed(range(4)):
            line = waiters(q["senders"][level])
            if line:
                print("  waiting to send, %s: %s" % (LEVELS[level],
                                                     in_line(line)))


# --- regions -----------------------------------------------------------------


def region_words(r):
    policy = int(r["policy"])
    text = "%s, %d bytes" % (POLICIES.get(policy, "?"), int(r["size"]))
    if policy == 1:
        text += ", sealed" if int(r["sealed"]) == 2 else ", not sealed"
    if policy == 2:
        text += ", %d appended" % int(r["cursor"])
    if policy == 3:
        text += ", %d of %d slots used" % (int(r["slots_used"]),
                                           int(r["slot_count"]))
    return text


class Region(Command):
    """region H|PID:H|ADDR: a region: policy, state, who has mapped it where."""

    usage, words = "region H|PID:H|ADDR", (1, 1)

    def run(self, text):
        obj = object_of(text, REGION)
        r = contains("struct region", obj)
        print("%s at %#x: %s" % (title(obj), address_of(obj),
                                 region_words(r)))
        state = int(r["mutex"]["state"])
        print("  %d pages, %d references, mutex %s" % (
            int(r["pages"]), int(obj["refs"]),
            ("free", "held", "held, with a line")[state % 3]))
        for m in entries(r["mappings"], "struct mapping", "sharers"):
            print("  mapped by process %s at %#x, %s" % (
                short(m["proc"].dereference()), int(m["va"]),
                "writable" if int(m["flags"]) & 4 else "read only"))
        line = waiters(r["mutex"]["waiters"])
        if line:
            print("  waiting for the mutex: " + in_line(line))


# --- ports -------------------------------------------------------------------


def request_words(r):
    sender = int.from_bytes(read(address_of(r["msg"]), 8), "little")
    kind = int.from_bytes(read(address_of(r["msg"]) + 8, 4), "little")
    return "%s from %d, type %d" % (
        "a call" if int(r["turn"]) else "a message", sender, kind)


def taken_calls(port):
    """(caller, who holds the reply handle) of calls that were received."""
    found = []
    for holder, node in kernel.all_nodes():
        if int(node["obj"]["type"]) == kernel.REPLY:
            reply = contains("struct reply", node["obj"].dereference())
            waiter = reply["caller"].dereference()
            if (int(reply["turn"]) == int(waiter["claim"]) != 0 and
                    int(waiter["called"]) & kernel.MASK == address_of(port)):
                found.append((waiter["proc"].dereference(), holder))
    return found


class Port(Command):
    """port H|PID:H|ADDR: a port: requests, calls, who waits."""

    usage, words = "port H|PID:H|ADDR", (1, 1)

    def run(self, text):
        obj = object_of(text, PORT)
        port = contains("struct port", obj)
        name = text_of(port["name"])
        print("%s at %#x, %s: %d of 16 places used, closed %#x" % (
            title(obj), address_of(obj), repr(name) if name else "no name",
            int(port["used"]), int(port["closed"])))
        for line, words in (("ready", "to be received"),
                            ("line", "waiting for a place")):
            for r in entries(port[line], "struct request", "link"):
                print("  %s: %s" % (words, request_words(r)))
        for caller, holder in taken_calls(port):
            print("  a call of process %s, to be answered by process %s" % (
                short(caller), short(holder)))
        print("  waiting to receive: " + in_line(waiters(port["receivers"])))


# --- submit rings ------------------------------------------------------------


def call_name(opcode):
    for field in kernel.kernel_type("enum weir_call").fields():
        if field.enumval == opcode:
            return field.name.replace("CALL_", "", 1)
    return "call %#x" % opcode


def word(page, where):
    return int.from_bytes(read(int(page) + where, 4), "little")


def operation(op):
    return "%s, user_data %#x" % (call_name(int(op["code"]) & 0xffff),
                                  int(op["user_data"]))


class Ring(Command):
    """
    ring PID: the submit ring of a process: indices, entries not taken yet,
    completions not reaped, operations that wait.
    """

    usage, words = "ring PID", (1, 1)

    def run(self, pid):
        p = process(pid)
        if not int(p["ring"]):
            fail("process %s has no submit ring", label(p))
        r = p["ring"].dereference()
        size = int(r["entries"])
        sq_prod, cq_cons = word(r["user"], 0), word(r["user"], 64)
        sq_cons, cq_prod = int(r["sq_cons"]), int(r["cq_prod"])
        print("process %s: a ring of %d entries%s" % (
            label(p), size, ", polled" if r["polled"] else ""))
        print("  submit: producer %d, consumer %d; completions: producer %d, "
              "consumer %d" % (sq_prod, sq_cons & 0xffffffff,
                               cq_prod & 0xffffffff, cq_cons))
        for i in range(min((sq_prod - sq_cons) & 0xffffffff, size)):
            entry = r["entry"][(sq_cons + i) & (size - 1)]
            print("  not taken yet: %s, user_data %#x" % (
                call_name(int(entry["opcode"])), int(entry["user_data"])))
        for i in range(min((cq_prod - cq_cons) & 0xffffffff, 2 * size)):
            done = r["cq"][(cq_cons + i) & (size - 1)]
            print("  not reaped: result %d, user_data %#x" % (
                int(done["result"]), int(done["user_data"])))
        for head, words in ((p["parking"]["waiting"], "parked"),
                            (p["parking"]["woken"], "to be finished"),
                            (r["held"], "held behind a barrier")):
            for op in entries(head, "struct parked", "mine"):
                node = int(op["wait"]["node"]) & kernel.MASK
                print("  %s: %s%s" % (
                    words, operation(op), ", on " + title(
                        at("struct hnode", node)["obj"].dereference())
                    if words == "parked" and node >= kernel.DIRECT else ""))
