"""The bundled world's commands about lag: @lag, @tasks, @forked, @quota-cpu, @profile."""
import re

from session import until
from test_world import World, number

PROGRAM = ("x = 0;", "while (ticks_left() > 3000)", "  x = x + this:inner();", "endwhile", "return 1;")


def fits(lines):
    assert all(len(line) <= 80 for line in lines), [line for line in lines if len(line) > 80]
    return lines


def has(lines, pattern):
    found = [m for m in (re.search(pattern, line) for line in lines) if m]
    assert found, f"no {pattern!r} in {lines!r}"
    return found[0]


def busy_verb(who, name="Mill"):
    """A thing with a verb that computes, and one that it calls."""
    what = number(who.lines(f"@create $thing named {name}"))
    who.lines(f"@verb {name}:grind this none this rxd")
    who.lines(f"@verb {name}:inner this none this rxd")
    who.program(f"{name}:grind", *PROGRAM)
    who.program(f"{name}:inner", "for i in [1..50]", "endfor", "return 1;")
    return what


def test_lag_for_everybody():
    with World() as world:
        ann = world.create("Ann")
        ann.says(";me", "=> #37  (Ann)")
        got = fits(ann.lines("@lag"))
        has(got, r"^In the last minute tasks took \d+\.\d % of the server's time\.$")
        has(got, r"^In the last hour tasks took ")
        has(got, r"^    \d+ commands: half in \d.* ms, 99 % in .*, the longest in .*\.$")
        has(got, r"^No tasks set aside|^no tasks set aside, 0 ready; ")
        has(got, r"^You: \d+\.\d % of the last minute and \d+\.\d % of the last hour\.$")
        has(got, r"^    no tasks set aside, 0 ready; 1\.0 ms of CPU time earned in each round\.$")
        has(got, r"^You owe ")
        assert not any("Player  " in line or "Wizard" in line for line in got), got
        ann.says("@lag wizard", "Only wizards can see what others use.")
        ann.says("@lag nobody", '"nobody" is not the name of any player.')
        has(ann.lines("@lag Ann "), "^You: ")


def test_a_debt_is_a_number():
    with World() as world:
        ann, w = world.create("Ann"), world.wizard()
        ann.lines(";;fork (0) while (ticks_left() > 2000) endwhile suspend(0); while (ticks_left() > 2000) endwhile endfork return 1;")
        got = w.lines("@lag Ann")
        has(got, r"^Ann \(#37\): ")
        has(got, r"^    \S+ tasks? set aside, \d+ ready; 1\.0 ms of CPU time earned in each round\.$")
        has(got, r"^Ann \(#37\) owes ")


def test_a_group_owes_together():
    with World() as world:
        ann, w = world.create("Ann"), world.wizard()
        club = number(w.lines("@create $thing named Club"))
        w.says(f';add_property(#37, "quota_group", {club}, {{#2, "r"}})', "=> 0")
        for who, command in ((ann, "@lag"), (w, "@lag ann")):
            has(fits(who.lines(command)), rf"^    All players of the group Club \({club}\) share these, and its debt\.$")


def test_in_a_world_without_maps():
    with World("--dialect=lambda") as world:
        w = world.wizard()
        w.lines(";;fork (1000) endfork")
        for command, wanted in (("@lag", "^You owe "), ("@tasks", "sleeps 17 m"), ("@forked", "K} #-1:"), ("@quota-cpu", "^    bg_ticks +30000 ")):
            has(fits(w.lines(command)), wanted)


def test_wizards_see_who_and_what():
    with World() as world:
        ann, w = world.create("Ann"), world.wizard()
        mill = busy_verb(ann)
        ann.says(f";{mill}:grind()", "=> 1")
        ann.lines(";;suspend(0)")
        got = fits(w.lines("@lag"))
        head = got.index(has(got, "^Player +cpu %").string)
        rows = [line for line in got[head + 1 : got.index("", head)]]
        assert any(line.startswith("Ann (#37)") for line in rows) and any(line.startswith("Wizard (#2)") for line in rows), got
        has(got, r"^Verb +task % +itself %")
        has(got, r"^#11:eval.* \(generic pro.* +\d+\.\d ")
        slow = got.index("The slowest slices of the last hour:")
        has(got[slow + 1 :], r"^\d\d:\d\d:\d\d +\S+ m?s  \S.*: \S.*, (done|set aside|uncaught error|out of ticks)")
        mine = fits(ann.lines("@lag"))
        assert not any(line.startswith(("Player ", "Wizard")) for line in mine), mine


