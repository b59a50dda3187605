"""A crash at any time: the server goes on from its last save, and costs nobody the connection."""
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import struct
import subprocess

from names import PTR, NameServer
from session import EVERMOO, FAULTS, Server, reader, until
from test_guard import fails_at, faulty, inheritable, save, skip_sanitized
from test_reboot import AFTER, settled_descriptors
from test_reboot_names_clocks import FAR, from_far

GOES_ON = re.compile(r"CRASH: evermoo .* goes on from save \d+, [0-9.]+ seconds older, with (\d+) connections; process (\d+)")


def waiting_input(server):
    """Bytes that the server has not read from its sockets."""
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f":{server.port:04X}"
    return sum(int(f[4].split(":")[1], 16) for f in map(str.split, lines) if f[1].endswith(port) and f[3] == "01")


def crash(server, count=1, number=signal.SIGSEGV):
    server.signal(number)
    return server.expect_log(GOES_ON, count)[-1]


@skip_sanitized
def test_a_crash_costs_nobody_the_connection():
    with Server() as server:
        c, a, stranger = server.login(), server.login("Alice"), server.connect()
        c.run('add_property(#0, "info", 0, {#3, "r"}); add_verb(#0, {#3, "rxd", "server_recovered"}, {"this", "none", "this"}); set_verb_code(#0, "server_recovered", {"this.info = args[1];"})')
        name, seconds = a.eval("connection_name(player)"), int(a.eval("connected_seconds(player)"))
        a.eval('set_connection_option(player, "encoding", "latin-1")')
        c.run("fork (3600) 1; endfork")
        pid = server.pid
        save(server)
        c.eval("#0.events = {}")
        a.raw(b'"half a line ')
        until("the half line", lambda: waiting_input(server) == 0)
        c.eval("1")  # by now it is noted
        connections, process = crash(server)
        assert (int(connections), int(process)) == (3, pid)
        for x in (c, a, stranger):
            x.expect(re.compile(r"The server had a fault. The world is as it was saved \d+ seconds? before"))
        a.raw(b'"and its other half\r\n"a whole one\r\n')
        assert a.expect(re.compile('Alice says, "(.*)"'))[1] == "a whole one"
        c.expect('Alice says, "a whole one"')
        stranger.expect("Welcome to the tiny world.")
        stranger.login("Bob")
        assert a.eval("connection_name(player)") == name and int(a.eval("connected_seconds(player)")) >= seconds
        assert a.eval('connection_option(player, "encoding")') == '"latin-1"'
        assert c.eval("length(queued_tasks())") == "1"
        assert "user_disconnected" not in c.eval("#0.events") and "server_started" not in c.eval("#0.events[2..$]")
        assert '"SIGSEGV"' in c.eval("#0.info")
        server.connect()  # is greeted


@skip_sanitized
def test_a_line_that_waited_in_half_is_none():
    """More came than the scheduler takes, and the beginning of a line is behind it."""
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.run('set_connection_option(#4, "hold-input", 1)')
        save(server)
        a.raw(b'"x\n' * 24000 + b'"half a line ')
        until("the half line", lambda: waiting_input(server) == 0)
        c.eval("1")
        crash(server)
        a.expect("The server had a fault")
        a.raw(b'"and its other half\r\n"a whole one\r\n')
        assert a.expect(re.compile('Alice says, "(.*)"'))[1] == "a whole one"


@skip_sanitized
def test_the_message_is_a_line_of_its_own():
    """Output waited for a client that did not read: what it got of it ends anywhere."""
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        more = 'n = buffered_output_length(#4); x = "0123456789"; for i in [1..7] x = x + x; endfor for i in [1..30] notify(#4, x); endfor return n'
        until("the socket to be full", lambda: c.run(more) != "0")
        save(server)
        crash(server)
        a.expect(re.compile(r"^\*\*\* The server had a fault"))
        assert a.eval("1 + 1") == "2"


@skip_sanitized
def test_a_second_crash_is_recovered_from_and_the_third_in_a_row_ends_it():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#8, "kept", 7, {#3, "r"})')
        save(server)
        for i, number in enumerate((signal.SIGSEGV, signal.SIGFPE)):
            crash(server, i + 1, number)
            assert c.eval("#8.kept") == "7"
        server.signal(signal.SIGBUS)
        assert server.wait() == -signal.SIGBUS
        assert "the third within ten seconds" in server.log_text()
        c.expect_end()
        server.start()
        assert server.login().eval("#8.kept") == "7"


def crashing_slices(how="segv"):
    class Crashing(Server):
        program = FAULTS
        env = dict(os.environ)
    file = f"/tmp/evermoo-guard-slice-{os.getpid()}"
    Crashing.env["EVERMOO_CRASH_AT"] = f"slice:{how}:{file}"
    return Crashing, file


