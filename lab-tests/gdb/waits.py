"""
Who waits for whom: harts for spin locks, processes for each other.

A process that sleeps stands in an object's line, and somebody else has to do
something with the object. Whoever could is found through the handles: who may
send to the queue, receive from it, answer the call.

    G1  a process is stuck if its wait has no deadline, and everybody who could
        end it is stuck: the largest such set. A kill is not counted.
    G2  rights that no handle table shows, in messages or with the kernel, could
        be anybody's: who waits for those is not stuck.
"""

import gdb

import kernel
from kernel import (CHANNEL, PORT, QUEUE, READ, REGION, SEMAPHORE, WRITE,
                    Command, address_of, at, contains, entries, in_list, label,
                    processes, short, title, variable, waiters)
from objects import call_name, taken_calls
from space import mapping_at

LISTED = 8
WATCHES = 16  # HANDLE_WAIT_MAX

# --- spin locks ---------------------------------------------------------------

# Single ones by name, and the fields of tables.
SINGLE = ("tree_lock", "flight_lock", "names_lock", "event_interrupts",
          "heap_lock", "pool_lock", "console_lock", "con.lock", "poller.lock",
          "help.lock")
TABLES = (("timers", "timer line of hart %d"),
          ("runqs", "run queue of hart %d"))


def known(name):
    """A variable; None in a kernel that has none of this name."""
    try:
        return variable(name)
    except gdb.GdbError:
        return None


def all_locks():
    """(what it is, struct spinlock) of each there is."""
    for name in SINGLE:
        first, _, field = name.partition(".")
        value = known(first)
        if value is not None:
            yield name, value[field] if field else value
    for name, words in TABLES:
        value = known(name)
        for i in range(int(variable("hart_count")) if value is not None else 0):
            yield words % i, value[i]["lock"]
    for p in kernel.slots():
        yield "handle table of process " + label(p), p["handles_lock"]
        yield "parked operations of process " + label(p), p["parking"]["lock"]
    for obj in kernel.objects().values():
        yield title(obj), obj["lock"]
        yield title(obj) + ", its derivation tree", obj["tree"]
        if int(obj["type"]) == REGION:
            yield (title(obj) + ", the line of its mutex",
                   contains("struct region", obj)["mutex"]["lock"])


def mutex_holders(obj):
    """
    Who may hold the mutex of a region: the holder does not sleep, so it is a
    process in the kernel on a hart, but for a moment after a hand-over.
    """
    if not int(contains("struct region", obj)["mutex"]["state"]):
        return []
    registers = kernel.hart_registers("pc")
    return [h["proc"].dereference() for h in kernel.harts()
            if registers[int(h["id"])]["priv"] == 1 and int(h["proc"]) and
            int(h["proc"]["pid"])]


class Locks(Command):
    """
    locks: the spin locks that are held, and the mutexes of regions. A lock does
    not know its holder, but a hart knows the ranks it holds, of each only one.
    """

    usage = "locks"

    def run(self):
        harts, held = kernel.harts(), 0
        for name, lock in all_locks():
            if not int(lock["locked"]):
                continue
            held += 1
            owners = [int(h["index"]) for h in harts
                      if int(h["held"]) & int(lock["rank"])]
            print("%s, rank %#x: held by %s" % (
                name, int(lock["rank"]),
                " or ".join("hart %d" % i for i in owners) or
                "nobody: taken or given up this moment, or damaged"))
        for obj in kernel.objects().values():
            if int(obj["type"]) != REGION:
                continue
            mutex = contains("struct region", obj)["mutex"]
            if int(mutex["state"]):
                held += 1
                owners = [short(p) for p in mutex_holders(obj)]
                print("%s, its mutex: held%s; waiting: %s" % (
                    title(obj), " by process " + " or ".join(owners)
                    if owners else "",
                    kernel.in_line(waiters(mutex["waiters"]))))
        if not held:
            print("no lock is held")


# --- what a process waits for -------------------------------------------------


