"""The first slice: log in, program, fork and suspend under a tick quota, dump, kill -9, restart, reboot with everything alive."""
import re

from session import Server


def program(c, obj, verb, *lines):
    c.send(f".program {obj}:{verb}")
    c.expect("Now programming")
    c.send(*lines, ".")
    c.expect("0 error")
    c.expect("Verb programmed.")


def test_first_slice():
    with Server("--tick-quota", "2000") as server:
        c = server.login()
        assert c.eval('add_verb(#8, {player, "rxd", "count waiter"}, {"this", "none", "this"})') == "1"
        c.eval('add_property(#8, "log", {}, {player, "r"})')
        program(c, "#8", "count", "for i in [1..3]", "  this.log = {@this.log, i};", '  notify(player, "counted " + tostr(i));', "  if (i < 3)", "    suspend(0);", "  endif", "endfor",
                "x = suspend();", 'notify(player, "woken with " + toliteral(x));', "return x;")
        c.run("fork (0) #8:count(); endfork")
        c.expect("counted 3")

        # A dump, and a death with no warning: the suspended task is there again.
        c.send("@dump-database")
        c.expect("Dumping...")
        server.expect_log(re.compile(r"CHECKPOINTING on .* finished"))
        server.kill()
        server.start()
        c = server.login()
        assert c.eval("#8.log") == "{1, 2, 3}"
        assert c.eval("length(queued_tasks())") == "1"
        # Who was connected when it died has been said goodbye to, then the world was started.
        events = c.eval("#0.events")
        assert '{"user_disconnected", #3}, {"server_started", {}}' in events, events

        # The new server in the same process, behind the same sockets.
        pid, address = server.pid, c.sock.getpeername()
        other = server.connect()
        c.run("fork (0) read(player); endfork fork (0) suspend(0.3); notify(player, \"slept through\"); endfork")
        c.raw(b';"half a ')
        other.raw(b"conn")
        c.raw(b'line"\r\n;;reboot("", "for a test"); for i in [1..50] notify(player, "queued " + tostr(i)); endfor\r\n;"half ag')
        for i in range(1, 51):
            c.expect(f"queued {i}")
        c.expect("The server is being replaced")
        c.expect("The new server is here")
        c.raw(b'ain"\r\n')
        c.expect('=> "half again"')
        other.send("ect Alice")
        other.expect("*** Connected ***")
        assert server.process.poll() is None and server.pid == pid and c.sock.getpeername() == address
        assert c.run("for t in (queued_tasks()) if (t[7] == \"count waiter\") resume(t[1], \"a value\"); endif endfor") == "0"
        c.expect('woken with "a value"')
        server.expect_log("has taken over with 2 connections")
