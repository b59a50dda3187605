"""The server replaced by a new one: what must stay, and what must be refused."""
import fcntl
import os
import pathlib
import re
import signal
import threading

from session import Client, Server, until

BEFORE, AFTER, BACK = "The server is being replaced", "The new server is here", "The server is not replaced after all"


def reboot(c, binary="", reason=""):
    c.send(f';reboot("{binary}", "{reason}")')
    c.expect("=> 0")


def script(server, name, text):
    path = server.dir / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


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


def anonymous_kb(server):
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{server.pid}/status").read_text())[1])


def test_what_tasks_hold_in_common_stays_one():
    """A hundred tasks have one list of half a megabyte, and not fifty megabytes afterwards."""
    with Server() as server:
        c = server.login()
        c.run("l = {1, 2}; for i in [1..14] l = {@l, @l}; endfor for i in [1..100] fork (1000) player.name = l[i]; endfork endfor")
        for _ in range(2):
            before = anonymous_kb(server)
            reboot(c)
            c.expect(AFTER)
            settled_descriptors(server)
            assert anonymous_kb(server) < before + 16 * 1024
        assert c.eval("length(queued_tasks())") == "100"


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


def processes_of(world):
    """Those that have it among their arguments."""
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(world).encode() in p.read_bytes():
                found.append(int(p.parent.name))
        except OSError:
            pass
    return found


def test_who_keeps_the_old_memory_ends():
    with Server() as server:
        c = server.login()
        for _ in range(3):
            reboot(c)
            c.expect(AFTER)
        until("nobody else", lambda: processes_of(server.world) == [server.pid])
        children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
        assert children == "", children


def test_killed_after_a_reboot():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#8, "kept", "before", {#3, "r"})')
        c.run("fork (0) suspend(); endfork")
        reboot(c)
        c.expect(AFTER)
        assert pathlib.Path(f"/proc/{server.pid}/comm").read_text() == "evermoo\n"
        server.kill()
        server.start()
        c = server.login()
        assert c.eval("{#8.kept, length(queued_tasks())}") == '{"before", 1}'


def test_what_a_task_runs_stays_in_the_store_through_reboots():
    """A program that only a sleeping task has, since its verb has another one now, is kept by the saves after a reboot, which do not write the task anew; and a task that has ended is not there again."""
    with Server() as server:
        c = server.login()
        c.run('add_verb(#8, {#3, "rxd", "two"}, {"this", "none", "this"}); add_property(#8, "said", {}, {#3, "r"})')
        c.run('set_verb_code(#8, "two", {"suspend();", "#8.said = {@#8.said, \\"old\\"};"})')
        c.run("fork task (0) #8:two(); endfork")
        c.run("fork (0) suspend(); #8.said = {@#8.said, 2}; endfork")
        c.run('suspend(0); set_verb_code(#8, "two", {"suspend();", "#8.said = \\"new\\";"})')
        for name in "ab":
            reboot(c)
            c.expect(AFTER)
            settled_descriptors(server)
            c.run(f'add_property(#8, "{name}", 1, {{#3, "r"}})')
            assert c.eval("typeof(save_database())") == "4"
        c.run('for t in (queued_tasks()) if (t[7] != "two") resume(t[1]); endif endfor suspend(0)')
        assert c.eval("#8.said") == "{2}"
        assert c.eval("typeof(save_database())") == "4"
        server.kill()
        server.start()
        c = server.login()
        assert c.eval("length(queued_tasks())") == "1" and "cannot be taken up" not in server.log_text()
        c.run("resume(queued_tasks()[1][1]); suspend(0)")
        assert c.eval("#8.said") == '{2, "old"}'


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


def test_who_is_replaced_in_the_midst_of_it_is_disconnected():
    """A verb that hears of a checkpoint makes one connection after the other Alice's; each time the one before ends. There is always a checkpoint under way, so also at the last moment before exec."""
    with Server("--save-interval=3600") as server:
        c = server.login()
        c.run('add_property(#8, "on", 0, {#3, "rw"}); delete_verb(#0, "server_started"); add_verb(#0, {#3, "rxd", "checkpoint_finished"}, {"this", "none", "this"})')
        c.run('set_verb_code(#0, "checkpoint_finished", {"#8.on && dump_database();", "for x in (connected_players(1)) if (x < #0) switch_player(x, #4); break; endif endfor"})')
        before = settled_descriptors(server)
        for _ in range(3):
            clients = [server.connect() for _ in range(30)]
            c.run("#8.on = 1; dump_database()")
            c.send(";reboot()")
            c.expect(AFTER)
            until("all to be Alice in turn", lambda: c.eval("length(connected_players(1))") == "2")
            c.run("#8.on = 0; boot_player(#4)")
            for client in clients:
                client.expect("Redirecting")
                client.expect_end()
        until("as many descriptors as before, and the program before this one", lambda: len(settled_descriptors(server)) == len(before) + 1)
