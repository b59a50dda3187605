"""The protocol of service managers, spoken with a stand-in for one; and the limits that its unit file sets."""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from session import EVERMOO, LIMIT, Client, Fault, Server
from test_reboot import AFTER, descriptors, reboot, script, settled_descriptors

UNIT = pathlib.Path(__file__).resolve().parents[2] / "contrib" / "systemd" / "evermoo.service"


class Managed(Server):
    """A server whose $NOTIFY_SOCKET is ours."""

    def __init__(self, *options, abstract=False, watchdog_us=0):
        self.place = tempfile.mkdtemp(prefix="evermoo-notify-")
        name = f"@{self.place}" if abstract else f"{self.place}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if abstract else name)
        self.socket.settimeout(LIMIT)
        self.env = {**os.environ, "NOTIFY_SOCKET": name, **({"WATCHDOG_USEC": str(watchdog_us)} if watchdog_us else {})}
        super().__init__(*options)

    def hear(self):
        """The next message, as a dictionary; who said it is the main process."""
        data, _, _, _ = self.socket.recvmsg(4096)
        return dict(line.split("=", 1) for line in data.decode().splitlines())

    def hear_all(self, *names):
        """The next messages but the watchdog's begin with these."""
        for name in names:
            message = self.hear()
            while "WATCHDOG" in message:
                message = self.hear()
            if next(iter(message)) != name or message[name] != "1":
                raise Fault(f"expected {name}, heard {message}")
        return message

    def quiet(self):
        """Nothing has been said meanwhile."""
        self.socket.setblocking(False)
        try:
            raise Fault(f"heard {self.hear()}")
        except BlockingIOError:
            self.socket.settimeout(LIMIT)

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            self.socket.close()
            shutil.rmtree(self.place)


def a_life(abstract):
    with Managed(abstract=abstract) as server:
        ready = server.hear_all("READY")
        assert re.search(r"world: 0 connections, save \d+$", ready["STATUS"]), ready
        c = server.login()
        reboot(c)
        c.expect(AFTER)
        before = server.hear_all("RELOADING")
        assert 0 < int(before["MONOTONIC_USEC"]) and before["STATUS"]
        assert "1 connections" in server.hear_all("READY")["STATUS"]
        reboot(c, script(server, "no", "exit 1"))
        c.expect("The reboot is off")
        server.quiet()  # it never stopped serving
        server.stop()
        server.hear_all("STOPPING")
        server.quiet()


def test_from_start_to_end():
    a_life(abstract=False)


def test_a_socket_without_a_file():
    a_life(abstract=True)


def test_the_new_program_that_cannot_be_executed():
    """It passes its check and cannot be executed a moment later: reloading, and ready again."""
    with Managed() as server:
        c = server.login()
        shutil.copy("/bin/sh", server.dir / "sh")
        path = script(server, "once", f'mv {server.dir}/sh {server.dir}/gone')
        path.write_text(path.read_text().replace("/bin/sh", f"{server.dir}/sh"))
        server.hear_all("READY")
        before = settled_descriptors(server)
        reboot(c, path)
        c.expect("The new program could not take over")
        server.hear_all("RELOADING", "READY")
        assert re.search(r"REBOOT: \S+once cannot be executed: No such file or directory; the running program takes over again", server.log_text())
        assert "another black box" not in server.log_text() and settled_descriptors(server) == before


