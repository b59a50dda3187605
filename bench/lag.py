#!/usr/bin/env python3
"""Measures whether anybody lags anybody: commands and their latency under thousands of tasks, beside players who take all they can get, among ten thousand connections; and what a task costs.

  bench/lag.py [--build build] [--rounds 5] [--seconds 3] [--only load,busy,shares,crowd,tasks,saves,million] [--first]

The server has one core, the clients (bench/pingers.c) another. The world is the bundled one, with its saves every five seconds. A client types without pause: the next line when it has the answer to the one
before; the command's verb notifies one line. Figures are the median of the rounds, and the worst.

load    250 players type; 35,000 forked tasks of theirs each wake every 60 s for 1,000 ticks
busy    250 players type; then one more has 1,000 endless tasks, and another one that uses all of its slice each time
shares  players with different quotas who are never done, alone and beside the 250: what each got against what its quota says, over 10 s
crowd   10,000 connections that are silent, 1,000 that type; what one that is silent takes of the server's memory, before and after login
tasks   CPU time of the server's main thread for fork and run of an empty task and for suspend(0) and back, with nothing else, with 100,000 tasks asleep, and with 100,000 that take turns
saves   35,000 tasks each of which wakes every minute: how long a save holds the loop up
million a million tasks that sleep: memory, how long saving them holds the loop up, a restart, and a command then

--first: comes before whatever else the machine runs (where autogroups are on, and root).
"""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from bigworld import memory
from reboot import PLAYERS, SETUP, Pingers, number_after
from server import Server, evaluate, free_port, log_in, read_until

TYPING, SLEEPERS, CROWD, CROWD_TYPING = 250, 35000, 10000, 1000
FIRST_CORE, LAST_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))

# Who owns the verb owns its forks, and pays for them.
OWN_VERB = """
b = #0.bench; p = create($player); set_player_flag(p, 1); p.programmer = 1; p.owner = p;
add_verb(p, {p, "rxd", "work"}, {"this", "none", "this"});
set_verb_code(p, "work", %s);
%s
return tostr("object ", toint(p), ".");
"""
TICKS_OF_LOOP = "t = ticks_left(); for i in [1..10000] endfor return tostr(\"ticks \", t - ticks_left(), \".\");"
WAKERS = """
b = #0.bench; n = 0;
for p in (b.players) for i in [1..%(each)d] n = n + 1;
  fork (tofloat(random(60000)) / 1000.0) while (1) for k in [1..%(loop)d] endfor suspend(60); endwhile endfork
endfor suspend(0); endfor
"""
ENDLESS = ["{count} = args;", "for i in [1..count] fork (0) if (i % 2) while (1) suspend(0); endwhile else while (1) for k in [1..2000] endfor suspend(0); endwhile endif endfork endfor"]
WHOLE_SLICE = ["fork (0) while (1) while (ticks_left() > 200) endwhile suspend(0); endwhile endfork"]
# A portion of work, of another kind for each player; every other task suspends after each, the others when their slice is nearly used.
WORKS = ("for k in [1..1000] endfor", "for k in [1..300] x = k * 3 % 7; endfor", "l = {}; for k in [1..200] l = {@l, k}; endfor", "for k in [1..100] x = tostr(k, \" times \", this); endfor",
         "for k in [1..100] this.done = this.done + 1; endfor", "l = players(); for k in [1..10] x = toliteral(l); endfor")
NEVER_DONE = ["{count} = args;", "for i in [1..count] fork (0) while (1) %s if (i %% 2 || ticks_left() < 5000) suspend(0); endif endwhile endfork endfor"]


def one_line(program):
    return " ".join(program.split("\n"))


def moo_list(lines):
    return "{" + ", ".join('"' + line.replace('"', '\\"') + '"' for line in lines) + "}"


