/* SPDX-License-Identifier: MIT */
/* A restore under way; for restore*.c. */
#ifndef DB_RESTORE_PARTS_H
#define DB_RESTORE_PARTS_H

#include "db/backup.h"
#include "db/backup_ring.h"
#include "db/delta.h"

struct restore {
    const char *dir;
    const struct db_restore_options *options;
    struct db_restore_report *report;
    struct buf *why;
    struct instant current; /* of the world as it is; no mark: it cannot be read */
    struct ring_backups backups;
    const struct ring_backup *from;
    struct delta_set deltas;
    const struct delta **path; /* to be replayed, in order */
    size_t npath;
    struct buf making; /* the directory in which the result arises */
    struct instant result;
};

/* restore_place.c: the result takes the place of the world; that, and what belongs to its abandoned future, goes to a directory of its own (r->report->aside). */
int restore_in_place(struct restore *r);

#endif
