"""Where time goes, in a server that runs: looks of its watchdog, a slice that is slow and a built-in function that is, waits, stalls. Nothing here asserts how long anything took but against itself."""
import re

from session import Server, until

AT = ["x = args[1];", "for n in (listdelete(args, 1))", "i = 0;", "for p in (x)", "if (p[1] == n)", "i = 1; x = p[2];", "break;", "endif", "endfor", "if (!i)", "return E_RANGE;", "endif", "endfor",
      "return x;"]


def add_verb(c, obj, name, *lines):
    c.eval(f'add_verb({obj}, {{player, "rxd", "{name}"}}, {{"this", "none", "this"}})')
    texts = ", ".join('"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"' for line in lines)
    assert c.eval(f'set_verb_code({obj}, "{name}", {{{texts}}})') == "{}"


def wizard(server):
    c = server.login()
    add_verb(c, "#0", "at", *AT)
    return c


BUSY = ["for i in [1..args[1]]", "x = i * 2;", "endfor"]


def test_a_slow_slice_keeps_its_stack():
    with Server("--fg-ticks=1000000000", "--fg-seconds=60") as server:
        c = wizard(server)
        add_verb(c, "#0", "busy", *BUSY)
        add_verb(c, "#0", "outer", "this:busy(args[1]);", "return 5;")

        def caught():
            c.eval("#0:outer(5000000)")
            return c.run('for s in (slow_slices()) for row in (#0:at(s, "stack")) if (row[2] == "busy") return {#0:at(s, "end"), row[6] >= 1 && row[6] <= 3, #0:at(s, "us") >= 10000}; endif endfor endfor') != "0"

        until("a slice that was seen", caught)
        first = c.run('s = slow_slices()[1]; return {#0:at(s, "end"), #0:at(s, "payer") == player, #0:at(s, "cpu_us") > 0, #0:at(s, "ticks") > 100000}')
        assert first == '{"done", 1, 1, 1}', first


def test_a_slow_built_in_function_is_seen_with_who_called_it():
    with Server("--fg-seconds=60", "--max-slice-ms=60000") as server:
        c = wizard(server)
        add_verb(c, "#0", "sums", 'return value_hash(args[1]);')
        c.eval('add_property(#0, "big", "x", {player, "rw"})')
        c.run("for i in [1..24] #0.big = #0.big + #0.big; endfor return 1")

        def seen():
            c.eval("length(#0:sums(#0.big))")
            in_stacks = 'for s in (slow_slices()) r = #0:at(s, "stack")[1]; if (r[2] == "sums" && r[6] == 1) return #0:at(s, "us") > 0; endif endfor'
            return int(c.eval('#0:at(verb_profile(#0, "sums"), "all", "self_us")')) > 0 and c.run(in_stacks) == "1"

        until("its time and its stack", seen)


def test_the_world_hears_of_lag():
    with Server("--task-lag-threshold=0.1", "--fg-ticks=1000000000", "--fg-seconds=60") as server:
        c = wizard(server)
        add_verb(c, "#0", "busy", *BUSY)
        c.eval('add_property(#0, "lags", {}, {player, "rw"})')
        add_verb(c, "#0", "handle_lagging_task", "for row in (args[1])", 'if (row[2] == "busy")', "this.lags = {@this.lags, {typeof(args[2]) == FLOAT && args[2] > 0.1, player}};", "endif", "endfor")

        times = 10000000

        def heard():
            nonlocal times
            times *= 2  # until that takes long enough on this machine
            c.eval(f"#0:busy({times})")
            return c.eval("length(#0.lags)") != "0"

        until("lag", heard)
        assert c.eval("#0.lags[1]") == "{1, #-1}"
        server.expect_log(re.compile(r"LAG: #\d+:eval \(task \d+ of #\d+\) ran for \d+\.\d\d seconds"))
        assert int(c.eval('#0:at(scheduler_stats(), "lagging")')) >= 1


def test_a_flame_graph():
    with Server("--fg-ticks=1000000000", "--fg-seconds=60") as server:
        c, a = wizard(server), server.login("Alice")
        add_verb(c, "#0", "busy", *BUSY)
        add_verb(c, "#0", "outer", "this:busy(args[1]);")
        c.eval('verb_profile("start", {#0, "busy"})')

        def looked():
            c.eval("#0:outer(500000)")
            return int(c.eval('#0:at(verb_profile(#0, "busy"), "all", "self_us")')) > 100000

        until("some looks", looked)
        assert int(c.eval('verb_profile("stop")')) > 0
        lines = re.findall(r'"([^"]*)"', c.eval('verb_profile("flame")'))
        assert lines
        for line in lines:
            stack, us = line.rsplit(" ", 1)
            frames = stack.split(";")
            assert int(us) > 0 and frames[-2:] == ["#0:outer", "#0:busy"] and all(re.fullmatch(r"eval|#\d+:[^;* ]+", f) for f in frames), line
        assert a.eval('verb_profile("flame")') == "{}"
        assert a.eval("verb_profile()") == "{}"


def test_commands_and_loops_are_counted():
    with Server() as server:
        c = wizard(server)
        before = int(c.eval('#0:at(scheduler_stats(), "commands")'))
        for i in range(50):
            c.eval(str(i))
        after = c.run('s = scheduler_stats(); return {#0:at(s, "commands"), #0:at(s, "latency", "all", "count"), #0:at(s, "stall", "all", "count") == #0:at(s, "loops"), #0:at(s, "loops") > 50,'
                      ' #0:at(s, "latency", "hour", "p50_us") > 0, #0:at(s, "latency", "hour", "p50_us") <= #0:at(s, "latency", "hour", "worst_us")}')
        commands, latencies, *rest = re.findall(r"\d+", after)
        assert int(commands) == before + 51 and int(latencies) == int(commands) - 1, (before, after)
        assert rest == ["1", "1", "1", "1"], after


def test_counters_begin_anew_after_a_reboot():
    with Server() as server:
        c = wizard(server)
        for i in range(20):
            c.eval(str(i))
        c.run("fork (1000) endfork return 1")
        c.send(";reboot()")
        c.expect("The new server is here")
        assert int(c.eval('#0:at(scheduler_stats(), "commands")')) < 5
        assert c.run('s = task_stats(queued_tasks()[1][1]); return {#0:at(s, "forked"), #0:at(s, "slices"), #0:at(s, "state")}') == '{1, 0, "sleeping"}'
