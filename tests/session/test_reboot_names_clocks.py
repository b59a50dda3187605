"""Faults 19 and 20 of a reboot: look-ups of names that are under way, and a clock on the wall that jumps meanwhile."""
import os
import re
import struct
import subprocess
import tempfile

from names import A, PTR, NameServer
from session import BUILD, EVERMOO, Client, Server, until
from test_reboot import AFTER, reboot
from test_reboot_faults import Failing, add, serves
from test_reboot_survives import has_ipv6

FAR = "2.0.0.127.in-addr.arpa"


def from_far(server, greeting):
    """A connection from an address whose name is asked for."""
    c = Client(server.port, source="127.0.0.2", greeting=greeting)
    server.clients.append(c)
    return c


def test_fault_19_the_name_of_who_connects():
    """Asked for before the reboot, known after it; one that waits for it with the greeting, and one that waited long enough."""
    for greeting in (True, False):
        with NameServer() as names, Server(f"--name-servers={names.address}") as server:
            c = server.login()
            far = from_far(server, greeting)
            names.wait(FAR)
            if greeting:
                far.login("Alice")
            reboot(c)
            c.expect(AFTER)
            names.wait(FAR, 2)
            reboot(c)
            c.expect(AFTER)
            names.wait(FAR, 3)
            names.tell(FAR, PTR, "far.example")
            if not greeting:
                far.expect("Welcome to the tiny world.")
                far.login("Alice")
            until("the name", lambda: "far.example" in c.eval("connection_name(#4)"))
            assert len(re.findall(r"ACCEPT: #-3 ", server.log_text())) == 1
            assert far.data.count(b"Welcome") == 0
            reboot(c)
            c.expect(AFTER)
            serves(c, far)
            assert names.count(FAR) == 3


def test_fault_19_a_name_to_connect_to():
    """Exactly one answer, of the server that asked again; that to the question of before comes too late."""
    with NameServer() as names, Server("-o", f"--name-servers={names.address}") as server:
        c = server.login()
        add(c, "answers", "{}")
        for name, kind, answer, wanted in (("near.example", A, "127.0.0.1", '"OBJ"'), ("none.example", A, None, "E_INVARG")):
            c.run("#8.answers = {}")
            c.run(f'fork (0) x = `open_network_connection("{name}", {server.port}) ! ANY\'; #8.answers = {{@#8.answers, typeof(x) == OBJ ? "OBJ" | x}}; endfork')
            names.wait(name)
            for n in (2, 3):
                reboot(c)
                c.expect(AFTER)
                names.wait(name, n)
            assert c.eval("{#8.answers, length(queued_tasks())}") == "{{}, 1}"
            names.tell(name, kind, answer)
            until("the answer", lambda: c.eval("length(#8.answers)") != "0")
            reboot(c)
            c.expect(AFTER)
            assert c.eval("#8.answers") == "{%s}" % wanted
            assert names.count(name) == 3


def test_an_address_is_not_asked_for():
    with NameServer() as names, Server("-o", "--listen=::1" if has_ipv6() else "--listen=127.0.0.2", f"--name-servers={names.address}") as server:
        names.tell("0.0.0.0.0", A, None)
        c = server.login()
        for address in ("127.0.0.1", "::1" if has_ipv6() else "127.0.0.2"):
            assert c.run(f'x = open_network_connection("{address}", {server.port}); boot_player(x); return typeof(x) == OBJ') == "1"
        assert c.eval(f'`open_network_connection("0.0.0.0.0", 1) ! E_INVARG => "asked for"\'') == '"asked for"'
        assert {name for name, _, _, _ in names.asked} == {"0.0.0.0.0"}


def test_name_servers_are_addresses():
    for text in ("junk", "", "192.0.2.1:x", "192.0.2.1,"):
        done = subprocess.run([EVERMOO, "serve", "/nonexistent/world", f"--name-servers={text}"], capture_output=True, text=True)
        assert done.returncode and len(done.stderr.splitlines()) == 1 and ("are no name servers" in done.stderr or text.endswith(",")), (text, done)


class Clock:
    """Of the server's wall."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="evermoo-clock-")
        self.jump(0)
        library = str(BUILD / "clock.so")
        needed = subprocess.run(["ldd", EVERMOO], capture_output=True, text=True).stdout.split()
        before = [w for w in needed if w.startswith("/") and "libasan" in w]  # a sanitizer must be the first
        self.env = {"LD_PRELOAD": ":".join([*before, library]), "FAULT_CLOCK": self.file.name}

    def jump(self, seconds):
        os.pwrite(self.file.fileno(), struct.pack("q", seconds), 0)


def test_fault_20_the_clock_on_the_wall_jumps():
    clock = Clock()
    with Failing("handed-off", "stop") as server:
        server.stop()
        server.env.update(clock.env)
        server.start()
        c, a = server.login(), server.login("Alice")
        for name in ("slept", "forked", "late"):
            add(c, name)
        for day in (1, -3, 300):
            c.run("#8.slept = #8.forked = 0")
            c.run("fork (0) suspend(1); #8.slept = #8.slept + 1; endfork fork (1) #8.forked = #8.forked + 1; endfork")
            c.run("fork (3000) #8.late = #8.late + 1; endfork fork (0) suspend(4000); #8.late = #8.late + 1; endfork")
            a.send(';;x = read(player); notify(player, "read " + x);')
            c.run("suspend(0)")
            assert c.eval("{#8.slept, #8.forked}") == "{0, 0}"
            before = int(c.eval("time()"))
            server.arm()
            reboot(c)
            server.until_stopped()
            clock.jump(day * 86400)
            server.go_on()
            c.expect(AFTER)
            assert abs(int(c.eval("time()")) - before) > 86000
            a.send("a line")
            a.expect("read a line")
            until("both", lambda: c.eval("{#8.slept, #8.forked}") == "{1, 1}")
            assert int(c.eval("max(connected_seconds(#3), idle_seconds(#4))")) < 3000
            reboot(c)
            c.expect(AFTER)
            assert c.eval("{#8.slept, #8.forked, #8.late}") == "{1, 1, 0}"
            clock.jump(0)
        assert c.eval("length(queued_tasks())") == "6"
