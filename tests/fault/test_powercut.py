"""Power cuts: whatever the disk had not synced is dropped, kept, or torn; what a save reported done is there all the same."""
import shutil

import powercut
from fault import LIE_META, LIE_SYNC, WORLD, Control, Fault, environment, must_run, run, workplace

SAVES = 120


def record(place, seed, lies=0):
    """A run of faultworld: (journal, what was there before it, the world's digest by generation before it)."""
    world, journal, before = place / "disk" / "world", place / "journal", place / "before.json"
    (place / "disk").mkdir()
    must_run(WORLD, "new", world)
    shutil.copytree(world, place / "first")
    first = must_run(WORLD, "look", place / "first").split()
    powercut.remember(place / "disk", before)
    journal.write_bytes(b"")
    control = Control(place / "control")
    control.lies = lies
    must_run(WORLD, "run", world, seed, SAVES, env=environment(place / "disk", control, journal))
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


def test_a_lying_disk_is_found_out(soak):
    """The harness can fail: with any part of the discipline gone, cuts do harm."""
    for lies in (LIE_SYNC, LIE_META, LIE_SYNC | LIE_META):
        with workplace("lying") as place:
            wrong = cut_often(place, record(place, 1, lies), range(40 if soak else 15))
            if not wrong:
                raise Fault(f"no cut did harm on a disk that lies ({lies})")
