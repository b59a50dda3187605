"""A served world whose disk or memory fails: it goes on, says so, and has everything once a save succeeds."""
import errno
import pathlib
import random
import resource
import shutil
import sys

from fault import DISK, EVER, MALLOC, META, NO_ACCOUNT, OPEN, SHORT, Control, Fault, Skip, environment, run, without_sanitizer, workplace
from session import EVERMOO, Server

ERRORS = (errno.EIO, errno.ENOSPC, SHORT)


class World:
    """A served world with a counter, #8.n, that the library of faults stands around."""

    def __init__(self, disk=None):
        """`disk': a directory in which the world is to lie."""
        self.server = Server("--save-interval", "3600")
        c = self.server.login()
        c.eval('add_property(#8, "n", 0, {#3, "r"})')
        c.eval('add_property(#8, "text", "", {#3, "r"})')
        self.server.stop()
        if disk:
            self.server.world = pathlib.Path(shutil.move(self.server.world, disk / "world"))
        self.control = Control(self.server.dir / "control")
        self.server.env = environment(self.server.world, self.control)
        self.n = 0
        self.start()

    def start(self):
        self.server.start()
        self.wizard = self.server.login()

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, kind, *rest):
        self.control.disarm()
        self.control.room = NO_ACCOUNT
        return self.server.__exit__(kind, *rest)

    def change(self, length=2000):
        """Another number, an object and a text of this many characters."""
        self.n += 1
        self.wizard.eval(f"#8.n = {self.n}")
        self.wizard.run(f't = "{self.n} "; while (length(t) < {length}) t = t + t; endwhile #8.text = t; x = create(#6); x.name = tostr({self.n})')

    def save(self):
        """(whether it is on disk, what was said)"""
        status, out, err = run(EVERMOO, "save", self.server.world)
        if status not in (0, 1) or (status and len(err.splitlines()) != 1):
            raise Fault(f"evermoo save: status {status}: {out}{err}")
        return status == 0, out + err

    def must_save(self, why):
        saved, said = self.save()
        if not saved:
            raise Fault(f"{why}: a save that could succeed did not: {said}{self.server.log_text()[-1500:]}")

    def die_and_return(self):
        """Without a word; everything that was reported saved must be there."""
        self.server.kill()
        self.start()
        found = self.wizard.eval("{#8.n, index(#8.text, tostr(#8.n)), #8.n == 0 || valid(max_object()) && toint(max_object().name) == #8.n}")
        if found != f"{{{self.n}, 1, 1}}":
            raise Fault(f"after save {self.n} and a death there is {found}")


def fail_once(world, calls, n, error):
    """One of the calls of a save fails; the next save holds everything."""
    world.control.arm(calls, n, error=error)
    world.change()
    saved, said = world.save()
    failed = world.control.failed
    world.control.disarm()
    if world.wizard.eval("#8.n") != str(world.n):
        raise Fault(f"call {n} of kind {calls}: the world is another one while it is served")
    if not saved:
        world.must_save(f"call {n} of kind {calls} failed with {error}")
    return failed


def calls_of_a_save(world, calls):
    world.control.arm(calls, 0)
    world.change()
    world.must_save("nothing was to fail")
    world.control.disarm()
    return world.control.counted


def test_disk_fails_once(soak):
    with World() as world:
        count = calls_of_a_save(world, DISK)
        for n in range(1, count + 4):
            for error in ERRORS if soak else (ERRORS[n % 3],):
                fail_once(world, DISK, n, error)
            if n % 6 == 0:
                world.die_and_return()
        world.die_and_return()


def test_last_page_fails_and_no_restart_is_needed(soak):
    with World() as world:
        pid = world.server.pid
        for i in range(30 if soak else 6):
            if not fail_once(world, META, 1 + i % 2, ERRORS[i % 3]) and i % 2 == 0:
                raise Fault("no write of a meta page was seen")
        if world.server.pid != pid or world.server.process.poll() is not None:
            raise Fault("the server ended")
        world.die_and_return()


def test_disk_fails_for_a_time(soak):
    """All calls fail, for some saves; the players notice nothing but that wizards are told."""
    for calls in (DISK, META):
        with World() as world:
            world.wizard.eval("#5.wizard = 1")
            for _ in range(10 if soak else 3):
                other, watcher = world.server.login("Alice"), world.server.login("Bob")
                world.control.arm(calls, 1, EVER)
                for _ in range(3):
                    world.change()
                    if world.save()[0]:
                        raise Fault("a save was reported done on a disk that refuses everything")
                    other.send("say hello")
                    other.expect('Alice says, "hello"')
                watcher.expect("*** The world cannot be saved: ")
                world.control.disarm()
                world.must_save("the disk is back")
                watcher.expect("*** The world is saved again: ")
                world.die_and_return()


