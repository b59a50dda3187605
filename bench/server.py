#!/usr/bin/env python3
"""Measures a running server over real sockets: commands a second at 1, 50 and 250 connections, forks and suspends a second, boot and save times.

  bench/server.py [--evermoo build/evermoo] [--seconds S] [--rounds N]

The world is the bundled one, made anew in a scratch folder. Figures are medians over the rounds. The client is one Python process, so at many connections it is the
client that is measured as much as the server: compare figures of one run, not of different machines.
"""
import argparse
import pathlib
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time


class Server:
    def __init__(self, evermoo, world, port, *options):
        self.port = port
        started = time.monotonic()
        self.log = open(pathlib.Path(world).parent / "server.log", "ab")
        self.process = subprocess.Popen([evermoo, "serve", str(world), "-p", str(port), "--listen", "127.0.0.1", *options], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self.client = self.connect()
        self.boot_seconds = time.monotonic() - started

    def connect(self):
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                assert connection.recv(1)  # the greeting: the world is up
                return connection
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("the server did not come up: see its log")
                time.sleep(0.002)

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)


def read_until(connection, mark):
    data = b""
    while mark not in data:
        piece = connection.recv(65536)
        if not piece:
            sys.exit(f"connection closed while waiting for {mark!r}; got {data[-500:]!r}")
        data += piece
    return data


def command(connection, line, mark):
    connection.sendall(line.encode() + b"\r\n")
    return read_until(connection, mark)


def log_in(server, first):
    connection = server.connect()
    connection.sendall(b"connect wizard\r\n" if first else b"connect wizard secret\r\n")
    if first:
        connection.sendall(b"secret\r\nsecret\r\n")
    connection.sendall(b"PREFIX <<<\r\nSUFFIX >>>\r\n;1\r\n")
    read_until(connection, b">>>")
    return connection


def evaluate(connection, program):
    return command(connection, ";;" + program, b">>>").decode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def commands_per_second(server, logged_in, seconds):
    """Closed loop: each connection, a player's, sends a command when it has the answer to the one before."""
    selector = selectors.DefaultSelector()
    buffers = {}
    for connection in logged_in:
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
        buffers[connection] = b""
        connection.send(b";1\r\n")
    done = 0
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        for key, _ in selector.select(1):
            connection = key.fileobj
            data = buffers[connection] + connection.recv(65536)
            answers = data.count(b">>>")
            if answers:
                done += answers
                data = b""
                connection.send(b";1\r\n")
            buffers[connection] = data
    elapsed = time.monotonic() - started
    for connection in logged_in:
        selector.unregister(connection)
        connection.setblocking(True)
        read_until(connection, b">>>")
    return done / elapsed


def tasks_per_second(connection, program, count):
    started = time.monotonic()
    connection.sendall(f";;{program.replace('COUNT', str(count))} notify(player, \"all \" + \"done\");\r\n".encode())
    read_until(connection, b"all done")  # the end of the command is that of its first slice
    return count / (time.monotonic() - started)


def save_seconds(server, evermoo, world, wizard, changes):
    """A save on request of so many changed properties; more than the periodic ones, which come every few seconds."""
    evaluate(wizard, f"for i in [1..{changes}] $bench[1 + i % length($bench)].description = tostr(time(), i); endfor")
    started = time.monotonic()
    subprocess.run([evermoo, "save", str(world)], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def measure_saves(server, evermoo, world, wizard, rounds):
    evaluate(wizard, "add_property(#0, \"bench\", {}, {player, \"r\"}); l = {}; for i in [1..10000] l = {@l, create($thing)}; endfor $bench = l;")
    for changes in (1, 100, 10000):
        times = [save_seconds(server, evermoo, world, wizard, changes) for _ in range(rounds)]
        print(f"save of {changes:5} changed properties, asked for from outside: {statistics.median(times) * 1000:.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evermoo", default="build/evermoo")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    evermoo = str(pathlib.Path(options.evermoo).resolve())
    with tempfile.TemporaryDirectory() as folder:
        world = pathlib.Path(folder) / "world"
        server = Server(evermoo, world, free_port())
        print(f"first boot, building the bundled world: {server.boot_seconds * 1000:.0f} ms")
        wizard = log_in(server, True)
        evaluate(wizard, "$server_options.fg_ticks = 100000000; $server_options.fg_seconds = 60; $server_options.bg_ticks = 100000000; load_server_options();")
        players = [wizard]
        for count in (1, 50, 250):
            while len(players) < count:
                players.append(extra_player(server, wizard, len(players)))
            rates = [commands_per_second(server, players, options.seconds) for _ in range(options.rounds)]
            print(f"commands a second at {count:3} connections: {statistics.median(rates):9.0f}")
        for name, program in (
            ("forks a second", "for i in [1..COUNT] fork (0) endfork endfor while (length(queued_tasks()) > 0) suspend(0); endwhile"),
            ("suspends and back a second", "for i in [1..COUNT] suspend(0); endfor"),
        ):
            rates = [tasks_per_second(wizard, program, 20000) for _ in range(options.rounds)]
            print(f"{name}: {statistics.median(rates):9.0f}")
        measure_saves(server, evermoo, world, wizard, options.rounds)
        times = []
        for _ in range(options.rounds):
            started = time.monotonic()
            status = server.stop()
            stopped = time.monotonic()
            if status:
                sys.exit(f"the server ended with status {status}")
            server = Server(evermoo, world, free_port())
            times.append((stopped - started, server.boot_seconds))
        print(f"stop with a save: {statistics.median(t[0] for t in times) * 1000:.0f} ms")
        print(f"boot to the first byte of the greeting: {statistics.median(t[1] for t in times) * 1000:.0f} ms")
        server.stop()


def extra_player(server, wizard, number):
    connection = server.connect()
    connection.sendall(f"create player{number} secret\r\nPREFIX <<<\r\nSUFFIX >>>\r\n".encode())
    evaluate(wizard, f"for p in (players()) if (p.name == \"player{number}\") p.programmer = 1; endif endfor")
    connection.sendall(b";1\r\n")
    read_until(connection, b">>>")
    return connection


if __name__ == "__main__":
    main()