@skip_sanitized
def test_the_task_that_ran_is_ended_and_its_player_told():
    Crashing, file = crashing_slices()
    with Crashing() as server:
        c, a = server.login(), server.login("Alice")
        c.eval('add_property(#8, "count", 0, {#3, "rw"})')
        save(server)
        pathlib.Path(file).touch()
        a.send("say this is the end")
        server.expect_log(GOES_ON)
        assert not os.path.exists(file)
        a.expect("The server had a fault")
        a.expect("What you were doing at that moment was ended")
        c.expect("The server had a fault")
        c.send("say all is well")
        a.expect("all is well")
        report = pathlib.Path(re.search(r"report in (\S+);", server.log_text())[1])
        until("the report", lambda: "(End of traceback)" in report.read_text())
        text = report.read_text()
        assert "SIGSEGV" in text and "of #4 ran; its slice began in #4:say" in text and "#6:say" in text and "evermoo-faults(+0x" in text


@skip_sanitized
def test_every_kind_of_crash_is_recovered_from():
    for how in ("overflow", "thread", "must", "abort"):
        Crashing, file = crashing_slices(how)
        with Crashing() as server:
            c = server.login()
            for count in (1, 2):
                pathlib.Path(file).touch()
                c.send("say crash")
                server.expect_log(GOES_ON, count)
                c.expect("The server had a fault")
                assert c.eval("1 + 1") == "2"


@skip_sanitized
def test_a_task_has_no_part_in_what_fails_in_a_thread_of_the_server():
    """It ran at that moment, and is as it was saved last."""
    Crashing, file = crashing_slices("thread")
    with Crashing() as server:
        c = server.login()
        c.eval('add_property(#8, "count", 0, {#3, "rw"})')
        c.run("fork (0) while (1) #8.count = #8.count + 1; suspend(0); endwhile endfork")
        save(server)
        pathlib.Path(file).touch()
        server.expect_log(GOES_ON)
        c.expect("The server had a fault")
        c.eval("1")
        assert b"was ended" not in c.data and c.eval("length(queued_tasks())") == "1"
        report = pathlib.Path(re.search(r"report in (\S+);", server.log_text())[1])
        until("the report", lambda: "The server was here" in report.read_text())
        assert "its slice began in" not in report.read_text()


@skip_sanitized
def test_a_crash_while_it_recovers():
    class Crashing(Server):
        program = FAULTS
    file = f"/tmp/evermoo-guard-recovering-{os.getpid()}"
    pathlib.Path(file).touch()
    Crashing.env = dict(os.environ, EVERMOO_CRASH_AT=f"recovering:segv:{file}")
    with Crashing() as server:
        c = server.login()
        crash(server)
        assert server.log_text().count("*** CRASH: SIGSEGV") == 2 and not os.path.exists(file)
        assert c.eval("1 + 1") == "2"
    Crashing.env = dict(os.environ, EVERMOO_CRASH_AT="recovering:segv")
    with Crashing() as server:
        c = server.login()
        server.signal(signal.SIGSEGV)
        assert server.wait() == -signal.SIGSEGV
        assert server.log_text().count("*** CRASH: SIGSEGV") == 3 and "the third within ten seconds" in server.log_text()
        c.expect_end()


@skip_sanitized
def test_told_to_abort_it_ends_and_says_where_it_was():
    with Server() as server:
        c = server.login()
        save(server)
        server.signal(signal.SIGABRT)
        assert server.wait() == -signal.SIGABRT
        assert "another process sent it" in server.log_text() and list(server.world.glob("crash-*"))
        c.expect_end()
        server.start()


@skip_sanitized
def test_the_report_keeps_no_connection_and_no_child_is_left():
    with Server("--save-interval=3600") as server:
        a = server.login("Alice")
        for day in range(10, 32):
            (server.world / f"crash-202511{day}T010203Z").touch()
        crash(server)
        report = pathlib.Path(re.search(r"report in (\S+);", server.log_text())[1])
        until("the report", lambda: "The server was here" in report.read_text())
        assert re.search(r"saved last as save (\d+)", report.read_text())[1] == re.search(r"goes on from save (\d+)", server.log_text())[1]
        assert a.eval("1 + 1") == "2"
        a.send("@quit")
        a.expect_end()
        reports = sorted(server.world.glob("crash-*"))
        assert len(reports) == 20 and reports[-1] == report and reports[0].name == "crash-20251113T010203Z"
        until("the children", lambda: not pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split())


@skip_sanitized
def test_a_program_just_rebooted_into_that_crashes_gives_way_to_the_one_before():
    with Server() as server:
        c = server.login()
        new = server.dir / "new-evermoo"
        shutil.copy(FAULTS, new)
        c.send(f';reboot("{new}")')
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == str(new)
        crash(server)
        c.expect("The server had a fault")
        assert os.readlink(f"/proc/{server.pid}/exe") == EVERMOO
        c.expect("the program before it goes on")
        assert c.eval("1 + 1") == "2"


