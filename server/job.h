/* SPDX-License-Identifier: MIT */
/*
 * A command of `evermoo' that the running server has done by another process, so that nobody waits: one at a time for each struct. What it prints (of both kinds, up to a megabyte) is given to
 * who asked when it ends. A job that outlives the server goes on to its own end, unless it is killed.
 */
#ifndef SERVER_JOB_H
#define SERVER_JOB_H

#include <ev.h>
#include <stdbool.h>

#include "base/codec.h"

struct server;

struct job {
    ev_child child; /* inactive: none is under way */
    int out; /* memory file that the child prints to */
    void (*done)(struct server *s, int status, const char *text);
};

void job_init(struct job *j);
bool job_is_under_way(const struct job *j);
/* argv as for main(), with a NULL behind; argv[0] is "evermoo". done: between slices, with the status as of waitpid(), 0 when it did well, and what was printed. -1 with errno: it could
   not be begun. */
int job_begin(struct server *s, struct job *j, char **argv, void (*done)(struct server *s, int status, const char *text));
void job_wait(struct server *s, struct job *j); /* done before this returns */
void job_let_go(struct server *s, struct job *j); /* nobody will be told */
/* Through a reboot, if the memory file stays open. false: there was none, or it is not a child of this process; else job_go_on() is to be called when nothing goes back any more. */
void job_encode(const struct job *j, struct buf *out);
bool job_decode(struct job *j, struct dec *d);
void job_go_on(struct server *s, struct job *j, void (*done)(struct server *s, int status, const char *text));
void job_kill(struct server *s, struct job *j); /* the same, and it is gone when this returns */

#endif
