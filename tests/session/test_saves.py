"""Saves that nobody waits for, and what programs, wizards and operators see of them: save_database(), save_stats(), hooks, failures, the end."""
import re
import signal
import subprocess

from session import EVERMOO, LIMIT, Server, until

SELDOM = ("--save-interval", "100000")  # so that nothing is saved but what is asked for


def command(*words):
    done = subprocess.run([EVERMOO, *map(str, words)], capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def info(text):
    """A list of {name, value} with plain values, as a dict of literals; the first of a name counts."""
    return dict(reversed(re.findall(r'\{"(\w+)", ([^{}]*)\}', text)))


def property_of_its_own(c, value="0"):
    c.eval(f'add_property(#8, "n", {value}, {{#3, "r"}})')


def test_save_database_is_durable():
    with Server(*SELDOM) as server:
        server.stop()
        server.start(*SELDOM)
        c = server.login()
        property_of_its_own(c)
        for n in range(1, 6):
            got = info(c.run(f"#8.n = {n}; return save_database()"))
            assert int(got["records"]) > 0 and int(got["bytes"]) > 0 and float(got["seconds"]) > 0, got
            assert "longest_pause" in got and "time" in got and "error" not in got, got
            server.kill()
            server.start(*SELDOM)
            c = server.login()
            assert c.eval("#8.n") == str(n)
        c.run("#8.n = 99")
        server.kill()
        server.start(*SELDOM)
        assert server.login().eval("#8.n") == "5", "nothing but save_database() saves here"


def test_save_database_is_for_wizards():
    with Server() as server:
        a = server.login("Alice")
        for call in ("save_database()", "save_stats()"):
            assert a.eval(f"`{call} ! ANY'") == "E_PERM"


def test_several_callers_are_answered():
    with Server(*SELDOM) as server:
        c = server.login()
        property_of_its_own(c, "{}")
        c.run("for i in [1..20] fork (0) #8.n = {@#8.n, {i}}; r = save_database(); #8.n = {@#8.n, {i, r[1][2]}}; endfork endfor")
        until("all of them", lambda: c.eval("length(#8.n)") == "40")
        generations = sorted({int(g) for g in re.findall(r"\{\d+, (\d+)\}", c.eval("#8.n"))})
        assert len(generations) <= 20, generations
        now = int(info(c.eval("save_stats()"))["generation"])
        assert generations[-1] <= now, (generations, now)


def test_a_task_that_waits_for_a_save_goes_on_from_it():
    """It is part of the save that it waits for. When the server dies behind that save, the task wakes in the world of that instant, where nothing of what it did next has happened."""
    with Server(*SELDOM) as server:
        c = server.login()
        property_of_its_own(c, "{}")
        c.run('fork (0) r = save_database(); #8.n = {@#8.n, r}; endfork')
        until("its end", lambda: c.eval("length(#8.n)") == "1")
        server.kill()
        server.start(*SELDOM)
        c = server.login()
        until("its end", lambda: c.eval("length(#8.n)") == "1")
        assert c.eval("#8.n") == "{{}}"
        assert c.eval("queued_tasks()") == "{}"


def test_stats():
    with Server(*SELDOM) as server:
        c = server.login()
        property_of_its_own(c)
        for n in range(12):
            c.run(f"#8.n = {n}; save_database()")
        stats = c.eval("save_stats()")
        assert '{"saves", 12}' in stats and '{"failures", 0}' in stats and '{"last_error", ""}' in stats, stats
        last = stats.split('{"last", ', 1)[1]
        generations = [int(g) for g in re.findall(r'"generation", (\d+)', last)]
        assert len(generations) == 8 and generations == sorted(generations, reverse=True), stats


def test_checkpoint_hooks_get_what_happened():
    with Server(*SELDOM) as server:
        c = server.login()
        c.send("@dump-database")
        events = until("the hooks", lambda: "checkpoint_finished" in (e := c.eval("#0.events")) and e)
        last = events.split('{"checkpoint_started", {}}, {"checkpoint_finished", {1, ', 1)[1]
        assert int(info(last)["generation"]) == int(info(c.eval("save_stats()"))["generation"]) and int(info(last)["records"]) > 0, events
        server.fill_disk()
        c.send("@dump-database")
        events = until("the hooks", lambda: '{"checkpoint_finished", {0, ' in (e := c.eval("#0.events")) and e)
        assert '{"error", "' in events.split('"checkpoint_finished", {0, ', 1)[1], events
        server.fill_disk(False)


def test_a_full_disk_loses_nothing():
    with Server("--save-interval", "0.05") as server:
        c, a = server.login(), server.login("Alice")
        c.run("#5.wizard = 1")
        b = server.login("Bob")
        property_of_its_own(c)
        until("a save", lambda: "everything is on disk" in command("status", server.world)[1])
        server.fill_disk()
        c.send(";;#8.n = 1; try return save_database(); except e (ANY) return e[1..2]; endtry;")
        c.expect(re.compile(r"^\*\*\* The world cannot be saved: .*too large"))
        c.expect(re.compile(r'^=> \{E_QUOTA, ".*too large'))
        status = command("status", server.world)[1]
        assert re.search(r"SAVES FAIL since \d+ seconds, \d+ in a row: ", status), status
        assert command("save", server.world)[0] == 1
        status, said, error = command("eval", server.world, "#8.n = 2; return 7;")
        assert status == 1 and "the save failed" in said + error, (said, error)
        for n in range(3, 200):
            c.run(f"#8.n = {n}")
        assert int(info(c.eval("save_stats()"))["failures"]) >= 3
        server.fill_disk(False)
        heard = b.expect_bytes(b"*** The world is saved again: save ")
        assert heard.count(b"*** The world cannot be saved: ") == 1, heard
        a.send("say done")
        assert b"The world" not in a.expect_bytes(b'Alice says, "done"'), "only wizards are told"
        assert '{"failures_in_a_row", 0}' in c.eval("save_stats()")
        assert "SAVES FAIL" not in command("status", server.world)[1]
        server.kill()
        assert len(re.findall(r"SAVE failed \(", server.log_text())) == 1 and "SAVED again after" in server.log_text()
        server.start()
        assert server.login().eval("#8.n") == "199"


def test_the_last_save_is_tried_again():
    with Server(*SELDOM) as server:
        c = server.login()
        property_of_its_own(c)
        server.fill_disk()
        server.signal(signal.SIGTERM)
        c.expect("*** The world cannot be saved; the server goes on trying before it ends. ***")
        server.expect_log("The last save failed and is tried again for ")
        server.fill_disk(False)
        assert server.wait() == 0
        server.start()
        assert server.login().eval("#8.n") == "0"


def test_an_end_without_a_save_says_so():
    with Server(*SELDOM, "--save-patience", "0.5") as server:
        c = server.login()
        property_of_its_own(c)
        server.fill_disk()
        stop = subprocess.Popen([EVERMOO, "stop", str(server.world)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert server.wait() == 1
        said = "".join(stop.communicate())
        assert stop.returncode == 1 and "not everything is saved" in said, said
        server.expect_log("NOT SAVED: the server ends all the same, and what happened since save 2 is lost: ")
        server.start()
        assert server.login().eval("`#8.n ! ANY'") == "E_PROPNF"


MANY = "l = {}; for i in [1..1000] l = {@l, tostr(i)}; endfor for i in [1..100] add_property(#8, \"p\" + tostr(i), {i, l}, {#3, \"r\"}); endfor"


def test_the_end_during_a_save():
    with Server(*SELDOM) as server:
        c = server.login()
        property_of_its_own(c)
        c.send(";;" + MANY + " fork (0) save_database(); endfork save_database(); #8.n = 2; save_database(); #8.n = 3;")
        until("a save", lambda: c.eval("#8.n") in "23")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        server.start()
        c = server.login()
        assert c.eval("{#8.p100[1], length(#8.p1[2])}") == "{100, 1000}" and c.eval("#8.n") == "3"
        assert c.eval("queued_tasks()") == "{}"


def test_a_reboot_during_a_save():
    with Server(*SELDOM) as server:
        c = server.login()
        property_of_its_own(c)
        c.run(MANY + ' for i in [1..3] fork (0) save_database(); #8.n = #8.n + 1; save_database(); #8.n = #8.n + 1; endfork endfor reboot("", "mid-save")')
        c.expect("The new server is here")
        until("the tasks", lambda: c.eval("#8.n") == "6")
        assert c.eval("{#8.p100[1], length(queued_tasks())}") == "{100, 0}"
        c.run("save_database()")
        server.kill()
        server.start()
        assert server.login().eval("#8.n") == "6"


def test_reboots_in_the_midst_of_checkpoints():
    """Each checkpoint asks for the next, so there is always one under way or wanted. What the hook changes when it hears of the last save of a reboot is saved too, and no checkpoint is forgotten."""
    with Server(*SELDOM) as server:
        c = server.login()
        c.run('for x in ({"begun", "ended", "on"}) add_property(#8, x, 0, {#3, "rw"}); endfor')
        c.run('delete_verb(#0, "server_started")')
        for name, code in (("started", '"#8.begun = #8.begun + 1;"'), ("finished", '"#8.ended = #8.ended + 1;", "#8.on && dump_database();"')):
            c.run(f'add_verb(#0, {{#3, "rxd", "checkpoint_{name}"}}, {{"this", "none", "this"}}); set_verb_code(#0, "checkpoint_{name}", {{{code}}})')
        c.run("#8.on = 1; dump_database()")
        for _ in range(8):
            done = int(c.eval("#8.ended"))
            until("two more checkpoints", lambda: int(c.eval("#8.ended")) > done + 1)
            c.send(";reboot()")
            c.expect("The new server is here")
        c.run("#8.on = 0")
        until("all that began to end", lambda: c.eval("#8.begun == #8.ended") == "1")
        assert len(re.findall("CHECKPOINTING on .* finished", server.log_text())) == int(c.eval("#8.ended"))


def test_a_save_that_renumber_waits_for_is_told_before_the_next_begins():
    """Else who asked for the next one would hear that everything is on disk when it has only begun."""
    with Server(*SELDOM) as server:
        c = server.login()
        property_of_its_own(c, "{}")
        c.run(MANY)
        round_ = ('for i in [1..100] add = #8.("p" + tostr(i)); #8.("p" + tostr(i)) = {k, add[2]}; endfor fork (0) save_database(); endfork suspend(0); suspend(0); '
                  'fork (0) r = save_database(); #8.n = {@#8.n, r[1][2]}; endfork suspend(0); renumber(o);')
        c.run(f"o = create(#-1); for k in [1..40] {round_} endfor")
        until("all answers", lambda: c.eval("length(#8.n)") == "40")
        assert c.eval("0 in #8.n") == "0", "answered with an empty report"
