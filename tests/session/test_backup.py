"""Backups of worlds that are being served, and the way back."""
import re
import shutil
import subprocess
import time

from session import EVERMOO, LIMIT, Server, until


def evermoo(*words):
    done = subprocess.run([EVERMOO, *map(str, words)], capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def backups(server):
    return sorted(p.name for p in (server.world / "backups").iterdir() if p.is_dir())


def test_backup_while_it_is_served():
    with Server("--save-interval", "3600") as server:
        c = server.login()
        c.eval('add_property(#8, "x", "one", {#3, "r"})')
        status, said, error = evermoo("backup", server.world)
        assert status == 0 and "read back and sound" in said, (said, error)
        [first] = backups(server)
        c.eval('#8.x = "two"')
        status, said, error = evermoo("backup", server.world, "before-the-feast")
        assert status == 0 and f"{server.world}/backups/before-the-feast: save" in said, (said, error)
        c.eval('#8.x = "three"')
        outside = server.dir / "outside"
        assert evermoo("backup", server.world, outside)[0] == 0
        assert backups(server) == [first, "before-the-feast"]
        # Each is a world as it was when it was asked for, whatever had been saved before.
        for place, value in ((server.world / "backups" / first, "one"), (server.world / "backups" / "before-the-feast", "two"), (outside, "three")):
            assert evermoo("check", place)[0] == 0
            assert evermoo("eval", place, "#8.x")[1] == f'"{value}"\n', place
        status, said, error = evermoo("backup", server.world, "before-the-feast")
        assert status == 1 and error.count("\n") == 1 and "exists already" in error, error
        for bad in ("lock", ".hidden", "a.new"):
            status, said, error = evermoo("backup", server.world, bad)
            assert status == 1 and error.count("\n") == 1 and "no name for a backup" in error, error
        assert c.eval("#8.x") == '"three"'


def test_backup_of_damage_gets_no_name():
    with Server() as server:
        server.login()
        server.stop()
        data = server.world / "data.mdb"
        whole = data.read_bytes()
        at = whole.rindex(b"Wizard")
        data.write_bytes(whole[:at] + b"wizard" + whole[at + 6 :])
        status, said, error = evermoo("backup", server.world)
        assert status == 1 and error.count("\n") == 1, (said, error)
        assert backups(server) == []
        data.write_bytes(whole)
        assert evermoo("backup", server.world)[0] == 0
        shutil.rmtree(server.world / "backups")
        server.start()


def test_an_instant_between_two_saves():
    with Server("--save-interval", "3600") as server:
        c = server.login()
        c.eval('add_property(#8, "x", 0, {#3, "r"})')
        assert evermoo("backup", server.world)[0] == 0
        times = []
        for i in range(1, 7):
            c.eval(f"#8.x = {i}")
            assert evermoo("save", server.world)[0] == 0
            times.append(time.time())
            if i == 3:
                server.stop()
                server.start()
                c = server.login()
        status, said, error = evermoo("restore", server.world, "--at", "now")
        assert status == 1 and error.count("\n") == 1 and f"in use by process {server.pid}" in error, error
        # Beside a world that runs.
        beside = server.dir / "beside"
        status, said, error = evermoo("restore", server.world, "--at", f"@{times[4]:.6f}", "--to", beside)
        assert status == 0, error
        assert evermoo("eval", beside, "#8.x")[1] == "5\n"
        server.kill()
        status, said, error = evermoo("restore", server.world, "--at", f"@{times[1]:.6f}")
        assert status == 0 and "Not in it: " in said and "lies in" in said, (said, error)
        assert evermoo("check", server.world)[0] == 0
        assert evermoo("eval", server.world, "#8.x")[1] == "2\n"
        [aside] = server.world.glob("aside-*")
        assert evermoo("eval", aside, "#8.x")[1] == "6\n"
        # Earlier than the backup, and what is no time.
        for when, word in (("2001-01-01", "no sound backup is that old"), ("teatime", "is no time")):
            status, said, error = evermoo("restore", server.world, "--at", when)
            assert status in (1, 64) and error.count("\n") == 1 and word in error, error
        server.start()
        assert server.login().eval("#8.x = #8.x + 100") == "102"
        server.stop()
        # What was given up does not come back; what was before can still be had.
        for when, value in (("now", "102"), (f"@{times[0]:.6f}", "1")):
            assert evermoo("restore", server.world, "--at", when)[0] == 0
            assert evermoo("eval", "--wizard", "#3", server.world, "#8.x")[1] == value + "\n", when
        server.start()


def test_backup_database():
    with Server() as server:
        c, alice = server.login(), server.login("Alice")
        assert alice.eval("`backup_database() ! ANY'") == "E_PERM"
        for bad in ("../x", "a/b", ".x", "", "lock", "a.new"):
            assert c.eval(f'`backup_database("{bad}") ! E_INVARG\'') == "E_INVARG", bad
        c.eval('add_property(#8, "x", "one", {#3, "r"})')
        c.send(';backup_database("before the feast")')
        # Others are served meanwhile, and what comes after the question is not in it.
        assert alice.eval("1 + 1") == "2"
        info = c.expect(re.compile(r"^=> (.*)$"))[1]
        place = server.world / "backups" / "before the feast"
        assert f'{{"path", "{place}"}}' in info and '{"seconds", ' in info, info
        c.eval('#8.x = "two"')
        assert evermoo("eval", place, "#8.x")[1] == '"one"\n'
        assert c.eval('`backup_database("before the feast") ! E_QUOTA => "exists"\'') == '"exists"'
        # Two at once: one after the other.
        c.send(';backup_database("a")', ';backup_database("b")')
        for name in "ab":
            c.expect(f'=> {{{{"path", "{server.world}/backups/{name}"}}')
        assert evermoo("check", server.world / "backups" / "a")[0] == 0
        assert evermoo("check", server.world / "backups" / "b")[0] == 0
        server.expect_log(re.compile(r"BACKUP .*before the feast: save \d+"))


def test_the_ring_of_a_served_world():
    with Server() as server:
        c = server.login()
        c.eval('add_property($server_options, "backup_keep", {1, 0, 0}, {#3, "r"})')
        c.eval('backup_database("mine")')
        for name in ("20260101T000000Z-g1", "20260201T000000Z-g1", "notes"):
            (server.world / "backups" / name).mkdir()
        c.eval('backup_database()')
        until("the old ones' end", lambda: len(backups(server)) == 3)
        newest, *named = backups(server)
        assert named == ["mine", "notes"] and re.fullmatch(r"\d{8}T\d{6}Z-g\d+", newest), (newest, named)
        c.eval('$server_options.backup_keep = {0, 0, 0}')
        (server.world / "backups" / "20260101T000000Z-g1").mkdir()
        c.eval("backup_database()")
        assert "20260101T000000Z-g1" in backups(server)
        assert "newest backup of the ring" in evermoo("status", server.world)[1]
        assert c.eval('#0.name = "changed since"')
        server.stop()
        shutil.rmtree(server.world / "backups" / "20260101T000000Z-g1")
        assert evermoo("restore", server.world, "--at", "now")[0] == 0
        server.start()
        assert server.login().eval("#0.name") == '"changed since"'


def test_no_deltas():
    with Server("--no-deltas") as server:
        c = server.login()
        c.eval("backup_database()")
        c.eval('#0.name = "later"')
        server.stop()
        assert not (server.world / "deltas").exists()
        assert evermoo("restore", server.world, "--at", "now")[0] == 0
        assert evermoo("eval", server.world, "#0.name")[1] != '"later"\n'
        server.start()
