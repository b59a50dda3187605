"""A reboot as wizards and the world see it: the hooks, @reboot with its countdown, @abort-reboot."""
import re

from session import EVERMOO, Server, until
from test_reboot import AFTER, BEFORE, reboot, script
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
        c.expect(AFTER)
        c.expect("The new program could not take over")
        assert fact(c, "went_back") == "1" and fact(c, "reason") == '"try"' and fact(c, "who") == "#3"
        reboot(c, EVERMOO)
        c.expect(AFTER)
        assert fact(c, "went_back") == "0"
