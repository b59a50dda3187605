"""
What a power cut leaves of a directory. The journal (preload.h) says what was written and what was synced; at any moment of it, all that was synced is there, and of what came after some is, in
any order, torn at 512 bytes. Names are as after some of the last changes to directories, in their order: those before the last sync of a directory are kept.

  tests/fault/powercut.py JOURNAL BEFORE SEED OUT    rebuilds into OUT what the seed chooses
"""
import bisect
import json
import os
import pathlib
import random
import struct
import sys

SECTOR = 512
ENTRY = struct.Struct("=IIQQQ")


class Entry:
    __slots__ = ("kind", "inode", "at", "id", "data")

    def __init__(self, kind, inode, at, id_, data):
        self.kind, self.inode, self.at, self.id, self.data = kind, inode, at, id_, data

    @property
    def names(self):
        return [os.fsdecode(n) for n in self.data.split(b"\0")]


def read_journal(path):
    raw, at, entries = pathlib.Path(path).read_bytes(), 0, []
    while at + ENTRY.size <= len(raw):
        kind, length, inode, where, id_ = ENTRY.unpack_from(raw, at)
        at += ENTRY.size
        entries.append(Entry(chr(kind), inode, where, id_, raw[at : at + length]))
        at += length
    return entries


def mark(path, text):
    """A line of the test's own in the journal."""
    data = text.encode()
    with open(path, "ab", buffering=0) as f:
        f.write(ENTRY.pack(ord("M"), len(data), 0, 0, 0) + data)


def remember(directory, path):
    """What is in the directory now, on disk: where the journal begins."""
    tree = {}
    for name in [pathlib.Path(directory), *sorted(pathlib.Path(directory).rglob("*"))]:
        if name.name == "lock.mdb" or name.is_socket():
            continue
        content = None if name.is_dir() else name.read_bytes().hex()
        tree[str(name)] = [name.lstat().st_ino, content]
    pathlib.Path(path).write_text(json.dumps({"directory": str(directory), "tree": tree}))


class File:
    def __init__(self, content=b""):
        self.synced = bytearray(content)
        self.pending = []  # [entry, forced]; a forced one has been synced by itself


def apply(image, entry):
    if entry.kind == "T":
        del image[entry.at :]
        image.extend(bytes(entry.at - len(image)))
        return
    put(image, entry.at, entry.data)


def put(image, at, data):
    if len(image) < at:
        image.extend(bytes(at - len(image)))
    image[at : at + len(data)] = data