@skip_sanitized
def test_a_crash_at_the_point_from_which_nothing_goes_back():
    """The sockets are still as they were, and who asked for the reboot waits."""
    with faulty() as server:
        c, a = server.login(), server.login("Alice")
        a.eval("1")
        before = settled_descriptors(server)
        new = fails_at(server, "passed", "passed:segv")
        done = subprocess.run([EVERMOO, "reboot", str(server.world), str(new)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1, done
        for x in (c, a):
            x.expect("The server had a fault")
        c.expect("the program before it goes on")
        assert a.eval("1 + 1") == "2" and not inheritable(server) and settled_descriptors(server) == before


@skip_sanitized
def test_a_socket_that_is_another_one_is_nobodys():
    """Before the program that goes on looks at them, two sockets take each other's numbers."""
    class Swapping(Server):
        program = FAULTS
        env = dict(os.environ, EVERMOO_CRASH_AT="recovering:swap")
    with Swapping() as server:
        c, a, b = server.login(), server.login("Alice"), server.login("Bob")
        assert crash(server)[0] == "1"
        assert len(re.findall(r"is dropped: it is another socket now", server.log_text())) == 2 and not inheritable(server)
        b.expect("The server had a fault")
        w = server.login()
        assert w.eval("connected_players()") == "{#3, #5}"
        w.send("say who hears this")
        b.expect("who hears this")
        for x in (c, a):
            if select.select([x.sock], [], [], 0)[0]:
                x.data += x.sock.recv(1 << 16)
            assert b"hears" not in x.data and b"fault" not in x.data


@skip_sanitized
def test_a_crash_leaves_no_reader_behind():
    """Another process has the world open, so the table of readers is not made anew."""
    with Server() as server:
        c = server.login()
        other = reader(server)
        try:
            for count in (1, 2):
                crash(server, count)
                assert c.eval("1 + 1") == "2"
                assert (server.world / "lock.mdb").read_bytes().count(struct.pack("i", server.pid)) <= 1
        finally:
            other.kill()
            other.wait()


@skip_sanitized
def test_who_came_after_the_last_save_logs_in_again():
    with Server("--save-interval=3600") as server:
        c, new = server.login(), server.connect()
        save(server)
        new.send("create Newcomer")
        new.expect("*** Created ***")
        crash(server)
        new.expect("The server had a fault")
        new.expect("Welcome to the tiny world.")
        new.login("Alice")
        c.send("say well")
        new.expect("well")


@skip_sanitized
def test_nobody_becomes_who_had_the_number_before():
    with Server("--save-interval=3600") as server:
        c, one = server.login(), server.connect()
        one.send("create Newcomer")
        one.expect("*** Created ***")
        number = one.eval("player")
        save(server)
        c.run(f"boot_player({number})")
        one.expect_end()
        c.run(f"recycle({number}); reset_max_object()")
        two = server.connect()
        two.send("create Other")
        two.expect("*** Created ***")
        assert two.eval("player") == number
        crash(server)
        two.expect("Welcome to the tiny world.")
        assert c.eval(f"{{{number}.name, {number} in connected_players()}}") == '{"Newcomer", 0}'
        two.send("create Third")
        two.expect("*** Created ***")
        save(server)
        number = two.eval("player")
        server.expect_log("CRASH: the player of localhost")
        crash(server, 2)
        two.expect("The server had a fault")
        assert two.eval("player") == number


@skip_sanitized
def test_a_name_that_was_being_asked_for_is_asked_for_again():
    with NameServer() as names, Server(f"--name-servers={names.address}") as server:
        c, far = server.login(), from_far(server, True)
        names.wait(FAR)
        far.login("Alice")
        save(server)
        crash(server)
        names.wait(FAR, 2)
        names.tell(FAR, PTR, "far.example")
        until("the name", lambda: "far.example" in c.eval("connection_name(#4)"))
        crash(server, 2)
        assert "far.example" in c.eval("connection_name(#4)") and names.count(FAR) == 2


@skip_sanitized
def test_a_listener_that_came_after_the_last_save_is_gone_with_it():
    with Server("--save-interval=3600") as server:
        c = server.login()
        c.eval("1")
        save(server)
        port = int(c.run('x = create(#1, #3); add_verb(x, {#3, "rxd", "do_login_command"}, {"this", "none", "this"}); set_verb_code(x, "do_login_command", {"notify(player, \\"Here.\\");"}); return listen(x, 0, 1)'))
        there = server.connect(port=port, greeting=False)
        there.expect("Here.")
        crash(server)
        c.expect("The server had a fault")
        there.expect("The server had a fault")
        there.expect("Welcome to the tiny world.")
        there.login("Alice")
        assert f"nobody listens on port {port} now" in server.log_text() and c.eval("length(listeners())") == "1"
        try:
            server.connect(port=port, greeting=False)
            assert False, "somebody listens there"
        except ConnectionRefusedError:
            pass


@skip_sanitized
def test_a_program_that_may_not_read_the_box_is_not_gone_back_to():
    """The first one has none, as if it were older than that: the second begins one, and goes on itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 << 20, hard))  # more than the world, less than a box
    try:
        server = Server()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with server:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (soft, hard))
        server.expect_log("A crash would end the server and not be recovered from")
        c = server.login()
        c.send(";reboot()")
        c.expect(AFTER)
        c.eval("1")
        crash(server)
        c.expect("The server had a fault")
        assert c.eval("1 + 1") == "2" and "within a minute of a reboot" not in server.log_text()
