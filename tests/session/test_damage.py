"""Worlds whose file was damaged while nobody looked: what `serve' and the other commands do about it."""
import re
import subprocess

from session import EVERMOO, LIMIT, Fault, Server


def evermoo(*words):
    done = subprocess.run([EVERMOO, *map(str, words)], capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def spoil(server, text):
    """Flips a bit in each copy of the text."""
    data = server.world / "data.mdb"
    whole = data.read_bytes()
    assert text in whole
    data.write_bytes(whole.replace(text, bytes([text[0] ^ 1]) + text[1:]))


def cut(server):
    data = server.world / "data.mdb"
    with open(data, "r+b") as f:
        f.truncate(data.stat().st_size // 3)


def zero_meta(server):
    with open(server.world / "data.mdb", "r+b") as f:
        f.write(bytes(8192))


def remove(server):
    (server.world / "data.mdb").unlink()


def with_history(damage):
    """A backup, two saves after it, then the damage: nothing of it is lost."""
    with Server("--save-interval", "3600") as server:
        c = server.login()
        c.eval('add_property(#8, "x", "one", {#3, "r"})')
        assert evermoo("backup", server.world)[0] == 0
        for value in ("two", "a needle in a haystack"):
            c.eval(f'#8.x = "{value}"')
            assert evermoo("save", server.world)[0] == 0
        server.kill()
        damage(server)
        before = (server.world / "data.mdb").read_bytes() if (server.world / "data.mdb").exists() else None
        status, said, error = evermoo("eval", server.world, "#8.x")
        assert status == 1 and error.count("\n") == 1 and "check --repair" in error, (said, error)
        server.start()
        server.expect_log("DAMAGE: ")
        assert server.login().eval("#8.x") == '"a needle in a haystack"'
        if before is not None:
            assert [p for p in server.world.rglob("*.mdb") if "backups" not in p.parts and p.read_bytes() == before], "the damaged file was not kept"
        server.stop()
        log = server.log_text()
        server.start()
        assert "DAMAGE" not in server.log_text()[len(log) :]
        assert server.login().eval("#8.x") == '"a needle in a haystack"'


def test_a_damaged_record():
    with_history(lambda server: spoil(server, b"a needle in"))


def test_a_file_cut_short():
    with_history(cut)


def test_no_meta_pages():
    with_history(zero_meta)


def test_no_file():
    with_history(remove)


def test_without_a_backup_nothing_is_served():
    with Server() as server:
        server.login().eval('add_property(#8, "x", "a needle in a haystack", {#3, "r"})')
        server.stop()
        whole = (server.world / "data.mdb").read_bytes()
        spoil(server, b"a needle in")
        spoilt = (server.world / "data.mdb").read_bytes()
        for options in ((), ("--verify", "now")):
            try:
                server.start(*options)
            except Fault as fault:
                words = str(fault)
            else:
                raise Fault("it was served")
            assert "property #8.x: record damaged" in words and f"evermoo check --repair {server.world}" in words, words
            assert (server.world / "data.mdb").read_bytes() == spoilt
        server.start("--accept-damage")
        server.expect_log("as was asked for")
        c = server.login()
        assert c.eval("1 + 1") == "2"
        server.stop()
        (server.world / "data.mdb").write_bytes(whole)
        server.start("--verify", "now")
        assert server.login().eval("#8.x") == '"a needle in a haystack"'


def test_repair():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#8, "x", "a needle in a haystack", {#3, "r"})')
        c.eval('add_property(#8, "y", "this stays", {#3, "r"})')
        server.stop()
        status, said, error = evermoo("check", "--repair", server.world)
        assert status == 0 and "nothing to repair" in said, (said, error)
        spoil(server, b"a needle in")
        spoilt = (server.world / "data.mdb").read_bytes()
        status, said, error = evermoo("check", server.world)
        assert status == 1 and "property #8.x: record damaged" in said and "check --repair" in error, (said, error)
        status, said, error = evermoo("check", "--repair", server.world)
        assert status == 0 and "repair: property #8.x: damaged, and lost" in said and "repaired: " in said, (said, error)
        assert [p for p in server.world.glob("aside-*/data.mdb") if p.read_bytes() == spoilt]
        assert evermoo("check", server.world)[0] == 0
        server.start("--verify", "now")
        c = server.login()
        assert c.eval("#8.y") == '"this stays"'
        assert c.eval("#8.x") == "0" or c.eval("`#8.x ! ANY'")


def test_verify_takes_three_words():
    status, said, error = evermoo("serve", "--verify", "often")
    assert status == 64 and error.count("\n") == 1 and re.search("now, background or off", error), error


def test_a_world_in_use_is_not_looked_at():
    with Server("--save-interval", "0") as server:
        c = server.login()
        for command in (("serve", server.world, "-p", "0"), ("check", "--repair", server.world)):
            c.eval("#8.name = tostr(random())")
            status, said, error = evermoo(*command)
            assert status == 1 and error.count("\n") == 1 and f"in use by process {server.pid}" in error, error
