"""One release and the next hand over to each other and back. The next one (build/evermoo-next, tests/next) has other code generation, a version of the hand-off more, and a format of the world more."""
import os
import re
import signal
import subprocess

from session import BUILD, EVERMOO, Server, until
from test_guard import save, skip_sanitized
from test_reboot import AFTER, reboot, script
from test_reboot_faults import serves
from test_two_builds import PROGRAMS, SETUP, begin, sleeping, wake

NEXT = str(BUILD / "evermoo-next")
OFF = "The reboot is off: "


def runs(server, program):
    assert os.readlink(f"/proc/{server.pid}/exe") == program


def versions(server):
    """Of the hand-offs so far."""
    return [int(n) for n in re.findall(r"the hand-off is of version (\d+)$", server.log_text(), re.M)]


def go_to(server, c, program):
    reboot(c, program)
    c.expect(AFTER)
    runs(server, program)


def refused(c, program, *words):
    reboot(c, program)
    line = c.expect(re.compile(re.escape(OFF) + ".*"))[0]
    assert all(w in line for w in words), (words, line)


def ask(server, *words):
    done = subprocess.run([EVERMOO, "reboot", str(server.world), *map(str, words)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def results(between):
    """Of all programs at once, and how often they slept."""
    with Server() as server:
        c = server.login()
        for step in SETUP:
            c.run(step.removesuffix(";"))
        names, step = sorted(PROGRAMS), 0
        begin(c, names)
        until("all to sleep", lambda: sleeping(c))
        while c.eval("#8.left") != "0":
            step += 1
            assert step < 60
            between(server, c, step)
            wake(c, step)
            until("all to sleep again", lambda: sleeping(c))
        return step, c.eval("#8.results")


def test_fault_26_to_the_next_release_and_back():
    turns, written = [NEXT, NEXT, EVERMOO, EVERMOO], [1, 2, 1, 1]

    def on(server, c, step):
        go_to(server, c, turns[(step - 1) % 4])
        assert versions(server) == (written * step)[:step]

    straight = results(lambda *_: None)
    assert straight[0] > 4 and "{1, " in straight[1], straight
    assert results(on) == straight


def test_a_version_is_asked_for():
    with Server() as server:
        c = server.login()
        rc, text = ask(server, "--hand-off-version=2", NEXT)
        assert rc == 1 and "version 2 was asked for" in text and "writes versions 1 to 1" in text, text
        go_to(server, c, NEXT)
        rc, text = ask(server, "--hand-off-version=1", NEXT)
        assert rc == 0, text
        c.expect(AFTER)
        rc, text = ask(server, "--hand-off-version=3")
        assert rc == 1 and "version 3 was asked for" in text and "writes versions 1 to 2" in text, text
        rc, text = ask(server, EVERMOO, "--hand-off-version=2")
        assert rc == 1 and "reads hand-offs of versions 1 to 1" in text and "writes versions 1 to 2, and another was asked for" in text, text
        runs(server, NEXT)
        rc, text = ask(server, EVERMOO)
        assert rc == 0, text
        c.expect(AFTER)
        runs(server, EVERMOO)
        assert versions(server) == [1, 1, 1]
        for junk in ("0", "x", "-1", ""):
            rc, text = ask(server, f"--hand-off-version={junk}")
            assert rc == 64 and "is no version of a hand-off" in text, text


def test_none_in_common():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        later = script(server, "later", "echo 'hand-offs of versions 3 to 4 are read'\necho 'too old for me' >&2\nexit 1\n")
        for program, ours in ((EVERMOO, "1 to 1"), (NEXT, "1 to 2")):
            go_to(server, c, program)
            refused(c, later, f"{later} reads hand-offs of versions 3 to 4", f"writes versions {ours}, and a release between the two is needed first", "too old for me")
            serves(c, a)
            runs(server, program)


def test_one_that_says_nothing_reads_the_first():
    with Server() as server:
        c = server.login()
        silent = script(server, "silent", f'case "$*" in *--check*) exec {EVERMOO} "$@" >/dev/null;; esac\nexec {EVERMOO} "$@"\n')
        liar = script(server, "liar", f"echo 'hand-offs of versions 1 to 2 are read'\nexec {EVERMOO} \"$@\" >/dev/null\n")
        go_to(server, c, NEXT)
        refused(c, liar, "the hand-off is of version 2, and this program reads 1 to 1")
        reboot(c, silent)
        c.expect(AFTER)
        runs(server, EVERMOO)
        assert versions(server) == [1, 1]


@skip_sanitized
def test_the_next_release_crashes_on_probation():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        c.run("fork (3600) 1; endfork")
        go_to(server, c, NEXT)
        c.run("fork (3600) 2; endfork")
        save(server)
        server.signal(signal.SIGSEGV)
        c.expect("The server had a fault")
        runs(server, EVERMOO)
        assert c.eval("length(queued_tasks())") == "2"
        serves(c, a)
        go_to(server, c, NEXT)
        go_to(server, c, NEXT)
        save(server)
        server.signal(signal.SIGSEGV)  # the next release recovers, and upgrades nothing
        c.expect("The server had a fault")
        runs(server, NEXT)
        go_to(server, c, EVERMOO)


def test_the_world_is_upgraded_at_a_start_only():
    with Server() as server:
        c = server.login()
        go_to(server, c, NEXT)
        server.expect_log("stays in format 2")
        c.run('add_property(#8, "kept", 7, {#3, "r"}); save_database()')
        server.kill()
        server.start()  # the older one
        c = server.login()
        assert c.eval("#8.kept") == "7"
        go_to(server, c, NEXT)
        go_to(server, c, NEXT)
        go_to(server, c, EVERMOO)
        server.stop()
        assert not (server.world / "backups").exists()
        server.program = NEXT
        server.start()
        server.expect_log("upgraded from format 2 to 3")
        c, a = server.login(), server.login("Alice")
        backup, = (p.name for p in (server.world / "backups").iterdir() if p.is_dir())
        go_to(server, c, NEXT)
        refused(c, EVERMOO, "a world of format 3, newer than this server knows (2)")
        serves(c, a)
        runs(server, NEXT)
        server.stop()
        before = re.fullmatch(r"format-2-\w+-g(\d+)", backup)[1]
        done = subprocess.run([EVERMOO, "restore", str(server.world), "--generation", before], capture_output=True, text=True)
        assert done.returncode == 0, done
        server.program = EVERMOO
        server.start()
        c = server.login()
        assert c.eval("#8.kept") == "7"
