"""Every call that a program makes fails once: it succeeds all the same, or says what failed in one line; what was there is there, and nothing half made has a name."""
import errno
import lzma
import random
import re
import shutil

from fault import DISK, EVERMOO, MALLOC, META, ROOT, SHORT, WORLD, Control, Fault, environment, must_run, run, without_sanitizer, workplace

VILLAGE = ROOT / "tests/fuzz/corpus/fuzz_textdump/village"
GOLDEN = ROOT / "tests/golden/format-1.mdb.xz"
ERRORS = (errno.EIO, errno.ENOSPC, SHORT)
LOG_LINE = re.compile(r"\w{3} +\d+ \d\d:\d\d:\d\d: ")
DIGEST = "{#0.name, length(players()), max_object()}"


def chosen(count, soak, first, sample, seed=1):
    """Which of `count' calls fail: all, or the first ones and a sample of the others."""
    if soak and count < 3000:
        return list(range(1, count + 1))
    rest = range(first + 1, count + 1)
    return [*range(1, min(first, count) + 1), *sorted(random.Random(seed).sample(rest, min(sample * (10 if soak else 1), len(rest))))]


def how_it_ended(command, status, out, err):
    """None, or what is wrong with the end of a command that met a fault."""
    if status < 0:
        return f"signal {-status}: {err}"
    start = f"evermoo {command}: "
    lines = [line for line in err.splitlines() if not LOG_LINE.match(line)]
    if status == 0 or (status == 1 and lines and all(line.startswith(start) and len(line) > len(start) + 20 for line in lines)):
        return None
    return f"status {status}: {err or out!r}"


def tree(place):
    return {str(p.relative_to(place)): None if p.is_dir() else p.read_bytes() for p in place.rglob("*") if p.name not in ("lock.mdb", "pid") and not p.is_socket()}


class Command:
    """A command that makes `made' out of what stands in the directory `disk'."""

    def __init__(self, place, words, made=None):
        self.place, self.words, self.made = place, words, made
        self.disk, self.control = place / "disk", Control(place / "control")
        self.before = tree(self.disk)
        self.env = environment(self.disk, self.control)

    def count(self, calls):
        self.control.arm(calls, 0)
        must_run(EVERMOO, *self.words, env=self.env)
        self.control.disarm()
        self.restore()
        return self.control.counted

    def restore(self):
        shutil.rmtree(self.disk)
        self.disk.mkdir()
        for name, content in sorted(self.before.items()):
            if content is None:
                (self.disk / name).mkdir()
            else:
                (self.disk / name).write_bytes(content)

    def fail_at(self, calls, n, error):
        """None, or what is wrong when the n-th of these calls fails."""
        self.control.arm(calls, n, error=error)
        status, out, err = run(EVERMOO, *self.words, env=self.env)
        failed = self.control.failed
        self.control.disarm()
        fault = how_it_ended(self.words[0], status, out, err) or self.what_is_left(status)
        self.restore()
        return f"{' '.join(map(str, self.words))}: call {n} of kind {calls} fails with {error} ({failed} did): {fault}" if fault else None

    def what_is_left(self, status):
        now = tree(self.disk)
        if not self.made:
            return world_is_wrong(self.words[1])
        name = self.made.name
        new = sorted(n for n in set(now) - set(self.before) if n != name and not n.startswith(name + "/"))
        changed = [n for n in self.before if now.get(n) != self.before[n]]
        if new or changed:
            return f"left {new}, changed {changed}"
        # Where only the last step failed, which is to sync the name, what was made may stay: whole.
        return self.made_is_wrong() if status == 0 or self.made.exists() else None

    def made_is_wrong(self):
        if not self.made.is_dir():
            status, out, err = run(EVERMOO, "import", self.made, self.place / "again")
            shutil.rmtree(self.place / "again", ignore_errors=True)
            return f"what was made cannot be read: {err}" if status else None
        return world_is_wrong(self.made)


def world_is_wrong(world):
    for words in (("check", world), ("eval", world, DIGEST)):
        status, out, err = run(EVERMOO, *words)
        if status:
            return f"{words[0]} of the world: {out}{err}"
    return None if out.startswith('{"') else f"the world has {out}"


def commands(place):
    """The commands that read and write worlds: (words, what is made)."""
    disk = place / "disk"
    world = disk / "world"
    yield ("import", VILLAGE, disk / "new"), disk / "new"
    yield ("export", world, disk / "out.db"), disk / "out.db"
    yield ("eval", world, 'x = create(#0); x.name = "new"; return add_property(#4, "z", "q", {#3, "r"});'), None
    yield ("backup", world, disk / "copy"), disk / "copy"
    yield ("check", world), None
    yield ("restore", world, "--at", "now", "--to", disk / "back"), disk / "back"
    yield ("restore", world, "--generation", "3"), None
    yield ("build", ROOT / "core", disk / "built"), disk / "built"
    yield ("eval", disk / "old", "1"), None


