/* SPDX-License-Identifier: MIT */
/*
 * The delta log: what each save changed, in WORLD/deltas. Over a backup it gives any state since, save by save.
 *
 * Each transaction of the store becomes one delta: the mark of the instant before it (db/instant.h), that of the instant after it, and every put and delete. It is synced before the
 * transaction is committed, so after a power cut the log is never behind the store. Nothing that was written is ever changed: a delta whose transaction failed simply
 * has no successor, and the next one begins where that one did. What belongs together follows from the marks alone: from an instant, the *last* delta that begins there leads
 * on. So a torn tail, a failed commit, a crash in between, an older data.mdb put back by hand: none of them can mix two histories.
 *
 * Files are called NNNNNNNN.delta, ascending; a new one is begun when a world is opened, after an error, and by size and age. A file is a head and frames:
 *     head   magic (16 bytes), u32 length, u32 CRC-32C, then so many bytes: version, uuid (16 bytes), generation at its beginning, names of the store's tables (counted), whose
 *            places stand for them below
 *     frame  u32 magic, u32 CRC-32C of what follows, u32 flags, u32 bytes, u32 bytes when unpacked (as one Zstandard frame, if flagged), u32 0, u64 mark before, mark after, generation, i64 time; then the bytes
 * Numbers are little-endian. The first and the last frame of a delta are flagged; mark after, generation and time are in the last one. Unpacked, frames hold operations: varint
 * table * 2 + deleted, counted key, and for puts counted data as the store has it.
 *
 * Saves log only while the directory WORLD/deltas exists; the first backup makes it. To switch the log off for good, remove it.
 */
#ifndef DB_DELTA_H
#define DB_DELTA_H

#include "base/codec.h"
#include "db/instant.h"

enum { DELTA_VERSION = 1, DELTA_FRAME_BYTES = 1 << 20, DELTA_FRAME_MOST = 1 << 22, DELTA_HEAD_MOST = 1 << 16 };
enum { DELTA_FIRST = 1, DELTA_LAST = 2, DELTA_PACKED = 4 };

struct delta_frame {
    uint32_t flags, bytes, raw_bytes;
    uint64_t before, after, generation;
    int64_t time;
};
enum { DELTA_FRAME_HEAD = 56 };

/* ---- writing (delta_write.c): from the store's transactions, on the thread that writes ---- */

struct delta_log;
struct delta_log *delta_log_new(const char *dir, struct store *s); /* of the world in `dir', which is open for writing in s; listens to s until freed */
void delta_log_free(struct delta_log *l); /* before the store is closed */
/*
 * An error of the log does not fail the save: the store is the truth. But what comes after the gap cannot be reached from a backup before it: the generation of the last save
 * that the log lacks, until a new backup is made. 0: none. May be asked on any thread.
 */
uint64_t delta_log_gap(const struct delta_log *l);
void delta_log_tell(struct delta_log *l); /* after a save, for who waited for it: logs what went wrong with its delta. NULL: nothing */
void delta_log_begin_file(struct delta_log *l); /* the next delta goes to a new file; any thread */

/* ---- reading (delta_read.c) ---- */

/* One delta that is whole. */
struct delta {
    uint32_t file; /* in delta_set.files */
    int64_t offset, end; /* of its first frame; behind its last */
    uint64_t before, after, generation;
    int64_t time;
};
struct delta_file {
    char *path;
    uint64_t number;
    uint64_t generation; /* of the store when it was begun */
    unsigned char uuid[16];
    enum store_table *tables; /* T_COUNT: one that is not known here */
    size_t ntables;
    int64_t good; /* bytes that could be read */
    bool torn; /* there is more, but it makes no sense */
};
struct delta_set {
    struct delta_file *files;
    size_t nfiles;
    struct delta *v; /* in the order of the files */
    size_t n;
    uint32_t *by_before; /* all of v, by mark before and place */
};
/* All files in DIR (WORLD/deltas); one that is not there has none. uuid NULL: of any world. -1 with *why when one cannot be read at all. */
int delta_set_read(struct delta_set *out, const char *dir, const unsigned char *uuid, struct buf *why);
void delta_set_fini(struct delta_set *d);
const struct delta *delta_next(const struct delta_set *d, uint64_t mark, uint64_t generation); /* the last one that begins at this instant; NULL */
/* Its operations into the open transaction of the store. 0, -1 with *why, or what store_put() returned. */
int delta_apply(const struct delta_set *d, const struct delta *delta, struct store *writer, struct buf *why);
/* The files that the way on from `generation' does not need any more; never the newest. The number of those removed. */
size_t delta_prune(const char *dir, uint64_t generation);

int64_t delta_bytes(const char *dir); /* of all files */

/* For the fuzzer and the above. One file: appends its deltas. -1: its head is damaged. */
int delta_file_read(int fd, struct delta_file *f, void (*found)(void *ctx, const struct delta *d), void *ctx);
typedef int delta_op(void *ctx, enum store_table t, const void *key, size_t klen, const void *data, size_t len, bool deleted);
int delta_file_ops(int fd, const struct delta_file *f, const struct delta *delta, delta_op *op, void *ctx, struct buf *why);

#endif