def test_wizards_hear_of_lag():
    with World() as world:
        ann, w = world.create("Ann"), world.wizard()
        w.says(";;$server_options.fg_ticks = 1000000000000; $server_options.fg_seconds = 1; add_property($server_options, \"task_lag_threshold\", 0.1, {player, \"r\"}); return 1;", "=> 1")
        lines = w.lines(";;while (1) endwhile") + w.lines(";1")
        has(lines, r"^\*\*\* LAG: \d+\.\d seconds in .*, for Wizard \(#2\)\.  `@lag' tells more\. \*\*\*$")
        assert not any("LAG" in line for line in ann.lines("look"))
        ann.refused('#0:handle_lagging_task({}, 1.0)')


def test_tasks():
    with World() as world:
        w, bob = world.wizard(), world.create("Bob")
        bob.lines(";;fork (1000) endfork")
        bob.lines(";;suspend()")
        got = fits(bob.lines("@tasks"))
        assert got[:2] == ["Task ID     State             CPU    Slices  Owner         Verb (Line) [This]", "-------     -----             ---    ------  -----         ------------------"]
        states = sorted(re.fullmatch(r"\d+ +(sleeps 17 m|suspended) +[\d.]+ ms +\d+  Bob           #.*:.* \(\d+\).*", line)[1] for line in got[2:])
        assert states == ["sleeps 17 m", "suspended"], got
        got = fits(bob.lines("@forked"))
        assert got[:2] == ["Queue ID    Start Time            Owner         {Size} Verb (Line) [This]", "--------    ----------            -----         -----------------"]
        for line in got[2:]:
            assert re.fullmatch(r"\d+ +(when resumed|\w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}) +Bob           \{ +\d+K\} #.*:.* \(\d+\).*", line), line
        for command in ("@tasks bob", "@forked"):
            rows = [line for line in w.lines(command) if re.match(r"\d+ ", line)]
            assert len(rows) == 2, rows
        w.says("@tasks wizard ", "No tasks.")
        w.says("@tasks nobody", '"nobody" is not the name of any player.')


def test_more_tasks_than_anybody_reads():
    with World() as world:
        w = world.wizard()
        w.lines(";;for i in [1..250] fork (1000) endfork endfor")
        for command in ("@tasks", "@forked"):
            w.send(command)
            w.expect("... and 150 more.  `@tasks PLAYER' lists those of one player.")


def test_quota():
    with World() as world:
        ann, w = world.create("Ann"), world.wizard()
        got = fits(ann.lines("@quota-cpu"))[-6:]
        assert got[0] == "Ann (#37) earns 20000 ticks in each round (the default)." and len(got) == 6, got
        has(got, r"^    fg_ticks +60000  \(as \$server_options says\)$")
        has(got, r"^    queued_task_limit +none  \(the default\)$")
        ann.says("@quota-cpu Ann is 500", "Only wizards can do that.")
        ann.says("@quota-cpu wizard", "Only wizards can see the quota of others.")
        w.says("@quota-cpu Ann is 500", "Ann (#37) earns 500 ticks in each round (set for this player).")
        assert ann.lines("@quota-cpu")[0] == "Ann (#37) earns 500 ticks in each round (set for this player)."
        w.says("@quota-cpu ann is 0", "Ann (#37) is paused: background tasks stand still (set for this player).")
        w.says("@quota-cpu ann is default", "Ann (#37) earns 20000 ticks in each round (the default).")
        w.says("@quota-cpu ann is -5", "Invalid argument")
        w.says("@quota-cpu ann is many", "Usage:  @quota-cpu PLAYER is TICKS, or @quota-cpu PLAYER is default")
        w.says("@quota-cpu nobody is 5", '"nobody" is not the name of any player.')


def test_profile():
    with World() as world:
        ann, w = world.create("Ann"), world.wizard()
        mill = busy_verb(ann)
        looks = [("@profile for 1 second", 1, " itself %     total %  verb"), ("@profile mill:grind for 1 second", 1, rf"^ +\d+\.\d +\d+\.\d  {mill}:(inner|grind) \(Mill\)$"),
                 ("@profile mill:grind for 1 second as flame", 1, rf"^(\S.*;)?{mill}:grind(;\S+)? \d+$")]
        for line, seconds, wanted in looks:
            ann.says(line, f"Looking for {seconds} second{'s' * (seconds > 1)}...")
            ann.lines(f";;fork (0) until = time() + {seconds + 1}; while (time() < until) {mill}:grind(); suspend(0); endwhile endfork return 1;")
            ann.expect(re.compile(wanted))
            until("the end of the work", lambda: ann.lines("@tasks")[-1] == "No tasks.")
        ann.says("@profile mill:nosuch", "That object does not have that verb definition.")
        ann.says("@profile $root:tell", "Permission denied.")
        ann.says("@profile mill:grind for 0 seconds", "For how long?  Say 1 to 600 seconds.")
        ann.says("@profile nobody for 2 seconds", '"nobody" is not the name of any player.')
        w.says("@profile Ann for 1 second", "Looking for 1 second...")
        w.expect(re.compile("Nothing of that was seen at work|Seen at work"))
