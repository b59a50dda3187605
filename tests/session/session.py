"""Sessions with a real server over real sockets. Everything waits for an event, with a limit that only a fault reaches."""
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import tiny

LIMIT = float(os.environ.get("SESSION_LIMIT", "20"))
BUILD = pathlib.Path(os.environ.get("B", "build")).resolve()
EVERMOO = str(BUILD / "evermoo")
FAULTS = str(BUILD / "evermoo-faults")  # fails where EVERMOO_CRASH_AT says (tests/fault/phase.c)
SANITIZED = BUILD.name.endswith(("-san", "-tsan"))  # there, faults end the process with a report
for path in (BUILD, *(p for p in BUILD.glob("evermoo*") if "." not in p.name)):  # whatever the umask was: a program that others can write is not rebooted into
    if path.exists():
        path.chmod(path.stat().st_mode & ~0o022)


class Fault(AssertionError):
    pass


def until(what, condition, limit=LIMIT):
    """Waits until `condition` gives something true, which is returned."""
    end = time.monotonic() + limit
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Fault(f"waited in vain for {what}")
        time.sleep(0.01)


class Client:
    def __init__(self, port, host="127.0.0.1", greeting=True, source=None):
        self.sock = socket.create_connection((host, port), LIMIT, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.ended = False
        if greeting:
            self.expect("Welcome to the tiny world.")

    def raw(self, data):
        self.sock.sendall(data)

    def send(self, *lines):
        self.raw("".join(line + "\r\n" for line in lines).encode())

    def _more(self, end):
        left = end - time.monotonic()
        if left <= 0 or not select.select([self.sock], [], [], left)[0]:
            return False
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionError:
            data = b""
        self.ended = not data
        self.data += data
        return not self.ended

    def expect(self, pattern, limit=None):
        """The match of the first line of output that has it; what came before is gone. A plain string stands for itself."""
        regex = pattern if isinstance(pattern, re.Pattern) else re.compile(re.escape(pattern))
        end = time.monotonic() + (limit or LIMIT)
        passed = b""
        while True:
            *lines, self.data = self.data.split(b"\r\n")
            for i, line in enumerate(lines):
                found = regex.search(line.decode("utf-8", "replace"))
                if found:
                    self.data = b"\r\n".join([*lines[i + 1 :], self.data])
                    return found
                passed = (passed + line[-500:] + b"\r\n")[-500:]
            if self.ended or not self._more(end):
                raise Fault(f"expected {regex.pattern!r}, {'the connection ended after' if self.ended else 'got'} {passed + self.data[-500:]!r}")

    def expect_bytes(self, wanted, limit=None):
        end = time.monotonic() + (limit or LIMIT)
        while wanted not in self.data:
            if not self._more(end):
                raise Fault(f"expected the bytes {wanted!r}, got {self.data[-500:]!r}")
        before, self.data = self.data.split(wanted, 1)
        return before

    def expect_end(self):
        end = time.monotonic() + LIMIT
        while not self.ended:
            if not self._more(end) and not self.ended:
                raise Fault(f"the connection did not end; got {self.data[-500:]!r}")
        return self.data

    def login(self, name):
        self.send("connect " + name)
        self.expect("*** Connected ***")
        return self

    def eval(self, code):
        """The literal that the server answers; a mark keeps answers apart from other output."""
        self.send(";" + code)
        return self.expect(re.compile(r"^=> (.*)$"))[1]

    def run(self, code):
        self.send(";;" + code + ";")
        return self.expect(re.compile(r"^=> (.*)$"))[1]

    def close(self):
        self.sock.close()

    def reset(self):
        """Ends it with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


class Server:
    """A world in a directory of its own and the server that runs it."""

    env = None  # of the server: as ours
    program = EVERMOO
    reboot_folders = True  # the server may be replaced by a program of the build and of its own directory

    def __init__(self, *options, world=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="evermoo-session-"))
        self.world, self.log = self.dir / "world", self.dir / "log"
        self.options, self.clients, self.process = options, [], None
        dump = self.dir / "tiny.db"
        dump.write_text(world or tiny.dump())
        done = subprocess.run([EVERMOO, "import", str(dump), str(self.world)], capture_output=True, text=True)
        if done.returncode:
            raise Fault(f"import failed: {done.stdout}{done.stderr}")
        self.start()

    def spawn(self, *options, port=0, pass_fds=()):
        """Begins a server; what it prints in this run is in `out' from here on."""
        out = open(self.dir / "out", "ab")
        begin = out.tell()
        log = open(self.log, "ab")
        folders = [f"--reboot-folder={folder}" for folder in (BUILD, self.dir)] if self.reboot_folders else []
        slow = ["--max-slice-ms=5000"] if SANITIZED else []  # all takes ten times as long there
        command = [self.program, "serve", str(self.world), "-p", str(port), "--listen", "127.0.0.1", *slow, *folders, *self.options, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=self.env, pass_fds=pass_fds, start_new_session=True)
        out.close()
        log.close()
        return begin

    def start(self, *options, port=0):
        mark = self.log.stat().st_size if self.log.exists() else 0
        begin = self.spawn(*options, port=port)

        def listening():
            if self.process.poll() is not None:
                raise Fault("the server ended at once: " + self.log.read_text(errors="replace")[mark:][-2000:])
            return re.search(r"listening on .*port (\d+)", (self.dir / "out").read_bytes()[begin:].decode())

        self.port = int(until("the listening line", listening)[1])
        return self

    @property
    def pid(self):
        return self.process.pid

    def connect(self, **keywords):
        c = Client(keywords.pop("port", self.port), **keywords)
        self.clients.append(c)
        return c

    def login(self, name="Wizard"):
        return self.connect().login(name)

    def log_text(self):
        return self.log.read_text(errors="replace")

    def expect_log(self, pattern, count=1):
        regex = pattern if isinstance(pattern, re.Pattern) else re.compile(re.escape(pattern))
        try:
            return until(pattern, lambda: len(found := regex.findall(self.log_text())) >= count and found)
        except Fault as fault:
            raise Fault(f"{fault}; the log ends: {self.log_text()[-1500:]}") from None

    def signal(self, number):
        os.kill(self.pid, number)

    def fill_disk(self, full=True):
        """From now on no file of the server may have anything behind its first 8 KiB, which is less than any world and more than the log; or it may again."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (8192 if full else hard, hard))

    def wait(self):
        return self.process.wait(LIMIT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.signal(signal.SIGTERM)
        status = self.wait()
        if status:
            raise Fault(f"the server ended with status {status}: {self.log_text()[-2000:]}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        for c in self.clients:
            c.close()
        try:
            if self.process and self.process.poll() is None:
                if kind:
                    self.kill()
                else:
                    self.stop()
            if not kind:
                self.check()
        finally:
            if self.process and self.process.poll() is None:
                self.kill()
            if kind:
                print(f"--- log of {self.dir}\n{self.log_text()[-3000:]}")
            shutil.rmtree(self.dir, ignore_errors=True)

    def check(self):
        """The world on disk is sound and no sanitizer had anything to say."""
        if re.search(r"ERROR: \w+Sanitizer|runtime error:", self.log_text()):
            raise Fault("a sanitizer reported: " + self.log_text()[-4000:])
        done = subprocess.run([EVERMOO, "check", str(self.world)], capture_output=True, text=True)
        if done.returncode:
            raise Fault(f"evermoo check: {done.stdout}{done.stderr}")


def reader(server):
    """Another process that has the world open for reading and is stopped in the midst of it."""
    lock = server.world / "lock.mdb"

    def caught():
        process = subprocess.Popen([EVERMOO, "export", str(server.world), str(server.dir / f"export-{time.monotonic_ns()}")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        mark = struct.pack("i", process.pid)
        while process.poll() is None:
            if mark in lock.read_bytes():
                process.send_signal(signal.SIGSTOP)
                if mark in lock.read_bytes():
                    return process
                process.send_signal(signal.SIGCONT)
        return None

    return until("a reader that could be caught", caught)
