"""Two builds whose machines generate different code hand over to each other and back, with tasks that sleep in the midst of everything: each ends with the result that it has without a reboot."""
import os

from session import BUILD, EVERMOO, Server, until
from test_reboot import AFTER, reboot

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
    'add_property(#8, "results", {}, {#3, "r"}); add_property(#8, "heard", {}, {#3, "r"}); add_property(#8, "forked", 0, {#3, "r"}); add_property(#8, "left", 0, {#3, "r"});',
    'add_verb(#8, {#3, "rxd", "initialize accept enterfunc exitfunc recycle"}, {"this", "none", "this"}); set_verb_code(#8, 1, {"#8.heard = {@#8.heard, verb, suspend()};", "return 1;"});',
    'add_verb(#8, {#3, "rxd", "deep"}, {"this", "none", "this"}); set_verb_code(#8, 2, {"{n, got} = args;", "return n ? {got, this:deep(n - 1, suspend()), suspend()} | {got, suspend()};"});',
    'add_verb(#8, {#3, "rxd", "fails"}, {"this", "none", "this"}); set_verb_code(#8, 3, {"try", "  return 1 / 0;", "finally", "  suspend();", "endtry"});',
]


def begin(c, names):
    """Each in a task of its own; #8.left is how many have not ended."""
    c.run(f"#8.results = {{}}; #8.heard = {{}}; #8.left = {len(names)}")
    for i, name in enumerate(names):
        code = PROGRAMS[name].replace("\\", "\\\\").replace('"', '\\"')
        c.run(f'#8.results = {{@#8.results, 0}}; fork (0) r = eval("{code}"); #8.results[{i + 1}] = r; #8.left = #8.left - 1; endfork')


def sleeping(c):
    return c.run("for t in (queued_tasks()) if (t[2] < time() + 10000) return 0; endif endfor return 1") == "1"


def wake(c, number):
    c.run(f"for t in (queued_tasks()) if (t[2] == 2147483647) `resume(t[1], {number}) ! E_INVARG'; endif endfor")


def results(name, between):
    """How often the program slept, and what it ends with; `between' is called while it sleeps, each time."""
    with Server() as server:
        c = server.login()
        for step in SETUP:
            c.run(step.removesuffix(";"))
        begin(c, [name])
        until("the task to sleep", lambda: sleeping(c))
        step = 0
        while c.eval("#8.left") == "1":
            step += 1
            assert step < 60, name
            between(server, c, step)
            wake(c, step)
            until("the task to sleep again", lambda: sleeping(c))
        between(server, c, step + 1)
        return step, c.eval("#8.results[1]"), c.eval("#8.heard")


def test_tasks_go_to_and_fro():
    turns = [ALT, EVERMOO]

    def to_and_fro(server, c, step):
        reboot(c, turns[(step + 1) % 2])
        c.expect(AFTER)
        assert os.readlink(f"/proc/{server.pid}/exe") == turns[(step + 1) % 2]

    for name in PROGRAMS:
        straight, moved = results(name, lambda *_: None), results(name, to_and_fro)
        assert straight[0] > 2 and straight[1].startswith("{1, "), (name, straight)
        assert moved == straight, (name, straight, moved)
