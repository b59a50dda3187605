"""Whatever can go wrong with a reboot, by number, and what each must give. Long forms with EVERMOO_SOAK=1 (make soak).

Elsewhere: 19, and of 20 the clock on the wall (test_reboot_names_clocks.py); of 21 the moments outside a reboot (test_reboot_phases.py); 26 (test_versions.py, with a program that stands for the next release).
"""
import ctypes
import itertools
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from session import EVERMOO, FAULTS, SANITIZED, Server, reader, until
from test_guard import save, skip_sanitized
from test_reboot import AFTER, BACK, BEFORE, reboot, script, settled_descriptors

SOAK = bool(os.environ.get("EVERMOO_SOAK"))
IN_THE_OLD_ONE = ["preflight", "freeze", "handed-off"]
BEFORE_THE_COMMIT = ["started", "opened", "decoded", "restored"]
AFTER_THE_COMMIT = ["passed", "committed", "saved"]


class Failing(Server):
    """Fails, once, at the moment that fail_at() told and after arm()."""

    program = FAULTS

    def __init__(self, where, how, *options):
        self.trigger = pathlib.Path(tempfile.mkdtemp(prefix="evermoo-fail-")) / "now"
        self.fail_at(where, how)
        super().__init__(*options)

    def fail_at(self, where, how):
        """Counts from the next start on."""
        self.env = {**os.environ, "EVERMOO_CRASH_AT": f"{where}:{how}:{self.trigger}"}

    def arm(self):
        self.trigger.touch()

    def until_stopped(self):
        until("the server to stop", lambda: pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")

    def go_on(self):
        self.signal(signal.SIGCONT)

    def __exit__(self, *reason):
        try:
            super().__exit__(*reason)
        finally:
            shutil.rmtree(self.trigger.parent)


def add(c, name, value="0"):
    c.eval(f'add_property(#8, "{name}", {value}, {{#3, "r"}})')


def serves(c, *others):
    assert c.eval("1 + 1") == "2"
    for a in others:
        assert a.eval("2 + 2") == "4"


def refuses(programs):
    """Each is refused for the reason that goes with it, and nobody's half line is lost."""
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        for make, why in programs:
            path = make(server)
            a.raw(b'"half ')
            reboot(c, path)
            c.expect(re.compile(r"The reboot is off: .*" + re.escape(why)))
            a.raw(b"a line\r\n")
            a.expect('Alice says, "half a line"')
            serves(c, a)
        assert "has taken over" not in server.log_text()


class Storm:
    """Connects without end until its end; each wants its greeting."""

    def __init__(self, server, threads=3):
        self.server, self.stop, self.count, self.faults = server, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self):
        while not self.stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.server.port), 30) as x:
                    x.settimeout(30)
                    assert x.recv(100), "ended without a greeting"
                    self.count += 1
                    x.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # leaves no port waiting
            except (OSError, AssertionError) as fault:
                self.faults.append(fault)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *reason):
        self.stop.set()
        for t in self.threads:
            t.join()
        assert not self.faults, self.faults[:5]
        assert self.count


# ---- the new program is no good ----


def file_of(bytes_, mode):
    def make(server):
        path = server.dir / f"file-{mode:o}-{len(bytes_)}"
        path.write_bytes(bytes_)
        path.chmod(mode)
        return path
    return make


def test_fault_01_no_program():
    with Server() as server:
        assert server.login("Alice").eval("`reboot() ! ANY'") == "E_PERM"
    refuses([
        (lambda server: server.dir / "missing", "No such file"), (file_of(os.urandom(5000), 0o644), "cannot be executed"), (file_of(os.urandom(5000), 0o755), "Exec format error"),
        (file_of(b"\x7fELF\2\1\1" + bytes(100), 0o755), "cannot be started"), (file_of(b"", 0o755), "Exec format error"), (lambda server: server.dir, "."),
        (lambda server: script(server, "orphan", "").write_text("#!/no/such/interpreter\n") and server.dir / "orphan", "cannot be started"),
    ])


def test_fault_02_its_check_fails():
    refuses([(lambda server: script(server, "no", "exit 1"), "status 1"), (lambda server: script(server, "other", "exit 77"), "status 77")])


