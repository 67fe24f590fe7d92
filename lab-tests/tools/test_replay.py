"""
Recording and replaying: the same run again; and the recipe that
docs/debugging.md has, which finds a planted lost wakeup by going back in time.
"""

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
import course  # noqa: E402
import recording  # noqa: E402

BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
GDB_FOLDER = os.path.join(ROOT, "lab-tests", "gdb")
PATIENCE = 100  # seconds for what takes two


def tool(name, *words, typed=None):
    """(status, stdout, stderr) of one of the tools."""
    done = subprocess.run(
        [os.path.join(ROOT, "lab-tests", name), *words], cwd=ROOT,
        stdin=subprocess.DEVNULL if typed is None else None, input=typed,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


@unittest.skipIf(shutil.which("gdb-multiarch") is None, "no debugger here")
class Replay(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-")
        self.kept = os.path.join(self.dir, "record")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def record(self, *words, build=BUILD, **how):
        return tool("run", "--build", build, "--record", self.kept, *words,
                    **how)

    def debug(self, script):
        path = os.path.join(self.dir, "script.gdb")
        with open(path, "w") as out:
            out.write(script)
        return tool("replay", "--debug", "--build", BUILD, "--script", path,
                    self.kept)[1].decode(errors="replace")

    def test_the_same_again(self):
        """Times, keys and all, as often as wanted."""
        status, first, errors = self.record("--", "pingpong", "500")
        self.assertEqual(status, 0, errors)
        self.assertRegex(first.decode(), r"500 rounds .*: \d+ ns a round")
        for _ in range(2):
            self.assertEqual(tool("replay", self.kept)[:2], (0, first))

    def test_keys_are_recorded(self):
        status, first, errors = self.record("--", "cat", typed=b"typed\n")
        self.assertEqual((status, first), (0, b"typed\n"), errors)
        self.assertEqual(tool("replay", self.kept)[:2], (0, first))

    def test_a_run_without_an_end(self):
        """What was recorded until the time was over is there."""
        status, _, errors = self.record("--timeout", "2", "--", "cat")
        self.assertEqual(status, 124, errors)
        text = self.debug("tbreak sys_queue_recv if $_streq("
                          "$process_name(), \"cat\")\ncontinue\nps\nkill\n")
        self.assertRegex(text, r"(?m)^ +2 +1 running .* cat$")

    def test_where_it_ends(self):
        self.assertEqual(self.record("--", "hello")[0], 0)
        text = self.debug("continue\ntbreak proc_start\nreverse-continue\n"
                          "backtrace\nkill\n")
        self.assertIn("the recorded run ends here", text)
        self.assertRegex(text, r"(?m)^#0 +proc_start \(p=")

    def test_make(self):
        """The targets of make, which say where to the tools."""
        status, text = building.make(BUILD, "qemu-record", "CMD=hello",
                                    "RECORD=" + self.kept)
        self.assertEqual(status, 0, text)
        self.assertIn("hello from process 2\n", text)
        gdb = os.path.join(self.dir, "gdb")
        with open(gdb, "w") as script:
            script.write('#!/bin/sh\nexec gdb-multiarch "$@" -batch -ex '
                         '"ubreak hello:main" -ex continue -ex bt\n')
        os.chmod(gdb, 0o755)
        status, text = building.make(BUILD, "replay-gdb", "GDB=" + gdb,
                                    "RECORD=" + self.kept)
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"(?m)^#0 +main \(\) at user/hello.c:\d+$")

    def test_slips(self):
        for words, said in ((("replay", self.kept), "nothing is recorded"),
                            (("run", "--record", self.kept, "--cpus", "2",
                              "--", "hello"), "with one hart")):
            status, _, errors = tool(*words)
            self.assertNotEqual(status, 0)
            self.assertIn(said, errors)

    @unittest.skipIf(shutil.which("qemu-img") is None, "qemu-img is not here")
    def test_image(self):
        """The one that Python writes is one."""
        path = os.path.join(self.dir, "image.qcow2")
        recording.write_image(path)
        done = subprocess.run(["qemu-img", "check", path],
                              stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"No errors", done.stdout)

    def test_finds_a_lost_wakeup(self):
        tree = os.path.join(self.dir, "weir")
        course.copy_tree(tree)
        course.apply_patch(os.path.join(GDB_FOLDER, "lost-wakeup.patch"), tree)
        status, text = course.make(tree, "all")
        self.assertEqual(status, 0, text)
        status, printed, errors = self.record(
            "--prog", os.path.join(GDB_FOLDER, "lost.c"), "--", "lost",
            build=os.path.join(tree, "build"))
        self.assertEqual((status, printed), (1, b"process 4 got no letter\n"),
                         errors)
        with open(os.path.join(GDB_FOLDER, "lost.gdb")) as script:
            text = self.debug(script.read())
        # A message is there, and somebody waits for one.
        self.assertRegex(text, r"queue \d+ at .*: 1 of 4 places hold")
        self.assertIn("waiting to receive: process 4", text)
        self.assertRegex(text, r"(?m)^ +4 lost +receives from queue \d+ <- 2$")
        # Back to who put it there and woke nobody.
        after = text[text.index("watchpoint"):]
        frames = re.findall(r"(?m)^#\d+ +(?:0x\w+ in )?(\w+)", after)
        self.assertIn("hand_on_locked", frames, text)
        self.assertIn("commit_slowly", frames, text)


if __name__ == "__main__":
    unittest.main()
