"""Power cuts: whatever the disk had not synced is dropped, kept, or torn; what a save reported done is there all the same."""
import errno
import random
import shutil

import powercut
from fault import DISK, EVERMOO, LIE_META, LIE_SYNC, META, SHORT, SYNC, WORLD, Control, Fault, environment, must_run, run, without_sanitizer, workplace
from session import Server

SAVES = 120


def record(place, seed, lies=0, fail=None):
    """`fail': what Control.arm() is to be told. A run of faultworld: (journal, what was there before it, the world's digest by generation before it)."""
    world, journal, before = place / "disk" / "world", place / "journal", place / "before.json"
    (place / "disk").mkdir()
    must_run(WORLD, "new", world)
    shutil.copytree(world, place / "first")
    first = must_run(WORLD, "look", place / "first").split()
    powercut.remember(place / "disk", before)
    journal.write_bytes(b"")
    control = Control(place / "control")
    control.lies = lies
    if fail:
        control.arm(*fail)
    env = dict(environment(place / "disk", control, journal), FAULT_PATIENT="1")
    must_run(WORLD, "run", world, seed, SAVES, env=env, text="again\n" * SAVES)
    if fail and not control.failed:
        raise Fault(f"no call failed: {fail}")
    return journal, before, first


def expectations(entries, first):
    """(marks of saves that were reported, digests that each generation may have)."""
    digests = {first[0]: {first[1]}}
    for _, (generation, digest) in powercut.marks(entries, "written"):
        digests.setdefault(generation, set()).add(digest)
    return powercut.marks(entries, "done"), digests


def what_is_wrong(world, moment, done, digests, first):
    """None, or what is wrong with a world after a cut at this moment."""
    status, out, err = run(WORLD, "look", world)
    if status:
        return f"status {status}: {err or out}"
    generation, digest = out.split()
    reported = int(powercut.last_before(done, moment, [first[0]])[0])
    if int(generation) < reported:
        return f"save {reported} was reported done, the world is that of save {generation}"
    if digest not in digests.get(generation, ()):
        return f"the contents of save {generation} are not those that were saved"
    return None


def cut_often(place, recording, seeds):
    """[(seed, what is wrong)]"""
    journal, before, first = recording
    entries = powercut.read_journal(journal)
    done, digests = expectations(entries, first)
    if len(done) != SAVES:
        raise Fault(f"{len(done)} of {SAVES} saves were reported")
    wrong = []
    for seed, chance, disk in powercut.cuts(entries, before, seeds):
        out = place / f"cut-{seed}"
        disk.rebuild(out, chance)
        fault = what_is_wrong(out / "world", disk.now, done, digests, first)
        if fault:
            wrong.append((seed, fault))
        else:
            shutil.rmtree(out)
    return wrong


def test_power_cuts_while_saving(soak):
    runs, cuts = (20, 50) if soak else (1, 100)
    for seed in range(1, runs + 1):
        with workplace("powercut") as place:
            recording = record(place, seed)
            wrong = cut_often(place, recording, range(seed * 1000, seed * 1000 + cuts))
            if wrong:
                raise Fault("; ".join(f"powercut.py {recording[0]} {recording[1]} {s} OUT: {fault}" for s, fault in wrong[:5]))


def test_power_cuts_after_failed_calls(soak):
    """A write that failed may be on disk or not. Among others that of the newest meta page, with which all that it leads to would be used."""
    for seed in range(1, 21 if soak else 4):
        chance = random.Random(seed)
        first = chance.randint(10, 100)
        fail = chance.choice(((META, first, first + chance.randint(0, 2), errno.EIO), (META | SYNC, first, first + chance.randint(0, 9), errno.EIO), (DISK, first, first, SHORT)))
        with workplace("failedcut") as place:
            recording = record(place, seed, fail=fail)
            wrong = cut_often(place, recording, range(seed * 1000, seed * 1000 + (100 if soak else 15)))
            if wrong:
                raise Fault(f"{fail}: " + "; ".join(f"powercut.py {recording[0]} {recording[1]} {s} OUT: {fault}" for s, fault in wrong[:5]))


def test_a_lying_disk_is_found_out(soak):
    """The harness can fail: with any part of the discipline gone, cuts do harm."""
    without_sanitizer("what it would report, a library that reads a damaged file, is what is wanted here")
    for lies in (LIE_SYNC, LIE_META, LIE_SYNC | LIE_META):
        with workplace("lying") as place:
            wrong = cut_often(place, record(place, 1, lies), range(40 if soak else 8))
            if not wrong:
                raise Fault(f"no cut did harm on a disk that lies ({lies})")