def test_fault_03_its_check_crashes():
    refuses([(lambda server: script(server, "dies", "kill -SEGV $$"), "signal 11"), (lambda server: script(server, "killed", "kill -KILL $$"), "signal 9")])


def test_fault_04_its_check_hangs():
    with Server("--reboot-patience=0.3") as server:
        c, a = server.login(), server.login("Alice")
        reboot(c, script(server, "hangs", "trap '' TERM HUP INT ALRM; while :; do :; done"))
        c.expect(re.compile("The reboot is off: .*took more than 0.3 seconds and was ended"))
        serves(c, a)


def test_fault_05_unlinked_after_its_check_began():
    """What was opened is what is executed."""
    with Server() as server:
        c = server.login()
        names = (server.dir / f"new-evermoo-{n}" for n in itertools.count())

        def caught():
            """The new program, if its check could be stopped before the end; it may have been too fast, and serves now."""
            new = next(names)
            shutil.copy(EVERMOO, new)
            reboot(c, new)
            while True:
                words = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
                if words:
                    try:
                        os.kill(int(words[0]), signal.SIGSTOP)
                    except ProcessLookupError:
                        pass
                    else:
                        new.unlink()
                        os.kill(int(words[0]), signal.SIGCONT)
                        return new
                if os.readlink(f"/proc/{server.pid}/exe") == str(new):
                    c.expect(AFTER)
                    return None

        new = until("a check that could be caught", caught)
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == f"{new} (deleted)"
        reboot(c)
        c.expect("The reboot is off")
        serves(c)
        reboot(c, EVERMOO)
        c.expect(AFTER)


# ---- it fails when it is to take over ----


def goes_back(where, how):
    with Failing(where, how) as server:
        c, a = server.login(), server.login("Alice")
        c.run("fork (3600) 1; endfork")
        exe = os.readlink(f"/proc/{server.pid}/exe")
        server.arm()
        a.raw(b'"half ')
        reboot(c)
        c.expect(BACK)
        c.expect("The new program could not take over")
        a.raw(b"a line\r\n")
        a.expect('Alice says, "half a line"')
        assert not server.trigger.exists()
        assert c.eval("length(queued_tasks())") == "1" and os.readlink(f"/proc/{server.pid}/exe") == exe
        reboot(c)
        c.expect(AFTER)
        serves(c, a)


def test_fault_06_fails_before_it_restores():
    for where in ("started", "opened"):
        goes_back(where, "error" if SANITIZED else "segv")
    goes_back("opened", "error")


def test_fault_07_crashes_in_mid_restore():
    goes_back("restored", "error" if SANITIZED else "segv")
    goes_back("decoded", "error" if SANITIZED else "abort")


def test_fault_08_hangs_in_restore():
    with Failing("decoded", "hang") as server:
        c = server.login()
        server.arm()
        with Storm(server):
            reboot(c)
            c.expect(BACK)
            c.expect("The new program could not take over")
        serves(c)


@skip_sanitized
def test_fault_09_crashes_after_the_commit():
    """Whoever was the new program, at the first moment or when its first save is on disk: the one before it serves."""
    for where in AFTER_THE_COMMIT:
        with Failing(where, "segv") as server:
            c, a = server.login(), server.login("Alice")
            add(c, "kept", "7")
            new = server.dir / "new-evermoo"
            shutil.copy(FAULTS, new)
            server.arm()
            reboot(c, new)
            c.expect("The server had a fault")
            a.expect("The server had a fault")
            assert os.readlink(f"/proc/{server.pid}/exe") == FAULTS
            assert c.eval("#8.kept") == "7"
            serves(c, a)
            reboot(c)
            c.expect(AFTER)
            serves(c, a)


# ---- the hand-off ----


def captured(server, c):
    """A hand-off of the server as it is: a new program that keeps what it is to check, and says no."""
    kept = server.dir / "kept-hand-off"
    keeper = script(server, "keeper", f'for a; do case $a in --hand-off=*) cat /proc/self/fd/${{a#*=}} >{kept};; esac; done\nexit 3\n')
    reboot(c, keeper)
    c.expect(re.compile("The reboot is off: .*status 3"))
    return kept.read_bytes()


