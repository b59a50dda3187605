#!/usr/bin/env python3
"""What the log of changes costs: saves of 1, 100, 10,000 and 100,000 changed properties with WORLD/deltas and without, by turns, in one running server; and a backup and a restore of the result.

  bench/deltas.py [--evermoo build/evermoo] [--rounds N] [--folder SCRATCH]

Figures are medians over the rounds, as save_stats() has them: from the cut to the end of the sync. Compare figures of one run.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import Server, evaluate, free_port, log_in  # noqa: E402


def one_save(ask, wizard, changes, count):
    """(milliseconds, bytes)"""
    ask("save")
    evaluate(wizard, f"n = random(); for i in [1..{changes}] $bench[1 + i % {count}].description = tostr(n, \" is written on it, and some words besides\", i); endfor")
    ask("save")
    last = evaluate(wizard, "return save_stats();").split('"last"')[1]
    return float(re.search(r'"seconds", ([\d.e-]+)', last)[1]) * 1000, int(re.search(r'"bytes", (\d+)', last)[1])


def size_of(folder):
    return sum(f.stat().st_size for f in folder.glob("*.delta")) if folder.exists() else 0


def measure(ask, wizard, world, changes, count, rounds):
    deltas, off, times, grown, written = world / "deltas", world / "deltas.off", {True: [], False: []}, [], 0
    for i in range(2 * rounds):
        on = i % 2 == 0
        (off if on else deltas).rename(deltas if on else off)
        before = size_of(deltas)
        ms, written = one_save(ask, wizard, changes, count)
        times[on].append(ms)
        if on:
            grown.append(size_of(deltas) - before)
    with_, without = (statistics.median(times[on]) for on in (True, False))
    print(f"{changes:7} changes: {without:8.1f} ms without, {with_:8.1f} ms with, {with_ / without:5.2f} times; {written} bytes to the store, {statistics.median(grown):.0f} to the log", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evermoo", default="build/evermoo")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    evermoo = str(pathlib.Path(options.evermoo).resolve())
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        world = pathlib.Path(folder) / "world"
        server = Server(evermoo, world, free_port(), "--save-interval", "100000")
        wizard = log_in(server, True)
        evaluate(wizard, "$server_options.fg_ticks = 100000000; $server_options.fg_seconds = 60; $server_options.bg_ticks = 100000000; load_server_options();")
        count = 100000

        def ask(word):
            return subprocess.run([evermoo, word, str(world)], check=True, capture_output=True, text=True).stdout

        evaluate(wizard, f"add_property(#0, \"bench\", {{}}, {{player, \"r\"}}); l = {{}}; for i in [1..{count}] l = {{@l, create($thing)}}; endfor $bench = l;")
        (world / "deltas.off").mkdir()
        for changes, rounds in ((1, 3), (100, 3), (10000, 1), (100000, 1)):
            measure(ask, wizard, world, changes, count, rounds * options.rounds)
        (world / "deltas.off").rename(world / "deltas")
        for f in (world / "deltas").iterdir():
            f.unlink()
        print(subprocess.run([evermoo, "backup", str(world)], check=True, capture_output=True, text=True).stdout.strip())
        for _ in range(options.rounds):
            one_save(ask, wizard, 10000, count)
        for _ in range(200):
            one_save(ask, wizard, 1, count)
        server.stop()
        started = time.monotonic()
        print(subprocess.run([evermoo, "restore", str(world), "--at", "now"], check=True, capture_output=True, text=True).stdout.split("\n")[0])
        print(f"that took {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
