"""A name server for tests: it answers when it is told to, and remembers what it was asked."""
import socket
import struct
import threading

from session import until

A, PTR = 1, 12


def read_question(bytes_):
    """(name, type, where it ends)"""
    labels, at = [], 12
    while bytes_[at]:
        labels.append(bytes_[at + 1 : at + 1 + bytes_[at]].decode())
        at += 1 + bytes_[at]
    return ".".join(labels), struct.unpack_from(">H", bytes_, at + 1)[0], at + 5


def as_name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


class NameServer:
    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.sock.getsockname()[1]}"
        self.asked = []  # (name, type, from whom, the question as it came), in order
        self.answers = {}  # (name, type): address or name; what is not here is not answered yet
        self.lock = threading.Lock()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                bytes_, who = self.sock.recvfrom(4096)
            except OSError:
                return
            name, kind, _ = read_question(bytes_)
            with self.lock:
                self.asked.append((name, kind, who, bytes_))
                self.reply(self.asked[-1])

    def reply(self, asked):
        name, kind, who, bytes_ = asked
        answer = self.answers.get((name, kind))
        if answer is None and not any(known == name for known, _ in self.answers):
            return
        data = b"" if answer is None else socket.inet_aton(answer) if kind == A else as_name(answer)
        record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
        _, _, end = read_question(bytes_)
        self.sock.sendto(bytes_[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, bool(data), 0, 0) + bytes_[12:end] + record, who)

    def count(self, name):
        """How many places it was asked from: a question that is repeated comes from the same one."""
        with self.lock:
            return len({who for asked, _, who, _ in self.asked if asked == name})

    def wait(self, name, count=1):
        until(f"question {count} for {name}", lambda: self.count(name) >= count)

    def tell(self, name, kind, answer):
        """To all that have asked, and who asks from now on."""
        with self.lock:
            self.answers[name, kind] = answer
            for asked in [q for q in self.asked if q[0] == name]:
                self.reply(asked)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.sock.close()
