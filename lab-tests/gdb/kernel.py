"""
The kernel's data as a debugger sees them: what all commands are made of.

D1  A command leaves the machine as it was: hart, frame and privilege mode of
    the debugger are the same afterwards, and memory is only read.
D2  Whatever is read may be damaged: walks end, and what makes no sense is an
    error in words.
"""

import contextlib
import os
import re

import gdb

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
KERNEL = os.environ.get("WEIR_KERNEL", os.path.join(BUILD, "kernel.elf"))
DIRECT = 0xFFFFFFC000000000  # DIRECT_BASE of hw/memlayout.h
USER_END = 1 << 38
PAGE = 4096
WALK_MAX = 100000
MASK = (1 << 64) - 1

FREE, READY, RUNNING, WAITING = 0, 1, 2, 3
STATES = {0: "free", 1: "ready", 2: "running", 3: "waiting", 4: "ended"}
TYPES = {1: "queue", 2: "region", 3: "port", 4: "channel", 5: "semaphore",
         6: "reply", 7: "system"}
QUEUE, REGION, PORT, CHANNEL, SEMAPHORE, REPLY = 1, 2, 3, 4, 5, 6
READ, WRITE = 1, 2
RIGHTS = ((1, "r"), (2, "w"), (4, "g"), (8, "v"), (16, "x"), (64, "o"))


def fail(text, *values):
    raise gdb.GdbError(text % values if values else text)


# --- the machine stays as it is ----------------------------------------------


def register(name):
    return int(gdb.parse_and_eval("(unsigned long)$" + name)) & MASK


def number(text):
    """What a student typed as a number, or an expression of gdb's."""
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return int(gdb.parse_and_eval(text)) & MASK
    except gdb.error as error:
        fail("%s is no number: %s", text, error)


def selected_level():
    try:
        return gdb.selected_frame().level()
    except gdb.error:
        return 0


@contextlib.contextmanager
def untouched():
    """D1 for the selected hart and frame."""
    thread = gdb.selected_thread()
    if thread is None:
        fail("no machine is attached: make qemu-gdb, then make gdb")
    if thread.is_running():
        fail("the machine is running: stop it with Ctrl-C")
    level = selected_level()
    try:
        yield
    finally:
        if gdb.selected_thread().ptid != thread.ptid:
            thread.switch()
        if selected_level() != level:
            with contextlib.suppress(gdb.error):
                gdb.execute("frame level %d" % level, to_string=True)


lifted = {}  # modes of the harts that kernel_memory() has lifted


@contextlib.contextmanager
def kernel_memory():
    """
    The emulator shows a debugger what the hart may see: from user mode,
    nothing of the kernel, from the firmware's, no page tables. So have the
    hart in S-mode while we look (D1).
    """
    mode, hart = register("priv"), gdb.selected_thread().ptid
    if mode == 1 or hart in lifted:
        yield
        return
    gdb.execute("set $priv = 1")
    lifted[hart] = mode
    try:
        yield
    finally:
        del lifted[hart]
        if gdb.selected_thread().ptid == hart:
            gdb.execute("set $priv = %d" % mode)
        else:
            with untouched():
                thread_of(hart[1] - 1).switch()
                gdb.execute("set $priv = %d" % mode)


def threads():
    return sorted(gdb.selected_inferior().threads(), key=lambda t: t.ptid[1])


def thread_of(hart_id):
    for thread in threads():
        if thread.ptid[1] == hart_id + 1:
            return thread
    return fail("the machine has no hart %d", hart_id)


def hart_registers(*names):
    """{hart id: {name: value}}, and the mode that each has without us."""
    found = {}
    with untouched():
        for thread in threads():
            thread.switch()
            gdb.newest_frame().select()
            values = {name: register(name) for name in names}
            values["priv"] = lifted.get(thread.ptid, register("priv"))
            found[thread.ptid[1] - 1] = values
    return found