class Wait:
    """One thing that ends a sleep: in words, by whom, or by others (G2)."""

    def __init__(self, words, whom=(), others="", obj=None):
        self.words, self.others = words, others
        self.whom = {int(p["pid"]): p for p in whom if int(p["pid"])}
        if any(not int(p["pid"]) for p in whom):
            self.others = others or "the kernel"
        self.obj = obj


class World:
    """All handles, looked up once."""

    def __init__(self):
        self.holders = {}
        for p, node in kernel.all_nodes():
            self.holders.setdefault(int(node["obj"]) & kernel.MASK, []).append(
                (p, kernel.node_rights(node)))
        self.processes = processes()

    def with_right(self, obj, right):
        """Who holds it; and whether some hold it that no table shows."""
        counted = [p for p, bits in self.holders.get(address_of(obj), [])
                   if bits & right]
        total = int(obj["writers" if right == WRITE else "readers"])
        return counted, ("others, in messages or in the kernel"
                         if total > len(counted) else "")

    def on(self, obj, words, right):
        whom, others = self.with_right(obj, right)
        return Wait("%s %s" % (words, title(obj)), whom, others, obj)

    # --- one wait, by what is waited for ---

    def of_object(self, waiter, obj):
        kind, link = int(obj["type"]), address_of(waiter["link"])
        if kind in (QUEUE, CHANNEL):
            q = contains("struct queue", obj)
            if in_list(q["receivers"], link):
                return self.on(obj, "receives from", WRITE)
            return self.on(obj, "sends to full", READ)
        if kind == SEMAPHORE:
            return self.on(obj, "waits for", WRITE)
        if kind == PORT:
            return self.of_port(waiter, obj)
        return Wait("uses " + title(obj), (), "unknown", obj)

    def of_port(self, waiter, obj):
        port = contains("struct port", obj)
        link = address_of(waiter["link"])
        if int(waiter["called"]):
            for caller, holder in taken_calls(port):
                if address_of(caller["wait"]) == address_of(waiter):
                    return Wait("called %s, was received" % title(obj),
                                [holder], "", obj)
            return self.on(obj, "calls", READ)
        if not in_list(port["receivers"], link):
            return self.on(obj, "sends to full", READ)
        wait = self.on(obj, "receives from", WRITE)
        if kernel.text_of(port["name"]):
            # Whoever knows the name may connect.
            wait.whom.update((int(p["pid"]), p) for p in self.processes)
        return wait

    def of_watches(self, p):
        """handle_wait: the watches stand in the process's page."""
        kind = kernel.kernel_type("struct watch")
        found = []
        for i in range(WATCHES):
            watch = at("struct watch", int(p["page"]) + i * kind.sizeof)
            link = watch["observer"]["link"]
            if (int(watch["waiter"]) & kernel.MASK != address_of(p["wait"]) or
                    int(link["next"]) & kernel.MASK == address_of(link)):
                break
            obj = watch["obj"].dereference()
            wanted = int(watch["observer"]["wanted"])
            right = WRITE if wanted & 1 else READ  # readable: by who writes
            found.append(self.on(obj, "handle_wait on", right))
        return found

    def of_word(self, p, va):
        m = mapping_at(p, va)
        if m is None:
            return Wait("word %#x" % va, [p])
        sharers = entries(m["region"]["mappings"], "struct mapping", "sharers")
        return Wait("word %#x in region %d" % (
            va, int(m["region"]["obj"]["id"])),
            [s["proc"].dereference() for s in sharers])

    def of_nothing(self, p, waiter):
        """No handle is waited through."""
        link = address_of(waiter["link"])
        for where in self.holders:
            obj = at("struct kobj", where)
            if int(obj["type"]) == REGION and in_list(
                    contains("struct region", obj)["mutex"]["waiters"], link):
                return Wait("mutex of " + title(obj), mutex_holders(obj), "",
                            obj)
        if int(p["wait_pid"]):
            pid = int(p["wait_pid"])
            children = [c for c in self.processes
                        if int(c["parent"]) & kernel.MASK == address_of(p) and
                        pid in (-1, 0, int(c["pid"]))]
            return Wait("waits for a child to end", children or [
                c for c in self.processes
                if int(c["parent"]) & kernel.MASK == address_of(p)])
        return Wait("the clock" if has_deadline(waiter) else "sleeps", (),
                    "the kernel")

    def one(self, p, waiter):
        node = int(waiter["node"]) & kernel.MASK
        if 0 < node < kernel.USER_END:
            return [self.of_word(p, node)]
        if node and node == int(p["page"]) & kernel.MASK:
            return self.of_watches(p)
        if node:
            obj = kernel.check_object(
                at("struct hnode", node)["obj"].dereference())
            return [self.of_object(waiter, obj)]
        return [self.of_nothing(p, waiter)]

    def waits(self, p):
        """Each of them would end the sleep of p; none: it does not sleep."""
        if int(p["state"]) != kernel.WAITING or not int(p["wait"]["claim"]):
            return []
        if not p["parking"]["asleep"]:
            return self.one(p, p["wait"])
        found = []
        for op in entries(p["parking"]["waiting"], "struct parked", "mine"):
            name = call_name(int(op["code"]) & 0xffff)
            for wait in self.one(p, op["wait"]):
                wait.words = "ring: %s, %s" % (name, wait.words)
                if has_deadline(op["wait"]):
                    wait.others = "the clock"
                found.append(wait)
        return found or [Wait("ring: no operation waits")]


