#!/usr/bin/env python3
"""Measures what saves cost a running server: for each number of changed properties how long the save took, how much it wrote, the longest time in which it held the loop up (as the server
counts it), and how long the commands of a player who pings meanwhile took, without and with a save.

  bench/served_saves.py [--evermoo build/evermoo] [--objects 1000000] [--changes 1,100,1000,10000,100000]

The world is the bundled one with so many more objects, made anew in a scratch folder.
"""
import argparse
import pathlib
import re
import tempfile
import threading
import time

from server import Server, evaluate, free_port, log_in, read_until

MAKE = """
p = create($root);
for k in [1..10] add_property(p, "p" + tostr(k), k, {player, "r"}); endfor
#0.bench = p;
for i in [1..%d] o = create(p); o.p1 = i; if (i %% 500 == 0) suspend(0); endif endfor
save_database();
"""
CHANGE = """
l = children(#0.bench);
n = length(l);
for i in [0..%d - 1] o = l[i %% n + 1]; o.("p" + tostr(i / n + 1)) = {%d, n, i, "some text"}; if (i %% 500 == 0) suspend(0); endif endfor
"""


class Pinger(threading.Thread):
    """Sends one command after the other for as long as it is on; the times that each took."""

    def __init__(self, connection):
        super().__init__()
        self.connection, self.on, self.times = connection, True, []

    def run(self):
        while self.on:
            begun = time.monotonic()
            evaluate(self.connection, "return 1;")
            self.times.append(time.monotonic() - begun)

    def stop(self):
        self.on = False
        self.join()
        times = sorted(self.times)
        return len(times), 1e3 * times[len(times) // 2], 1e3 * times[min(len(times) - 1, len(times) * 99 // 100)], 1e3 * times[-1]


def background(connection, program):
    """Runs it in a task that may suspend, and waits for its end."""
    evaluate(connection, f"#0.bench_done = 0; fork (0) {' '.join(program.split(chr(10)))} #0.bench_done = 1; endfork")
    while "=> 1" not in evaluate(connection, "return #0.bench_done;"):
        time.sleep(0.01)


def log_in_pinger(server):
    connection = server.connect()
    connection.sendall(b"create pinger secret\r\nPREFIX <<<\r\nSUFFIX >>>\r\n;1\r\n")
    read_until(connection, b">>>")
    return connection


def measure(work, pings, changes):
    background(work, CHANGE % (changes, time.monotonic_ns()))
    pinger = Pinger(pings)
    pinger.start()
    time.sleep(1)
    quiet = pinger.stop()
    pinger = Pinger(pings)
    pinger.start()
    background(work, "save_database();")
    during = pinger.stop()
    last = evaluate(work, "return save_stats();").split('{"last", ', 1)[1]
    seconds, records, size, pause = (float(re.search(rf'"{name}", ([\d.e+-]+)', last)[1]) for name in ("seconds", "records", "bytes", "longest_pause"))
    print(f"{changes:8} changes: {1e3 * seconds:8.1f} ms, {records:8.0f} records, {size / 1e6:7.2f} MB; longest pause {pause / 1e3:6.2f} ms; "
          f"a command (median, 99 %, longest of {during[0]}): {during[1]:.2f} {during[2]:.2f} {during[3]:.2f} ms; without a save: {quiet[1]:.2f} {quiet[2]:.2f} {quiet[3]:.2f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evermoo", default="build/evermoo")
    parser.add_argument("--objects", type=int, default=1000000)
    parser.add_argument("--changes", default="1,100,1000,10000,100000")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evermoo-bench-") as scratch:
        server = Server(options.evermoo, pathlib.Path(scratch) / "world", free_port(), "--save-interval", "1000000")
        try:
            work, pings = log_in(server, True), log_in_pinger(server)
            evaluate(work, 'for p in ({"bench", "bench_done"}) add_property(#0, p, 0, {player, "r"}); endfor $server_options.bg_ticks = 1000000; load_server_options();')
            background(work, MAKE % options.objects)
            for _ in range(options.rounds):
                for changes in map(int, options.changes.split(",")):
                    measure(work, pings, changes)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
