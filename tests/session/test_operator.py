"""The operator's side of a reboot: which program may be executed."""
import os
import re
import shutil

from session import EVERMOO, Server
from test_reboot import AFTER, descriptors, reboot, script


class Strict(Server):
    """Replaced by nothing but the file it was started from, unless options allow more."""

    reboot_folders = False


def refused(c, path, why):
    reboot(c, path)
    c.expect(re.compile(r"The reboot is off: .*" + why))


def executable(server):
    return os.readlink(f"/proc/{server.pid}/exe")


def test_only_the_configured_program():
    with Strict() as server:
        c = server.login()
        other = server.dir / "evermoo"
        shutil.copy(EVERMOO, other)
        refused(c, other, "is not the configured program .*--reboot-folder")
        refused(c, "/dev/zero", "no regular file")
        refused(c, server.dir / "missing", "No such file")
        link = server.dir / "link"
        link.symlink_to(EVERMOO)
        reboot(c, link)  # another name of the configured one
        c.expect(AFTER)
        reboot(c)
        c.expect(AFTER)
        assert executable(server) == EVERMOO


def test_a_configured_program_and_folder():
    with Strict() as server:
        folder, outside = server.dir / "versions", server.dir / "elsewhere"
        for path in (folder, outside, folder / "next"):
            path.mkdir()
        for path in (folder / "evermoo", folder / "next" / "evermoo", outside / "evermoo", folder / "configured"):
            shutil.copy(EVERMOO, path)
        (folder / "out").symlink_to(outside / "evermoo")
        (folder / "away").symlink_to(outside)
        (server.dir / "in").symlink_to(folder / "next" / "evermoo")
        server.stop()
        server.start(f"--reboot-folder={folder}", f"--reboot-binary={folder}/configured")
        c = server.login()
        for path in (folder / "out", folder / "away" / "evermoo", f"{folder}/../elsewhere/evermoo", outside / "evermoo", EVERMOO):
            refused(c, path, "is not the configured program")
        for path in (folder / "evermoo", server.dir / "in", ""):
            reboot(c, path)
            c.expect(AFTER)
            assert executable(server) == str(os.path.realpath(path or folder / "configured"))


def test_nobody_else_may_write_it():
    with Strict() as server:
        folder = server.dir / "versions"
        (folder / "next").mkdir(parents=True)
        program = folder / "next" / "evermoo"
        shutil.copy(EVERMOO, program)
        server.stop()
        server.start(f"--reboot-folder={folder}")
        c = server.login()
        faults = [(program, 0o775, "by its group; chmod go-w"), (program, 0o757, "by everybody; chmod go-w"), (program, 0o644, "cannot be executed"),
                  (program.parent, 0o770, "next may be written by its group"), (folder, 0o777, "versions may be written by everybody")]
        for path, mode, why in faults:
            path.chmod(mode)
            refused(c, program, why)
            path.chmod(0o755)
        if os.geteuid() == 0:
            for path in (program, folder / "next"):
                os.chown(path, 12345, -1)
                refused(c, program, "belongs to user 12345, and must belong to root")
                os.chown(path, 0, -1)
        reboot(c, program)
        c.expect(AFTER)


def test_a_script_leads_to_the_server():
    """It is executed by its descriptor, which the next server closes."""
    with Server() as server:
        c = server.login()
        path = script(server, "wrapper", f'exec {EVERMOO} "$@"')
        reboot(c, path)
        c.expect(AFTER)
        first = descriptors(server)
        for _ in range(3):
            reboot(c, path)
            c.expect(AFTER)
        assert descriptors(server) == first


def test_what_was_opened_is_what_runs():
    with Server() as server:
        c = server.login()
        new = server.dir / "evermoo"
        shutil.copy(EVERMOO, new)
        c.run('set_verb_code(#0, "checkpoint_started", {"suspend(0);"})')
        reboot(c, new)
        new.unlink()
        c.expect(AFTER)
        assert executable(server) == f"{new} (deleted)"
