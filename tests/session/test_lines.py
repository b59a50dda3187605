"""From bytes to lines and back: line ends, telnet, encodings, binary connections, bounded queues."""
import random
import re
import socket
import threading

from session import Client, Server

def test_line_ends():
    with Server() as server:
        c = server.login()
        for end in (b"\r\n", b"\n", b"\r", b"\r\0"):
            c.raw(b';"one"' + end + b';"two"' + end)
            c.expect('=> "one"')
            c.expect('=> "two"')
        c.raw(b';"half')
        c.raw(b' line"\r')
        c.expect('=> "half line"')
        c.raw(b'\n;length("caf\xc3\xa9")\r\n')
        c.expect("=> 4")
        c.raw(b';"latin caf\xe9 bell\x07 back\x08\x7fspace"\r\n')
        c.expect('=> "latin café bell baspace"')
        c.raw(b';"tab\there"\r\n')
        c.expect('=> "tab\there"')


def test_lines_said_before_hanging_up():
    """All of them are acted on and answered, though another player keeps the server busy meanwhile."""
    with Server() as server:
        other = server.login("Alice")
        other.send(";;while (1) for i in [1..12000] endfor suspend(0); endwhile;")
        c = server.login()
        work = 's = "0123456789abcdef"; for i in [1..14] s = s + s; endfor for i in [1..20] string_hash(s); endfor'
        c.raw("".join(f";;{work} return {i};\r\n" for i in range(80)).encode())
        c.sock.shutdown(socket.SHUT_WR)
        answers = c.expect_end().split(b"\r\n")
        assert answers[-2] == b"=> 79", answers[-3:]


def test_telnet_split_anywhere():
    line = b'\xff\xfd\x01;"a\xff\xfb\x1fb\xff\xfa\x18\x00vt\r\n100\xff\xff\xff\xf0c\xff\xf1d \xff\xff"\r\n'
    with Server() as server:
        c, other = server.login(), server.login("Alice")
        for cut in range(len(line)):
            c.raw(line[:cut])
            # Another connection's answer: the server has been round its loop since.
            assert other.eval("1") == "1"
            c.raw(line[cut:])
            c.expect('=> "abcd "')


def test_out_of_band():
    with Server() as server:
        c = server.connect()
        c.send("#$#mcp version: 2.1")
        c.expect('OOB {"#$#mcp", "version:", "2.1"} "#$#mcp version: 2.1"')
        c.login("Wizard")
        c.send("#$# spaced   out", '#$"say #$#quoted')
        c.expect('OOB {"#$#", "spaced", "out"} "#$# spaced   out"')
        c.expect('Wizard says, "#$#quoted"')
        c.run('set_connection_option(player, "disable-oob", 1)')
        c.send("#$#x")
        c.expect("I couldn't understand that.")


def test_binary():
    with Server() as server:
        c = server.login()
        c.send(';;set_connection_option(player, "binary", 1); x = read(); set_connection_option(player, "binary", 0); notify(player, "ready"); return x;')
        # The task reads in its own turn; a word that comes back says that it waits.
        other = server.login("Alice")
        other.send("say go")
        other.expect("Alice says")
        c.expect_bytes(b'Alice says, "go"')
        c.raw(b"ab\x00\r\n\xff~\xc3")
        c.expect(re.compile(r'^=> "ab~00~0D~0A~FF~7E~C3"$'))
        c.send(';;set_connection_option(player, "binary", 1); notify(player, "a~0Ab~7Ec~FF~00<"); set_connection_option(player, "binary", 0);')
        c.expect_bytes(b"a\nb~c\xff\x00<=> 0\r\n")
        assert c.eval('`notify(player, "x") ! ANY\'') == "1"
        c.run('set_connection_option(player, "binary", 1); x = `notify(player, "~zz") ! ANY\'; set_connection_option(player, "binary", 0); notify(player, toliteral(x))')


def test_encodings():
    with Server() as server:
        c = server.login()
        assert c.eval('connection_option(player, "encoding")') == '"auto"'
        c.raw(b';"\xe2\x82\xac"\r\n')
        c.expect('=> "€"')
        assert c.eval('set_connection_option(player, "encoding", "latin-1")') == "0"
        c.raw(b';"\xe9\xe2"\r\n')
        c.expect_bytes(b'=> "\xe9\xe2"\r\n')
        c.raw(b';length("\xc3\xa9")\r\n')
        c.expect("=> 2")
        assert c.run('return `set_connection_option(player, "encoding", "klingon") ! E_INVARG => "no"\';') == '"no"'
        assert c.eval('set_connection_option(player, "encoding", "utf-8")') == "0"


