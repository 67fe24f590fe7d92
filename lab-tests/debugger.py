"""One test under the debugger: make debug T=... [SEED=n] [CPUS=n]."""

import os
import shlex
import shutil
import subprocess
import sys
import threading
import time

import building
import machine
import running

DOOR = "gdb"  # the socket's name
PANE_LINES = "12"  # of the terminal, for the machine's side
PATIENCE = 10.0  # seconds for the emulator to open the debugger's socket


def await_socket(path, process):
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise machine.CannotStart("the emulator did not start")
        time.sleep(0.02)


def follow(pipe, path):
    """What the machine prints goes into a file, to look at meanwhile."""
    with open(path, "wb", buffering=0) as log:
        for data in iter(lambda: pipe.read(4096), b""):
            log.write(data)


def door_options(path):
    """The emulator's: wait for a debugger on a unix socket."""
    return ["-S", "-chardev", "socket,id=gdb,path=%s,server=on,wait=off"
            % path, "-gdb", "chardev:gdb"]


def watch_log(log):
    """
    The machine's side: below, in a tmux that we are in, or how to see it.
    Returns: the pane, or None.
    """
    command = "tail -n +1 -f " + shlex.quote(os.path.relpath(log))
    if os.environ.get("TMUX") and shutil.which("tmux"):
        done = subprocess.run(
            ["tmux", "split-window", "-d", "-v", "-l", PANE_LINES, "-P", "-F",
             "#{pane_id}", "-c", os.getcwd(), command],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            return done.stdout.decode().strip()
    print("this is the debugger; the machine's side, in another terminal:\n"
          "  " + command, file=sys.stderr)
    return None


def attach(box, door, log, build, gdb, *words, **env):
    """Starts the machine and a debugger on it. Returns: the latter's status."""
    pane = None
    box.start(subprocess.DEVNULL)
    try:
        await_socket(door, box.process)
        open(log, "wb").close()
        threading.Thread(target=follow, args=(box.process.stdout, log),
                         daemon=True).start()
        if "-batch" not in words:
            pane = watch_log(log)
        return subprocess.call(
            [gdb, "-q", "-nx", "-x", "gdbinit", *words], cwd=machine.ROOT,
            env=dict(os.environ, WEIR_BUILD=build, WEIR_GDB=door, **env))
    finally:
        box.kill()
        if pane:
            subprocess.call(["tmux", "kill-pane", "-t", pane])


def session(options, test, directory):
    status, text = building.make(options.build, "all")
    if status != 0:
        raise building.BuildFailed(text)
    runner = running.Runner(options.build, directory, options.qemu,
                            options.seed, options.cpus, icount=options.icount)
    cpus, seed, args = runner.machines(test)[0]
    door = os.path.join(directory, DOOR)
    box = machine.Machine(
        os.path.join(options.build, "kernel.elf"), runner.archive(test),
        args=(args + " " + machine.boot_args(
            [test.program, test.case], seed, drivers=test.program
            if test.driver else None)).strip(), cpus=cpus, mem=test.mem,
        icount=options.icount or test.icount, seed=seed,
        qemu=options.qemu,
        extra=door_options(door))
    log = os.path.join(options.build, "out", test.id + ".debug.log")
    print("harts %d, seed %d" % (cpus, seed), file=sys.stderr)
    return attach(box, door, log, options.build, options.gdb, "-ex",
                  "ubreak %s:test_case_%s" % (test.program, test.case))


def run(options, tests):
    if len(tests) != 1 or tests[0].case is None:
        print("grade: --debug wants exactly one test that runs in a machine: "
              "T=lab.file.case", file=sys.stderr)
        return 2
    try:
        with machine.private_directory() as directory:
            return session(options, tests[0], directory)
    except (machine.CannotStart, OSError) as error:
        print("grade: %s" % error, file=sys.stderr)
        return 3
