"""
One virtual machine: boot it, and take its console apart. lab-tests/run and
lab-tests/grade are both made of this.

M1  A machine never outlives the process that started it.
M2  The program's output is passed on byte for byte; the kernel's own lines
    (0x01 text newline) and everything before init starts are kept out of it.
M3  Nothing is shared between machines: files live in a private directory,
    there are no TCP ports.
M4  Memory use does not depend on how much the guest prints.
"""

import contextlib
import ctypes
import functools
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from building import ROOT, CannotStart

TIMED_OUT = 124
PANICKED = 125
NOT_STARTED = 126

STARTING = b"\x01weir: starting init\n"
END_OF_INPUT = b"\x04"
ARGS_MAX = 255  # sys_info.args less its NUL
GENTLE_SECONDS = 5
PANIC_GRACE = 1.5  # seconds from a panic's first line to the power-off


class Skipped(Exception):
    """A check that cannot be made here; the text says why."""


# --- boot arguments ----------------------------------------------------------


def quote(word):
    """A word as init splits them: quotes of either kind group."""
    if word and re.fullmatch(r"[^\s'\"\\$`;|&<>#]+", word):
        return word
    if "'" not in word:
        return "'%s'" % word
    if '"' not in word:
        return '"%s"' % word
    return "".join(
        '"%s"' % part if part.startswith("'") else "'%s'" % part
        for part in re.findall(r"'+|[^']+", word)
    )


def boot_args(words, seed=None, nonce=None, drivers=None):
    """
    The kernel's command line that runs these words and shuts down. drivers:
    programs that init starts, or makes the one that it runs, as drivers.
    """
    args = [] if seed is None else ["seed=%d" % seed]
    if nonce is not None:
        args.append("nonce=" + nonce)
    if drivers:
        args.append("drivers=" + drivers)
    if words:
        args.append("run=" + " ".join(quote(word) for word in words))
    line = " ".join(args)
    if "\n" in line or "\0" in line:
        raise CannotStart("arguments cannot hold a newline or NUL")
    if len(line.encode()) > ARGS_MAX:
        raise CannotStart("the command line is longer than %d bytes" % ARGS_MAX)
    return line


# --- the console's stream ----------------------------------------------------


class Splitter:
    """
    Takes the console apart. `program` gets the program's bytes, `kernel` the
    kernel's: the boot messages, and frames without their first byte. A 0x01
    that a program prints arrives doubled.
    """

    BOOT, PROGRAM, MARK, FRAME = range(4)

    def __init__(self, program, kernel):
        self.program = program
        self.kernel = kernel
        self.state = self.BOOT
        self.held = b""
        self.panicked = False
        self._frame_start = b""

    @property
    def started(self):
        return self.state != self.BOOT

    def feed(self, data):
        if self.state == self.BOOT:
            data = self._boot(data)
        out = []
        at = 0
        while at < len(data):
            if self.state == self.PROGRAM:
                mark = data.find(b"\x01", at)
                if mark < 0:
                    out.append(data[at:])
                    break
                out.append(data[at:mark])
                self.state = self.MARK
                at = mark + 1
            elif self.state == self.MARK:
                if data[at] == 1:
                    out.append(b"\x01")
                    self.state = self.PROGRAM
                    at += 1
                else:
                    self.state = self.FRAME
                    self._frame_start = b""
            else:
                end = data.find(b"\n", at)
                stop = len(data) if end < 0 else end + 1
                self._frame(data[at:stop])
                at = stop
                if end >= 0:
                    self.state = self.PROGRAM
        text = b"".join(out)
        if text:
            self.program(text)

    def _boot(self, data):
        """Passes boot messages on; returns what follows the marker."""
        self.held += data
        at = self.held.find(STARTING)
        if at < 0:
            # Whole lines, so that the marker is never cut in two.
            end = self.held.rfind(b"\n") + 1
            if len(self.held) - end > 65536:
                end = len(self.held) - len(STARTING)
            self._boot_text(self.held[:end])
            self.held = self.held[end:]
            return b""
        end = at + len(STARTING)
        self._boot_text(self.held[:end])
        rest, self.held = self.held[end:], b""
        self.state = self.PROGRAM
        return rest

    def _boot_text(self, data):
        if b"\x01panic" in data:
            self.panicked = True
        if data:
            self.kernel(data.replace(b"\x01", b""))

    def _frame(self, data):
        if len(self._frame_start) < 5:
            self._frame_start += data[:5]
            if self._frame_start.startswith(b"panic"):
                self.panicked = True
        self.kernel(data)

    def finish(self):
        if self.held:
            self._boot_text(self.held)
            self.held = b""