class Disk:
    """Goes through a journal, and rebuilds what a cut at the present moment leaves."""

    def __init__(self, entries, before):
        start = json.loads(pathlib.Path(before).read_text())
        self.directory, self.entries, self.now = start["directory"], entries, 0
        self.files, self.directories, self.first_names = {}, set(), {}
        for name, (inode, content) in start["tree"].items():
            self.first_names[name] = inode
            if content is None:
                self.directories.add(inode)
            else:
                self.files[inode] = File(bytes.fromhex(content))
        self.serial = {}  # inode number -> key in self.files: numbers come back when a file is gone
        self.changes, self.synced_changes = [], 0  # of names
        self.syncs = {}  # id -> what its end makes durable

    def file(self, inode):
        return self.files.setdefault(self.serial.get(inode, inode), File())

    def advance(self, moment):
        while self.now < moment:
            self.step(self.entries[self.now])
            self.now += 1

    def step(self, e):
        if e.kind in "WT":
            record = [e, False]
            self.file(e.inode).pending.append(record)
            if e.id:
                self.syncs[e.id] = record
        elif e.kind == "S":
            self.syncs[e.id] = len(self.changes) if e.inode in self.directories else (self.file(e.inode), len(self.file(e.inode).pending))
        elif e.kind == "E":
            self.end_sync(self.syncs.pop(e.id))
        elif e.kind in "CRU":
            self.change_names(e)

    def end_sync(self, what):
        if isinstance(what, int):
            self.synced_changes = max(self.synced_changes, what)
        elif isinstance(what, list):
            what[1] = True
        else:
            file, count = what
            for record in file.pending[:count]:
                apply(file.synced, record[0])
            # Another sync of the same file that has begun meanwhile counts from its own beginning.
            del file.pending[:count]
            self.syncs = {k: (file, max(0, v[1] - count)) if isinstance(v, tuple) and v[0] is file else v for k, v in self.syncs.items()}

    def change_names(self, e):
        if e.kind == "C" and e.at:
            self.directories.add(e.inode)
        elif e.kind == "C":
            key = (e.inode, self.now)
            self.serial[e.inode] = key
            self.files[key] = File()
        self.changes.append((e, self.serial.get(e.inode, e.inode)))

    def names_after(self, count):
        names = dict(self.first_names)
        for e, key in self.changes[:count]:
            name, *other = e.names
            if e.kind == "C":
                names[name] = key
            elif e.kind == "U":
                names.pop(name, None)
            else:
                moved = {n: k for n, k in names.items() if n == name or n.startswith(name + "/")}
                for n in moved:
                    del names[n]
                names.update({other[0] + n[len(name) :]: k for n, k in moved.items()})
        return names

    def rebuild(self, out, chance):
        """Writes what is left, by the dice of `chance', below the directory `out'."""
        names = self.names_after(chance.randint(self.synced_changes, len(self.changes)))
        keep = chance.choice((0.0, 0.02, 0.1, 0.5, 0.9, 0.98, 1.0))
        images = {}
        for name, key in sorted(names.items()):
            target = pathlib.Path(out) / os.path.relpath(name, self.directory)
            if key not in self.files:
                target.mkdir(parents=True, exist_ok=True)
                continue
            if key not in images:
                images[key] = self.image(self.files[key], keep, chance)
            target.write_bytes(images[key])
            if target.name == "data.mdb" and chance.random() < 0.5:
                target.with_name("lock.mdb").write_bytes(chance.randbytes(8192))

    @staticmethod
    def image(file, keep, chance):
        image, longest = bytearray(file.synced), len(file.synced)
        for e, forced in file.pending:
            longest = max(longest, e.at + len(e.data))
            if forced or keep == 1.0 or (e.kind == "T" and chance.random() < keep):
                apply(image, e)
            elif e.kind == "W" and keep > 0.0:
                tear(image, e, keep, chance)
        if chance.random() < 0.5 and longest > len(image):
            image.extend(bytes(longest - len(image)))  # the length was written, what is there was not
        return image


def tear(image, e, keep, chance):
    at, end = e.at, e.at + len(e.data)
    while at < end:
        edge = min(end, (at // SECTOR + 1) * SECTOR)
        if chance.random() < keep:
            put(image, at, e.data[at - e.at : edge - e.at])
        at = edge


def choose_moment(entries, chance):
    """Anywhere; more often near a sync or a mark, or some time after a call that failed, where things can go wrong."""
    failed = [i for i, e in enumerate(entries) if e.kind == "F"]
    if failed and chance.random() < 0.6:
        return min(len(entries), chance.choice(failed) + chance.randint(0, 45))
    turns = [i for i, e in enumerate(entries) if e.kind in "SEMR"]
    if not turns or chance.random() < 0.4:
        return chance.randint(0, len(entries))
    return max(0, min(len(entries), chance.choice(turns) + chance.randint(-2, 2)))


def cuts(entries, before, seeds):
    """(seed, chance, disk) for every seed, in the order of moments: the disk is at the moment that the seed chose."""
    chosen = []
    for seed in seeds:
        chance = random.Random(seed)
        chosen.append((choose_moment(entries, chance), seed, chance))
    disk = Disk(entries, before)
    for moment, seed, chance in sorted(chosen, key=lambda c: c[:2]):
        disk.advance(moment)
        yield seed, chance, disk


def marks(entries, word):
    """[(moment, words)] of the marks that begin with this word."""
    texts = [(i, e.data.decode().split()) for i, e in enumerate(entries) if e.kind == "M"]
    return [(i, t[1:]) for i, t in texts if t[0] == word]


def last_before(found, moment, otherwise):
    at = bisect.bisect_left([i for i, _ in found], moment)
    return found[at - 1][1] if at else otherwise


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    journal, before, seed, out = sys.argv[1:]
    for _, chance, disk in cuts(read_journal(journal), before, [int(seed)]):
        disk.rebuild(out, chance)
        print(f"cut at {disk.now} of {len(disk.entries)}")


if __name__ == "__main__":
    main()
