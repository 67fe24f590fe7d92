"""
Building what a machine boots: kernels, programs, the archive.
"""

import fcntl
import os
import shlex
import subprocess
import tarfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

NAME_MAX = 55  # boot_file.name less its NUL
SANITIZERS = ("ub", "kasan", "kcsan", "lockdep")


class CannotStart(Exception):
    """The machine could not be started; the text says why."""


class BuildFailed(CannotStart):
    """A program does not compile; the text is the compiler's."""


# --- building programs ---------------------------------------------------


def read_config(build):
    """What `make` wrote down about how it builds: a dictionary of strings."""
    try:
        with open(os.path.join(build, "config")) as lines:
            return dict(
                line.rstrip("\n").split("=", 1) for line in lines if "=" in line
            )
    except OSError:
        raise CannotStart("nothing is built yet: run make") from None


def sanitizer(build):
    """Which one a build directory is of, or None."""
    parts = os.path.relpath(build, ROOT).split(os.sep)
    return next((name for name in SANITIZERS if name in parts), None)


def is_ordinary(build):
    """Whether times and counts of instructions say something."""
    return not sanitizer(build) and (
        "coverage" not in os.path.relpath(build, ROOT).split(os.sep))


def make(build, *targets):
    """Runs make for the build directory; its output goes to stderr."""
    flags = ["SAN=" + sanitizer(build)] if sanitizer(build) else []
    if "debug" in build.split(os.sep):
        flags.append("DEBUG=1")
    if "coverage" in build.split(os.sep):
        flags.append("COVERAGE=1")
    if "werror" in build.split(os.sep):
        flags.append("WERROR=1")
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    env.pop("MFLAGS", None)
    result = subprocess.run(
        ["make", "-s", "-C", ROOT, "--no-print-directory", *flags, *targets],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return result.returncode, result.stdout.decode(errors="replace")


def sanitized(name):
    """The kernel with a sanitizer. Programs are those of the ordinary build."""
    return os.path.join(ROOT, "build", name, "kernel.elf")


def make_sanitized(name):
    return make(os.path.dirname(sanitized(name)), os.path.relpath(
        sanitized(name), ROOT))


def ensure_built(build):
    """Builds the kernel and the archive unless they are there."""
    wanted = [os.path.join(build, n) for n in ("kernel.elf", "initrd.tar")]
    if all(os.path.exists(w) for w in wanted):
        return
    os.makedirs(build, exist_ok=True)
    # Several may find nothing built at the same moment.
    with open(os.path.join(build, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all(os.path.exists(w) for w in wanted):
            return
        status, text = make(build, "all")
        if status != 0:
            raise BuildFailed(text)


def build_program(build, source, output, extra=()):
    """Compiles one C file into a user program; returns the warnings."""
    config = read_config(build)
    user = os.path.join(build, "user", "lib")
    command = [
        config["cc"],
        *shlex.split(config["uflags"]),
        "-I" + os.path.join(ROOT, "kern/abi"),
        "-I" + os.path.join(ROOT, "user/lib"),
        *extra,
        *shlex.split(config["link"]),
        "-T" + os.path.join(ROOT, "user/user.ld"),
        "-o",
        output,
        os.path.join(user, "crt0.o"),
        os.path.abspath(source),
        os.path.join(user, "libweir.a"),
        os.path.join(ROOT, config["libgcc"]),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise CannotStart("%s: %s" % (config["cc"], error.strerror)) from None
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise BuildFailed(text or "%s: does not compile" % source)
    return text


def build_fake(build, mode, output):
    """A fake kernel that behaves as one of the modes in fixtures/fake.c."""
    subprocess.run(
        [read_config(build)["cc"], "-march=rv64imac", "-mabi=lp64",
         "-mcmodel=medany", "-O2", "-ffreestanding", "-nostdlib", "-static",
         "-fno-pie", "-no-pie", "-fno-stack-protector", "-Wl,-N",
         "-Wl,--build-id=none", "-Wl,--section-start=.entry=0x80200000",
         "-Wl,-Ttext=0x80201000", "-DMODE=" + mode, "-o", output,
         os.path.join(ROOT, "lab-tests", "fixtures", "fake.c")],
        check=True, stderr=subprocess.PIPE)


def strip_program(build, source, output):
    """A copy without symbols, as it goes into the archive."""
    config = read_config(build)
    subprocess.run(
        [config["prefix"] + "objcopy", "--strip-all", source, output],
        check=True,
        stdin=subprocess.DEVNULL,
    )


# --- the boot archive ------------------------------------------------------


def check_name(name):
    if len(name.encode()) > NAME_MAX:
        raise CannotStart("%s: a boot file's name has at most %d bytes"
                          % (name, NAME_MAX))


def add_files(archive, files):
    for name in sorted(files):
        check_name(name)
        info = tarfile.TarInfo(name)
        info.size = os.path.getsize(files[name])
        info.mode = 0o755
        with open(files[name], "rb") as content:
            archive.addfile(info, content)


def pack(output, files):
    """Writes a ustar archive of {name: path}; the same input, the same bytes."""
    with tarfile.open(output, "w", format=tarfile.USTAR_FORMAT) as archive:
        add_files(archive, files)


def repack(base, output, files):
    """The archive `base` with {name: path} added or put in place."""
    with tarfile.open(base) as old, tarfile.open(
        output, "w", format=tarfile.USTAR_FORMAT
    ) as new:
        for member in old:
            if member.name not in files:
                new.addfile(member, old.extractfile(member))
        add_files(new, files)
