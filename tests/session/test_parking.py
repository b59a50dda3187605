"""Tasks that park, and tasks that end at a time: across saves, kill -9, reboots and dumps."""
import subprocess
import time

from session import EVERMOO, LIMIT, Server, until
from test_lag import add_verb
from test_reboot_survives import over

SMALL = ("--bg-ticks=1000", "--fg-ticks=30000")


def begin_again(server):
    server.kill()
    server.start(*SMALL)
    return server.login()


def task(c):
    return c.run("for t in (queued_tasks()) if (t[7] == \"count\" || t[7] == \"later\") return t[1]; endif endfor return 0")


def test_a_task_that_parks_outlives_the_server():
    with Server(*SMALL) as server:
        c = server.login()
        for name in ("stop", "seen", "n"):
            c.eval(f'add_property(#0, "{name}", 0, {{player, "rw"}})')
        add_verb(c, "#0", "twice", "if (args[1])", "return this:twice(args[1] - 1) + this:twice(args[1] - 1);", "endif", "return 1;")
        add_verb(c, "#0", "count", "set_task_overrun(\"park\"); id = task_id(); sum = 0; turns = 0;", "while (!#0.stop)", "for i in [1..100]", "for j in ({1, 2, 3})", "sum = sum + i * j;", "endfor", "endfor",
                 "sum = sum + this:twice(5) - 32; turns = turns + 1; #0.n = turns;", "endwhile",
                 "#0.seen = {turns > 0, sum == turns * 5050 * 6, id == task_id(), set_task_overrun(\"abort\"), callers() == {}};")
        c.run("fork (0) #0:count(); endfork")
        until("a turn", lambda: c.eval("#0.n > 0") == "1")
        id = c.run("for t in (queued_tasks()) return t[1]; endfor")
        for again in range(3):
            over(c)
            n = int(c.eval("#0.n"))
            until("it to go on", lambda: int(c.eval("#0.n")) > n)
            assert c.run("return queued_tasks()[1][1]") == id
        for again in range(2):
            c.eval("save_database()")
            c = begin_again(server)
            n = int(c.eval("#0.n"))
            until("it to go on", lambda: int(c.eval("#0.n")) > n)
            assert c.run("return queued_tasks()[1][1]") == id
        c.eval("#0.stop = 1")
        until("its end", lambda: c.eval("#0.seen") != "0")
        assert c.eval("#0.seen") == '{1, 1, 1, "park", 0}', c.eval("#0.seen")
        assert c.eval("queued_tasks()") == "{}"


def test_the_letter_of_a_verb_is_saved_and_dumped():
    with Server(*SMALL) as server:
        c = server.login()
        add_verb(c, "#0", "count", "for i in [1..5000]", "endfor", "return i;")
        c.eval('set_verb_info(#0, "count", {player, "rxdp", "count"})')
        c.eval('add_property(#0, "seen", {}, {player, "rw"})')
        again = 'fork (0) #0.seen = {@#0.seen, {#0:count(), verb_info(#0, "count")[2]}}; endfork'
        c.run(again)
        until("its end", lambda: c.eval("length(#0.seen)") == "1")
        c.eval("save_database()")
        c = begin_again(server)
        c.run(again)
        until("its end", lambda: c.eval("length(#0.seen)") == "2")
        over(c)
        server.stop()
        dump, world = server.dir / "p.db", server.dir / "again"
        for words in (("export", "--format=4", server.world, dump), ("import", dump, world), ("eval", world, 'verb_info(#0, "count")[2]')):
            done = subprocess.run([EVERMOO, *map(str, words)], capture_output=True, text=True, timeout=LIMIT)
            assert done.returncode == 0, done.stderr
        assert done.stdout == '"rxdp"\n', done.stdout
        again = server.dir / "p2.db"
        subprocess.run([EVERMOO, "export", "--format=4", str(world), str(again)], check=True, capture_output=True, timeout=LIMIT)
        assert again.read_bytes() == dump.read_bytes()
        assert dump.read_text().count("\ncount\n3\n429\n-1\n") == 1 # rxd 13, this << 4 and << 6, p 256


def test_a_deadline_passes_whoever_serves():
    with Server(*SMALL) as server:
        c = server.login()
        add_verb(c, "#0", "at", "for p in (args[1])", "if (p[1] == args[2])", "return p[2];", "endif", "endfor")
        add_verb(c, "#0", "later", "fork t (args[1])", "suspend();", "endfork", "set_task_deadline(t, args[2]);", "return t;")
        add_verb(c, "#0", "handle_task_timeout", "#0.seen = {@#0.seen, {args[1], args[2][1][2]}};", "return 1;")
        c.eval('add_property(#0, "seen", {}, {player, "rw"})')
        id = c.eval("#0:later(0, 7000)")
        deadline = lambda: c.eval(f'#0:at(task_stats({id}), "deadline")')
        first = deadline()
        assert int(first) > time.time() + 6000
        over(c)
        assert deadline() == first
        c.eval("save_database()")
        c = begin_again(server)
        assert deadline() == first
        passed = time.time() + 1
        c.eval(f"set_task_deadline({id}, 1)")
        c.eval("save_database()")
        server.kill()
        until("the deadline, while nobody serves", lambda: time.time() > passed + 0.1)
        server.start(*SMALL)
        c = server.login()
        until("its end", lambda: c.eval("#0.seen") != "{}")
        assert c.eval("#0.seen") == '{{"seconds", "later"}}' and c.eval("queued_tasks()") == "{}"
        c.run(f'fork t (0) argon2("long", "saltsalt", 65536, 256); #0.seen = 0; endfork set_task_deadline(t, 1)')
        until("the end of what waits for a thread", lambda: c.eval("length(#0.seen)") == "2")
        assert c.eval("queued_tasks()") == "{}"
