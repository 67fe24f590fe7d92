"""
Symbols of programs. All programs are linked at the same address, so one's
symbols are known at a time: those of the process on the selected hart.
"""

import os

import gdb

import kernel
from kernel import BUILD, Command, fail

loaded = None  # (program, path) of the symbols that gdb has


def program_file(name):
    """The ELF file with the symbols of a program; None if there is none."""
    name = os.path.basename(name)
    folders = [os.environ.get("WEIR_PROGRAMS", ""),
               os.path.join(BUILD, "user"), os.path.join(BUILD, "tests")]
    for folder in filter(None, folders):
        path = os.path.join(folder, name)
        if name and os.path.exists(path):
            return path
    return None


def load(name):
    """Have this program's symbols, and no other's. Returns: was it news?"""
    global loaded
    path = program_file(name)
    if path is None or loaded == (name, path):
        return False
    unload()
    gdb.execute("add-symbol-file " + path, to_string=True)
    loaded = name, path
    return True


def unload():
    global loaded
    if loaded is not None:
        try:
            gdb.execute("remove-symbol-file " + loaded[1], to_string=True)
        except gdb.error:
            pass
        loaded = None


def wanted(name):
    if program_file(name) is None:
        fail("no program %s under %s: make, or run its test once", name, BUILD)


def process_name():
    """Of the process on the selected hart; "" if there is none."""
    try:
        if kernel.register("satp") >> 60 == 0:
            return ""
        with kernel.kernel_memory():
            p = kernel.current_process()
            return kernel.text_of(p["name"]) if p is not None else ""
    except (gdb.error, RuntimeError):
        return ""


def follow(event=None, quiet=False):
    """After a stop: the symbols of whatever the selected hart runs."""
    thread = gdb.selected_thread()
    if thread is None or not thread.is_valid() or thread.is_running():
        return
    try:
        if load(process_name()) and not quiet and (
                kernel.register("pc") < kernel.USER_END):
            gdb.execute("frame")
    except (gdb.error, RuntimeError):
        pass


class ProcessName(gdb.Function):
    """$process_name(): the name of the process on the selected hart."""

    def __init__(self):
        super().__init__("process_name")

    def invoke(self):
        return process_name()


class User(Command):
    """user PROGRAM: read the symbols of a program; a stop reads them, too."""

    usage, words, memory = "user PROGRAM", (1, 1), False

    def invoke(self, argument, from_tty):
        names = gdb.string_to_argv(argument)
        if len(names) != 1:
            fail("usage: %s", self.usage)
        wanted(names[0])
        load(names[0])
        print("symbols of %s; breakpoints in it: ubreak %s:FUNCTION"
              % (names[0], names[0]))


class ProgramBreakpoint(gdb.Breakpoint):
    """
    Stops in one program, in whichever process runs it. By its address, so that
    it stays when the symbols change.
    """

    def __init__(self, name, address):
        super().__init__("*%#x" % address)
        self.name = name

    def stop(self):
        if kernel.register("priv") != 0 or process_name() != self.name:
            return False
        load(self.name)
        return True


class UserBreak(Command):
    """
    ubreak PROGRAM:FUNCTION: a breakpoint in that program only, whichever
    process runs it. Also ubreak PROGRAM:FILE.c:LINE.
    """

    usage, words, memory = "ubreak PROGRAM:FUNCTION", (1, 2), False

    def invoke(self, argument, from_tty):
        names = gdb.string_to_argv(argument)
        if len(names) == 1:
            names = names[0].split(":", 1)
        if len(names) != 2 or not all(names):
            fail("usage: %s", self.usage)
        program, place = names
        wanted(program)
        load(program)
        ProgramBreakpoint(program, self.address(program, place))

    @staticmethod
    def address(program, place):
        """A test program's own function first: the kernel has a main, too."""
        source = os.path.basename(program).split("-")[-1] + ".c"
        tries = ([place] if ":" in place else
                 ["%s:%s" % (source, place), place])
        for where in tries:
            try:
                _, lines = gdb.decode_line(where)
            except gdb.error:
                continue
            for line in lines or ():
                if line.pc < kernel.USER_END:
                    return line.pc
        return fail("%s has no %s", program, place)


class TheEnd(gdb.Breakpoint):
    """A run that is replayed: what is behind its end cannot be looked at."""

    def __init__(self):
        super().__init__("power_off")

    def stop(self):
        print("the recorded run ends here: reverse-continue goes back")
        return True


def start():
    for command in (User, UserBreak, ProcessName):
        command()
    if "WEIR_PROGRAMS" in os.environ:
        TheEnd()
    gdb.events.stop.connect(follow)
    if hasattr(gdb.events, "before_prompt"):
        gdb.events.before_prompt.connect(lambda: follow(quiet=True))
