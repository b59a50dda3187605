"""What stays through reboots, on data that makes a difference: each of these gives the same with reboots in between as without."""
import fcntl
import os
import re
import socket
import subprocess
import sys

from session import Client, Fault, Server, until
from test_reboot import AFTER, BEFORE, reboot
from test_reboot_faults import Failing, world_files


def over(c, *others):
    reboot(c)
    for x in (c, *others):
        x.expect(AFTER)


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


def test_listeners():
    hosts = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
    with Server(*(f"--listen={host}" for host in hosts[1:])) as server:
        c = server.login()
        far = Client(server.port, host=hosts[-1]).login("Alice")
        c.run('add_verb(#8, {#3, "rxd", "do_login_command"}, {"this", "none", "this"}); set_verb_code(#8, 1, {"notify(player, \\"EIGHT \\" + argstr);"})')
        quiet, loud = int(c.eval("listen(#8, 0, 0)")), int(c.eval("listen(#8, 0, 1)"))
        facts = "{listeners(), connection_name(#3), connection_name(#4), connected_players(1)}"
        hidden = Client(quiet, host=hosts[-1], greeting=False)
        hidden.expect("EIGHT")
        before = c.eval(facts)
        for _ in range(3):
            over(c, far)
            assert c.eval(facts) == before
            for host in hosts:
                for port, words in ((server.port, "Welcome"), (quiet, "EIGHT"), (loud, "EIGHT")):
                    new = Client(port, host=host, greeting=False)
                    new.expect(words)
                    new.close()
            until("them to be gone", lambda: c.eval(facts) == before)
        hidden.send("the next line")
        assert hidden.expect(re.compile("^.+$"))[0] == "EIGHT the next line"  # no words about reboots: its listener prints no messages
        c.eval(f"unlisten({quiet})")
        for host in hosts:
            try:
                Client(quiet, host=host, greeting=False)
            except ConnectionRefusedError:
                continue
            raise Fault(f"{host} listens on")
        assert c.eval(f"listen(#8, {quiet}, 1)") == str(quiet)
        over(c)
        Client(quiet, host=hosts[-1], greeting=False).expect("EIGHT")


def test_options():
    with Server() as server:
        c = server.login()
        server.login("Alice"), server.login("Bob"), server.connect()
        for option, value in (("flush-command", '""'), ("disable-oob", "1"), ("client-echo", "0"), ("keep-alive", "1"), ("encoding", '"utf-8"'), ("intrinsic-commands", '{"PREFIX", ".program"}'), ("hold-input", "1")):
            c.run(f'set_connection_option(#4, "{option}", {value})')
        for option, value in (("binary", "1"), ("intrinsic-commands", "{}"), ("flush-command", '"NONSENSE"')):
            c.run(f'set_connection_option(#5, "{option}", {value})')
        facts = "r = {connected_players(1)}; for p in (r[1]) r = {@r, connection_options(p), connection_option(p, \"keep-alive\"), connection_option(p, \"encoding\"), output_delimiters(p)}; endfor return r"
        before = c.run(facts)
        assert "NONSENSE" in before and '"utf-8"' in before
        for _ in range(3):
            over(c)
            assert c.run(facts) == before


def heard(server, c, with_reboot):
    """What comes of lines of every kind that wait for Alice and Bob, whose input is held; Bob's out-of-band lines are lines as any."""
    a, b = server.login("Alice"), server.login("Bob")
    c.run('set_connection_option(#4, "hold-input", 1); set_connection_option(#5, "hold-input", 1); set_connection_option(#5, "disable-oob", 1)')
    for x in (a, b):
        x.raw(b'say one\r\n#$#out of band\r\n#$"say two\r\n#$"#$#quoted\r\nsay caf\xc3\xa9\r\n')
    a.expect("OOB")
    c.run('for p in ({#4, #5}) force_input(p, "say forced last"); force_input(p, "say forced first", 1); endfor')
    a.raw(b"say half ")
    b.raw(b"#$#say ha")
    c.eval("1")
    if with_reboot:
        over(c, a, b)
    a.raw(b"of it\r\nsay that is all\r\n")
    b.raw(b"lf of it\r\nsay that is all\r\n")
    c.run('set_connection_option(#4, "hold-input", 0); set_connection_option(#5, "hold-input", 0)')
    lines = {"Alice": [], "Bob": []}
    while not all(any("that is all" in line for line in x) for x in lines.values()):
        found = c.expect(re.compile('^(Alice|Bob) says, "(.*)"$'))
        lines[found[1]].append(found[2])
    for x in (a, b):
        x.send("@quit")
        x.expect_end()
    return lines


