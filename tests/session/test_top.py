"""`evermoo top': a page about a running world, once or again and again on a terminal."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios

from session import EVERMOO, LIMIT, Server, until

ENTER, LEAVE = b"\033[?1049h", b"\033[?1049l"


class Terminal:
    """evermoo top on a terminal of its own; a page is what stands between two marks of its drawing."""

    def __init__(self, server, *options, size=(24, 80)):
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen([EVERMOO, "top", str(server.world), *options], stdin=slave, stdout=slave, stderr=subprocess.PIPE, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        self.data, self.entered = b"", False
        os.set_blocking(self.master, False)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        try:
            self.data += os.read(self.master, 65536)
        except BlockingIOError:
            pass

    def page(self, wanted):
        """The lines of the next page for which that holds."""
        def look():
            self.read()
            while b"\033[K\033[J" in self.data:
                drawn, self.data = self.data.split(b"\033[K\033[J", 1)
                self.entered |= ENTER in drawn
                lines = drawn.split(b"\033[H")[-1].decode().replace("\033[K", "").split("\r\n")
                if wanted(lines):
                    return lines
            return None
        return until("a page", look)

    def key(self, key):
        os.write(self.master, key.encode())

    def end(self, status):
        assert self.process.wait(LIMIT) == status, self.process.stderr.read()
        until("the end of the other screen", lambda: self.read() or LEAVE in self.data)
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)


def once(server, *options):
    done = subprocess.run([EVERMOO, "top", str(server.world), *options], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines), done.stdout
    return lines


def row(lines, name):
    return next(line for line in lines if line.startswith(name))


def test_one_page():
    with Server() as server:
        c = server.login()
        for i in range(20):
            c.eval("1 + 1")
        c.run("for i in [1..20000] endfor fork (1000) endfork")
        lines = once(server)
        assert re.match(r"evermoo \S+  up 0:00:\d\d  process \d+  \S+  +\d\d:\d\d:\d\d$", lines[0]), lines[0]
        assert int(row(lines, "commands, from").split()[5]) >= 20, lines
        assert "tasks 1: 0 ready, 1 sleeping, 0 waiting" in row(lines, "tasks"), lines
        assert "connections 1, 0 of them not logged in" in row(lines, "connections"), lines
        assert "Wizard (#3)" in lines[lines.index(row(lines, "PLAYERS")) + 1], lines
        assert any(":" in line for line in lines[lines.index(row(lines, "VERBS")) + 1 : lines.index(row(lines, "SLOWEST"))]), lines
        assert row(once(server, "--all"), "since the start") and row(once(server, "--hour", "--once"), "the last hour")


def test_who_has_what_to_run_and_owes():
    with Server() as server:
        c = server.login()
        c.run("for i in [1..3] fork (0) while (1) while (ticks_left() > 2000) endwhile suspend(0); endwhile endfork endfor fork (1000) endfork")
        wizard = until("a debt", lambda: re.fullmatch(r"Wizard \(#3\) .* (\d) +4 +(\d\S* m?s)", row(once(server), "Wizard (#3)")))
        assert wizard[1] in "23", wizard[0]  # one of them may have the turn
        c.run("for task in (queued_tasks()) kill_task(task[1]); endfor")


def test_a_name_does_nothing_to_the_terminal():
    with Server() as server:
        c = server.login()
        c.run("player.name = \"Wiz\u00e4rd\"")
        c.eval("1")
        assert any("Wiz\u00e4rd (#3)" in line for line in once(server))


def test_on_a_terminal():
    with Server() as server:
        c = server.login()
        t = Terminal(server, "--delay=0.1")
        first = t.page(lambda lines: any("the last minute" in line for line in lines))
        assert t.entered and len(first) <= 24
        t.key("h")
        t.page(lambda lines: any("the last hour" in line for line in lines))
        t.key("a")
        t.page(lambda lines: any("since the start" in line for line in lines))
        for i in range(40):
            c.run(f"add_verb(#0, {{#2, \"xd\", \"v{i}\"}}, {{\"this\", \"none\", \"this\"}}); #0:v{i}()")
        t.resize(12, 60)
        small = t.page(lambda lines: len(lines) <= 12)
        assert all(len(line) <= 60 for line in small), small
        t.key("q")
        t.end(0)


def test_the_terminal_is_given_back():
    with Server() as server:
        t = Terminal(server)
        t.page(lambda lines: True)
        t.key("\x03")  # Ctrl-C
        t.end(-signal.SIGINT)
        t = Terminal(server)
        t.page(lambda lines: True)
        t.process.terminate()
        t.end(-signal.SIGTERM)


def test_stopped_and_continued():
    with Server() as server:
        t = Terminal(server)
        t.page(lambda lines: True)
        t.key("\x1a")  # Ctrl-Z
        assert os.WIFSTOPPED(os.waitpid(t.process.pid, os.WUNTRACED)[1])
        until("the terminal as it was", lambda: t.read() or LEAVE in t.data)
        assert termios.tcgetattr(t.slave) == t.before
        t.data, t.entered = b"", False
        t.process.send_signal(signal.SIGCONT)
        t.page(lambda lines: t.entered)
        t.key("q")
        t.end(0)


def test_servers_come_and_go():
    with Server() as server:
        t = Terminal(server, "-d", "0.1")
        t.page(lambda lines: True)
        subprocess.run([EVERMOO, "reboot", str(server.world)], check=True, capture_output=True)
        t.page(lambda lines: not re.search("NO SERVER|ended", lines[0]))
        server.signal(signal.SIGSTOP)
        t.page(lambda lines: re.search("NO ANSWER FOR [2-9] SECONDS", lines[0]))
        server.signal(signal.SIGCONT)
        t.page(lambda lines: re.search(r"\d\d:\d\d:\d\d$", lines[0]))
        server.stop()
        gone = t.page(lambda lines: "NO SERVER RUNS THIS WORLD" in lines[0])
        assert any("PLAYERS" in line for line in gone), gone  # what was known stays
        server.start()
        t.page(lambda lines: re.search(r"\d\d:\d\d:\d\d$", lines[0]))
        t.key("q")
        t.end(0)


def test_nobody_serves():
    with Server() as server:
        server.stop()
        for options in ([], ["--once"]):
            done = subprocess.run([EVERMOO, "top", str(server.world), *options], capture_output=True, text=True)
            assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1 and "no server runs this world" in done.stderr, done.stderr
        for bad in (["--delay=0"], ["--delay=x"], ["a", "b"], []):
            done = subprocess.run([EVERMOO, "top", *bad], capture_output=True, text=True)
            assert done.returncode == 64 and done.stderr.count("\n") == 1, done.stderr
        server.start()
