#!/usr/bin/env python3
"""Writes a text dump (format 4) of any size, for measuring imports: tools/gen-dump.py MEGABYTES > big.db

A root, ten generics with properties and verbs of their own, and as many objects as fit: each the child of a generic, in one of a hundred rooms, with values for
all properties it inherits, and one in ten with verbs. The same arguments give the same bytes.
"""
import argparse
import random
import sys

GENERICS, ROOMS, PROPS, VERBS = 10, 100, 12, 3
WORDS = "stone river lamp quiet under morning bridge copper wheel harvest window salt paper orchard thunder little".split()


class Dump:
    def __init__(self, objects):
        self.random = random.Random(4)
        self.count = objects
        self.out = sys.stdout.buffer

    def text(self, words):
        return " ".join(self.random.choice(WORDS) for _ in range(words))

    def value(self, i):
        kind = i % 4
        if kind == 0:
            return f"2\n{self.text(20)}"
        if kind == 1:
            return "4\n3\n0\n%d\n1\n%d\n4\n2\n2\n%s\n9\n%.19g" % (self.random.randrange(1 << 31), self.random.randrange(self.count), self.text(6), self.random.random())
        return "5" if kind == 2 else f"0\n{self.random.randrange(1 << 40)}"

    def parent(self, o):
        return -1 if o == 0 else 0 if o <= GENERICS else 1 + o % GENERICS

    def room(self, o):
        return -1 if o <= GENERICS + ROOMS else 1 + GENERICS + o % ROOMS

    def links(self, o):
        """location, contents, next, parent, child, sibling"""
        first_in = last = -1
        if GENERICS < o <= GENERICS + ROOMS:
            first_in = next((x for x in range(GENERICS + ROOMS + 1, min(self.count, GENERICS + 2 * ROOMS + 1)) if self.room(x) == o), -1)
        following = o + ROOMS if self.room(o) >= 0 and o + ROOMS < self.count else last
        child = 1 if o == 0 else next((x for x in range(GENERICS + 1, min(self.count, 2 * GENERICS + 1)) if self.parent(x) == o), -1) if o <= GENERICS else -1
        if o == 0:
            sibling = -1
        elif o <= GENERICS:
            sibling = o + 1 if o < GENERICS else -1
        else:
            sibling = o + GENERICS if o + GENERICS < self.count else -1
        return self.room(o), first_in, following, self.parent(o), child, sibling

    def verbs(self, o):
        return VERBS if o <= GENERICS or o % 10 == 0 else 0

    def defs(self, o):
        return PROPS if o <= GENERICS else 0

    def object(self, o):
        lines = [f"#{o}", f"{self.text(2)} {o}", "", "7" if o == 1 else "128", "1", *map(str, self.links(o)), str(self.verbs(o))]
        for v in range(self.verbs(o)):
            lines += [f"{WORDS[v]} do_{v}", "1", "173", "-1"]
        lines.append(str(self.defs(o)))
        lines += [f"{WORDS[i]}_{o}" for i in range(self.defs(o))]
        total = PROPS if o == 0 else 2 * PROPS
        lines.append(str(total))
        for i in range(total):
            lines += [self.value(i), "1", "5"]
        self.out.write(("\n".join(lines) + "\n").encode())

    def program(self, o, v):
        body = "".join(f'if ((this.owner == player) && (args[1] > {i}))\nplayer:tell("{self.text(12)}");\nendif\n' for i in range(8))
        self.out.write(f"#{o}:{v}\n{body}.\n".encode())

    def write(self):
        programs = sum(self.verbs(o) for o in range(self.count))
        self.out.write(f"** LambdaMOO Database, Format Version 4 **\n{self.count}\n{programs}\n0\n1\n1\n".encode())
        for o in range(self.count):
            self.object(o)
        for o in range(self.count):
            for v in range(self.verbs(o)):
                self.program(o, v)
        self.out.write(b"0 clocks\n0 queued tasks\n0 suspended tasks\n0 active connections with listeners\n")


BYTES_AN_OBJECT = 3100
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("megabytes", type=float)
Dump(max(GENERICS + ROOMS + 1, int(parser.parse_args().megabytes * 1e6 / BYTES_AN_OBJECT))).write()