def accepts(server, bytes_):
    """What `--check' says to it: None, or why not."""
    path = server.dir / "hand-off"
    path.write_bytes(bytes_)
    with open(path, "rb") as f:
        done = subprocess.run([EVERMOO, "serve", f"--hand-off={f.fileno()}", "--check", str(server.world)], pass_fds=[f.fileno()], capture_output=True, text=True)
    assert done.returncode in (0, 1), done
    return done.stderr if done.returncode else None


def test_fault_10_flipped_or_cut_short():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        a.send("PREFIX <<")
        c.run("fork (3600) x = {1, 2.5, \"three\"}; suspend(); endfork")
        good = captured(server, c)
        assert accepts(server, good) is None
        junk = [b"", b"junk", os.urandom(300), good[:17] + b"\0" + good[18:], good + b"\0", good[:17] + b"\xff" * 40, good[:17] + b"\x01\x05abcde"]
        step = 1 if SOAK else 23
        flips = [good[:i] + bytes([good[i] ^ 1 << bit]) + good[i + 1:] for i in range(0, len(good), step) for bit in (range(8) if SOAK else (i % 8,))]
        for bytes_ in junk + flips + [good[:n] for n in range(0, len(good), step)]:
            why = accepts(server, bytes_)
            assert why and "hand-off" in why, (bytes_, why)
        reboot(c)
        c.expect(AFTER)
        serves(c, a)


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def crc32c(bytes_):
    crc = 0xFFFFFFFF
    for byte in bytes_:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def section(kind, flags, payload, version=1):
    head = bytes([version, flags])
    envelope = head + struct.pack("<I", crc32c(head + varint(kind) + payload)) + payload
    return varint(kind) + varint(len(envelope)) + envelope


def test_fault_11_versions_of_the_hand_off():
    with Server() as server:
        c = server.login()
        good = captured(server, c)
        head = len(b"EVERMOO HANDOFF\n")
        assert good[head] == 1 and good[-1] == 0
        for version in (0, 2, 99):
            assert f"is of version {version}, and this program reads 1 to 1" in accepts(server, good[:head] + bytes([version]) + good[head + 1:])
        assert accepts(server, good[:-1] + section(99, 0, b"of a later release") + b"\0") is None
        assert accepts(server, good[:head + 1] + section(99, 0, b"at the beginning") + good[head + 1:]) is None
        assert "section 99 of the hand-off is not known" in accepts(server, good[:-1] + section(99, 1, b"must be understood") + b"\0")
        assert "not known" in accepts(server, good[:-1] + section(4, 1, b"", version=9) + b"\0")


def sections(bytes_):
    """[(number, flags, payload)] of a hand-off."""
    def number():
        nonlocal at
        n = shift = 0
        while True:
            n, shift, at = n | (bytes_[at] & 127) << shift, shift + 7, at + 1
            if bytes_[at - 1] < 128:
                return n
    at, found = len(b"EVERMOO HANDOFF\n") + 1, []
    while kind := number():
        length = number()
        found.append((kind, bytes_[at + 1], bytes_[at + 6:at + length]))
        at += length
    assert at == len(bytes_)
    return found


def test_fault_11_rows_of_a_later_release():
    """Inside a section that is known; nothing is taken then."""
    S_TASKS = 5
    with Server() as server:
        c = server.login()
        c.run("fork (3600) 1; endfork")
        task = int(c.eval("queued_tasks()[1][1]"))
        good = captured(server, c)

        def with_tasks(change):
            return good[:17] + b"".join(section(k, f, change(p) if k == S_TASKS else p) for k, f, p in sections(good)) + b"\0"

        assert with_tasks(lambda p: p) == good and accepts(server, good) is None
        row = b"\1" + varint(task)  # its version, its number
        assert "it is of version 9, this server knows up to 3" in accepts(server, with_tasks(lambda p: p.replace(row, b"\x09" + row[1:])))
        assert "of another version" in accepts(server, with_tasks(lambda p: b"\2" + p[1:]))


# ---- the machine has not enough ----


