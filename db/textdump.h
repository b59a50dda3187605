/* SPDX-License-Identifier: MIT */
/*
 * Text dumps, formats 1 to 4: reading one into an empty world and writing one. A v4 dump read and written again is the same byte for byte; what the format holds that the
 * server does not use (obsolete flags, handles, trailing sections, odd float text, raw wake times, suspended tasks of other servers, connections awaiting user_disconnected)
 * is kept in the world. Grammar: docs/textdump.md.
 */
#ifndef DB_TEXTDUMP_H
#define DB_TEXTDUMP_H

#include <stdio.h>

#include "db/db.h"

struct import_options {
    int encoding; /* -1: UTF-8 if the whole file is valid UTF-8, else Latin-1; or enum db_encoding */
    const char *dialect; /* NULL: lambda */
    /* parses a program's text; false when it does not parse (first message in *why). From lang/, so that db/ need not know it. */
    bool (*try_parse)(void *ctx, const char *text, size_t len, int version, struct buf *why);
    void *ctx;
    void (*progress)(void *ctx, double part);
    size_t batch_bytes; /* 0: default; a save each time so many bytes have been read, so that memory stays bounded */
};
struct import_summary {
    int version;
    int64_t objects, recycled, verbs, programs, properties, forked, suspended, connections, bytes;
    double seconds;
    struct str **notes; /* what could not be taken over and why, one line each */
    size_t nnotes;
};
/* 0, or -1 with "FILE:LINE: reason" in *why; then nothing of the world is to be kept. */
int textdump_import(struct db *db, const char *path, const struct import_options *options, struct import_summary *summary, struct buf *why);
void import_summary_fini(struct import_summary *s);

struct export_options {
    int format; /* 4 */
    /* full-parenthesised listing of a program as dumps have it; false when it does not parse (then the text goes out as it is). From lang/. */
    bool (*list_program)(void *ctx, struct code *code, struct buf *out);
    /* the task sections ("N queued tasks" ... ), written by scheduler/; NULL: only what was kept from the import. */
    void (*write_tasks)(void *ctx, FILE *out);
    void *ctx;
    void (*progress)(void *ctx, double part);
};
int textdump_export(struct db *db, const char *path, const struct export_options *options, struct buf *why); /* written aside, synced, renamed */

#endif
