#!/usr/bin/env python3
"""Memory and boot of a running server: what objects, properties and strings take, and that opening a world does not depend on its size.

  bench/memory.py [--build build] [--objects 200000] [--properties 10] [--kinds short,mix,equal] [--boots 1000,1000000] [--dir DIR]

Touched: a world of so many objects with so many properties is served, and one task reads every property of every object. RssAnon is the memory that the process takes; VmRSS has the
mapped pages of the world's file besides. The kinds of values: see bench/bigworld.c. `none' has objects without properties.
Boots: from exec to the first byte of the greeting, median of five, and memory then.
"""
import argparse
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from bigworld import memory
from server import Server, evaluate, free_port, log_in, read_until

TOUCH = """
{generic, first, n} = #0.big; first = toint(first); names = properties(generic);
for o in [first..first + n - 1]
  o = toobj(o); o.name;
  for name in (names) o.(name); endfor
  if (ticks_left() < 2000 || seconds_left() < 2) suspend(0); endif
endfor
notify(player, "all of " + tostr(n) + " touched");
"""


def make_world(options, folder, objects, properties, kind):
    world = folder / f"{kind}-{objects}-{properties}"
    if not world.exists():
        subprocess.run([options.build / "evermoo", "build", "core", world], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([options.build / "bench-bigworld", world, str(objects), "0", str(properties), kind], check=True, stderr=subprocess.DEVNULL)
    return world


def megabytes(pid):
    now = memory(pid)
    return f"RssAnon {now['RssAnon']:6.1f} MB, VmRSS {now['VmRSS']:7.1f} MB"


def touched(options, folder, kind):
    properties = 0 if kind == "none" else options.properties
    world = make_world(options, folder, options.objects, properties, kind)
    server = Server(str(options.build / "evermoo"), world, free_port(), "--cache-size", "8G")
    wizard = log_in(server, not (folder / kind).exists())
    (folder / kind).touch()
    before = memory(server.process.pid)["RssAnon"]
    started = time.monotonic()
    wizard.sendall(";;".encode() + " ".join(TOUCH.split()).encode() + b"\r\n")
    read_until(wizard, f"all of {options.objects} touched".encode())
    elapsed = time.monotonic() - started
    after = memory(server.process.pid)["RssAnon"]
    print(f"{options.objects} objects x {properties:2} properties ({kind:5}): {megabytes(server.process.pid)} when all are touched, in {elapsed:.1f} s; "
          f"{(after - before) * 2**20 / options.objects:.0f} bytes an object", flush=True)
    server.stop()


def boot(options, folder, objects):
    world = make_world(options, folder, objects, 1, "short")
    times = []
    for _ in range(5):
        server = Server(str(options.build / "evermoo"), world, free_port())
        times.append(server.boot_seconds)
        figures = megabytes(server.process.pid)
        server.stop()
    print(f"boot of {objects:8} objects: {statistics.median(times) * 1000:4.0f} ms to the first byte of the greeting; {figures}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default="build")
    parser.add_argument("--objects", type=int, default=200000)
    parser.add_argument("--properties", type=int, default=10)
    parser.add_argument("--kinds", default="none,short,mix,equal")
    parser.add_argument("--boots", default="1000,1000000")
    parser.add_argument("--dir", type=pathlib.Path, help="worlds are made there, or used again, and stay")
    options = parser.parse_args()
    folder = options.dir or pathlib.Path(tempfile.mkdtemp(prefix="evermoo-memory-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for kind in filter(None, options.kinds.split(",")):
            touched(options, folder, kind)
        for objects in filter(None, options.boots.split(",")):
            boot(options, folder, int(objects))
    finally:
        if not options.dir:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