class World:
    """A server on the first core with so many players, who wait at a port of their own."""

    def __init__(self, options, players, *flags):
        self.options, self.flags = options, flags
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="evermoo-lag-"))
        self.start(True)
        self.port = number_after(self.eval(SETUP), "port")
        while number_after(self.eval(PLAYERS % players), "have") < players:
            pass
        self.clients = []

    def start(self, first):
        os.sched_setaffinity(0, {FIRST_CORE})
        self.server = Server(str(self.options.build / "evermoo"), self.folder / "world", free_port(), *self.flags)
        os.sched_setaffinity(0, {LAST_CORE})
        self.pid = self.server.process.pid
        self.wizard = log_in(self.server, first)

    def restart(self):
        """Whatever making the players has left in its memory is gone."""
        self.server.stop()
        self.start(False)
        self.port = number_after(self.eval("return tostr(\"port \", listen(#0.bench, 0, 1), \".\");"), "port")

    def eval(self, program):
        return evaluate(self.wizard, one_line(program))

    def background(self, program):
        """Runs it in a task that may suspend, and waits for its end."""
        self.eval(f"#0.bench.turns = 0; fork (0) {one_line(program)} #0.bench.turns = 1; endfork")
        while "=> 1" not in self.eval("return #0.bench.turns;"):
            time.sleep(0.01)

    def new_player(self, code, more=""):
        return number_after(self.eval(OWN_VERB % (moo_list(code), one_line(more))), "object")

    def connect(self, *arguments):
        self.clients.append(Pingers(self.options.build / "bench-pingers", self.port, *arguments))
        return self.clients[-1]

    def cpu_us(self):
        """Of the main thread."""
        return int(open(f"/proc/{self.pid}/task/{self.pid}/schedstat").read().split()[0]) / 1000

    def end(self):
        for client in self.clients:
            client.stop()
        self.server.process.kill()
        self.server.process.wait()
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def world(*arguments):
    w = World(*arguments)
    try:
        yield w
    finally:
        w.end()


def rounds_of(options, w, pingers):
    """Figures of each round: commands a second, percentiles in ms, share of its core that the server's main thread used."""
    pingers.over(1, {})
    found = []
    for _ in range(options.rounds):
        begun, cpu = time.monotonic(), w.cpu_us()
        f = pingers.over(options.seconds, {})
        if f["wrong"] or f["ended"]:
            raise SystemExit(f"{f['wrong']} lines were wrong, {f['ended']} connections ended")
        seconds = time.monotonic() - begun
        found.append({"rate": f["answers"] / seconds, "p50": f["p50_us"] / 1000, "p99": f["p99_us"] / 1000, "longest": f["longest_us"] / 1000, "cpu": (w.cpu_us() - cpu) / seconds / 1e4})
    return found


def median(found, name):
    return statistics.median(f[name] for f in found)


def print_rounds(what, found):
    print(f"{what:58} {median(found, 'rate'):7.0f} commands a second (worst {min(f['rate'] for f in found):.0f}); latency: median {median(found, 'p50'):.1f} ms, 99 % {median(found, 'p99'):.1f} ms "
          f"(worst {max(f['p99'] for f in found):.1f}), longest {max(f['longest'] for f in found):.1f} ms; main thread {median(found, 'cpu'):.0f} % of its core", flush=True)


