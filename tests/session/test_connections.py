"""Logging in and out, listeners, redirects, boots, time-outs, crowds, outbound connections."""
import re
import resource
import socket
import subprocess

import session
from session import Client, Server, until


def test_login_and_log():
    with Server() as server:
        c = server.connect()
        c.send("", "foo  \"bar baz\"", "connect nobody")
        c.expect("Welcome to the tiny world.")
        c.expect('Login: {"foo", "bar baz"} "foo  \\"bar baz\\""')
        c.expect("There is no such player.")
        c.login("Wizard")
        port, ours = server.port, c.sock.getsockname()[1]
        place = f"port {port} from localhost, port {ours}"
        assert c.eval("connection_name(player)") == f'"{place}"'
        server.expect_log(f"LISTEN: #0 now listening on port {port}")
        server.expect_log(f"ACCEPT: #-2 on {place}")
        server.expect_log(f"CONNECTED: Wizard (#3) on {place}")
        d = server.connect()
        d.send("create Dora")
        d.expect("*** Created ***")
        server.expect_log("CREATED: Dora (#9) on port")
        c.expect("* user_created #9")
        assert c.eval("connected_players()") == "{#9, #3}"
        d.reset()
        c.expect("* user_client_disconnected #9")
        server.expect_log("CLIENT DISCONNECTED: Dora (#9) on port")
        assert c.eval("{`connected_seconds(#9) ! ANY', connected_seconds(#3) >= 0, idle_seconds(#3)}") == "{E_INVARG, 1, 0}"


def test_boot_and_quit():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.send(";;boot_player(#4); notify(#4, \"too late\"); return connected_players();")
        c.expect("=> {#3}")
        c.expect("* user_disconnected #4")
        a.expect("*** Disconnected ***")
        assert b"too late" not in a.expect_end()
        a = server.login("Alice")
        a.send("@quit")
        a.expect("*** Disconnected ***")
        a.expect_end()
        server.expect_log("DISCONNECTED: Alice (#4) on port", 2)
        u = server.connect()
        u.send("quit")
        u.expect("*** Disconnected ***")
        u.expect_end()
        c.send(";`boot_player(#77) ! ANY'")
        c.expect("=> 0")


def test_redirect():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        b = server.connect()
        b.send("connect Alice")
        a.expect("*** Redirecting connection to new port ***")
        a.expect_end()
        b.expect("*** Redirecting old connection to this port ***")
        c.expect("* user_reconnected #4")
        server.expect_log(re.compile(r"REDIRECTED: Alice \(#4\), was port .*, now port"))
        b.send("say here")
        c.expect('Alice says, "here"')


def test_recycled_player():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.run("recycle(#4)")
        a.expect("*** Recycled ***")
        a.expect_end()
        server.expect_log("RECYCLED: #4 on port")


def test_login_time_out():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#7, "connect_timeout", 1, {#3, "r"})')
        d = server.connect()
        d.expect("*** Timed-out waiting for login. ***")
        d.expect_end()
        server.expect_log("TIMEOUT: #-3 on port")
        assert c.eval("1") == "1"


def test_messages_are_options():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#7, "boot_msg", {"Out", "you go."}, {#3, "r"})')
        a = server.login("Alice")
        a.send("@quit")
        a.expect("Out")
        a.expect("you go.")
        a.expect_end()
        assert c.eval("1") == "1"


def test_listeners():
    with Server() as server:
        c = server.login()
        port = server.port
        assert c.eval("listeners()") == "{{#0, %d, 1}}" % port
        assert c.eval(f"`listen(#0, {port}) ! ANY'") == "E_INVARG"
        assert c.eval("`listen(#999, 0) ! ANY'") == "E_INVARG"
        assert c.eval("`listen(#8, \"x\") ! ANY'") == "E_TYPE"
        second = int(c.eval("listen(#8, 0)"))
        assert c.eval("listeners()") == "{{#8, %d, 0}, {#0, %d, 1}}" % (second, port)
        server.expect_log(f"LISTEN: #8 now listening on port {second}")
        c.run('add_verb(#8, {#3, "rxd", "do_login_command"}, {"this", "none", "this"}); '
              'set_verb_code(#8, 1, {"notify(player, \\"EIGHT \\" + toliteral(args));", "return args && args[1] == \\"in\\" ? #4 | 0;"})')
        d = Client(second, greeting=False)
        d.expect("EIGHT {}")
        d.send("in")
        d.expect('EIGHT {"in"}')
        d.send("say silent login")
        d.expect('Alice says, "silent login"')
        assert c.eval(f"unlisten({second})") == "0"
        assert c.eval(f"`unlisten({second}) ! ANY'") == "E_INVARG"
        server.expect_log(f"UNLISTEN: #8 no longer listening on port {second}")
        try:
            Client(second, greeting=False)
            raise AssertionError("still listening")
        except ConnectionRefusedError:
            pass
        d.send("say unlistened, not closed")
        d.expect("unlistened, not closed")
        a = server.connect()
        a.send("create Carl")
        a.expect("*** Created ***")
        assert a.eval("`listen(#0, 0) ! ANY'") == "E_PERM"
        assert a.eval("`unlisten(1) ! ANY'") == "E_PERM"
        taken = socket.create_server(("127.0.0.1", 0))
        assert c.eval(f"`listen(#0, {taken.getsockname()[1]}) ! ANY'") == "E_QUOTA"


