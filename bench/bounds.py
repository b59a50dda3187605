#!/usr/bin/env python3
"""The longest turns of the scheduler, in milliseconds of CPU time at default limits, when a programmer calls every function and makes the machine do all it can with the largest things
(tests/bounds/rows.def). Prints the LONGEST of them; a busy machine makes them longer. NAME: only rows of that name."""
import argparse
import subprocess


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--build", default="build")
    args.add_argument("--longest", type=int, default=40)
    args.add_argument("names", nargs="*", metavar="NAME")
    args = args.parse_args()
    done = subprocess.run([f"{args.build}/bench-bounds", "-t", *args.names], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    rows = sorted((line for line in done.stdout.splitlines() if " ms  " in line[:14]), reverse=True)
    print("\n".join(rows[: args.longest]))
    over = sum(float(row.split()[0]) > 100 for row in rows)
    print(f"{len(rows)} rows, {over} over 100 ms")


main()
