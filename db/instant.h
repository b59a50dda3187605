/* SPDX-License-Identifier: MIT */
/*
 * A moment in a world's history: the state after one save. Its meta record names it: generation, time, and a digest of every table; so a hash of that record, the instant's
 * mark, tells states apart, also those of two histories that parted when an old state was restored.
 */
#ifndef DB_INSTANT_H
#define DB_INSTANT_H

#include "base/buf.h"
#include "db/store.h"

struct instant {
    uint64_t mark; /* 0: none */
    uint64_t generation;
    int64_t time; /* of the save, microseconds since 1970 */
    uint64_t records; /* in all tables but meta */
    unsigned char uuid[16];
};

/* From the meta record as the store has it, key and data as there. -1 when it is damaged. */
int instant_of_meta(const void *key, size_t klen, const void *data, size_t len, struct instant *out);
/* Inside a transaction of the store. -1: it has no meta record, or a damaged one. */
int instant_read(struct store *s, struct instant *out);
/* Of the world in a directory that this process has not open; read by a child, as the file may be damaged. -1 with *why. */
int instant_peek(const char *dir, struct instant *out, struct buf *why);
/* Whether the tables have the digests and counts that the meta record tells, in an open transaction. Names the first table that has not in *why. */
bool instant_matches_tables(struct store *s, struct buf *why);
/* Takes over the digests that the meta record tells as the store's own, before anything is written. */
int instant_adopt_digests(struct store *s);
/* "2026-11-23 08:15:00 UTC" */
void instant_print_time(struct buf *out, int64_t time_us);

#endif