def new_place(place):
    """A world with a backup and two saves since, and one of the oldest format, which is upgraded when it is opened."""
    world, old = place / "disk" / "world", place / "disk" / "old"
    old.parent.mkdir()
    must_run(EVERMOO, "import", VILLAGE, world)
    must_run(EVERMOO, "backup", world)
    for name in ("mill", "bakery"):
        must_run(EVERMOO, "eval", world, f'#4.name = "{name}"')
    old.mkdir()
    (old / "data.mdb").write_bytes(lzma.decompress(GOLDEN.read_bytes()))


def sweep(kinds, errors, soak, first, sample):
    with workplace("nthcall") as place:
        new_place(place)
        faults = []
        for words, made in commands(place):
            c = Command(place, words, made)
            count = c.count(kinds)
            if not count:
                raise Fault(f"{words[0]} made no call of kind {kinds}")
            faults += [f for n in chosen(count, soak, first, sample) for e in errors(n) if (f := c.fail_at(kinds, n, e))]
        if faults:
            raise Fault("\n".join([f"{len(faults)} faults", *faults[:20]]))


def test_commands_with_a_failing_disk(soak):
    sweep(DISK, lambda n: ERRORS if soak else (ERRORS[n % 3],), soak, 8, 6)


def test_commands_with_a_failing_allocation(soak):
    without_sanitizer("memory is the sanitizer's")
    sweep(MALLOC, lambda n: (errno.ENOMEM,), soak, 2, 4)


# ---- saves ----


def saves_with_a_fault(place, kinds, n, error):
    """None, or what is wrong: the world that is saved again and again must end with all it was given."""
    world, control, journal = place / "disk" / "world", Control(place / "control"), place / "journal"
    shutil.rmtree(world, ignore_errors=True)
    shutil.copytree(place / "first", world)
    journal.write_bytes(b"")
    control.arm(kinds, n, error=error)
    env = dict(environment(place / "disk", control), FAULT_PATIENT="1")
    env["FAULT_JOURNAL"] = str(journal)
    status, out, err = run(WORLD, "run", world, 5, 8, env=env, text="again\n" * 50)
    control.disarm()
    opened = not err.startswith(str(world)) or "status" in err
    if status < 0 or (status and opened):
        return f"status {status}: {out}{err}"
    if status == 0 and "failed: " in out and f"{world}: cannot " not in out:
        return f"a save that failed said {out!r}"
    return last_save_is_wrong(world, journal) if status == 0 else None


def last_save_is_wrong(world, journal):
    import powercut  # here alone

    entries = powercut.read_journal(journal)
    looked = run(WORLD, "look", world)
    if looked[0]:
        return f"the world afterwards: {looked}"
    generation, digest = looked[1].split()
    accepted = [words[1] for _, words in powercut.marks(entries, "written") if words[0] == generation]
    done = powercut.marks(entries, "done")
    if digest not in accepted or not done or done[-1][1] != [generation]:
        return f"save {generation} has another content, or was not reported"
    return None


def sweep_saves(kinds, errors, soak, first, sample):
    with workplace("nthsave") as place:
        (place / "disk").mkdir()
        must_run(WORLD, "new", place / "first")
        fault = saves_with_a_fault(place, kinds, 0, 0)
        if fault:
            raise Fault(fault)
        shutil.copytree(place / "first", place / "disk" / "counted")
        control = Control(place / "control")
        control.arm(kinds, 0)
        must_run(WORLD, "run", place / "disk" / "counted", 5, 8, env=environment(place / "disk", control))
        faults = []
        for n in chosen(control.counted, soak, first, sample):
            for error in errors(n):
                fault = saves_with_a_fault(place, kinds, n, error)
                faults += [f"call {n} of kind {kinds} fails with {error}: {fault}"] if fault else []
        if faults:
            raise Fault("\n".join([f"{len(faults)} faults", *faults[:20]]))


def test_saves_with_a_failing_disk(soak):
    sweep_saves(DISK, lambda n: ERRORS if soak else (ERRORS[n % 3],), soak, 24, 10)


def test_saves_with_a_failing_page_of_the_last_transaction(soak):
    """The library under the store cannot go on after this without being opened anew."""
    sweep_saves(META, lambda n: ERRORS, soak, 4, 2)


def test_saves_with_a_failing_allocation(soak):
    without_sanitizer("memory is the sanitizer's")
    sweep_saves(MALLOC, lambda n: (errno.ENOMEM,), soak, 4, 12)
