"""`evermoo serve --supervise': a server that is killed is started again, and nobody is dropped."""
import os
import re
import select
import signal
import socket
import subprocess

from session import EVERMOO, LIMIT, Fault, Server, until
from test_reboot import AFTER, reboot


class Supervised(Server):
    @property
    def server_pid(self):
        """Of the child; None while there is none."""
        children = open(f"/proc/{self.pid}/task/{self.pid}/children").read().split()
        return int(children[0]) if children else None

    @property
    def sockets_kept(self):
        """Of the supervisor, but for the one that it is told on."""
        try:
            return sum("socket:" in os.readlink(f"/proc/{self.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{self.pid}/fd")) - 1
        except FileNotFoundError:  # closed a moment ago
            return None

    def kill_server(self):
        pid = self.server_pid
        os.kill(pid, signal.SIGKILL)
        until("the next server", lambda: self.server_pid not in (None, pid))

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
            until("the sockets", lambda: server.sockets_kept == 4)
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
            assert "is no tick quota" in str(fault)
        assert server.process.wait(LIMIT) == 64


def test_not_for_ever():
    with Supervised("--supervise") as server:

        def killed_again():
            try:
                os.kill(server.server_pid, signal.SIGKILL)
            except (TypeError, ProcessLookupError, FileNotFoundError):
                pass
            return server.process.poll() is not None

        until("the supervisor's end", killed_again)
        assert server.wait() == 1
        server.expect_log("it is not started again")


def test_a_stranger_gives_it_nothing():
    """Its socket has a name that anybody may send to, however many descriptors."""
    with Supervised("--supervise") as server:
        c = server.login()
        name = next(e for e in open(f"/proc/{server.server_pid}/environ").read().split("\0") if e.startswith("NOTIFY_SOCKET=@"))
        until("the sockets", lambda: server.sockets_kept == 2)
        held = len(os.listdir(f"/proc/{server.pid}/fd"))
        stranger, (ours, theirs) = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), os.pipe()
        stranger.connect("\0" + name.split("@")[1])
        for n in range(1, 4):
            socket.send_fds(stranger, [b"FDSTORE=1\nFDNAME=evermoo-box"], [ours] * n)
        socket.send_fds(stranger, [b"FDSTOREREMOVE=1\nFDNAME=evermoo-box"], [])
        os.close(ours)
        try:  # the pipe breaks when nobody has the end of it that was given away
            until("all being closed", lambda: not select.select([], [theirs], [], 0)[1] or not os.write(theirs, b"x"))
            raise Fault("somebody keeps what the stranger sent")
        except BrokenPipeError:
            pass
        assert len(os.listdir(f"/proc/{server.pid}/fd")) == held
        server.kill_server()
        c.expect("The server had a fault")
