#!/usr/bin/env python3
"""Runs the programs of bench/programs.py in evermoo and in Lua 5.4, in turn, and prints the ratio of their times.

  bench/language.py [-n ROUNDS] [-k REGEX] [--driver build/bench-machine] [--lua lua5.4]

Each round runs both, A B A B; times are CPU seconds of the program alone, without its setup; the figures are medians over the rounds, and the
ratio is the median of the ratios round by round. A ratio of 1.0 means as fast as Lua; 3.0 means three times its time.
"""
import argparse
import math
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from programs import PROGRAMS


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        return float(done.stdout.split()[-1])
    except (ValueError, IndexError):
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")


def write_programs(folder, program):
    moo_setup, moo, lua = folder / "setup.moo", folder / "run.moo", folder / "run.lua"
    moo_setup.write_text(program.moo_setup + "\n")
    moo.write_text(f"N = {program.n};\n{program.moo}\n")
    lua.write_text(f"local B = {{}}\nlocal N = {program.n}\n{program.lua_setup}\nlocal started = os.clock()\n{program.lua}\n"
                   'print(string.format("%.6f", os.clock() - started))\n')
    return moo_setup, moo, lua


def measure(program, options):
    with tempfile.TemporaryDirectory() as name:
        moo_setup, moo, lua = write_programs(pathlib.Path(name), program)
        rounds = []
        for _ in range(options.rounds + 1):
            ours = run([options.driver, str(moo_setup), str(moo)])
            theirs = run([options.lua, str(lua)])
            rounds.append((ours, theirs))
        return rounds[1:]  # the first warms the caches of the machine


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--rounds", type=int, default=5)
    parser.add_argument("-k", "--only", default="")
    parser.add_argument("--driver", default="build/bench-machine")
    parser.add_argument("--lua", default="lua5.4")
    options = parser.parse_args()
    print(f"{'program':40} {'evermoo':>10} {'Lua 5.4':>10} {'ratio':>7}")
    logs = []
    for program in PROGRAMS:
        if not re.search(options.only, program.name):
            continue
        rounds = measure(program, options)
        ratio = statistics.median(a / b if b else math.inf for a, b in rounds)
        ours, theirs = (statistics.median(column) for column in zip(*rounds))
        note = "" if program.mean else "   (not in the mean)"
        print(f"{program.name:40} {ours:9.3f}s {theirs:9.3f}s {ratio:7.2f}{note}", flush=True)
        if program.mean:
            logs.append(math.log(ratio))
    if logs:
        print(f"{'geometric mean of the ratios':62} {math.exp(sum(logs) / len(logs)):7.2f}")


main()
