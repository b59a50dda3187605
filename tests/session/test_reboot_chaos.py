"""Players who do everything at once while the server is replaced again and again, by good programs and by such as fail: each hears all that was to be heard, once and in order. EVERMOO_CHAOS_SEED=N repeats a run; long with EVERMOO_SOAK=1."""
import collections
import os
import random
import re
import select
import signal
import subprocess

from session import EVERMOO, FAULTS, SANITIZED, Client, Fault, Server, until
from test_guard import fails_at
from test_reboot import AFTER, reboot, settled_descriptors

SOAK = bool(os.environ.get("EVERMOO_SOAK"))
PLAYERS, REBOOTS = (30, 400) if SOAK else (8, 15)
VERBS = {
    "echo": ['notify(player, "echo " + argstr);'],
    "big": ["for i in [1..toint(args[2])]", 'notify(player, tostr("big ", args[1], " ", i));', "endfor"],
    "ask": ['x = read(player);', 'notify(player, tostr("read ", args[1], " ", x));'],
    "sleep": ['suspend(random(2) - 1);', 'notify(player, "slept " + args[1]);'],
    "later": ["fork (random(2) - 1)", 'notify(player, "later " + args[1]);', "endfork"],
    "hash": ['x = argon2(argstr, "saltsalt", 1 + random(200), 64);', 'notify(player, tostr("hash ", args[1], " ", argon2_verify(x, argstr)));'],
    "save": ["save_database();", 'notify(player, "saved " + args[1]);'],
    "call": [f'x = `open_network_connection("127.0.0.1", toint(args[2])) ! ANY\';', "typeof(x) == OBJ && boot_player(x);", 'notify(player, tostr("called ", args[1], " ", typeof(x) == OBJ));'],
}
NOISE = [b"\xff\xfb\x18", b"\xff\xfd\x01", b"\xff\xfa\x18\x00VT100\xff\xf0", b"\xff\xf1", b"\0"]


class Player:
    """What was sent, in pieces, and what is to come of it: in the order of lines, or at any time."""

    def __init__(self, server, name, dice):
        self.server, self.name, self.dice = server, name, dice
        self.n, self.rest, self.out = 0, b"", b""
        self.in_order, self.whenever = collections.deque(), set()
        self.connect("create")

    def connect(self, word="connect"):
        self.c = Client(self.server.port)
        self.c.send(f"{word} {self.name}")
        self.c.expect(re.compile(r"\*\*\* (Connected|Created) \*\*\*"))
        self.c.sock.setblocking(False)

    def line(self, text):
        self.out += text.encode() + self.dice.choice([b"\r\n", b"\n", b"\r\0"])

    def act(self):
        self.n += 1
        what, n = self.dice.choice(["echo"] * 8 + ["big", "ask", "sleep", "later", "hash", "save", "call", "noise", "leave"]), self.n
        words = "".join(self.dice.choice("abc \u00e9\u20ac\U0001f600!") for _ in range(self.dice.choice([3, 30, 300, 9000]))).strip() + "."
        if what == "noise":
            self.out += self.dice.choice(NOISE)
        elif what == "leave" and not (self.out or self.in_order or self.whenever):
            self.c.sock.setblocking(True)
            self.c.send("@quit")
            self.c.expect_end()
            self.c.close()
            self.connect()
        elif what == "echo":
            self.line(f"echo {n} {words}")
            self.in_order.append(f"echo {n} {words}")
        elif what == "big":
            self.line(f"big {n} 200")
            self.in_order += [f"big {n} {i}" for i in range(1, 201)]
        elif what == "ask":
            self.line(f"ask {n}")
            self.line(words)
            self.whenever.add(f"read {n} {words}")
        elif what in ("sleep", "later", "hash", "save", "call"):
            port = self.server.port
            self.line({"hash": f"hash {n} {words[:50].strip()}", "call": f"call {n} {port}"}.get(what, f"{what} {n}"))
            self.whenever.add({"sleep": f"slept {n}", "later": f"later {n}", "hash": f"hash {n} 1", "save": f"saved {n}", "call": f"called {n} 1"}[what])

    def send(self):
        """A piece of it, which may end anywhere."""
        piece = self.out[: self.dice.choice([1, 7, 100, 5000, 1 << 20])]
        try:
            self.out = self.out[self.c.sock.send(piece):] if piece else self.out
        except BlockingIOError:
            pass

    def hear(self):
        try:
            bytes_ = self.c.sock.recv(1 << 20)
        except BlockingIOError:
            return
        assert bytes_, (self.name, "was disconnected")
        *lines, self.rest = (self.rest + bytes_).split(b"\r\n")
        for text in (line.decode() for line in lines):
            if text.startswith("*"):
                continue  # about reboots and other players
            if text in self.whenever:
                self.whenever.remove(text)
            else:
                assert self.in_order and text == self.in_order.popleft(), (self.name, text[:200], list(self.in_order)[:3])

    def is_done(self):
        return not (self.out or self.in_order or self.whenever)


