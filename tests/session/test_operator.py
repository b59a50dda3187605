"""The operator's side of a reboot: which program may be executed, what it may take before it is trusted, what it gets."""
import os
import re
import resource
import shutil
import subprocess
import sys

from session import EVERMOO, Server, until
from test_reboot import AFTER, reboot, script, settled_descriptors


class Strict(Server):
    """Replaced by nothing but the file it was started from, unless options allow more."""

    reboot_folders = False


def refused(c, path, why):
    reboot(c, path)
    c.expect(re.compile(r"The reboot is off: .*" + why))


def executable(server):
    return os.readlink(f"/proc/{server.pid}/exe")


def test_only_the_configured_program():
    with Strict() as server:
        c = server.login()
        other = server.dir / "evermoo"
        shutil.copy(EVERMOO, other)
        refused(c, other, "is not the configured program .*--reboot-folder")
        refused(c, "/dev/zero", "no regular file")
        refused(c, server.dir / "missing", "No such file")
        link = server.dir / "link"
        link.symlink_to(EVERMOO)
        reboot(c, link)  # another name of the configured one
        c.expect(AFTER)
        reboot(c)
        c.expect(AFTER)
        assert executable(server) == EVERMOO


def command(server, *program, folder=None):
    done = subprocess.run([EVERMOO, "reboot", str(server.world), *map(str, program)], capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def test_the_command_names_a_program_from_where_it_is_typed():
    with Server() as server:
        c = server.login()
        shutil.copy(EVERMOO, server.dir / "another")
        assert command(server, "./another", folder=server.dir)[0] == 0
        c.expect(AFTER)
        assert executable(server) == str(server.dir / "another")
        assert command(server, "./another", folder="/tmp") == (1, "evermoo reboot: The reboot is off: /tmp/./another: No such file or directory. Everything goes on as before.\n")


def test_one_reboot_serves_those_who_ask_for_the_same():
    with Server() as server:
        c = server.login()
        go, checking = server.dir / "go", server.dir / "checking"
        slow = script(server, "slow", f'case "$*" in *--check*) touch {checking}; while [ ! -e {go} ]; do sleep 0.01; done; esac; exec {EVERMOO} "$@"')
        reboot(c, slow)
        until("the check", checking.exists)
        assert c.run(f'try reboot("{EVERMOO}x"); except e (E_QUOTA) return e[2]; endtry') == '"A reboot to another program is under way"'
        assert c.eval("reboot()") == c.eval(f'reboot("{slow}", "the same")') == "0"
        assert command(server, EVERMOO + "x") == (1, "evermoo reboot: a reboot to another program is under way; ask again when it is over\n")
        assert command(server, "--hand-off-version=1") == (1, "evermoo reboot: a reboot with another hand-off is under way; ask again when it is over\n")
        go.touch()
        c.expect(AFTER)
        assert server.log_text().count("has taken over") == 1


def test_a_configured_program_and_folder():
    with Strict() as server:
        folder, outside = server.dir / "versions", server.dir / "elsewhere"
        for path in (folder, outside, folder / "next"):
            path.mkdir()
        for path in (folder / "evermoo", folder / "next" / "evermoo", outside / "evermoo", folder / "configured"):
            shutil.copy(EVERMOO, path)
        (folder / "out").symlink_to(outside / "evermoo")
        (folder / "away").symlink_to(outside)
        (server.dir / "in").symlink_to(folder / "next" / "evermoo")
        server.stop()
        server.start(f"--reboot-folder={folder}", f"--reboot-binary={folder}/configured")
        c = server.login()
        for path in (folder / "out", folder / "away" / "evermoo", f"{folder}/../elsewhere/evermoo", outside / "evermoo", EVERMOO):
            refused(c, path, "is not the configured program")
        for path in (folder / "evermoo", server.dir / "in", ""):
            reboot(c, path)
            c.expect(AFTER)
            assert executable(server) == str(os.path.realpath(path or folder / "configured"))


def test_nobody_else_may_write_it():
    with Strict() as server:
        folder = server.dir / "versions"
        (folder / "next").mkdir(parents=True)
        program = folder / "next" / "evermoo"
        shutil.copy(EVERMOO, program)
        server.stop()
        server.start(f"--reboot-folder={folder}")
        c = server.login()
        faults = [(program, 0o775, "by its group; chmod go-w"), (program, 0o757, "by everybody; chmod go-w"), (program, 0o644, "cannot be executed"),
                  (program.parent, 0o770, "next may be written by its group"), (folder, 0o777, "versions may be written by everybody")]
        for path, mode, why in faults:
            path.chmod(mode)
            refused(c, program, why)
            path.chmod(0o755)
        if os.geteuid() == 0:
            for path in (program, folder / "next"):
                os.chown(path, 12345, -1)
                refused(c, program, "belongs to user 12345, and must belong to root")
                os.chown(path, 0, -1)
        reboot(c, program)
        c.expect(AFTER)


def test_a_script_leads_to_the_server():
    """It is executed by its descriptor, which the next server closes."""
    with Server() as server:
        c = server.login()
        path = script(server, "wrapper", f'exec {EVERMOO} "$@"')
        reboot(c, path)
        c.expect(AFTER)
        first = settled_descriptors(server)
        for _ in range(3):
            reboot(c, path)
            c.expect(AFTER)
        assert settled_descriptors(server) == first


def test_what_was_opened_is_what_runs():
    with Server() as server:
        c = server.login()
        new = server.dir / "evermoo"
        shutil.copy(EVERMOO, new)
        c.run('set_verb_code(#0, "checkpoint_started", {"suspend(0);"})')
        reboot(c, new)
        new.unlink()
        c.expect(AFTER)
        assert executable(server) == f"{new} (deleted)"


def test_what_the_new_program_says():
    """All of it is in the log, and the wizard hears the last line."""
    with Server() as server:
        c = server.login()
        refused(c, script(server, "talks", "echo one; echo two >&2; printf 'half \\033 a line'; exit 3"), r"ended with status 3; it said: half \? a line")
        for line in ("one", "two", "half ? a line"):
            server.expect_log(f"REBOOT: the new program: {line}")
        refused(c, script(server, "silent", "exit 4"), "ended with status 4; it said nothing")
        refused(c, script(server, "endless", "yes 2>/dev/null | head -n 100000; exit 5"), "ended with status 5; it said: y")
        assert server.log_text().count("new program: y") <= 100
        assert c.eval("1 + 1") == "2"


def test_limits_of_the_check():
    with Server("--reboot-patience=1") as server:
        c = server.login()
        wait = """for what in 'Max cpu time  *2  *2 ' 'Max core file size  *0  *0 ' MEMORY; do
            until grep -q "$what" /proc/$$/limits; do :; done
        done; echo all are set; exit 1"""
        sanitized = b"__asan_init" in open(EVERMOO, "rb").read() or b"__tsan_init" in open(EVERMOO, "rb").read()
        memory = "''" if sanitized else "'Max data size  *[0-9]*  *[0-9]* '"
        refused(c, script(server, "limited", wait.replace("MEMORY", memory)), "status 1; it said: all are set")
        refused(c, script(server, "hangs", "echo waiting; exec sleep 1000"), "took more than 1 seconds and was ended; it said: waiting")
        reboot(c)
        c.expect(AFTER)


def only_these(text, allowed):
    """The descriptors that `ls -l /proc/self/fd` shows lead nowhere else."""
    targets = re.findall(r"\d+ -> (.*?)\s*$", text, re.M)
    assert targets, text
    strange = [t for t in targets if not any(re.search(a, t) for a in allowed)]
    assert not strange, strange


def test_descriptors_of_the_check():
    with Server("--outbound") as server:
        c = server.login()
        server.login("Alice")
        path = script(server, "lists", f"ls -l /proc/self/fd >{server.dir}/descriptors; exit 1")
        refused(c, path, "status 1")
        only_these((server.dir / "descriptors").read_text(), ["^/dev/null$", "^pipe:", "/lists$", "memfd:evermoo-handoff", "/descriptors$", "^/proc/"])


def test_descriptors_of_jobs():
    """A backup is made by another process of the file from which the server was started: here one that lists what it has."""

    class Own(Server):
        def start(self, *options, **keywords):
            self.program = str(self.dir / "evermoo")
            shutil.copy(EVERMOO, self.program)
            return super().start(*options, **keywords)

    with Own("--log=/dev/null") as server:
        c = server.login()
        os.unlink(server.program)
        script(server, "evermoo", f'ls -l /proc/self/fd >{server.dir}/descriptors; exec {EVERMOO} "$@"')
        c.send(';backup_database("one")')
        until("the backup", lambda: (server.world / "backups" / "one").exists())
        only_these((server.dir / "descriptors").read_text(), ["^/dev/null$", "memfd:evermoo job", "/descriptors$", "^/proc/", "/evermoo$"])


def test_as_many_descriptors_as_there_may_be():
    with Server() as server:
        server.stop()
        path = script(server, "few", f'ulimit -Sn 100; exec {EVERMOO} "$@"')
        server.program = str(path)
        server.start()
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        assert hard > 100 and resource.prlimit(server.pid, resource.RLIMIT_NOFILE) == (hard, hard)


MIX_UP = """
import os, socket, sys
def holder(port, peer):
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            with socket.socket(fileno=os.dup(fd)) as s:
                if (s.getpeername() if peer else s.getsockname())[1] == port and peer == (s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 0):
                    return fd
        except OSError:
            pass
if "--check" not in sys.argv:
    alice, bob = holder({alice}, True), holder({bob}, True)
    os.dup2(bob, alice)
    os.dup2(os.open("/dev/null", os.O_RDONLY), holder({listener}, False))
os.execv({program!r}, ["evermoo", *sys.argv[1:]])
"""


def test_sockets_are_not_mixed_up():
    """Between two servers somebody gives Alice's descriptor to Bob's socket, and that of a listener to a file: all that costs is Alice's connection and that port."""
    with Server() as server:
        c, alice, bob = server.login(), server.login("Alice"), server.login("Bob")
        port = int(c.eval("listen(#8, 0, 1)"))
        path = server.dir / "mixes"
        program = MIX_UP.format(alice=alice.sock.getsockname()[1], bob=bob.sock.getsockname()[1], listener=port, program=EVERMOO)
        path.write_text(f"#!{sys.executable}\n{program}")
        path.chmod(0o755)
        alice.send(";;fork (0) while (1) suspend(0); notify(player, \"for Alice\"); endwhile endfork")
        alice.expect("for Alice")
        reboot(c, path)
        c.expect(AFTER)
        alice.expect_end()
        server.expect_log(re.compile(r"descriptor \d+ is not the socket of #4"))
        server.expect_log(re.compile(rf"descriptor \d+ is not the socket that listened on port {port}"))
        server.expect_log(re.compile("CLIENT DISCONNECTED: Alice"))
        assert c.eval("`connected_seconds(#4) ! ANY'") == "E_INVARG" and c.eval("length(connected_players())") == "2"
        assert str(port) not in c.eval("listeners()")
        bob.send('"the end')
        assert b"for Alice" not in bob.expect_bytes(b"the end")
        server.login("Alice")


class Closed(Server):
    """Started without its standard descriptors."""

    def start(self):
        path = self.dir / "closed"
        path.write_text(f'#!/bin/sh\nexec {EVERMOO} "$@" --log={self.log} <&- >&- 2>&-\n')
        path.chmod(0o755)
        self.program = str(path)
        self.spawn()

        def port():
            done = subprocess.run([EVERMOO, "eval", str(self.world), "listeners()[1][2]"], capture_output=True, text=True)
            return done.returncode == 0 and done.stdout
        self.port = int(until("the port", lambda: (self.world / "control").exists() and port()))


def test_nothing_takes_the_place_of_standard_descriptors():
    with Closed() as server:
        c = server.login()
        for _ in range(2):
            assert [os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
            c.send(";reboot()")
            c.expect("The new server is here")