def test_fault_12_the_save_before_it_fails():
    with Failing("freeze", "error") as server:
        c, a = server.login(), server.login("Alice")
        add(c, "kept")
        server.fill_disk()
        c.run('#8.kept = "' + "x" * 20000 + '"')
        reboot(c)
        c.expect("The reboot is off: the checkpoint failed")
        serves(c, a)
        server.fill_disk(False)
        server.arm()
        reboot(c)
        c.expect("The reboot is off: the save before it failed")
        assert not server.trigger.exists()
        serves(c, a)
        reboot(c)
        c.expect(AFTER)
        assert c.eval("length(#8.kept)") == "20000"


def test_fault_13_no_descriptors_or_memory():
    with Failing("preflight", "error") as server:
        c = server.login()
        server.arm()
        reboot(c)
        c.expect("cannot be started: Cannot allocate memory")
        serves(c)
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        most = max(map(int, os.listdir(f"/proc/{server.pid}/fd")))
        for limit in (most + 1, most + 2):
            free = sorted(set(range(limit)) - set(map(int, os.listdir(f"/proc/{server.pid}/fd"))))
            if len(free) > 1:
                continue
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, hard))
            reboot(c)
            c.expect(re.compile("The reboot is off: .*Too many open files"))
            serves(c)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (hard, hard))
        reboot(c)
        c.expect(AFTER)


# ---- those who are connected ----


def test_fault_14_a_storm_of_connects():
    with Server() as server:
        c = server.login()
        with Storm(server, 4):
            for _ in range(100 if SOAK else 8):
                reboot(c)
                c.expect(AFTER)


def test_fault_15_much_queued_to_a_slow_reader():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.eval('add_property(#7, "max_queued_output", 60000000, {#3, "r"})')
        c.eval("load_server_options()")
        lines = 4096  # of 5,120 characters: 20 MB
        a.send(f';;x = "0123456789"; for i in [1..9] x = x + x; endfor for i in [1..{lines}] notify(player, tostr(i, " ", x)); endfor')
        until("the queue", lambda: int(c.eval("buffered_output_length(#4)")) > 15000000)
        reboot(c)
        c.expect(AFTER)
        tail = "0123456789" * 512
        for i in range(1, lines + 1):
            line = a.expect(re.compile(r"^(\d+) (.*)$"))
            assert line[1] == str(i) and line[2] == tail, i
        a.expect("=> 0")
        a.expect(BEFORE)
        a.expect(AFTER)


def test_fault_16_cut_anywhere():
    """A line with characters of several bytes, a telnet subnegotiation, an escaped byte and a line end of two bytes: cut after each byte by a reboot it gives what it gives in one piece."""
    whole = '"caf\u00e9 \u20ac'.encode() + b"\xff\xfa\x18\x00vt100\xff\xf0 \xff\xfd\x01end\xff\xff\r\n"
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        a.raw(whole)
        wanted = a.expect(re.compile("Alice says, .*"))[0]
        for cut in range(1, len(whole), 1 if SOAK else 3):
            a.raw(whole[:cut])
            serves(c)
            reboot(c)
            c.expect(AFTER)
            a.raw(whole[cut:])
            assert a.expect(re.compile("Alice says, .*"))[0] == wanted, cut
        a.send('"last')
        assert a.expect(re.compile("Alice says, .*"))[0] == 'Alice says, "last"'


def test_fault_17_reset_in_the_gap():
    with Failing("handed-off", "stop") as server:
        c, a, b = server.login(), server.login("Alice"), server.login("Bob")
        c.run("#0.events = {}")
        server.arm()
        reboot(c)
        server.until_stopped()
        a.reset()
        new = socket.create_connection(("127.0.0.1", server.port), 20)  # may get the number that hers had
        server.go_on()
        c.expect(AFTER)
        b.expect(AFTER)
        until("the disconnect", lambda: "disconnected" in c.eval("#0.events"))
        new.settimeout(20)
        assert new.recv(100).startswith(b"Welcome")
        serves(c)
        b.send('"here')
        b.expect('Bob says, "here"')
        assert c.run('n = 0; for e in (#0.events) if (e[2] == #4) n = n + 1; endif endfor return n') == "1"
        assert c.eval("{length(connected_players()), length(connected_players(1))}") == "{2, 3}"
        new.close()


