"""Two builds whose machines generate different code hand over to each other and back, with tasks that sleep in the midst of everything: each ends with the result that it has without a reboot."""
import os
import re

from session import BUILD, EVERMOO, Server, until
from test_reboot import AFTER, reboot, script

ALT = str(BUILD / "evermoo-alt")

# Each suspends several times, and is told the number of its wake-up each time.
PROGRAMS = {
    "loops": 's = {}; for i in [1..2] for x in ({"a", "b"}) k = 0; while outer (1) k = k + 1; for j in [3..4] if (k > 2) break outer; endif s = {@s, {i, x, k, j, suspend()}}; endfor endwhile endfor endfor return s;',
    "operands": 'l = {0, 0, 0}; l[suspend() % 3 + 1] = suspend() * 10 + suspend(); return {1, suspend(), {l, suspend()}}[suspend() % 3 + 1..3];',
    "finally": 's = {}; try try s = {@s, suspend()}; raise(E_PERM, "x", suspend()); finally s = {@s, suspend(), "finally"}; endtry except e (E_PERM) s = {@s, e[1..3], suspend()}; endtry try for i in [1..3] try s = {@s, suspend()}; if (i == 2) break; endif finally s = {@s, "out", suspend()}; endtry endfor finally s = {@s, "all", suspend()}; endtry return s;',
    "catch": "return {`{}[suspend()] ! E_RANGE => {\"none\", suspend()}', `suspend() / 0 ! ANY', suspend() ? suspend() | 0, suspend() && suspend()};",
    "eval": 'return {eval("x = {suspend(), suspend()}; return {x, eval(\\"try return suspend(); finally suspend(); endtry\\"), suspend()};"), suspend()};',
    "move": 'x = create(#8); s = {suspend()}; move(x, #8); s = {@s, x.location, suspend()}; move(x, #2); s = {@s, x.location}; recycle(x); return {@s, valid(x), #8.heard};',
    "verb": 'return #8:deep(4, suspend());',
    "scatter": '{a, ?b = suspend(), @c} = {suspend()}; {d, ?e = {suspend(), b}, @f} = {suspend(), suspend(), suspend(), 4}; return {a, b, c, d, e, f};',
    "error": 'try #8:fails(suspend()); except e (ANY) return {e[1], e[2], e[3], length(e[4]), suspend()}; endtry',
    "fork": '#8.forked = 0; fork t (0) #8.forked = suspend() + suspend(); endfork while (!#8.forked) suspend(); endwhile return typeof(t) == INT;',
}
SETUP = [
    'add_property(#8, "results", {}, {#3, "r"}); add_property(#8, "heard", {}, {#3, "r"}); add_property(#8, "forked", 0, {#3, "r"});',
    'add_verb(#8, {#3, "rxd", "initialize accept enterfunc exitfunc recycle"}, {"this", "none", "this"}); set_verb_code(#8, 1, {"#8.heard = {@#8.heard, verb, suspend()};", "return 1;"});',
    'add_verb(#8, {#3, "rxd", "deep"}, {"this", "none", "this"}); set_verb_code(#8, 2, {"{n, got} = args;", "return n ? {got, this:deep(n - 1, suspend()), suspend()} | {got, suspend()};"});',
    'add_verb(#8, {#3, "rxd", "fails"}, {"this", "none", "this"}); set_verb_code(#8, 3, {"try", "  return 1 / 0;", "finally", "  suspend();", "endtry"});',
]
# Wakes all that sleep, tells how many there are.
WAKE = 'n = 0; for t in (queued_tasks()) `resume(t[1], %d) ! ANY\'; n = n + 1; endfor return n'


def quoted(code):
    return code.replace("\\", "\\\\").replace('"', '\\"')


def results(name, between):
    """What the program ends with; `between' is called while it sleeps, each time."""
    with Server() as server:
        c = server.login()
        for step in SETUP:
            c.send(";;" + step)
            c.expect(re.compile("=> |not found"))
        c.run(f'#8.heard = {{}}; fork (0) r = eval("{quoted(PROGRAMS[name])}"); #8.results = r; endfork')
        step = 0
        while c.eval("#8.results") == "{}":
            step += 1
            assert step < 60, name
            between(server, c, step)
            c.run(WAKE % step)
            until("the task to sleep again", lambda: c.run('for t in (queued_tasks()) if (t[2] < 2147483647) return 0; endif endfor return 1') == "1")
        between(server, c, step)
        return step, c.eval("#8.results"), c.eval("#8.heard"), os.readlink(f"/proc/{server.pid}/exe")


def test_tasks_go_to_and_fro():
    turns = [ALT, EVERMOO]

    def to_and_fro(server, c, step):
        reboot(c, turns[(step + 1) % 2])
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == turns[(step + 1) % 2]

    for name in PROGRAMS:
        straight, moved = results(name, lambda *_: None), results(name, to_and_fro)
        assert straight[0] > 2 and straight[1].startswith("{1, "), (name, straight)
        assert moved[:3] == straight[:3], (name, straight, moved)
