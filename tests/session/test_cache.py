"""A world larger than the memory that its server may take."""
import re
import subprocess

from session import EVERMOO, LIMIT, Server, until


def evermoo(*words):
    done = subprocess.run([EVERMOO, *map(str, words)], capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def dropped(server):
    status, said, error = evermoo("status", server.world)
    assert status == 0, error
    return int(re.search(r"(\d+) dropped again", said)[1])


FILL = """
s = "0123456789"; while (length(s) < 20000) s = s + s; endwhile
for i in [1..100] o = create(#1); o.name = tostr(o, s); suspend(0); endfor
"""
READ = """
n = 0; for i in [first..tonum(max_object())] o = toobj(i); n = n + (index(o.name, tostr(o, "0123")) == 1); suspend(0); endfor return n;
"""


def one_line(program, **words):
    for word, value in words.items():
        program = program.replace(word, value)
    return " ".join(program.split("\n"))


def test_objects_come_and_go():
    with Server("--cache-size", "1M", "--save-interval", "0.05") as server:
        c = server.login()
        first = str(int(c.eval("max_object()")[1:]) + 1)
        c.run(one_line(FILL))
        c.eval("#8.name = \"changed\"")
        until("100 objects are dropped", lambda: c.run(one_line(READ, first=first)) == "100" and dropped(server) > 100)
        # In one task, in one go: nothing waits for the end of a slice.
        before = dropped(server)
        assert c.run(one_line(READ, first=first).replace("suspend(0);", "")) == "100"
        assert dropped(server) > before
        assert c.eval("#8.name") == '"changed"'
        server.stop()
        assert evermoo("check", server.world)[0] == 0
        assert evermoo("eval", "--cache-size=1M", server.world, "#8.name")[1] == '"changed"\n'
