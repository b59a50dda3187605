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
    void *parse_ctx;
    void (*progress)(void *ctx, double part);
    void *progress_ctx;
    size_t batch_bytes; /* 0: default; a save each time so many bytes have been read, so that memory stays bounded */
};
struct import_summary {
    int version;
    bool latin1; /* how bytes above 127 were read */
    int64_t objects, recycled, verbs, programs, properties, players, forked, suspended, connections, bytes;
    double seconds;
    struct str **notes; /* what could not be taken over and why, one line each */
    size_t nnotes;
};
/* 0, or -1 with "FILE:LINE: reason" in *why; then nothing of the world is to be kept. */
int textdump_import(struct db *db, const char *path, const struct import_options *options, struct import_summary *summary, struct buf *why);
void import_summary_fini(struct import_summary *s);

struct foreign_task; /* db/foreign.h */
struct foreign_connection;
typedef void foreign_emit(void *to, const struct foreign_task *t);

struct export_options {
    int format; /* 4 */
    int encoding; /* -1: the world's, else enum db_encoding */
    bool evict; /* drop clean objects on the way, for memory's sake */
    /* Full-parenthesised listing of a program as dumps have it; false when it does not parse (then the text goes out as it is). From lang/. NULL: always as it is.
       Imported programs of the same format always go out as they came. */
    bool (*list_program)(void *ctx, struct code *code, struct buf *out);
    bool (*try_parse)(void *ctx, const char *text, size_t len, int version, struct buf *why); /* as in struct import_options, or NULL; ctx: list_ctx */
    void *list_ctx;
    /* Calls emit for every forked task that waits, those that came with a dump included; NULL: only what is kept in the world from the import, unchanged. */
    void (*each_forked)(void *ctx, foreign_emit *emit, void *to);
    void *forked_ctx;
    /* Who is connected, besides those that are kept from the import. */
    const struct foreign_connection *connections;
    size_t nconnections;
    void (*progress)(void *ctx, double part);
    void *progress_ctx;
    bool manifest; /* the file is read back before it gets its name, and PATH.manifest tells what is in it (docs/textdump.md) */
};
enum { DUMP_DIGEST_BYTES = 32 };
struct export_summary {
    int64_t objects, recycled, verbs, programs, properties, players, forked, suspended, connections, bytes;
    unsigned char digest[DUMP_DIGEST_BYTES]; /* SHA-256 of the file */
    int64_t newer; /* programs in a later language than the format's, which readers of the format cannot parse */
    objid newer_first; /* on which the first of them is */
    int64_t replaced; /* characters that the encoding does not have, written as `?' */
};
/* Written aside, synced, renamed; a manifest of what was there before goes. 0, or -1 with one line in *why; then `path' is as it was. summary may be NULL. */
int textdump_export(struct db *db, const char *path, const struct export_options *options, struct export_summary *summary, struct buf *why);

int textdump_digest(const char *path, unsigned char digest[DUMP_DIGEST_BYTES]); /* SHA-256 of any file; 0, or errno */
/* 1 and a line in *word when the dump has a manifest beside it and is not the file that it describes; else 0. */
int textdump_check_manifest(const char *dump, struct buf *word);

#endif