def test_lines_that_wait():
    with Server() as server:
        c = server.login()
        straight = heard(server, c, False)
        assert straight["Alice"] == ["forced first", "one", "two", "caf\u00e9", "forced last", "half of it", "that is all"], straight
        assert heard(server, c, True) == straight


def test_more_input_than_is_taken():
    """Its sender is held up, by the server and then by the system, and all comes in order."""
    lines, sent = 6000, 0
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.run('add_property(#8, "n", 0, {#3, "rw"}); add_verb(#6, {#3, "rxd", "line"}, {"any", "any", "any"})')
        c.run('set_verb_code(#6, "line", {"#8.n = toint(args[1]) == #8.n + 1 && length(argstr) > 4000 ? #8.n + 1 | -1000000;"})')
        c.run('set_connection_option(#4, "hold-input", 1)')
        whole = memoryview(b"".join(b"line %d %s\r\n" % (i, b"y" * 4000) for i in range(1, lines + 1)))
        a.sock.setblocking(False)

        def send_is_held_up():
            nonlocal sent
            try:
                sent += a.sock.send(whole[sent : sent + (1 << 18)])
            except BlockingIOError:
                return True
            return False

        until("the sender to be held up", send_is_held_up)
        assert sent < len(whole)
        for held in (1, 0):
            over(c)
            c.run(f'set_connection_option(#4, "hold-input", {held})')
        for _ in range(3):
            done = int(c.eval("#8.n"))
            until("more lines", lambda: (send_is_held_up() or True) and int(c.eval("#8.n")) > done or done == lines)
            over(c)
        until("all", lambda: (send_is_held_up() or True) and c.eval("#8.n") == str(lines))


def test_output_through_many_reboots():
    """20 MB in a queue that empties from one to the next, byte by byte what was sent."""
    lines = 4096
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.eval('add_property(#7, "max_queued_output", 60000000, {#3, "r"})')
        c.eval("load_server_options()")
        a.send(f';;x = "0123456789"; for i in [1..9] x = x + x; endfor for i in [1..{lines}] notify(player, tostr(i, " ", x)); endfor')
        until("the queue", lambda: int(c.eval("buffered_output_length(#4)")) > 15000000)
        got, wanted = bytearray(a.data), b"".join(b"%d %s\r\n" % (i, b"0123456789" * 512) for i in range(1, lines + 1))
        while len(got) < len(wanted):
            over(c)
            end = len(got) + 3000000
            while len(got) < min(end, len(wanted)):
                got += a.sock.recv(1 << 20)
        c.run('notify(#4, "that is all")')
        while not got.endswith(b"that is all\r\n"):
            got += a.sock.recv(1 << 20)
        text = b"".join(line for line in bytes(got).splitlines(True) if not line.startswith(b"*"))
        assert text == wanted + b"=> 0\r\nthat is all\r\n"


def limits(server, c, between):
    """What tasks that slept, read and were forked have left of their limits, and whether they are still who they were."""
    a = server.login("Alice")
    c.run("#8.seen = {}")
    a.send(";;id = task_id(); t = ticks_left(); x = read(player); u = ticks_left(); suspend(); #8.seen = {@#8.seen, {x, t, u, ticks_left(), seconds_left(), task_id() == id, callers(1), caller_perms(), player}};")
    c.run("fork t (1) id = task_id() == t; x = ticks_left(); suspend(); #8.seen = {@#8.seen, {id, x, ticks_left(), seconds_left(), task_id() == t, callers(1), caller_perms(), player}}; endfork")
    between()
    a.send("a line")
    until("both to sleep", lambda: c.run("n = 0; for t in (queued_tasks()) n = n + (t[2] == 2147483647); endfor return n") == "2")
    between()
    before = c.eval("queued_tasks()")
    between()
    assert c.eval("queued_tasks()") == before
    c.run("for t in (queued_tasks()) resume(t[1]); endfor")
    until("both", lambda: c.eval("length(#8.seen)") == "2")
    a.send("@quit")
    a.expect_end()
    return sorted(re.findall(r"\{[^{]*(?:\{\{.*?\}\}|\{\})[^{]*\}", c.eval("#8.seen")[1:-1]))


def test_limits_and_identity_of_tasks():
    with Server() as server:
        c = server.login()
        c.run('add_property(#8, "seen", {}, {#3, "rw"})')
        straight = limits(server, c, lambda: None)
        assert limits(server, c, lambda: over(c)) == straight


