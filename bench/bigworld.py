#!/usr/bin/env python3
"""A world much larger than its cache: makes one, serves it, has MOO tasks read and write all over it, and samples the server's memory the whole time.

  bench/bigworld.py [--build build] [--gb 10] [--seconds 600] [--cache-size 512M] [--writes 10] [--string-bytes 1000] [--dir DIR] [--keep]

Every string that is read is compared with what must be in it. At the end the server is stopped and `evermoo check' goes over the world. RssAnon is the memory that the process
takes; VmRSS has the mapped pages of the world's file besides, which the system takes back when it likes.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from server import Server, evaluate, free_port, log_in


def object_bytes(string_bytes):
    """About what an object takes on disk: pages that filled up were cut in halves."""
    return 5 * (2 * string_bytes + 100)


PROGRAM = """
{generic, first, n} = #0.big;
first = tonum(first);
pad = "";
while (length(pad) < BYTES) pad = pad + "abcdefghijklmnopqrstuvwxyz0123456789"; endwhile
for t in [1..TASKS]
  fork (0)
    while (#0.big_on)
      for i in [1..100]
        o = toobj(first + random(n) - 1);
        k = random(5);
        if (random(100) <= WRITES)
          o.("text" + tostr(k)) = tostr(o, ":", k, ":", random(1000000), pad[random(length(pad) / 2)..$]);
          #0.big_written = #0.big_written + 1;
        else
          if (index(o.("text" + tostr(k)), tostr(o, ":", k, ":")) != 1) #0.big_wrong = #0.big_wrong + 1; endif
          #0.big_read = #0.big_read + 1;
        endif
      endfor
      suspend(0);
    endwhile
  endfork
endfor
"""


def memory(pid):
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    return {name: int(fields[name].split()[0]) / 1024 for name in ("RssAnon", "VmRSS")}


class Sampler(threading.Thread):
    """Memory of the process every tenth of a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.anon, self.rss, self.going = pid, [], [], True

    def run(self):
        while self.going:
            now = memory(self.pid)
            self.anon.append(now["RssAnon"])
            self.rss.append(now["VmRSS"])
            time.sleep(0.1)


def make_world(build, world, gb, string_bytes):
    started = time.monotonic()
    subprocess.run([build / "evermoo", "build", "core", world], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([build / "bench-bigworld", world, str(int(gb * 2**30 / object_bytes(string_bytes))), str(string_bytes)], check=True)
    size = (world / "data.mdb").stat().st_size
    print(f"a world of {size / 2**30:.2f} GB, made in {time.monotonic() - started:.0f} s", flush=True)


def counts(connection):
    text = evaluate(connection, "return {#0.big_read, #0.big_written, #0.big_wrong};")
    return [int(n) for n in text[text.index("{") + 1:text.index("}")].split(",")]


def run(options, build, world):
    started = time.monotonic()
    server = Server(str(build / "evermoo"), world, free_port(), "--cache-size", options.cache_size)
    sampler = Sampler(server.process.pid)
    sampler.start()
    print(f"from exec to the first byte of the greeting: {server.boot_seconds * 1000:.0f} ms, RssAnon {memory(server.process.pid)['RssAnon']:.0f} MB", flush=True)
    wizard = log_in(server, True)
    for name in ("on", "read", "written", "wrong"):
        evaluate(wizard, f"add_property(#0, \"big_{name}\", {int(name == 'on')}, {{player, \"\"}});")
    evaluate(wizard, " ".join(PROGRAM.replace("TASKS", str(options.tasks)).replace("WRITES", str(options.writes)).replace("BYTES", str(options.string_bytes)).split("\n")))
    last, step = [0, 0, 0], max(1.0, options.seconds / 20)
    slowest = 0.0
    while time.monotonic() - started < options.seconds:
        time.sleep(step)
        asked = time.monotonic()
        now = counts(wizard)
        slowest = max(slowest, time.monotonic() - asked)
        recent = sampler.anon[-int(step * 10):]
        print(f"{time.monotonic() - started:5.0f} s: {(now[0] - last[0]) / step:9.0f} reads/s {(now[1] - last[1]) / step:8.0f} writes/s, wrong {now[2]}, "
              f"RssAnon {min(recent):.0f}..{max(recent):.0f} MB, VmRSS up to {max(sampler.rss[-int(step * 10):]):.0f} MB", flush=True)
        last = now
    evaluate(wizard, "#0.big_on = 0;")
    now = counts(wizard)
    sampler.going = False
    sampler.join()
    status = server.stop()
    anon = sorted(sampler.anon)
    print(f"RssAnon: median {anon[len(anon) // 2]:.0f} MB, highest {anon[-1]:.0f} MB of {len(anon)} samples; VmRSS highest {max(sampler.rss):.0f} MB; "
          f"slowest answer to a typed command {slowest * 1000:.0f} ms; {now[0]} reads, {now[1]} writes, {now[2]} wrong; the server ended with status {status}", flush=True)
    return status or now[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--gb", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--cache-size", default="512M")
    parser.add_argument("--writes", type=int, default=10, help="of a hundred operations")
    parser.add_argument("--string-bytes", type=int, default=1000, help="of each of an object's five strings")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--dir", help="where the world is made; a world that is there is used again")
    parser.add_argument("--keep", action="store_true", help="leave the world")
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    folder = pathlib.Path(options.dir or tempfile.mkdtemp(prefix="evermoo-big-"))
    folder.mkdir(parents=True, exist_ok=True)
    world = folder / "world"
    try:
        if not world.exists():
            make_world(build, world, options.gb, options.string_bytes)
        wrong = run(options, build, world)
        started = time.monotonic()
        checked = subprocess.run([build / "evermoo", "check", world]).returncode
        print(f"check: status {checked}, {time.monotonic() - started:.0f} s")
        sys.exit(1 if wrong or checked else 0)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
