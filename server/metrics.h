/* SPDX-License-Identifier: MIT */
/*
 * /metrics: how the server is, in the text format of Prometheus, over HTTP (`serve --metrics PORT'). Off by default.
 *
 * It listens on loopback only and is none of the world's listeners: nobody logs in there, and no program sees it. Each client gets one answer; one that is slow to ask or to read is
 * dropped, and of more than a few the others wait. A new image opens the port anew, so that a client is refused only while nobody is served.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdbool.h>

#include "base/buf.h"

struct server;
struct metrics;
struct exposition;

/* port 0: one that is free; the log has it. NULL with errno set: it cannot be opened. With `again' it then is tried again each second, and there is never NULL. */
struct metrics *metrics_open(struct server *s, int port, bool again);
void metrics_close(struct metrics *m); /* NULL allowed */
void metrics_describe(const struct metrics *m, struct buf *out); /* for `evermoo status' */

/* ---- what is told (measures.c, measures_sched.c) ---- */
void metrics_write(struct server *s, struct buf *out);
void metrics_write_scheduler(struct server *s, struct exposition *e);

#endif