def test_reload_waits_for_the_new_program():
    """What ExecReload= runs tells how it went."""

    def reload(*program):
        done = subprocess.run([EVERMOO, "reboot", str(server.world), *program], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    with Managed() as server:
        c = server.login()
        server.hear_all("READY")
        for _ in range(2):
            status, text = reload()
            assert status == 0 and re.fullmatch(rf"evermoo \S+ has taken over; process {server.pid}\n", text), text
            c.expect(AFTER)
            server.hear_all("RELOADING", "READY")
        status, text = reload(str(script(server, "no", "echo that is why; exit 1")))
        assert status == 1 and re.search(r"The reboot is off: .*that is why. Everything goes on", text) and text.count("\n") == 1, text
        status, text = reload("/dev/null")
        assert status == 1 and "no regular file" in text, text
        shutil.copy("/bin/sh", server.dir / "sh")
        path = script(server, "once", f"mv {server.dir}/sh {server.dir}/gone")
        path.write_text(path.read_text().replace("/bin/sh", f"{server.dir}/sh"))
        status, text = reload(str(path))
        assert status == 1 and "could not take over" in text, text
        held = []
        for n in (4, 5):
            assert reload()[0] == 0
            server.expect_log("what was handed over is on disk", n)
            held.append(descriptors(server))
        assert held[0] == held[1]
        assert c.eval("1 + 1") == "2"


def test_the_watchdog():
    with Managed(watchdog_us=200000) as server:
        server.hear_all("READY")
        c = server.login()
        for _ in range(3):
            assert server.hear()["WATCHDOG"] == "1"
        reboot(c)
        c.expect(AFTER)
        server.hear_all("RELOADING", "READY")
        for _ in range(3):
            assert server.hear()["WATCHDOG"] == "1"
        # What was said before it stood still is there; after that nothing more comes.
        server.signal(signal.SIGSTOP)
        os.waitpid(server.pid, os.WUNTRACED)
        server.socket.setblocking(False)
        try:
            while server.hear():
                pass
        except BlockingIOError:
            pass
        assert server.process.poll() is None
        server.socket.settimeout(0.5)
        try:
            raise Fault(f"a server that stands still says {server.hear()}")
        except TimeoutError:
            pass
        server.signal(signal.SIGCONT)
        server.socket.settimeout(LIMIT)
        assert server.hear()["WATCHDOG"] == "1"


def test_a_manager_that_is_not_there():
    with Managed() as server:
        server.hear_all("READY")
        server.socket.close()
        os.unlink(f"{server.place}/notify")
        c = server.login()
        reboot(c)
        c.expect(AFTER)
        server.expect_log("The service manager cannot be told that the server is ready")
        assert c.eval("1 + 1") == "2"


LAUNCHER = """
import os, sys
fds = [int(fd) for fd in os.environ.pop("KEPT").split()]
away = [os.dup(fd) for fd in fds]  # above all that are open
while min(away, default=9999) < 3 + len(fds):
    away = [os.dup(fd) for fd in fds]
for i, fd in enumerate(away):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.closerange(3 + len(fds), 2000)
os.execv({program!r}, ["evermoo", *sys.argv[1:]])
"""


class Keeping(Managed):
    """A manager with a store of descriptors; it gives them back to the server that it starts next."""

    def __init__(self, *options, most=100):
        self.store, self.most = [], most
        super().__init__(*options)

    def hear(self):
        data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4))
        message = dict(line.split("=", 1) for line in data.decode().splitlines())
        if "FDSTORE" in message:
            (_, _, fd), = ancillary
            self.store.append((message["FDNAME"], int.from_bytes(fd, sys.byteorder)))
        if "FDSTOREREMOVE" in message:
            for kept in [k for k in self.store if k[0] == message["FDNAME"]]:
                self.store.remove(kept)
                os.close(kept[1])
        return message

    def until_store_has(self, n):
        """The black box counts as one."""
        while len(self.store) != n:
            self.hear()

    def spawn(self, *options, **keywords):
        """As systemd does it: with all that was kept, which stays kept."""
        launcher = self.dir / "launcher"
        launcher.write_text(f"#!{sys.executable}\n{LAUNCHER.format(program=EVERMOO)}")
        launcher.chmod(0o755)
        self.program = str(launcher)
        fds = [fd for _, fd in self.store]
        self.env.update(FDSTORE=str(self.most), KEPT=" ".join(map(str, fds)), LISTEN_FDNAMES=":".join(name for name, _ in self.store))
        return super().spawn(*options, pass_fds=fds, **keywords)

    def start_again(self):
        self.spawn()
        message = self.hear()
        while "READY" not in message:
            message = self.hear()

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            for _, fd in self.store:
                os.close(fd)


WITHOUT_NEW_CODE = """
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: as MemoryDenyWriteExecute=yes does it
    sys.exit("this system cannot refuse")
os.execv({program!r}, ["evermoo", *sys.argv[1:]])
"""


class Hardened(Server):
    """One that may make no memory executable: regular expressions are interpreted then."""

    def start(self, *options, **keywords):
        path = self.dir / "hardened"
        path.write_text(f"#!{sys.executable}\n{WITHOUT_NEW_CODE.format(program=EVERMOO)}")
        path.chmod(0o755)
        self.program = str(path)
        return super().start(*options, **keywords)


def test_without_executable_memory():
    if ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:  # PR_GET_MDWE
        print("skip: this kernel cannot refuse to make memory executable")
        return
    with Hardened() as server:
        c = server.login()
        for _ in range(2):
            assert c.eval('match("a foobar", "%(o+%)b%([a-z]%)")') == '{4, 7, {{4, 5}, {7, 7}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}}, "a foobar"}'
            assert c.eval('rmatch("xaxa", "xa")[1]') == "3"
            maps = pathlib.Path(f"/proc/{server.pid}/maps").read_text().splitlines()
            assert maps and not [m for m in maps if re.match(r"\S+ ..x. \S+ \S+ 0\s*$", m)], maps
            reboot(c)
            c.expect(AFTER)