def test_fault_18_an_outbound_connect_in_the_gap():
    with Failing("handed-off", "stop", "-o") as server:
        c, a = server.login(), server.login("Alice")
        for ends in ("answered", "refused"):
            full = socket.socket()
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            queued = [socket.socket() for _ in range(4)]
            for x in queued:
                x.setblocking(False)
                x.connect_ex(("127.0.0.1", port))
            c.run(f'fork (0) x = `open_network_connection("127.0.0.1", {port}) ! ANY\'; notify(player, tostr("outbound: ", typeof(x) == ERR ? x | typeof(x) == OBJ)); endfork')
            waiting = f":{port:04X} 02 "
            until("the connect that waits", lambda: pathlib.Path("/proc/net/tcp").read_text().count(waiting) > 3)
            server.arm()
            reboot(c)
            server.until_stopped()
            if ends == "refused":
                full.close()
            for x in queued:
                x.close()
            server.go_on()
            c.expect(AFTER)
            if ends == "answered":
                full.settimeout(0.05)

                def answered():
                    try:
                        full.accept()[0].close()
                    except TimeoutError:
                        pass
                    return b"outbound:" in c.data or c._more(time.monotonic() + 0.01) and b"outbound:" in c.data
                until("an answer", answered)
                full.close()
            c.expect("outbound: 1" if ends == "answered" else re.compile("outbound: (E_|Inv|Per|Con)"))
            serves(c, a)
            assert b"outbound:" not in c.data


def test_fault_20_timers_inside_the_gap():
    with Failing("handed-off", "stop") as server:
        c, a = server.login(), server.login("Alice")
        for name in ("slept", "forked", "lines"):
            add(c, name)
        server.arm()
        due = time.monotonic() + 1.1
        c.run("fork (0) suspend(1); #8.slept = #8.slept + 1; endfork fork (1) #8.forked = #8.forked + 1; endfork")
        a.send(';;x = read(player); y = read(player); notify(player, tostr("read ", x, " ", y));')
        reboot(c)
        server.until_stopped()
        a.send("one", "two", '"three')
        time.sleep(max(0, due - time.monotonic()))  # all are due while nobody is there to run them
        server.go_on()
        c.expect(AFTER)
        a.expect("read one two")
        a.expect('Alice says, "three"')
        until("both", lambda: c.eval("{#8.slept, #8.forked}") == "{1, 1}")
        reboot(c)
        c.expect(AFTER)
        assert c.eval("{#8.slept, #8.forked, queued_tasks()}") == "{1, 1, {}}"


# ---- the server is killed, stopped, or crashes, at every moment ----


def loses_nothing(server, c, where, n):
    """Reboots with something that is reported to be on disk, and something after it."""
    c.run(f"#8.kept = {n}; save_database(); #8.kept = {n} + 1")
    server.arm()
    reboot(c)


def test_fault_21_killed_at_every_phase():
    with Failing("check", "kill") as server:
        c = server.login()
        add(c, "kept")
        loses_nothing(server, c, "check", 10)
        c.expect(re.compile("The reboot is off: .*signal 9"))
        assert c.eval("#8.kept") == "11"
        for i, where in enumerate(IN_THE_OLD_ONE + BEFORE_THE_COMMIT + AFTER_THE_COMMIT):
            server.stop()
            server.fail_at(where, "kill")
            server.start()
            c = server.login()
            loses_nothing(server, c, where, 20 + 10 * i)
            assert server.wait() == -signal.SIGKILL, where
            server.start()
            c = server.login()
            assert c.eval("#8.kept") in (str(20 + 10 * i), str(21 + 10 * i)), where
            assert not server.trigger.exists(), where


