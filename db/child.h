/* SPDX-License-Identifier: MIT */
/*
 * Work on a file that may be damaged, in a child: should it crash the library that reads it, nobody else is hurt. To be called while this process has one thread, or
 * no locks held by others: the child only runs `work', which writes its answer to the descriptor and returns.
 */
#ifndef DB_CHILD_H
#define DB_CHILD_H

#include "base/buf.h"

/* 0 when the child ended well; all that it wrote is in *answer. -1 with *why. */
int child_run(void (*work)(void *ctx, int fd), void *ctx, struct buf *answer, struct buf *why);

#endif
