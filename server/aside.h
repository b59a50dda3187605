/* SPDX-License-Identifier: MIT */
/*
 * A new world is made in a directory beside its place and renamed into it when it is whole, so that a failure leaves nothing. One at a time: while it is under way SIGINT,
 * SIGTERM and SIGHUP remove the directory before they end the process.
 */
#ifndef SERVER_ASIDE_H
#define SERVER_ASIDE_H

#include "base/buf.h"

struct aside {
    struct buf dir; /* where to build */
    const char *target; /* borrowed */
};

/* 0, or -1 with *why: `target' exists already. Makes nothing yet. */
int aside_begin(struct aside *a, const char *target, struct buf *why);
/* Into place, durably. 0, or -1 with *why; either way the aside is over. */
int aside_commit(struct aside *a, struct buf *why);
void aside_abort(struct aside *a); /* removes what there is */

#endif
