"""
Tests of lab-tests/run, with fake kernels and with the real one.

Run by lab-tests/all, or: python3 -m unittest discover lab-tests/tools
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
ROOT = os.path.dirname(TESTS)
sys.path.insert(0, TESTS)

sys.path.insert(0, HERE)

import machine  # noqa: E402
from fakes import BUILD, RUN, FakeKernels  # noqa: E402

def processor_seconds(pid):
    with open("/proc/%s/stat" % pid) as text:
        fields = text.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Run(FakeKernels):
    def test_status_is_the_programs(self):
        self.assertEqual(self.run_fake("STATUS").returncode, 7)

    def test_panic_is_125(self):
        done = self.run_fake("PANICS")
        self.assertEqual(done.returncode, 125)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"panic: hart 0: a test\n", done.stderr)

    def test_panic_that_does_not_power_off_is_125(self):
        begin = time.monotonic()
        done = self.run_fake("PANIC_HANGS", "--timeout", "30")
        self.assertEqual(done.returncode, 125)
        self.assertLess(time.monotonic() - begin, 15)

    def test_timeout_is_124(self):
        for mode in ("SILENT", "HANGS", "FLOODS"):
            with self.subTest(mode):
                done = self.run_fake(mode, "--timeout", "1")
                self.assertEqual(done.returncode, 124)

    def test_boot_failure_is_125(self):
        done = self.run_fake("BOOT_MEMORY")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"2 MB of memory", done.stderr)
        self.assertEqual(done.stdout, b"")

    def test_no_init_is_126(self):
        self.assertEqual(self.run_fake("NO_INIT").returncode, 126)

    def test_no_emulator_is_126(self):
        done = self.run_fake("STATUS", "--qemu", "/no/such/qemu")
        self.assertEqual(done.returncode, 126)
        self.assertIn(b"/no/such/qemu", done.stderr)

    def test_no_program_file_is_126(self):
        done = self.run_fake("STATUS", "--prog", "no-such.c")
        self.assertEqual(done.returncode, 126)
        self.assertIn(b"no-such.c", done.stderr)

    def test_program_that_does_not_compile_is_126(self):
        path = os.path.join(self.dir, "bad.c")
        with open(path, "w") as text:
            text.write("this is no C\n")
        self.assertEqual(self.run_fake("STATUS", "--prog", path).returncode, 126)

    def test_usage_is_2(self):
        done = subprocess.run([RUN, "--bogus"], stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)

    def test_a_row_of_bench_that_is_not_there(self):
        done = subprocess.run(
            [os.path.join(os.path.dirname(HERE), "bench"), "--build", BUILD,
             "P16", "P99"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 126)
        self.assertIn(b"no row P99", done.stderr)

    def test_output_is_exact(self):
        done = self.run_fake("BYTES")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, bytes(range(256)) * 1024)
        self.assertEqual(done.stderr.count(b"a line of the kernel's\n"), 16)

    def test_output_is_not_held_back(self):
        child = subprocess.Popen(
            self.command("FLOODS", "--timeout", "20"), stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.assertTrue(child.stdout.readline().startswith(b"all work"))
        child.stdout.close()
        self.assertNotEqual(child.wait(20), 0)

    def test_flood_needs_no_memory(self):
        child = subprocess.Popen(
            self.command("FLOODS", "--timeout", "4"), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.WEXITSTATUS(status)
        self.assertEqual(child.returncode, 124)
        self.assertLess(usage.ru_maxrss, 400 * 1024)

    def test_arguments_are_quoted(self):
        cases = [
            ["echo", "plain"], ["echo", "two words"], ["echo", ""],
            ["echo", "it's"], ["echo", 'say "x"'], ["sh", "-c", "ls | wc; ls"],
            ["echo", "both ' and \""],
        ]
        for words in cases:
            with self.subTest(words):
                done = self.run_fake("ARGS", words=words)
                text = done.stdout.decode()
                self.assertTrue(text.startswith("run="))
                self.assertEqual(shlex.split(text[4:]), words)

    def test_seed_precedes_the_command(self):
        self.assertEqual(machine.boot_args(["a"], 5), "seed=5 run=a")

    def test_long_command_line_is_126(self):
        done = self.run_fake("ARGS", words=["echo", "x" * 300])
        self.assertEqual(done.returncode, 126)

    def test_stdin_is_typed(self):
        text = b"".join(b"line %d\n" % n for n in range(2000))
        done = self.run_fake("TYPED", input=text)
        self.assertEqual(done.stdout, text)

    def test_empty_stdin_ends(self):
        self.assertEqual(self.run_fake("TYPED").returncode, 0)

    def test_icount_on_several_harts(self):
        done = self.run_fake("STATUS", "--icount", "--cpus", "2")
        old = machine.qemu_version("qemu-system-riscv64")[0] < 9
        self.assertEqual(done.returncode, 126 if old else 7)

    def test_icount(self):
        self.assertEqual(self.run_fake("STATUS", "--icount").returncode, 7)

    def test_side_by_side(self):
        self.kernel("BYTES")
        runs = [
            subprocess.Popen(self.command("BYTES"), stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL,
                             stdin=subprocess.DEVNULL)
            for _ in range(4)
        ]
        for child in runs:
            self.assertEqual(child.communicate()[0], bytes(range(256)) * 1024)
            self.assertEqual(child.returncode, 0)

    def test_no_orphan_after_any_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            with self.subTest(number):
                # Killed like that, it cannot clean up: it is done with ours.
                child = subprocess.Popen(
                    self.command("FLOODS"), stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                    env=dict(os.environ, TMPDIR=self.dir))
                child.stdout.readline()
                self.assertEqual(len(self.orphans()), 1)
                child.send_signal(number)
                child.stdout.close()
                child.wait(10)
                deadline = time.monotonic() + 5
                while self.orphans() and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.assertEqual(self.orphans(), [])


class Splitting(unittest.TestCase):
    def test_any_cut(self):
        """However the stream is cut, the same bytes come out."""
        stream = (b"OpenSBI\n\x01weir: 2 harts\n\x01weir: starting init\n"
                  b"a\x01\x01b\x01oops\nc\x01\x01\x01frame\x01x\n\x01\x01d")
        for size in range(1, len(stream) + 1):
            program, kernel = bytearray(), bytearray()
            splitter = machine.Splitter(program.extend, kernel.extend)
            for at in range(0, len(stream), size):
                splitter.feed(stream[at:at + size])
            splitter.finish()
            self.assertEqual(bytes(program), b"a\x01bc\x01\x01d")
            self.assertEqual(
                bytes(kernel), b"OpenSBI\nweir: 2 harts\n"
                b"weir: starting init\noops\nframe\x01x\n")


class System(unittest.TestCase):
    """The real thing, from the command line."""

    def make(self, *words, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        more.setdefault("stdin", subprocess.DEVNULL)
        if "input" in more:
            del more["stdin"]
        return subprocess.run(
            ["make", "--no-print-directory", *words], cwd=ROOT, env=env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **more)

    def test_run_prints_nothing_else(self):
        done = self.make("run", "CMD=echo hello 'two  words'")
        self.assertEqual(done.stdout, b"hello two  words\n")
        self.assertEqual(done.returncode, 0)

    def test_run_fails_when_the_program_fails(self):
        self.assertEqual(self.make("run", "CMD=false").returncode, 2)

    def test_run_keeps_metacharacters(self):
        done = self.make("run", "CMD=echo 'a;b' c|d")
        self.assertEqual(done.stdout, b"a;b c|d\n")

    def test_program_from_elsewhere(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "mine.c"), "w") as text:
                text.write("#include <weir.h>\n"
                           "int main(int argc, char **argv)\n"
                           '{ printf("%d %s\\n", argc, argv[1]); return 3; }\n')
            with open(os.path.join(folder, "data"), "w") as text:
                text.write("some data\n")
            run = subprocess.run(
                [RUN, "--build", BUILD, "--prog", "mine.c", "--file", "data",
                 "--", "mine", "x y"], cwd=folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(run.stdout, b"2 x y\n", run.stderr)
            self.assertEqual(run.returncode, 3)
            cat = subprocess.run(
                [RUN, "--build", BUILD, "--file", "data", "--", "cat", "data"],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
            self.assertEqual(cat.stdout, b"some data\n", cat.stderr)

    def run_source(self, source, *options, words=(), **more):
        """Runs a program given as text; `words` are its arguments."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "it.c")
            with open(path, "w") as text:
                text.write("#include <weir.h>\n" + source)
            return subprocess.run(
                [RUN, "--build", BUILD, "--prog", path, *options, "--", "it",
                 *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, **more)

    def test_status_of_a_real_program(self):
        for source, status in (
                ("int main(void) { return 0; }", 0),
                ("int main(void) { return 42; }", 42),
                ("int main(void) { exit(255); }", 255),
                ("int main(void) { exit(256); }", 0),
                ("int main(void) { return 124; }", 123),
                ("int main(void) { return 125; }", 123),
                ("int main(void) { return 126; }", 123),
                ("int main(void) { return 127; }", 127),
                ("int main(void) { *(volatile int *)0 = 1; }", 128 + 11)):
            with self.subTest(source):
                done = self.run_source(source)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertEqual(done.stdout, b"")
        self.assertIn(b"store page fault", done.stderr)

    def test_endless_program_is_124(self):
        done = self.run_source("int main(void) { for (;;) yield(); }",
                               "--timeout", "2")
        self.assertEqual(done.returncode, 124, done.stderr)

    def test_program_that_is_not_there(self):
        done = subprocess.run(
            [RUN, "--build", BUILD, "--", "no-such-program"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.assertNotIn(done.returncode, (0, 124, 125, 126))

    # Every byte value, in pieces of every length, 2 MB in all, on both streams
    # of output: they are one to the console.
    MEGABYTES = """
    static char block[65536];
    int main(void)
    {
        for (size_t i = 0; i < sizeof(block); i++)
            block[i] = (char)(i * 7 + i / 256);
        for (int round = 0; round < 32; round++)
            for (size_t at = 0, n = 1; at < sizeof(block); at += n, n++) {
                size_t left = sizeof(block) - at;
                const char *p = block + at;
                if (n > 4096)
                    n = 1;
                queue_send(n % 2 ? STDOUT : STDERR, p, n < left ? n : left,
                           MSG_OPT(PRIO_NORMAL, 0), TIMEOUT_FOREVER);
            }
        return 7;
    }
    """

    def test_megabytes_are_exact(self):
        for cpus in "1", "4":
            done = self.run_source(self.MEGABYTES, "--cpus", cpus)
            self.assertEqual(done.returncode, 7, done.stderr)
            block = bytes((i * 7 + i // 256) % 256 for i in range(65536))
            # Not assertEqual: it would print both.
            self.assertTrue(done.stdout == block * 32, "%d bytes, want %d" % (
                len(done.stdout), 32 * 65536))

    def test_real_machines_side_by_side(self):
        begin = time.monotonic()
        runs = [
            subprocess.Popen(
                [RUN, "--build", BUILD, "--", "echo", "machine", str(i)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL) for i in range(12)
        ]
        for i, child in enumerate(runs):
            self.assertEqual(child.communicate()[0], b"machine %d\n" % i)
            self.assertEqual(child.returncode, 0)
        self.assertLess(time.monotonic() - begin, 30)

    def test_stdin_reaches_the_program(self):
        done = subprocess.run([RUN, "--build", BUILD, "--", "cat"],
                              input=b"one\ntwo\n", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.stdout, b"one\ntwo\n")

    def test_shell_in_a_pipeline(self):
        done = self.make("qemu", input=b"echo from the shell\npoweroff\n")
        self.assertIn(b"from the shell", done.stdout)
        self.assertEqual(done.returncode, 0)

    def test_shell_lists_and_powers_off(self):
        done = self.make("qemu", input=b"ls\npoweroff\n")
        self.assertRegex(done.stdout, rb"(?m)^pingpong$")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_shell_ends_with_its_input(self):
        for text in (b"echo the last words", b"echo the last words\n",
                     b"cat\nthe last words", b"cat\nthe last words\n"):
            done = self.make("qemu", input=text)
            self.assertRegex(done.stdout, b"the last words")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_idle_shell_is_quiet(self):
        """Less than 2 % of a processor while nobody types."""
        child = subprocess.Popen(
            [RUN, "--build", BUILD, "--console"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            text = b""
            while b"starting init\n" not in text:
                text += os.read(child.stdout.fileno(), 4096)
            time.sleep(1)
            with open("/proc/%d/task/%d/children" % (child.pid, child.pid)
                      ) as children:
                emulator = children.read().split()[0]
            before = processor_seconds(emulator)
            time.sleep(4)
            self.assertLess(processor_seconds(emulator) - before, 0.08)
            child.communicate(b"poweroff\n", timeout=20)
            self.assertEqual(child.returncode, 0)
        finally:
            child.kill()
            child.wait()

    def test_runs_are_repeatable(self):
        runs = [
            subprocess.run([RUN, "--build", BUILD, "--icount", "--", "pingpong"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout
            for _ in range(2)
        ]
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], b"")

    def test_bad_archive_is_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("config", "kernel.elf"):
                shutil.copy(os.path.join(BUILD, name), folder)
            with open(os.path.join(BUILD, "initrd.tar"), "rb") as archive:
                whole = archive.read()
            one_bit = bytes([whole[0] ^ 1]) + whole[1:]
            for content in (b"", b"not an archive" * 100, one_bit,
                            b"\xff" * 200 + whole[200:], whole[512:1500]):
                path = os.path.join(folder, "initrd.tar")
                with open(path, "wb") as archive:
                    archive.write(content)
                done = subprocess.run(
                    [RUN, "--build", folder, "--timeout", "20", "--", "true"],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
                self.assertNotIn(done.returncode, (0, 124), done.stderr)
                self.assertEqual(done.stdout, b"")


if __name__ == "__main__":
    unittest.main()
