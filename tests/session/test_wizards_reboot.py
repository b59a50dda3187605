"""A reboot as wizards and the world see it: the hooks, @reboot with its countdown, @abort-reboot."""
import os
import pathlib
import re
import signal
import socket

from session import EVERMOO, FAULTS, LIMIT, Server, until
from test_reboot import AFTER, BACK, BEFORE, reboot, script
from test_world import World

HOOKS = "server_rebooting server_rebooted server_started checkpoint_started checkpoint_finished user_disconnected user_client_disconnected"


def hear_hooks(c):
    """Every hook is written down, with its first argument and whether the world waits for input then."""
    for name in HOOKS.split():
        c.run(f'`delete_verb(#0, "{name}") ! ANY\'')
    c.run(f'add_verb(#0, {{#3, "rxd", "{HOOKS}"}}, {{"this", "none", "this"}})')
    c.run('set_verb_code(#0, length(verbs(#0)), {"this.events = {@this.events, {verb, @args}};"})')
    c.run("#0.events = {}")


def names(c):
    return c.eval('{#0.events[1][1], #0.events[2][1], #0.events[3][1], #0.events[4][1], length(#0.events)}')


def fact(c, name):
    """Of the last call of server_rebooted."""
    return c.run(f'for e in (#0.events) if (e[1] == "server_rebooted") for p in (e[2]) if (p[1] == "{name}") x = p[2]; endif endfor endif endfor return x')


def test_hooks_around_a_reboot():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        hear_hooks(c)
        reboot(c, reason="new shoes")
        c.expect(AFTER)
        a.expect(AFTER)
        assert names(c) == '{"server_rebooting", "checkpoint_started", "checkpoint_finished", "server_rebooted", 4}'
        assert c.eval("#0.events[1]") == '{"server_rebooting", "new shoes"}'
        assert fact(c, "reason") == '"new shoes"' and fact(c, "who") == "#3" and fact(c, "went_back") == "0"
        assert 0 < float(fact(c, "seconds")) < 20
        assert fact(c, "version_before") == fact(c, "version_after") and len(fact(c, "version_after")) > 4
        assert int(fact(c, "generation")) > 1
        # What is refused at once is not announced; what is refused by the new program's check has been, and nothing more follows.
        c.run("#0.events = {}")
        reboot(c, server.dir / "missing")
        c.expect("The reboot is off")
        assert c.eval("#0.events") == "{}"
        reboot(c, script(server, "no", "exit 1"))
        c.expect("The reboot is off")
        assert c.eval("{#0.events[1], #0.events[2], #0.events[3][1..2], length(#0.events)}") == '{{"server_rebooting", ""}, {"checkpoint_started"}, {"checkpoint_finished", 1}, 3}'


def test_hooks_that_fail_or_sleep_stop_nothing():
    with Server() as server:
        c = server.login()
        for name in ("server_rebooting", "server_rebooted"):
            c.run(f'add_verb(#0, {{#3, "rxd", "{name}"}}, {{"this", "none", "this"}})')
        c.run('set_verb_code(#0, "server_rebooting", {"x = 1 / 0;"})')
        c.run('set_verb_code(#0, "server_rebooted", {"return this.nosuch;"})')
        reboot(c)
        c.expect(AFTER)
        server.expect_log(re.compile(r"#0:server_rebooting.*line 1:  Division by zero"))
        server.expect_log(re.compile(r"#0:server_rebooted.*line 1:  Property not found"))
        # One that asks for a reboot gets the one that has begun, and one that sleeps wakes in the new program.
        c.run('set_verb_code(#0, "server_rebooting", {"reboot();", "suspend(0);", "while (this.heard != {1})", "suspend(0);", "endwhile", "this.heard = {1, 2};"})')
        c.run('set_verb_code(#0, "server_rebooted", {"this.heard = {@this.heard, 1};"})')
        c.run('add_property(#0, "heard", {}, {#3, "r"})')
        reboot(c)
        c.expect(AFTER)
        until("the sleeper's end", lambda: c.eval("#0.heard") == "{1, 2}")
        assert server.log_text().count("has taken over") == 2


def test_the_hook_knows_of_a_new_program_that_did_not_come_up():
    """The program passes its check and then cannot serve: it does what a server does then, it executes the one before it."""
    with Server() as server:
        c = server.login()
        hear_hooks(c)
        reboot(c, script(server, "fails", """
            for a do shift
                case $a in
                    --check) exit 0 ;;
                    --previous=*) previous=/proc/self/fd/${a#--previous=} ;;
                    *) set -- "$@" "$a" ;;
                esac
            done
            exec $previous "$@" --back
            """), "try")
        c.expect(BACK)
        c.expect("The new program could not take over")
        assert fact(c, "went_back") == "1" and fact(c, "reason") == '"try"' and fact(c, "who") == "#3"
        reboot(c, EVERMOO)
        c.expect(AFTER)
        assert fact(c, "went_back") == "0"


