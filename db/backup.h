/* SPDX-License-Identifier: MIT */
/*
 * Backups of a world, and the way back to one.
 *
 * A backup is a world: a directory with data.mdb, the compact copy of one instant, read back and found sound before it gets its name. Those in WORLD/backups called
 * YYYYMMDDTHHMMSSZ-gN (time and number of the save) make up the ring and are thinned out; those with any other name are never touched.
 * WORLD/deltas (db/delta.h) has what each save since the oldest of them changed, so that any save in between can be restored.
 */
#ifndef DB_BACKUP_H
#define DB_BACKUP_H

#include "base/buf.h"

struct db_backup_report {
    struct buf path; /* of the backup; the caller's to fini */
    uint64_t generation;
    int64_t time; /* of the save that it holds, microseconds since 1970 */
    uint64_t records;
    int64_t bytes, microseconds;
    bool was_there; /* the world has not changed since: nothing was made */
};

/*
 * Copies the world as last saved. It may be in use, but not by this process. `to' NULL: into WORLD/backups under the name of the ring; a name without a slash: into
 * WORLD/backups; a directory that is there: into it under the name of the ring; else the new directory's path. 0, or -1 with *why and nothing left behind.
 */
int db_backup(const char *dir, const char *to, struct db_backup_report *report, void (*progress)(void *ctx, double part), void *ctx, struct buf *why);
/* Has saves log what they change from now on, that is from the end of a save that may be under way. To be called before the save that is to be backed up. */
int db_backup_prepare(const char *dir, struct buf *why);
bool db_backup_name_is_good(const char *name); /* for one in WORLD/backups */

struct db_restore_options {
    int64_t at; /* the newest save not after this time, microseconds since 1970; INT64_MAX: the newest there is */
    uint64_t generation; /* not 0: this save instead */
    const char *to; /* the new world's directory; NULL: in place, what was there being set aside */
    bool locked; /* the caller holds db_world_lock() */
    void (*note)(void *ctx, const char *text); /* what is in the way, line by line, at once: a backup passed over, and why. NULL allowed; it is in the report, too */
    void (*progress)(void *ctx, double part); /* 0 to 1. NULL allowed */
    void *ctx; /* of both */
};
struct db_restore_report {
    struct buf backup; /* the one it started from */
    struct buf aside; /* directory where that lies which was replaced; empty with `to' */
    uint64_t from_generation, generation;
    int64_t from_time, time; /* of the saves that these are */
    uint64_t deltas; /* that were replayed */
    uint64_t lost; /* saves after it that were found, and are in the result no more */
    int64_t lost_until; /* time of the newest of them */
    struct buf text; /* all that in words, a few lines */
};
void db_restore_report_fini(struct db_restore_report *report);
/* Takes the newest backup that is sound and not after the instant, replays the deltas, verifies all, and only then puts it in place. 0, or -1 with *why and all as it was. */
int db_restore(const char *dir, const struct db_restore_options *options, struct db_restore_report *report, struct buf *why);
/*
 * For a world whose data.mdb is damaged, or gone: the same with the newest instant that can be had. The damaged file is set aside, never deleted. The world must not be open in this process;
 * the caller holds db_world_lock() or has nobody else to fear. May take seconds, and runs children.
 */
int db_restore_newest(const char *dir, struct db_restore_report *report, struct buf *why);

#endif
