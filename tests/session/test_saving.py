"""Saves, checkpoints, deaths, ends, logs."""
import os
import re
import shutil
import signal
import subprocess

from session import EVERMOO, LIMIT, Server, until


def test_restart_with_tasks_and_properties():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#8, "x", 1, {#3, "r"})')
        c.run("fork (3600) #8.x = 99; endfork")
        c.run("fork (0) y = suspend(); #8.x = y; endfork")
        until("the suspended task", lambda: c.eval("length(queued_tasks())") == "2")
        server.stop()
        c.expect("*** Shutting down: shutdown signal received ***")
        c.expect_end()
        server.start()
        c = server.login()
        assert c.eval("length(queued_tasks())") == "2"
        c.run('for t in (queued_tasks()) if (t[2] > time() + 86400 || t[2] < time() - 60) resume(t[1], "back"); endif endfor')
        c.run("for t in (queued_tasks()) if (t[2] - time() < 3000) kill_task(t[1]); endif endfor")
        events = c.eval("#0.events")
        assert events.startswith('{{"server_started", {}}, {"user_connected", #3}, {"user_disconnected", #3}, {"server_started", {}}, {"user_connected", #3}'), events


def test_killed_at_any_time():
    """What was there at the last save is there again, and the world is sound."""
    with Server("--save-interval", "0") as server:
        last = 0
        for round_ in range(8):
            c = server.login()
            now = int(c.eval('`#8.n ! ANY => 0\'') or 0)
            assert now >= last, (now, last)
            if round_ == 0:
                c.eval('add_property(#8, "n", 0, {#3, "r"})')
            for _ in range(20):
                last = int(c.eval("(#8.n = #8.n + 1)"))
            c.send("@dump-database")
            server.expect_log(re.compile(r"CHECKPOINTING on .* finished"), round_ + 1)
            c.run("fork (0) while (1) #8.n = #8.n + 1; suspend(0); endwhile endfork")
            until("some progress", lambda: int(c.eval("#8.n")) > last + 10)
            server.kill()
            done = subprocess.run([EVERMOO, "check", str(server.world)], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            server.start()
            c = server.login()
            c.run("for t in (queued_tasks()) kill_task(t[1]); endfor")
            c.close()


def test_checkpoint_hooks_and_signals():
    with Server() as server:
        c = server.login()
        c.send("@dump-database")
        server.expect_log(re.compile(r"CHECKPOINTING on .* finished"))
        until("the hooks", lambda: '{"checkpoint_started", {}}, {"checkpoint_finished", {1, {{"generation", 3}, {"time", ' in c.eval("#0.events"))
        server.signal(signal.SIGUSR2)
        server.expect_log(re.compile(r"CHECKPOINTING on .* finished"), 2)
        pid = server.pid
        assert c.eval("1") == "1" and server.pid == pid


def test_log_is_reopened():
    with Server() as server:
        log = server.dir / "moved.log"
        server.stop()
        server.start("--log", str(log))
        c = server.login()
        c.run('server_log("before")')
        until("the line", lambda: "> before" in log.read_text())
        shutil.move(log, server.dir / "old.log")
        server.signal(signal.SIGUSR1)
        until("the new file", log.exists)
        c.run('server_log("after", 1)')
        until("the line", lambda: "*** > after" in log.read_text())
        assert "> after" not in (server.dir / "old.log").read_text()


def test_signals_end_it_once():
    with Server() as server:
        c = server.login()
        c.eval('add_property(#8, "kept", "yes", {#3, "r"})')
        for _ in range(5):
            server.signal(signal.SIGTERM)
            server.signal(signal.SIGINT)
        assert server.wait() == 0
        c.expect("*** Shutting down: shutdown signal received ***")
        server.start()
        assert server.login().eval("#8.kept") == '"yes"'


def test_shutdown_from_inside():
    with Server() as server:
        c, a = server.login(), server.login("Alice")
        assert a.eval("`shutdown() ! ANY'") == "E_PERM"
        c.send(';shutdown("for the night")')
        for x in (c, a):
            x.expect("*** Shutting down: shutdown() called by Wizard (#3): for the night ***")
            x.expect_end()
        assert server.wait() == 0
        server.expect_log("SHUTDOWN: shutdown() called by Wizard (#3): for the night")


def test_wrong_calls_are_one_line():
    def line_of(*arguments):
        done = subprocess.run([EVERMOO, "serve", *arguments], capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode not in (0, -6, -11), done
        assert done.stdout == "" and done.stderr.count("\n") == 1 and done.stderr.endswith("\n"), done
        return done.stderr

    assert "dialect" in line_of("--dialect", "klingon")
    assert "port" in line_of("-p", "70000")
    assert "one too many" in line_of("a", "b")
    assert "--nonsense" in line_of("--nonsense")
    with Server() as server:
        assert server.world.name in line_of(str(server.world), "-p", "0")
        taken = str(server.port)
        other = server.dir / "other"
        server.stop()
        shutil.copytree(server.world, other)
        server.start(port=int(taken))
        said = line_of(str(other), "-p", taken, "--listen", "127.0.0.1")
        assert "in use" in said, said
    junk = os.path.join("/", "dev", "null")
    assert junk in line_of(junk)


def test_tasks_that_ran_do_not_run_again():
    with Server("--save-interval", "0.05") as server:
        c = server.login()
        saved = lambda: command("export", server.world, server.dir / "x.db")[1]
        c.run('fork (2) notify(player, "it ran"); endfork')
        until("a save with the task", lambda: " 1 forked" in saved())
        c.expect("it ran")
        until("a save without it", lambda: " 0 forked" in saved())
        server.kill()
        server.start()
        assert server.login().eval("queued_tasks()") == "{}"


def command(*words):
    done = subprocess.run([EVERMOO, *map(str, words)], capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def test_control_socket():
    with Server() as server:
        c = server.login()
        control = server.world / "control"
        assert control.is_socket() and control.stat().st_mode & 0o777 == 0o600
        status, said, _ = command("status", server.world)
        assert status == 0 and f"process {server.pid}" in said and "1 connections" in said, said
        status, said, _ = command("save", server.world)
        assert status == 0 and "is on disk" in said
        until("the hooks", lambda: '{"checkpoint_finished", {1, {{"generation", 3}, ' in c.eval("#0.events"))
        assert command("reboot", server.world)[0] == 0
        c.expect("The new server is here")
        until("the new socket", lambda: command("status", server.world)[0] == 0)
        status, said, _ = command("stop", server.world, "for tea")
        assert (status, said) == (0, "saved and ended\n"), said
        c.expect("*** Shutting down: evermoo stop: for tea ***")
        assert server.wait() == 0
        assert not control.exists()
        status, said, error = command("stop", server.world)
        assert status == 1 and error.count("\n") == 1 and "no server runs this world" in error
        server.start()
        server.kill()
        assert control.exists()
        assert command("status", server.world)[0] == 1
        server.start()
        assert command("status", server.world)[0] == 0


def test_eval_in_a_running_world():
    with Server() as server:
        c = server.login()
        assert command("eval", server.world, "1 + 1") == (0, "2\n", "")
        assert command("eval", server.world, "{player, connected_players()}")[1] == "{#3, {#3}}\n"
        assert command("eval", server.world, "add_property(#8, \"y\", {1, 2.5, \"three\"}, {#3, \"r\"})")[0] == 0
        assert c.eval("#8.y") == '{1, 2.5, "three"}'
        status, said, error = command("eval", server.world, "1 / 0")
        assert status == 1 and "Division by zero" in said and error.count("\n") == 1
        status, said, error = command("eval", server.world, "l = {1}; for i in [1..35] l = {l, l}; endfor return l;")
        assert status == 1 and "too long" in said and error.count("\n") == 1, error
        status, said, error = command("eval", "--wizard", "#4", server.world, "1")
        assert status == 1 and "wizard" in error, error
        # Whose permissions it has does not depend on whether the world is served, nor on who became a player first.
        assert command("eval", server.world, "set_player_flag(#1, 1); return #1.wizard = 1;")[0] == 0
        assert command("eval", server.world, "{player, players()[1] == #1}")[1] == "{#1, 0}\n"
        # What it changed is saved: a death at once takes nothing back.
        assert command("eval", server.world, "#8.y = \"kept\"")[0] == 0
        server.kill()
        assert command("eval", server.world, "{player, #8.y}") == (0, '{#1, "kept"}\n', "")
        server.start()
