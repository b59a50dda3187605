"""A server that is killed at any moment: every save that it acknowledged is there afterwards, and the world is sound."""
import random
import re
import shutil
import threading

from fault import Fault, quick, run
from session import EVERMOO, Server


class Saver(threading.Thread):
    """Counts in the world and has it saved, in both ways, until the server is gone. `acknowledged' is the last number that was reported to be on disk."""

    def __init__(self, server, n):
        super().__init__()
        self.server, self.acknowledged, self.client = server, n, server.login()
        self.ready = threading.Event()

    def run(self):
        n = self.acknowledged
        try:
            while True:
                n += 1
                self.client.run(f"#8.n = {n}; #8.twice = {2 * n}; x = create(#6); x.name = tostr({n}); if ({n} % 3 == 0) recycle(x); endif fork (3600) {n}; endfork")
                if self.client.eval("save_database()").startswith('{{"generation", '):
                    self.acknowledged = n
                    self.ready.set()
        except (Fault, AssertionError, OSError):
            self.ready.set()


def kill_once(server, n, chance):
    """The server dies while it is saving; the number that the world has afterwards."""
    saver = Saver(server, n)
    saver.start()
    if not saver.ready.wait(20):
        raise Fault("no save was acknowledged: " + server.log_text()[-1500:])
    saver.ready.clear()
    if chance.random() < 0.7:
        saver.ready.wait(chance.random() * 0.02)  # any moment will do
    server.kill()
    saver.join(20)
    saver.client.close()
    status, out, err = run(EVERMOO, "check", server.world)
    if status:
        kept = f"{server.dir}.kept"
        shutil.copytree(server.world, kept, ignore=shutil.ignore_patterns("control"))
        raise Fault(f"{kept}: {out}{err}")
    server.start()
    c = server.login()
    found = c.run("t = 0; for q in (queued_tasks()) t = t + (q[2] > time() + 1000); endfor return {#8.n, #8.twice, t}")
    c.close()
    now = int(re.match(r"\{(\d+), ", found)[1])
    if now < saver.acknowledged or found != f"{{{now}, {2 * now}, {now}}}":
        raise Fault(f"{saver.acknowledged} was acknowledged, the world has {found}")
    return now


def test_killed_while_saving(soak):
    chance = random.Random(7)
    rounds = 1000 if soak else 15
    done = 0
    while done < rounds:
        with Server("--save-interval", "0") as server:  # worlds get larger: after some rounds another one
            c = server.login()
            c.eval('add_property(#8, "n", 0, {#3, "r"})')
            c.eval('add_property(#8, "twice", 0, {#3, "r"})')
            c.close()
            server.stop()
            server.env = quick()
            server.start()
            n = 0
            for _ in range(min(100, rounds - done)):
                n = kill_once(server, n, chance)
                done += 1