def test_the_unit_file_is_sound():
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        print("skip: systemd-analyze is not here")
        return
    text = UNIT.read_text()
    assert "Type=notify\n" in text and re.search("^ExecReload=/usr/bin/evermoo reboot ", text, re.M)
    with tempfile.TemporaryDirectory(prefix="evermoo-unit-") as place:
        unit = pathlib.Path(place) / "evermoo.service"
        unit.write_text(text.replace("/usr/bin/evermoo", EVERMOO))
        done = subprocess.run([analyze, "verify", "--man=no", "--recursive-errors=no", str(unit)], capture_output=True, text=True)
        ours = [line for line in (done.stdout + done.stderr).splitlines() if "evermoo" in line]
        assert done.returncode == 0 and not ours, done
        # An option of `serve' that there is not would only be found when somebody starts it.
        for option in re.findall(r"(--[a-z-]+)", re.search("^ExecStart=(.*)$", text, re.M)[1]):
            assert option in subprocess.run([EVERMOO, "serve", "--help"], capture_output=True, text=True).stdout, option


def test_killed_and_nobody_is_dropped():
    """The manager keeps the sockets of a server that is killed, and the next one goes on with them from the last save."""
    with Keeping() as server:
        c, alice = server.login(), server.login("Alice")
        port = int(c.eval("listen(#8, 0, 1)"))
        c.eval('add_property(#8, "kept", 0, {#3, "r"})')
        waits = server.connect()
        server.until_store_has(6)
        name = alice.eval("connection_name(player)")
        for i in range(2):  # a third time would be once too often
            c.eval(f"#8.kept = {i + 1}")
            subprocess.run([EVERMOO, "save", str(server.world)], check=True, capture_output=True)
            if i == 1:
                reboot(c)  # what is kept goes with the sockets, under the same names
                c.expect(AFTER)
                while "READY" not in server.hear():
                    pass
            server.kill()
            server.start_again()
            alice.expect("The server had a fault")
            assert alice.eval("connection_name(player)") == name
            c.expect("The server had a fault")
            facts = c.eval("{#8.kept, length(connected_players()), length(listeners())}")
            assert facts == f"{{{i + 1}, 2, 2}}", facts
            server.until_store_has(6)
        other = Client(port, greeting=False)
        server.until_store_has(7)
        other.close()
        server.until_store_has(6)
        waits.send("connect Bob")
        waits.expect("*** Connected ***")
        again = server.connect()
        server.until_store_has(7)
        again.send("connect Alice")
        again.expect("Redirecting old connection")
        alice.expect_end()
        server.until_store_has(6)
        server.stop()
        server.until_store_has(0)


def test_a_full_store():
    """It takes four: the box and the first three sockets; who comes later gets the place of one that went."""
    with Keeping(most=4) as server:
        c, alice = server.login(), server.login("Alice")
        server.login("Bob")
        server.until_store_has(4)
        assert c.eval("1 + 1") == "2"
        kept = len(server.store)
        alice.close()
        while len(server.store) == kept:
            server.hear()
        server.until_store_has(4)


def test_what_was_kept_cannot_be_used():
    """A box that is none, sockets of somebody else: all are closed, and the server begins as ever."""
    with Keeping() as server:
        alice = server.login("Alice")
        server.until_store_has(3)
        server.kill()
        for i, (name, fd) in enumerate(server.store):
            if name == "evermoo-box":
                os.close(fd)
                server.store[i] = (name, os.memfd_create("junk"))
        server.start(port=server.port)  # which the manager's socket does not block
        server.expect_log("the sockets that the service manager kept are dropped: ")
        alice.expect_end()
        server.login("Alice")
        assert sum("blackbox" in name or "junk" in name for name in descriptors(server)) == 1


def test_what_is_kept_is_of_one_world():
    """Who was a player of one world is nobody in another that the manager is told to serve next, though it has the same number there."""
    with Keeping() as server:
        alice = server.login("Alice")
        server.until_store_has(3)
        server.kill()
        server.world.rename(server.dir / "one")
        subprocess.run([EVERMOO, "import", str(server.dir / "tiny.db"), str(server.world)], check=True, capture_output=True)
        server.start()
        alice.expect_end()
        assert "of another world" in server.log_text() and b"fault" not in alice.data
        server.until_store_has(2)  # once what is new is there, and nothing else
        assert server.login().eval("length(connected_players())") == "1"
