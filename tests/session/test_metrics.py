"""/metrics: a listener of its own, off by default, on loopback only, for Prometheus."""
import re
import socket
import subprocess
import sys

from session import EVERMOO, LIMIT, Fault, Server, until
from test_crashes import crash
from test_guard import skip_sanitized

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\}})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, request, host="127.0.0.1"):
    """Status, head and body of the one answer; the connection ends with it."""
    with socket.create_connection((host, port), LIMIT) as s:
        s.sendall(request)
        return answer(s)


def answer(s):
    data = b""
    while piece := s.recv(65536):
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), head.decode(), body.decode()


def scrape(port):
    status, head, body = ask(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == 200 and "Content-Type: text/plain; version=0.0.4; charset=utf-8" in head, head
    assert f"Content-Length: {len(body.encode())}" in head, head
    return parse(body)


def parse(text):
    """Strictly: {(name, ((label, value), ...)): number}."""
    assert text.endswith("\n") and "\n\n" not in text
    found, kinds, helped, family = {}, {}, None, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            helped = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line)[1]
        elif line.startswith("# TYPE "):
            family, kind = re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line).groups()
            assert family == helped and family not in kinds and family.startswith("evermoo_"), line
            assert (kind == "counter") == family.endswith("_total"), line
            kinds[family] = kind
        else:
            name, labels, number = SAMPLE.fullmatch(line).groups()
            assert name == family or (kinds[family] == "histogram" and name in (family + "_bucket", family + "_sum", family + "_count")), line
            key = name, tuple(LABEL.findall(labels or ""))
            assert key not in found, line
            found[key] = float(number)
            assert kinds[family] == "gauge" or found[key] >= 0, line
    for family in (f for f, kind in kinds.items() if kind == "histogram"):
        check_histogram(found, family)
    return found


def check_histogram(found, family):
    buckets = [(float(dict(labels)["le"]), n) for (name, labels), n in found.items() if name == family + "_bucket"]
    bounds, counts = zip(*buckets)
    assert list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), (family, bounds)
    assert list(counts) == sorted(counts) and counts[-1] == found[family + "_count", ()], (family, counts)
    assert found[family + "_sum", ()] >= 0


def port_of(server, count=1):
    return int(server.expect_log(re.compile(r"METRICS: http://localhost:(\d+)/metrics"), count)[count - 1])


def test_what_is_told():
    with Server("--metrics=0") as server:
        c = server.login()
        port = port_of(server)
        before = scrape(port)
        assert before["evermoo_connections", (("state", "logged_in"),)] == 1 and before["evermoo_connections", (("state", "not_logged_in"),)] == 0
        server.connect()
        after = scrape(port)
        assert after["evermoo_connections", (("state", "not_logged_in"),)] == 1
        status = subprocess.run([EVERMOO, "status", str(server.world)], check=True, capture_output=True, text=True).stdout
        assert f"metrics: http://localhost:{port}/metrics\n" in status, status
        assert after["evermoo_process_cpu_seconds_total", ()] >= before["evermoo_process_cpu_seconds_total", ()]
        assert 0 < after["evermoo_start_time_seconds", ()] == before["evermoo_start_time_seconds", ()]
        c.run("add_property(#0, \"x\", 1, {#2, \"\"})")
        subprocess.run([EVERMOO, "save", str(server.world)], check=True, capture_output=True)
        assert scrape(port)["evermoo_saves_total", ()] > before["evermoo_saves_total", ()]


def test_what_is_told_of_the_scheduler():
    with Server("--metrics=0") as server:
        c = server.login()
        port = port_of(server)
        before = scrape(port)
        c.run("for i in [1..20000] (i % 2000) || suspend(0); endfor fork (1000) endfork")
        after = scrape(port)
        grown = {key: n - before.get(key, 0) for key, n in after.items()}
        assert grown["evermoo_sched_commands_total", ()] == 1 and grown["evermoo_sched_suspends_total", ()] == 10 and grown["evermoo_sched_forks_total", ()] == 1
        assert grown["evermoo_sched_slices_total", ()] >= 11 and grown["evermoo_sched_ticks_total", ()] > 20000 and grown["evermoo_sched_cpu_seconds_total", ()] > 0
        assert grown["evermoo_sched_latency_seconds_count", ()] == 1 and grown["evermoo_sched_slice_seconds_count", ()] >= 11
        assert after["evermoo_sched_tasks", ()] == 1 and after["evermoo_sched_sleeping", ()] == 1
        wizard = ("player", "#3"), ("name", "Wizard (#3)")
        assert grown["evermoo_player_ticks_total", wizard] > 20000 and grown["evermoo_player_cpu_seconds_total", wizard] > 0
        assert after["evermoo_player_ready_tasks", wizard] == 0 and ("evermoo_player_debt_seconds", wizard) in after
        assert any(name == "evermoo_verb_ticks_total" and n > 20000 for (name, _), n in grown.items())


def test_names_cannot_break_the_text():
    with Server("--metrics=0") as server:
        c = server.login()
        c.run(r'player.name = "a\\b\"c} 1"; add_verb(#0, {player, "xd", "q\"{"}, {"this", "none", "this"}); set_verb_code(#0, "q\"{", {"return 1;"}); fork (0) #0:("q\"{")(); endfork')
        labels = until("the player", lambda: [dict(labels) for (name, labels), _ in scrape(port_of(server)).items() if name == "evermoo_player_ticks_total" and dict(labels)["player"] == "#3"])
        assert labels[0]["name"] == r'a\\b\"c} 1 (#3)', labels