def test_a_hook_that_asks_for_the_next_reboot_gets_it():
    with Server() as server:
        c = server.login()
        c.run('add_property(#0, "reasons", {}, {#3, "r"}); add_verb(#0, {#3, "rxd", "server_rebooted"}, {"this", "none", "this"})')
        c.run('set_verb_code(#0, "server_rebooted", {"this.reasons = {@this.reasons, args[1][1][2]};", "length(this.reasons) < 3 && reboot(\\"\\", \\"again\\");"})')
        reboot(c, reason="first")
        for _ in range(3):
            c.expect(AFTER)
        assert c.eval("#0.reasons") == '{"first", "again", "again"}' and server.log_text().count("has taken over") == 3


def test_a_shutdown_while_everything_stands_still_is_not_forgotten():
    """A connection ends at the moment at which the check of the new program ends: what hears of it is called when nobody is served any more, and ends the server."""
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.run('add_verb(#0, {#3, "rxd", "user_client_disconnected"}, {"this", "none", "this"}); set_verb_code(#0, "user_client_disconnected", {"shutdown(\\"enough\\");"})')
        go, checking = server.dir / "go", server.dir / "checking"
        reboot(c, script(server, "slow", f"echo $$ > {checking}.new; mv {checking}.new {checking}; while [ ! -e {go} ]; do sleep 0.01; done; exit 0"))
        child = int(until("the check", lambda: checking.exists() and checking.read_text()))
        server.signal(signal.SIGSTOP)
        go.touch()
        until("the end of the check", lambda: pathlib.Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z")
        a.close()
        server.signal(signal.SIGCONT)
        c.expect("enough")
        assert server.wait() == 0


def test_who_hears_the_lines():
    """Text in the midst of other bytes would spoil them."""
    with Server("--outbound") as server:
        c, a, peer = server.login(), server.login("Alice"), socket.create_server(("127.0.0.1", 0))
        second = int(c.eval("listen(#8, 0)"))
        quiet = server.connect(port=second, greeting=False)
        until("the quiet one", lambda: c.eval("length(connected_players(1))") == "3")
        c.eval(f'open_network_connection("127.0.0.1", {peer.getsockname()[1]})')
        outbound, _ = peer.accept()
        a.send(';;notify(player, "binary"); set_connection_option(player, "binary", 1); suspend(); notify(player, "the end~0D~0A");')
        a.expect("binary")
        stranger = server.connect()
        reboot(c)
        for who in (c, stranger):
            who.expect(BEFORE)
            who.expect(AFTER)
        c.run('for p in (connected_players(1)) if (p < #0) notify(p, "the end"); endif endfor for t in (queued_tasks()) resume(t[1]); endfor')
        outbound.settimeout(LIMIT)
        assert a.expect_bytes(b"the end\r\n") == quiet.expect_bytes(b"the end\r\n") == b"" and outbound.recv(100) == b"the end\r\n"


def test_a_full_queue_loses_nothing_for_the_lines():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        a.eval("1")
        c.run('add_property(#0, "sent", {0, 0}, {#3, "r"})')
        c.run('x = "0123456789"; for i in [1..10] x = x + x; endfor for n in ({10000, 1000, 100, 10, 1}) while (notify(#4, "> " + x[1..n], 1)) #0.sent = {#0.sent[1] + 1, #0.sent[2] + n}; endwhile endfor')
        lines, digits = map(int, re.findall(r"\d+", c.eval("#0.sent")))
        reboot(c)
        c.expect(AFTER)
        got = [a.expect(re.compile("^.*$"))[0] for _ in range(lines)]
        assert all(line.startswith("> 0") for line in got) and sum(map(len, got)) == digits + 2 * lines
        c.run('notify(#4, "and on")')
        a.expect("and on")


class FailsInTheFreeze(Server):
    program = FAULTS
    env = dict(os.environ, EVERMOO_CRASH_AT="freeze:error")


def test_everybody_hears_when_it_fails_after_it_was_announced():
    with FailsInTheFreeze() as server:
        c, a = server.login(), server.login("Alice")
        reboot(c)
        c.expect("The reboot is off: the save before it failed")
        for who in (c, a):
            if who is a:
                who.expect(BEFORE)
            assert who.expect(re.compile("^.+$"))[0] == "*** The server is not replaced after all. Nothing is lost. ***"
        assert c.eval("1 + 1") == "2"


# ---- @reboot in the bundled world


def advance(w):
    """The countdown's next line comes now."""
    w.lines(";resume($wiz.reboot_countdown[1])")


def test_countdown():
    with World() as world:
        w, ann = world.wizard(), world.create("Ann")
        # A :tell of one's own that never ends holds nobody up.
        ann.lines("@verb me:tell this none this")
        ann.lines("@property me.stuck 0")
        ann.program("me:tell", "while (this.stuck)", "endwhile", "pass(@args);")
        ann.lines(";me.stuck = 1")
        w.do("@reboot 90 new shoes", "*** The server reboots in 1 minute and 30 seconds: new shoes ***")
        ann.expect("*** The server reboots in 1 minute and 30 seconds: new shoes ***")
        late = world.join()
        late.send("create Late secret")
        late.expect("*** Created ***")
        for left in ("1 minute", "30 seconds", "10 seconds", "5 seconds"):
            advance(w)
            for c in (ann, late):
                got = c.expect(re.compile(r"^\*\*\* The server .*"))[0]
                assert got == f"*** The server reboots in {left}: new shoes ***", got
        assert "has taken over" not in world.log_text()
        advance(w)
        for c in (w, ann, late):
            c.expect(BEFORE)
            assert c.expect(re.compile("^.+$"))[0].startswith("*** " + AFTER)
        assert w.ready().value("$wiz.reboot_countdown") == "{}"


def test_countdown_called_off():
    with World() as world:
        w, ann = world.wizard(), world.create("Ann")
        w.says("@abort-reboot", "No reboot counts down.")
        for command in ("@reboot -1", "@reboot 31536001 later", "@reboot 99999999999999999999", "@reboot 5m", "@reboot 1e3", "@shutdown -1", "@shutdown 31536001", "@shutdown 1.5 hours"):
            w.says(command, "The seconds are from 0 to 31536000, which is a year. A reason that begins with a digit is given behind them.")
        w.lines("@reboot 3600")
        ann.expect("*** The server reboots in 1 hour. ***")
        got = w.lines("@reboot 10 now")
        assert re.match(r"A reboot comes already, in (1 hour|59 minutes and \d+ seconds); Wizard \(#2\) asked for it\.  `@abort-reboot' calls it off\.$", got[0]), got
        w.do("@abort-reboot not today", "*** The server does not reboot: Wizard has called it off: not today ***")
        ann.expect("*** The server does not reboot: Wizard has called it off: not today ***")
        assert w.value("{queued_tasks(), $wiz.reboot_countdown}") == "{{}, {}}"
        # One that was killed counts down no more; one that another wizard began is called off as well.
        w.lines("@reboot 600")
        w.lines(";kill_task($wiz.reboot_countdown[1])")
        w.says("@abort-reboot", "No reboot counts down.")
        w.lines("@wizard Ann")
        ann.send("@reboot 600")
        w.expect("*** The server reboots in 10 minutes. ***")
        ann.send("@quit")
        w.expect("Ann has disconnected.")
        w.do("@abort-reboot", "*** The server does not reboot: Wizard has called it off. ***")
        assert "REBOOT" not in world.log_text()


def test_countdown_goes_on_through_another_reboot_and_ends_with_the_server():
    with World() as world:
        w, ann = world.wizard(), world.create("Ann")
        w.lines("@reboot 600 the big one")
        ann.expect("*** The server reboots in 10 minutes: the big one ***")
        reboot(w)
        ann.expect(AFTER)
        w.expect(AFTER)
        advance(w.ready())
        ann.expect("*** The server reboots in 5 minutes: the big one ***")
        world.save()
        world.kill()
        world.start()
        w = world.connect_as("Wizard", "sesame")
        assert w.value("{queued_tasks(), $wiz.reboot_countdown}") == "{{}, {}}"
        assert world.log_text().count("has taken over") == 1


def test_more_players_than_a_task_has_ticks_for():
    with World() as world:
        w, others = world.wizard(), [world.create(f"P{i}") for i in range(20)]
        w.send(';;while (ticks_left() > 60) endwhile $wiz:say_to_all("to everybody");')
        for c in [w, *others]:
            c.expect("to everybody")


def test_the_two_lines_are_worded_by_the_world():
    with World() as world:
        w, ann = world.wizard(), world.create("Ann")
        w.lines(';add_property($server_options, "reboot_msg", "Hold tight.", {player, "r"})')
        w.lines(';add_property($server_options, "rebooted_msg", {"Here we are."}, {player, "r"})')
        stranger = world.join()
        ann.lines("say ready")
        w.send("@reboot")
        for c in (ann, stranger):
            c.expect("Hold tight.")
            assert c.expect(re.compile("^.+$"))[0] == "Here we are."
        assert ann.lines("say done")[0] == 'You say, "done"'
