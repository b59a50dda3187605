/* SPDX-License-Identifier: MIT */
/*
 * What a text dump holds about running tasks and connections, in a form that belongs to no server: rows of DB_FOREIGN_TASK, and connections that await
 * user_disconnected.
 *
 * Forked tasks are parsed into fields. At its first start the scheduler makes live tasks of them (foreign_each), and in its next save drops the rows it took
 * (db_saver_drop). An export hands live forked tasks out again in the same struct. Suspended tasks count in another server's bytecode and are kept as text.
 * Keys are in the order of the dump. A row read from a store may be damaged: decoding gives an error, never a crash.
 */
#ifndef DB_FOREIGN_H
#define DB_FOREIGN_H

#include "base/codec.h"
#include "db/world.h"

enum foreign_kind { FOREIGN_FORKED = 0, FOREIGN_SUSPENDED = 1, FOREIGN_INTERRUPTED = 2 };

struct foreign_variable {
    struct str *name;
    value v; /* NONE: unassigned */
};

struct foreign_task {
    enum foreign_kind kind;
    int version; /* language version its program is written in */
    int64_t id;
    int64_t time; /* when to start or wake: seconds since 1970; negative: never by itself */
    /* FORKED only; a suspended task has programmer, player, verb and full_name of its top frame here, for listings, and all else in raw */
    int64_t first_line; /* line of the verb that is the first of the program */
    objid this_, player, programmer, definer;
    int64_t debug; /* as in the dump; not 0: the d bit */
    struct str *verb, *full_name; /* name as called; the verb's names */
    struct foreign_variable *variables; /* in the dump's order, the built-in ones first */
    size_t nvariables;
    struct str *program; /* lines, each ended by LF */
    /* The task as it stands in the dump (in UTF-8). SUSPENDED: always. FORKED: only where the fields would be written differently; NULL else. */
    struct str *raw;
};

void foreign_task_fini(struct foreign_task *t); /* zeroes it too */
void foreign_task_encode(const struct foreign_task *t, struct buf *out);
/* 0, or -1 with *why; then nothing is owned. */
int foreign_task_decode(struct foreign_task *out, const void *payload, size_t len, struct buf *why);

/* Each row in order. `t' is the callback's to look at; it may steal fields by setting them to NULL. Stops when it returns false. */
typedef bool foreign_task_fn(void *ctx, uint64_t key, struct foreign_task *t);
int foreign_each(struct db *db, foreign_task_fn *fn, void *ctx, struct buf *why);

/* Connections that stood open when the dump was made: the server calls user_disconnected for each at its first start, then drops them. */
struct foreign_connection {
    objid player; /* negative: was not logged in */
    objid listener;
};
/* *out is malloc'ed, NULL when there are none. */
int foreign_connections(struct db *db, struct foreign_connection **out, size_t *n, struct buf *why);
void foreign_connections_drop(struct db_saver *s); /* within a save */

/* Keys of DB_EXTRA that dumps use: all have this top byte. The rest of the table is free for others. */
#define FOREIGN_EXTRA_BASE (UINT64_C(0xD0) << 56)

#endif