def test_reads_wait_for_a_store_that_cannot_be_opened(soak):
    """After a failed write of the newest meta page the store must be opened anew; what is not in memory is waited for, and never looks as if it did not exist."""
    with World() as world:
        for _ in range(3):
            world.change()
        world.must_save("nothing was to fail")
        world.die_and_return()
        world.control.arm(META | OPEN, 1, EVER)
        world.change()
        if world.save()[0]:
            raise Fault("a save was reported done on a disk that refuses it")
        world.wizard.send(";#9.name")
        world.server.expect_log("everything waits until it can be read")
        world.control.disarm()
        world.wizard.expect('=> "1"')
        world.must_save("the disk is back")
        world.die_and_return()


ACTIONS = (
    'match("a subject", "%(s.b%)") && rmatch(tostr(random()), "[0-9]+")',
    'string_hash(tostr(random())) + tostr(crypt("x", "ab"))',
    "length(queued_tasks()) + length(players())",
    'eval("x = {}; for i in [1..200] x = {@x, tostr(i)}; endfor return length(x);")[2]',
    'set_verb_code(#6, "say", {"return " + tostr(random()) + ";"}) || length(verb_code(#6, "say"))',
    'create(#6).name || add_property(#6, "p" + tostr(random()), {1, 2, {"x"}}, {#3, "r"})',
)


def test_memory_fails_once(soak):
    """Each allocation of some work, and of saving it, fails once, or a few of them one after the other."""
    without_sanitizer("memory is the sanitizer's")
    with World() as world:
        world.control.arm(MALLOC, 0)
        for action in ACTIONS:
            world.wizard.eval(action)
        world.change()
        world.must_save("nothing was to fail")
        count = world.control.counted
        chance = random.Random(1)
        chosen = range(1, count + 50) if soak else sorted(chance.sample(range(1, count + 50), 30))
        for i, n in enumerate(chosen):
            world.control.arm(MALLOC, n, n + (3 if i % 10 == 0 else 0), errno.ENOMEM)
            for action in ACTIONS:
                world.wizard.eval(action)
            world.change()
            saved, said = world.save()
            world.control.disarm()
            if not saved:
                world.must_save(f"allocation {n} failed")
            if i % 100 == 50:
                world.die_and_return()
        if "the system had none left" not in world.server.log_text():
            raise Fault("no allocation was seen to fail")
        world.die_and_return()


# ---- full disks ----


def fill_up(world, soak, room):
    """`room(True)' gives it back. Until then saves fail sooner or later, nothing else does, and nothing is lost."""
    failures = 0
    for _ in range(60 if soak else 12):
        world.change(60000)
        failures += not world.save()[0]
    if not failures:
        raise Fault("the disk was never full")
    room(True)
    world.must_save("there is room again")
    world.die_and_return()


def test_full_disk_by_account(soak):
    with World() as world:
        world.control.room = 200000
        fill_up(world, soak, lambda back: setattr(world.control, "room", NO_ACCOUNT))


def test_full_disk_by_limit_of_file_size(soak):
    with World() as world:
        size = (world.server.world / "data.mdb").stat().st_size
        before = resource.prlimit(world.server.pid, resource.RLIMIT_FSIZE, (size + 100000, resource.RLIM_INFINITY))
        fill_up(world, soak, lambda back: resource.prlimit(world.server.pid, resource.RLIMIT_FSIZE, before))
        if world.server.process.poll() is not None:
            raise Fault("the server ended")


SMALL_DISK = 'mount -t tmpfs -o size=6m none "$1" && exec "$2" "$3" "$1"'


def test_full_disk_of_a_small_file_system(soak):
    """The same with a real one, where a file system may be mounted."""
    with workplace("smalldisk") as place:
        if not shutil.which("unshare") or run("unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "none", place)[0]:
            raise Skip("no file system can be mounted")
        status, out, err = run("unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", place, sys.executable, pathlib.Path(__file__).with_name("small_disk.py"))
        if status:
            raise Fault(f"on a small disk: {out}{err}")


# ---- two at once ----


def test_the_second_server_is_told_the_first(soak):
    with World() as world:
        pid, again = world.server.pid, (EVERMOO, "serve", world.server.world, "-p", "0")
        ways = {(): f"in use by process {pid};", ("unshare", "-r"): f"in use by process {pid};", ("unshare", "-rpf"): f"of another container, where its number is {pid};"}
        for prefix, words in ways.items():
            if prefix and (not shutil.which("unshare") or run(*prefix, "true")[0]):
                continue
            status, out, err = run(*prefix, *again)
            if status != 1 or err.count("\n") != 1 or words not in err:
                raise Fault(f"{prefix}: status {status}: {out}{err}")
        world.change()
        world.must_save("another server was refused")
        world.die_and_return()  # what the dead one left in the directory is no matter
