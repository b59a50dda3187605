/* SPDX-License-Identifier: MIT */
/*
 * Which text dump a world wrote last: a small file in the world's directory with the dump's SHA-256 and whether it was written at the end of a run. `evermoo classic' goes on with a
 * world, which holds more than a dump can (tasks asleep in the middle of a verb, what was saved since), when it is given the very dump that this world wrote.
 */
#ifndef SERVER_DUMPMARK_H
#define SERVER_DUMPMARK_H

#include <stdbool.h>

#include "base/buf.h"

/* Remembers that the world has written the dump at this path, at the end of a run or in it. 0, or -1 with *why. */
int dumpmark_write(const char *world, const char *dump, bool at_end, struct buf *why);
/* Whether the file at this path is, byte for byte, the dump that the world wrote last. */
bool dumpmark_matches(const char *world, const char *dump);
/* Whether the last run with this world ended with a text dump. */
bool dumpmark_ended_well(const char *world);
/* A run goes on with a world that has a mark: from now on it has not ended well. 0, or -1 with *why. */
int dumpmark_run_begins(const char *world, struct buf *why);

#endif
