"""The README's five minutes are what really happens: their lines are typed, and their answers are those that come."""
import pathlib
import re

from test_world import World

README = pathlib.Path(__file__).resolve().parent.parent.parent / "README.md"
# What differs from run to run: task numbers, when they go on and what they used, the number of a save, where the program is.
VARYING = [(r"^\d+ +sleeps \d+ m +[\d.]+ ms +\d+ +", "TASK "), (r"^Checkpoint \d+ is on disk\. Trying .*", "CHECKPOINT")]


def same(line):
    for pattern, word in VARYING:
        line = re.sub(pattern, word, line)
    return line


def steps():
    """(typed lines, answer lines) in turn."""
    typed, answer = [], []
    for line in re.search(r"^## Five minutes.*?(?=^## )", README.read_text(), re.M | re.S)[0].splitlines():
        if not line.startswith("    "):
            continue
        line = line[4:]
        if line.startswith("> "):
            if answer:
                yield typed, answer
                typed, answer = [], []
            typed.append(line[2:])
        elif typed:
            answer.append(line)
    yield typed, answer


def test_tour():
    with World() as world:
        c = world.join()
        c.expect("who, help, quit")
        for typed, answer in steps():
            c.send(*typed)
            for line in answer:
                while not (got := c.expect(re.compile("^.*$"))[0]):
                    pass
                assert same(got) == same(line), f"after {typed}: expected {line!r}, got {got!r}"
        c.expect_end()
