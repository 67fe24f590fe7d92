"""make ide: files that editors understand, and never anybody's own."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
IDE = os.path.join(ROOT, "lab-tests", "ide")
FILES = [".clangd", ".vscode/tasks.json", ".vscode/launch.json",
         ".vscode/settings.json", ".vscode/extensions.json"]
# One of each kind: the kernel's, a program, its library, a test.
SAMPLES = ("kern/ipc/queue.c", "kern/proc/sched.c", "user/sh.c",
           "user/lib/ring.c", "lab-tests/queue/send.c")


def read_json(path):
    with open(path) as text:
        return json.loads(text.read().split("\n", 1)[1])


class Ide(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def ide(self):
        done = subprocess.run([sys.executable, IDE, "gdb-multiarch", self.dir],
                              stdout=subprocess.PIPE, check=True)
        return dict(line.split(": ", 1)
                    for line in done.stdout.decode().splitlines())

    def path(self, name):
        return os.path.join(self.dir, name)

    def test_written_and_written_again(self):
        self.assertEqual(self.ide(), dict.fromkeys(FILES, "written"))
        self.assertEqual(self.ide(), dict.fromkeys(FILES, "written again"))

    def test_own_files_stay(self):
        os.mkdir(self.path(".vscode"))
        own = {name: "{} // of %s\n" % name for name in FILES[::2]}
        for name, text in own.items():
            with open(self.path(name), "w") as out:
                out.write(text)
        said = self.ide()
        for name in FILES:
            self.assertEqual(said[name], "is yours, not changed"
                             if name in own else "written")
        for name, text in own.items():
            with open(self.path(name)) as there:
                self.assertEqual(there.read(), text)

    def test_tasks_and_launch(self):
        """Every target is one of make's, every task that is named is there."""
        self.ide()
        tasks = read_json(self.path(".vscode/tasks.json"))
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("MAKE")}
        asked = {one["id"] for one in tasks["inputs"]}
        for task in tasks["tasks"]:
            for name in re.findall(r"\$\{input:(\w+)\}", task["command"]):
                self.assertIn(name, asked)
            words = [word for word in shlex.split(task["command"])[1:]
                     if "=" not in word and not word.startswith("-")]
            done = subprocess.run(
                ["make", "-n", *words, "CMD=x", "T=x"], cwd=ROOT, env=env,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 0, done.stderr)
        launch = read_json(self.path(".vscode/launch.json"))
        self.assertIn(launch["configurations"][0]["preLaunchTask"],
                      [task["label"] for task in tasks["tasks"]])
        for name in FILES[3:]:
            self.assertTrue(read_json(self.path(name)))

    @unittest.skipIf(shutil.which("clang") is None, "clang is not here")
    def test_clang_understands(self):
        """With .clangd's changes clang compiles what gcc does."""
        self.ide()
        with open(self.path(".clangd")) as text:
            remove, add = re.findall(r"(?s)(?:Remove|Add): \[(.*?)\]",
                                     text.read())
        commands = subprocess.run(
            ["make", "-s", "-B", "compile_commands.json"], cwd=ROOT,
            stdout=subprocess.PIPE)
        self.assertEqual(commands.returncode, 0)
        with open(os.path.join(ROOT, "compile_commands.json")) as text:
            entries = {one["file"]: one for one in json.load(text)}
        patterns = [re.escape(word).replace(r"\*", ".*")
                    for word in re.split(r",\s+", remove)]
        for name in SAMPLES:
            words = [word for word in entries[name]["arguments"][1:]
                     if not any(re.fullmatch(p, word) for p in patterns)]
            flags = re.split(r",\s+", add)
            done = subprocess.run(
                ["clang", *flags, "-fsyntax-only", *words], cwd=ROOT,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            said = [line for line in done.stdout.decode().splitlines()
                    if " error: " in line or "unused argument" in line]
            self.assertEqual((done.returncode, said), (0, []), name)


if __name__ == "__main__":
    unittest.main()
