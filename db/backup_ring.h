/* SPDX-License-Identifier: MIT */
/*
 * The backups in WORLD/backups, and which of them are kept. Those with a name of the ring stand for the hour, the day and the week (ISO, UTC) in which their save was made: of the
 * newest `hourly' hours that have any, the newest backup of each is kept, likewise for days and weeks; and the newest of all, always.
 */
#ifndef DB_BACKUP_RING_H
#define DB_BACKUP_RING_H

#include "db/instant.h"

struct ring_keep {
    int64_t hourly, daily, weekly; /* all 0: nothing is removed */
};

/* YYYYMMDDTHHMMSSZ-gN */
void ring_name(struct buf *out, int64_t time_us, uint64_t generation);
bool ring_parse_name(const char *name, int64_t *time_us, uint64_t *generation);

/* times: descending. Sets keep[i] for those that stay. */
void ring_choose(const int64_t *times, size_t n, const struct ring_keep *counts, bool *keep);


/* Removes what the rule says from WORLD/backups, of those before now and, for themselves, of those after now; the number of those removed. */
size_t ring_prune(const char *dir, const struct ring_keep *counts);
/*
 * And the files of deltas that nobody needs who begins with the oldest of the ring (of the others, if there is none). If what is left is larger than the world, and than 256 MB, the next oldest
 * counts, and so on to the newest.
 */
size_t ring_prune_deltas(const char *dir);

/* Every backup in WORLD/backups that can be read, newest first. */
struct ring_backup {
    char *path;
    struct instant instant;
    bool named;
};
struct ring_backups {
    struct ring_backup *v;
    size_t n;
};
/* The newest of the ring, by the names alone: time and generation of its instant, nothing else. 0: there is none. */
struct ring_backup ring_newest_name(const char *dir);
/* unreadable: called for each that cannot be read, with the reason. NULL allowed. */
void ring_list(const char *dir, struct ring_backups *out, void (*unreadable)(void *ctx, const char *text), void *ctx);
void ring_backups_fini(struct ring_backups *b);

/* backup.c: all records, digests and links of the world in `dir', which no process has open for writing. -1, or DB_CHECK_REFUSED, with *why. */
int backup_verify(const char *dir, void (*progress)(void *ctx, double part), void *ctx, struct buf *why);

#endif
