"""One test under the debugger: make debug T=... [SEED=n] [CPUS=n]."""

import os
import subprocess
import sys
import threading
import time

import machine
import running

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


def session(options, test, directory):
    status, text = machine.make(options.build, "all")
    if status != 0:
        raise machine.BuildFailed(text)
    runner = running.Runner(options.build, directory, options.qemu,
                            options.seed, options.cpus, icount=options.icount)
    cpus, seed, args = runner.machines(test)[0]
    door = os.path.join(directory, "gdb")
    box = machine.Machine(
        os.path.join(options.build, "kernel.elf"), runner.archive(test),
        args=(args + " " + machine.boot_args(
            [test.program, test.case], seed, drivers=test.program
            if test.driver else None)).strip(), cpus=cpus, mem=test.mem,
        icount=options.icount or test.icount, seed=seed,
        qemu=options.qemu,
        extra=["-S", "-chardev", "socket,id=gdb,path=%s,server=on,wait=off"
               % door, "-gdb", "chardev:gdb"])
    log = os.path.join(options.build, "out", test.id + ".debug.log")
    print("harts %d, seed %d; the machine prints to %s"
          % (cpus, seed, os.path.relpath(log)), file=sys.stderr)
    box.start(subprocess.DEVNULL)
    try:
        await_socket(door, box.process)
        threading.Thread(target=follow, args=(box.process.stdout, log),
                         daemon=True).start()
        env = dict(os.environ, WEIR_BUILD=options.build, WEIR_GDB=door)
        return subprocess.call(
            [options.gdb, "-q", "-nx", "-x", "gdbinit", "-ex",
             "ubreak %s test_case_%s" % (test.program, test.case)],
            env=env, cwd=machine.ROOT)
    finally:
        box.kill()


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
