"""Text dumps of a world that is being served: by `evermoo export', and by the server itself at checkpoints and at its end."""
import hashlib
import os
import re
import shutil
import signal
import subprocess

from session import EVERMOO, LIMIT, Server, until
from test_reboot import AFTER, reboot, script, settled_descriptors

SELDOM = ("--save-interval", "100000")


def command(*words):
    done = subprocess.run([EVERMOO, *map(str, words)], capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def facts(dump):
    """Of the manifest, which has to fit."""
    lines = dump.with_name(dump.name + ".manifest").read_text().splitlines()
    assert lines[0] == "evermoo text dump, manifest 1"
    said = dict(line.split(": ", 1) for line in lines[1:])
    assert said["sha256"] == hashlib.sha256(dump.read_bytes()).hexdigest() and int(said["bytes"]) == dump.stat().st_size
    return said


def aside(server):
    return [p.name for p in server.dir.iterdir() if ".part." in p.name]


def test_export_of_a_running_world_is_of_now():
    with Server(*SELDOM) as server:
        server.stop()
        server.start(*SELDOM)
        c, dump = server.login(), server.dir / "now.db"
        c.run('add_property(#8, "n", "said just now", {#3, "r"})')
        status, said, error = command("export", "--manifest", server.world, dump)
        assert status == 0 and "9 objects" in said, error
        assert b"said just now" in dump.read_bytes() and facts(dump)["generation"] == "4", facts(dump)
        before = dump.read_bytes()
        c.run('#8.n = "a little later"')
        server.fill_disk()
        status, said, error = command("export", server.world, dump)
        assert status == 1 and error.count("\n") == 1 and "the save failed" in error and "--as-saved" in error, error
        assert dump.read_bytes() == before
        assert command("export", "--as-saved", server.world, dump)[0] == 0
        assert b"said just now" in dump.read_bytes()
        server.fill_disk(False)
        assert command("export", server.world, dump)[0] == 0
        assert b"a little later" in dump.read_bytes() and c.eval("1") == "1"


def test_the_servers_own_dumps():
    with Server() as server:
        server.stop()
        dump = server.dir / "dump.db"
        server.start("--text-dump", str(dump))
        c = server.login()
        c.run('add_property(#8, "n", "first", {#3, "r"})')
        c.send("@dump-database")
        server.expect_log(f"DUMPED: {dump}")
        assert b"first" in dump.read_bytes()
        first = facts(dump)
        assert first["players"] == "3" and first["connections"] == "1"
        c.run('#8.n = "second"')
        c.send("@dump-database")
        server.expect_log(f"DUMPED: {dump}", 2)
        second = facts(dump)
        assert b"second" in dump.read_bytes() and second["world"] == first["world"] and int(second["generation"]) > int(first["generation"])
        c.run('#8.n = "third"')
        server.stop()
        assert b"third" in dump.read_bytes() and facts(dump)["connections"] == "1" and not aside(server)
        status, said, error = command("import", dump, server.dir / "again")
        assert status == 0 and error == "", error


def test_a_dump_that_fails_changes_nothing():
    with Server() as server:
        server.stop()
        dump = server.dir / "nowhere" / "dump.db"
        server.start("--text-dump", str(dump), "--log", str(server.log))
        c = server.login()
        c.send("@dump-database")
        server.expect_log(f"The text dump {dump} could not be written; the one before it is as it was")
        server.expect_log(re.compile(r"cannot write .*nowhere/dump\.db\.part\.\d+: No such file"))  # its own words are in the log too
        dump.parent.mkdir()
        c.send("@dump-database")
        server.expect_log(f"DUMPED: {dump}")
        facts(dump)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


class Stopped(Server):
    """The processes that it starts stop at once, and do then what is asked of them: fail, or be what they are to be."""

    def start(self, *options, **keywords):
        self.program = str(self.dir / "evermoo")
        shutil.copy(EVERMOO, self.program)
        super().start(*options, "--text-dump", str(self.dir / "dump.db"), **keywords)
        os.unlink(self.program)
        script(self, "evermoo", f'kill -STOP $$; [ -e {self.dir}/fails ] && exit 3; exec {EVERMOO} "$@"')

    def stopped(self):
        def found():
            for pid in map(int, open(f"/proc/{self.pid}/task/{self.pid}/children").read().split()):
                if open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T":
                    return pid
        return until("a process that has stopped", found)


def test_a_dump_goes_on_through_reboots():
    """Its end is heard of; one that failed, as nobody was there to save for it, is begun again."""
    for fails in (False, True):
        with Stopped() as server:
            c, dump = server.login(), server.dir / "dump.db"
            c.send("@dump-database")
            pid = server.stopped()
            if fails:
                (server.dir / "fails").touch()
            c.run('add_property(#8, "n", "said just now", {#3, "r"})')
            for _ in range(2):
                reboot(c, EVERMOO)
                c.expect(AFTER)
            os.kill(pid, signal.SIGCONT)
            server.expect_log(f"DUMPED: {dump}")
            assert b"said just now" in dump.read_bytes() and "could not be written" not in server.log_text() and not aside(server)
            facts(dump)
            assert not any("evermoo job" in name for name in settled_descriptors(server))
