/* SPDX-License-Identifier: MIT */
/* A new data.mdb from all that is sound in a damaged one. */
#ifndef DB_REPAIR_H
#define DB_REPAIR_H

#include "base/buf.h"

struct db_repair_report {
    struct buf aside; /* the directory where what was there before lies; empty: nothing was to be done */
    uint64_t records; /* that the new file has */
    uint64_t changes; /* each was one call of `note' */
};
/*
 * Takes every record that is sound, wherever in the file it lies, and derives again what can be: lists of children and contents, owned objects, free numbers, what programs are kept for, digests. What
 * cannot be kept is told, line by line. The result is verified, and only then put in the world's place; the old file is set aside. The caller holds db_world_lock() and has the world not open.
 * 0, or -1 with *why and all as it was.
 */
int db_world_repair(const char *dir, void (*note)(void *ctx, const char *text), void *ctx, struct db_repair_report *report, struct buf *why);

#endif