def test_client_echo():
    with Server() as server:
        c = server.login()
        c.send(';set_connection_option(player, "client-echo", 0)')
        c.expect_bytes(b"\xff\xfb\x01=> 0\r\n")
        c.send(';set_connection_option(player, "client-echo", 1)')
        c.expect_bytes(b"\xff\xfc\x01=> 0\r\n")


def test_connection_options():
    with Server() as server:
        c = server.login()
        assert c.eval("connection_options(player)") == (
            '{{"binary", 0}, {"flush-command", ".flush"}, {"hold-input", 0}, {"disable-oob", 0}, '
            '{"intrinsic-commands", {".program", "PREFIX", "SUFFIX", "OUTPUTPREFIX", "OUTPUTSUFFIX"}}, {"client-echo", 1}}')
        for wrong in ('connection_option(player, "nosuch")', 'set_connection_option(player, "nosuch", 1)', 'connection_option(#7, "binary")', 'set_connection_option(#7, "binary", 1)'):
            assert c.eval(f"`{wrong} ! ANY'") == "E_INVARG", wrong
        a = server.login("Alice")
        assert a.eval("`set_connection_option(#3, \"binary\", 1) ! ANY'") == "E_PERM"
        assert a.eval("`connection_options(#3) ! ANY'") == "E_PERM"
        assert a.eval("`notify(#3, \"x\") ! ANY'") == "E_PERM"
        assert a.eval("notify(player, \"hello\")") == "1"


def test_overflow_notice():
    with Server() as server:
        c = Client(server.port)
        server.clients.append(c)
        c.login("Wizard")
        helper = server.login("Alice")
        # Nobody reads c now: the kernel's buffers fill, then ours, then the oldest lines go.
        c.send(";;x = \"0123456789\"; for i in [1..9] x = x + x; endfor for i in [1..3000] notify(player, tostr(i, \" \", x)); endfor")
        helper.send("say done")
        helper.expect("Alice says")
        lost = int(c.expect(re.compile(r">> Network buffer overflow: (\d+) lines of output to you have been lost <<"))[1])
        assert lost > 0
        first = int(c.expect(re.compile(r"^(\d+) 0123"))[1])
        c.expect(re.compile(r"^3000 0123"))
        c.expect("=> 0")
        assert first > 1, first
        assert c.eval("buffered_output_length()") == "65536"
        assert c.eval("buffered_output_length(player)") == "0"


def test_input_queue_is_bounded():
    """Far more lines than are queued, while nobody takes them: the server stops reading; when they are let go each comes once and in order."""
    with Server() as server:
        wizard, a = server.login(), server.login("Alice")
        assert a.eval('set_connection_option(player, "hold-input", 1)') == "0"
        n, said = 5000, []
        writer = threading.Thread(target=a.raw, args=("".join(f"say {i} {'x' * 100}\r\n" for i in range(n)).encode(),))
        writer.start()
        assert wizard.eval("1") == "1"
        wizard.run('set_connection_option(#4, "hold-input", 0)')
        for i in range(n):
            said.append(int(wizard.expect(re.compile(r'Alice says, "(\d+) x'))[1]))
        writer.join(20)
        assert said == list(range(n))


def test_long_lines_are_cut():
    with Server() as server:
        c = server.login()
        c.raw(b';length("' + b"x" * 900000 + b'")\r\n')
        c.expect("=> 900000")
        c.raw(b"y" * 3000000 + b"\r\n;1\r\n")
        c.expect("=> 1", limit=60)


def test_random_bytes():
    with Server() as server:
        rng = random.Random(4711)
        for i in range(30):
            c = Client(server.port, greeting=False)
            c.sock.settimeout(20)
            try:
                if i % 3 == 0:
                    c.raw(b"connect Alice\r\n")
                for _ in range(10):
                    c.raw(rng.randbytes(rng.randrange(5000)))
            except OSError:
                pass
            c.reset() if i % 2 else c.close()
        assert server.login().eval("1 + 1") == "2"
