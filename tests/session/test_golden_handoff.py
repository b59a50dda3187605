"""Hand-offs that servers wrote before (tests/golden/handoff-N.tar.xz) are read as they are: connections, listeners and tasks go on. How they are made: tests/golden/make-handoff."""
import fcntl
import json
import lzma
import os
import pathlib
import re
import socket
import subprocess
import tarfile

from session import EVERMOO, Client, Server, until
from test_reboot import AFTER
from test_reboot_faults import section, sections, varint
from test_two_builds import sleeping, wake
from test_versions import NEXT

GOLDEN = sorted((pathlib.Path(__file__).resolve().parent.parent / "golden").glob("handoff-*.tar.xz"))
EACH = [(golden, program) for golden in GOLDEN for program in (EVERMOO, NEXT)]
HIGH = 200  # descriptors that are nobody's
S_SOCKETS = 8


def without_cookies(bytes_):
    """The sockets of the test are others than those of the time; that is all that is changed."""
    return bytes_[:17] + b"".join(section(k, f, varint(0) if k == S_SOCKETS else p) for k, f, p in sections(bytes_)) + b"\0"


class Heir(Server):
    """Takes a golden hand-off over, on sockets that the test puts in the places of the old ones."""

    def __init__(self, golden, program):
        super().__init__()
        self.program = program
        self.stop()
        with tarfile.open(golden) as tar:
            self.bytes, self.facts = tar.extractfile("hand-off").read(), json.load(tar.extractfile("facts.json"))
            data = tar.extractfile("data.mdb").read()
        for p in self.world.iterdir():
            if p.is_file():
                p.unlink()
        (self.world / "data.mdb").write_bytes(data)
        (self.dir / "hand-off").write_bytes(self.bytes)

    def command(self, *options):
        return [self.program, "serve", "--hand-off=199", *options, str(self.world), "-p", "0", "--listen", "127.0.0.1"]

    def run(self, start, places, *options):
        """Starts it with {descriptor: file}; none of the files has a number that one of the places may be."""
        high = {place: fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH) for place, file in places.items()}

        def put():
            for place, fd in high.items():
                os.dup2(fd, place)
        return start(self.command(*options), close_fds=False, preexec_fn=put)

    def check_only(self, options=("--check",)):
        with open(self.dir / "hand-off", "rb") as file:
            return self.run(lambda *words, **more: subprocess.run(*words, capture_output=True, text=True, **more), {199: file}, *options)

    def take_over(self):
        """{name: client}, and the two listening sockets."""
        (self.dir / "hand-off").write_bytes(without_cookies(self.bytes))
        places, clients = {}, {}
        for name, place in self.facts["sockets"].items():
            listening = socket.create_server(("127.0.0.1", 0), backlog=5)
            if name in ("listener", "second"):
                places[place], clients[name] = listening, listening.getsockname()[1]
                listening.setblocking(False)
            else:
                clients[name] = Client(listening.getsockname()[1], greeting=False)
                self.clients.append(clients[name])
                places[place] = listening.accept()[0]
                places[place].setblocking(False)
        with open(self.dir / "hand-off", "rb") as places[199], open(self.log, "ab") as log:
            self.process = self.run(lambda *words, **more: subprocess.Popen(*words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **more), places)
        return clients


def test_there_is_one_of_this_version():
    sections = (pathlib.Path(__file__).resolve().parent.parent.parent / "server" / "sections.def").read_text()
    newest = max(map(int, re.findall(r"^SECTION\(\d+, \w+, (\d+),", sections, re.M)))
    assert any(p.name == f"handoff-{newest}.tar.xz" for p in GOLDEN), "make it: tests/golden/make-handoff"


def test_it_is_found_good():
    for golden, program in EACH:
        with Heir(golden, program) as server:
            done = server.check_only()
            assert done.returncode == 0, (golden, done)


def test_a_world_of_an_older_format_is_left_as_it_is():
    """The program before this one could not go on with one that was upgraded."""
    old = next(p for p in GOLDEN[0].parent.iterdir() if p.name == "format-1.mdb.xz")
    with Heir(GOLDEN[-1], EVERMOO) as server:
        (server.world / "data.mdb").write_bytes(lzma.decompress(old.read_bytes()))
        for done in (server.check_only(), server.check_only(())):
            assert done.returncode == 1 and "a reboot upgrades no world" in done.stderr, done
            assert not (server.world / "backups").exists()
        done = subprocess.run([EVERMOO, "eval", str(server.world), "1"], capture_output=True, text=True)
        assert "upgraded from format 1" in done.stderr, done


def test_it_is_taken_over():
    for golden, program in EACH:
        with Heir(golden, program) as server:
            clients = server.take_over()
            c, a, b = clients["wizard"], clients["alice"], clients["bob"]
            for name in ("wizard", "alice", "bob", "stranger", "eight"):
                clients[name].expect(AFTER)
            assert c.eval("{length(connected_players()), length(connected_players(1)), length(listeners())}") == "{3, 5, 2}"
            a.raw(b"of it\";\r\n.\r\n")
            a.expect("Verb programmed.")
            a.send(";#8:typed()")
            a.expect("<<")
            a.expect(">>")
            assert c.eval("#8:typed()") == '"half \u00e9 of it"'
            b.send("something")
            b.expect("heard something")
            clients["eight"].raw(b"vt100\xff\xf0of it\r\n")
            clients["eight"].expect("EIGHT half of it")
            clients["stranger"].send("hello")
            clients["stranger"].expect('Login: {"hello"} "hello"')
            Client(clients["second"], greeting=False).expect("EIGHT")
            Client(clients["listener"]).close()  # is greeted
            step = server.facts["step"]
            while c.eval("#8.left") != "0":
                step += 1
                assert step < 60
                wake(c, step)
                until("all to sleep", lambda: sleeping(c))
            assert c.eval("#8.results") == server.facts["results"]
            assert c.eval("length(queued_tasks())") == "1"
