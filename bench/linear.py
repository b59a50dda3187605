#!/usr/bin/env python3
"""What must not depend on the size of a world or on how long it has been running: microseconds a call, in a small and in a large world, each served from disk.

  bench/linear.py [--build build] [--sizes 1000,1000000] [--rounds 20000,100000,1000000] [--dir DIR]

All objects of a world are children of one generic and have one owner. Calls are counted from outside, less an empty loop. Create+recycle: the cost of one round after so many.
"""
import argparse
import pathlib
import shutil
import tempfile
import time

from memory import make_world
from server import Server, command, free_port, log_in

CALLS = {  # name: (setup, program)
    "empty loop": ("", ""),
    "max_object()": ("", "max_object();"),
    "players()": ("", "players();"),
    "children() of an object with ten": ("o = create(g); for i in [1..10] create(o); endfor", "children(o);"),
    ".contents of an object with ten": ("o = create(g); for i in [1..10] move(create(g), o); endfor", "o.contents;"),
    "owned_objects() of an owner of ten": ("o = create(g); for i in [1..10] create(g, o); endfor", "owned_objects(o);"),
    "next_recycled_object()": ("o = create(g); create(g); recycle(o);", "next_recycled_object();"),
    "move() there and back": ("o = create(g); a = create(g); b = create(g);", "move(o, a); move(o, b);"),
    "chparent() there and back": ("o = create(g); a = create(g); b = create(g);", "chparent(o, a); chparent(o, b);"),
    "create()": ("", "create(g);"),
    "create()+recycle()": ("", "recycle(create(g));"),
}


def seconds(wizard, setup, program, times):
    started = time.monotonic()
    loop = f"for i in [1..{times}] {program} if (ticks_left() < 2000 || seconds_left() < 2) suspend(0); endif endfor"
    command(wizard, f';;g = #0.big[1]; {setup} {loop} notify(player, "all " + "done");', b"all done")  # it may suspend, and then evaluates to nothing
    return time.monotonic() - started


def calls(wizard, size, results):
    for name, (setup, program) in CALLS.items():
        times = 20000 if name == "empty loop" else 5000
        best = min(seconds(wizard, setup, program, times) - seconds(wizard, setup, program, 1) for _ in range(3))
        results.setdefault(name, {})[size] = 1e6 * best / times


def rounds(wizard, marks):
    done, figures = 0, []
    for mark in marks:
        if mark - 5000 > done:
            seconds(wizard, "", CALLS["create()+recycle()"][1], mark - 5000 - done)
        figures.append(f"{1e6 * seconds(wizard, '', CALLS['create()+recycle()'][1], 5000) / 5000:.2f} us after {mark}")
        done = mark
    print("create()+recycle(): " + ", ".join(figures), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default="build")
    parser.add_argument("--sizes", default="1000,1000000")
    parser.add_argument("--rounds", default="20000,100000,1000000")
    parser.add_argument("--dir", type=pathlib.Path, help="worlds are made there, or used again, and stay")
    options = parser.parse_args()
    folder = options.dir or pathlib.Path(tempfile.mkdtemp(prefix="evermoo-linear-"))
    folder.mkdir(parents=True, exist_ok=True)
    sizes, results = [int(n) for n in options.sizes.split(",")], {}
    try:
        for size in sizes:
            world = make_world(options, folder, size, 1, "short")
            copy = folder / "copy"
            shutil.copytree(world, copy)
            server = Server(str(options.build / "evermoo"), copy, free_port())
            wizard = log_in(server, True)
            calls(wizard, size, results)
            if size == sizes[-1]:
                rounds(wizard, [int(n) for n in options.rounds.split(",")])
            server.stop()
            shutil.rmtree(copy)
    finally:
        shutil.rmtree(folder if not options.dir else folder / "copy", ignore_errors=True)
    print(f"{'microseconds a call':40}" + "".join(f"{size:>12} objects" for size in sizes))
    for name, by_size in results.items():
        less = {size: 0 if name == "empty loop" else results["empty loop"][size] for size in sizes}
        print(f"{name:40}" + "".join(f"{by_size[size] - less[size]:20.2f}" for size in sizes))


if __name__ == "__main__":
    main()
