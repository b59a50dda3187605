"""The log of changes and the way back, with calls on the disk that fail."""
import errno
import re
import shutil

import powercut
from fault import DISK, EVER, Control, Fault, environment, must_run, run, workplace
from session import EVERMOO, Server, until
from test_nthcall import ERRORS, VILLAGE, chosen, how_it_ended, world_is_wrong


def value_of(world, code):
    return must_run(EVERMOO, "eval", world, code).strip()


def test_a_log_that_cannot_be_written(soak):
    """The save is whole all the same; wizards hear of it, and a new backup makes points in time possible again."""
    with Server("--save-interval", "3600") as server:
        server.stop()
        must_run(EVERMOO, "backup", server.world, "first")
        control = Control(server.dir / "control")
        server.env = environment(server.world / "deltas", control)
        server.start()
        c = server.login()
        c.eval('add_property(#8, "x", 1, {#3, "r"})')
        must_run(EVERMOO, "save", server.world)
        for calls, error in ((DISK, errno.ENOSPC), (DISK, errno.EIO)):
            control.arm(calls, 1, EVER, error)
            number = int(c.eval("#8.x = #8.x + 1"))
            must_run(EVERMOO, "save", server.world)
            assert control.failed
            c.expect("*** What saves change cannot be logged; the world itself is saved.")
            control.disarm()
            # A backup of the ring comes by itself, unless the disk still needs its rest from the last one: then it is asked for.
            if error == errno.ENOSPC:
                server.expect_log(re.compile(r"BACKUP .*/backups/\d{8}T\d{6}Z-g\d+: save \d+"))
            else:
                must_run(EVERMOO, "backup", server.world, "second")
            c.eval(f"#8.x = {number * 100}")
            must_run(EVERMOO, "save", server.world)
            must_run(EVERMOO, "restore", server.world, "--at", "now", "--to", server.dir / f"to-{number}")
            assert value_of(server.dir / f"to-{number}", "#8.x") == str(number * 100)
        server.expect_log(re.compile(r"\*\*\* .*deltas: .*; the save is whole without it, but points in time after save \d+ need a new backup"))


def world_with_a_past(place):
    """Saves 1 to 5 in #4.name, a backup after the first; where the copy of it is."""
    world = place / "disk" / "world"
    (place / "disk").mkdir()
    must_run(EVERMOO, "import", VILLAGE, world)
    for i in range(1, 6):
        must_run(EVERMOO, "eval", world, f'#4.name = "{i}"')
        if i == 1:
            must_run(EVERMOO, "backup", world)
    shutil.copytree(world, place / "kept", symlinks=True)
    return world


def generation_of(world, i):
    listed = must_run(EVERMOO, "restore", world, "--list")
    return int(re.search(r": save (\d+) of", listed)[1]) + i - 1


def wrong_after(world, status, wanted):
    """None, or what is wrong with a world after a restore that met a fault: it is the old one, or, when that worked, the new one."""
    value = value_of(world, "#4.name")
    if status == 0 and value != wanted:
        return f"restored, but it has {value}"
    if value not in ('"5"', wanted):
        return f"it has {value}"
    status, out, err = run(EVERMOO, "restore", world, "--at", "now")
    if status:
        return f"cannot be restored again: {err}"
    return world_is_wrong(world) or (None if value_of(world, "#4.name") == value else "after another restore it has something else")


def test_a_restore_whose_calls_fail(soak):
    with workplace("restore") as place:
        world = world_with_a_past(place)
        control = Control(place / "control")
        env = environment(place / "disk", control)
        words = ("restore", world, "--generation", generation_of(world, 3))
        faults = []

        def once(n, error):
            shutil.rmtree(world)
            shutil.copytree(place / "kept", world, symlinks=True)
            control.arm(DISK, n, error=error)
            status, out, err = run(EVERMOO, *words, env=env)
            counted = control.counted
            control.disarm()
            fault = how_it_ended("restore", status, out, err) or wrong_after(world, status, '"3"')
            if fault:
                faults.append(f"call {n} fails with {error}: {fault}")
            return counted

        count = once(0, 0)
        for n in chosen(count, soak, 12, 12):
            for error in ERRORS if soak else (ERRORS[n % 3],):
                once(n, error)
        if faults or count < 20:
            raise Fault("\n".join([f"{len(faults)} faults of {count} calls", *faults[:20]]))


def test_power_cuts_in_a_restore(soak):
    """Whenever the power goes, the world is the old one or the one that was asked for; the latter, once it was reported. Its log of changes leads nowhere else."""
    with workplace("restorecut") as place:
        world = world_with_a_past(place)
        journal, before = place / "journal", place / "before.json"
        wanted = generation_of(world, 3)
        powercut.remember(place / "disk", before)
        journal.write_bytes(b"")
        must_run(EVERMOO, "restore", world, "--generation", wanted, env=environment(place / "disk", Control(place / "control"), journal))
        powercut.mark(journal, "done 3")
        entries = powercut.read_journal(journal)
        done = powercut.marks(entries, "done")
        for seed, chance, disk in powercut.cuts(entries, before, range(300 if soak else 12)):
            out = place / f"cut-{seed}"
            disk.rebuild(out, chance)
            fault = wrong_after(out / "world", 0 if powercut.last_before(done, disk.now, []) else 1, '"3"')
            if fault:
                raise Fault(f"{fault}; powercut.py {journal} {before} {seed} OUT")
            shutil.rmtree(out)
