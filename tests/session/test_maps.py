"""Maps in a world that is saved, killed, replaced, checked, looked back at and exported."""
import subprocess

from session import EVERMOO, Server
from test_reboot import AFTER, reboot


def world():
    return Server("--dialect", "toast")


def test_maps_survive_a_save_and_a_kill():
    with world() as s:
        c = s.login()
        c.run('add_property(#8, "m", [], {#3, "r"}); for i in [1..3000] #8.m[tostr(i)] = [i -> {i}]; endfor #8.m["17"][17][1] = ["deep" -> E_PERM];')
        c.run('save_database();')
        s.kill()
        s.start()
        c = s.login()
        assert c.eval("#8.m").startswith('["1" -> [1 -> {1}], "10" -> '), c.eval("#8.m")[:80]
        assert c.eval('{length(#8.m), #8.m["17"], #8.m["3000"], value_bytes(#8.m)}') == '{3000, [17 -> {["deep" -> E_PERM]}], [3000 -> {3000}], 494002}'


def test_tasks_that_hold_maps_go_through_a_reboot():
    with world() as s:
        c = s.login()
        c.run('add_property(#8, "got", 0, {#3, "r"}); add_property(#8, "t", {}, {#3, "r"}); m = ["k" -> {1}, 5 -> "five"]; n = m;'
              ' for i in [1..2] fork t (0) s = {}; for v, k in (["k" -> m, i -> n]) s = {@s, k, v, suspend()}; endfor for c, j in ("ab") s = {@s, [c -> j, "w" -> suspend()]}; endfor #8.got = s; endfork #8.t = {@#8.t, t}; endfor')
        reboot(c)
        c.expect(AFTER)
        c.run("for k in [1..4] for t in (#8.t) `resume(t, k) ! ANY'; endfor suspend(0); endfor")
        assert c.eval("#8.got") == '{2, [5 -> "five", "k" -> {1}], 1, "k", [5 -> "five", "k" -> {1}], 2, ["a" -> 1, "w" -> 3], ["b" -> 2, "w" -> 4]}'


def test_history_and_export():
    with world() as s:
        c = s.login()
        c.run('add_property(#8, "m", ["a" -> 1], {#3, "r"}); save_database(); #8.m["b"] = 2; save_database();')
        assert c.eval('property_history(#8, "m")[1][3]') == '["a" -> 1]', c.eval('property_history(#8, "m")')
        done = subprocess.run([EVERMOO, "export", str(s.world), str(s.dir / "dump")], capture_output=True, text=True)
        assert done.returncode != 0 and "#8.m holds a value that format 4 does not have" in done.stderr, done.stderr
        c.run('#8.m = 0; add_verb(#8, {#3, "rxd", "maps"}, {"this", "none", "this"}); set_verb_code(#8, "maps", {"return [1 -> 2];"});')
        done = subprocess.run([EVERMOO, "export", str(s.world), str(s.dir / "dump")], capture_output=True, text=True)
        assert done.returncode == 0 and "cannot read the dump: 1, the first on #8" in done.stdout, done
        c.run('#8.m = ["a" -> 1, "b" -> 2];')
        done = subprocess.run([EVERMOO, "eval", str(s.world), '#8.m'], capture_output=True, text=True)
        assert done.stdout == '["a" -> 1, "b" -> 2]\n', done


def test_as_large_as_the_world_allows():
    with world() as s:
        c = s.login()
        c.run('add_property($server_options, "max_map_value_bytes", 2000, {#3, "r"}); add_property($server_options, "max_concat_catchable", 1, {#3, "r"}); load_server_options();')
        assert c.eval("eval(\"m = []; try for i in [1..1000] m[i] = i; endfor except (E_QUOTA) return length(m); endtry\")") == "{1, 35}"
        c.run("$server_options.max_map_value_bytes = 5; load_server_options();")
        assert c.eval("eval(\"m = []; try for i in [1..1000] m[i] = i; endfor except (E_QUOTA) return length(m); endtry\")") == "{1, 17}"
