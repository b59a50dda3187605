"""What tests of faults share: the library between a program and its disk (preload.h), and small helpers."""
import contextlib
import errno
import functools
import mmap
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("B", ROOT / "build")).resolve()
EVERMOO, WORLD, LIBRARY = str(BUILD / "evermoo"), str(BUILD / "faultworld"), str(BUILD / "fault.so")

# enum call and struct control of preload.h.
WRITE, SYNC, TRUNCATE, OPEN, RENAME, MMAP, MALLOC, META = (1 << i for i in range(8))
DISK = WRITE | SYNC | TRUNCATE | OPEN | RENAME | MMAP
SHORT = 1000
NO_ACCOUNT = 2**64 - 1
EVER = 2**62
LIE_SYNC, LIE_META = 1, 2
FIELDS = ("calls", "counted", "first", "last", "error", "failed", "room", "lies")


class Fault(AssertionError):
    pass


class Skip(Exception):
    """What the test needs is not to be had here."""


def without_sanitizer(reason):
    if "libasan" in preloaded():
        raise Skip(reason)


class Control:
    """Which calls fail in the programs that run in `environment'. Fields read and write the shared words."""

    def __init__(self, path):
        self.__dict__["path"] = path
        with open(path, "wb+") as f:
            f.write(bytes(8 * len(FIELDS)))
            f.flush()
            self.__dict__["words"] = mmap.mmap(f.fileno(), 0)
        self.room = NO_ACCOUNT

    def __getattr__(self, name):
        return struct.unpack_from("=Q", self.words, 8 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        struct.pack_into("=Q", self.words, 8 * FIELDS.index(name), value)

    def arm(self, calls, first=1, last=None, error=errno.EIO):
        """From now on these calls are counted, and those with the numbers first to last fail (last=None: only the first; 0: none)."""
        self.calls = 0
        self.counted = self.failed = 0
        self.first, self.last, self.error = first, first if last is None else last, error
        self.calls = calls

    def disarm(self):
        self.calls = 0


@functools.cache
def preloaded():
    """Our library, behind that of a sanitizer, which must be the first."""
    needed = subprocess.run(["ldd", EVERMOO], capture_output=True, text=True).stdout.split()
    return ":".join([w for w in needed if w.startswith("/") and "libasan" in w] + [LIBRARY])


def environment(directory, control=None, journal=None):
    env = dict(os.environ, LD_PRELOAD=preloaded(), FAULT_DIR=str(pathlib.Path(directory).resolve()))
    if control:
        env["FAULT_CONTROL"] = str(control.path)
    if journal:
        env["FAULT_JOURNAL"] = str(journal)
    return env


def quick():
    """Nothing waits for the disk: what a test looks at afterwards was written by processes that died, not by machines that did."""
    return environment(tempfile.gettempdir())


def run(*command, env=None, text="", limit=60):
    env = env or (quick() if command[0] in (EVERMOO, WORLD) else None)
    done = subprocess.run([str(w) for w in command], input=text, env=env, capture_output=True, text=True, errors="replace", timeout=limit)
    return done.returncode, done.stdout, done.stderr


def must_run(*command, **keywords):
    status, out, err = run(*command, **keywords)
    if status:
        raise Fault(f"{' '.join(map(str, command))}: status {status}: {out}{err}")
    return out


@contextlib.contextmanager
def workplace(name):
    """A directory that goes away, unless the test fails: then it stays and is named."""
    place = pathlib.Path(tempfile.mkdtemp(prefix=f"evermoo-{name}-"))
    try:
        yield place
    except BaseException:
        print(f"kept: {place}")
        raise
    shutil.rmtree(place)
