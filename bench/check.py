#!/usr/bin/env python3
"""How fast `evermoo check' verifies a world of many objects: every page, record, digest and cross-link. Prints what it says of each round; the best one counts on a busy machine.

  bench/check.py [--build build] [--objects N] [--properties N] [--rounds N] [--folder SCRATCH]
"""
import argparse
import pathlib
import subprocess
import tempfile

from memory import make_world


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--objects", type=int, default=1000000)
    parser.add_argument("--properties", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evermoo-bench-") as scratch:
        world = make_world(options, options.folder or pathlib.Path(scratch), options.objects, options.properties, "short")
        for _ in range(options.rounds):
            print(subprocess.run([options.build / "evermoo", "check", world], check=True, capture_output=True, text=True).stdout.strip(), flush=True)


main()
