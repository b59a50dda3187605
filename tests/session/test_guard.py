"""What the server does when it fails itself: in the midst of a reboot, and at any other time."""
import os
import re

from session import FAULTS, SANITIZED, Server

BEFORE, AFTER = "The server is being replaced", "The new server is here"
IN_THE_NEW_ONE = ["started", "opened", "decoded", "restored"]


def faulty(*options):
    """A server that fails where fail_at() says."""
    class Faulty(Server):
        program = FAULTS
    return Faulty(*options)


def fails_at(server, name, what, once=True):
    """A program to reboot into: it fails at that moment, once or each time."""
    path, file = server.dir / f"new-{name}", server.dir / f"fail-{name}"
    file.touch()
    path.write_text(f"#!/bin/sh\nEVERMOO_CRASH_AT={what}{':' + str(file) if once else ''} exec {FAULTS} \"$@\"\n")
    path.chmod(0o755)
    return path


def hows():
    return ["error", "hang"] if SANITIZED else ["error", "segv", "abort", "hang"]


def test_a_new_program_that_fails_is_gone_back_from():
    with faulty() as server:
        c, a = server.login(), server.login("Alice")
        pid, exe, n = server.pid, os.readlink(f"/proc/{server.pid}/exe"), 0
        c.run("fork (3600) 1; endfork")
        for where in IN_THE_NEW_ONE:
            for how in hows():
                if how == "hang" and where != "decoded":
                    continue
                new = fails_at(server, f"{where}-{how}", f"{where}:{how}")
                a.raw(b'"half ')
                c.send(f';reboot("{new}")')
                c.expect(BEFORE)
                c.expect(AFTER)
                c.expect("The new program could not take over")
                a.raw(b"a line\r\n")
                a.expect('Alice says, "half a line"')
                n += 1
                server.expect_log("the program before it takes over again" if how != "error" else "the program before this one takes over again")
                assert c.eval("length(queued_tasks())") == "1"
                assert server.log_text().count("has taken over") == n, (where, how)
        assert os.readlink(f"/proc/{server.pid}/exe") == exe
        c.send(";reboot()")
        c.expect(AFTER)
        assert server.pid == pid and c.eval("length(queued_tasks())") == "1"


def test_when_the_one_before_fails_too_it_ends_clearly():
    for how in hows()[:2] if not SANITIZED else ["error"]:
        with faulty() as server:
            c = server.login()
            c.eval('add_property(#8, "kept", 7, {#3, "r"})')
            c.send(f';reboot("{fails_at(server, how, f"restored:{how}", once=False)}")')
            c.expect_end()
            assert server.wait() != 0
            log = server.log_text()
            assert ("that was gone back to has failed too" if how == "segv" else "an error was asked for at `restored'") in log
            server.start()
            assert server.login().eval("#8.kept") == "7"


def test_a_crash_between_two_programs_goes_back():
    if SANITIZED:
        print("skipped: faults end a sanitized build")
        return
    for where, how in (("handed-off", "segv"), ("handed-off", "error")):
        Failing = type("Failing", (Server,), {"program": FAULTS})
        Failing.env = dict(os.environ)
        file = f"/tmp/evermoo-guard-{os.getpid()}"
        Failing.env["EVERMOO_CRASH_AT"] = f"{where}:{how}:{file}"
        with Failing() as server:
            c = server.login()
            open(file, "w").close()
            c.send(";reboot()")
            c.expect(AFTER)
            assert not os.path.exists(file) and c.eval("1 + 1") == "2"


def test_the_hand_off_is_kept_until_it_is_on_disk():
    with Server() as server:
        c = server.login()
        c.send(";reboot()")
        c.expect(AFTER)
        server.expect_log(re.compile(r"nothing goes back"))
        server.expect_log(re.compile(r"what was handed over is on disk: save \d+"))
        assert not any("handoff" in os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pid}/fd"))
