"""Fault 21 at the moments that are none of a reboot's own process: its check, the recovery from a crash, a task's slice, work in a thread. Killed, or stopped and let go on."""
import os
import pathlib
import re
import signal

from session import until
from test_guard import save, skip_sanitized
from test_reboot import AFTER, reboot
from test_reboot_faults import AFTER_THE_COMMIT, BEFORE_THE_COMMIT, IN_THE_OLD_ONE, Failing, add, serves

OUTSIDE = ["recovering", "slice", "work"]
SHORT = 'argon2("a", "saltsalt", 1, 64)'


def children(server):
    return list(map(int, pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()))


def stopped(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except FileNotFoundError:
        return False


def test_fault_21_the_check_is_stopped():
    """It goes on, or has taken too long."""
    with Failing("check", "stop", "--reboot-patience=2") as server:
        c, a = server.login(), server.login("Alice")
        server.arm()
        reboot(c)
        child = until("the child to stop", lambda: next(filter(stopped, children(server)), None))
        serves(c, a)
        os.kill(child, signal.SIGCONT)
        c.expect(AFTER)
        a.expect(AFTER)
        server.arm()
        reboot(c)
        c.expect(re.compile("The reboot is off: .*took more than 2 seconds and was ended"))
        assert not children(server) and b"being replaced" not in a.data
        serves(c, a)


def set_off(server, c, where):
    """Makes the server pass that moment."""
    if where == "recovering":
        server.signal(signal.SIGSEGV)
    elif where == "work":
        c.send(f";;{SHORT};")
    else:
        c.send(";;1;")


def each_moment(how):
    """A server that has something on disk, and is stopped or killed there."""
    for where in OUTSIDE:
        with Failing(where, how) as server:
            c, a = server.login(), server.login("Alice")
            add(c, "kept", "7")
            save(server)
            server.arm()
            set_off(server, c, where)
            yield server, where, c, a
            assert not server.trigger.exists()


@skip_sanitized
def test_fault_21_killed_outside_a_reboot():
    for server, where, c, a in each_moment("kill"):
        assert server.wait() == -signal.SIGKILL, where
        a.expect_end()
        server.start()
        assert server.login().eval("#8.kept") == "7"


@skip_sanitized
def test_fault_21_stopped_outside_a_reboot():
    for server, where, c, a in each_moment("stop"):
        server.until_stopped()
        a.send('"said meanwhile')
        with_greeting = server.connect(greeting=False)
        server.go_on()
        if where == "recovering":
            c.expect("The server had a fault")
        else:
            c.expect("=> 0")
        a.expect('Alice says, "said meanwhile"')
        with_greeting.expect("Welcome to the tiny world.")
        assert c.eval("#8.kept") == "7"
        serves(c, a)
        reboot(c)
        c.expect(AFTER)


def test_fault_21_is_tried_at_every_phase():
    server = pathlib.Path(__file__).resolve().parent.parent.parent / "server"
    named = {name for path in server.glob("*.c") for name in re.findall(r'(?:phase\(|passes\(fresh, )"([a-z-]+)"', path.read_text())}
    assert named == {"check", *OUTSIDE, *IN_THE_OLD_ONE, *BEFORE_THE_COMMIT, *AFTER_THE_COMMIT}, named


def test_each_fault_has_a_test():
    tests = "".join(path.read_text() for path in pathlib.Path(__file__).resolve().parent.glob("test_*.py"))
    assert {int(n) for n in re.findall(r"(?m)^def test_fault_(\d\d)_", tests)} == set(range(1, 31))