# --- the machine ---------------------------------------------------------------

PR_SET_PDEATHSIG = 1
try:
    _prctl = ctypes.CDLL(None).prctl
except (OSError, AttributeError):
    _prctl = None


def die_with(parent):
    """For a child between fork and exec: it goes when its parent goes (M1)."""
    if _prctl is not None and sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(NOT_STARTED)


def qemu_version(qemu):
    """(major, minor) of the emulator, or CannotStart."""
    try:
        text = subprocess.run(
            [qemu, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ).stdout.decode(errors="replace")
    except OSError as error:
        raise CannotStart(
            "%s: %s (make setup installs it)" % (qemu, error.strerror)
        ) from None
    found = re.search(r"version (\d+)\.(\d+)", text)
    if not found:
        raise CannotStart("%s --version says nothing of use" % qemu)
    return int(found.group(1)), int(found.group(2))


def newer_qemu():
    """An emulator whose instruction clock takes several harts, or None: QEMU,
    or the one that `make qemu10` has unpacked."""
    for qemu in (os.environ.get("QEMU", "qemu-system-riscv64"),
                 os.path.join(ROOT, "build", "qemu10", "qemu")):
        try:
            if qemu_version(qemu)[0] >= 9:
                return qemu
        except CannotStart:
            pass
    return None


def check_size(text):
    if not re.fullmatch(r"[1-9]\d*[MmGgKk]?", text):
        raise CannotStart("--mem %s: say 128M or 1G" % text)
    return text


class Machine:
    """
    A machine's command line, and the loop that runs it.

    kernel, initrd: paths. args: the boot arguments. cpus: harts. icount: the
    instruction clock. monitor: path for the emulator's control socket.
    on_timeout: called while a machine that has run out of time still runs.
    watch: called now and then with the emulator's pid; it says how many seconds
    later again, or 0 to end the machine.
    """

    def __init__(self, kernel, initrd, args="", cpus=1, mem="128M",
                 icount=False, seed=None, qemu="qemu-system-riscv64", extra=(),
                 monitor=None, on_timeout=None, watch=None):
        if icount and cpus > 1 and qemu_version(qemu)[0] < 9:
            raise CannotStart(
                "the instruction clock with %d harts hangs before QEMU 9, this "
                "is %d.%d: use one hart" % ((cpus,) + qemu_version(qemu)))
        if not os.path.exists(kernel):
            raise CannotStart("%s: no such file; run make" % kernel)
        self.command = [
            qemu, "-machine", "virt", "-bios", "default",
            "-kernel", kernel, "-m", check_size(mem), "-smp", str(cpus),
            "-display", "none", "-monitor", "none",
            "-chardev", "stdio,id=console,signal=off",
            "-serial", "chardev:console", "-no-reboot",
        ]
        if initrd:
            self.command += ["-initrd", initrd]
        if args:
            self.command += ["-append", args]
        if icount:
            self.command += ["-icount", "shift=0,sleep=off"]
            self.command += ["-seed", str(1 if seed is None else seed)]
            # A real-time clock that goes with the instructions, too.
            self.command += ["-rtc", "clock=vm"]
        if monitor:
            self.command += [
                "-chardev",
                "socket,id=control,path=%s,server=on,wait=off" % monitor,
                "-mon", "chardev=control,mode=control"]
        self.command += extra
        self.on_timeout = on_timeout
        self.watch = watch
        self.gentle = False  # it may write its files before it ends
        self.process = None

    def start(self, stdin):
        try:
            self.process = subprocess.Popen(
                self.command, stdin=stdin, stdout=subprocess.PIPE,
                preexec_fn=functools.partial(die_with, os.getpid()), bufsize=0,
                # Ctrl-C on the terminal is ours to handle.
                start_new_session=True)
        except OSError as error:
            raise CannotStart("%s: %s (make setup installs it)" % (
                self.command[0], error.strerror)) from None

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            if self.gentle:
                self.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(GENTLE_SECONDS)
            self.process.kill()
            self.process.wait()

    def run(self, program, kernel, timeout, stdin=None):
        """
        Boots, and returns the exit status as lab-tests/run has it. `program`
        and `kernel` are called with bytes as they come. `stdin` is a file
        descriptor whose bytes are typed once init starts, its end as Ctrl-D;
        None types nothing.
        """
        splitter = Splitter(program, kernel)
        self.start(subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        try:
            status = self._pump(splitter, time.monotonic() + timeout, stdin)
            if status is None and self.on_timeout and not splitter.panicked:
                self.on_timeout()
        finally:
            self.kill()
            self.process.stdout.close()
            if self.process.stdin:
                with contextlib.suppress(OSError):
                    self.process.stdin.close()
            splitter.finish()
        if status is None:
            return PANICKED if splitter.panicked else TIMED_OUT
        if status < 0 or (not splitter.started and status != PANICKED):
            return NOT_STARTED
        return status

    def _pump(self, splitter, deadline, stdin):
        console = self.process.stdout.fileno()
        keyboard = Keyboard(self.process.stdin, stdin)
        next_look = time.monotonic() + 1 if self.watch else float("inf")
        while True:
            now = time.monotonic()
            if now >= next_look and not splitter.panicked:
                wait = self.watch(self.process.pid)
                if not wait:
                    return None
                next_look = time.monotonic() + wait
            if splitter.panicked:
                deadline = min(deadline, now + PANIC_GRACE)
            if now >= deadline:
                return None
            if splitter.started:
                keyboard.ready = True
            readers, writers = keyboard.interest()
            patience = 3600 if keyboard.next_end is None else keyboard.INTERVAL
            patience = max(0, min(deadline - now, patience, next_look - now))
            ready, writable, _ = select.select(
                [console] + readers, writers, [], patience)
            keyboard.step(ready, writable)
            if console not in ready:
                continue
            data = os.read(console, 65536)
            if not data:
                break
            splitter.feed(data)
            if len(data) < 64:
                # The serial port hands over byte by byte; let some gather.
                time.sleep(0.0005)
        try:
            return self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None


class Keyboard:
    """
    Types a descriptor's bytes at a machine. Not before `ready`: the serial
    port forgets what arrives before the kernel has set it up. After the last
    comes Ctrl-D, again and again: one program may take it, and the shell that
    started the program wants to know, too.
    """

    INTERVAL = 0.3  # seconds between two Ctrl-D

    def __init__(self, sink, source):
        self.sink = sink
        self.source = source
        self.ready = False
        self.waiting = b""
        self.last = b"\n"
        self.next_end = None  # when to type Ctrl-D again
        if sink is not None:
            os.set_blocking(sink.fileno(), False)

    def interest(self):
        if self.sink is None or not self.ready:
            return [], []
        if self.next_end is not None and time.monotonic() >= self.next_end:
            self.waiting = self.waiting or END_OF_INPUT
            self.next_end = time.monotonic() + self.INTERVAL
        if self.waiting:
            return [], [self.sink.fileno()]
        return ([self.source], []) if self.source is not None else ([], [])

    def step(self, readable, writable):
        if self.source is not None and self.source in readable:
            data = os.read(self.source, 4096)
            if data:
                self.last = data[-1:]
            else:
                # On a line that has begun, Ctrl-D only ends the line.
                data = END_OF_INPUT * (1 if self.last == b"\n" else 2)
                self.source = None
                self.next_end = time.monotonic() + self.INTERVAL
            self.waiting = data
        if self.sink is not None and self.sink.fileno() in writable:
            try:
                sent = os.write(self.sink.fileno(), self.waiting)
                self.waiting = self.waiting[sent:]
            except BlockingIOError:
                pass
            except BrokenPipeError:
                self.waiting = b""
                self.sink = None


# --- signals and directories ---------------------------------------------------


def exit_on_signals():
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does."""

    def leave(number, _frame):
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


@contextlib.contextmanager
def private_directory():
    path = tempfile.mkdtemp(prefix="weir-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write_all(descriptor, data):
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view):]
        except BlockingIOError:
            select.select([], [descriptor], [], 1)
