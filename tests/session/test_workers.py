"""Built-in functions that run in threads: others are served meanwhile, and each task gets its answer once, whatever becomes of the server."""
import json
import os
import pathlib
import re
import signal
import subprocess

from session import EVERMOO, FAULTS, SANITIZED, Server, until

# Ten seconds of one processor, two, and nothing to speak of.
LONG, MEDIUM, SHORT = 'argon2("long", "saltsalt", 65536, 256)', 'argon2("medium", "saltsalt", 15000, 256)', 'argon2("{}", "saltsalt", 1, 64)'
THREADS = [f"medium{i}" for i in range(min(4, max(1, os.cpu_count() - 1)))]  # keep all that there are busy
AFTER = "The new server is here"


class Toast(Server):
    """Where queued_tasks() says in words that a task waits for work."""

    def __init__(self, *options):
        super().__init__("--dialect=toast", *options)


def prepare(c):
    """#8.got collects answers; #0:waiting() has the tasks that wait for work."""
    c.eval('add_property(#8, "got", {}, {#3, "rw"})')
    c.eval('add_verb(#0, {#3, "rxd", "waiting"}, {"this", "none", "this"})')
    c.eval('set_verb_code(#0, "waiting", {"r = {};", "for t in (queued_tasks())", "if (typeof(t[2]) == STR)", "r = {@r, t[1]};", "endif", "endfor", "return r;"})')


def waiting(c):
    return int(c.eval("length(#0:waiting())"))


def start(c, name, work):
    """A task that puts {name, its answer} into #8.got."""
    c.eval(f';fork (0) x = {work}; #8.got = {{@#8.got, {{"{name}", x}}}}; endfork')


def got(c):
    return re.findall(r'\{"(\w+)", ("[^"]*"|-?\w+)\}', c.eval("#8.got"))


def expected(c, names):
    """What each should have got, computed by a task that waits for it alone."""
    return {name: c.eval(SHORT.format(name)) for name in names}


def test_others_are_answered_while_a_thread_is_at_work():
    with Toast() as server:
        c, a = server.login(), server.login("Alice")
        prepare(c)
        start(c, "medium", MEDIUM)
        until("the work", lambda: waiting(c) == 1)
        for i in range(20):
            assert a.eval(f"{i} + 1") == str(i + 1)
        assert "threads: 1 calls at work, 0 wait\n" in subprocess.run([EVERMOO, "status", str(server.world)], capture_output=True, text=True).stdout
        assert got(c) == [] and waiting(c) == 1
        until("the answer", lambda: got(c))
        assert got(c)[0][1].startswith('"$argon2id$v=19$m=256,t=15000,p=1$')
        assert c.eval('argon2("password", "saltsalt", 2, 1024, 1)') == '"$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$gg7MDf+O0u4Yh4jYvTjXJps6cRjBIQvJ4r7MQOv1A58"'
        assert c.eval('{argon2_verify(argon2("a", "saltsalt", 1, 64), "a"), argon2_verify(argon2("a", "saltsalt", 1, 64), "b")}') == "{1, 0}"
        assert c.eval('`argon2("a", "b") ! E_INVIND => "no"\'') == '"no"'
        assert c.run('try argon2("a", "b"); except e (ANY) return e[1..2]; endtry') == '{E_INVIND, "Salt is too short"}'
        assert a.eval('`argon2("a", "saltsalt") ! E_PERM => "no"\'') == '"no"'


def test_killed_tasks_get_nothing_and_hold_nobody_up():
    with Toast() as server:
        c = server.login()
        prepare(c)
        start(c, "medium", MEDIUM)
        for name in "abc":
            start(c, name, SHORT.format(name))
            start(c, name + "long", LONG)
        until("the work", lambda: waiting(c) >= 4)
        c.run('for t in (queued_tasks()) if (typeof(t[2]) == STR) kill_task(t[1]); endif endfor')
        assert waiting(c) == 0
        before = got(c)
        # What stood in the queue is gone: this is done when the one under way has ended.
        start(c, "last", SHORT.format("last"))
        until("the last one", lambda: any(name == "last" for name, _ in got(c)))
        assert got(c)[:-1] == before and len(before) <= 3


