"""`evermoo serve --supervise': a server that is killed is started again, and nobody is dropped."""
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import socket
import subprocess

from session import EVERMOO, FAULTS, LIMIT, SANITIZED, Fault, Server, until
from test_guard import skip_sanitized
from test_reboot import AFTER, reboot, script
from test_reboot_faults import SOAK, Failing


class Supervised(Server):
    @property
    def env(self):
        """What it makes for itself lies in the folder that is removed at the end."""
        return {**os.environ, "TMPDIR": str(self.dir)}

    @property
    def server_pid(self):
        """Of the child; None while there is none."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if children else None

    @property
    def sockets_kept(self):
        """Of the supervisor, but for the one that it is told on."""
        try:
            return sum("socket:" in os.readlink(f"/proc/{self.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{self.pid}/fd")) - 1
        except FileNotFoundError:  # closed a moment ago
            return None

    def until_kept(self, n):
        """Listening sockets and connections."""
        until(f"{n} sockets kept", lambda: self.sockets_kept == n)

    def kill_server(self):
        pid = self.server_pid
        os.kill(pid, signal.SIGKILL)
        until("the next server", lambda: self.server_pid not in (None, pid))

    @property
    def notify_socket(self):
        """Where the server sends what it has to say."""
        return dict(v.split("=", 1) for v in pathlib.Path(f"/proc/{self.server_pid}/environ").read_text().split("\0") if "=" in v)["NOTIFY_SOCKET"]

    def kill(self):
        if pid := self.server_pid:
            os.kill(pid, signal.SIGKILL)
        super().kill()


def test_killed_and_started_again():
    with Supervised("--supervise") as server:
        c, alice = server.login(), server.login("Alice")
        c.eval('add_property(#8, "kept", 0, {#3, "r"})')
        second = int(c.eval("listen(#8, 0, 1)"))
        for i in range(2):
            c.eval(f"#8.kept = {i + 1}")
            subprocess.run([EVERMOO, "save", str(server.world)], check=True, capture_output=True)
            if i:
                before = server.server_pid
                reboot(c)
                c.expect(AFTER)
                assert server.server_pid == before
                alice.expect(AFTER)
            server.until_kept(4)
            server.kill_server()
            for client in (c, alice):
                client.expect("The server had a fault")
            assert c.eval("{#8.kept, length(connected_players()), length(listeners())}") == f"{{{i + 1}, 2, 2}}"
        server.connect(port=second, greeting=False)
        server.expect_log(re.compile(rf"ACCEPT: #-\d+ on port {second}"))
        server.stop()
        assert "signal 9" in server.log_text()


def test_ends_with_the_server():
    with Supervised("--supervise") as server:
        server.login()
        assert subprocess.run([EVERMOO, "stop", str(server.world)], capture_output=True).returncode == 0
        assert server.wait() == 0
        try:
            server.start("--tick-quota=none")
            raise Fault("it serves with wrong arguments")
        except Fault as fault:
            assert "does not fit tick_quota" in str(fault)
        assert server.process.wait(LIMIT) == 64


def test_not_for_ever():
    with Supervised("--supervise") as server:
        server.until_kept(1)
        server.kill_server()
        server.kill_server()
        os.kill(server.server_pid, signal.SIGKILL)
        assert server.wait() == 1
        server.expect_log("that was 3 times within 10 seconds, and it is not started again")


def test_a_stranger_gives_it_nothing():
    """Only the server is heard, however many descriptors others of its user send."""
    with Supervised("--supervise") as server:
        c = server.login()
        server.until_kept(2)
        held = len(os.listdir(f"/proc/{server.pid}/fd"))
        stranger, (ours, theirs) = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), os.pipe()
        stranger.connect(server.notify_socket)
        for n in range(1, 4):
            socket.send_fds(stranger, [b"FDSTORE=1\nFDNAME=evermoo-box"], [ours] * n)
        for text in (b"FDSTOREREMOVE=1\nFDNAME=evermoo-box", b"STOPPING=1"):
            stranger.send(text)
        os.close(ours)
        try:  # the pipe breaks when nobody has the end of it that was given away
            until("all being closed", lambda: not select.select([], [theirs], [], 0)[1] or not os.write(theirs, b"x"))
            raise Fault("somebody keeps what the stranger sent")
        except BrokenPipeError:
            pass
        assert len(os.listdir(f"/proc/{server.pid}/fd")) == held
        server.kill_server()
        c.expect("The server had a fault")


def test_connects_while_there_is_no_server():
    """They wait for the next one. What the supervisor does meanwhile is held up, so that there is such a while."""
    with Supervised("--supervise") as server:
        alice = server.login("Alice")
        server.until_kept(2)
        pid = server.server_pid
        server.signal(signal.SIGSTOP)
        os.waitpid(server.pid, os.WUNTRACED)
        os.kill(pid, signal.SIGKILL)
        until("its death", lambda: pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z")
        clients = [server.connect(greeting=False) for _ in range(20)]
        alice.send(";1 + 1")
        for c in clients:
            c.send("connect Alice" if c is clients[-1] else "")
        server.signal(signal.SIGCONT)
        for c in clients:
            c.expect("Welcome to the tiny world.")
        alice.expect("The server had a fault")
        alice.expect("=> 2")
        alice.expect_end()  # the last of them is Alice now
        assert clients[-1].eval("2 + 2") == "4"
        server.expect_log(f"SUPERVISOR: the server, process {pid}, was ended by signal 9 (Killed); 1 connections are kept")


def test_told_to_end():
    with Supervised("--supervise") as server:
        c = server.login()
        c.eval('add_property(#8, "kept", 5, {#3, "r"})')
        folder = pathlib.Path(server.notify_socket).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        pid = server.server_pid
        server.stop()
        c.expect("*** Shutting down")
        assert not pathlib.Path(f"/proc/{pid}").exists() and not folder.exists()
        server.start()
        assert server.login().eval("#8.kept") == "5"


def test_the_log_is_opened_again_by_both():
    with Supervised("--supervise") as server:
        server.stop()
        log = server.dir / "its.log"
        server.start(f"--log={log}")
        log.rename(server.dir / "old.log")
        server.signal(signal.SIGUSR1)
        until("the new log", log.exists)
        alice = server.login("Alice")
        server.until_kept(2)
        server.kill_server()
        alice.expect("The server had a fault")
        until("what died", lambda: "SUPERVISOR: the server" in log.read_text())
        until("what goes on", lambda: "CRASH" in log.read_text())
        assert "SUPERVISOR" not in (server.dir / "old.log").read_text()


def test_the_supervisor_is_killed():
    """The server goes on by itself, reboots, and ends as it should."""
    with Supervised("--supervise") as server:
        alice, c = server.login("Alice"), server.login()
        pid = server.server_pid
        server.process.kill()
        server.wait()
        assert alice.eval("1 + 1") == "2"
        reboot(c)
        c.expect(AFTER)
        server.login("Bob")
        assert alice.eval("2 + 2") == "4"
        assert str(pid) in subprocess.run([EVERMOO, "status", str(server.world)], capture_output=True, text=True).stdout
        assert subprocess.run([EVERMOO, "stop", str(server.world)], capture_output=True).returncode == 0
        alice.expect("*** Shutting down")


def test_the_program_of_a_reboot_is_the_one_that_is_started_again():
    with Supervised("--supervise") as server:
        c = server.login()
        assert os.readlink(f"/proc/{server.server_pid}/exe") == EVERMOO
        reboot(c, FAULTS)
        c.expect(AFTER)
        pid = server.server_pid
        server.until_kept(2)
        until("what the supervisor noted", lambda: any(os.readlink(f"/proc/{server.pid}/fd/{fd}") == FAULTS for fd in os.listdir(f"/proc/{server.pid}/fd")))
        server.kill_server()
        c.expect("The server had a fault")
        pid, before = server.server_pid, pid
        assert pid != before and os.readlink(f"/proc/{pid}/exe") == FAULTS
        reboot(c, EVERMOO)
        c.expect(AFTER)
        assert server.server_pid == pid and os.readlink(f"/proc/{pid}/exe") == EVERMOO


def test_the_program_that_served_has_lost_its_name():
    """A package manager has put another file there, which nobody has asked to serve yet."""
    with Supervised("--supervise") as server:
        server.stop()
        server.program = str(server.dir / "evermoo")
        shutil.copy(EVERMOO, server.program)
        server.start()
        alice = server.login("Alice")
        server.until_kept(2)
        os.replace(script(server, "new", "exit 1"), server.program)
        server.kill_server()
        alice.expect("The server had a fault")
        assert os.readlink(f"/proc/{server.server_pid}/exe") == f"{server.program} (deleted)"


class HangingSupervised(Failing, Supervised):
    """Stands still when the next slice begins after arm()."""

    env = None

    def spawn(self, *options, **keywords):
        self.env["TMPDIR"] = str(self.dir)
        return super().spawn(*options, **keywords)


def test_a_server_that_hangs():
    """One that hears SIGABRT says where it was; one that does not is killed. Neither costs a connection."""
    with HangingSupervised("slice", "hang", "--supervise=0.8") as server:
        alice, c = server.login("Alice"), server.login()
        server.until_kept(3)
        server.arm()
        c.send(";1 + 1")
        for client in (c, alice):
            client.expect("The server had a fault")
        silent = "SUPERVISOR: the server, process {}, has said nothing for 0.8 seconds and is ended"
        server.expect_log(re.compile(silent.format(r"\d+")))
        server.expect_log(re.compile("SUPERVISOR: the server, process .*was ended by signal 6" if not SANITIZED else "SUPERVISOR: .* ended "))
        assert SANITIZED or list(server.world.glob("crash-*"))
        pid = server.server_pid
        os.kill(pid, signal.SIGSTOP)
        for client in (c, alice):
            client.expect("The server had a fault")
        server.expect_log(silent.format(pid))
        server.expect_log(f"SUPERVISOR: the server, process {pid}, was ended by signal 9")
        assert server.server_pid != pid and alice.eval("1 + 1") == "2"


def test_a_server_that_cannot_be_heard():
    """Somebody tidied up: it is not taken for one that hangs."""
    with Supervised("--supervise=0.5") as server:
        pid = server.server_pid
        alice = server.login("Alice")
        os.unlink(server.notify_socket)
        server.expect_log("has been removed")
        assert alice.eval("1 + 1") == "2" and server.server_pid == pid
        server.kill_server()  # a connection that was not kept ends, but a server there is
        server.expect_log("STARTING", 2)


def test_without_patience_it_may_stand_still():
    with Supervised("--supervise=0") as server:
        assert "WATCHDOG_USEC" not in pathlib.Path(f"/proc/{server.server_pid}/environ").read_text()
        alice = server.login("Alice")
        server.until_kept(2)
        server.kill_server()
        alice.expect("The server had a fault")


@skip_sanitized
def test_after_crashes_without_end_it_begins_anew():
    """The third within ten seconds: everybody is dropped, and the ports are free for the next server."""
    with Supervised("--supervise") as server:
        alice, pid = server.login("Alice"), server.server_pid
        server.login("Bob"), server.login()
        for i in range(3):
            server.until_kept(4)
            os.kill(pid, signal.SIGSEGV)
            if i < 2:
                alice.expect("The server had a fault")
        alice.expect_end()
        server.expect_log("the sockets that the service manager kept are dropped")
        port = int(until("the port", lambda: re.findall(r"listening on .*port (\d+)", (server.dir / "out").read_text())[1:])[0])
        server.connect(port=port).login("Alice")
        server.until_kept(2)


def test_where_there_is_a_manager():
    done = subprocess.run([EVERMOO, "serve", "--supervise", "/nowhere"], env={**os.environ, "NOTIFY_SOCKET": "/run/manager"}, capture_output=True, text=True)
    assert done.returncode == 64 and "leave the option out" in done.stderr, done


def test_what_it_hands_on():
    """The other signals, and the status with which the server ends."""
    with Supervised("--supervise") as server:
        for number in (signal.SIGINT, signal.SIGHUP):
            server.signal(signal.SIGUSR2)
            server.expect_log(re.compile("CHECKPOINTING on .* finished"))
            server.signal(number)
            assert server.wait() == 0
            server.log.write_text("")
            server.start()
        c = server.login()
        server.stop()
        c.expect("*** Shutting down")
        server.start("--save-patience=0.1", "--save-interval=100000")
        server.login().eval('add_property(#8, "lost", 5, {#3, "r"})')
        resource.prlimit(server.server_pid, resource.RLIMIT_FSIZE, (8192, 8192))
        assert subprocess.run([EVERMOO, "stop", str(server.world)], capture_output=True).returncode in (0, 1)
        assert server.wait() == 1
        assert "SUPERVISOR" not in server.log_text()


def test_what_was_written_arrives():
    """What the server wrote before it was killed arrives, in order and whole, and what it says then behind it."""
    with Supervised("--supervise") as server:
        alice, c = server.login("Alice"), server.login()
        server.until_kept(3)
        c.run('for i in [1..1000] notify(#4, tostr("line ", i, " of them")); endfor')
        c.eval("1 + 1")
        server.kill_server()
        alice.expect_bytes(b"".join(b"line %d of them\r\n" % i for i in range(1, 1001)) + b"*** The server had a fault")


def test_as_many_as_there_may_be_descriptors():
    """Neither to pass them on nor to put them back takes more."""
    crowd = 10000 if SOAK else 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, crowd + 200), hard))
    try:
        with Supervised("--supervise") as server:
            server.stop()
            server.program = script(server, "limited", f'ulimit -n {crowd + 64}\nexec {EVERMOO} "$@"')
            server.start()
            alice = server.login("Alice")
            clients = [server.connect(greeting=False) for _ in range(crowd)]
            server.until_kept(crowd + 2)
            for i in range(2):
                server.kill_server()
                alice.expect("The server had a fault")
                for c in clients:
                    while c.data.count(b"The server had a fault") <= i:
                        data = c.sock.recv(4096)
                        assert data, c.data
                        c.data += data
                server.until_kept(crowd + 2)
            server.expect_log(f"; {crowd + 1} connections are kept", 2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_was_not_kept_before_a_reboot():
    """Connections that the supervisor did not hear of yet are offered to it by the next program."""
    with Supervised("--supervise") as server:
        c = server.login()
        server.until_kept(2)
        server.signal(signal.SIGSTOP)
        os.waitpid(server.pid, os.WUNTRACED)
        clients = [server.connect() for _ in range(30)]
        reboot(c)
        c.expect(AFTER)
        server.signal(signal.SIGCONT)
        server.until_kept(32)
        server.kill_server()
        for client in (c, *clients):
            client.expect("The server had a fault")


def open_files(pid):
    """What they lead to."""
    return sorted(re.sub(r"\[\d+\]", "", os.readlink(f"/proc/{pid}/fd/{fd}")) for fd in os.listdir(f"/proc/{pid}/fd"))


def test_no_descriptor_goes_where_it_should_not():
    """The next server has what the one before it had, and what that starts has none of it."""
    with Supervised("--supervise") as server:
        c, alice = server.login(), server.login("Alice")
        server.until_kept(3)
        c.eval("1 + 1")
        before, held = open_files(server.server_pid), open_files(server.pid)
        for _ in range(2):
            server.kill_server()
            alice.expect("The server had a fault")
            c.expect("The server had a fault")
            reboot(c, script(server, "lists", f"ls -l /proc/self/fd >{server.dir}/descriptors; exit 1"))
            c.expect("The reboot is off")
            assert not re.search("socket:|notify|blackbox", (server.dir / "descriptors").read_text())
        until("what was open", lambda: open_files(server.server_pid) == before)
        # The supervisor itself has one more: the program that served last, if that was not noted by then.
        assert open_files(server.pid) == held, (open_files(server.pid), held)


def test_another_world_in_its_place():
    """Who was a player of one world is nobody in another that has its name when the server is started again."""
    with Supervised("--supervise") as server:
        alice = server.login("Alice")
        server.until_kept(2)
        server.signal(signal.SIGSTOP)
        os.waitpid(server.pid, os.WUNTRACED)
        os.kill(server.server_pid, signal.SIGKILL)
        server.world.rename(server.dir / "one")
        subprocess.run([EVERMOO, "import", str(server.dir / "tiny.db"), str(server.world)], check=True, capture_output=True)
        server.signal(signal.SIGCONT)
        alice.expect_end()
        assert b"fault" not in alice.data
        server.expect_log("of another world")


def test_two_for_one_world():
    with Supervised("--supervise") as server:
        done = subprocess.run([EVERMOO, "serve", str(server.world), "-p", "0", "--supervise"], env=server.env, capture_output=True, text=True)
        assert done.returncode == 1 and "SUPERVISOR" not in done.stderr, done
        assert server.login().eval("1 + 1") == "2"