@skip_sanitized
def test_fault_21_crashes_at_every_phase():
    """Between the freeze and the commit a crash costs nobody anything; at another time the world is what it was at its last save. Connections stay."""
    with Failing("check", "segv") as server:
        c = server.login()
        add(c, "kept")
        loses_nothing(server, c, "check", 10)
        c.expect(re.compile("The reboot is off: .*signal 11"))
        for i, where in enumerate(IN_THE_OLD_ONE + BEFORE_THE_COMMIT + AFTER_THE_COMMIT):
            server.stop()
            server.fail_at(where, "segv")
            server.start()
            c, pid = server.login(), server.pid
            loses_nothing(server, c, where, 20 + 10 * i)
            handed_over = where == "handed-off" or where in BEFORE_THE_COMMIT
            c.expect(BACK if handed_over else "The server had a fault")
            kept = c.eval("#8.kept")
            assert kept == str(21 + 10 * i) or not handed_over and kept == str(20 + 10 * i), (where, kept)
            assert not server.trigger.exists() and server.process.poll() is None and server.pid == pid, where


def test_fault_21_stopped_at_every_phase():
    with Failing("preflight", "stop") as server:
        c = server.login()
        add(c, "kept")
        for i, where in enumerate(IN_THE_OLD_ONE + BEFORE_THE_COMMIT + AFTER_THE_COMMIT):
            server.stop()
            server.fail_at(where, "stop")
            server.start()
            c, a = server.login(), server.login("Alice")
            loses_nothing(server, c, where, 10 * i)
            server.until_stopped()
            a.send('"said meanwhile')
            server.go_on()
            c.expect(AFTER)
            a.expect('Alice says, "said meanwhile"')
            assert c.eval("#8.kept") == str(10 * i + 1), where


def test_fault_22_signals_and_requests_during_the_freeze():
    with Failing("handed-off", "stop") as server:
        c = server.login()
        add(c, "kept")
        c.send(";;#8.kept = 7; for i in [1..5] reboot(); endfor")
        for _ in range(20):
            server.signal(signal.SIGUSR1)
            server.signal(signal.SIGUSR2)
        c.expect(AFTER)
        assert c.eval("#8.kept") == "7" and server.log_text().count("has taken over") == 1
        server.arm()
        c.send(";;#8.kept = 8; reboot();")
        server.until_stopped()
        for number in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
            server.signal(number)
        server.go_on()
        c.expect(AFTER)
        assert server.wait() == 0
        assert server.log_text().count("has taken over") == 2
        server.start()
        c = server.login()
        assert c.eval("#8.kept") == "8"
        c.send(";reboot()")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        server.start()


# ---- the store ----


def fill(c, objects):
    """A hundred properties each."""
    c.run('for i in [1..100] add_property(#1, tostr("p", i), 0, {#3, "r"}); endfor')
    c.run(f"for i in [1..{objects}] create(#1); if (i % 100 == 0) suspend(0); endif endfor")


def test_fault_23_a_large_save_under_way():
    with Server() as server:
        c = server.login()
        add(c, "n")
        fill(c, 1000 if SOAK else 100)
        c.run("fork (0) for o in [#9..max_object()] for p in (properties(#1)) o.(p) = {p, o}; endfor suspend(0); endfor #8.n = 1; save_database(); #8.n = 2; endfork")
        until("the save", lambda: c.eval("#8.n") != "0")
        c.send(";reboot()")
        c.expect(AFTER)
        until("its answer", lambda: c.eval("#8.n") == "2")
        assert c.run('for o in [#9..max_object()] for p in (properties(#1)) if (o.(p) != {p, o}) return {o, p}; endif endfor suspend(0); endfor return "all"') == '"all"'


def test_fault_24_another_process_holds_the_world():
    with Server() as server:
        c = server.login()
        add(c, "big")
        fill(c, 100)
        c.run("for o in [#9..max_object()] for p in (properties(#1)) o.(p) = {p, o}; endfor suspend(0); endfor save_database()")

        def some_reboots(n):
            for i in range(n):
                c.run(f'x = "{i}"; for i in [1..15] x = x + x; endfor #8.big = x')
                reboot(c)
                c.expect(AFTER)
            return (server.world / "data.mdb").stat().st_size

        other = reader(server)
        some_reboots(3)
        other.send_signal(signal.SIGKILL)
        other.wait()
        sizes = []
        until("a file that grows no more", lambda: sizes.append(some_reboots(5)) or len(set(sizes[-3:])) == 1 and len(sizes) > (12 if SOAK else 2))
        assert struct.pack("i", other.pid) not in (server.world / "lock.mdb").read_bytes()


