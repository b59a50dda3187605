"""What the server does when the program that takes it over fails."""
import contextlib
import fcntl
import os
import pathlib
import re
import subprocess
import threading
import time

from session import EVERMOO, FAULTS, SANITIZED, Server
from test_reboot import AFTER, BACK, BEFORE, settled_descriptors

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


def inheritable(server):
    """Descriptors that a program executed now would get, besides the standard ones."""
    found = {}
    for fd in os.listdir(f"/proc/{server.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            flags = int(re.search(r"flags:\s+(\d+)", pathlib.Path(f"/proc/{server.pid}/fdinfo/{fd}").read_text())[1], 8)
            if int(fd) > 2 and not flags & os.O_CLOEXEC:
                found[int(fd)] = os.readlink(f"/proc/{server.pid}/fd/{fd}")
    return found


def hows():
    """A hang takes its time: test_reboot_faults."""
    return ["error"] if SANITIZED else ["error", "segv", "abort"]


def skip_sanitized(test):
    """Faults are the sanitizer's there."""
    def skipped():
        print(f"skipped {test.__name__}: faults end a sanitized build")
    return skipped if SANITIZED else test


def save(server):
    subprocess.run([EVERMOO, "save", str(server.world)], check=True, capture_output=True)


def test_a_new_program_that_fails_is_gone_back_from():
    with faulty() as server:
        c, a = server.login(), server.login("Alice")
        pid, exe, n = server.pid, os.readlink(f"/proc/{server.pid}/exe"), 0
        c.run("fork (3600) 1; endfork")
        before = settled_descriptors(server)
        for where in IN_THE_NEW_ONE:
            for how in hows():
                new = fails_at(server, f"{where}-{how}", f"{where}:{how}")
                a.raw(b'"half ')
                c.send(f';reboot("{new}")')
                c.expect(BEFORE)
                c.expect(BACK)
                c.expect("The new program could not take over")
                a.raw(b"a line\r\n")
                a.expect('Alice says, "half a line"')
                n += 1
                server.expect_log("the program before it takes over again" if how != "error" else "the program before this one takes over again")
                assert c.eval("length(queued_tasks())") == "1"
                assert server.log_text().count("has taken over") == n, (where, how)
                assert not inheritable(server) and settled_descriptors(server) == before, (where, how)
        assert os.readlink(f"/proc/{server.pid}/exe") == exe
        c.send(";reboot()")
        c.expect(AFTER)
        assert server.pid == pid and c.eval("length(queued_tasks())") == "1"


def test_when_the_one_before_fails_too_it_ends_clearly():
    for how in hows()[:2]:
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
            c.expect(BACK)
            assert not os.path.exists(file) and c.eval("1 + 1") == "2"


def test_the_hand_off_is_kept_until_it_is_on_disk():
    with Server() as server:
        c = server.login()
        c.send(";reboot()")
        c.expect(AFTER)
        server.expect_log(re.compile(r"nothing goes back"))
        server.expect_log(re.compile(r"what was handed over is on disk: save \d+"))
        assert not any("handoff" in os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pid}/fd"))


def test_the_one_before_may_be_slow():
    """Somebody keeps the store locked, so the new program takes too long, and then the one before it does: that is the last there is, and has more time."""
    if not os.environ.get("EVERMOO_SOAK"):
        return
    with Server() as server:
        c = server.login()
        with open(server.world / "lock.mdb", "r+b") as file:
            locked = threading.Thread(target=fcntl.lockf, args=(file, fcntl.LOCK_EX))
            locked.start()
            c.send(";reboot()")
            locked.join()
            server.expect_log("SIGALRM: it took too long); the program before it takes over again")
            time.sleep(12)
        c.expect("could not take over")
        assert c.eval("1 + 1") == "2"
