"""What the shell's tests share: running commands, and typing at a terminal."""

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time

RUN = shlex.split(os.environ.get("WEIR_RUN", "lab-tests/run"))
CPUS = os.environ.get("WEIR_CPUS", "2")
CTRL_C, CTRL_D, CTRL_U, BACKSPACE = b"\x03", b"\x04", b"\x15", b"\x7f"

wrong = []


def check(what, got, want):
    if got != want:
        wrong.append("%s: want %r, got %r" % (what, want, got))


def finish():
    print("\n".join(wrong) or "all as it should be")
    sys.exit(1 if wrong else 0)


def run(*words, stdin=b"", options=()):
    """Runs a program in a machine of its own: (status, stdout, stderr)."""
    done = subprocess.run(
        RUN + ["--cpus", CPUS] + list(options) + ["--"] + list(words),
        input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def sh(script, **how):
    """The same for a line of shell."""
    return run("sh", "-c", script, **how)


class Terminal:
    """A machine's shell, with its console on a terminal that we type at."""

    def __init__(self, options=()):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            command = RUN + ["--cpus", CPUS] + list(options) + ["--console"]
            os.execv(command[0], command)
        self.prompt()

    def read(self, seconds):
        """Adds what comes within so many seconds; False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data.replace(b"\r\n", b"\n")
        return bool(data)

    def expect(self, text, seconds=20):
        """What came up to the text; the text and all before it are used up."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > end or not self.read(0.2):
                wrong.append("no %r; the last to be seen: %r"
                             % (text, self.seen[-200:]))
                self.close()
                finish()
        before, _, self.seen = self.seen.partition(text)
        return before

    def prompt(self):
        return self.expect(b"$ ")

    def type(self, data):
        os.write(self.fd, data if isinstance(data, bytes) else data.encode())

    def command(self, line):
        """Types a line; returns what it prints up to the next prompt."""
        self.type(line + "\n")
        self.expect(line.encode())
        return self.prompt().lstrip(b"\r\n")

    def interrupt(self):
        """
        Types Ctrl-C until a prompt comes: while the shell has not started the
        program yet, there is nothing that it could end.
        """
        while b"$ " not in self.seen:
            self.type(CTRL_C)
            limit = time.monotonic() + 2
            while b"$ " not in self.seen and time.monotonic() < limit:
                self.read(0.2)
        self.prompt()

    def end(self, seconds=20):
        """Waits for the machine to go; its exit status, None if it stays."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        return None

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
