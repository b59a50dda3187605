/* SPDX-License-Identifier: MIT */
/*
 * The newest lines of the running server's log, in memory, and those who follow it through the control socket (`evermoo log').
 *
 * Lines come from any thread. A follower gets its lines from the ring at its own pace; nothing is kept for it beyond the piece being sent, so one that is too slow misses lines and is told
 * how many.
 */
#ifndef SERVER_LOGTAIL_H
#define SERVER_LOGTAIL_H

#include <ev.h>

struct logtail;

struct logtail *logtail_new(struct ev_loop *loop); /* listens to the log from now on; one at a time */
void logtail_free(struct logtail *t); /* its followers are gone */

#endif