def hear_all(players, seconds=0):
    for p in players:
        p.send()
    heard, _, _ = select.select([p.c.sock for p in players], [], [], seconds)
    for p in players:
        if p.c.sock in heard:
            p.hear()


def new_programs(server):
    yield EVERMOO
    yield FAULTS
    for where in ("started", "opened", "decoded", "restored"):
        for how in ("error",) if SANITIZED else ("error", "segv", "abort"):
            yield (where, how)


def ask_for_reboot(server, dice, programs):
    program = dice.choice(programs if dice.random() < 0.5 else [EVERMOO])
    if isinstance(program, tuple):
        program = fails_at(server, "-".join(program), ":".join(program))
    return subprocess.Popen([EVERMOO, "reboot", str(server.world), str(program)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_chaos():
    seed = int(os.environ.get("EVERMOO_CHAOS_SEED", "0")) or random.randrange(1, 1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with Server("-o", "--save-interval=0.05") as server:
        c = server.login()
        c.run('delete_verb(#0, "server_started"); delete_verb(#0, "user_connected")')  # they write down everything, and tell everybody
        c.eval('add_property(#7, "max_queued_output", 100000000, {#3, "r"})')
        c.eval("load_server_options()")
        for name, code in VERBS.items():
            text = ", ".join('"' + line.replace('"', '\\"') + '"' for line in code)
            c.run(f'add_verb(#6, {{#3, "rxd", "{name}"}}, {{"any", "any", "any"}}); set_verb_code(#6, "{name}", {{{text}}})')
        reboot(c)
        c.expect(AFTER)
        first = settled_descriptors(server)
        programs = list(new_programs(server))
        players = [Player(server, f"p{i}", dice) for i in range(PLAYERS)]
        rebooting, count = None, 0
        while count < REBOOTS:
            if rebooting is None or rebooting.poll() is not None:
                rebooting, count = ask_for_reboot(server, dice, programs), count + 1
            for _ in range(dice.randrange(5)):
                dice.choice(players).act()
            if dice.random() < 0.2:
                server.signal(dice.choice([signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGPIPE]))
            hear_all(players, dice.choice([0, 0.001, 0.01]))
        rebooting.wait()
        until("everything to be heard", lambda: hear_all(players, 0.01) or all(p.is_done() for p in players))
        assert c.eval("length(queued_tasks())") == "0"
        assert int(c.eval("length(connected_players())")) == PLAYERS + 1
        until("strangers to be gone", lambda: c.eval("length(connected_players(1)) == length(connected_players())") == "1")
        for p in players:
            p.c.close()
        until("players to be gone", lambda: c.eval("connected_players(1)") == "{#3}")
        for _ in range(2):  # so that the program before it, which is kept open for a while, is the same one too
            reboot(c, EVERMOO)
            c.expect(AFTER)
        assert settled_descriptors(server) == first
        assert server.log_text().count("has taken over") >= REBOOTS / 2
