"""The server replaced by a new one: what must stay, and what must be refused."""
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

from session import EVERMOO, Client, Server, until

BEFORE, AFTER = "The server is being replaced", "The new server is here"


def reboot(c, binary="", reason=""):
    c.send(f';reboot("{binary}", "{reason}")')
    c.expect("=> 0")


def script(server, name, text):
    path = server.dir / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_refused_programs_cost_nothing():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        assert a.eval("`reboot() ! ANY'") == "E_PERM"
        junk = server.dir / "junk"
        junk.write_bytes(os.urandom(5000))
        plain = server.dir / "plain"
        shutil.copy(junk, plain)
        junk.chmod(0o755)
        refused = [
            (server.dir / "missing", "No such file"), (plain, "Permission denied"), (junk, "Exec format error"), (server.dir, "."),
            (script(server, "no", "exit 1"), "status 1"), (script(server, "dies", "kill -SEGV $$"), "signal 11"),
        ]
        for path, why in refused:
            c.raw(b';"half ')
            c.raw(b'a line"\r\n')
            c.expect('=> "half a line"')
            reboot(c, path)
            c.expect(re.compile(r"The reboot is off: .*" + re.escape(why)))
            assert c.eval("1 + 1") == "2" and a.eval("2 + 2") == "4"
        assert "has taken over" not in server.log_text()


def test_another_file_is_the_new_server():
    with Server() as server:
        c = server.login()
        new = server.dir / "new-evermoo"
        shutil.copy(EVERMOO, new)
        reboot(c, new)
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == str(new)
        # The package manager replaces it: the new file of that name is what is run next.
        new.rename(server.dir / "old-evermoo")
        shutil.copy(EVERMOO, new)
        reboot(c)
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == str(new)
        new.unlink()
        reboot(c)
        c.expect("The reboot is off")
        reboot(c, EVERMOO)
        c.expect(AFTER)


def descriptors(server):
    """[] if one was closed meanwhile."""
    folder = f"/proc/{server.pid}/fd"
    try:
        return sorted(re.sub(r"\[\d+\]", "", os.readlink(f"{folder}/{fd}")) for fd in os.listdir(folder))
    except FileNotFoundError:
        return []


def settled_descriptors(server):
    """When what was handed over is on disk."""
    return until("the save after the reboot", lambda: (d := descriptors(server)) and not any("handoff" in name for name in d) and d)


def test_many_reboots_leave_nothing_behind():
    with Server() as server:
        c = server.login()
        reboot(c)
        c.expect(AFTER)
        first = settled_descriptors(server)
        for i in range(12):
            c.raw(b'"' + b"x" * i)
            reboot_line = f' and reboot {i}\r\n;reboot()\r\n'.encode()
            c.raw(reboot_line)
            c.expect(f'Wizard says, "{"x" * i} and reboot {i}"')
            c.expect(AFTER)
        assert settled_descriptors(server) == first
        assert c.eval("length(connected_players())") == "1"


def test_everything_volatile_stays():
    with Server() as server:
        c = server.login()
        second = int(c.eval("listen(#8, 0, 1)"))
        c.run('add_verb(#8, {#3, "rxd", "do_login_command"}, {"this", "none", "this"}); set_verb_code(#8, 1, {"notify(player, \\"EIGHT \\" + argstr);"})')
        eight = Client(second, greeting=False)
        eight.expect("EIGHT")
        name = c.eval("connection_name(player)")
        c.send(';;set_connection_option(player, "flush-command", "XX"); set_connection_option(player, "client-echo", 0); set_connection_option(player, "encoding", "latin-1");')
        c.expect("=> 0")
        c.send("PREFIX <<", "SUFFIX >>")
        options = c.eval("connection_options(player)")
        a = server.login("Alice")
        a.send(';notify(player, "read " + read(player))')
        until("the reader", lambda: c.eval("length(queued_tasks())") == "1")
        c.run("fork (3600) 1; endfork")
        queue = c.eval("length(queued_tasks())")
        listeners = c.eval("listeners()")
        # Half a telnet subnegotiation, half a line, a line with a byte of Latin-1.
        eight.raw(b"half \xff\xfa\x18\x00")
        reboot(c)
        c.expect(AFTER)
        eight.expect(AFTER)
        eight.raw(b"vt100\xff\xf0of it\r\n")
        eight.expect("EIGHT half of it")
        a.send("a line for the reader")
        a.expect("read a line for the reader")
        assert c.eval("connection_options(player)") == options
        assert c.eval("connection_option(player, \"encoding\")") == '"latin-1"'
        assert c.eval("connection_name(player)") == name
        assert c.eval("listeners()") == listeners
        assert int(c.eval("length(queued_tasks())")) == int(queue) - 1
        c.send("")
        c.send(";1")
        c.expect("<<")
        c.expect("=> 1")
        c.expect(">>")
        last = Client(second, greeting=False)
        last.expect("EIGHT")
        # Numbers of connections are not used again.
        assert c.eval("{x = connected_players(1)[1], x < #-4}").endswith('1}')


