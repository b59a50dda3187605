/* SPDX-License-Identifier: MIT */
/*
 * A host without sockets: whole programs run with typed lines in and lines out, by a clock that stands still until a test moves it.
 *
 * The world: #0 the system, #1 the root, #2 Wizard, #3 Ann and #4 Bob (programmers, players), #5 the room they are in. A line "N" typed before login logs in as
 * player #N. `;PROGRAM' is evaluated with the player's permissions and its value, when it is not 0, is printed as `=> VALUE'.
 */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/idmap.h"
#include "db/world.h"
#include "lang/machine.h"
#include "scheduler/scheduler.h"

enum { WORLD_SYSTEM, WORLD_ROOT, WORLD_WIZARD, WORLD_ANN, WORLD_BOB, WORLD_ROOM };

struct fake_connection {
    objid id; /* 0: free */
    objid listener;
    bool logged_in, closing, closed, hidden, binary, paused;
    struct buf out; /* lines, each ended by LF */
};

struct fake {
    struct db *db;
    struct machine m;
    struct scheduler *s;
    struct builtin *table; /* owned; NULL: the functions are those of the registry alone */
    struct host host;
    struct fake_connection **connections; /* owned, and each of them, in the order in which they came; one that is free may be taken again */
    size_t nconnections;
    struct idmap by_id;
    size_t marked; /* for closing */
    struct buf lost; /* lines to those who are not connected, as "#N: TEXT" */
    objid next_id;
    int64_t now_us, wall_ahead_us; /* the clock on the wall is that much ahead of the other */
};

void fake_open(struct fake *f, const char *dialect); /* a world in memory */
/* In `dir', or in memory when that is NULL; with functions of the test's own besides the others. Their f is the host's ctx. */
void fake_open_with(struct fake *f, const char *dialect, const char *dir, bool create, const struct builtin *more, int n);
void fake_open_dir(struct fake *f, const char *dir, bool create);
void fake_open_dir_evicting(struct fake *f, const char *dir); /* one that exists; objects are dropped from memory whenever the database is asked */
void fake_close(struct fake *f);
/* The scheduler is replaced by a new one, as a restart would; connections stay known to the host. */
void fake_restart(struct fake *f);

objid fake_player(struct fake *f, const char *its_name); /* another, who owns himself */
/* Adds a verb "this none this" rxd, or with other letters and specifiers, owned by the wizard. */
void fake_verb(struct fake *f, objid o, const char *names, const char *program);
void fake_verb_of(struct fake *f, objid o, objid owner, const char *names, const char *program);
void fake_command(struct fake *f, objid o, objid owner, const char *names, const char *program); /* any any any */
void fake_property(struct fake *f, objid o, const char *name, value v, objid owner);

objid fake_accept(struct fake *f, objid listener); /* a new connection, with the first empty line to come: does not run */
objid fake_connect(struct fake *f, objid listener); /* runs */
void fake_login(struct fake *f, objid player); /* connects, logs in, forgets what was printed */
void fake_run(struct fake *f); /* until nothing is ready */
void fake_input(struct fake *f, objid conn, const char *line); /* does not run */
void fake_type(struct fake *f, objid conn, const char *line); /* runs */
void fake_drop(struct fake *f, objid conn); /* the client goes away: does not run what that leaves behind */
void fake_hang_up(struct fake *f, objid conn); /* runs */
void fake_pass(struct fake *f, double seconds);
void fake_advance(struct fake *f, int64_t us); /* the clocks alone: nothing is run */

/* What conn has got since the last look, lines ended by LF, is `text'. */
#define fake_expect(f, conn, text) \
    do { \
        const char *got = fake_output(f, conn); \
        cr_expect_str_eq(got, text, "got:\n%s\nexpected:\n%s", got, text); \
        fake_forget(f, conn); \
    } while (0)
const char *fake_output(struct fake *f, objid conn);
void fake_forget(struct fake *f, objid conn);

#endif