class Command(gdb.Command):
    """A command; `words` says how many arguments it takes, `usage` which."""

    usage, words = "", (0, 0)
    memory = True  # it looks at the kernel's memory

    def __init__(self):
        super().__init__(self.usage.split()[0], gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if not self.words[0] <= len(words) <= self.words[1]:
            fail("usage: %s", self.usage)
        try:
            with untouched():
                if not self.memory:
                    self.run(*words)
                    return
                if register("satp") >> 60 == 0:
                    fail("the kernel has no page table yet: "
                         "break kernel_main, continue")
                with kernel_memory():
                    self.run(*words)
        except (gdb.MemoryError, RuntimeError, UnicodeDecodeError) as error:
            fail("%s: the kernel's data make no sense here: %s",
                 self.usage.split()[0], error)


# --- memory and types --------------------------------------------------------


def read(address, length):
    return bytes(gdb.selected_inferior().read_memory(address & MASK, length))


def words(address, count):
    data = read(address, 8 * count)
    return [int.from_bytes(data[i:i + 8], "little")
            for i in range(0, len(data), 8)]


def kernel_type(name):
    try:
        return gdb.lookup_type(name)
    except gdb.error:
        return fail("%s has no %s", KERNEL, name)


def at(name, address):
    """The structure of this type at an address."""
    return gdb.Value(int(address) & MASK).cast(
        kernel_type(name).pointer()).dereference()


def address_of(value):
    return int(value.address) & MASK


def offset(kind, path):
    """Of a field, a.b, in bytes."""
    total = 0
    for name in path.split("."):
        field = next(f for f in kind.fields() if f.name == name)
        total, kind = total + field.bitpos // 8, field.type
    return total


def entries(head, name, path):
    """The elements of a circular list: each a structure with a link in it."""
    behind = offset(kernel_type(name), path)
    start = address_of(head)
    link = int(head["next"]) & MASK
    for _ in range(WALK_MAX):
        if link == start or link == 0:
            return
        yield at(name, link - behind)
        link = words(link, 1)[0]
    fail("a list at %#x has no end", start)


def in_list(head, link):
    """Is a struct list, by address, an element of a list?"""
    start, here = address_of(head), int(head["next"]) & MASK
    for _ in range(WALK_MAX):
        if here in (start, 0):
            return False
        if here == link:
            return True
        here = words(here, 1)[0]
    return False


symbol_cache = {}


def symbol_address(name):
    """Of a variable, by the symbol table; None if there is none."""
    if name not in symbol_cache:
        text = gdb.execute("maint print msymbols", to_string=True)
        for where, symbol in re.findall(
                r"^\[\s*\d+\] \S (0xf[0-9a-f]+) ([A-Za-z_]\w*)", text,
                re.MULTILINE):
            symbol_cache.setdefault(symbol, int(where, 16))
        symbol_cache.setdefault(name, None)
    return symbol_cache[name]


def variable(name):
    """
    A variable of the kernel, static or not. Some compilers do not tell the
    debugger where static ones lie, but the symbol table does.
    """
    symbol = (gdb.lookup_static_symbol(name, gdb.SYMBOL_VAR_DOMAIN) or
              gdb.lookup_global_symbol(name, gdb.SYMBOL_VAR_DOMAIN))
    if symbol is None:
        fail("the kernel has no variable %s", name)
    value = symbol.value()
    if not value.is_optimized_out:
        return value
    where = symbol_address(name)
    if where is None:
        fail("the kernel's %s cannot be found", name)
    return gdb.Value(where).cast(value.type.pointer()).dereference()


def text_of(array):
    """A NUL-terminated array of characters."""
    data = read(address_of(array), array.type.sizeof)
    return data.split(b"\0")[0].decode(errors="backslashreplace")


# --- harts and processes -----------------------------------------------------


def harts():
    array = variable("harts")
    return [array[i] for i in range(int(variable("hart_count")))]


def selected_hart():
    """The struct hart of the selected hart; None early in the boot."""
    wanted = gdb.selected_thread().ptid[1] - 1
    return next((h for h in harts() if int(h["id"]) == wanted), None)


def current_process():
    """The process on the selected hart, or None."""
    hart = selected_hart()
    if hart is None or not int(hart["proc"]):
        return None
    return hart["proc"].dereference()


def slots():
    """The process table, without free places."""
    table, kind = variable("procs"), kernel_type("struct proc")
    if not int(table):
        return []
    base, state = int(table) & MASK, offset(kind, "state")
    found = []
    for i in range(int(variable("slots"))):
        where = base + i * kind.sizeof
        if int.from_bytes(read(where + state, 4), "little") != FREE:
            found.append(at("struct proc", where))
    return found


def processes():
    """All that have a pid, in its order."""
    return sorted((p for p in slots() if int(p["pid"])),
                  key=lambda p: int(p["pid"]))


def process(text):
    """The process of which a student typed the pid."""
    wanted = number(text)
    for p in processes():
        if int(p["pid"]) == wanted:
            return p
    return fail("no process has pid %s; ps lists them", text)


def label(p):
    """A process in words."""
    name = text_of(p["name"])
    return ("%d (%s)" % (int(p["pid"]), name) if int(p["pid"])
            else "the kernel's thread %s" % (name or "idle"))


def short(p):
    return str(int(p["pid"])) if int(p["pid"]) else label(p)


# --- handles -----------------------------------------------------------------


def rights(bits):
    return "".join(letter if bits & bit else "-" for bit, letter in RIGHTS)


def nodes(p):
    """(slot, struct hnode) for each handle of a process."""
    table = words(int(p["handles"]), 2 * 256)
    return [(i, at("struct hnode", table[2 * i]))
            for i in range(256) if table[2 * i] >= DIRECT]


def node_rights(node):
    return ~int(node["kind"]) >> 8 & 0xff


def check_object(obj):
    if int(obj["type"]) not in TYPES:
        fail("there is no object at %#x", address_of(obj))
    return obj


def the_object(text):
    """H of the current process, PID:H, ADDR: (the kobj, its node or None)."""
    pid, colon, handle = text.rpartition(":")
    value = number(handle)
    if not colon and value >= DIRECT:
        return check_object(at("struct kobj", value)), None
    p = process(pid) if colon else current_process()
    if p is None or not int(p["pid"]):
        fail("this hart runs no process: say PID:%s", handle)
    for _, node in nodes(p):
        if int(node["value"]) == value:
            return check_object(node["obj"].dereference()), node
    return fail("process %s has no handle %d; handles %d lists them",
                label(p), value, int(p["pid"]))


def object_of(text, *kinds):
    obj, _ = the_object(text)
    kind = int(obj["type"])
    if kind not in kinds:
        fail("%s is a %s, no %s", text, TYPES[kind], TYPES[kinds[0]])
    return obj


def contains(name, obj):
    """The structure that begins with this kobj."""
    return at(name, address_of(obj))


def title(obj):
    return "%s %d" % (TYPES[int(obj["type"])], int(obj["id"]))


def all_nodes():
    """(process, struct hnode) of every handle in a table."""
    return [(p, node) for p in slots() for _, node in nodes(p)]


def objects():
    """Every object that some table has a handle of, once, by address."""
    return {int(node["obj"]) & MASK: node["obj"].dereference()
            for _, node in all_nodes()}


def waiters(head):
    """Who stands in a line: (process, struct waiter)."""
    return [(w["proc"].dereference(), w)
            for w in entries(head, "struct waiter", "link")]


def is_parked(p, waiter):
    return address_of(waiter) != address_of(p["wait"])


def in_line(pairs):
    """A line in words."""
    return ", ".join(
        "process " + short(p) + (" (in its ring)" if is_parked(p, w) else "")
        for p, w in pairs) or "nobody"