def test_a_reboot_in_the_middle_of_ten():
    names = [f"n{i}" for i in range(10)]
    with Toast() as server:
        c = server.login()
        prepare(c)
        for _ in range(2):
            c.eval("#8.got = {}")
            for name in THREADS:
                start(c, name, MEDIUM)
            for name in names:
                start(c, name, SHORT.format(name))
            c.send(";reboot()")
            c.expect(AFTER)
            assert waiting(c) == len(THREADS) + 10, "the reboot came too late"
            until("all answers", lambda: waiting(c) == 0 and len(got(c)) >= len(THREADS) + 10, 60)
            answers = got(c)
            assert sorted(name for name, _ in answers) == sorted([*names, *THREADS]), answers
            for name, hash_ in expected(c, names).items():
                assert dict(answers)[name] == hash_
        assert "has taken over" in server.log_text()


def test_a_login_that_waits_for_its_hash():
    """As after suspend(), nobody is left to whom do_login_command could return: switch_player() logs in. Here in the new program, whoever asked in the old one."""
    with Toast() as server:
        c = server.login()
        prepare(c)
        c.eval(f'add_property(#0, "hash", {SHORT.format("sesame")}, {{#3, ""}})')
        c.eval('add_verb(#0, {#3, "rxd", "is_password"}, {"this", "none", "this"})')
        c.eval('set_verb_code(#0, "is_password", {"return argon2_verify(this.hash, args[1]);"})')
        code = ["if (length(args) > 2 && this:is_password(args[3]))", "switch_player(player, #4);", "elseif (args)", 'notify(player, "Wrong.");', "endif"]
        c.eval('set_verb_code(#0, "do_login_command", {"if (!args) return; endif", ' + ", ".join(json.dumps(line) for line in code) + "})")
        for name in THREADS:
            start(c, name, MEDIUM)
        until("the threads' work", lambda: waiting(c) == len(THREADS))
        right, wrong, gone = (server.connect(greeting=False) for _ in range(3))
        right.send("connect Alice sesame")
        wrong.send("connect Alice secret")
        gone.send("connect Alice sesame")
        until("the logins", lambda: waiting(c) == len(THREADS) + 3)
        gone.close()
        c.send(";reboot()")
        c.expect(AFTER)
        assert waiting(c) == len(THREADS) + 3, "the reboot came too late"
        right.expect("*** Connected ***")
        wrong.expect("Wrong.")
        until("the end of the others", lambda: waiting(c) == 0)
        assert right.eval("player") == "#4" and c.eval("#4 in connected_players()") != "0"
        assert server.log_text().count("CONNECTED: Alice") == 1


def test_a_reboot_in_the_middle_of_backups():
    """One at a time is made, by another process: who waits when the server is replaced hears of that."""
    with Toast() as server:
        c = server.login()
        prepare(c)
        c.run("for i in [1..30] fork (0) x = `backup_database() ! E_QUOTA => \"interrupted\"'; #8.got = {@#8.got, typeof(x) == LIST}; endfork endfor")
        until("the first", lambda: "1" in c.eval("#8.got"))
        c.send(";reboot()")
        c.expect(AFTER)
        until("all answers", lambda: c.eval("length(#8.got)") == "30" and waiting(c) == 0)
        assert "0" in c.eval("#8.got"), "the reboot came too late"
        until("the end of the one that was being made", lambda: c.eval("`typeof(backup_database()) == LIST ! E_QUOTA'") == "1")


def test_killed_and_started_again_from_a_save():
    names = [f"n{i}" for i in range(5)]
    with Toast("--save-interval", "1000000") as server:
        c = server.login()
        prepare(c)
        for name in THREADS:
            start(c, name, MEDIUM)
        for name in names:
            start(c, name, SHORT.format(name))
        c.eval("save_database()")
        assert waiting(c) == len(THREADS) + 5, "the kill comes too late"
        server.kill()
        for _ in range(2):  # the second time from the save of an orderly end, or with everything done
            server.start()
            c = server.login()
            if waiting(c):
                server.stop()
                server.start()
                c = server.login()
            until("all answers", lambda: waiting(c) == 0 and len(got(c)) >= len(THREADS) + 5, 60)
            answers = got(c)
            assert sorted(name for name, _ in answers) == sorted([*names, *THREADS]), answers
            for name, hash_ in expected(c, names).items():
                assert dict(answers)[name] == hash_
            server.stop()
        server.start()


