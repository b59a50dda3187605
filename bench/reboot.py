#!/usr/bin/env python3
"""Measures what a reboot costs those who are connected: many clients ping and compare each answer, others connect a thousand times a second, tasks count their turns, and the server is replaced again and again.

  bench/reboot.py [--build build] [--connections 1000,10000] [--reboots 10] [--rate 5000] [--storm 1000] [--objects 0] [--touched] [--dir DIR] [--log FILE]

The world is the bundled one, with --objects so many more. The clients are one process (bench/pingers.c), kept to the last core: a client has one line under way, all together send --rate lines a second. Longest
gap: the longest that one of them waited for its answer; median and worst of the reboots, and the same without a reboot. Silence: how long nothing came for anybody. At the end the server gets a SIGSEGV.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import memory
from server import Server, evaluate, free_port, log_in, read_until

TASKS, TURNS = 500, 60

SETUP = """
b = create($root);
add_property(#0, "bench", b, {player, "r"});
for name in ({"players", "turns", "forks"}) add_property(b, name, {}, {player, "r"}); endfor
add_verb(b, {player, "rxd", "do_login_command"}, {"this", "none", "this"});
set_verb_code(b, 1, {"if (args) return this.players[toint(args[1])]; endif", "notify(player, \\"hello\\");"});
add_verb($player, {player, "rd", "ping"}, {"any", "any", "any"});
set_verb_code($player, "ping", {"notify(player, \\"pong \\" + argstr);"});
return "port " + tostr(listen(b, 0, 1));
"""
PLAYERS = """
b = #0.bench;
for i in [length(b.players) + 1..min(length(b.players) + 500, %d)] p = create($player); set_player_flag(p, 1); b.players = {@b.players, p}; endfor
return tostr("have ", length(b.players), ".");
"""
BEGIN_TASKS = """
b = #0.bench; l = {}; for i in [1..%(tasks)d] l = {@l, 0}; endfor b.turns = l; b.forks = l;
for i in [1..%(tasks)d]
  fork (0) for k in [1..%(turns)d] try suspend(tofloat(random(200)) / 1000.0); finally b.turns[i] = b.turns[i] + 1; endtry endfor endfork
  fork (tofloat(random(12000)) / 1000.0) b.forks[i] = b.forks[i] + 1; endfork
endfor
"""
COUNT_TASKS = """
b = #0.bench; lost = twice = 0;
for i in [1..%(tasks)d]
  lost = lost + max(0, %(turns)d - b.turns[i]) + max(0, 1 - b.forks[i]);
  twice = twice + max(0, b.turns[i] - %(turns)d) + max(0, b.forks[i] - 1);
endfor
return tostr("tasks ", length(queued_tasks()), " lost ", lost, " twice ", twice, ".");
"""
REBOOTED = b"*** The new server is here"


class Pingers:
    def __init__(self, program, port, connections, rate, storm, *more):
        self.process = subprocess.Popen([program, *map(str, (port, connections, rate, storm, *more))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        os.sched_setaffinity(self.process.pid, {max(os.sched_getaffinity(0))})
        if self.process.stdout.readline() != "ready\n":
            sys.exit("the clients could not log in")

    def figures(self, command=""):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def over(self, seconds, totals):
        """The figures of the next so many seconds; what must not be is added up in `totals'."""
        time.sleep(seconds)
        f = self.figures()
        for name in totals:
            totals[name] += f[name]
        return f

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def number_after(text, word):
    words = re.sub('[".]', " ", text).split()
    return int(words[words.index(word) + 1])


def touch_all(wizard, options):
    """From then on the server has them all in memory, and a reboot has all that to let go of."""
    wizard.sendall(b";;" + " ".join(memory.TOUCH.split()).encode() + b"\r\n")
    read_until(wizard, f"all of {options.objects} touched".encode())


def reboot(wizard):
    wizard.sendall(b';;reboot("", "bench");\r\n')
    seen = read_until(wizard, REBOOTED)
    if b">>>" not in seen:
        read_until(wizard, b">>>")


def ms(us):
    return f"{us / 1000:.1f} ms"


def survive_crash(server, pingers):
    """What the clients saw of a SIGSEGV, or None: the server did not outlive it."""
    pingers.figures()
    begun = time.monotonic()
    os.kill(server.process.pid, signal.SIGSEGV)
    while time.monotonic() - begun < 2:
        time.sleep(0.01)
        if server.process.poll() is not None:
            return None
    lost = pingers.figures()
    pingers.figures("again")
    time.sleep(1)
    after = pingers.figures()
    return lost, after


def serve(options, folder, connections):
    """A server with a world for so many players, who wait at a port of their own; its wizard, that port."""
    world = folder / f"world-{connections}"
    if options.objects:
        shutil.copytree(memory.make_world(options, folder, options.objects, 1, "short"), world)
    server = Server(str(options.build / "evermoo"), world, free_port(), *(["--log", options.log] if options.log else []))
    wizard = log_in(server, True)
    port = number_after(evaluate(wizard, SETUP.replace("\n", " ")), "port")
    while number_after(evaluate(wizard, (PLAYERS % connections).replace("\n", " ")), "have") < connections:
        pass
    return server, world, wizard, port


def ended_tasks(wizard):
    """Waits until all tasks have ended; how many turns were lost, how many run twice."""
    while number_after(counts := evaluate(wizard, (COUNT_TASKS % {"tasks": TASKS, "turns": TURNS}).replace("\n", " ")), "tasks"):
        time.sleep(0.1)
    return number_after(counts, "lost"), number_after(counts, "twice")


def print_crash(crash):
    if not crash:
        print("  gap after SIGSEGV                       the server ended", flush=True)
        return
    at_once, later = crash
    print(f"  gap after SIGSEGV                       silence {ms(at_once['silence_us'])}; connections lost {at_once['ended'] + later['ended']}; lines lost with the crash {at_once['waiting']}, unanswered since "
          f"{later['waiting']}", flush=True)


def measure(options, folder, connections):
    server, world, wizard, port = serve(options, folder, connections)
    pingers = None
    try:
        pingers = Pingers(options.build / "bench-pingers", port, connections, options.rate, options.storm)
        bad = dict.fromkeys(("wrong", "ended", "connects", "refused", "reset"), 0)
        pingers.over(1, {})
        quiet = pingers.over(3, bad)
        evaluate(wizard, (BEGIN_TASKS % {"tasks": TASKS, "turns": TURNS}).replace("\n", " "))
        gaps, silences = [], []
        for _ in range(options.reboots):
            if options.touched:
                touch_all(wizard, options)
            pingers.over(0.2, bad)
            reboot(wizard)
            f = pingers.over(0.5, bad)
            gaps.append(f["longest_us"])
            silences.append(f["silence_us"])
        lost, twice = ended_tasks(wizard)
        pingers.over(1, bad)
        unanswered = pingers.figures("stop")["waiting"]
        print(f"{connections} connections, {options.objects or 'no'} more objects{' in memory' * options.touched}, {options.rate} lines and {options.storm} connects a second, {len(gaps)} reboots:")
        print(f"  longest gap seen by a client, @reboot   median {ms(statistics.median(gaps))}, worst {ms(max(gaps))}; without a reboot {ms(quiet['longest_us'])}, mean {ms(quiet['mean_us'])}")
        print(f"  silence for everybody                   median {ms(statistics.median(silences))}, worst {ms(max(silences))}")
        print(f"  lines wrong, doubled or out of order    {bad['wrong']}; unanswered {unanswered}; connections lost {bad['ended']}")
        print(f"  connects refused, reset                 {bad['refused']}, {bad['reset']} of {bad['connects']}")
        print(f"  turns of tasks lost, run twice          {lost}, {twice} of {TASKS * (TURNS + 1)}")
        pingers.figures("go on")
        subprocess.run([options.build / "evermoo", "save", world], check=True, stdout=subprocess.DEVNULL)
        print_crash(survive_crash(server, pingers))
    finally:
        if pingers:
            pingers.stop()
        server.process.kill()
        server.process.wait()
        shutil.rmtree(world)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default="build")
    parser.add_argument("--connections", default="1000,10000")
    parser.add_argument("--reboots", type=int, default=10)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--storm", type=int, default=1000)
    parser.add_argument("--objects", type=int, default=0)
    parser.add_argument("--touched", action="store_true", help="all objects are read before each reboot")
    parser.add_argument("--dir", type=pathlib.Path, help="the world of so many objects is made there, or used again, and stays")
    parser.add_argument("--log", help="the server's log, which else goes with the scratch folder")
    options = parser.parse_args()
    options.build = pathlib.Path(options.build).resolve()
    folder = options.dir or pathlib.Path(tempfile.mkdtemp(prefix="evermoo-reboot-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for connections in filter(None, options.connections.split(",")):
            measure(options, folder, int(connections))
    finally:
        if not options.dir:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
