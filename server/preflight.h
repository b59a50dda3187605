/* SPDX-License-Identifier: MIT */
/*
 * The trial of a new program before anything is given up for it: a child with the descriptor, arguments and environment that exec will use, and `--check'. It says which hand-offs it
 * reads (server/handoff.h), reads the world, takes the hand-off, runs a program, and ends with status 0. It may use twice the memory that we use and 1 GB, the time that the operator allows (of the clock and of each processor), and leaves no core file. What it says
 * is in our log, and the last line of that is the reason when it fails.
 */
#ifndef SERVER_PREFLIGHT_H
#define SERVER_PREFLIGHT_H

#include <ev.h>
#include <stdbool.h>

#include "base/buf.h"
#include "server/handoff.h"

struct server;

struct preflight {
    ev_child child; /* inactive: none is under way */
    ev_timer limit;
    ev_io said;
    struct buf line, last; /* being read; the last whole one */
    int lines; /* logged so far */
    bool too_long; /* it was ended for that */
    struct handoff_versions reads; /* as it says, or version 1 if it does not */
    void (*done)(struct server *s, const char *why);
};

void preflight_init(struct preflight *p);
/* Executes `name'; `keep': descriptors that it shall have, ended by -1. done: between slices; why: NULL if all is well. 0 or errno: it could not be begun. */
int preflight_begin(struct server *s, const char *name, char **argv, const int *keep, void (*done)(struct server *s, const char *why));
void preflight_stop(struct server *s); /* at any time: nobody will be told */

/* The child's part: in the world with all that the hand-off brought, a program is compiled and runs. It calls nothing and changes nothing. 0, or -1 and why. */
int preflight_self_test(struct server *s, struct buf *why);

#endif
