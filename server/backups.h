/* SPDX-License-Identifier: MIT */
/*
 * Backups of the world that is being served: those that somebody asks for, and the ring by the clock ($server_options.backup_keep). Another process, `evermoo backup', makes each from a save
 * that was made for it; nobody waits. One at a time.
 */
#ifndef SERVER_BACKUPS_H
#define SERVER_BACKUPS_H

#include "base/value.h"
#include "server/job.h"

struct backup_outcome {
    const char *why; /* NULL: it was made */
    const char *path;
    int64_t generation, time_us, records, bytes, microseconds;
};
/* Between slices, when no task runs; the outcome is borrowed during the call. */
typedef void backup_answer(struct server *s, void *ctx, const struct backup_outcome *o);
struct backup_request;

struct backups {
    struct job job;
    struct backup_request *asked; /* in order; the first one is being dealt with when `busy' */
    bool busy;
    int64_t look_us; /* when the ring is to be looked at again; monotonic, as the next */
    int64_t not_before_us; /* after a failure, and for the sake of a disk that has other things to do */
    int64_t newest_time_us; /* of the newest backup in the ring: wall clock; 0: there is none */
    uint64_t newest_generation; /* of any backup that this run has made or found in the ring */
    int64_t skipped_us; /* when it was last said that there is no room */
    uint64_t gap; /* in the log of changes, as far as it has been told */
    char *last_error; /* NULL: the last one was made */
};

/* What decides whether the ring needs a backup: the wall clock and how long the server has run, the last save and the newest gap in the log, the newest backup (time 0: none). */
struct ring_keep;
struct backup_moment {
    int64_t wall_us, up_us;
    uint64_t generation, gap, newest_generation;
    int64_t newest_time_us;
};
bool backups_are_due(const struct ring_keep *k, const struct backup_moment *m);

void backups_init(struct server *s); /* when the world is open */
void backups_fini(struct server *s); /* nobody is answered; one that is being made goes on */
double backups_turn(struct server *s); /* in each turn: seconds until there is something to do */
/* name: of the backup in WORLD/backups; NULL: one of the ring. */
void backups_ask(struct server *s, const char *name, backup_answer *answer, void *ctx);
void backups_forget(struct server *s, const void *ctx); /* whoever asked with it is gone */
void backups_interrupt(struct server *s, const char *why); /* all who ask are told so now: they will not hear how it ends */
value backups_info(const struct backup_outcome *o); /* owned: {{"path", text}, ...} */
void backups_describe(const struct server *s, struct buf *out); /* for `evermoo status' */

#endif
