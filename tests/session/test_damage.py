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


TEXT = "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor"


def many_texts(c):
    """300 objects with a text each, which are not in memory after the next start."""
    c.eval('add_property(#8, "long", "", {#3, "r"})')
    c.run(f'for i in [1..300] o = create(#8, #3); o.long = tostr("text of ", o, " {TEXT}"); endfor')


def read_all(c):
    return c.run(f'n = 0; for o in (children(#8)) (o.long == tostr("text of ", o, " {TEXT}")) && (n = n + 1); endfor return n')


def damage_while_serving(damage, notice, options=()):
    """A backup, saves after it, a restart, changes that are not saved; then the file is damaged under the server. Nobody is dropped, nothing is lost."""
    with Server("--save-interval", "3600") as server:
        c = server.login()
        many_texts(c)
        assert evermoo("backup", server.world)[0] == 0
        c.eval('add_property(#8, "x", "saved after the backup", {#3, "r"})')
        assert evermoo("save", server.world)[0] == 0
        server.stop()
        server.start(*options)
        c, alice = server.login(), server.login("Alice")
        c.eval('add_property(#8, "y", "never saved", {#3, "r"})')
        damage(server)
        notice(server, c)
        server.expect_log("DAMAGE repaired: ")
        c.expect("*** Damage: the world's file was damaged, and has been made again")
        assert c.eval("{#8.x, #8.y}") == '{"saved after the backup", "never saved"}'
        assert alice.eval("1 + 1") == "2"
        assert read_all(c) == "300"
        assert evermoo("save", server.world)[0] == 0
        status, said, error = evermoo("check", server.world)
        assert status == 0, (said, error)
        assert list(server.world.glob("aside-*/data.mdb"))
        server.kill()
        server.start()
        c = server.login()
        assert c.eval("{#8.x, #8.y}") == '{"saved after the backup", "never saved"}'
        assert read_all(c) == "300"


def by_reading(server, c):
    assert read_all(c) == "300"


def by_saving(server, c):
    evermoo("save", server.world)


def cut_half(server):
    data = server.world / "data.mdb"
    with open(data, "r+b") as f:
        f.truncate(16384)


def cut_all(server):
    with open(server.world / "data.mdb", "r+b") as f:
        f.truncate(0)


def spoil_texts(server):
    """Every text of the file, in place: not one read of them succeeds any more."""
    data = server.world / "data.mdb"
    whole = data.read_bytes()
    with open(data, "r+b") as f:
        f.write(whole.replace(b"lorem ipsum", b"lorem_ipsum"))


def junk(server):
    """Every page but the meta pages."""
    data = server.world / "data.mdb"
    with open(data, "r+b") as f:
        f.seek(8192)
        f.write(b"\xa5" * (data.stat().st_size - 8192))


def test_cut_while_serving_and_read():
    damage_while_serving(cut_half, by_reading)


def test_cut_while_serving_and_saved():
    damage_while_serving(cut_half, by_saving)


def test_cut_to_nothing_while_serving():
    damage_while_serving(cut_all, by_reading)


def test_records_spoilt_while_serving():
    damage_while_serving(spoil_texts, by_reading)


def test_pages_overwritten_while_serving():
    damage_while_serving(junk, by_reading)


def test_found_by_the_check_beside_the_server():
    def wait(server, c):
        server.expect_log(re.compile(r"DAMAGE: property #\d+.long: record damaged"))

    damage_while_serving(spoil_texts, wait, ("--verify-after", "0.5"))


def test_verified_beside_the_server():
    with Server("--verify-after", "0") as server:
        server.expect_log("VERIFIED: every record of")
        assert server.login().eval("1 + 1") == "2"


def test_a_reboot_only_puts_it_off():
    with Server("--verify-after", "1") as server:
        c = server.login()
        for _ in range(2):
            c.send(";reboot()")
            c.expect("The new server is here")
        server.expect_log("VERIFIED: every record of")


def test_without_a_backup_it_serves_from_memory():
    with Server("--save-interval", "3600", "--save-patience", "0") as server:
        c = server.login()
        many_texts(c)
        server.stop()
        whole = (server.world / "data.mdb").read_bytes()
        server.start()
        c = server.login()
        c.eval('add_property(#8, "y", "in memory", {#3, "r"})')
        cut_half(server)
        c.send(";children(#8)")
        c.expect("*** Damage: the world's file is damaged, and cannot be made again")
        assert c.eval("#8.y") == '"in memory"'
        assert evermoo("save", server.world)[0] == 1
        assert c.eval("#8.y") == '"in memory"'
        server.kill()
        (server.world / "data.mdb").write_bytes(whole)
        (server.world / "lock.mdb").unlink()
        server.start()
        c = server.login()
        assert read_all(c) == "300"