def test_few_of_many():
    """However many players and verbs there are, /metrics stays of bounded size."""
    with Server("--metrics=0") as server:
        c = server.login()
        c.run('for i in [1..60] add_verb(#0, {player, "xd", tostr("v", i)}, {"this", "none", "this"}); set_verb_code(#0, tostr("v", i), {"suspend(0);"}); fork (0) #0:(tostr("v", i))(); endfork endfor suspend(0); suspend(0)')
        found = scrape(port_of(server))
        assert sum(name == "evermoo_verb_ticks_total" for name, _ in found) <= 20


def test_requests():
    with Server("--metrics=0") as server:
        port = port_of(server)
        for request, status in ((b"GET / HTTP/1.0\r\n\r\n", 404), (b"GET /metricsx HTTP/1.0\r\n\r\n", 404), (b"POST /metrics HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", 405),
                                (b"GET /metrics\r\n\r\n", 400), (b"GET /metrics HTTP/1.1\r\n\r\n", 400), (b"connect wizard\r\n\r\n", 400), (b"GET /metrics HTTP/2.0\r\n\r\n", 505),
                                (b"GET /metrics HTTP/1.0\r\nX: " + b"x" * 9000, 431)):
            got, head, body = ask(port, request)
            assert got == status and body.endswith("\n") and "Connection: close" in head, (request, head, body)
            assert ("Allow: GET, HEAD" in head) == (status == 405), head
        status, head, body = ask(port, b"HEAD /metrics HTTP/1.0\r\n\r\n")
        assert status == 200 and body == "" and int(re.search(r"Content-Length: (\d+)", head)[1]) > 1000
        assert ask(port, b"GET /metrics HTTP/1.0\r\n\r\n", host="::1")[0] == 200
        with socket.create_connection(("127.0.0.1", port), LIMIT) as s:
            for byte in b"GET /metrics HTTP/1.0\r\n\r\n":
                s.sendall(bytes([byte]))
            parse(answer(s)[2])


def test_it_is_no_listener_of_the_world():
    with Server("--metrics=0") as server:
        c = server.login()
        port = port_of(server)
        with socket.create_connection(("127.0.0.1", port), LIMIT):
            assert c.eval("length(listeners())") == "1" and c.eval("length(connected_players(1))") == "1"
        with socket.socket() as s:  # of no other address of this machine
            assert s.connect_ex(("127.0.0.2", port)) != 0


def test_off_by_default():
    with Server() as server:
        server.login()
        assert "METRICS" not in server.log_text()


def test_the_slow_are_dropped():
    """And as long as there are many of them, the others wait."""
    with Server("--metrics=0") as server:
        port = port_of(server)
        slow = [socket.create_connection(("127.0.0.1", port), LIMIT) for _ in range(16)]
        for s in slow:
            s.sendall(b"GET /metrics HTT")
        assert ask(port, b"GET /metrics HTTP/1.0\r\n\r\n")[0] == 200
        assert all(s.recv(100) == b"" for s in slow)
        for s in slow:
            s.close()


def test_through_a_reboot():
    port = free_port()
    with Server(f"--metrics={port}") as server:
        server.login()
        scrape(port)
        done = subprocess.run([EVERMOO, "reboot", str(server.world)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert port_of(server, 2) == port
        scrape(port)


@skip_sanitized
def test_through_a_crash():
    port = free_port()
    with Server(f"--metrics={port}") as server:
        server.login()
        crash(server)
        assert port_of(server, 2) == port
        scrape(port)


HOLDER = """
import os, socket, sys, time
os.closerange(3, 1000)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    open(sys.argv[2], "w").close()
    while os.path.exists(sys.argv[2]):
        time.sleep(0.01)
"""


def test_a_port_that_is_taken_for_a_while():
    """Somebody else has it when the new program comes; it is opened when it can be."""
    port = free_port()
    with Server(f"--metrics={port}") as server:
        server.login()
        holder, held, program = server.dir / "holder.py", server.dir / "held", server.dir / "program"
        holder.write_text(HOLDER)
        program.write_text(f'#!/bin/sh\ncase "$*" in *--check*) ;; *) {sys.executable} {holder} {port} {held} & while [ ! -e {held} ]; do sleep 0.01; done ;; esac\nexec {EVERMOO} "$@"\n')
        program.chmod(0o755)
        done = subprocess.run([EVERMOO, "reboot", str(server.world), str(program)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        server.expect_log(f"There is no /metrics on port {port}: Address already in use; it is tried again")
        assert "metrics" not in subprocess.run([EVERMOO, "status", str(server.world)], check=True, capture_output=True, text=True).stdout
        held.unlink()
        assert port_of(server, 2) == port
        scrape(port)


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken, Server() as server:
        port = taken.getsockname()[1]
        server.stop()
        try:
            server.start(f"--metrics={port}")
        except Fault as fault:
            assert f"port {port} for --metrics: Address already in use; choose another one" in str(fault)
        else:
            raise Fault("it serves without its metrics")
        server.start()
    for bad in ("-1", "65536", "localhost:1", ""):
        done = subprocess.run([EVERMOO, "serve", "nowhere", f"--metrics={bad}"], capture_output=True, text=True)
        assert done.returncode == 64 and done.stderr.count("\n") == 1 and "is no port" in done.stderr, done.stderr