# ---- a served world, its log of deltas and its backups ----

PRODUCT = '{#8.n, length(#8.text), #8.list == {#8.n, #8.n}, toint(max_object().name), t}'
LOOK = f"t = 0; for q in (queued_tasks()) t = t + (q[2] > time() + 1000); endfor return {PRODUCT};"


def record_served(server, rounds):
    """Saves of both kinds, some with a backup after them; marks "done N" and "backup NAME N"."""
    c = server.login()
    for name, first in (("n", "0"), ("text", '""'), ("list", "{0, 0}")):
        c.eval(f'add_property(#8, "{name}", {first}, {{#3, "r"}})')
    c.run("max_object().name = tostr(0)")
    must_run(EVERMOO, "backup", server.world)
    server.stop()
    journal, before = server.dir / "journal", server.dir / "before.json"
    powercut.remember(server.world, before)
    journal.write_bytes(b"")
    server.env = environment(server.world, Control(server.dir / "control"), journal)
    server.start()
    c = server.login()
    for n in range(1, rounds + 1):
        c.run(f't = "x"; while (length(t) < {n * 7919 % 100000}) t = t + t; endwhile x = create(#6); x.name = tostr({n}); #8.n = {n}; #8.text = t[1..{n * 7919 % 100000}]; #8.list = {{{n}, {n}}}; '
              f'fork (3600) {n}; endfork')
        if n % 2:
            must_run(EVERMOO, "save", server.world)
        elif not c.eval("save_database()").startswith('{{"generation", '):
            raise Fault("save_database() failed")
        powercut.mark(journal, f"done {n}")
        if n % 8 == 0:
            must_run(EVERMOO, "backup", server.world, f"of-{n}", env=server.env)
            powercut.mark(journal, f"backup of-{n} {n}")
    server.kill()
    return journal, before


def number_in(world, least):
    """(None, or what is wrong with this world; the number in it)"""
    status, out, err = run(EVERMOO, "check", world)
    if status:
        return f"check of {world.name}: {out}{err}", 0
    status, out, err = run(EVERMOO, "eval", world, LOOK)
    if status or not out.startswith("{"):
        return f"{world.name}: {out}{err}", 0
    n = int(out[1 : out.index(",")])
    wanted = f"{{{n}, {n * 7919 % 100000}, 1, {n}, {n}}}\n"
    if n < least or out != wanted:
        return f"{world.name}: {least} was reported done, there is {out}", n
    return None, n


def wrong_after_a_cut(world, done, backups, restore):
    """None, or what is wrong with a world, its backups, and its log of deltas."""
    fault, restored = None, world.parent / "restored"
    if restore:
        status, out, err = run(EVERMOO, "restore", world, "--at", "now", "--to", restored)
        fault = f"restore: {out}{err}" if status else number_in(restored, done)[0]
    if not fault:
        fault = number_in(world, done)[0]
    made = {p.name: p for p in (world / "backups").iterdir() if (p / "data.mdb").exists() and ".new" not in p.name}
    for name, of in backups.items():
        if not fault and name not in made:
            fault = f"backup {name} was reported and is gone"
        if not fault:
            fault = number_in(made[name], int(of))[0]
    for name in set(made) - set(backups):
        fault = fault or number_in(made[name], 0)[0]
    return fault


def test_power_cuts_of_a_served_world(soak):
    with Server("--save-interval", "3600") as server:
        journal, before = record_served(server, 40 if soak else 16)
        entries = powercut.read_journal(journal)
        done, backups = powercut.marks(entries, "done"), powercut.marks(entries, "backup")
        for seed, chance, disk in powercut.cuts(entries, before, range(300 if soak else 10)):
            out = server.dir / f"cut-{seed}"
            disk.rebuild(out / "world", chance)
            reported = {words[0]: words[1] for moment, words in backups if moment < disk.now}
            fault = wrong_after_a_cut(out / "world", int(powercut.last_before(done, disk.now, ["0"])[0]), reported, seed % 3 == 0)
            if fault:
                shutil.copytree(server.dir, f"{server.dir}.kept", ignore=shutil.ignore_patterns("control"))
                raise Fault(f"{fault}; powercut.py {server.dir}.kept/journal {server.dir}.kept/before.json {seed} OUT")
            shutil.rmtree(out)
        server.start()