def test_outbound_is_off_unless_allowed():
    with Server() as server:
        c = server.login()
        assert c.eval("`open_network_connection(\"127.0.0.1\", 1) ! ANY'") == "E_PERM"
        assert c.eval("`open_network_connection() ! ANY'") == "E_PERM"


def test_outbound():
    with Server("--outbound") as server:
        c = server.login()
        peer = socket.create_server(("127.0.0.1", 0))
        port = peer.getsockname()[1]
        c.send(f';;x = open_network_connection("127.0.0.1", {port}); notify(x, "hello out there"); set_connection_option(x, "hold-input", 1); player.name = "Wizard"; return {{x < #0, connection_name(x), read(x)}};')
        peer.settimeout(20)
        far, _ = peer.accept()
        far.settimeout(20)
        got = b""
        while b"\r\n" not in got:
            got += far.recv(1000)
        assert got == b"hello out there\r\n", got
        far.sendall(b"and back\r\n")
        answer = c.expect(re.compile(r"^=> (.*)$"))[1]
        assert re.match(r'\{1, "port \d+ to 127.0.0.1, port %d", "and back"\}' % port, answer), answer
        server.expect_log("CONNECT: #-3 on port")
        closed = socket.create_server(("127.0.0.1", 0))
        nobody = closed.getsockname()[1]
        closed.close()
        assert c.eval(f"`open_network_connection(\"127.0.0.1\", {nobody}) ! ANY'") == "E_INVARG"
        assert c.eval("`open_network_connection(\"no.such.host.invalid\", 7) ! ANY'") == "E_INVARG"
        assert c.eval("`open_network_connection(\"127.0.0.1\") ! ANY'") == "E_ARGS"
        assert c.eval("`open_network_connection(5, 5) ! ANY'") == "E_TYPE"
        assert server.login("Alice").eval("`open_network_connection(\"127.0.0.1\", 1) ! ANY'") == "E_PERM"
        far.close()
        server.expect_log("CLIENT DISCONNECTED: #-3 on port")


def test_a_thousand_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with Server() as server:
        c = server.login()
        crowd = [server.connect() for _ in range(1000)]
        for i, x in enumerate(crowd):
            x.send(f"number {i}")
        for i, x in enumerate(crowd):
            x.expect(f'Login: {{"number", "{i}"}}')
        assert c.eval("length(connected_players(1))") == "1001"
        for x in crowd:
            x.close()
        assert until("all to be gone", lambda: c.eval("length(connected_players(1))") == "1")
        assert c.eval("#0.events[1]") is not None
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class CrampedServer(Server):
    """With few descriptors."""

    def start(self, *options, port=0):
        real = subprocess.Popen

        def cramped(*args, **keywords):
            return real(*args, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48)), **keywords)

        session.subprocess.Popen = cramped
        try:
            return super().start(*options, port=port)
        finally:
            session.subprocess.Popen = real


def test_server_full():
    with CrampedServer() as server:
        c = server.login()
        crowd, refused = [], None
        for _ in range(60):
            x = Client(server.port, greeting=False)
            if x.expect(re.compile(".")).string.startswith("*** Sorry"):
                refused = x
                break
            crowd.append(x)
        assert refused and len(crowd) > 10
        refused.expect("*** Please try again later.")
        refused.expect_end()
        server.expect_log("SERVER FULL: refusing connection on port")
        assert c.eval("dump_database()") == "0"
        server.expect_log(re.compile("CHECKPOINTING on .* finished"))
        for x in crowd:
            x.close()
        until("room again", lambda: c.eval("length(connected_players(1))") == "1")
        server.login("Alice")


def test_last_words_before_hanging_up():
    """A client that says its lines and hangs up at once has them acted on."""
    with Server() as server:
        c = server.login()
        d = server.connect()
        d.raw(b"connect Alice\r\nsay one\r\nsay two\r\n")
        d.sock.shutdown(socket.SHUT_WR)
        c.expect('Alice says, "one"')
        c.expect('Alice says, "two"')
        c.expect("* user_client_disconnected #4")
        d.expect_end()