def has_deadline(waiter):
    """Is a timer running for it?"""
    timer = waiter["timer"]
    return int(timer["next"]) & kernel.MASK not in (0, address_of(timer))


# --- the graph ----------------------------------------------------------------


def stuck_set(waits, clocks):
    """G1. waits: {pid: [Wait]}; clocks: the pids with a deadline."""
    stuck = {pid for pid, list_ in waits.items() if list_ and pid not in clocks}
    while True:
        free = {pid for pid in stuck if any(
            wait.others or any(q not in stuck for q in wait.whom if q != pid)
            for wait in waits[pid])}
        if not free:
            return stuck
        stuck -= free


def cycle_through(pid, edges):
    """The shortest way from pid back to itself, or None."""
    ways = [[pid]]
    seen = set()
    while ways:
        way = ways.pop(0)
        for target in sorted(edges.get(way[-1], ())):
            if target == pid:
                return way + [pid]
            if target not in seen:
                seen.add(target)
                ways.append(way + [target])
    return None


def cycles(stuck, waits):
    """Ways in circles among those who are stuck, each circle once."""
    edges = {pid: {q for wait in waits[pid] for q in wait.whom
                   if q in stuck and q != pid} for pid in stuck}
    found, known = [], set()
    for pid in sorted(stuck):
        way = cycle_through(pid, edges) if pid not in known else None
        if way:
            found.append(way)
            known.update(way)
    return found


def whom(wait, pid):
    names = [short(p) for q, p in sorted(wait.whom.items()) if q != pid]
    if len(names) > LISTED:
        names[LISTED:] = ["..."]
    if wait.others:
        names.append(wait.others)
    return ", ".join(names) or "nobody"


class WaitGraph(Command):
    """
    waitgraph: who waits for whom, and why. Behind the arrow: who could end the
    wait, any one of them. Who can be helped only by others that are stuck too
    is STUCK; cycles among those are printed below.
    """

    usage = "waitgraph"

    def run(self):
        world = World()
        table = {int(p["pid"]): p for p in world.processes}
        waits = {pid: world.waits(p) for pid, p in table.items()}
        clocks = {pid for pid, p in table.items() if has_deadline(p["wait"])}
        stuck = stuck_set(waits, clocks)
        for pid, p in table.items():
            who = "%5d %-12s " % (pid, kernel.text_of(p["name"]))
            if not waits[pid]:
                print(who + kernel.STATES.get(int(p["state"]), "?"))
            for wait in waits[pid]:
                print("%s%s <- %s%s%s" % (
                    who, wait.words, whom(wait, pid),
                    ", has a deadline" if pid in clocks else "",
                    " STUCK" if pid in stuck else ""))
        for way in cycles(stuck, waits):
            print("CYCLE: " + " -> ".join(map(str, way)))
        if not stuck:
            print("nobody is stuck")
