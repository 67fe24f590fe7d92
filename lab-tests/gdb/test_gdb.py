"""The debugger: sessions in it, each with a machine that waits for it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

import building  # noqa: E402
import machine  # noqa: E402

BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
DEBUGGERS = ("gdb-multiarch", "riscv64-unknown-elf-gdb", "riscv64-elf-gdb")
PATIENCE = 120  # seconds for a session; it takes two


class Session(unittest.TestCase):
    def setUp(self):
        self.gdb = next(filter(shutil.which, DEBUGGERS), None)
        if self.gdb is None:
            self.skipTest("no debugger here")
        self.dir = tempfile.mkdtemp(prefix="weir-")
        self.machine = None

    def tearDown(self):
        if self.machine is not None:
            self.machine.kill()
            self.machine.process.stdin.close()
            self.machine.process.stdout.close()
        if self.gdb is not None:
            shutil.rmtree(self.dir)

    def boot_waiting(self, program, cpus, args=""):
        """A machine that waits for a debugger on a socket: its path."""
        tests = os.path.join(BUILD, "tests")
        os.makedirs(tests, exist_ok=True)
        full = os.path.join(tests, program)
        building.build_program(BUILD, os.path.join(HERE, program + ".c"), full)
        stripped = os.path.join(self.dir, program)
        building.strip_program(BUILD, full, stripped)
        archive = os.path.join(self.dir, "initrd.tar")
        building.repack(os.path.join(BUILD, "initrd.tar"), archive,
                       {program: stripped})
        path = os.path.join(self.dir, "gdb")
        self.machine = machine.Machine(
            os.path.join(BUILD, "kernel.elf"), archive,
            args=args + "run=" + program, cpus=cpus, extra=[
                "-S", "-chardev", "socket,id=gdb,path=%s,server=on,wait=off"
                % path, "-gdb", "chardev:gdb"])
        # Nobody reads the console: a pipe's worth of it is enough here.
        self.machine.start(subprocess.PIPE)
        for _ in range(600):
            if os.path.exists(path):
                return path
            self.assertIsNone(self.machine.process.poll())
            try:
                self.machine.process.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
        self.fail("the emulator does not listen")

    def debug(self, path, *words):
        """What gdb prints with these arguments."""
        done = subprocess.run(
            [self.gdb, "-q", "-nx", "-batch", *words], cwd=ROOT,
            env=dict(os.environ, WEIR_BUILD=BUILD, WEIR_GDB=path),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=PATIENCE)
        return done.stdout.decode(errors="replace")

    def session(self, program, cpus, script, args=""):
        """{name: value} of the session, and all that was printed."""
        text = self.debug(self.boot_waiting(program, cpus, args), "-x",
                          "gdbinit", "-x", os.path.join(HERE, script))
        return dict(json.loads(line.split(" ", 1)[1])
                    for line in text.splitlines()
                    if line.startswith("RESULT ")), text


class Gdb(Session):
    def test_session(self):
        results, text = self.session("target", 1, "session.py")
        ps = results.pop("ps", "")
        self.assertEqual(results, {
            "kernel": "proc_start", "kernel-space": True, "line": True,
            "harts": 1, "user": "again", "user-space": True,
            "process": "target", "ps-there": True, "found-ecall": True,
            "entered": True, "found-sret": True, "left": True,
            "pid": True, "symbols": True,
            "back": ["sys_getpid", "trap_entry"],
        }, text)
        self.assertIn("init", ps)

    def test_without_python(self):
        """The first file of gdbinit, alone."""
        path = self.boot_waiting("target", 1)
        text = self.debug(
            path, "-ex", "source lab-tests/gdb/basics.gdb", "-ex",
            "file " + os.path.join(BUILD, "kernel.elf"), "-ex",
            "target remote " + path, "-ex", "break proc_start", "-ex",
            "continue", "-ex", "continue", "-ex", "ps", "-ex", "user cat",
            "-ex", "info line cat.c:main")
        self.assertRegex(text, r"\n +1 +[12] init\n")
        self.assertRegex(text, r'Line \d+ of "user/cat.c"')


class Commands(Session):
    """All in one session, since it takes a machine."""

    @classmethod
    def setUpClass(cls):
        cls.results = None

    def setUp(self):
        super().setUp()
        if self.results is None:
            type(self).results, type(self).text = self.session(
                "scene", 2, "commands.py", "trace=512 ")

    def says(self, command, *patterns):
        text = self.results.get(command)
        self.assertIsNotNone(text, self.text)
        for pattern in patterns:
            self.assertRegex(text, re.compile(pattern, re.MULTILINE), text)

    def test_nothing_changes(self):
        """No hart, frame, register or mode, whatever the command."""
        self.assertGreater(len(self.results), 50, self.text)
        for name, value in self.results.items():
            if isinstance(value, str):
                self.assertNotIn("CHANGED", value, name)

    def test_ps_and_harts(self):
        self.says("ps", r"^ +1 +0 waiting .* init$",
                  r"^ +2 +1 running .*scene$")
        self.says("harts", r"^hart 0 .*", r"^hart 1 .*",
                  r"process 2 \(scene\), in the program, at 0x",
                  r"idle, at .* sched_idle", r"ranks held 0x0; next nobody")

    def test_in_the_firmware(self):
        self.assertEqual(self.results["mode"], 3, self.text)
        self.says("ps in the firmware", r"^ +1 +0 .* init$")

    def test_handles(self):
        self.says("handles 2", r"^process 2 \(scene\), \d+ handles",
                  r"^ +4 queue +\d+ rwgv-- +0 +0  3 of 8 messages$",
                  r"^ +5 region +\d+ rwgv-- .*Immutable, 8192 bytes, sealed$",
                  r"port .* named scene$")

    def test_queue(self):
        for how in ("queue 2:4", "queue 4", "queue by address"):
            self.says(how, r"^queue \d+ at 0xf.*: 3 of 8 places",
                      r"^  sent 3, received 0, rejected 0; .* readers")
            lines = [line.split(",")[0] + line[line.index("'"):]
                     for line in self.results[how].splitlines() if "'" in line]
            self.assertEqual(lines, [
                "  urgent seq 1 from 2'first'", "  urgent seq 2 from 2'then'",
                "  low    seq 0 from 2'slow'"])
        self.says("queue 2:6", "^  waiting to receive: nobody$",
                  "^  waiting to send, high: process 5$")

    def test_parcels(self):
        """What travels in messages."""
        self.says("queue parcels", r"seq 0 .* bytes: handle of queue \d+$",
                  r"seq 1 .* bytes: descriptor of region \d+$")
        self.says("handles 8", r"semaphore .* count 0$")

    def test_region_and_port(self):
        self.says("region 2:5", "^region .*: Immutable, 8192 bytes, sealed$",
                  r"^  2 pages, \d+ references, mutex free$",
                  "^  mapped by process 2 at 0x1000000000, read only$",
                  "^  mapped by process 7 at 0x1000000000, read only$")
        port = next(name for name in self.results if name.startswith("port "))
        self.says(port, r"^port \d+ .*'scene': 1 of 16 places used",
                  "^  to be received: a call from 4, type 5$")

    def test_ring(self):
        self.says("ring 3", r"^process 3 \(scene\): a ring of 8 entries$",
                  "submit: producer 1, consumer 1",
                  r"^  parked: queue_recv, user_data 0x77, on queue \d+$")

    def test_vm(self):
        self.says("vm 2", "R-X  program$", "RW-  program$", "RW-  stack$",
                  "R--  region .*: Immutable, 8192 bytes, sealed$")
        self.says("vm mapped", r"^  level 2, .* next table$",
                  r"^  level 0, .* VRUA shown$",
                  r"physical address 0x8\w+: region \d+: Immutable, .*sealed$")
        self.says("vm hole", "^  nothing is mapped there: no segment of the")
        self.says("vm stack", "^  level 0, .* VRWUAD owned$", ": stack$")

    def test_locks(self):
        self.says("locks", "^no lock is held$")
        self.says("locks held", r"^tree_lock, rank 0x2: held by hart [01]$")
        self.says("mutex held", r"^region \d+, its mutex: held by process 2; "
                  "waiting: nobody$")

    def test_waitgraph_marks_the_cycle(self):
        self.says("waitgraph", r"^ +1 init +waits for a child to end <- 2$",
                  "^ +2 scene +running$",
                  r"^ +3 scene +ring: queue_recv, receives from queue \d+ <-",
                  r"^ +4 scene +calls port \d+ <- 2, 3,",
                  r"^ +5 scene +sends to full queue \d+ <- 2, 3,",
                  r"^ +6 scene +receives from queue \d+ <- 7 STUCK$",
                  r"^ +7 scene +receives from queue \d+ <- 6 STUCK$",
                  r"^ +8 scene +waits for semaphore \d+ <- 2, 9,",
                  r"^ +9 scene +word 0x1000000000 in region \d+ <- 2, 3, ",
                  r"^ +10 scene +handle_wait on queue \d+ <- 2, 3, .*\n"
                  r" +10 scene +handle_wait on queue \d+ <- 2, 3, ",
                  "^ +11 scene +the clock <- the kernel, has a deadline$",
                  "^CYCLE: 6 -> 7 -> 6$")
        self.assertEqual(self.results["waitgraph"].count("STUCK"), 2)

    def test_backtraces(self):
        self.says("pbt 2", r"^process 2 \(scene\), running, on hart [01]$",
                  "^#0 .* scene_ready ", "^#1 .* main ")
        self.says("pbt 7", r"^process 7 \(scene\), waiting$",
                  "^#0 .* switch_to",
                  "in queue_take_wait", "trap_entry", "^in the program scene:$",
                  r"^#\d .* queue_recv user/lib/stubs.S", r"^#\d .* knot ",
                  r" right_one ", " main ", " _start ")
        self.says("pbt 3", "await_completions", " use_ring ")
        self.says("pbt 1", "in proc_wait", "^in the program init:$")
        self.says("bt-all", "^hart 0: ", "^hart 1: ", "^#0 +scene_ready ",
                  "sched_idle")
        self.assertNotIn("stopped", self.results["bt-all"])

    def test_ubreak(self):
        self.assertEqual(self.results["twice"], ["knot", "knot"], self.text)
        self.assertEqual(self.results["at"], "scene_ready", self.text)

    def test_ktrace(self):
        """Of a kernel without a trace: that it has none."""
        self.says("ktrace 500", r"^no trace in this kernel|"
                  r"^ *\d+ hart \d pid +7 call +queue_recv\(0x")

    def test_slips_are_errors_in_words(self):
        for command, words in {
            "too early": "no page table yet",
            "queue": "usage: queue H",
            "queue 4 4": "usage: queue H",
            "queue 99": r"process 2 \(scene\) has no handle 99",
            "queue 77:4": "no process has pid 77",
            "queue nonsense": "nonsense is no number",
            "queue 2:5": "2:5 is a region, no queue",
            "region 2:4": "2:4 is a queue, no region",
            "queue 0xffffffc080200000": "there is no object at 0xf",
            "handles 99": "no process has pid 99",
            "handles x y": "usage: handles PID",
            "ring 2": r"process 2 \(scene\) has no submit ring",
            "vm 2 0x8000000000": "0x8000000000 is no user address",
            "ubreak scene": "usage: ubreak",
            "ubreak nowhere:main": "no program nowhere under",
            "ubreak scene:nowhere": "scene has no nowhere",
            "pbt 1000": "no process has pid 1000",
            "ktrace 0": "usage: ktrace",
        }.items():
            self.says(command, "^error: .*" + words)

    def test_help(self):
        helps = [name for name in self.results if name.startswith("help ")]
        self.assertEqual(len(helps), 15, self.text)
        for name in helps:
            self.assertIn(name.split()[1], self.results[name])
            self.assertGreater(len(self.results[name]), 30)


if __name__ == "__main__":
    unittest.main()
