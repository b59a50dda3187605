/* SPDX-License-Identifier: MIT */
/*
 * A few threads for work that would hold the loop up: bytes in, bytes out (lang/threaded.h).
 *
 * Orders are carried out in rounds, one of each owner in a round, so that who orders much does not hold others up. An answer is given in the loop's thread, when
 * the loop comes by. Work that has begun cannot be stopped: of one that was dropped the answer is thrown away.
 *
 * Threads begin when there is something for them to do and the pool is open: one less than the machine has processors, at least one, at most WORKERS_MOST_THREADS.
 * Where none can be started what waits is answered with E_QUOTA.
 */
#ifndef SERVER_WORKERS_H
#define SERVER_WORKERS_H

#include <ev.h>

#include "scheduler/host.h"

enum { WORKERS_MOST_THREADS = 4 };

struct workers;
typedef void workers_answer(void *ctx, int64_t task_id, const struct buf *answer); /* which is borrowed */

/* threads: how many at most; 0: as above. Not open yet: what is ordered waits. */
struct workers *workers_new(struct ev_loop *loop, int threads, workers_answer *answer, void *ctx);
void workers_open(struct workers *w);
/* Nobody is answered any more. Work that has begun is waited for so long; what is then not done ends by itself, without being seen. NULL allowed. */
void workers_free(struct workers *w, double seconds);

/* Takes the request. NULL, or why it is refused: there are too many orders, of this owner or of all, or it is too long. One that was taken before
   (work_order.again) is not refused. */
const char *workers_ask(struct workers *w, struct work_order *order);
void workers_drop(struct workers *w, int64_t task_id); /* if there is any of it. NULL allowed */
/* Waits so long for the orders that want it (work_order.finish), which go first now, and then gives all answers that are there. */
void workers_finish(struct workers *w, double seconds);
/* In a thread of a pool: what it is at work on; NULL elsewhere. For who finds it dead there. */
const struct work_order *workers_at_work(void);
void workers_count(struct workers *w, size_t *waiting, size_t *running);

#endif
