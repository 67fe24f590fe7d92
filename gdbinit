# Debugging Weir: `make qemu-gdb` in one terminal, `make gdb` in another.
#
#   break queue_send       a breakpoint in the kernel; works before paging, too
#   user cat               the symbols of a program
#   ubreak cat main        a breakpoint in one program, silent in all others
#   ps                     the processes
#   info threads           the harts; `thread 2` looks at another
#   stepi                  steps into the kernel at an ecall, and out at an sret
#   monitor info mem       what is mapped on this hart

set confirm off
set architecture riscv:rv64
# Without this, stepi guesses at system calls and runs past the ecall.
set osabi none
set disassemble-next-line auto
set print frame-arguments all

python
import contextlib
import os
import re

import gdb

BUILD = os.environ.get("WEIR_BUILD", "build")


def register(name):
    return int(gdb.parse_and_eval("(unsigned long)$" + name))


@contextlib.contextmanager
def kernel_memory():
    """
    The emulator shows a debugger what the hart may see: from user mode,
    nothing of the kernel. So lift the hart to S-mode while we look.
    """
    mode = register("priv")
    if mode == 0:
        gdb.execute("set $priv = 1")
    try:
        yield
    finally:
        if mode == 0:
            gdb.execute("set $priv = 0")


def current_process():
    """The process on the selected hart, or None; inside kernel_memory()."""
    pointer = register("sscratch") or register("tp")
    hart = gdb.Value(pointer).cast(
        gdb.lookup_type("struct hart").pointer())
    return hart["proc"].dereference() if hart and hart["proc"] else None


def process_name():
    try:
        with kernel_memory():
            process = current_process()
            return process["name"].string() if process is not None else ""
    except gdb.error:
        return ""


class ProcessName(gdb.Function):
    """$process_name(): the name of the process on the selected hart."""

    def __init__(self):
        super().__init__("process_name")

    def invoke(self):
        return process_name()


def add_symbols(name):
    for folder in ("user", "tests"):
        path = os.path.join(BUILD, folder, name)
        if os.path.exists(path):
            gdb.execute("add-symbol-file " + path, to_string=True)
            return
    raise gdb.GdbError("no program %s under %s" % (name, BUILD))


class User(gdb.Command):
    """user PROGRAM: read the symbols of a program."""

    def __init__(self):
        super().__init__("user", gdb.COMMAND_FILES)

    def invoke(self, argument, from_tty):
        add_symbols(argument.strip())
        print("symbols of %s; breakpoints in it: ubreak %s FUNCTION"
              % (argument, argument))


class ProgramBreakpoint(gdb.Breakpoint):
    """Stops in one program; others may have other code at its address."""

    def __init__(self, name, where):
        super().__init__(where)
        self.name = name

    def stop(self):
        return process_name() == self.name


class UserBreak(gdb.Command):
    """ubreak PROGRAM FUNCTION: a breakpoint in that program only."""

    def __init__(self):
        super().__init__("ubreak", gdb.COMMAND_BREAKPOINTS)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) != 2:
            raise gdb.GdbError("ubreak PROGRAM FUNCTION")
        add_symbols(words[0])
        source = os.path.basename(words[0]).split("-")[-1] + ".c"
        try:
            gdb.decode_line("%s:%s" % (source, words[1]))
            ProgramBreakpoint(words[0], "%s:%s" % (source, words[1]))
        except gdb.error:
            ProgramBreakpoint(words[0], words[1])


STATES = {1: "ready", 2: "running", 3: "waiting", 4: "ended", 5: "exiting"}


def kernel_variable(name):
    """
    A static variable of the kernel. Some compilers do not tell the debugger
    where those lie, but the symbol table does.
    """
    value = gdb.lookup_static_symbol(name).value()
    if not value.is_optimized_out:
        return value
    symbols = gdb.execute("maint print msymbols", to_string=True)
    found = re.search(r" (0xf[0-9a-f]+) %s(\.\S*)? " % name, symbols, re.MULTILINE)
    pointer = gdb.Value(int(found.group(1), 16)).cast(value.type.pointer())
    return pointer.dereference()


def processes():
    """All that have a pid."""
    table = kernel_variable("procs")
    for i in range(int(kernel_variable("slots"))):
        if table[i]["pid"]:
            yield table[i]


class Ps(gdb.Command):
    """ps: the processes; pc is where each is in its program."""

    def __init__(self):
        super().__init__("ps", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        print("%5s %6s %-8s %4s %-14s %s"
              % ("pid", "parent", "state", "hart", "pc", "name"))
        with kernel_memory():
            self.show()

    def show(self):
        for process in sorted(processes(), key=lambda p: int(p["pid"])):
            parent, state = process["parent"], int(process["state"])
            print("%5d %6d %-8s %4d %#-14x %s" % (
                int(process["pid"]), int(parent["pid"]) if parent else 0,
                STATES.get(state, str(state)), int(process["hart"]),
                int(process["tf"]["x"][0]), process["name"].string()))


User()
UserBreak()
Ps()
ProcessName()

gdb.execute("file " + os.path.join(BUILD, "kernel.elf"))
where = os.environ.get("WEIR_GDB")
if where is None:
    try:
        with open(os.path.join(BUILD, "gdb-port")) as note:
            where = "127.0.0.1:" + note.read().strip()
    except OSError:
        print("No machine is waiting: run make qemu-gdb in another terminal.")
if where is not None:
    try:
        gdb.execute("target remote " + where)
    except gdb.error as error:
        print("%s: %s; is make qemu-gdb running?" % (where, error))
end