def world_files(server):
    return {str(p.relative_to(server.world)): p.stat().st_size for p in server.world.rglob("*") if p.is_file()}


def own_memory(server):
    """In bytes."""
    return 1024 * int(re.search(r"RssAnon:\s+(\d+) kB", pathlib.Path(f"/proc/{server.pid}/status").read_text())[1])


def test_fault_25_many_reboots_leave_nothing_behind():
    """After the first few, which fill the free list of the world's file."""
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        stranger = server.connect()
        c.run('delete_verb(#0, "server_started")')  # with its names checkpoint_*: else the world itself grows with each
        a.send(";read()")
        c.run("fork (3600) 1; endfork")
        for _ in range(10):
            reboot(c)
            c.expect(AFTER)
        first, begin, memory = settled_descriptors(server), world_files(server), own_memory(server)
        for i in range(1000 if SOAK else 12):
            c.raw(b'"' + b"x" * (i % 100))
            c.raw(f" and reboot {i}\r\n;reboot()\r\n".encode())
            c.expect(f'Wizard says, "{"x" * (i % 100)} and reboot {i}"')
            c.expect(AFTER)
        assert settled_descriptors(server) == first
        assert c.eval("{length(connected_players()), length(connected_players(1)), length(queued_tasks())}") == "{2, 3, 1}"
        until("files as they were", lambda: world_files(server) == begin)
        if not SANITIZED:
            assert abs(own_memory(server) - memory) < 128 << 10, (memory, own_memory(server))
        stranger.login("Bob")
        children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
        assert not children.strip()


# ---- crashes without end ----


@skip_sanitized
def test_fault_27_a_crash_loop():
    """It crashes again as soon as it is to recover, each time: three, then it ends, and the world is sound."""
    with Failing("recovering", "segv") as server:
        server.stop()
        server.env["EVERMOO_CRASH_AT"] = "recovering:segv"
        server.start()
        c = server.login()
        add(c, "kept", "7")
        c.run("save_database()")
        server.signal(signal.SIGSEGV)
        assert server.wait() == -signal.SIGSEGV
        assert "the third within ten seconds" in server.log_text()
        c.expect_end()
        server.start()
        assert server.login().eval("#8.kept") == "7"


@skip_sanitized
def test_fault_28_a_crash_in_the_recovery():
    with Failing("recovering", "segv") as server:
        c, a = server.login(), server.login("Alice")
        add(c, "kept", "7")
        save(server)
        server.arm()
        server.signal(signal.SIGSEGV)
        c.expect("The server had a fault")
        assert not server.trigger.exists()
        assert c.eval("#8.kept") == "7"
        serves(c, a)


# ---- restricted, replaced ----


def forbid(number):
    """In the child before exec: a filter under which the system call gives EPERM."""
    rules = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    libc = ctypes.CDLL(None, use_errno=True)

    class Filter(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    what = Filter(len(rules), ctypes.addressof(program))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(what), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def test_fault_29_restricted():
    if os.uname().machine != "x86_64":
        print("skipped: the numbers of system calls are those of x86_64")
        return
    memfd_create = 319
    with Server() as server:
        server.stop()
        popen = subprocess.Popen
        subprocess.Popen = lambda *words, **more: popen(*words, preexec_fn=lambda: forbid(memfd_create), **more)
        try:
            server.start()
        finally:
            subprocess.Popen = popen
        c = server.login()
        reboot(c)
        c.expect(re.compile("The reboot is off: .*Operation not permitted"))
        serves(c)


def test_fault_30_replaced_by_the_package_manager():
    with Server() as server:
        c = server.login()
        new = server.dir / "new-evermoo"
        shutil.copy(EVERMOO, new)
        reboot(c, new)
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == str(new)
        new.rename(server.dir / "old-evermoo")
        shutil.copy(EVERMOO, new)  # the new file of that name is what is run next
        reboot(c)
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == str(new)
        new.unlink()
        shutil.copy(EVERMOO, new)
        reboot(c)
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == str(new)
        new.unlink()
        reboot(c)
        c.expect("The reboot is off")
        reboot(c, EVERMOO)
        c.expect(AFTER)