def test_half_closed_in_the_gap():
    """Who says the last lines and hangs up while no server is there has them acted on."""
    with Failing("handed-off", "stop") as server:
        c, a, stranger = server.login(), server.login("Alice"), server.connect()
        server.arm()
        reboot(c)
        server.until_stopped()
        a.send("say my last words")
        stranger.send("connect Bob", "say mine too")
        for x in (a, stranger):
            x.sock.shutdown(socket.SHUT_WR)
        server.go_on()
        c.expect(AFTER)
        assert {c.expect(re.compile("(Alice|Bob) says, .*"))[0] for _ in range(2)} == {'Alice says, "my last words"', 'Bob says, "mine too"'}
        for x in (a, stranger):
            x.expect_end()
        until("only one", lambda: c.eval("connected_players(1)") == "{#3}")


def test_an_outbound_connection():
    with Server("-o") as server, socket.create_server(("127.0.0.1", 0)) as there:
        c = server.login()
        c.run('add_property(#8, "o", 0, {#3, "rw"}); add_property(#8, "got", {}, {#3, "rw"})')
        c.run(f'#8.o = open_network_connection("127.0.0.1", {there.getsockname()[1]}); set_connection_option(#8.o, "binary", 1); set_connection_option(#8.o, "hold-input", 1)')
        x = there.accept()[0]
        c.run("fork (0) while (1) #8.got = {@#8.got, read(#8.o)}; endwhile endfork")
        facts = "{#8.o, connection_name(#8.o), connection_options(#8.o), connected_players(1)}"
        before, wanted = c.eval(facts), []
        for i in range(3):
            x.sendall(bytes([255, 250, i, 0]) + b"~\r\n")
            wanted.append(f'"~FF~FA~{i:02X}~00~7E~0D~0A"')
            over(c)
            until("the bytes", lambda: c.eval("#8.got") == "{" + ", ".join(wanted) + "}")
            assert c.eval(facts) == before
            c.run('notify(#8.o, "~00~FF~FAout")')
            assert x.recv(100) == b"\0\xff\xfaout"
        x.close()
        until("its end", lambda: c.eval("{connected_players(1), queued_tasks()}") == "{{#3}, {}}")


def test_reading_standard_input():
    with Server() as server:
        server.stop()
        ours, theirs = os.pipe()
        popen = subprocess.Popen
        subprocess.Popen = lambda *words, **more: popen(*words, **{**more, "stdin": ours})
        try:
            server.start()
        finally:
            subprocess.Popen = popen
            os.close(ours)
        c = server.login()
        c.send(';;x = read_stdin(); y = read_stdin(); notify(player, "both " + toliteral({x, y}));')
        for part in (b"half ", b"a line\nthe "):
            over(c)
            os.write(theirs, part)
            c.eval("1")
        over(c)
        os.write(theirs, b"second\n")
        c.expect('both {"half a line", "the second"}')
        os.close(theirs)


SEALS = """
import fcntl, os, sys
fd = next(int(a[11:]) for a in sys.argv if a.startswith("--hand-off="))
print("seals", fcntl.fcntl(fd, 1034), os.fstat(fd).st_nlink)
sys.exit(3)
"""


def test_the_hand_off_is_sealed_memory():
    with Failing("handed-off", "stop") as server:
        c = server.login()
        path = server.dir / "looks"
        path.write_text(f"#!{sys.executable}{SEALS}")
        path.chmod(0o755)
        c.run('#3.name = "Somebody of an unheard-of name"; add_property(#8, "x", 0, {#3, "r"})')
        reboot(c, path)
        c.expect("it said: seals 15 0")  # neither cut, longer, written nor unsealed, by anybody; and it has no name on any disk
        server.arm()
        c.run('fork (5000) x = "what is only in the hand-off"; x; endfork')
        before = set(world_files(server))
        c.send(";;reboot();")
        c.expect(BEFORE)
        server.until_stopped()
        assert set(world_files(server)) - {"control"} <= before
        held = [fd for fd in os.listdir(f"/proc/{server.pid}/fd") if "handoff" in os.readlink(f"/proc/{server.pid}/fd/{fd}")]
        with open(f"/proc/{server.pid}/fd/{held[0]}", "rb") as f:
            assert fcntl.fcntl(f, 1034) == 15 and f.read().startswith(b"EVERMOO HANDOFF\n") and len(held) == 1
        server.go_on()
        c.expect(AFTER)
        until("its end", lambda: not any("handoff" in name for name in names_of_descriptors(server)))


def names_of_descriptors(server):
    folder = f"/proc/{server.pid}/fd"
    try:
        return [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    except FileNotFoundError:
        return ["handoff?"]
