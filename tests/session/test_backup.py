"""Backups of worlds that are being served, and the way back."""
import shutil
import subprocess

from session import EVERMOO, LIMIT, Server


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