def test_a_slow_reader_gets_every_byte():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.eval('add_property(#7, "max_queued_output", 60000000, {#3, "r"})')
        c.eval("load_server_options()")
        a.send(';;x = "0123456789"; for i in [1..9] x = x + x; endfor for i in [1..3000] notify(player, tostr(i, " ", x)); endfor')
        until("the queue", lambda: int(c.eval("buffered_output_length(#4)")) > 1000000)
        reboot(c)
        c.expect(AFTER)
        tail = "0123456789" * 512
        for i in range(1, 3001):
            line = a.expect(re.compile(r"^(\d+) (.*)$"))
            assert line[1] == str(i) and line[2] == tail, i
        a.expect("=> 0")
        a.expect(BEFORE)
        a.expect(AFTER)


def test_connects_during_reboots_are_not_refused():
    with Server() as server:
        c, stop, count, faults = server.login(), threading.Event(), [0], []

        def storm():
            while not stop.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", server.port), 20) as x:
                        x.settimeout(20)
                        assert x.recv(100)
                        count[0] += 1
                except OSError as e:
                    faults.append(e)

        threads = [threading.Thread(target=storm) for _ in range(4)]
        for t in threads:
            t.start()
        try:
            for _ in range(8):
                reboot(c)
                c.expect(AFTER)
        finally:
            stop.set()
            for t in threads:
                t.join()
        assert not faults, faults
        assert count[0] > 0


def test_signals_do_not_interfere():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#8, "kept", 0, {#3, "r"})')
        c.send(";;#8.kept = 7; reboot(); reboot();")
        for _ in range(20):
            server.signal(signal.SIGUSR1)
            server.signal(signal.SIGUSR2)
        c.expect(AFTER)
        assert c.eval("#8.kept") == "7"
        c.send(";reboot()")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        server.start()
        assert server.login().eval("#8.kept") == "7"


def test_killed_after_a_reboot():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#8, "kept", "before", {#3, "r"})')
        c.run("fork (0) suspend(); endfork")
        reboot(c)
        c.expect(AFTER)
        server.kill()
        server.start()
        c = server.login()
        assert c.eval("{#8.kept, length(queued_tasks())}") == '{"before", 1}'


def test_damaged_hand_off_is_refused():
    """The checking side on its own: whatever the descriptor holds, it says no and does not crash."""
    with Server() as server:
        server.login()
        good = b"EVERMOO HANDOFF\n\x01\x00"
        for bytes_ in (b"", b"junk", good[:10], good[:16] + b"\x09", good[:17] + b"\x01\x05abcde", os.urandom(300), good[:17] + b"\xff" * 40):
            path = server.dir / "hand-off"
            path.write_bytes(bytes_)
            with open(path, "rb") as f:
                done = subprocess.run([EVERMOO, "serve", f"--hand-off={f.fileno()}", "--check", str(server.world)], pass_fds=[f.fileno()], capture_output=True, text=True)
            assert done.returncode == 1 and "hand-off" in done.stderr, (bytes_, done)


def test_hooks_that_ask_again_and_boot():
    with Server() as server:
        c, a, b = server.login(), server.login("Alice"), server.login("Bob")
        bob = c.eval('players()[length(players())]')
        c.run('set_verb_code(#0, "checkpoint_started", {"reboot();", "boot_player(#4);"})')
        c.run(f'set_verb_code(#0, "user_disconnected", {{"boot_player({bob});"}})')
        reboot(c)
        c.expect(AFTER)
        a.expect_end()
        b.expect_end()
        assert c.eval("length(connected_players())") == "1"
        assert server.log_text().count("has taken over") == 1


def test_nobody_takes_the_world_in_between():
    with Server() as server:
        c = server.login()
        taken, stop = [], threading.Event()

        def grab():
            with open(server.world / "pid", "r+b") as file:
                while not stop.is_set():
                    try:
                        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except OSError:
                        continue
                    taken.append(True)
                    fcntl.lockf(file, fcntl.LOCK_UN)

        thread = threading.Thread(target=grab)
        thread.start()
        try:
            for _ in range(5):
                reboot(c)
                c.expect(AFTER)
        finally:
            stop.set()
            thread.join()
        assert not taken


def test_a_pipe_is_no_program():
    with Server() as server:
        c = server.login()
        os.mkfifo(server.dir / "pipe", 0o755)
        reboot(c, server.dir / "pipe")
        c.expect("The reboot is off")
        assert c.eval("1 + 1") == "2"


def test_a_signal_to_end_is_not_lost_on_the_way():
    with Server() as server:
        for _ in range(12):
            c = server.login()
            reboot(c)
            c.expect(BEFORE) # said in the freeze: what comes now finds it somewhere between two programs
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
            server.start()
