"""`evermoo log': the log of a running server, followed and filtered."""
import os
import re
import signal
import socket
import subprocess

from session import EVERMOO, LIMIT, Server, until


class Follower:
    def __init__(self, server, *options):
        self.process = subprocess.Popen([EVERMOO, "log", str(server.world), *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.data = b""

    def line(self):
        """The next line without its time."""
        while b"\n" not in self.data:
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"it ended after {self.data!r}: {self.process.stderr.read()!r}"
            self.data += piece
        line, self.data = self.data.split(b"\n", 1)
        return re.sub(r"^\w{3} [ \d]\d \d\d:\d\d:\d\d: ", "", line.decode())

    def rest(self):
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, (self.data + out).decode(), err.decode()


def test_following_and_filters():
    with Server() as server:
        c = server.login()
        for i in range(30):
            c.run(f'server_log("alpha {i}"); server_log("beta {i}", {i} % 10 == 0)')
        everything, alpha, errors = Follower(server), Follower(server, "--match", "ALPHA", "-n", "3"), Follower(server, "--level=error", "-n", "2")
        assert [everything.line() for _ in range(20)][::2] == [f"> alpha {i}" for i in range(20, 30)]
        assert [alpha.line() for _ in range(3)] == ["> alpha 27", "> alpha 28", "> alpha 29"]
        assert [errors.line() for _ in range(2)] == ["*** > beta 10", "*** > beta 20"]
        c.run('server_log("gamma"); server_log("alphabet"); server_log("delta", 1)')
        assert [everything.line() for _ in range(3)] == ["> gamma", "> alphabet", "*** > delta"]
        assert alpha.line() == "> alphabet" and errors.line() == "*** > delta"
        alpha.process.send_signal(signal.SIGINT)
        assert alpha.rest() == (0, "", "")
        c.run('server_log("alpha once more")')
        assert everything.line() == "> alpha once more"
        server.stop()
        status, out, err = everything.rest()
        assert status == 0 and "SHUTDOWN: " in out and "SAVED: " in out, out
        assert err.count("\n") == 1 and "the server has ended" in err, err
        assert errors.rest()[:2] == (0, "")
        status, out, err = Follower(server).rest()
        assert status == 1 and out == "" and "no server runs this world" in err


def test_following_through_a_reboot():
    with Server() as server:
        c = server.login()
        c.run('server_log("before")')
        follower = Follower(server, "-n", "1")
        assert follower.line() == "> before"
        c.run("reboot()")
        c.expect("The new server is here")
        c.run('server_log("after")')
        seen = []
        while (line := follower.line()) != "> after":
            seen.append(line)
        assert any(line.startswith("REBOOT: ") and "has taken over" in line for line in seen), seen
        server.kill()
        status, out, err = follower.rest()
        assert status == 0 and "the server has ended" in err, (status, err)
        server.start()


def test_without_following():
    with Server() as server:
        c = server.login()
        c.run('server_log("one"); server_log("two"); server_log("three")')
        status, out, err = Follower(server, "--no-follow", "--lines=2").rest()
        assert (status, err) == (0, "") and re.search(r"^\S+ +\d+ \S+: > two\n.*: > three\n$", out), out
        assert Follower(server, "--no-follow", "--match=nothing like it").rest() == (0, "", "")
        assert "STARTING: evermoo" in Follower(server, "--no-follow", "-n", "1000000").rest()[1]
        for wrong, word in (("--level=loud", "level"), ("--lines=few", "number of lines"), ("-n-1", "number of lines")):
            status, out, err = Follower(server, wrong).rest()
            assert status == 64 and out == "" and err.count("\n") == 1 and word in err, err


def test_a_follower_that_does_not_read():
    """It holds nobody up, and hears how many lines it has missed."""
    with Server() as server:
        c = server.login()
        with socket.socket(socket.AF_UNIX) as s:
            here = os.getcwd()
            os.chdir(server.world)  # the name of a socket is short
            s.connect("control")
            os.chdir(here)
            s.sendall(b"log\n1 1000 1\n")
            s.shutdown(socket.SHUT_WR)
            until("the first lines", lambda: s.recv(4096, socket.MSG_PEEK))
            for i in range(100):
                c.run(f'for i in [1..100] server_log("{i} " + tostr(i) + " " + tostr(@{{"{"x" * 100}", "{"y" * 200}"}})); endfor')
            c.run('server_log("the last line")')
            s.settimeout(LIMIT)
            got = b""
            while b"the last line" not in got:
                piece = s.recv(1 << 20)
                assert piece, got[-500:]
                got += piece
        assert re.search(rb"^\(\d+ lines came too fast and are left out\)$", got, re.M), "it has been given all of it"
        assert b"> 0 1 xxx" in got and b"> 99 100 xxx" in got
        for _ in range(200):  # those who hang up leave nothing behind
            with socket.socket(socket.AF_UNIX) as s:
                os.chdir(server.world)
                s.connect("control")
                os.chdir(here)
                s.sendall(b"log\n1 0 1\n")
                s.shutdown(socket.SHUT_WR)
                assert s.recv(2) == b"0\n"
        assert len(os.listdir(f"/proc/{server.pid}/fd")) < 100