def test_a_thread_that_fails_takes_its_task_along_and_no_other():
    if SANITIZED:
        print("skipped test_a_thread_that_fails_takes_its_task_along_and_no_other: faults end a sanitized build")
        return

    class Crashing(Toast):
        program = FAULTS
        env = {**os.environ, "EVERMOO_CRASH_AT": f"work:segv:/tmp/evermoo-work-{os.getpid()}"}

    with Crashing() as server:
        c = server.login()
        prepare(c)
        # Threads are at work on the first ones; the next that is begun fails, and the others wait behind it. All are in the save.
        for name in THREADS:
            start(c, name, MEDIUM)
        for name in "abc":
            start(c, name, SHORT.format(name))
        subprocess.run([EVERMOO, "save", str(server.world)], check=True, capture_output=True)
        pathlib.Path(f"/tmp/evermoo-work-{os.getpid()}").touch()
        c.expect("What you were doing at that moment was ended")
        until("the others", lambda: len(got(c)) == len(THREADS) + 2 and waiting(c) == 0)
        assert {name for name, _ in got(c)} < {*THREADS, *"abc"}
        report = pathlib.Path(re.search(r"report in (\S+);", server.log_text())[1])
        until("the report", lambda: "(in a thread)" in report.read_text())


def test_a_thread_whose_stack_overflows():
    if SANITIZED:
        print("skipped test_a_thread_whose_stack_overflows: faults end a sanitized build")
        return

    class Crashing(Toast):
        program = FAULTS
        env = {**os.environ, "EVERMOO_CRASH_AT": f"work:overflow:/tmp/evermoo-work-{os.getpid()}"}

    with Crashing() as server:
        c = server.login()
        pathlib.Path(f"/tmp/evermoo-work-{os.getpid()}").touch()
        c.send(";" + SHORT.format("a"))
        c.expect("The server had a fault")
        c.expect("What you were doing at that moment was ended")
        assert c.eval("1 + 1") == "2"


def test_without_the_library():
    with Toast() as server:
        server.stop()
        server.dir.joinpath("libargon2.so.1").write_bytes(b"")
        server.env = {**os.environ, "LD_LIBRARY_PATH": str(server.dir)}
        c = server.start().login()
        assert c.run('try argon2("a", "saltsalt"); except e (E_QUOTA) return e[2]; endtry') == '"The library libargon2.so.1 cannot be loaded: install the package libargon2-1"'
        assert c.eval('`argon2_verify("", "a") ! E_QUOTA => "no"\'') == '"no"'
        server.dir.joinpath("libargon2.so.1").unlink()
        assert c.eval('argon2_verify("", "a")') == "0"


def test_too_much_work_is_refused():
    with Toast() as server:
        c = server.login()
        prepare(c)
        def fill():
            c.run(f'for i in [1..60] fork (0) x = `{LONG} ! E_QUOTA => "refused"\'; #8.got = {{@#8.got, {{"refused", x}}}}; endfork endfor')
            return waiting(c) == 100 + len(THREADS)

        until("all threads at work, and 100 calls that wait", fill)
        assert set(got(c)) == {("refused", '"refused"')}
        assert c.run(f'try {LONG}; except e (E_QUOTA) return e[2]; endtry') == '"Too much work of yours waits to be done"'
        assert c.run('x = "0123456789abcdef"; for i in [1..17] x = x + x; endfor try argon2(x, "saltsalt"); except e (E_QUOTA) return e[2]; endtry') == '"The arguments are too long"'
        c.run("for t in (#0:waiting()) kill_task(t); endfor")
        # An end does not wait for what is under way.
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        server.start()
        assert waiting(server.login()) == 0