def begin_wakers(w):
    loop = round(1000 * 10000 / number_after(w.eval(TICKS_OF_LOOP), "ticks"))
    w.background(WAKERS % {"each": SLEEPERS // TYPING, "loop": loop})


def load(options):
    with world(options, TYPING) as w:
        pingers = w.connect(TYPING, "max", 0)
        print_rounds("250 players type", rounds_of(options, w, pingers))
        begin_wakers(w)
        print_rounds("and 35,000 tasks of 1,000 ticks a minute", rounds_of(options, w, pingers))


def busy(options):
    with world(options, TYPING) as w:
        pingers = w.connect(TYPING, "max", 0)
        print_rounds("250 players type", before := rounds_of(options, w, pingers))
        many = w.new_player(ENDLESS)
        w.eval(f"#{many}:work(1000);")
        print_rounds("and one has 1,000 endless tasks", with_many := rounds_of(options, w, pingers))
        one = w.new_player(WHOLE_SLICE)
        w.eval(f"#{one}:work();")
        print_rounds("and another one that uses whole slices", with_both := rounds_of(options, w, pingers))
        for what, found in (("1,000 tasks", with_many), ("both", with_both)):
            print(f"    99 % grew with {what} by {median(found, 'p99') - median(before, 'p99'):.2f} ms")


def jain(shares):
    return sum(shares) ** 2 / (len(shares) * sum(s * s for s in shares))


def measure_shares(w, players, what):
    # since the server began, which is the largest of the figures for several spans of time
    cpu = lambda: [max(map(int, re.findall(r"cpu_us\W+(\d+)", w.eval(f"return toliteral(queue_info(#{p}));")))) for p, _ in players]
    time.sleep(1)
    before = cpu()
    time.sleep(10)
    got = [b - a for a, b in zip(before, cpu())]
    quotas = sum(q for _, q in players)
    relative = [g / sum(got) / (q / quotas) for g, (_, q) in zip(got, players)]
    print(f"{what:58} of its quota's share of CPU time each got {', '.join(f'{100 * r:.1f} %' for r in relative)}; Jain's index {jain(relative):.5f}", flush=True)


def shares(options):
    quotas = (20000, 20000, 20000, 40000, 10000, 80000)
    counts = (1000, 1, 2, 10, 100, 1)
    with world(options, TYPING) as w:
        w.background("add_property($player, \"tick_quota\", -1, {player, \"r\"});")
        code = lambda work: [line.replace("%s", work).replace("%%", "%") for line in NEVER_DONE]
        players = [(w.new_player(code(work), f"add_property(p, \"done\", 0, {{p, \"r\"}}); p.tick_quota = {q};"), q) for work, q in zip(WORKS, quotas)]
        w.background("".join(f"#{p}:work({n});" for (p, _), n in zip(players, counts)))
        measure_shares(w, players, "six who are never done, quotas 2 : 2 : 2 : 4 : 1 : 8")
        w.connect(TYPING, "max", 0)
        measure_shares(w, players, "the same beside 250 who type")


def silent_connections(w, count):
    found = []
    while len(found) < count:
        connection = socket.create_connection(("127.0.0.1", w.port), timeout=30)
        assert connection.recv(1)
        found.append(connection)
    return found


def kilobytes_each(w, before, count):
    return (memory(w.pid)["RssAnon"] - before) * 1024 / count


def crowd(options):
    with world(options, CROWD + CROWD_TYPING) as w:
        w.eval("$server_options.connect_timeout = 0; load_server_options();")
        w.restart()
        before = memory(w.pid)["RssAnon"]
        silent = silent_connections(w, CROWD)
        print(f"a connection before login takes {kilobytes_each(w, before, CROWD):.1f} KB", flush=True)
        for connection in silent:
            connection.close()
        w.restart()
        before = memory(w.pid)["RssAnon"]
        pingers = w.connect(CROWD + CROWD_TYPING, "0", 0, CROWD_TYPING)
        time.sleep(options.seconds)
        print(f"a silent player takes {kilobytes_each(w, before, CROWD + CROWD_TYPING):.1f} KB", flush=True)
        w.clients.remove(pingers)
        pingers.stop()
        pingers = w.connect(CROWD + CROWD_TYPING, "max", 0, CROWD_TYPING)
        print_rounds("10,000 are silent, 1,000 type", rounds_of(options, w, pingers))


def cpu_of_tasks(options, w, program, count):
    found = []
    for _ in range(options.rounds):
        cpu = w.cpu_us()
        w.wizard.sendall(f";;{program.replace('COUNT', str(count))} notify(player, \"all \" + \"done\");\r\n".encode())
        read_until(w.wizard, b"all done")
        found.append((w.cpu_us() - cpu) / count)
    return f"{statistics.median(found):.2f} us (worst {max(found):.2f})"


def tasks(options):
    fork = "for i in [1..COUNT / 1000] for k in [1..1000] fork (0) endfork endfor suspend(0); endfor"
    suspend = "for i in [1..COUNT] suspend(0); endfor"
    with world(options, 1) as w:
        w.eval("$server_options.fg_ticks = 100000000; $server_options.bg_ticks = 100000000; $server_options.fg_seconds = 60; load_server_options();")

        def line(what, count):
            print(f"{what:58} fork and run {cpu_of_tasks(options, w, fork, count)}, suspend(0) and back {cpu_of_tasks(options, w, suspend, count)}", flush=True)

        line("one task", 100000)
        w.background("for i in [1..100] for k in [1..1000] fork (100000 + random(100000)) endfork endfor suspend(0); endfor")
        line("with 100,000 asleep", 100000)
        w.background("for i in [1..100] for k in [1..1000] fork (0) while (1) suspend(0); endwhile endfork endfor suspend(0); endfor")
        time.sleep(1)
        turns_of_many(options, w)


def turns_of_many(options, w):
    """A hundred thousand of the wizard's that do nothing but suspend: one more counts what turns they all had."""
    w.eval("b = #0.bench; b.turns = 0; fork (0) while (1) b.turns = b.turns + 1; suspend(0); endwhile endfork")
    turns = lambda: number_after(w.eval("return tostr(\"turns \", #0.bench.turns, \".\");"), "turns")
    found = []
    for _ in range(options.rounds):
        first, cpu = turns(), w.cpu_us()
        time.sleep(options.seconds)
        found.append((w.cpu_us() - cpu) / max(1, (turns() - first) * 100000))
    print(f"{'100,000 that take turns':58} suspend(0) and back {statistics.median(found):.2f} us (worst {max(found):.2f})", flush=True)


def saves(options):
    with world(options, TYPING) as w:
        begin_wakers(w)
        time.sleep(65)
        pauses = sorted(pauses_ms(w))
        print(f"35,000 tasks that wake every minute: saves held the loop up for {statistics.median(pauses):.1f} ms, the worst for {pauses[-1]:.1f} ms", flush=True)


def pauses_ms(w):
    return [int(p) / 1000 for p in re.findall(r'"longest_pause"\W+(\d+)', w.eval("return save_stats();"))]


def count_of_tasks(w):
    return number_after(w.eval("return tostr(\"count \", length(queued_tasks()), \".\");"), "count")


def million(options):
    with world(options, 1) as w:
        before = memory(w.pid)["RssAnon"]
        w.background("for i in [1..1000] for k in [1..1000] fork (100000 + random(100000)) endfork endfor suspend(0); endfor")
        each = (memory(w.pid)["RssAnon"] - before) * 2**20 / 1e6
        w.eval("$server_options.fg_ticks = 2000000000; $server_options.fg_seconds = 1000; load_server_options();")
        while not (saved := pauses_ms(w)):
            time.sleep(1)
        subprocess.run([options.build / "evermoo", "save", w.folder / "world"], check=True, stdout=subprocess.DEVNULL)
        saved = max(pauses_ms(w) + saved)
        w.restart()
        print(f"a million tasks asleep: {each:.0f} bytes each; saving them held the loop up for at most {saved:.1f} ms; {w.server.boot_seconds:.1f} s from exec to the first byte of the greeting, "
              f"{count_of_tasks(w)} are there; suspend(0) and back {cpu_of_tasks(options, w, 'for i in [1..COUNT] suspend(0); endfor', 100000)}", flush=True)


PARTS = {f.__name__: f for f in (load, busy, shares, crowd, tasks, saves, million)}


def come_first():
    os.setsid()
    pathlib.Path("/proc/self/autogroup").write_text("-20")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--first", action="store_true")
    options = parser.parse_args()
    options.build = options.build.resolve()
    if options.first:
        come_first()
    for name in options.only.split(","):
        PARTS[name](options)


if __name__ == "__main__":
    main()
