"""On a small file system: small_disk.py DIR. Run by test_serving in a namespace where one is mounted there."""
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "session")]

from test_serving import World, fill_up  # noqa: E402


def main():
    disk = pathlib.Path(sys.argv[1])
    with World(disk) as world:
        free = os.statvfs(disk)
        filler = disk / "filler"
        filler.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 300000)))
        fill_up(world, False, lambda back: filler.unlink())


main()
